"""What the law keeps secret leaves the intake by no door: public rows, answers, figures."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ingest.http.metrics import IntakeMetrics
from records.clock import now
from records.ledger import Ledger
from records.public import rows as public
from records.tables.broadcast import PublicEvent
from records.tables.intake import Journal

from .conftest import DEADLINE, LATER, Send, envelope, market, rows
from .test_kinds import OTHERS, everything

TOMORROW = (now() + timedelta(days=1)).isoformat()
AWARDED = datetime.fromisoformat(LATER)


def ahead(prequalification: bool = False) -> list[dict[str, Any]]:
    """A market whose one lot is still open for bids."""
    base = market(1, 5)
    lot = {**base[-1]["data"], "deadline": TOMORROW, "prequalification": prequalification}
    return [*base[:-1], envelope("lot", "l0", lot)]


def bidding(bidders: int) -> list[dict[str, Any]]:
    """What a platform sends of bidders before the deadline."""
    return [
        record
        for i in range(bidders)
        for record in (
            envelope("bid", f"b{i}", {"lot": "l0", "bidder": f"o{i}", "price": str(900 + i)}),
            envelope("deposit", f"d{i}", {"lot": "l0", "bidder": f"o{i}", "amount": "5"}),
            envelope("objection", f"q{i}", {**OTHERS["objection"], "stage": "documents", "answer": None, "answered_at": None}),
        )
    ]  # fmt: skip


def shown(ledger: Ledger) -> list[tuple[Any, ...]]:
    found = rows(ledger, PublicEvent)
    return [(r.seq, r.topic, r.subject, r.position, r.visible_from, str(r.payload)) for r in found]


def test_bids_leave_no_trace_in_what_is_public(ledger: Ledger, send: Send) -> None:
    send(*ahead())
    before = shown(ledger)
    send(*bidding(5))
    assert shown(ledger) == before


def test_one_source_learns_nothing_of_anothers_bids_from_its_answers(ledger: Ledger, send: Send) -> None:
    send(*ahead())
    first = send(envelope("organisation", "x", {"name": "甲"}), source="other")[0]
    send(*bidding(5))
    second = send(envelope("organisation", "y", {"name": "乙"}), source="other")[0]
    assert (first.seq, second.seq) == (1, 2)
    taken = rows(ledger, Journal, Journal.source == "other")
    assert taken[1].seq - taken[0].seq > 2, "the journal's own numbers would have told"


def test_answers_count_each_sources_own_records_without_gaps(send: Send) -> None:
    answers = send(*ahead(), envelope("bid", "bad", {}), *bidding(3))
    counted = [a.seq for a in answers if a.status == "accepted"]
    assert counted == list(range(1, len(counted) + 1))
    assert send(bidding(4)[-1])[0].seq == len(counted) + 1


def test_figures_move_in_steps_too_coarse_to_tell_a_bid() -> None:
    measures = IntakeMetrics()
    from ingest.apply.batch import Answer

    before = measures.render()
    for i in range(5):
        measures.answered("hz", "websocket", [Answer(f"b{i}", "accepted")])
    measures.waiting(7, 20_000)
    assert measures.render() == before
    measures.answered("hz", "http", [Answer(str(i), "accepted") for i in range(5_000)])
    text = measures.render().decode()
    assert 'sunbid_intake_records_total{path="http",status="accepted"} 5000.0' in text
    assert "hz" not in text and "websocket" not in text


def test_the_base_price_is_public_at_the_opening_and_not_before(ledger: Ledger, send: Send) -> None:
    lot = {**ahead()[-1]["data"], "status": "opening"}
    send(*ahead()[:-1], envelope("lot", "l0", lot))
    told = [r for r in rows(ledger, PublicEvent, PublicEvent.topic == "lot") if "base_price" in r.payload]
    assert [(r.payload["base_price"], r.visible_from) for r in told] == [
        ("990", datetime.fromisoformat(TOMORROW))
    ]
    with ledger.read() as session:
        present = public.latest(session, "lot", "l0")
        later = public.latest(session, "lot", "l0", at=now() + timedelta(days=2))
    assert present is not None and "base_price" not in present
    assert later is not None and later["base_price"] == "990"


def test_an_opening_stamped_into_the_future_is_refused_and_shows_nothing(ledger: Ledger, send: Send) -> None:
    after = (now() + timedelta(days=2)).isoformat()
    event = {
        "opening": "op",
        "type": "bidders_published",
        "payload": {"count": 1, "bidders": [{"no": 1, "name": "公司3"}]},
    }
    opening = envelope("opening", "op", {"lot": "l0", "room": "hz-01", "scheduled_at": TOMORROW})
    answers = send(*ahead(), opening, envelope("opening_event", "e", event, at=after))
    assert (answers[-1].status, answers[-1].path) == ("rejected", "occurred_at")
    with ledger.read() as session:
        feed = list(public.opening_events(session, "op"))
        state = public.latest(session, "opening", "op")
    assert [m["type"] for m in feed] == ["scheduled"]
    assert state is not None and state["state"] == "scheduled"


def test_qualification_lots_mask_names_in_every_row(ledger: Ledger, send: Send) -> None:
    base = market(1, 5)
    base[-1]["data"]["prequalification"] = True
    steps = [
        ("bidders_published", {"count": 1, "bidders": [{"no": 1, "name": "公司3"}]}),
        ("decrypt_progress", {"done": 1, "total": 1}),
        ("bid_read", {"no": 1, "name": "公司3", "price": "1"}),
    ]
    events = [
        envelope("opening_event", f"e{i}", {"opening": "op", "type": kind, "payload": payload}, at=LATER)
        for i, (kind, payload) in enumerate(steps)
    ]
    complaint = envelope("objection", "q", {**OTHERS["objection"], "answer": "公司3 的投诉不成立"})
    award = envelope("award", "a", {"lot": "l0", "bidder": "o0", "awarded_at": LATER})
    opening = envelope("opening", "op", {"lot": "l0", "scheduled_at": DEADLINE})
    assert {a.status for a in send(*base, opening, *events, complaint, award)} == {"accepted"}
    assert "公司3" not in str(shown(ledger)) and "******" in str(shown(ledger))


@pytest.mark.parametrize(
    ("topic", "since"),
    [
        ("notice", datetime.fromisoformat(DEADLINE)),
        ("contract", AWARDED),
        ("decision", AWARDED),
        ("opinion", AWARDED),
    ],
)
def test_papers_are_public_from_their_moment(topic: str, since: datetime, ledger: Ledger, send: Send) -> None:
    send(*everything())
    found = rows(ledger, PublicEvent, PublicEvent.topic == topic)
    assert found and {r.visible_from for r in found} == {since}


def test_people_and_evaluations_are_in_no_public_row(ledger: Ledger, send: Send) -> None:
    send(*everything())
    everywhere = str([(r.subject, r.payload) for r in rows(ledger, PublicEvent)])
    secret = (
        "李某",
        "王某",
        "排名有误",
        "请公开更多",
        "expert-1",
        "施工组织",
        "7.5",
        "宁波",
        "600",
        "省信用评价",
        "experts",
    )
    assert [word for word in secret if word in everywhere] == []
    assert "驳回" in everywhere and "已答复" in everywhere


def test_an_objection_is_silent_until_the_award(ledger: Ledger, send: Send) -> None:
    send(*[r for r in everything() if r["kind"] not in ("award", "contract")])
    assert not rows(ledger, PublicEvent, PublicEvent.topic == "decision")
    send(envelope("award", "award-1", OTHERS["award"]))
    decision = rows(ledger, PublicEvent, PublicEvent.topic == "decision")[-1]
    assert decision.payload["decision"] == "驳回" and "raised_by" not in decision.payload


def test_procurement_lots_tell_how_many_experts_after_the_award(ledger: Ledger, send: Send) -> None:
    records = everything()
    for record in records:
        if record["kind"] == "lot":
            record["data"]["trade_family"] = "procurement"
    send(*records)
    told = [r for r in rows(ledger, PublicEvent) if "experts" in r.payload]
    assert told and all(r.payload["experts"] == 5 and r.visible_from == AWARDED for r in told)


def test_a_released_text_can_be_taken_back(ledger: Ledger, send: Send) -> None:
    send(*market(), envelope("opinion", "op", OTHERS["opinion"]))
    send(envelope("opinion", "op", {**OTHERS["opinion"], "public_text": None}, 2))
    send(envelope("opinion", "quiet", {**OTHERS["opinion"], "public_text": None}))
    with ledger.read() as session:
        last = public.latest(session, "opinion", "op")
        quiet = session.scalars(select(PublicEvent).where(PublicEvent.subject == "quiet")).all()
    assert last is not None and last["text"] is None
    assert not quiet
