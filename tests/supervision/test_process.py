"""The watch as a real process: killed, started again, stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from records.ledger import Ledger
from records.tables.supervision import WarningChange
from supervision.lens.reader import Lens
from tests.supervision.test_watch import same_machine, warnings_of

pytestmark = pytest.mark.server

CODE = """
import sys
from pathlib import Path
from supervision.config import WatchConfig
from supervision.watch import serve
serve(WatchConfig(sys.argv[1], Path(sys.argv[2]), lens_seconds=0.5))
"""


@pytest.fixture
def start(ledger: Ledger, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        address = ledger.url.render_as_string(hide_password=False)
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, address, str(tmp_path)], stdout=subprocess.DEVNULL
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "nothing happened in time"
        time.sleep(0.02)


def test_killed_in_mid_work_it_repeats_nothing_and_loses_nothing(
    ledger: Ledger, market: Any, past: datetime, start: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    for n in range(60):
        market.lot(f"L{n:02}", past, status="opened")
        same_machine(market, f"L{n:02}", "A", "B")
    first = start()
    wait_for(lambda: len(warnings_of(ledger)) > 5)
    first.kill()
    first.wait()
    market.lot("later", past, status="opened")
    same_machine(market, "later", "A", "B")
    second = start()
    wait_for(lambda: len(warnings_of(ledger)) == 61)
    lens = Lens(tmp_path)
    wait_for(lambda: lens.one("SELECT count(*) FROM bids")[0] == 122)
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=60) == 0
    with ledger.read() as session:
        assert session.scalar(select(func.count()).select_from(WarningChange)) == 61
