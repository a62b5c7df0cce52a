"""The past of the small demonstration: warnings judged and handed on, and a watch that does not raise them again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sqlalchemy import select

from records.clock import frozen_at
from records.tables.leads import Lead, LeadBatch
from records.tables.supervision import RuleSetting, Silence, Warning
from sunbid.demo import handled, load, market
from supervision.leads import deadlines
from supervision.rules.baseline import UNKNOWN
from supervision.rules.switchboard import in_force
from supervision.warnings import tally
from supervision.warnings.lot_loop import HotLoop
from tests.dashboard.seeded import NOW
from tests.ledgers import new_ledger


def test_the_past_is_handled_once_and_not_raised_again(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path / "ledger.db")
    with frozen_at(NOW):
        load.ensure_source(ledger)
        load.load(ledger, tmp_path, market.generate("small", 1, NOW))
        handled.leave(ledger, NOW)
        handled.leave(ledger, NOW)
        with ledger.read() as session:
            past = {one.id for one in session.scalars(select(Warning))}
            states = Counter(one.state for one in session.scalars(select(LeadBatch)))
            closed = tally.response(session)
            reminders = {term.reminder for _, term in deadlines.due(session)}
            assert in_force(session).of("B10").version == "3.2"
            assert (
                session.scalars(select(RuleSetting).where(RuleSetting.state == "waiting")).one().rule == "T13"
            )
            assert session.scalars(select(Silence)).one().until > NOW
            used = [one for lead in session.scalars(select(Lead)) for one in lead.warnings]
        loop = HotLoop(ledger, lambda: UNKNOWN)
        loop.resume()
        while loop.tick():
            pass
        with ledger.read() as session:
            fresh = [one for one in session.scalars(select(Warning)) if one.id not in past]
    assert {state: states[state] for state in ("draft", "transferred", "received")} == {
        "draft": 1,
        "transferred": 1,
        "received": 1,
    }
    assert (
        states["closed"] >= 5 and len(set(used)) == len(used) and reminders == {"receipt_soon", "answer_soon"}
    )
    assert closed.closed == closed.raised == len(past) and 0 < closed.confirmed < closed.closed
    assert all(one.raised_at >= NOW - handled.SETTLED for one in fresh)
    ledger.close()
