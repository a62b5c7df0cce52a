"""Which files of tests the workers take, and in which order.

Each worker begins with files of another kind: what drives a browser is never crowded by more of the same while there
is anything else to do. Browsers and servers are mostly waited for, so further workers calculate meanwhile and give way
(`nice`) to what is timed. Of each kind the longest files come first, so that what is left for the end is short: how
long they took is written in `seconds.json`, again by `make test AT_ONCE="-n 2 --dist loadfile --write-seconds"`.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

ROOT = Path(__file__).parents[1]
TABLE = Path(__file__).parent / "seconds.json"
ORDER = {"gw0": ("browser", "server", ""), "gw1": ("server", "browser", "")}
"""Kinds of files in the order in which a worker takes them."""
REST = ("", "server", "browser")
"""The same for all other workers."""
NICE = 5
"""By how much these give way to the ones that begin with browsers and servers."""
A_TEST = 0.1
"""Seconds a test is thought to take in a file that the table does not know."""


@cache
def kind(file: str) -> str:
    """What a file of tests needs: a browser, servers, or nothing but the processor."""
    written = (ROOT / file).read_text(encoding="utf-8")
    return next((name for name in ("browser", "server") if f"mark.{name}" in written), "")


@cache
def measured() -> dict[str, float]:
    """Seconds each file took when they were last written down."""
    table: dict[str, float] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table


def seconds(file: str, tests: int) -> float:
    """How long a file is thought to take, by the number of its tests where that was never measured."""
    return measured().get(file, A_TEST * tests)


class Schedule(LoadFileScheduling):  # type: ignore[misc]
    """Whole files; of each kind the longest first."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        order = ORDER.get(node.gateway.id, REST)
        file = min(
            self.workqueue,
            key=lambda one: (order.index(kind(one)), -seconds(one, len(self.workqueue[one]))),
        )
        self.workqueue.move_to_end(file, last=False)
        super()._assign_work_unit(node)


class Stopwatch:
    """Writes down what each file took, its fixtures too, when a whole run is over."""

    def __init__(self) -> None:
        self._took: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a test's share."""
        self._took[report.nodeid.partition("::")[0]] += report.duration  # type: ignore[assignment]

    def pytest_sessionfinish(self) -> None:
        """Keep files that were not run as they stand."""
        known = {file: took for file, took in measured().items() if (ROOT / file).exists()}
        table = dict(sorted((known | {file: round(took, 1) for file, took in self._took.items()}).items()))
        TABLE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
