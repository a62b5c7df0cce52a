"""Saved views: kept under a name, opened, deleted, and the one the desk opens with."""

from __future__ import annotations

import httpx
import pytest

from dashboard import context, screens
from dashboard.access import saved_views
from dashboard.config import DeskConfig
from messages import Fault
from tests.dashboard import screens as seen
from tests.dashboard.conftest import sign_in

SAVINGS = {"period": "2025", "family": "engineering"}
PAGE = {"accept": "text/html", "sec-fetch-mode": "navigate"}


def save(name: str, screen: str = "savings", user: str = "supervisor", **query: str) -> None:
    with context.ledger().write() as session:
        saved_views.save(session, user, name, screen, query or SAVINGS)


def held(user: str = "supervisor") -> list[tuple[str, str]]:
    with context.ledger().read() as session:
        return [(view.name, saved_views.address(view)) for view in saved_views.of_user(session, user)]


def test_a_view_keeps_its_screen_and_its_choices(desk: DeskConfig) -> None:
    save("  去年   工程 ", **SAVINGS, lang="en", kiosk="1", **{"lots-page": "3"})
    save("总览", "overview", period="ytd")
    save("别人的", user="leader")
    assert held() == [
        ("总览", "/overview?period=ytd"),
        ("去年 工程", "/savings?period=2025&family=engineering"),
    ]


def test_the_same_name_is_the_same_view(desk: DeskConfig) -> None:
    save("我的")
    save("我的", "openness", period="all")
    assert held() == [("我的", "/openness?period=all")]


@pytest.mark.parametrize(
    ("name", "screen", "key"),
    [(" ", "savings", "view.bad_name"), ("字" * 41, "savings", "view.bad_name"), ("我的", "nowhere", "view.unknown_screen")],
)  # fmt: skip
def test_what_cannot_be_kept_is_said(desk: DeskConfig, name: str, screen: str, key: str) -> None:
    with pytest.raises(Fault) as refusal:
        save(name, screen)
    assert refusal.value.message.key == key


def test_there_is_an_end_to_how_many(desk: DeskConfig) -> None:
    for number in range(saved_views.MOST):
        save(f"视图{number}")
    save("视图0", "openness")
    with pytest.raises(Fault) as refusal:
        save("一个太多")
    assert refusal.value.message.key == "view.too_many"


async def test_the_desk_opens_with_the_view_that_was_chosen(client: httpx.AsyncClient) -> None:
    save("去年工程")
    save("别的", "openness")
    await sign_in(client, "supervisor")
    assert (await client.get("/", headers=PAGE)).headers["location"] == "/overview"
    with context.ledger().write() as session:
        saved_views.open_with(session, "supervisor", "别的", True)
    with context.ledger().write() as session:
        saved_views.open_with(session, "supervisor", "去年工程", True)
    assert (await client.get("/", headers=PAGE)).headers[
        "location"
    ] == "/savings?period=2025&family=engineering"
    assert (await client.get("/?lang=en", headers=PAGE)).headers["location"] == "/overview?lang=en"
    with context.ledger().write() as session:
        saved_views.delete(session, "supervisor", "去年工程")
    assert (await client.get("/", headers=PAGE)).headers["location"] == "/overview"


async def test_a_view_of_a_screen_that_the_role_lost_is_not_opened(client: httpx.AsyncClient) -> None:
    save("线索", "rings", user="leader")
    with context.ledger().write() as session:
        saved_views.open_with(session, "leader", "线索", True)
    await sign_in(client, "leader")
    assert (await client.get("/", headers=PAGE)).headers["location"] == "/overview"


def test_the_menu_saves_lists_and_deletes(desk: DeskConfig) -> None:
    test = seen.run("supervisor", screens.BY_SLUG["savings"], period="all")
    assert "还没有保存的视图" in seen.text(test)
    test.text_input(key="view-name").set_value("全部时间").run()
    test.button(key="view-save-now").click().run()
    assert held() == [("全部时间", "/savings?period=all")]
    assert test.text_input(key="view-name").value == ""
    test.button(key="view-other-全部时间").click().run()
    with context.ledger().read() as session:
        first = saved_views.first(session, "supervisor")
    assert first is not None and first.name == "全部时间"
    test.button(key="view-delete-全部时间").click().run()
    assert held() == []


def test_a_name_that_cannot_be_kept_is_said_in_the_menu(desk: DeskConfig) -> None:
    test = seen.run("supervisor", screens.BY_SLUG["savings"])
    test.button(key="view-save-now").click().run()
    assert "视图名称须为 1 至 40 个字" in seen.text(test)
