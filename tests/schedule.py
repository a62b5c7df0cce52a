"""Which files of tests the workers take, and in which order.

Each worker begins with files of another kind: what drives a browser is never crowded by more of the same while there
is anything else to do. Browsers and servers are mostly waited for, so a third worker calculates meanwhile and gives way
(`nice`) to what is timed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

ROOT = Path(__file__).parents[1]
ORDER = {"gw0": ("browser", "server", ""), "gw1": ("server", "browser", "")}
"""Kinds of files in the order in which a worker takes them."""
REST = ("", "server", "browser")
"""The same for all other workers."""
NICE = 5
"""By how much these give way to the ones that begin with browsers and servers."""


@cache
def kind(file: str) -> str:
    """What a file of tests needs: a browser, servers, or nothing but the processor."""
    written = (ROOT / file).read_text(encoding="utf-8")
    return next((name for name in ("browser", "server") if f"mark.{name}" in written), "")


class Schedule(LoadFileScheduling):  # type: ignore[misc]
    """Whole files; of each kind those with the most tests first, so that what is left for the end is short."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        order = ORDER.get(node.gateway.id, REST)
        file = min(self.workqueue, key=lambda one: (order.index(kind(one)), -len(self.workqueue[one])))
        self.workqueue.move_to_end(file, last=False)
        super()._assign_work_unit(node)
