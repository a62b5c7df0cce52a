"""kill -9 in the middle of the load: what was acknowledged is there, exactly once. The long form: tests/soak."""

from __future__ import annotations

from pathlib import Path

import pytest

from records.ledger import Ledger

from .killing import Rig, check


@pytest.mark.server
async def test_what_was_acknowledged_survives_kills(ledger: Ledger, tmp_path: Path) -> None:
    rig = Rig(ledger, tmp_path, total=2_000, kills=3)
    platforms = await rig.run()
    assert rig.killed.total() == 3
    check(ledger, platforms, rig.total)
