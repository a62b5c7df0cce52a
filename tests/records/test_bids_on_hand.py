"""Which bids are on hand: the law case by case, and Python and SQL held together over generated lots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from records.bids_on_hand import (
    bid_on_hand,
    bids_on_hand,
    on_hand,
    receipt,
    receipt_order,
)
from records.ledger import Ledger
from records.lots import round_before, rounds_before
from records.tables.bids import Bid
from records.tables.openings import Opening
from records.tables.organisations import Organisation
from records.tables.projects import Lot, Project
from tests.records.market import DEADLINE

MINUTE = timedelta(minutes=1)
FIRMS = ("A", "B", "C")


@dataclass(frozen=True)
class Handed:
    id: str
    bidder_id: str = "A"
    received_at: datetime | None = DEADLINE - MINUTE
    withdrawn_at: datetime | None = None
    status: str = "valid"


BID = Handed("1")


@pytest.mark.parametrize(
    ("bid", "counts"),
    [
        (BID, True),
        (replace(BID, received_at=DEADLINE), True),
        (replace(BID, received_at=DEADLINE + timedelta(milliseconds=1)), False),
        (replace(BID, received_at=None), True),
        (replace(BID, withdrawn_at=DEADLINE - MINUTE, status="withdrawn"), False),
        (replace(BID, withdrawn_at=DEADLINE, status="withdrawn"), False),
        (replace(BID, withdrawn_at=DEADLINE + MINUTE, status="revoked"), True),
        (replace(BID, withdrawn_at=DEADLINE + MINUTE, status="withdrawn"), True),
        (replace(BID, status="withdrawn"), False),
        (replace(BID, status="revoked"), True),
        (replace(BID, status="disqualified"), True),
    ],
)
def test_received_by_the_deadline_and_not_taken_back_before_it(bid: Handed, counts: bool) -> None:
    assert bool(on_hand([bid], DEADLINE)) is counts


def test_without_a_deadline_no_bid_is_late_and_what_was_taken_back_is_gone() -> None:
    late, gone = replace(BID, received_at=DEADLINE + MINUTE), replace(BID, id="2", withdrawn_at=DEADLINE)
    revoked = replace(gone, id="3", status="revoked", bidder_id="B")
    assert on_hand([late, gone, revoked], None) == [revoked, late]


def test_a_bid_sent_again_replaces_the_one_before_and_absent_times_come_last() -> None:
    again = replace(BID, id="2", received_at=DEADLINE)
    timeless = replace(BID, id="0", bidder_id="B", received_at=None)
    tied = replace(again, id="9", bidder_id="C")
    assert on_hand([timeless, tied, BID, again], DEADLINE) == [again, tied, timeless]


def test_bids_of_an_earlier_round_are_none_of_this_one() -> None:
    new = replace(BID, id="2", bidder_id="B", received_at=DEADLINE)
    assert on_hand([BID, new], DEADLINE + MINUTE, since=DEADLINE - MINUTE) == [new]


# ── Python and SQL over generated lots ───────────────────────────────────────

MOMENTS = st.integers(-3, 3).map(lambda n: DEADLINE + n * MINUTE)
BIDS = st.lists(
    st.builds(
        dict,
        id=st.sampled_from(["a", "Ä", "B", "b1", "乙", "甲", "-", "z"]),
        bidder_id=st.sampled_from(FIRMS),
        received_at=st.none() | MOMENTS,
        withdrawn_at=st.none() | MOMENTS,
        status=st.sampled_from(["valid", "disqualified", "withdrawn", "revoked", "pending"]),
    ),
    max_size=8,
    unique_by=lambda bid: bid["id"],
)
OPENINGS = st.lists(
    st.builds(
        dict,
        scheduled_at=MOMENTS,
        state=st.sampled_from(["scheduled", "in_progress", "ended", "sealed", "cancelled"]),
        result=st.sampled_from([None, "opened", "failed", "terminated"]),
    ),
    max_size=3,
)


@pytest.fixture
def lot(ledger: Ledger) -> Iterator[Ledger]:
    with ledger.write() as session:
        session.add_all([Organisation(id=key, name=key, source="test") for key in FIRMS])
        session.add(Project(id="P", name="P", source="test"))
        session.flush()
        session.add(Lot(id="L", project_id="P", name="L", source="test"))
    yield ledger


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deadline=st.none() | MOMENTS, bids=BIDS, openings=OPENINGS)
def test_python_and_sql_say_the_same(
    lot: Ledger, deadline: datetime | None, bids: list[Any], openings: list[Any]
) -> None:
    with lot.write() as session:
        session.execute(delete(Bid))
        session.execute(delete(Opening))
        session.get_one(Lot, "L").deadline = deadline
        held = [Bid(lot_id="L", source="test", **bid) for bid in bids]
        known = [
            Opening(id=f"O{n}", lot_id="L", head_hash="", source="test", **one)
            for n, one in enumerate(openings)
        ]
        session.add_all([*held, *known])
        session.flush()
        before = round_before(known, deadline)
        assert rounds_before(session, ["L"]).get("L") == before
        wanted = [bid.id for bid in on_hand(held, deadline, before)]
        assert [bid.id for bid in bids_on_hand(session, "L")] == wanted
        every = select(Bid.id, bid_on_hand()).join(Lot, Lot.id == Bid.lot_id).order_by(*receipt_order())
        told = session.execute(every).all()
        assert [key for key, _ in told] == [bid.id for bid in sorted(held, key=receipt)]
        assert [key for key, counts in told if counts] == wanted
        session.rollback()
