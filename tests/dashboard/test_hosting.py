"""The host's steps and the hall's lists: only what the state machine allows, nothing that is still secret."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from dashboard.live import opening_record
from records import audit, hosting
from records.ledger import Ledger
from records.opening_record import progress
from records.states import IllegalTransition, append_event, verify_opening
from records.tables.users import AuditEntry
from supervision.lists import hall
from tests.dashboard.live_market import BIDDERS, seed


@pytest.fixture
def market(ledger: Ledger) -> Ledger:
    seed(ledger)
    return ledger


def steps(ledger: Ledger, opening: str) -> dict[str, dict[str, object]]:
    with ledger.read() as session:
        return {step.kind: step.payload for step in hosting.next_steps(session, opening)}


def do(ledger: Ledger, step: str, /, **given: object) -> None:
    payload = {**steps(ledger, "O-L1")[step], **given}
    with ledger.write() as session:
        hosting.perform(session, "O-L1", step, payload, host="operator")


def test_before_the_deadline_nothing_about_bidders_may_be_told(market: Ledger) -> None:
    assert set(steps(market, "O-L2")) == {"sign_in"}
    with market.write() as session, pytest.raises(IllegalTransition):
        hosting.perform(session, "O-L2", "bidders_published", {"count": 0, "bidders": []}, host="operator")


def test_a_whole_opening_by_its_host(market: Ledger) -> None:
    assert set(steps(market, "O-L1")) == {"sign_in", "bidders_published", "ended"}
    do(market, "bidders_published")
    do(market, "decrypt_progress")
    assert steps(market, "O-L1")["control_price"] == {"amount": "2000000", "normal": 3, "over": 0}
    do(market, "coefficient_drawn", kind="浮动系数", value="0.965")
    assert "objection_answered" not in steps(market, "O-L1"), "nothing to answer yet"
    do(market, "objection", content="球号？")
    with market.read() as session:
        assert progress(session, "O-L1").open == {1: "球号？"}
    do(market, "objection_answered", answer="一致")
    for number in (1, 2, 3):
        assert steps(market, "O-L1")["bid_read"]["no"] == number
        do(market, "bid_read")
    assert "bid_read" not in steps(market, "O-L1"), "all are read"
    assert "result" not in steps(market, "O-L1")["ended"], "no normal end before the record is confirmed"
    do(market, "record_confirmed")
    assert steps(market, "O-L1")["ended"] == {"result": "opened"}
    do(market, "ended")
    assert steps(market, "O-L1") == {}
    with market.read() as session:
        assert verify_opening(session, "O-L1") is None
        assert audit.verify(session) is None
        acts = list(session.scalars(select(AuditEntry.action).where(AuditEntry.object_id == "O-L1")))
        assert acts[0] == "opening.bidders_published" and acts[-1] == "opening.ended"
        rows = opening_record.rows(session, "O-L1", "zh")
    assert [(row["no"], row["name"], row["limit"]) for row in rows] == [
        (str(n), BIDDERS[n - 1], "正常") for n in (1, 2, 3)
    ]


def test_pause_keeps_its_reason_and_only_resuming_follows(market: Ledger) -> None:
    do(market, "bidders_published")
    do(market, "paused", reason="身份核对")
    assert set(steps(market, "O-L1")) == {"resumed", "ended"}
    with market.read() as session:
        seat = hall.seats(session, "zh")[0]
    assert (seat["state"], seat["reason"], seat["now"]) == ("paused", "身份核对", False)


def test_wrong_words_and_strange_steps_change_nothing(market: Ledger) -> None:
    do(market, "bidders_published")
    with market.write() as session, pytest.raises(ValidationError):
        hosting.perform(session, "O-L1", "objection", {"no": 1, "content": ""}, host="operator")
    with market.write() as session, pytest.raises(KeyError):
        hosting.perform(session, "O-L1", "sealed", {"head": "0", "segments": 0}, host="operator")
    with market.read() as session, pytest.raises(LookupError):
        hosting.next_steps(session, "O-none")
    with market.read() as session:
        assert verify_opening(session, "O-L1") is None


def test_schedule_filters(market: Ledger) -> None:
    today = hall.today()
    days = hall.Question(today - timedelta(days=1), today + timedelta(days=2))
    with market.write() as session:
        append_event(session, "O-L1", "sign_in", {}, actor="test")
    with market.read() as session:

        def ids(**more: object) -> list[str]:
            question = hall.Question(days.start, days.end, **more)  # type: ignore[arg-type]
            assert hall.count(session, question) == len(hall.schedule(session, question, "zh"))
            return [entry.id for entry in hall.schedule(session, question, "zh")]

        assert ids() == ["O-L1", "O-L2"]
        assert ids(newest_first=True) == ["O-L2", "O-L1"]
        assert ids(text="远山") == ["O-L2"]
        assert ids(text="示例招标人") == ["O-L1", "O-L2"]
        assert ids(text="100%") == []
        assert ids(centre="c2") == ids(key_only=True) == ids(state="ended") == ids(family="land") == []
        assert sum(hall.busy_days(session, days.start, days.end).values()) == 2
        assert hall.centres(session, "en") == {"c1": "Yuhang"}
