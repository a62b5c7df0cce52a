"""WS /feeds/warnings: replay, live, gapless, for whom; the routes beside it: act, look, un-mask."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from dashboard import context
from dashboard.access import accounts
from dashboard.access.accounts import disable_user
from dashboard.config import DeskConfig
from dashboard.http import gate
from dashboard.live import feeds, json_routes
from dashboard.live import warnings as shapes
from dashboard.signs import address_sign
from messages import Message
from records import audit
from records.administration import By
from records.clock import now
from records.ledger import Ledger
from records.serving import signing
from records.states import append_event
from records.tables.bids import FileCheck
from records.tables.money import Award
from records.tables.openings import Opening
from records.tables.organisations import Organisation
from records.tables.users import AuditEntry, User
from records.tables.witnessing import RoomLook
from supervision.rules.finding import Finding, Subject
from supervision.warnings import desk as warnings
from supervision.warnings.raising import raise_warning
from tests.dashboard.live_market import BIDDERS, raise_one, seed
from tests.ledgers import new_ledger

CONTRACT = {
    "seq",
    "ts",
    "id",
    "rule",
    "level",
    "title",
    "lot",
    "subjects",
    "value",
    "baseline",
    "threshold",
    "state",
}
Client = Callable[[str | None], TestClient]


@pytest.fixture
def desk(ledger: Ledger, tmp_path: Path) -> Iterator[Client]:
    seed(ledger)
    context.configure(DeskConfig(database_url=str(ledger.url), data_dir=tmp_path))
    app = Starlette(routes=feeds.routes)
    clients: list[TestClient] = []

    def client(role: str | None) -> TestClient:
        made = TestClient(app)
        if role is not None:
            with ledger.read() as session:
                made.cookies.set(gate.COOKIE, context.sessions().issue(session.get_one(User, role)))
        made.__enter__()
        clients.append(made)
        return made

    yield client
    for made in clients:
        made.__exit__(None, None, None)
    feeds.end()


def take(socket: WebSocketTestSession, count: int) -> list[dict[str, Any]]:
    return [json.loads(socket.receive_text()) for _ in range(count)]


def refused(client: TestClient, address: str, **headers: str) -> int:
    with client.websocket_connect(address, headers=headers) as socket:
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
        return closed.value.code


def test_replays_from_after_then_goes_on_live(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        for number in range(3):
            raise_one(session, number)
    with desk("supervisor").websocket_connect("/feeds/warnings?after=1") as socket:
        replayed = take(socket, 2)
        assert [message["seq"] for message in replayed] == [2, 3]
        assert all(set(message) == CONTRACT for message in replayed)
        started = time.monotonic()
        with ledger.write() as session:
            raised = raise_one(session, 7, "orange")
        live = take(socket, 1)[0]
        assert time.monotonic() - started < 2
        assert (live["seq"], live["id"], live["level"], live["state"]) == (4, raised.id, "orange", "new")


def test_no_gap_while_others_write(desk: Client, ledger: Ledger) -> None:
    def write(first: int) -> None:
        for number in range(first, first + 15):
            with ledger.write() as session:
                raise_one(session, number)

    client = desk("supervisor")
    writers = [threading.Thread(target=write, args=(first,)) for first in (0, 100)]
    for writer in writers:
        writer.start()
    with client.websocket_connect("/feeds/warnings?after=0") as socket:
        seen = [message["seq"] for message in take(socket, 30)]
    for writer in writers:
        writer.join()
    assert seen == list(range(1, 31))


def test_what_left_the_memory_is_read_from_the_ledger(
    desk: Client, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "RING", 3)
    monkeypatch.setattr(feeds, "PAGE", 4)
    client = desk("supervisor")
    with client.websocket_connect("/feeds/warnings?after=0") as socket:
        for number in range(11):
            with ledger.write() as session:
                raise_one(session, number)
        assert [message["seq"] for message in take(socket, 11)] == list(range(1, 12))
    with client.websocket_connect("/feeds/warnings?after=0") as again:
        assert [message["seq"] for message in take(again, 11)] == list(range(1, 12))


@pytest.mark.parametrize(("role", "code"), [(None, 4401), ("leader", 4403), ("operator", 4403)])
def test_only_supervisors_may_listen(desk: Client, role: str | None, code: int) -> None:
    assert refused(desk(role), "/feeds/warnings?after=0") == code


def test_other_sites_and_bad_numbers_are_refused(desk: Client) -> None:
    client = desk("admin")
    assert refused(client, "/feeds/warnings", origin="http://elsewhere.example") == 4403
    assert refused(client, "/feeds/warnings?after=-1") == 4400


def test_an_account_that_is_closed_stops_hearing(
    desk: Client, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "CHECK_SECONDS", 0.1)
    with desk("supervisor").websocket_connect("/feeds/warnings") as socket:
        with ledger.write() as session:
            disable_user(session, "supervisor")
        context.sessions().forget("supervisor")
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
    assert closed.value.code == 4401


async def test_a_slow_socket_is_closed_so_that_it_resumes(
    desk: Client, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow:
        closed: int | None = None

        async def send_text(self, _text: str) -> None:
            await asyncio.sleep(60)

        async def close(self, code: int) -> None:
            self.closed = code

    monkeypatch.setattr(feeds, "SEND_SECONDS", 0.05)
    with ledger.write() as session:
        raise_one(session, 1)
    slow = Slow()
    await asyncio.wait_for(feeds._send_all(slow, 0), 5)  # type: ignore[arg-type]
    assert slow.closed == feeds.TRY_AGAIN


# ── the stream and acting on it ──────────────────────────────────────────────


@pytest.fixture
def raised(desk: Client, ledger: Ledger) -> str:
    with ledger.write() as session:
        raise_one(session, 2, "yellow")
        return raise_one(session, 1).id


def act(client: TestClient, warning: str, **given: object) -> tuple[int, dict[str, Any]]:
    answer = client.post(f"/api/warnings/{warning}/act", json=given)
    return answer.status_code, answer.json()


def test_stream_counts_and_place_in_the_feed(desk: Client, raised: str) -> None:
    answer = desk("supervisor").get("/api/warnings").json()
    assert (answer["seq"], answer["total"]) == (2, 2)
    first = answer["items"][0]
    assert (first["id"], first["value_text"], first["baseline_text"]) == (raised, "2 家", "通常 0")
    assert (first["lot_name"], first["centre_short"], first["state_name"]) == (
        "听涛路改造工程（二标段）",
        "余杭",
        "待受理",
    )
    english = desk("supervisor").get("/api/warnings?lang=en&level=yellow").json()
    assert [row["title"] for row in english["items"]] == [
        "Suspected one machine: 2 bidders share MAC address"
    ]


def test_filters_narrow_and_unknown_ones_are_refused(desk: Client, raised: str) -> None:
    client = desk("supervisor")
    for query, total in (("centre=c2", 0), ("family=files", 2), ("state=dismissed", 0), ("period=today", 2)):
        assert client.get(f"/api/warnings?{query}").json()["total"] == total, query
    assert [row["id"] for row in client.get(f"/api/warnings?ids={raised},none").json()["items"]] == [raised]
    assert client.get(f"/api/warnings?ids={raised}&level=yellow").json()["items"] == []
    assert client.get("/api/warnings?state=odd").status_code == 400


def test_accepting_moves_the_state_tells_the_feed_and_is_audited(
    desk: Client, ledger: Ledger, raised: str
) -> None:
    client = desk("supervisor")
    with client.websocket_connect("/feeds/warnings?after=2") as socket:
        status, body = act(client, raised, action="accept")
        assert (status, body["state"]) == (200, "accepted")
        assert take(socket, 1)[0]["state"] == "accepted"
    with ledger.read() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()
        assert entry and (entry.actor, entry.action, entry.object_id) == (
            "supervisor",
            "warning.accept",
            raised,
        )
        assert audit.verify(session) is None


def test_acts_that_are_refused(desk: Client, raised: str) -> None:
    client = desk("supervisor")
    assert act(client, raised, action="accept")[0] == 200
    assert act(client, raised, action="accept")[0] == 409
    assert act(client, raised, action="dismiss")[0] == 409
    assert act(client, raised, action="dismiss", disposition="other")[0] == 409
    assert act(client, raised, action="dismiss", disposition="odd")[0] == 400
    assert act(client, raised, action="forget")[0] == 400
    assert act(client, raised, action="assign", note="x" * 1001)[0] == 400
    assert act(client, "W-none", action="accept")[0] == 404
    assert (
        act(client, raised, action="dismiss", disposition="not_confirmed", note="现场核对")[1]["state"]
        == "dismissed"
    )
    *before, last = client.get(f"/api/warnings/{raised}").json()["steps"]
    assert (last["reason"], last["note"]) == ("不属实", "现场核对")
    assert not any(one["reason"] for one in before)


def test_who_may_act(desk: Client, raised: str) -> None:
    address = f"/api/warnings/{raised}/act"
    assert desk(None).post(address, json={"action": "accept"}).status_code == 401
    for role in ("leader", "operator"):
        assert desk(role).post(address, json={"action": "accept"}).status_code == 403
    client = desk("supervisor")
    elsewhere = {"origin": "http://elsewhere.example"}
    assert client.post(address, json={"action": "accept"}, headers=elsewhere).status_code == 403
    assert client.post(address, data={"action": "accept"}).status_code == 415
    assert (
        client.post(address, content=b"[]", headers={"content-type": "application/json"}).status_code == 400
    )
    assert client.get("/api/warnings").json()["items"][0]["state"] == "new"


def test_a_leader_gets_counts_and_nothing_else(desk: Client, raised: str) -> None:
    client = desk("leader")
    answer = client.get("/api/warnings/counts")
    assert answer.json()["open"] == {"red": 1, "orange": 0, "yellow": 1}
    assert answer.json()["received"] is True
    assert {lamp["id"]: lamp["level"] for lamp in answer.json()["lamps"]} == {"c1": "red", "c2": None}
    for secret in (*BIDDERS, raised, "疑似", "L1"):
        assert secret not in answer.text
    for address in ("/api/warnings", f"/api/warnings/{raised}"):
        assert client.get(address).status_code == 403
    assert client.post(f"/api/warnings/{raised}/names", json={}).status_code == 403


def test_a_ledger_without_any_lot_is_not_called_calm(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path / "ledger.db")
    with ledger.read() as session:
        assert shapes.tally(session, "zh")["received"] is False
    ledger.close()


def test_names_are_masked_until_asked_for_and_asking_is_audited(
    desk: Client, ledger: Ledger, raised: str
) -> None:
    client = desk("supervisor")
    masked = client.get(f"/api/warnings/{raised}")
    assert not any(name in masked.text for name in BIDDERS)
    detail = masked.json()
    assert [box["title"] for box in detail["diagram"]["left"]] == ["投标人甲", "投标人乙"]
    assert detail["diagram"]["links"] == [
        {"left": 0, "right": 0, "strong": True},
        {"left": 1, "right": 0, "strong": True},
    ]
    assert [line["strength"] for line in detail["evidence"]] == ["strong", "weak", ""]
    assert detail["cannot_know"] and detail["law"] == "依据"
    assert detail["related_count"] == 1
    address = f"/api/warnings/{raised}/names"
    for reason in (None, "", "  看  ", "好", 7, "长" * 201):
        refused = client.post(address, json={"reason": reason})
        assert refused.status_code == 400 and not any(name in refused.text for name in BIDDERS)
    named = client.post(address, json={"reason": "核对举报件 12 号"}).json()
    assert [box["title"] for box in named["diagram"]["left"]] == list(BIDDERS[:2])
    with ledger.read() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()
        assert entry and (entry.action, entry.object_id) == ("warning.unmask", raised)
        assert entry.detail["reason"] == "核对举报件 12 号"
        assert audit.verify(session) is None


def test_a_warning_about_files_can_be_checked_where_it_stands(desk: Client, ledger: Ledger) -> None:
    """Passages with files and pages, slips, and the pair of S13; a passage that names the other bidder is masked too."""
    one, other = "B1", "B2"
    with ledger.write() as session:
        name = session.get_one(Organisation, other).name
        pair = {
            "one": one, "other": other, "reasons": ["text", "errors"], "text": 0.49, "errors": ["一二三四五六七误九十"], "mixed": [],
            "passages": [{"words": f"{name}项目部", "one": ["技术标.pdf", 3], "other": ["方案.docx", 0]}],
            "origin": [], "contacts": 0, "ratio": None, "at_ratio": 0.0, "items": 0,
        }  # fmt: skip
        session.add(FileCheck(
            lot_id="L1", state="done", digest="d", bidders=2, files=2, size=9, done=9, unread=[], pairs=[pair], started_at=now(), checked_at=now(),
        ))  # fmt: skip
        who = tuple(Subject("bidder", firm) for firm in (one, other))
        evidence = {"files": "compared", "lines": [{"zh": "投标 1 与 2", "en": "bids 1 and 2"}]}
        title = Message("common.comma")
        found = Finding(
            "B9", "1", "files", "red", title, who, lot_id="L1", value=2.0, threshold=2.0, evidence=evidence
        )
        raised = raise_warning(session, found)
        assert raised is not None
        number = raised.id
    client = desk("supervisor")
    answer = client.get(f"/api/warnings/{number}")
    (seen,) = answer.json()["alike"]
    assert seen["title"] == "投标人甲 与 投标人乙 的相同之处" and seen["reasons"] == "正文雷同、错误相同"
    assert seen["passages"] == [
        {"words": "投标人乙项目部", "one": "投标人甲：技术标.pdf 第 3 页", "other": "投标人乙：方案.docx"}
    ]
    assert seen["slips"] == [["一二三四五六七", "误", "九十"]] and name not in answer.text
    assert seen["url"] == f"/rings?files=L1&alike={address_sign(one, other)}"
    named = client.post(f"/api/warnings/{number}/names", json={"reason": "核对举报件 12 号"}).json()
    assert named["alike"][0]["passages"][0]["words"] == f"{name}项目部"


def test_two_people_where_the_setting_says_so(
    desk: Client, ledger: Ledger, raised: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loose = context.config()
    strict = replace(loose, unmask_by_two=True)
    monkeypatch.setattr(context, "config", lambda: strict)
    address = f"/api/warnings/{raised}/names"
    first, second = desk("supervisor"), desk("admin")
    asked = first.post(address, json={"reason": "核对举报件 12 号"})
    assert asked.status_code == 202 and not any(name in asked.text for name in BIDDERS)
    number = asked.json()["request"]
    with ledger.write() as session:
        session.get_one(User, "supervisor").display_name = "监管员王"
    (mine,) = first.get(f"/api/warnings/{raised}").json()["asked"]
    assert (mine["reason"], mine["mine"], mine["who"]) == ("核对举报件 12 号", True, "监管员王")
    assert second.get(f"/api/warnings/{raised}").json()["asked"][0]["mine"] is False
    monkeypatch.setattr(context, "config", lambda: loose)
    assert second.get(f"/api/warnings/{raised}").json()["asked"] == [], "where one is enough, nothing waits"
    monkeypatch.setattr(context, "config", lambda: strict)
    assert first.post(f"{address}/{number}/confirm", json={}).status_code == 409, "not oneself"
    assert desk("leader").post(f"{address}/{number}/confirm", json={}).status_code == 403
    assert first.post(address, json={"reason": "核对举报件 12 号"}).status_code == 202
    assert second.post(f"{address}/{number + 99}/confirm", json={}).status_code == 404
    assert second.post(f"{address}/{number}/confirm", json={}).status_code == 200
    assert second.post(f"{address}/{number}/confirm", json={}).status_code == 409
    named = first.post(address, json={"reason": "核对举报件 12 号"})
    assert named.status_code == 200 and BIDDERS[0] in named.text
    assert second.post(address, json={"reason": "我也想看看"}).status_code == 202, "each for oneself"
    with ledger.read() as session:
        query = select(AuditEntry.action).where(AuditEntry.object_id == raised).order_by(AuditEntry.seq)
        assert list(session.scalars(query)) == [
            "warning.unmask_asked", "warning.unmask_confirmed", "warning.unmask", "warning.unmask_asked",
        ]  # fmt: skip


def test_a_warning_is_given_to_an_account_that_then_finds_it(
    desk: Client, ledger: Ledger, raised: str
) -> None:
    client = desk("supervisor")
    with ledger.write() as session:
        session.get_one(User, "admin").display_name = "管理员李"
    people = client.get("/api/assignees").json()["people"]
    assert {one["name"] for one in people} == {"supervisor", "admin"}
    for nobody in (None, "", "leader", "operator", "no-such-name"):
        assert act(client, raised, action="assign", assignee=nobody)[0] in (400, 409), nobody
    assert act(client, raised, action="accept", assignee="admin")[0] == 409
    status, body = act(client, raised, action="assign", assignee="admin", note="核对设备码")
    assert (status, body["state"], body["assignee"]) == (200, "assigned", "管理员李")
    mine = desk("admin").get("/api/warnings?state=mine").json()
    assert [row["id"] for row in mine["items"]] == [raised] and mine["total"] == 1
    assert client.get("/api/warnings?state=mine").json()["items"] == []
    steps = client.get(f"/api/warnings/{raised}").json()["steps"]
    assert steps[-1]["note"] == "→ 管理员李：核对设备码", "a name, not a login"
    with ledger.write() as session:
        accounts.add_user(session, "keeper", "admin", "another administrator")
        accounts.disable_user(session, "admin", By("supervisor"))
    assert {one["name"] for one in client.get("/api/assignees").json()["people"]} == {"supervisor", "keeper"}
    assert act(client, raised, action="assign", assignee="admin")[0] == 400


# ── rooms ────────────────────────────────────────────────────────────────────


def test_seats_say_nothing_of_bidders(desk: Client) -> None:
    answer = desk("leader").get("/api/hall")
    seat = answer.json()["seats"][0]
    assert (seat["room"], seat["name"], seat["opening"]) == ("yh-01", "余杭分中心 开标一室", "O-L1")
    assert set(seat) == {
        "room",
        "name",
        "opening",
        "title",
        "state",
        "stage",
        "now",
        "scheduled_at",
        "reason",
        "grade",
        "tip",
    }
    assert len(answer.json()["seats"]) == 1, "evaluation rooms are no seats"


def test_the_line_inside_a_public_room_is_for_the_desk_and_a_look_off_air_is_logged(
    desk: Client, ledger: Ledger, tmp_path: Path
) -> None:
    with ledger.read() as session:
        opening = session.get_one(Opening, "O-L1")
        room = str(opening.room_id)
    address = f"/api/rooms/{room}/view-token"
    assert desk("leader").post(address, json={}).status_code == 403

    def look() -> str:
        token = desk("operator").post(address, json={}).json()["token"]
        viewer, entry = signing.read_view_token(signing.load_key(tmp_path), token, room) or ("", "")
        assert viewer == "operator"
        return entry

    entry = look()
    with ledger.read() as session:
        noted = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()
        assert noted and (noted.action, noted.object_id) == ("room.watch", room)
        assert session.get_one(RoomLook, entry).viewer == "operator"
    with ledger.write() as session:
        bidders = [{"no": 1, "name": "甲"}]
        append_event(session, "O-L1", "bidders_published", {"count": 1, "bidders": bidders}, actor="test")
    assert look() == "", "on air the public sees the same"


def test_no_view_token_leads_into_a_room_that_is_not_public(desk: Client) -> None:
    assert desk("supervisor").post("/api/rooms/yh-p1/view-token", json={}).status_code == 404


def test_the_record_as_csv_holds_no_formula_and_is_logged(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        bidders = [{"no": 1, "name": "=HYPERLINK(1)"}]
        append_event(session, "O-L1", "bidders_published", {"count": 1, "bidders": bidders}, actor="test")
        append_event(session, "O-L1", "decrypt_progress", {"done": 1, "total": 1}, actor="test")
        append_event(
            session,
            "O-L1",
            "bid_read",
            {"no": 1, "name": "=HYPERLINK(1)", "price": "2000000.01"},
            actor="test",
        )
    answer = desk("operator").get("/api/openings/O-L1/record.csv")
    row = answer.text.splitlines()[1]
    assert row.startswith('1,\'=HYPERLINK(1),"2,000,000.01",超限价')
    assert desk("leader").get("/api/openings/O-L1/record.csv").status_code == 403
    with ledger.read() as session:
        actions = list(session.scalars(select(AuditEntry.action)))
    assert actions.count("export.record") == 1


def test_longest_body(desk: Client, raised: str) -> None:
    status, _ = act(desk("supervisor"), raised, action="accept", note="x" * json_routes.LONGEST_BODY)
    assert status == 413
    with context.ledger().read() as session:
        assert warnings.get_warning(session, raised).state == "new"


# ── the ticker ───────────────────────────────────────────────────────────────


def test_the_ticker_tells_anew_what_happens_and_how_the_day_stands(desk: Client, ledger: Ledger) -> None:
    with desk("leader").websocket_connect("/feeds/ticker?period=2023&lang=en") as socket:
        [before] = take(socket, 1)
        assert before == {"rows": [], "today": before["today"]} and before["today"]["running"] == 0
        with ledger.write() as session:
            append_event(
                session,
                "O-L1",
                "bidders_published",
                {"count": 1, "bidders": [{"no": 1, "name": BIDDERS[0]}]},
                actor="test",
            )
            session.add(
                Award(id="A1", lot_id="L1", bidder_id="B1", status="awarded", awarded_at=now(), source="test")
            )
        started = time.monotonic()
        [after] = take(socket, 1)
        assert time.monotonic() - started < 2
    assert {(row["event"], row["lot_id"]) for row in after["rows"]} == {("Awarded", "L1"), ("Opened", "L1")}
    assert after["today"]["running"] == 1


def test_the_ticker_of_another_centre_has_nothing_of_this_one(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        session.add(
            Award(id="A1", lot_id="L1", bidder_id="B1", status="awarded", awarded_at=now(), source="test")
        )
    client = desk("leader")
    told = {}
    for centre in ("c1", "c2"):
        with client.websocket_connect(f"/feeds/ticker?centre={centre}") as socket:
            [told[centre]] = take(socket, 1)
    assert len(told["c1"]["rows"]) == 1 and told["c2"] == {
        "rows": [], "today": {"all": 0, "running": 0, "waiting": 0, "over": 0, "rehearsals": 0},
    }  # fmt: skip


def test_nobody_else_hears_the_ticker(desk: Client) -> None:
    assert refused(desk(None), "/feeds/ticker") == 4401
    assert refused(desk("operator"), "/feeds/ticker") == 4401
    assert refused(desk("leader"), "/feeds/ticker", origin="http://elsewhere.test") == 4401
