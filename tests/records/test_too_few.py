"""Fewer than three bidders: nobody opens their bids, the opening ends as failed and the lot is tendered again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from records import hosting, irregularities, states
from records.clock import now
from records.irregularities import GOES_ON, TooFew
from records.ledger import Ledger
from records.tables.openings import Opening
from records.tables.projects import Lot
from tests.records.market import lot_with_opening

TWO = {"count": 2, "bidders": [{"no": 1, "name": "甲公司"}, {"no": 2, "name": "乙公司"}]}
PAYLOADS: dict[str, dict[str, Any]] = {
    "decrypt_progress": {"done": 2, "total": 2},
    "control_price": {"amount": "1000000"},
    "coefficient_committed": {"no": 1, "seed_sha256": "0" * 64, "kind": "系数", "pool": ["0.95", "0.96"]},
    "coefficient_revealed": {"no": 1, "seed": "0" * 64, "kind": "系数"},
    "coefficient_unrevealed": {"no": 1, "kind": "系数"},
    "coefficient_drawn": {"kind": "系数", "value": "0.96"},
    "bid_read": {"no": 1, "name": "甲公司", "price": "990000"},
    "bid_corrected": {"no": 1, "name": "甲公司", "price": "990000"},
    "record_confirmed": {"rows": 2},
}


@pytest.fixture
def listed(ledger: Ledger) -> Ledger:
    """An opening of this hour whose list has two bidders."""
    with ledger.write() as session:
        lot_with_opening(session, deadline=now() - timedelta(hours=1))
        hosting.perform(session, "O1", "bidders_published", TWO, host="host")
    return ledger


def test_every_step_that_opens_bids_has_its_payload_here() -> None:
    assert set(PAYLOADS) == GOES_ON


@pytest.mark.parametrize("kind", sorted(GOES_ON))
def test_a_step_that_opens_bids_is_refused_with_what_to_do(listed: Ledger, kind: str) -> None:
    with pytest.raises(TooFew, match=r"流标.*重新招标") as refused, listed.write() as session:
        states.append_event(session, "O1", kind, PAYLOADS[kind], actor="host", asked=True)
    assert "2 家" in str(refused.value)
    with listed.read() as session:
        assert session.get_one(Opening, "O1").head_seq == 2, "nothing is appended"


def test_the_host_may_adjourn_hear_objections_and_end_it_as_failed(listed: Ledger) -> None:
    with listed.read() as session:
        steps = {step.kind: step.payload for step in hosting.next_steps(session, "O1")}
    assert set(steps) == {"objection", "paused", "ended"} and "result" not in steps["ended"]
    with listed.write() as session:
        hosting.perform(session, "O1", "ended", {"result": "failed"}, host="host")
        again = hosting.retender(session, "O1", now() + timedelta(days=20), host="host")
        assert (again.id, again.state) == ("O1~2", "scheduled")
        assert session.get_one(Lot, "L1").status == "bidding"


def test_a_third_bidder_is_enough(ledger: Ledger) -> None:
    three = {"count": 3, "bidders": [*TWO["bidders"], {"no": 3, "name": "丙公司"}]}  # type: ignore[misc]
    with ledger.write() as session:
        lot_with_opening(session, deadline=now() - timedelta(hours=1))
        states.append_event(session, "O1", "bidders_published", three, actor="test")
        states.append_event(
            session, "O1", "decrypt_progress", {"done": 3, "total": 3}, actor="host", asked=True
        )


@pytest.mark.parametrize(
    ("method", "family"), [("direct", "works"), ("limited", "procurement"), ("open", "land")]
)
def test_what_is_not_tendered_is_opened_with_fewer(ledger: Ledger, method: str, family: str) -> None:
    with ledger.write() as session:
        lot_with_opening(session, deadline=now() - timedelta(hours=1))
        lot = session.get_one(Lot, "L1")
        lot.method, lot.trade_family = method, family
        states.append_event(session, "O1", "bidders_published", TWO, actor="test")
        states.append_event(
            session, "O1", "decrypt_progress", {"done": 2, "total": 2}, actor="host", asked=True
        )


def test_what_a_platform_reports_is_kept_as_it_was(listed: Ledger) -> None:
    with listed.write() as session:
        lot = session.get_one(Lot, "L1")
        row = states.append_event(session, "O1", "decrypt_progress", {"done": 2, "total": 2}, actor="hz")
        assert session.get_one(Opening, "O1").head_seq == 3
        (found,) = irregularities.of(session, lot, row)
        assert "照收并标明" in found.note.text("zh")
        row = states.append_event(session, "O1", "paused", {}, actor="hz")
        assert irregularities.of(session, lot, row) == [], "nothing wrong with that"
