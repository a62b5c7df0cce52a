"""Witnessing over the desk's addresses: the state machine, two who press at once, a draw anyone can compute again,
snapshots, reports, looks at non-public pictures, alarms, and who is refused."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboard import context
from dashboard.access.accounts import add_user
from dashboard.config import DeskConfig
from dashboard.http import gate
from dashboard.live import api, equipment, rooms, witness_api
from messages import Message
from records import audit
from records.administration import By
from records.clock import now
from records.ledger import Ledger
from records.serving import signing
from records.states import append_event, new_opening
from records.tables.broadcast import PublicEvent
from records.tables.evaluation import Evaluation
from records.tables.openings import Opening
from records.tables.projects import Lot
from records.tables.users import AuditEntry, User
from records.tables.witnessing import EquipmentAlarm, RoomLook, RoomView, WitnessAct, WitnessTask
from records.witnessing import alarms, draws, looks, tasks
from tests.dashboard.live_market import BIDDERS, PASSWORD, seed

Client = Callable[[str], TestClient]
OPENING = "opening-O-L1"
EVALUATION = "evaluation-E1"


def people(ledger: Ledger) -> None:
    """Beside the usual accounts two members of the supervision group, a second supervisor, and an evaluation under way."""
    with ledger.write() as session:
        for name, role in (("group-1", tasks.MEMBER), ("group-2", tasks.MEMBER), ("second", "supervisor")):
            add_user(session, name, role, PASSWORD, f"示例{name}")
        session.add(
            Evaluation(
                id="E1",
                lot_id="L1",
                room_id="yh-p1",
                scheduled_at=now(),
                started_at=now(),
                state="in_progress",
                source="test",
            )
        )


@pytest.fixture
def desk(ledger: Ledger, tmp_path: Path) -> Iterator[Client]:
    seed(ledger)
    people(ledger)
    url = ledger.url.render_as_string(hide_password=False)
    context.configure(DeskConfig(database_url=url, data_dir=tmp_path))

    def client(name: str) -> TestClient:
        made = TestClient(
            Starlette(routes=[*api.routes, *witness_api.routes]), headers={"accept-language": "zh"}
        )
        with ledger.read() as session:
            made.cookies.set(gate.COOKIE, context.sessions().issue(session.get_one(User, name)))
        return made

    yield client
    context.ledger().close()


def board(client: TestClient, **asked: str) -> dict[str, Any]:
    answer = client.get("/api/witness", params=asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def task(client: TestClient, number: str = OPENING) -> dict[str, Any]:
    answer = client.get(f"/api/witness/tasks/{number}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def act(client: TestClient, kind: str, number: str = OPENING, seen: int | None = None, **more: Any) -> Any:
    version = task(client, number)["version"] if seen is None else seen
    return client.post(f"/api/witness/tasks/{number}/acts", json={"act": kind, "seen": version, **more})


def tick(client: TestClient, item: str, result: str = "conforms", number: str = OPENING, **more: Any) -> Any:
    return client.post(f"/api/witness/tasks/{number}/items", json={"item": item, "result": result, **more})


def picture(size: tuple[int, int] = (64, 36), kind: str = "JPEG", colour: int = 0) -> bytes:
    found = io.BytesIO()
    Image.new("RGB", size, (colour, 90, 160)).save(found, kind)
    return found.getvalue()


def snap(client: TestClient, body: bytes, kind: str = "image/jpeg", number: str = OPENING) -> Any:
    address = f"/api/witness/tasks/{number}/snapshots?note=读数"
    return client.post(address, content=body, headers={"content-type": kind})


def begin(ledger: Ledger) -> None:
    with ledger.write() as session:
        listed = [{"no": n, "name": name} for n, name in enumerate(BIDDERS, 1)]
        append_event(session, "O-L1", "bidders_published", {"count": 3, "bidders": listed}, actor="host")


# ── tasks ────────────────────────────────────────────────────────────────────


def test_every_opening_and_evaluation_of_the_day_is_a_task_nobody_has_to_make(desk: Client) -> None:
    found = board(desk("supervisor"))
    assert {one["id"]: one["state"] for one in found["tasks"]} == {OPENING: "open", EVALUATION: "open"}
    assert found["counts"]["open"] == 2 and found["alarms"] == [] and found["looks"] == []
    evaluation = next(one for one in found["tasks"] if one["id"] == EVALUATION)
    assert evaluation["room"] == "", "where an evaluation sits is told to its witness alone"
    assert [one["id"] for one in task(desk("supervisor"))["items"]][:2] == ["people", "list"]


def test_a_task_from_joining_to_its_end(desk: Client, ledger: Ledger) -> None:
    supervisor = desk("supervisor")
    assert act(supervisor, "join").json() == {"state": "joined", "version": 1, "already": False}
    assert tick(supervisor, "people").status_code == 200
    early = tick(supervisor, "list")
    assert early.status_code == 409 and "还没有到“公布名单”" in early.json()["detail"]
    begin(ledger)
    assert tick(supervisor, "list").status_code == 200
    assert tick(supervisor, "list").status_code == 200, "the same press once more changes nothing"
    other = tick(supervisor, "list", "absent", note="没有看见")
    assert other.status_code == 409 and "不可改" in other.json()["detail"]
    assert "写明情况" in tick(supervisor, "decryption", "abnormal").json()["detail"]
    assert act(supervisor, "pause").json()["state"] == "paused"
    paused = snap(supervisor, picture())
    assert paused.status_code == 409 and "已暂停" in paused.json()["detail"]
    assert act(supervisor, "resume").json()["state"] == "joined"
    remark = {"remark": "旁听席有人离场，秩序正常"}
    assert supervisor.post(f"/api/witness/tasks/{OPENING}/items", json=remark).json()["item"] == "note-1"
    left = act(supervisor, "end")
    assert left.status_code == 400 and "还有 7 项没有见证" in left.json()["detail"]
    assert act(supervisor, "end", closing="因故转为现场监督").json()["state"] == "ended"
    found = task(supervisor)
    assert (
        found["done"] == 2
        and found["remarks"][0]["note"].startswith("旁听席")
        and found["allowed"] == ["report"]
    )
    assert all(one["holds"] for one in found["acts"])
    with ledger.read() as session:
        assert audit.verify(session) is None
        noted = list(session.scalars(select(AuditEntry.action).where(AuditEntry.object_id == OPENING)))
        assert noted == [f"witness.{one['act']}" for one in found["acts"]]
        held = session.scalars(select(WitnessAct)).first()
        assert held is not None
        held.detail = {**held.detail, "act": "pause"}
        assert not tasks.holds(held), "what was committed to cannot be another afterwards"


def test_two_who_press_at_once_give_one_witness_and_one_clear_message(desk: Client, ledger: Ledger) -> None:
    both = [desk("supervisor"), desk("second")]
    answers: list[Any] = []
    ready = threading.Barrier(2)

    def press(client: TestClient) -> None:
        ready.wait()
        answers.append(act(client, "join", seen=0))

    threads = [threading.Thread(target=press, args=(client,)) for client in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.status_code for one in answers) == [200, 409]
    refused = next(one for one in answers if one.status_code == 409).json()["detail"]
    with ledger.read() as session:
        held = session.get_one(WitnessTask, OPENING)
        assert held.version == 1 and f"{held.witness} 刚刚已“加入”" in refused


def test_a_press_sent_twice_is_one_act(desk: Client, ledger: Ledger) -> None:
    supervisor = desk("supervisor")
    assert [act(supervisor, "join", seen=0).json()["already"] for _ in range(2)] == [False, True]
    with ledger.read() as session:
        assert len(session.scalars(select(WitnessAct)).all()) == 1


def test_a_handed_over_task_is_taken_on_by_the_one_it_was_given_to(desk: Client) -> None:
    supervisor, member, second = desk("supervisor"), desk("group-1"), desk("second")
    assert act(supervisor, "assign", target="group-1").json()["state"] == "assigned"
    assert act(second, "join").status_code == 409, "it is somebody else's"
    assert act(member, "join").json()["state"] == "joined"
    assert act(member, "hand_over", target="group-1").status_code == 409
    assert act(member, "hand_over", target="operator").status_code == 400
    assert act(member, "hand_over", target="second").json()["state"] == "handed_over"
    assert member.get(f"/api/witness/tasks/{OPENING}").status_code == 404, "it is not theirs any more"
    assert act(second, "join").json()["state"] == "joined"
    assert task(second)["witness"] == "示例second"


# ── who sees what ────────────────────────────────────────────────────────────


def test_a_member_of_the_group_sees_their_own_tasks_and_nothing_else(desk: Client) -> None:
    supervisor, member = desk("supervisor"), desk("group-1")
    assert board(member)["tasks"] == [] and not {"alarms", "looks", "draws"} & set(board(member))
    assert member.get(f"/api/witness/tasks/{OPENING}").status_code == 404
    assert act(supervisor, "assign", target="group-1").status_code == 200
    assert [one["id"] for one in board(member)["tasks"]] == [OPENING]
    assert act(supervisor, "assign", EVALUATION, target="group-2").status_code == 400, (
        "evaluations are confidential"
    )
    for address in ("/api/hall", "/api/warnings/counts", "/api/openings/O-L1/desk"):
        assert member.get(address).status_code == 403
    for address, body in (("/api/witness/draws", {"tasks": [OPENING]}), ("/api/rooms/yh-p1/view-token", {})):
        assert member.post(address, json=body).status_code == 403
    assert member.post("/api/witness/looks", json={"room": "yh-p1", "reason": "想看一看"}).status_code == 403


@pytest.mark.parametrize("role", ["operator", "leader"])
def test_who_holds_openings_does_not_witness_them(desk: Client, role: str) -> None:
    client = desk(role)
    for address in ("/api/witness", f"/api/witness/tasks/{OPENING}", "/api/witness/people"):
        assert client.get(address).status_code == 403
    assert (
        client.post(f"/api/witness/tasks/{OPENING}/acts", json={"act": "join", "seen": 0}).status_code == 403
    )
    anonymous = TestClient(Starlette(routes=witness_api.routes))
    assert anonymous.get("/api/witness").status_code == 401


def test_whoever_took_a_step_of_an_opening_does_not_witness_it(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        append_event(session, "O-L1", "sign_in", {"count": 3}, actor="supervisor")
    refused = act(desk("supervisor"), "join")
    assert refused.status_code == 409 and "主持这场开标" in refused.json()["detail"]
    given = act(desk("admin"), "assign", target="supervisor")
    assert given.status_code == 409 and "主持这场开标" in given.json()["detail"]


def test_nothing_of_it_reaches_the_public_rows(desk: Client, ledger: Ledger) -> None:
    def rows() -> list[tuple[int, str]]:
        with ledger.read() as session:
            return [
                (r.seq, json.dumps(r.payload))
                for r in session.scalars(select(PublicEvent).order_by(PublicEvent.seq))
            ]

    before = rows()
    supervisor = desk("supervisor")
    act(supervisor, "join")
    tick(supervisor, "people")
    snap(supervisor, picture())
    act(supervisor, "end", closing="演练")
    assert rows() == before


# ── the right opening ────────────────────────────────────────────────────────


def test_a_room_at_another_opening_shows_and_proves_nothing_of_this_one(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        later = Opening(
            id="O-L3", lot_id="L2", room_id="yh-01", scheduled_at=now() + timedelta(minutes=5), source="test"
        )
        new_opening(session, later)
    begin(ledger)
    supervisor, number = desk("supervisor"), "opening-O-L3"
    act(supervisor, "join", number)
    found = task(supervisor, number)
    assert (found["at_hand"], found["room_id"], found["items"][0]["come"]) == (False, None, False)
    assert "snapshot" not in found["allowed"]
    refused = snap(supervisor, picture(), number=number)
    assert refused.status_code == 409 and "现在不在开这场标" in refused.json()["detail"]
    assert tick(supervisor, "people", number=number).status_code == 409
    assert task(supervisor)["at_hand"] and task(supervisor)["room_id"] == "yh-01"


def test_nobody_begins_to_witness_what_is_over_though_the_lot_is_tendered_again(
    desk: Client, ledger: Ledger
) -> None:
    supervisor = desk("supervisor")
    prepared = supervisor.post("/api/witness/draws", json={"tasks": [OPENING]}).json()
    with ledger.write() as session:
        append_event(session, "O-L1", "ended", {"result": "terminated", "reason": "停电"}, actor="host")
        session.get_one(Lot, "L1").deadline = now() + timedelta(days=20)
    assert [one["id"] for one in board(supervisor)["tasks"]] == [EVALUATION]
    found = task(supervisor)
    assert (found["over"], found["room_id"], found["allowed"]) == (True, None, [])
    for answer in (
        act(supervisor, "join"),
        act(desk("admin"), "assign", target="second"),
        supervisor.post("/api/witness/draws", json={"tasks": [OPENING]}),
    ):
        assert answer.status_code == 409 and "已结束" in answer.json()["detail"]
    told = supervisor.post(f"/api/witness/draws/{prepared['id']}", json={"seed": "ab" * 32}).json()
    assert "kept" in told["result"][0] and task(supervisor)["state"] == "open"


def test_the_figure_of_tasks_under_way_counts_what_the_list_shows_there(desk: Client) -> None:
    supervisor = desk("supervisor")
    act(supervisor, "assign", target="second")
    found = board(supervisor)
    assert [one["group"] for one in found["tasks"] if one["id"] == OPENING] == ["running"]
    assert (found["counts"]["running"], found["counts"]["mine"]) == (1, 0)
    assert board(desk("second"))["counts"]["mine"] == 1


# ── the draw ─────────────────────────────────────────────────────────────────


def computed_by_hand(told: dict[str, Any]) -> list[str]:
    """The draw as its definition says, from what the page shows; none of our own code."""
    fixed = json.loads(told["statement"])
    assert (
        hashlib.sha256(bytes.fromhex(told["seed"])).hexdigest() == fixed["commitment"] == told["commitment"]
    )
    drawn: list[str] = []
    for number in fixed["tasks"]:
        roles = {"supervisor", "group-member"} if number.startswith("opening-") else {"supervisor"}
        able = [one["name"] for one in fixed["roster"] if one["role"] in roles]
        left = [name for name in able if name not in drawn] or able
        place = hashlib.sha256(f"{told['statement']}\n{number}".encode()).hexdigest()
        joined = bytes.fromhex(told["seed"] + told["given"] + place)
        drawn.append(left[int.from_bytes(hashlib.sha256(joined).digest(), "big") % len(left)])
    return drawn


def test_a_draw_can_be_computed_again_and_assigns_its_tasks(desk: Client, ledger: Ledger) -> None:
    supervisor = desk("supervisor")
    asked = {"tasks": [OPENING, EVALUATION], "left_out": [{"name": "group-2", "reason": "与投标人有往来"}]}
    prepared = supervisor.post("/api/witness/draws", json=asked).json()
    assert "seed" not in prepared and '"group-2","role"' not in prepared["statement"]
    with ledger.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "witness.draw_committed")).one()
        assert entry.detail["statement_sha256"] == hashlib.sha256(prepared["statement"].encode()).hexdigest()
    address = f"/api/witness/draws/{prepared['id']}"
    assert supervisor.post(address, json={"seed": "xyz"}).status_code == 400
    assert desk("second").post(address, json={"seed": "ab" * 32}).status_code == 409
    told = supervisor.post(address, json={"seed": "ab" * 32}).json()
    names = [one["name"] for one in told["result"]]
    assert names == computed_by_hand(told) and "group-2" not in names
    assert {one["id"]: one["state"] for one in board(supervisor)["tasks"]} == {
        OPENING: "assigned",
        EVALUATION: "assigned",
    }
    assert supervisor.post(address, json={"seed": "cd" * 32}).status_code == 409, (
        "nobody draws until they like it"
    )
    assert supervisor.post(address, json={"seed": "ab" * 32}).json()["result"] == told["result"]
    assert task(supervisor)["method"] == "random" and task(supervisor)["draw"]["id"] == prepared["id"]


def test_a_task_that_was_joined_meanwhile_keeps_its_witness(desk: Client) -> None:
    supervisor = desk("supervisor")
    prepared = supervisor.post("/api/witness/draws", json={"tasks": [OPENING]}).json()
    act(desk("second"), "join")
    told = supervisor.post(f"/api/witness/draws/{prepared['id']}", json={"seed": "ab" * 32}).json()
    assert told["result"][0]["kept"] == "second" and task(supervisor)["witness"] == "示例second"
    again = supervisor.post("/api/witness/draws", json={"tasks": [OPENING]})
    assert again.status_code == 409 and "second" in again.json()["detail"]


def test_a_draw_from_one_person_is_none(desk: Client) -> None:
    away = [{"name": "second", "reason": "休假不在岗"}]
    asked = {"tasks": [EVALUATION], "left_out": away}
    answer = desk("supervisor").post("/api/witness/draws", json=asked)
    assert answer.status_code == 400 and "不成抽签" in answer.json()["detail"]


def test_every_candidate_can_be_drawn(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        row = draws.prepare(session, [OPENING], [], By("supervisor"))
        found = {draws.computed(row, f"{n:064x}")[0]["name"] for n in range(200)}
        assert found == {one["name"] for one in row.roster} == {"supervisor", "second", "group-1", "group-2"}


# ── snapshots and reports ────────────────────────────────────────────────────


def test_a_snapshot_is_kept_by_its_digest(desk: Client) -> None:
    supervisor, body = desk("supervisor"), picture()
    assert snap(supervisor, body).status_code == 409, "nobody snaps before they have joined"
    act(supervisor, "join")
    kept = snap(supervisor, body).json()
    assert kept["id"] == hashlib.sha256(body).hexdigest() == snap(supervisor, body).json()["id"]
    shown = supervisor.get(f"/api/witness/tasks/{OPENING}/snapshots/{kept['id']}")
    assert shown.content == body and shown.headers["content-type"] == "image/jpeg"
    assert "immutable" in shown.headers["cache-control"]
    assert desk("group-1").get(f"/api/witness/tasks/{OPENING}/snapshots/{kept['id']}").status_code == 404
    assert tick(supervisor, "people", snapshot=kept["id"]).status_code == 200
    assert tick(supervisor, "people", snapshot="00").status_code == 404
    assert task(supervisor)["items"][0]["snapshot"] == kept["id"]


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (b"<svg onload='alert(1)'/>", "image/jpeg", 400, "JPEG、PNG、WEBP"),
        (b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "image/png", 400, "JPEG、PNG、WEBP"),
        (picture()[:200], "image/jpeg", 400, "JPEG、PNG、WEBP"),
        (picture((5000, 10)), "image/jpeg", 400, "4096 像素"),
        (b"\xff" * ((1 << 20) + 1), "image/jpeg", 413, ""),
        (picture(), "image/svg+xml", 415, "image/jpeg"),
    ],
)
def test_what_is_no_snapshot_is_refused_in_words(
    desk: Client, body: bytes, kind: str, status: int, words: str
) -> None:
    supervisor = desk("supervisor")
    act(supervisor, "join")
    answer = snap(supervisor, body, kind)
    assert answer.status_code == status and words in answer.json()["detail"]


def test_a_report_is_a_draft_until_it_is_submitted_and_then_only_supplemented(desk: Client) -> None:
    supervisor = desk("supervisor")
    act(supervisor, "join")
    shot = snap(supervisor, picture()).json()["id"]
    address = f"/api/witness/tasks/{OPENING}/reports"
    draft = supervisor.post(address, json={"kind": "reading", "facts": "第 138 号读数与大屏不一致"}).json()
    assert draft["state"] == "draft" and task(desk("second"))["reports"] == [], "a draft is its author's"
    lacking = supervisor.post(address, json={"id": draft["id"], "kind": "reading", "submit": True})
    assert lacking.status_code == 400 and "名称" in lacking.json()["detail"]
    whole = {
        "id": draft["id"], "name": "读数不一致", "kind": "reading", "facts": "第 138 号读作另一数，当场更正。",
        "handling": "corrected", "snapshots": [shot, "nothing"], "submit": True,
    }  # fmt: skip
    assert supervisor.post(address, json=whole).json()["state"] == "submitted"
    told = task(desk("second"))["reports"][0]
    assert told["snapshots"] == [shot] and told["submitted_at"]
    assert supervisor.post(address, json=whole).status_code == 409
    more = whole | {"id": None, "supplements": draft["id"], "facts": "主持人已书面说明。"}
    assert supervisor.post(address, json=more).json()["state"] == "submitted"
    assert board(supervisor)["counts"]["reports"] == 1, "a supplement is no report of its own"
    assert desk("second").post(address, json=whole | {"id": None}).status_code == 409


# ── looks at non-public pictures ─────────────────────────────────────────────


def test_every_look_says_who_why_and_from_when_to_when(desk: Client, ledger: Ledger, tmp_path: Path) -> None:
    supervisor = desk("supervisor")
    refused = supervisor.post("/api/witness/looks", json={"room": "yh-p1", "reason": "看"})
    assert refused.status_code == 403 and "查看事由" in refused.json()["detail"]
    granted = supervisor.post("/api/witness/looks", json={"room": "yh-p1", "reason": "举报线索核查"})
    viewer, look = signing.read_view_token(signing.load_key(tmp_path), granted.json()["token"], "yh-p1") or (
        "",
        "",
    )
    assert viewer == "supervisor"
    began = now() - timedelta(minutes=20)
    with ledger.write() as session:
        session.get_one(RoomLook, look).asked_at = began
        session.add(RoomView(session="s1", look_id=look, room_id="yh-p1", viewer=viewer, began_at=began,
                             seen_at=began + timedelta(seconds=192), ended_at=began + timedelta(seconds=192)))  # fmt: skip
    rows = board(supervisor, period="week")["looks"]
    assert [(one["granted"], one["seconds"]) for one in rows] == [(False, 0), (True, 192)]
    assert rows[1]["reason"] == "举报线索核查" and rows[1]["ended_at"]
    equipment.Watch().look()
    with ledger.read() as session:
        actions = {
            one.action: one.detail
            for one in session.scalars(select(AuditEntry).where(AuditEntry.object_id == "yh-p1"))
        }
    assert set(actions) == {"room.watch", "room.watch_refused", "room.watched"}
    assert actions["room.watched"]["seconds"] == 192.0 and actions["room.watch"]["reason"] == "举报线索核查"


def test_a_witness_looks_at_the_room_of_their_own_task_without_saying_why(
    desk: Client, ledger: Ledger
) -> None:
    supervisor = desk("supervisor")
    body = {"task": EVALUATION}
    assert supervisor.post("/api/witness/looks", json=body).status_code == 403, "not joined yet"
    act(supervisor, "join", EVALUATION)
    assert supervisor.post("/api/witness/looks", json=body).status_code == 200
    assert task(supervisor, EVALUATION)["room_id"] == "yh-p1"
    assert task(desk("second"), EVALUATION)["room_id"] is None
    assert desk("second").post("/api/witness/looks", json=body).status_code == 403
    act(supervisor, "pause", EVALUATION)
    assert task(supervisor, EVALUATION)["room_id"] is None
    with ledger.read() as session:
        assert looks.since(session, now() - timedelta(hours=1))[0].look.granted is False


# ── alarms ───────────────────────────────────────────────────────────────────


def room(**more: Any) -> dict[str, Any]:
    told = {"id": "yh-01", "state": "live", "opening": "O-L1", "publishing": True, "video": True, "fps": 25.0,
            "recorder": {"state": "recording"}, "sources": []}  # fmt: skip
    return told | more


def test_an_alarm_is_raised_at_the_second_look_and_ends_when_all_is_well() -> None:
    watch = equipment.Watch()
    well, down = rooms.Snapshot((room(),)), rooms.Snapshot((room(publishing=False),))
    assert watch.troubles(well) == [] == watch.troubles(down), "a camera that is switched over is no alarm"
    assert [one.kind for one in watch.troubles(down)] == ["camera"]
    slow = rooms.Snapshot((room(fps=6.0, recorder={"state": "disk"}),))
    watch.troubles(slow)
    assert {one.kind for one in watch.troubles(slow)} == {"frames", "recorder"}
    assert watch.troubles(well) == []
    never = equipment.Watch()
    silent = rooms.Snapshot((room(publishing=False, recorder={"state": "off"}),))
    assert never.troubles(silent) == never.troubles(silent) == [], (
        "a room that never sent pictures has lost none"
    )
    gone = rooms.Snapshot(trouble="down")
    never.troubles(gone)
    assert [one.kind for one in never.troubles(gone)] == ["hub"]


def test_alarms_are_kept_once_acknowledged_once_and_shown(desk: Client, ledger: Ledger) -> None:
    trouble = alarms.Trouble("frames", "yh-01", {"fps": 12, "least": 25})
    with ledger.write() as session:
        assert alarms.follow(session, [trouble]) == (1, 0)
        assert alarms.follow(session, [trouble]) == (0, 0)
    supervisor = desk("supervisor")
    act(supervisor, "join")
    shown = board(supervisor)["alarms"][0]
    assert (
        shown["room"] == "余杭分中心 开标一室"
        and "每秒 12 帧" in shown["detail"]
        and shown["ended_at"] is None
    )
    assert board(supervisor)["tasks"][0]["alarm"] or board(supervisor)["tasks"][1]["alarm"]
    address = f"/api/witness/alarms/{shown['id']}"
    assert supervisor.post(address, json={"note": "已通知机房"}).json()["by"] == "supervisor"
    assert supervisor.post(address, json={}).status_code == 200
    taken = desk("second").post(address, json={})
    assert taken.status_code == 409 and "supervisor 已签收" in taken.json()["detail"]
    with ledger.write() as session:
        assert alarms.follow(session, []) == (0, 1)
        assert session.get_one(EquipmentAlarm, shown["id"]).ended_at is not None


def test_a_host_desk_that_goes_silent_is_an_alarm(desk: Client, ledger: Ledger) -> None:
    assert desk("operator").get("/api/openings/O-L1/desk").status_code == 200
    begin(ledger)
    with ledger.write() as session:
        assert alarms.silent_hosts(session) == []
        alarms.host_seen(session, "O-L1", "operator")
        held = session.get_one(alarms.HostPresence, ("O-L1", "operator"))
        held.seen_at = now() - 2 * alarms.SILENT
        session.flush()
        assert [one.kind for one in alarms.silent_hosts(session)] == ["host"]


def test_the_board_answers_304_while_nothing_changes(desk: Client) -> None:
    supervisor = desk("supervisor")
    tag = supervisor.get("/api/witness").headers["etag"]
    assert supervisor.get("/api/witness", headers={"if-none-match": tag}).status_code == 304
    act(supervisor, "join")
    assert supervisor.get("/api/witness", headers={"if-none-match": tag}).status_code == 200
    wrong = supervisor.get("/api/witness?period=century")
    assert wrong.status_code == 400 and "today" in wrong.json()["detail"]


def test_words_of_a_refusal_are_in_the_readers_language() -> None:
    refusal = Message("witness.overtaken", who="李四", act=Message("witness.act.join"))
    assert refusal.text("en") == "李四 has just done “Join”; the page is up to date now, look before you act"


def test_who_witnesses_a_public_room_off_air_leaves_an_entry(
    desk: Client, ledger: Ledger, tmp_path: Path
) -> None:
    """The picture of a room is nobody's before its opening begins, but its witness's; and they answer for it."""
    supervisor, member = desk("supervisor"), desk("group-1")
    assert member.post("/api/witness/looks", json={"task": OPENING}).status_code == 403
    assert act(supervisor, "assign", target="group-1").status_code == 200
    answer = member.post("/api/witness/looks", json={"task": OPENING})
    assert answer.status_code == 200, answer.text
    token, room = answer.json()["token"], answer.json()["room"]
    _, look = signing.read_view_token(signing.load_key(tmp_path), token, room) or ("", "")
    with ledger.read() as session:
        entry = session.get_one(RoomLook, look)
        assert (entry.viewer, entry.task_id, entry.granted) == ("group-1", OPENING, True)
    with ledger.write() as session:
        session.get_one(Opening, "O-L1").scheduled_at = now() + timedelta(hours=3)
    early = member.post("/api/witness/looks", json={"task": OPENING})
    assert early.status_code == 403 and "还没有轮到这场开标" in early.json()["detail"]
