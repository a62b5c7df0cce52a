"""The broadcast's state machine, and the lot's public row that follows an opening step by step."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from records import states
from records.clock import now
from records.ledger import Ledger
from records.public import rows as public
from records.tables.broadcast import PublicEvent
from records.tables.projects import Lot
from tests.records.market import AFTER, lot_with_opening
from tests.records.test_states import WHOLE

STATES = sorted(states.BROADCAST_STATES)
LIFE = ("scheduled", "standby", "live", "paused", "live", "ended", "sealed", "replayable", "expired")


def test_a_whole_life_is_allowed_and_the_table_is_closed() -> None:
    for before, after in zip((None, *LIFE), LIFE, strict=False):
        states.check_broadcast_transition(before, after)
    assert set(states.BROADCAST_TRANSITIONS) == set(states.BROADCAST_STATES)
    assert set().union(*states.BROADCAST_TRANSITIONS.values()) <= set(states.BROADCAST_STATES)


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_every_other_step_is_refused_naming_both_states(before: str, after: str) -> None:
    if before == after or after in states.BROADCAST_TRANSITIONS[before]:
        states.check_broadcast_transition(before, after)
        return
    with pytest.raises(states.IllegalTransition) as refused:
        states.check_broadcast_transition(before, after)
    assert f"({before})" in str(refused.value) and f"({after})" in str(refused.value)


@given(st.lists(st.sampled_from(STATES), max_size=30))
def test_nothing_returns_from_the_end_and_no_picture_is_sealed_unended(steps: list[str]) -> None:
    present: str | None = None
    past: list[str] = []
    for step in steps:
        try:
            states.check_broadcast_transition(present, step)
        except states.IllegalTransition:
            continue
        present = step
        past.append(step)
    if "ended" in past:
        assert not {"scheduled", "standby", "live", "paused", "cancelled"} & set(
            past[past.index("ended") + 1 :]
        ) - {"ended"}
    if "sealed" in past:
        assert "ended" in past[: past.index("sealed")]
    if "cancelled" in past:
        assert not {"live", "paused", "ended"} & set(past)
    assert past[:1] in ([], ["scheduled"], ["standby"])


def test_an_unknown_state_is_refused_with_the_choices() -> None:
    with pytest.raises(states.IllegalTransition, match="replayable"):
        states.check_broadcast_transition("live", "nonsense")


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
