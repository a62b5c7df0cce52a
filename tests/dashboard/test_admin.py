"""The administrator's page: the same acts as the command line, the same words of refusal, the same audit chain."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from dashboard import context
from dashboard.config import DeskConfig
from dashboard.screens import ADMIN
from records.users import ROLES, AuditEntry, User
from tests.dashboard.conftest import PASSWORD, sign_in
from tests.dashboard.screens import run, text


def admin(area: str = "accounts") -> AppTest:
    return run("admin", ADMIN, area=area)


def send(test: AppTest, form: str, **fields: str) -> AppTest:
    for name, value in fields.items():
        key = f"{form}-{name}"
        found = [one for one in (*test.text_input, *test.selectbox) if one.key == key]
        found[0].set_value(value)
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
