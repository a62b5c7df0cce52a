"""The lot's public row follows an opening step by step; names come with the deadline."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from records import states
from records.clock import now
from records.ledger import Ledger
from records.public import rows as public
from records.tables.broadcast import PublicEvent
from records.tables.projects import Lot
from tests.records.market import AFTER, lot_with_opening
from tests.records.test_states import WHOLE


def test_the_lots_public_row_follows_each_change_of_its_status_once(ledger: Ledger) -> None:
    with ledger.write() as session:
        lot_with_opening(session)
        session.get_one(Lot, "L1").base_price = 990
        for number, (kind, payload) in enumerate(WHOLE):
            states.append_event(
                session, "O1", kind, payload, actor="desk", ts=AFTER + timedelta(minutes=number)
            )
    with ledger.read() as session:
        told = session.scalars(
            select(PublicEvent).where(PublicEvent.topic == "lot").order_by(PublicEvent.seq)
        ).all()
        shown = public.latest(session, "lot", "L1")
    assert [(row.payload["status"], "base_price" in row.payload) for row in told] == [
        ("opening", False), ("opening", True), ("opened", False), ("opened", True),
    ]  # fmt: skip
    assert shown is not None and shown["status"] == "opened" and shown["tenderer"] == "示例城建"


def test_names_reported_before_the_deadline_are_refused_whatever_their_time(ledger: Ledger) -> None:
    deadline = now() + timedelta(hours=1)
    with ledger.write() as session:
        lot_with_opening(session, deadline=deadline)
        for at in (now(), deadline + timedelta(minutes=1)):
            with pytest.raises(states.IllegalTransition):
                states.append_event(session, "O1", *WHOLE[1], actor="hasty", ts=at)
    with ledger.read() as session:
        assert [m["type"] for m in public.opening_events(session, "O1", at=deadline)] == ["scheduled"]
        state = public.latest(session, "opening", "O1")
    assert state is not None and state["state"] == "scheduled"
