"""The opening's and the lot's state machines, as one would follow them in the room."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import select

from records import chain, states
from records.clock import now
from records.ledger import Ledger
from records.public import rows as public
from records.public.openings import publish_opening
from records.tables.openings import Opening, OpeningEvent
from records.tables.projects import Lot
from tests.ledgers import new_ledger
from tests.records.market import AFTER, DEADLINE, lot_with_opening

WHOLE = [
    ("sign_in", {"count": 2}),
    (
        "bidders_published",
        {"count": 2, "bidders": [{"no": 1, "name": "甲公司"}, {"no": 2, "name": "乙公司"}]},
    ),
    ("decrypt_progress", {"done": 2, "total": 2}),
    ("control_price", {"amount": "1000000"}),
    ("bid_read", {"no": 1, "name": "甲公司", "price": "990000.50"}),
    ("bid_read", {"no": 2, "name": "乙公司", "price": "980000"}),
    ("objection", {"no": 1, "content": "系数球号是否一致？"}),
    ("objection_answered", {"no": 1, "answer": "一致。"}),
    ("record_confirmed", {"rows": 2}),
    ("ended", {"result": "opened"}),
    ("sealed", {"head": "0" * 64, "segments": 3}),
]


def play(ledger: Ledger, steps: list[tuple[str, dict[str, Any]]]) -> None:
    for number, (kind, payload) in enumerate(steps):
        with ledger.write() as session:
            states.append_event(
                session, "O1", kind, payload, actor="test", ts=AFTER + timedelta(seconds=number)
            )


@pytest.fixture
def opening(ledger: Ledger) -> Ledger:
    with ledger.write() as session:
        lot_with_opening(session)
    return ledger


def test_a_whole_opening_ends_sealed_with_an_unbroken_chain(opening: Ledger) -> None:
    play(opening, WHOLE)
    with opening.read() as session:
        row = session.get_one(Opening, "O1")
        assert (row.state, row.stage, row.result) == ("sealed", "end", "opened")
        assert row.head_seq == len(WHOLE) + 1
        assert session.get_one(Lot, "L1").status == "opened"
        assert states.verify_opening(session, "O1") is None


def test_the_public_feed_alone_is_enough_to_recompute_the_chain(opening: Ledger) -> None:
    play(opening, WHOLE)
    with opening.read() as session:
        messages = list(public.opening_events(session, "O1"))
    assert [m["seq"] for m in messages] == list(range(1, len(WHOLE) + 2))
    pairs = [
        ({"opening": "O1", **{k: m[k] for k in ("seq", "ts", "type", "payload")}}, m["hash"])
        for m in messages
    ]
    assert chain.verify(chain.genesis("opening/O1"), pairs) is None


def test_a_changed_row_breaks_the_chain_at_its_place(opening: Ledger) -> None:
    play(opening, WHOLE[:5])
    with opening.write() as session:
        session.get_one(OpeningEvent, ("O1", 6)).payload = {"no": 1, "name": "甲公司", "price": "1"}
    with opening.read() as session:
        broken = states.verify_opening(session, "O1")
    assert broken is not None and broken.index == 5


@pytest.mark.parametrize(
    ("steps", "kind", "payload"),
    [
        ([], "bid_read", {"no": 1, "name": "甲公司"}),
        (WHOLE[:2], "bid_read", {"no": 1, "name": "甲公司"}),
        (WHOLE[:2], "sign_in", {}),
        (WHOLE[:3], "record_confirmed", {"rows": 0}),
        (WHOLE[:3], "ended", {"result": "opened"}),
        (WHOLE[:9], "bid_read", {"no": 3, "name": "丙公司"}),
        (WHOLE[:3], "resumed", {}),
        (WHOLE[:10], "paused", {}),
        (WHOLE[:2], "sealed", {"head": "x", "segments": 0}),
    ],
)
def test_an_illegal_step_names_the_present_state(
    opening: Ledger, steps: list[tuple[str, dict[str, Any]]], kind: str, payload: dict[str, Any]
) -> None:
    play(opening, steps)
    with opening.read() as session:
        state = session.get_one(Opening, "O1").state
    with pytest.raises(states.IllegalTransition, match=state), opening.write() as session:
        states.append_event(session, "O1", kind, payload, actor="test", ts=AFTER + timedelta(hours=1))


def test_nothing_about_bidders_is_accepted_before_the_deadline(opening: Ledger) -> None:
    with pytest.raises(states.IllegalTransition, match="投标截止"), opening.write() as session:
        states.append_event(session, "O1", *WHOLE[1], actor="test", ts=DEADLINE - timedelta(seconds=1))


def test_sign_ins_are_not_public_until_the_list_is(opening: Ledger) -> None:
    early = DEADLINE - timedelta(minutes=30)
    with opening.write() as session:
        states.append_event(session, "O1", "sign_in", {"count": 1}, actor="test", ts=early)
    with opening.read() as session:
        before = list(public.opening_events(session, "O1", at=DEADLINE - timedelta(seconds=1)))
        after = list(public.opening_events(session, "O1", at=DEADLINE))
    assert [m["type"] for m in before] == [m["type"] for m in after] == ["scheduled"]
    play(opening, WHOLE[1:2])
    with opening.read() as session:
        told = list(public.opening_events(session, "O1"))
    assert [m["type"] for m in told] == ["scheduled", "sign_in", "bidders_published"]


def test_the_public_state_does_not_betray_that_someone_signed_in(opening: Ledger) -> None:
    with opening.read() as session:
        before = public.latest(session, "opening", "O1")
    with opening.write() as session:
        states.append_event(session, "O1", "sign_in", {}, actor="test", ts=DEADLINE - timedelta(minutes=5))
    with opening.read() as session:
        assert public.latest(session, "opening", "O1") == before


def test_not_even_a_republished_opening_betrays_a_sign_in(ledger: Ledger) -> None:
    deadline = now() + timedelta(hours=1)
    with ledger.write() as session:
        opening = lot_with_opening(session, deadline=deadline)
        states.append_event(session, "O1", "sign_in", {}, actor="test")
        publish_opening(session, opening)
    with ledger.read() as session:
        shown = public.latest(session, "opening", "O1")
    assert shown is not None and shown["stage"] == "waiting"


def test_a_qualification_lot_masks_names_and_keeps_the_chain_verifiable(ledger: Ledger) -> None:
    with ledger.write() as session:
        lot_with_opening(session, prequalification=True)
    play(ledger, WHOLE[:5])
    with ledger.read() as session:
        text = str(list(public.opening_events(session, "O1")))
        assert "甲公司" not in text and public.MASK in text
        assert states.verify_opening(session, "O1") is None
        inside = session.get_one(OpeningEvent, ("O1", 3))
        assert inside.detail is not None
        assert inside.payload["detail_sha256"] == chain.digest(inside.detail)


def test_fewer_than_three_bidders_end_as_failed(opening: Ledger) -> None:
    play(opening, [*WHOLE[:2], ("ended", {"result": "failed"})])
    with opening.read() as session:
        assert session.get_one(Lot, "L1").status == "failed"
        assert session.get_one(Opening, "O1").result == "failed"


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("bid_read", {"no": 1, "name": "甲公司", "manager": "张三"}),
        ("bid_read", {"no": 0, "name": "甲公司"}),
        ("bid_read", {"no": 1, "name": "甲公司", "price": "-1"}),
        ("decrypt_progress", {"done": 1}),
        ("ended", {"result": "won"}),
    ],
)
def test_a_payload_with_unknown_or_wrong_fields_is_refused(
    opening: Ledger, kind: str, payload: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError), opening.write() as session:
        states.append_event(session, "O1", kind, payload, actor="test", ts=AFTER)
    with opening.read() as session:
        assert len(session.scalars(select(OpeningEvent)).all()) == 1


PAYLOADS = dict(WHOLE) | {"paused": {}, "resumed": {}}
STAGE_ORDER = list(states.STAGES)


@given(st.lists(st.sampled_from(sorted(PAYLOADS)), max_size=25))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_sequence_of_events_goes_back_or_breaks_the_chain(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str]
) -> None:
    ledger = new_ledger(tmp_path_factory.mktemp("walk") / "l.db")
    with ledger.write() as session:
        lot_with_opening(session)
    stage, ended = 0, False
    for number, kind in enumerate(kinds):
        try:
            with ledger.write() as session:
                states.append_event(
                    session, "O1", kind, PAYLOADS[kind], actor="test", ts=AFTER + timedelta(seconds=number)
                )
        except states.IllegalTransition:
            pass
        with ledger.read() as session:
            row = session.get_one(Opening, "O1")
            assert STAGE_ORDER.index(row.stage) >= stage
            assert not ended or row.state in ("ended", "sealed")
            stage, ended = STAGE_ORDER.index(row.stage), row.state in ("ended", "sealed")
    with ledger.read() as session:
        assert states.verify_opening(session, "O1") is None
    ledger.close()


@given(st.lists(st.sampled_from(sorted(states.LOT_STATES)), min_size=2, max_size=12))
def test_no_legal_walk_of_a_lot_returns_before_the_deadline(walk: list[str]) -> None:
    beyond = {"opening", "opened", "evaluating", "publicity", "awarded", "contracted", "archived"}
    current, passed = "bidding", False
    for target in walk:
        try:
            states.check_lot_transition(current, target)
        except states.IllegalTransition as refusal:
            assert current in str(refusal) and target in str(refusal)
            continue
        passed = passed or target in beyond
        if target in ("retender", "paused"):
            passed = False  # a new round starts over; a pause resumes where it stopped
        assert not (passed and target in ("draft", "bidding", "closed"))
        current = target


def test_every_state_of_a_lot_is_in_the_table() -> None:
    assert set(states.LOT_TRANSITIONS) == set(states.LOT_STATES)
    assert set().union(*states.LOT_TRANSITIONS.values()) <= set(states.LOT_STATES)
