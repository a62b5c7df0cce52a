"""Exactly once, in whatever order, and never one bad record at another's cost."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import text

from ingest.apply.envelopes import apply_batch
from records.ledger import Ledger
from records.serving import signing
from records.tables.bids import Bid
from records.tables.broadcast import PublicEvent
from records.tables.intake import Held, Journal, Parked, Reject
from records.tables.money import Award, Deposit
from records.tables.organisations import Organisation, Room
from records.tables.projects import Lot
from records.visibility import FIRST_MOMENT

from .conftest import DEADLINE, KEY, LATER, Send, count, envelope, market, rows, statuses


def bid(key: str, lot: str = "l0", bidder: str = "o0", version: int = 1, **data: object) -> dict[str, object]:
    return envelope("bid", key, {"lot": lot, "bidder": bidder, **data}, version)


def test_accepts_everything_once(ledger: Ledger, send: Send) -> None:
    sent = [*market(), bid("b", price="123.45"), envelope("award", "a", {"lot": "l0", "bidder": "o0"})]
    first = send(*sent)
    assert set(statuses(first)) == {"accepted"}
    assert [a.seq for a in first] == list(range(1, len(sent) + 1))
    again = send(*sent)
    assert set(statuses(again)) == {"duplicate"}
    assert {a.seq for a in again} == {None}
    assert count(ledger, Journal) == count(ledger, Held) == len(sent)
    assert rows(ledger, Bid)[0].price == Decimal("123.45")
    assert count(ledger, Award) == 1


def test_python_callers_may_send_decimals_and_times(ledger: Ledger, send: Send) -> None:
    when = datetime.fromisoformat(DEADLINE)
    record = bid("b", price=Decimal("1.50"), received_at=when)
    record["occurred_at"] = when
    assert statuses(send(*market(), record))[-1] == "accepted"
    assert rows(ledger, Bid)[0].received_at == when


def test_versions(ledger: Ledger, send: Send) -> None:
    send(*market(), bid("b", version=3, price="3", manager="甲"))
    older, same, other, newer = send(
        bid("b", version=2, price="2"), bid("b", version=3, price="3", manager="甲"),
        bid("b", version=3, price="4"), bid("b", version=4, price="5"),
    )  # fmt: skip
    assert (older.status, same.status, other.status, newer.status) == (
        "duplicate", "duplicate", "rejected", "accepted",
    )  # fmt: skip
    assert other.path == "version"
    held = rows(ledger, Bid)[0]
    assert held.price == 5
    assert held.manager is None, "a version is the whole record"


def test_a_key_belongs_to_its_source(ledger: Ledger, send: Send) -> None:
    send(*market())
    refused = send(envelope("project", "p", {"name": "别人的"}, version=9), source="other")[0]
    assert (refused.status, refused.path) == ("rejected", "key")
    assert "hz" in (refused.reason or "")


def test_a_row_made_at_the_desk_belongs_to_the_desk(ledger: Ledger, send: Send) -> None:
    send(*market())
    with ledger.write() as session:
        session.add(Lot(id="own", project_id="p", name="x", source="desk"))
    assert "desk" in (send(envelope("lot", "own", {"project": "p", "name": "y"}))[0].reason or "")


def test_sources_share_organisations_and_the_newest_wins(ledger: Ledger, send: Send) -> None:
    send(envelope("organisation", "o", {"name": "旧"}, at=DEADLINE))
    assert (
        send(envelope("organisation", "o", {"name": "新"}, at=LATER), source="other")[0].status == "accepted"
    )
    assert rows(ledger, Organisation)[0].name == "新"
    late = send(envelope("organisation", "o", {"name": "迟到"}, 2, at=DEADLINE))
    assert late[0].status == "accepted"
    assert rows(ledger, Organisation)[0].name == "新"


def test_a_room_keeps_what_was_set_on_this_side(ledger: Ledger, send: Send) -> None:
    send(*market())
    with ledger.write() as session:
        session.get_one(Room, "hz-01").rtsp_url = "rtsp://camera"
    send(envelope("room", "hz-01", {"centre": "hz", "name": "改名"}, 2))
    room = rows(ledger, Room)[0]
    assert (room.name, room.rtsp_url) == ("改名", "rtsp://camera")


def test_references_may_come_later(ledger: Ledger, send: Send) -> None:
    everything = [
        *market(1, 1),
        bid("b"),
        envelope("deposit", "d", {"lot": "l0", "bidder": "o0", "bid": "b", "amount": "5"}),
    ]
    answers = [send(record)[0] for record in reversed(everything)]
    assert set(statuses(answers)) == {"accepted"}
    assert count(ledger, Parked) == 0
    assert count(ledger, Deposit) == count(ledger, Bid) == 1
    told = rows(ledger, Journal, Journal.kind == "applied")
    assert {(row.key, row.lot_id) for row in told} >= {("bid/b", "l0"), ("deposit/d", "l0")}


def test_waiting_records_are_listed_and_resending_them_is_a_duplicate(ledger: Ledger, send: Send) -> None:
    assert send(bid("b", lot="nowhere"))[0].status == "accepted"
    assert [(p.waits_kind, p.waits_key) for p in rows(ledger, Parked)] == [("lot", "nowhere")]
    assert send(bid("b", lot="nowhere"))[0].status == "duplicate"
    assert count(ledger, Bid) == 0


def test_a_newer_version_takes_the_place_of_a_waiting_one(ledger: Ledger, send: Send) -> None:
    send(bid("b", lot="typo", price="1"))
    send(*market(), bid("b", version=2, price="2"))
    assert count(ledger, Parked) == 0
    send(envelope("lot", "typo", {"project": "p", "name": "x"}))
    assert [(b.lot_id, b.price) for b in rows(ledger, Bid)] == [("l0", 2)]


def test_a_waiting_record_refused_in_its_turn_is_kept_and_may_be_sent_again(
    ledger: Ledger, send: Send
) -> None:
    event = envelope(
        "opening_event", "e", {"opening": "op", "type": "bid_read", "payload": {"no": 1, "name": "x"}}
    )
    assert send(event)[0].status == "accepted"
    send(*market(), envelope("opening", "op", {"lot": "l0", "scheduled_at": DEADLINE}))
    refused = rows(ledger, Reject)
    assert [(r.kind, r.key) for r in refused] == [("opening_event", "e")]
    assert '"name":"x"' in refused[0].payload
    assert count(ledger, Parked) == 0
    assert send(event)[0].status == "rejected"


def test_lot_status_moves_only_as_allowed(ledger: Ledger, send: Send) -> None:
    send(*market())
    lot = {"project": "p", "name": "标段0"}
    assert send(envelope("lot", "l0", {**lot, "status": "opened"}, 2))[0].status == "accepted"
    back = send(envelope("lot", "l0", {**lot, "status": "bidding"}, 3))[0]
    assert (back.status, back.path) == ("rejected", "data.status")
    assert "opened" in (back.reason or "") and "bidding" in (back.reason or "")
    assert send(envelope("lot", "l0", lot, 3))[0].status == "accepted"
    assert rows(ledger, Lot, Lot.id == "l0")[0].status == "opened", "without status it stays"
    assert send(envelope("lot", "l1", {**lot, "status": "no"}, 2))[0].path == "data.status"


def test_account_numbers_are_never_kept(ledger: Ledger, send: Send) -> None:
    account = "6222020200112233"
    deposit = {"lot": "l0", "bidder": "o0", "amount": "5", "payer_account": account}
    good, bad = send(
        *market(), envelope("deposit", "d", deposit), envelope("deposit", "e", {**deposit, "amount": "x"})
    )[-2:]
    assert (good.status, bad.status) == ("accepted", "rejected")
    assert rows(ledger, Deposit)[0].payer_account_hash == signing.keyed_hash(KEY, account)
    assert apply_batch(ledger, "hz", [envelope("deposit", "f", deposit)])[0].path == "data.payer_account"
    kept = [str(row.data) for row in rows(ledger, Journal)] + [row.payload for row in rows(ledger, Reject)]
    assert not any(account in text_ for text_ in kept)


def test_rejects_are_kept_whole(ledger: Ledger, send: Send) -> None:
    answers = send(
        bid("b", manager="张三", nonsense=1), envelope("score", "s", {"x": 1, "evaluation": "e", "expert": "x", "bid": "b", "item": "i", "score": 1, "full_marks": 1}), envelope("nonsense", "n", {}),
        '{"kind": "bid"', {"kind": "bid"}, 17,
    )  # fmt: skip
    assert set(statuses(answers)) == {"rejected"}
    assert [a.path for a in answers] == ["data.nonsense", "data.x", "kind", ".", "key", "."]
    kept = rows(ledger, Reject)
    assert len(kept) == 6
    assert "张三" in kept[0].payload and kept[3].payload == '{"kind": "bid"'
    assert count(ledger, Journal) == 0


def test_one_source_cannot_speak_for_another(send: Send) -> None:
    assert send({**market()[0], "source": "other"})[0].path == "source"
    assert send({**market()[0], "source": "hz"})[0].status == "accepted"


def test_what_the_database_refuses_takes_nothing_else_with_it(sqlite_ledger: Ledger) -> None:
    with sqlite_ledger.write() as session:
        session.execute(
            text(
                "CREATE TRIGGER no BEFORE INSERT ON bid WHEN NEW.id = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        )
    sent = [*market(), *(bid(f"b{i}") for i in range(7)), bid("bad"), *(bid(f"c{i}") for i in range(5))]
    answers = apply_batch(sqlite_ledger, "hz", sent)
    assert [a.key for a in answers if a.status != "accepted"] == ["bad"]
    assert count(sqlite_ledger, Bid) == 12
    assert rows(sqlite_ledger, Reject)[0].key == "bad"


def test_the_journal_names_the_lot(ledger: Ledger, send: Send) -> None:
    send(*market(), bid("b"), envelope("opening", "op", {"lot": "l1", "scheduled_at": DEADLINE}))
    lots = {(row.kind, row.key): row.lot_id for row in rows(ledger, Journal)}
    assert lots["bid", "b"] == "l0"
    assert lots["opening", "op"] == "l1"
    assert lots["lot", "l0"] == "l0"
    assert lots["organisation", "o0"] is None


def test_public_rows_say_only_what_is_public(ledger: Ledger, send: Send) -> None:
    award = {"lot": "l0", "bidder": "o1", "price": "980", "publicity_from": DEADLINE, "awarded_at": LATER}
    send(*market(), bid("b", price="980"), envelope("award", "a", award))
    public = rows(ledger, PublicEvent)
    assert {row.topic for row in public} == {"project", "lot", "award"}
    assert all(row.visible_from == FIRST_MOMENT for row in public if row.topic != "award")
    lot = next(row.payload for row in public if row.topic == "lot" and row.subject == "l0")
    assert lot["control_price"] == "1000" and "base_price" not in lot
    assert "公司1" not in str([row.payload for row in public if row.topic != "award"])
    candidate, awarded = (row for row in public if row.topic == "award")
    assert candidate.visible_from == datetime.fromisoformat(DEADLINE)
    assert "awarded_at" not in str(candidate.payload) and candidate.payload["awarded"] == []
    assert awarded.visible_from == datetime.fromisoformat(LATER)
    assert awarded.payload["awarded"][0]["name"] == "公司1"


def test_an_award_without_a_known_deadline_stays_secret(ledger: Ledger, send: Send) -> None:
    send(*market(), envelope("lot", "x", {"project": "p", "name": "无截止"}),
         envelope("award", "a", {"lot": "x", "bidder": "o1", "awarded_at": LATER}))  # fmt: skip
    assert not rows(ledger, PublicEvent, PublicEvent.topic == "award")
