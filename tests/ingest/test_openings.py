"""Openings and their events come in through the one state machine."""

from __future__ import annotations

from typing import Any

from records.ledger import Ledger
from records.public import rows as public
from records.states import verify_opening
from records.tables.broadcast import PublicEvent
from records.tables.openings import Opening, OpeningEvent
from records.tables.projects import Lot

from .conftest import DEADLINE, LATER, Send, count, envelope, market, rows, statuses

STEPS: list[tuple[str, dict[str, Any]]] = [
    ("sign_in", {"count": 2}),
    ("bidders_published", {"count": 1, "bidders": [{"no": 1, "name": "公司0"}]}),
    ("decrypt_progress", {"done": 1, "total": 1}),
    ("control_price", {"amount": "1000", "base_price": "990"}),
    ("bid_read", {"no": 1, "name": "公司0", "price": "980"}),
    ("record_confirmed", {"rows": 1}),
    ("ended", {"result": "opened"}),
]


def opening(version: int = 1, **data: Any) -> dict[str, Any]:
    return envelope(
        "opening", "op", {"lot": "l0", "room": "hz-01", "scheduled_at": DEADLINE, **data}, version
    )


def events(*steps: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        envelope(
            "opening_event",
            f"e{i}",
            {"opening": "op", "type": kind, "payload": payload},
            at=LATER[:15] + f"{i}:00+08:00",
        )
        for i, (kind, payload) in enumerate(steps)
    ]


def test_a_whole_opening(ledger: Ledger, send: Send) -> None:
    assert set(statuses(send(*market(), opening(), *events(*STEPS)))) == {"accepted"}
    held = rows(ledger, Opening)[0]
    assert (held.state, held.stage, held.result, held.head_seq) == ("ended", "end", "opened", 8)
    assert rows(ledger, Lot, Lot.id == "l0")[0].status == "opened"
    with ledger.read() as session:
        assert verify_opening(session, "op") is None
        feed = list(public.opening_events(session, "op"))
        assert [m["type"] for m in feed] == ["scheduled", *(kind for kind, _ in STEPS)]
        shown = public.latest(session, "opening", "op")
        assert shown is not None and shown["state"] == "ended" and shown["tenderer"] == "某建设单位"
        lot = public.latest(session, "lot", "l0")
        assert lot is not None and lot["status"] == "opened" and lot["base_price"] == "990"
    told = [
        r.payload for r in rows(ledger, PublicEvent, PublicEvent.topic == "lot", PublicEvent.subject == "l0")
    ]
    assert [p["status"] for p in told if "base_price" not in p] == ["bidding", "opening", "opened"]
    assert set(statuses(send(*events(*STEPS)))) == {"duplicate"}
    assert count(ledger, OpeningEvent) == 8


def test_an_illegal_step_names_both_states_and_harms_nothing(ledger: Ledger, send: Send) -> None:
    early, fine = send(*market(), opening(), events(STEPS[4])[0], envelope(
        "opening_event", "e9", {"opening": "op", "type": "sign_in", "payload": {"count": 3}}))[-2:]  # fmt: skip
    assert (early.status, early.path) == ("rejected", "data.type")
    assert "scheduled/waiting" in (early.reason or "")
    assert fine.status == "accepted"
    assert [e.type for e in rows(ledger, OpeningEvent)] == ["scheduled", "sign_in"]


def test_events_cannot_be_changed(send: Send) -> None:
    first = events(STEPS[0])[0]
    send(*market(), opening(), first)
    changed = {**first, "version": 2}
    assert send(changed)[0].path == "version"
    moved = {**first, "occurred_at": DEADLINE}
    assert send(moved)[0].status == "rejected"


def test_a_wrong_payload_names_its_field(send: Send) -> None:
    answers = send(
        *market(), opening(), *events(("bid_read", {"no": 1, "name": "x", "phone": "1"}), ("nonsense", {}))
    )
    assert [a.path for a in answers[-2:]] == ["data.payload.phone", "data.type"]


def test_events_wait_for_their_opening_and_come_in_order_of_time(ledger: Ledger, send: Send) -> None:
    send(*reversed(events(*STEPS)))
    send(*market())
    send(opening())
    assert [e.type for e in rows(ledger, OpeningEvent)][1:] == [kind for kind, _ in STEPS]


def test_history_without_a_log(ledger: Ledger, send: Send) -> None:
    send(*market(), opening(ended_at=LATER, result="failed"))
    held = rows(ledger, Opening)[0]
    assert (held.state, held.result, held.head_seq) == ("ended", "failed", 0)
    with ledger.read() as session:
        shown = public.latest(session, "opening", "op")
        assert shown is not None and shown["result"] == "failed"
        assert verify_opening(session, "op") is None
    assert send(opening(2, ended_at=LATER, result="terminated"))[0].status == "accepted"
    assert send(opening(3))[0].status == "rejected"


def test_an_announced_opening_may_move_until_it_begins(ledger: Ledger, send: Send) -> None:
    send(*market(), opening())
    assert send(opening(2, scheduled_at=LATER))[0].status == "accepted"
    assert count(ledger, OpeningEvent) == 2
    send(*events(("bidders_published", {"count": 1, "bidders": [{"no": 1, "name": "x"}]})))
    refused = send(opening(3, scheduled_at=DEADLINE))[0]
    assert refused.status == "rejected"
    assert send(opening(3, scheduled_at=LATER, state="ended"))[0].path == "data.state"


def test_an_announced_opening_may_be_cancelled(ledger: Ledger, send: Send) -> None:
    send(*market(), opening())
    assert send(opening(2, state="cancelled"))[0].status == "accepted"
    assert rows(ledger, Opening)[0].state == "cancelled"
    assert rows(ledger, PublicEvent, PublicEvent.topic == "opening")[-1].payload["state"] == "cancelled"


def test_only_the_openings_source_may_send_its_events(send: Send) -> None:
    send(*market(), opening())
    assert send(*events(STEPS[0]), source="other")[0].path == "data.opening"


def test_a_changed_lot_is_shown_in_its_openings(ledger: Ledger, send: Send) -> None:
    send(*market(), opening())
    send(envelope("lot", "l0", {"project": "p", "name": "改了名", "deadline": DEADLINE}, 2))
    with ledger.read() as session:
        shown = public.latest(session, "opening", "op")
    assert shown is not None and shown["title"] == "改了名"


def test_a_platform_that_goes_on_with_too_few_bidders_is_kept_and_told_so(ledger: Ledger, send: Send) -> None:
    answers = send(*market(), opening(), *events(*STEPS[1:3], ("paused", {})))
    assert set(statuses(answers)) == {"accepted"}
    listed, decrypted, paused = answers[-3:]
    for answer in (listed, decrypted):
        assert "少于 3 家" in answer.as_dict("zh")["note"] and "fewer than 3" in answer.as_dict("en")["note"]
    assert not paused.doubts
    assert [e.type for e in rows(ledger, OpeningEvent)] == [
        "scheduled", "bidders_published", "decrypt_progress", "paused",
    ]  # fmt: skip
