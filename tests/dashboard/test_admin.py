"""The administrator's page: the same acts as the command line, the same words of refusal, the same audit chain."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from dashboard import context
from dashboard.access.displays import Playlist
from dashboard.config import DeskConfig
from dashboard.screens import ADMIN
from records import sources
from records.clock import now
from records.tables.openings import Opening
from records.tables.organisations import Centre, Room
from records.tables.users import ROLES, AuditEntry, User
from tests.dashboard.conftest import PASSWORD, sign_in
from tests.dashboard.screens import run, text
from tests.reading import read


def admin(area: str = "accounts") -> AppTest:
    return run("admin", ADMIN, area=area)


def send(test: AppTest, form: str, **fields: str) -> AppTest:
    for name, value in fields.items():
        key = f"{form}-{name}"
        found = [one for one in (*test.text_input, *test.selectbox, *test.checkbox) if one.key == key]
        found[0].set_value(bool(value) if name == "sure" else value)
    next(b for b in test.button if f"{form}" in (b.form_id or "")).click()
    return test.run()


def last_act() -> tuple[str, str, str | None]:
    with context.ledger().read() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()
        assert entry is not None
        return entry.actor, entry.action, entry.object_id


def test_accounts_are_added_and_kept(desk: DeskConfig) -> None:
    test = send(admin(), "add_account", name="li", display_name="李", role="leader", password=PASSWORD)
    assert "已新增：li" in text(test) and last_act() == ("admin", "user.add", "li")
    assert PASSWORD not in text(test)
    for form, fields, action in (
        ("set_role", {"role": "operator"}, "user.role"),
        ("set_password", {"password": "another-one"}, "user.password"),
        ("set_state", {"act": "disable"}, "user.disable"),
        ("set_state", {"act": "enable"}, "user.enable"),
        ("set_state", {"act": "unlock"}, "user.unlock"),
    ):
        assert "已完成：li" in text(send(admin(), form, account="li", **fields))
        assert last_act() == ("admin", action, "li")
    with context.ledger().read() as session:
        held = session.get_one(User, "li")
    assert (held.role, held.disabled, held.display_name) == ("operator", False, "李")


@pytest.mark.parametrize(
    ("form", "fields", "why"),
    [
        ("add_account", {"name": "leader", "password": PASSWORD}, "已存在"),
        ("add_account", {"name": "a b", "password": PASSWORD}, "不合规"),
        ("add_account", {"name": "li", "password": "short"}, "至少 8"),
        ("set_state", {"account": "admin", "act": "disable"}, "自己的账号"),
        ("set_role", {"account": "admin", "role": "leader"}, "自己的角色"),
    ],
)
def test_refusals_say_why(desk: DeskConfig, form: str, fields: dict[str, str], why: str) -> None:
    before = last_act()
    assert why in text(send(admin(), form, **fields)) and last_act() == before


def test_rooms_and_their_cameras(desk: DeskConfig) -> None:
    test = send(
        admin("rooms"),
        "add_room",
        room_id="hz-77",
        room_name="七七室",
        centre="c77",
        camera="rtsp://u:pw@cam/1",
    )
    token = test.code[0].value
    assert "已新增：hz-77" in text(test) and len(token) > 20
    shown = admin("rooms")
    assert not shown.code and "rtsp://cam/1" in text(shown) and "pw@" not in text(shown)
    send(admin("rooms"), "edit_room", room_id="hz-77", room_name="第七七室")
    send(admin("rooms"), "room_act", room_id="hz-77", act="release")
    assert "已让出" in text(admin("rooms"))
    assert send(admin("rooms"), "room_act", room_id="hz-77", act="new_token").code[0].value != token
    assert "rtsp://主机" in text(send(admin("rooms"), "set_camera", room_id="hz-77", camera="http://x"))
    send(admin("rooms"), "room_act", room_id="hz-77", act="remove")
    assert last_act() == ("admin", "room.remove", "hz-77") and "第七七室" not in text(admin("rooms"))


def test_a_room_at_an_opening_is_closed_only_knowingly(desk: DeskConfig) -> None:
    made = {"room_id": "hz-77", "room_name": "七七室", "centre": "市本级七七"}
    assert "已新建交易中心" in text(send(admin("rooms"), "add_room", **made))
    with context.ledger().write() as session:
        opening = session.scalars(select(Opening).order_by(Opening.id)).first()
        assert opening is not None
        opening.room_id, opening.state, opening.scheduled_at = "hz-77", "scheduled", now()
        key, source = opening.id, opening.source
        sources.ensure_source(session, source)
        kept = session.get_one(Room, "hz-77")
        place, house = kept.centre_id, kept.source
        session.add(Room(id="hz-79", name="七九室", centre_id=place, kind="opening", source=house))
        session.flush()
        opening.room_id = "hz-79"
    first = send(admin("rooms"), "room_act", room_id="hz-79", act="new_token")
    assert first.code and last_act() == ("admin", "room.token", "hz-79")
    assert key in text(send(admin("rooms"), "room_act", room_id="hz-79", act="new_token"))
    with context.ledger().write() as session:
        session.get_one(Opening, key).room_id = "hz-77"
    before = last_act()
    for act in ("remove", "new_token"):
        assert key in text(send(admin("rooms"), "room_act", room_id="hz-77", act=act))
    assert key in text(send(admin("sources"), "source_act", source=source, act="disable"))
    assert last_act() == before
    send(admin("sources"), "source_act", source=source, act="disable", sure="yes")
    assert last_act() == ("admin", "source.disable", source)
    send(admin("rooms"), "room_act", room_id="hz-77", act="remove", sure="yes")
    assert last_act() == ("admin", "room.remove", "hz-77")


def test_a_centre_is_found_by_its_name(desk: DeskConfig) -> None:
    with context.ledger().read() as session:
        centre = session.scalars(select(Centre)).first()
        assert centre is not None
    said = text(send(admin("rooms"), "add_room", room_id="hz-78", room_name="七八室", centre=centre.name))
    assert "已新增" in said and "新建" not in said
    with context.ledger().read() as session:
        assert session.get_one(Room, "hz-78").centre_id == centre.id


def test_sources_and_their_tokens(desk: DeskConfig) -> None:
    first = send(admin("sources"), "add_source", name="platform").code[0].value
    assert send(admin("sources"), "source_act", source="platform", act="new_token").code[0].value != first
    send(admin("sources"), "source_act", source="platform", act="disable")
    assert last_act() == ("admin", "source.disable", "platform")


async def test_nobody_else_gets_there(client: httpx.AsyncClient) -> None:
    browser = {"accept": "text/html", "sec-fetch-mode": "navigate"}
    for role in ROLES:
        await sign_in(client, role)
        answer = await client.get("/admin", headers=browser)
        assert (answer.status_code == 403) == (role != "admin"), role
    for role in ("supervisor", "leader"):
        with pytest.raises(ValueError, match="page"):
            run(role, ADMIN)


def test_a_form_calls_a_thing_what_its_table_calls_it(desk: DeskConfig) -> None:
    for area, key, word in (
        ("accounts", "add_account-name", "登录名"),
        ("sources", "add_source-name", "数据来源"),
    ):
        page = admin(area)
        assert [one.label for one in page.text_input if one.key == key] == [word]
        assert word in read(text(page)).headings


def test_a_wall_display_is_added_and_revoked(desk: DeskConfig) -> None:
    test = admin("displays")
    test.multiselect(key="display-screens").set_value(["savings", "hall"]).run()
    said = send(test, "add_display", name="lobby", seconds="45")
    assert "已新增：lobby" in text(said) and last_act() == ("admin", "display.add", "lobby")
    token = said.code[0].value
    shown = context.displays().check(token)
    assert shown is not None and shown.playlist == Playlist(("savings", "hall"), 45)
    assert "规模节资与项目专题 → 数字直播大厅" in text(said) and "每屏 45 秒" in text(said)
    assert "已撤销：lobby" in text(send(admin("displays"), "revoke_display", display="lobby"))
    assert last_act() == ("admin", "display.revoke", "lobby")
    context.displays().forget()
    assert context.displays().check(token) is None


def test_an_interval_out_of_bounds_is_refused_in_words(desk: DeskConfig) -> None:
    said = send(admin("displays"), "add_display", name="lobby", seconds="2")
    assert "每屏停留须为 5 至 3600 秒" in text(said)
