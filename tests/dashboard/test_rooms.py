"""The operator's side of the rooms: orders through a real hub, notes in the audit chain, strip, Gantt, banner."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

import messages
from dashboard import components, context, screens
from dashboard.access.accounts import SignedIn
from dashboard.config import DeskConfig
from dashboard.live import rooms as rooms_live
from dashboard.panels import room as room_panel
from dashboard.panels import room_health, room_matrix
from dashboard.shell.filters import Choice
from dashboard.shell.screen import Page
from records import audit, control
from records.clock import frozen_at, now, start_of, today
from records.control import Order
from records.ledger import Ledger
from records.states import append_event
from records.tables.evaluation import Evaluation
from records.tables.openings import Opening
from records.tables.organisations import Room
from records.tables.users import ROLES, AuditEntry
from supervision.lists import hall, room_day
from tests.dashboard.live_market import seed
from tests.dashboard.screens import plots, run, text
from tests.reading import read
from tests.streaming import hub_market


@pytest.fixture
def desk(ledger: Ledger, tmp_path: Path) -> Iterator[DeskConfig]:
    """The desk over a small market, and no hub."""
    seed(ledger)
    config = DeskConfig(
        ledger.url.render_as_string(hide_password=False), tmp_path / "data", hub_url="http://127.0.0.1:9"
    )
    context.configure(config)
    rooms_live.forget()
    yield config
    context.identify_by(None)
    context.ledger().close()
    rooms_live.forget()


@pytest.fixture
def hub(desk: DeskConfig, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Iterator[hub_market.FakeMedia]:
    """A real hub beside the desk, without media."""
    app, media = hub_market.hub(ledger, desk.data_dir)
    with TestClient(app, base_url="http://hub") as client:
        monkeypatch.setattr(rooms_live, "_client", client)
        yield media


def page(role: str, lang: str = "zh") -> Page:
    user = SignedIn(role, role, role)
    context.identify_by(lambda: user)
    return Page(screens.BY_ID["S07"], user, lang, Choice())


def order(act: str, on: bool = True, actor: str = "operator", **more: str) -> Order:
    return Order(actor, act, "yh-01", on, **more)


def notes(ledger: Ledger) -> list[tuple[str, str, Any]]:
    with ledger.read() as session:
        found = session.scalars(
            select(AuditEntry).where(AuditEntry.object_kind == "room").order_by(AuditEntry.seq)
        )
        assert audit.verify(session) is None
        return [(entry.actor, entry.action, entry.detail["outcome"]) for entry in found]


def room() -> dict[str, Any]:
    rooms_live.forget()
    found = rooms_live.snapshot().room("yh-01")
    assert found is not None
    return found


# ── orders ──


def test_an_order_reaches_the_hub_and_the_audit_chain(hub: hub_market.FakeMedia, ledger: Ledger) -> None:
    said = room_panel.carried_out(page("operator"), order("slate", reason="identity"))
    assert said == ("done", "已执行：上垫片")
    assert hub.covers["yh-01"] == (False, True) and room()["reason"] == "identity"
    room_panel.carried_out(page("operator"), order("slate", on=False))
    assert hub.covers["yh-01"] == (False, False)
    assert notes(ledger) == [("operator", "room.slate", "done"), ("operator", "room.slate", "ordered")]


def test_two_people_lift_a_slate(hub: hub_market.FakeMedia, ledger: Ledger) -> None:
    room_panel.carried_out(page("admin"), order("needs_two", actor="admin"))
    room_panel.carried_out(page("operator"), order("slate"))
    waiting = room_panel.carried_out(page("operator"), order("slate", on=False))
    assert waiting[0] == "waiting" and room()["slated"] is True
    (asked,) = room()["pending"]
    alone = order("slate", on=False, second="operator", request=asked["id"])
    assert room_panel.carried_out(page("operator"), alone)[0] == "refused"
    done = room_panel.carried_out(
        page("admin"), order("slate", on=False, second="admin", request=asked["id"])
    )
    assert done[0] == "done" and room()["slated"] is False and room()["by"] == ["operator", "admin"]
    with ledger.read() as session:
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()
    assert last is not None and (last.actor, last.detail["asked_by"]) == ("admin", "operator")


def test_an_order_in_another_name_is_not_given(hub: hub_market.FakeMedia, ledger: Ledger) -> None:
    assert room_panel.carried_out(page("operator"), order("slate", actor="admin"))[0] == "refused"
    assert hub.covers == {} and notes(ledger) == []


@pytest.mark.parametrize("role", ROLES)
def test_only_operators_and_admins_control_rooms(role: str) -> None:
    assert room_panel.may(role, order("mute")) == (role in ("operator", "admin"))
    assert room_panel.may(role, order("needs_two")) == (role == "admin")


def test_without_a_hub_the_lifting_is_noted_and_nothing_is_claimed(desk: DeskConfig, ledger: Ledger) -> None:
    said = room_panel.carried_out(page("operator"), order("slate", on=False))
    assert said[0] == "down" and "没有响应" in said[1]
    assert notes(ledger) == [("operator", "room.slate", "ordered"), ("operator", "room.slate", "down")]


def test_a_ledger_that_is_down_cannot_keep_a_slate_from_going_up(
    hub: hub_market.FakeMedia, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise httpx.HTTPError("the note cannot be written")

    monkeypatch.setattr(audit, "write", broken)
    with pytest.raises(httpx.HTTPError):
        rooms_live.give(order("slate"))
    assert hub.covers["yh-01"] == (False, True)
    with pytest.raises(httpx.HTTPError):
        rooms_live.give(order("slate", on=False))
    assert hub.covers["yh-01"] == (False, True), "nothing is uncovered without a note"


# ── what is shown ──


def test_the_hubs_troubles_are_told_apart(
    desk: DeskConfig, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rooms_live.snapshot().trouble == "down"
    app, _ = hub_market.hub(ledger, tmp_path / "another key")
    with TestClient(app, base_url="http://hub") as client:
        monkeypatch.setattr(rooms_live, "_client", client)
        rooms_live.forget()
        assert rooms_live.snapshot().trouble == "refused"


def test_no_screen_waits_for_a_hub_that_is_away(desk: DeskConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    rooms_live.forget()
    assert rooms_live.snapshot().trouble == "down"
    back = threading.Event()

    def answering(_hub: str) -> rooms_live.Snapshot:
        assert back.wait(10)
        return rooms_live.Snapshot()

    monkeypatch.setattr(rooms_live, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(rooms_live, "_ask", answering)
    assert rooms_live.snapshot().trouble == "down", "it is asked beside, and the screen goes on"
    back.set()
    deadline = time.monotonic() + 10
    while rooms_live.snapshot().trouble and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not rooms_live.snapshot().trouble


def line(**more: Any) -> dict[str, Any]:
    return {
        "id": "r", "name": "一室", "kind": "opening", "state": "live", "publishing": True, "video": "H264",
        "bitrate": 1_050_000.0, "fps": 25.0, "loss": 0.0, "jitter": 0.003, "rtt": 0.01, "viewers": 3,
        "muted": False, "slated": False, "paused": False, "reason": "", "recorder": None, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "grade"),
    [
        ({}, "good"), ({"loss": 0.03}, "fair"), ({"loss": 0.2}, "bad"), ({"rtt": None}, "good"),
        ({"fps": 8.0}, "fair"), ({"fps": 2.0}, "bad"), ({"fps": 0.0, "video": None}, "good"),
        ({"publishing": False}, "off"), ({"recorder": {"state": "failed"}}, "bad"),
        ({"recorder": {"state": "recording"}}, "good"),
    ],
)  # fmt: skip
def test_grades(more: dict[str, Any], grade: str) -> None:
    assert rooms_live.grade(line(**more)) == grade
    assert room_health.MARKS[grade] and messages.say(f"control.{grade}", "zh")


def test_a_room_at_work_without_recording_is_told_of() -> None:
    assert room_panel.unrecorded(line(recorder={"state": "waiting"}))
    assert not room_panel.unrecorded(line(recorder={"state": "recording"}))
    assert not room_panel.unrecorded(line(recorder={"state": "off"}, state="idle"))
    assert not room_panel.unrecorded(line()), "no recorder here: nothing is known"


CAMERA = {
    "camera": "r", "state": "connecting", "since": "2026-11-22T10:30:05+08:00", "tries": 4,
    "reason_zh": "摄像机没有应答", "reason_en": "the camera does not answer", "transcoded": False, "b_frames": False,
}  # fmt: skip


def test_cameras_that_do_not_come_are_named_with_their_reason() -> None:
    far = {**CAMERA, "camera": "r.far", "state": "refused", "reason_zh": "请改用 <H.264>"}
    well = {**CAMERA, "state": "live", "reason_zh": "", "reason_en": ""}
    dark = line(sources=[CAMERA, far], publishing=False, state="standby")
    assert room_health.sources(line(sources=[well]), "zh") == room_health.sources(line(), "zh") == []
    assert room_health.sources(dark, "zh") == [
        ("近景摄像机重连中，10:30:05 起", "摄像机没有应答"), ("全景摄像机被拒", "请改用 <H.264>"),
    ]  # fmt: skip
    shown = matrix(dark, line(id="b", sources=[well]))
    assert "近景摄像机重连中，10:30:05 起" in shown and "请改用 &lt;H.264&gt;" in shown
    assert "camera reconnecting since 10:30:05" in matrix(dark, lang="en")


def test_what_a_publisher_sends_otherwise_stands_beside_its_room():
    notice = {
        "camera": "a.far", "code": "b_frames", "zh": "编码器发送 B 帧", "en": "the encoder sends B-frames",
        "remedy_zh": "请关闭 B 帧", "remedy_en": "switch B-frames off", "grave": True,
    }  # fmt: skip
    mild = notice | {"code": "audio_transcoded", "zh": "声音为 PCMA", "grave": False}
    room = line(id="a", notices=[notice, mild])
    assert room_health.notices(room, "zh") == [("全景：编码器发送 B 帧", "请关闭 B 帧")]
    assert room_health.notices(line(), "zh") == []
    shown = matrix(room)
    assert "编码器发送 B 帧" in shown and "请关闭 B 帧" in shown


def test_every_state_of_the_recorder_has_its_word() -> None:
    for state in ("recording", "waiting", "disk", "failed", "off"):
        assert rooms_live.recorder(line(recorder={"state": state}), "zh")


def test_what_is_wrong_with_a_room_is_said_on_its_bar(desk: DeskConfig) -> None:
    full = line(recorder={"state": "disk"}, sources=[CAMERA])
    told = room_panel._wrong(page("operator"), full)
    assert "请暂缓开标" in told[0] and told[1] == "近景摄像机重连中，10:30:05 起：摄像机没有应答"
    assert room_panel._wrong(page("operator"), line(recorder={"state": "recording"})) == []


def matrix(*lines: dict[str, Any], lang: str = "zh", names: dict[str, str] | None = None) -> str:
    """The matrix of these rooms, all of one centre."""
    called = names or {}
    found = [room_matrix.Column(one["id"], "市本级", called.get(one["id"], "一室"), one) for one in lines]
    return room_matrix.matrix(found, rooms_live.Snapshot(lines), lang)


def test_a_cell_over_its_limit_is_marked_and_told_of_with_what_to_do() -> None:
    rooms = (
        line(),
        line(id="bad", loss=0.5, recorder={"state": "failed"}),
        line(id="x", publishing=False, state="idle"),
    )
    shown = matrix(*rooms, names={"bad": "<b>坏室"})
    assert read(shown).rows == [
        ["直播", "直播", "空闲"], ["1.05", "1.05", "—"], ["25", "25", "—"], ["0.00", "50.00", "—"], ["—", "故障", "—"],
    ]  # fmt: skip
    marked = [one.text for one in read(shown).all("td") if "bad" in one.attributes.get("class", "").split()]
    assert marked == ["50.00", "故障"]
    assert "市本级 &lt;b&gt;坏室 丢包 50.0 %" in shown and "备用线路" in shown and "暂缓开标" in shown
    assert "直播中 2 · 空闲 1" in shown


def test_all_opening_rooms_stand_in_the_matrix_and_no_other(desk: DeskConfig, ledger: Ledger) -> None:
    with ledger.read() as session:
        found = room_matrix.columns(session, rooms_live.snapshot(), "zh")
        held = session.scalars(select(Room.id).where(Room.kind == "opening", Room.public_allowed)).all()
    assert sorted(one.id for one in found) == sorted(held)
    assert "直播服务" in room_matrix.matrix(found, rooms_live.snapshot(), "zh"), "no hub here: it says so"


def test_many_rooms_stand_in_rows_of_twenty_eight() -> None:
    tables = read(matrix(*(line(id=f"r{n}") for n in range(40)))).all("table")
    assert [len(one.rows[0]) for one in tables] == [28, 12]


def test_the_gantt_shows_openings_and_of_evaluations_only_that_a_room_is_in_use(
    desk: DeskConfig, ledger: Ledger
) -> None:
    with ledger.write() as session:
        session.get_one(Opening, "O-L1").scheduled_at = now()
        session.add(Evaluation(id="E1", lot_id="L1", room_id="yh-p1", mode="remote", main_site="机密地点", experts=7,
                               started_at=now() - timedelta(minutes=5), state="in_progress", source="test"))  # fmt: skip
    with ledger.read() as session:
        planned = room_day.day(session, "zh")
    kinds = {row.room: {bar.kind for bar in row.bars} for row in planned}
    assert kinds == {"yh-01": {"preparing", "planned"}, "yh-p1": {"used"}}
    with ledger.write() as session:
        bidders = [{"no": 1, "name": "甲公司"}]
        append_event(session, "O-L1", "bidders_published", {"count": 1, "bidders": bidders}, actor="host")
    with ledger.read() as session:
        running = room_day.day(session, "zh")
    assert running[0].busy
    shown_day = plots(run("supervisor", screens.BY_ID["S04"]))["场所今日安排"]
    drawn = json.dumps([shown_day.rows, shown_day.spec], ensure_ascii=False)
    for secret in ("机密地点", "听涛路", "E1", "remote", "甲公司"):
        assert secret not in drawn
    assert "占用" in drawn and [row["kind"] for row in shown_day.rows].count("used") == 1
    assert [row["key"] for row in shown_day.rows if row["kind"] == "used"] == [None]


def test_nine_rooms_are_drawn_and_two_of_them_are_for_evaluation() -> None:
    lines = [room_day.Line(f"o{n}", "", "opening") for n in range(12)]
    lines += [room_day.Line(f"e{n}", "", "evaluation") for n in range(3)]
    drawn = room_day.chosen(lines)
    assert len(drawn) == room_day.ROWS and [row.kind for row in drawn].count("evaluation") == 2


def shown(role: str, code: str, **asked: str) -> str:
    test = run(role, screens.BY_ID[code], **asked)
    assert not test.exception
    return text(test)


def test_the_banner_says_what_is_wrong_and_what_to_do(
    hub: hub_market.FakeMedia, desk: DeskConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "banner" not in shown("operator", "S06")
    problem = {
        "check": "disk",
        "zh": "数据磁盘只剩 1.0 GiB",
        "en": "low",
        "remedy_zh": "清理或扩容",
        "remedy_en": "make room",
    }
    well = rooms_live.snapshot()
    ill = rooms_live.Snapshot(well.rooms, {"status": "degraded", "problems": [problem]}, at=well.at + 1e6)
    monkeypatch.setattr(rooms_live, "snapshot", lambda: ill)
    for code in ("S04", "S06", "S07"):
        told = shown("admin", code)
        assert "数据磁盘只剩 1.0 GiB。清理或扩容。" in told and "banner red" not in told, code
    grave = rooms_live.Snapshot(
        well.rooms, {"status": "degraded", "problems": [{**problem, "check": "recorder"}]}, at=well.at + 1e6
    )
    monkeypatch.setattr(rooms_live, "snapshot", lambda: grave)
    for code in ("S04", "S07"):
        assert any("数据磁盘只剩 1.0 GiB" in one for one in read(shown("admin", code)).announced("alert")), (
            code
        )


def test_the_bar_is_for_operators(hub: hub_market.FakeMedia, desk: DeskConfig) -> None:
    opening = {"opening": "O-L1"}  # an hour ago: shortly after midnight that is yesterday's
    assert "ctlbar" in shown("operator", "S07", **opening)
    assert "ctlbar" not in shown("supervisor", "S07", **opening)


def test_the_players_know_every_reason() -> None:
    for lang in ("zh", "en"):
        told = components.words(lang, "live")["whyCovered"]
        assert told == {code: control.reason_text(code, lang) for code in control.REASONS}


def test_what_began_before_midnight_is_found_after_it(ledger: Ledger, tmp_path: Path) -> None:
    midnight = start_of(today())
    with frozen_at(midnight - timedelta(minutes=30)) as put:
        seed(ledger)  # O-L1 was to begin an hour ago
        with ledger.write() as session:
            append_event(session, "O-L1", "bidders_published", {"count": 0, "bidders": []}, actor="host")
        context.configure(DeskConfig(str(ledger.url), tmp_path / "data", hub_url="http://127.0.0.1:9"))
        put(midnight + timedelta(minutes=10))
        with ledger.read() as session:
            day = today()
            found = hall.schedule(session, hall.Question(day, day), "zh")
            assert "O-L1" in {entry.id for entry in found}
            assert any(
                bar.kind == "live" and bar.start == midnight
                for line in room_day.day(session, "zh")
                for bar in line.bars
            )
            tomorrow = day + timedelta(days=1)
            assert "O-L1" not in {
                e.id for e in hall.schedule(session, hall.Question(tomorrow, tomorrow), "zh")
            }
        assert run("operator", screens.BY_ID["S07"]).selectbox(key="choose-opening").value == "O-L1"
    context.identify_by(None)
    context.ledger().close()
