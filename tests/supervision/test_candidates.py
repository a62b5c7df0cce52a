"""A scan over the lens looks at fewer lots and finds the same."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from records.ledger import Ledger
from supervision.home import NOWHERE
from supervision.rules import scan as scanning
from supervision.rules.scan import lens_of_now, scan
from tests.supervision.conftest import Market


def test_the_lens_only_saves_looking(
    ledger: Ledger,
    market: Market,
    past: datetime,
    future: datetime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for n in range(12):
        market.lot(f"plain{n}", past - timedelta(days=40 + n))
        for firm in "ABCDE":
            market.bid(
                f"plain{n}",
                firm,
                1000 + hash((n, firm)) % 997,
                mac=f"{n:02d}AA{firm}00BB",
                dongle_serial=f"D-{n}-{firm}",
            )
    for lot, when in (("L1", past - timedelta(days=300)), ("L2", past - timedelta(days=30)), ("L3", future)):
        market.lot(lot, when)
    market.bid("L1", "A", 100, mac="3C-52-82-AA-BB-7E")
    market.bid("L1", "B", 110, mac="3c:52:82:aa:bb:7e")
    for n, firm in enumerate("ABCD"):
        market.bid("L2", firm, 1000 + 50 * n, file_id="ZX 91-00" if firm in "AD" else None)
        market.deposit("L2", firm, "acct-1" if firm in "BC" else f"acct-{firm}")
    lens = lens_of_now(ledger, tmp_path, NOWHERE)
    looked: list[list[str]] = []
    real = scanning.ready_facts
    monkeypatch.setattr(
        scanning, "ready_facts", lambda s, lots, at: looked.append(list(lots)) or real(s, lots, at)
    )
    every = [finding.as_dict() for finding in scan(ledger)]
    assert {(f["rule"], f["subjects"][0]["id"]) for f in every} >= {
        ("B4", "L1"),
        ("B4", "L2"),
        ("B6", "L2"),
        ("B10", "L2"),
    }
    looked.clear()
    assert [f.as_dict() for f in scan(ledger, lens=lens) if f.rule in ("B4", "B6", "B10")] == every
    assert sorted(lot for part in looked for lot in part) == ["L1", "L2"]
