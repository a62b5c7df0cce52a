"""Witnessing in real browsers against the real desk and hub: a draw, a member on a phone in the room, a snapshot of the
live picture, a report, a hand-over, and a look at a room that is not public with its beginning and end."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from records import audit
from records.clock import now
from records.ledger import Ledger
from records.serving import signing
from records.states import append_event
from records.tables.organisations import Room
from records.tables.users import AuditEntry
from records.tables.witnessing import (
    RoomLook,
    RoomView,
    WitnessItem,
    WitnessReport,
    WitnessSnapshot,
    WitnessTask,
)
from records.witnessing import tasks
from tests.browser.contexts import Contexts
from tests.browser.test_desk_live import DESK, Desk, Publisher, hub_of
from tests.dashboard.live_market import BIDDERS, PUBLISH_TOKEN, process, seed
from tests.dashboard.test_witnessing import EVALUATION, OPENING, people
from tests.ledgers import new_ledger
from tests.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.server]

SLOW = 60_000
"""Milliseconds a busy machine may take for a page or a picture."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("witness")
    url = f"sqlite:///{folder / 'ledger.db'}"
    ledger = new_ledger(folder / "ledger.db")
    seed(ledger)
    people(ledger)
    with ledger.write() as session:
        session.get_one(Room, "yh-p1").token_hash = signing.token_hash(PUBLISH_TOKEN)
    port, hub = free_port(), free_port()
    settings: dict[str, object] = {"url": url, "data": str(folder), "port": port, "hub": hub}
    with process(DESK.format(**settings), port, folder / "desk.log"):
        yield Desk(f"http://127.0.0.1:{port}", ledger, folder, hub, settings)
    ledger.close()


def opened(
    desk: Desk, contexts: Contexts, name: str, task: str = "", size: tuple[int, int] = (1440, 900)
) -> Page:
    page = desk.sign_in(contexts, name, size)
    page.errors = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.errors.append(str(error)))  # type: ignore[attr-defined]
    page.goto(f"{desk.url}/witness?view=witness{f'&task={task}' if task else ''}")
    expect(page.locator(".wit .board")).to_be_visible(timeout=SLOW)
    return page


def until(found: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def held(ledger: Ledger, number: str = OPENING) -> WitnessTask:
    with ledger.read() as session:
        return session.get_one(WitnessTask, number)


def plays(page: Page) -> None:
    page.wait_for_function(
        "() => { const find = (root) => [...root.querySelectorAll('*')].flatMap((e) => [...(e.matches('video') ? [e] : []),"
        " ...(e.shadowRoot ? find(e.shadowRoot) : [])]); return find(document).some((v) => v.videoWidth > 0 && v.currentTime > 0.5); }",
        timeout=SLOW,
    )


def test_a_task_from_the_draw_to_its_end(desk: Desk, contexts: Contexts) -> None:
    supervisor = opened(desk, contexts, "supervisor")
    expect(supervisor.locator(".tk")).to_have_count(2, timeout=SLOW)
    supervisor.locator(".draw-now").click()
    supervisor.locator("dialog[open] .pick input[value=group-2]").check()
    supervisor.locator("dialog[open] .pick", has_text="示例group-2").locator("input[type=text]").fill(
        "与招标人有亲属关系"
    )
    supervisor.get_by_role("button", name="抽取", exact=True).click()
    expect(supervisor.locator(".said")).to_contain_text("已抽取 2 项，复算一致", timeout=SLOW)
    expect(supervisor.locator(".draw")).to_have_attribute("data-agrees", "true", timeout=SLOW)
    expect(supervisor.locator(".draw .res b")).to_have_text("本机复算一致")
    assert held(desk.ledger).state == "assigned" and held(desk.ledger, EVALUATION).witness in (
        "supervisor",
        "second",
    )

    if held(desk.ledger).witness != "group-1":
        supervisor.locator(f'[data-task="{OPENING}"]').click()
        supervisor.locator('[data-act="assign"]').click()
        supervisor.locator("dialog[open] select").select_option("group-1")
        supervisor.locator("dialog[open] button[type=submit]").click()
        until(lambda: held(desk.ledger).witness == "group-1")

    with hub_of(desk) as address, Publisher(address):
        member = opened(desk, contexts, "group-1", size=(390, 844))
        expect(member.locator(".tk")).to_have_count(1, timeout=SLOW)
        assert member.get_by_text("设备告警").count() == 0 and member.get_by_text("查看记录").count() == 0
        member.locator('[data-act="join"]').click()
        until(lambda: held(desk.ledger).state == "joined")
        plays(member)
        member.locator(".snap").click()
        expect(member.locator("dialog[open] .shot img")).to_be_visible(timeout=SLOW)
        member.locator("dialog[open] button[type=submit]").click()
        expect(member.locator('tr[data-item="people"] .ok')).to_contain_text("相符", timeout=SLOW)
        with desk.ledger.read() as session:
            shot = session.scalars(select(WitnessSnapshot)).one()
            assert hashlib.sha256(shot.picture).hexdigest() == shot.id and shot.width == 320
            assert session.get_one(WitnessItem, (OPENING, "people")).snapshot == shot.id

        expect(member.locator('tr[data-item="list"]')).to_contain_text("待见证")
        with desk.ledger.write() as session:
            listed = [{"no": n, "name": name} for n, name in enumerate(BIDDERS, 1)]
            append_event(session, "O-L1", "bidders_published", {"count": 3, "bidders": listed}, actor="host")
        member.locator('tr[data-item="list"] button').click(timeout=SLOW)
        member.locator("dialog[open] input[value=abnormal]").check()
        member.locator("dialog[open] textarea").fill("大屏先显示两家，十秒后补为三家")
        member.locator("dialog[open] button[type=submit]").click()
        expect(member.locator('tr[data-item="list"]')).to_contain_text("异常", timeout=SLOW)
        expect(member.locator(".rep textarea")).to_have_value(re.compile("十秒后补为三家"))
        member.locator(".rep select").select_option("order")
        member.locator('.rep [data-handling="corrected"]').click()
        member.locator(".rep button[type=submit]").click()
        expect(supervisor.locator(".kp section").nth(4)).to_contain_text("1份", timeout=SLOW)
        expect(supervisor.locator(f'[data-task="{OPENING}"]')).to_contain_text("1 异常")
        with desk.ledger.read() as session:
            told = session.scalars(select(WitnessReport)).one()
            assert (told.state, told.kind, told.handling, told.by) == (
                "submitted",
                "order",
                "corrected",
                "group-1",
            )

        member.locator('[data-act="hand_over"]').click()
        member.locator("dialog[open] select").select_option("supervisor")
        member.locator("dialog[open] button[type=submit]").click()
        expect(member.locator(".board .none")).to_contain_text("没有分配给您", timeout=SLOW)
        assert member.errors == []  # type: ignore[attr-defined]
        member.close()

    supervisor.locator(f'[data-task="{OPENING}"]').click()
    supervisor.locator('[data-act="join"]').click(timeout=SLOW)
    supervisor.locator('[data-act="end"]').click(timeout=SLOW)
    supervisor.locator("dialog[open] textarea").fill("其余事项由现场监督完成")
    supervisor.locator("dialog[open] button[type=submit]").click()
    until(lambda: held(desk.ledger).state == "ended")
    expect(supervisor.locator(".acts-bar .chip")).to_have_text("已结束", timeout=SLOW)
    expect(supervisor.locator(".dark")).to_contain_text("回看")
    wrong = [
        one
        for one in Axe().run(supervisor).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert not [(one["id"], node["html"][:160]) for one in wrong for node in one["nodes"]]
    assert supervisor.errors == []  # type: ignore[attr-defined]
    supervisor.close()
    with desk.ledger.read() as session:
        assert audit.verify(session) is None
        acts = [
            one.action for one in session.scalars(select(AuditEntry).where(AuditEntry.object_id == OPENING))
        ]
        assert {
            "witness.draw",
            "witness.join",
            "witness.snapshot",
            "witness.report",
            "witness.hand_over",
            "witness.end",
        } <= set(acts)


def test_a_look_at_a_room_that_is_not_public_is_written_down_by_the_hub(
    desk: Desk, contexts: Contexts
) -> None:
    with desk.ledger.write() as session:
        task = tasks.of(session, EVALUATION)
        session.merge(task)
        session.flush()
        row = session.get_one(WitnessTask, EVALUATION)
        row.state, row.witness = "joined", "supervisor"
    with hub_of(desk) as address, Publisher(address.replace("yh-01", "yh-p1")):
        began = now()
        page = opened(desk, contexts, "supervisor", EVALUATION)
        plays(page)
        until(lambda: any(one.ended_at is None for one in views(desk.ledger)))
        expect(page.locator(".ac li").first).to_contain_text("正在查看", timeout=SLOW)
        page.close()
        until(lambda: all(one.ended_at for one in views(desk.ledger)))  # a slow machine may have joined twice
        view = views(desk.ledger)[0]
        assert view.ended_at and began < view.began_at < view.ended_at < now()
        with desk.ledger.read() as session:
            look = session.get_one(RoomLook, view.look_id)
            assert (look.viewer, look.room_id, look.task_id, look.granted) == (
                "supervisor",
                "yh-p1",
                EVALUATION,
                True,
            )

        other = opened(desk, contexts, "second", EVALUATION)
        expect(other.locator(".dark")).to_contain_text("非公开画面", timeout=SLOW)
        other.get_by_role("button", name="查看画面").click()
        other.locator("dialog[open] textarea").fill("收到举报，核查评标秩序")
        other.locator("dialog[open] button[type=submit]").click()
        plays(other)
        other.close()


def views(ledger: Ledger) -> list[RoomView]:
    """Of the evaluation room: the opening room's, before its opening, is looked at too."""
    with ledger.read() as session:
        query = select(RoomView).where(RoomView.room_id == "yh-p1").order_by(RoomView.began_at)
        return list(session.scalars(query))
