"""200 kills of the intake and of its database connections during 100,000 records from four platforms."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from records.ledger import Ledger
from tests.ingest.killing import Rig, check, lines_of

TOTAL = int(os.environ.get("SUNBID_KILL_RECORDS", "100000"))
KILLS = int(os.environ.get("SUNBID_KILLS", "200"))

pytestmark = [pytest.mark.soak, pytest.mark.server, pytest.mark.timeout(7_200)]


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger on each database."""
    lite = request.param == "sqlite"
    held = Ledger(f"sqlite:///{tmp_path}/ledger.db" if lite else request.getfixturevalue("postgres_url"))
    held.upgrade()
    yield held
    held.close()


async def test_every_acknowledged_record_is_there_exactly_once(ledger: Ledger, tmp_path: Path) -> None:
    rig = Rig(ledger, tmp_path, total=TOTAL, kills=KILLS)
    platforms = await rig.run()
    print(lines_of(platforms, rig))
    assert rig.killed.total() == KILLS
    check(ledger, platforms, rig.total)
