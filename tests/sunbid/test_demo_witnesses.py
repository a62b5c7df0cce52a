"""The demonstration's witnessing: every role of it has something to try."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from dashboard.access.accounts import add_user
from records.clock import now
from records.ledger import Ledger
from records.tables.openings import Opening
from records.tables.witnessing import WitnessTask
from sunbid.demo import witnesses
from tests.ledgers import new_ledger
from tests.streaming import hub_market as market


def test_the_member_of_the_demonstration_has_an_opening_to_witness_whoever_is_drawn(tmp_path: Path) -> None:
    ledger: Ledger = new_ledger(tmp_path / "ledger.db")
    market.rooms(ledger)
    for number in range(3):
        market.opening(ledger, f"O{number}", at=now() + timedelta(hours=number + 1))
    with ledger.write() as session:
        for name, role in (("supervisor", "supervisor"), ("group-member", "group-member")):
            add_user(session, name, role, "yangguang-demo")
        for opening in session.scalars(select(Opening)):
            opening.source = witnesses.SOURCE
        session.flush()
        witnesses.leave(session, now())
    with ledger.read() as session:
        given = {
            task.opening_id: (task.witness, task.method) for task in session.scalars(select(WitnessTask))
        }
    assert len(given) == 3 and given["O0"][0] == "group-member"
    ledger.close()
