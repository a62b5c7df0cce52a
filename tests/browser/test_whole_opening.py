"""A whole opening with 280 bidders: held from two desks and half by the platform, watched by the public and a supervisor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from records import hosting
from records.clock import now
from records.ledger import Ledger
from records.public import rows as public
from records.states import append_event, verify_opening
from records.tables.bids import Bid
from records.tables.openings import Opening
from records.tables.organisations import Organisation
from records.tables.projects import Lot
from tests.browser.contexts import Contexts
from tests.browser.test_desk_live import DESK, HUB, Desk
from tests.dashboard.live_market import process, seed
from tests.ledgers import new_ledger
from tests.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.server]

BIDDERS = 280
BY_HAND = 8
"""Bids read with the keyboard before the platform goes on, and again at the end."""
WITHOUT_TLS = "Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined })"
"""What a page finds that is neither https nor this machine's own: no WebCrypto. A seed is committed to there all the same."""
HELD = 2200
"""Milliseconds for which the button of a step is held that nothing takes back."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Desk and hub over a market whose lot L1 has 280 bids and is open in five minutes."""
    folder = tmp_path_factory.mktemp("whole")
    ledger = new_ledger(folder / "ledger.db")
    seed(ledger)
    _more_bids(ledger)
    port, hub = free_port(), free_port()
    settings: dict[str, object] = {"url": str(ledger.url), "data": str(folder), "port": port, "hub": hub}
    with (
        process(HUB.format(**settings), hub, folder / "hub.log"),
        process(DESK.format(**settings), port, folder / "desk.log"),
    ):
        yield Desk(f"http://127.0.0.1:{port}", ledger, folder, hub, settings)
    ledger.close()


def _more_bids(ledger: Ledger) -> None:
    with ledger.write() as session:
        session.get_one(Lot, "L1").deadline = now() + timedelta(minutes=30)
        for number in range(4, BIDDERS + 1):
            session.add(Organisation(id=f"B{number}", name=f"示例第{number}建设工程有限公司", source="test"))
        session.flush()
        for number in range(4, BIDDERS + 1):
            failed = number == 100
            session.add(
                Bid(
                    id=f"L1-{number}", lot_id="L1", bidder_id=f"B{number}", quality="合格", duration_days=90,
                    received_at=now() - timedelta(hours=2) + timedelta(seconds=number),
                    decrypt_status="failed" if failed else "success",
                    price=None if failed else Decimal(1_900_000 + number * 370), source="test",
                )
            )  # fmt: skip


def _due(ledger: Ledger) -> None:
    """The deadline passes."""
    with ledger.write() as session:
        past = now() - timedelta(minutes=1)
        session.get_one(Lot, "L1").deadline = session.get_one(Opening, "O-L1").scheduled_at = past


def do(page: Page, step: str, **given: str) -> None:
    """Open the dialog of a step, fill it, confirm it; what cannot be undone is held down for two seconds."""
    page.locator(f"[data-step={step}]").first.click()
    for name, value in given.items():
        page.locator(f"dialog.form [name={name}]").fill(value)
        if name in ("content", "answer"):
            expect(page.locator("dialog.form .preview")).to_contain_text(value)
    button = page.locator("dialog.form button[type=submit]")
    button.click(delay=HELD if button.get_attribute("data-hold") is not None else 0)
    expect(page.locator("dialog.form")).to_be_hidden(timeout=20_000)


def read_on(page: Page, upto: int) -> None:
    """Press the one key until so many bids are read."""
    count = page.locator(".desk .list h2 strong")
    done = int((count.inner_text()).split("/")[0].strip() or 0)
    for number in range(done + 1, upto + 1):
        expect(page.locator("button.next")).to_be_enabled(timeout=20_000)
        page.keyboard.press("Enter")
        expect(count).to_contain_text(f"{number} ", timeout=20_000)


@pytest.mark.timeout(600)  # three browsers and 280 readings: five minutes on a machine at half its speed
def test_an_opening_with_280_bidders_from_the_draw_to_its_end(
    desk: Desk, contexts: Contexts, tmp_path: Path
) -> None:
    first, second = desk.sign_in(contexts, "operator"), desk.sign_in(contexts, "admin")
    second.add_init_script(WITHOUT_TLS)
    for page in (first, second):
        page.goto(f"{desk.url}/room?opening=O-L1")
        expect(page.locator("[data-step=coefficient_committed]")).to_be_visible(timeout=60_000)
        do(page, "coefficient_committed", pool="0.955、0.960、0.965")
    expect(first.locator("[data-draw] .small")).to_have_count(2, timeout=10_000)
    _due(desk.ledger)
    hub = f"http://127.0.0.1:{desk.hub_port}"
    beside = contexts.take(
        hub, viewport={"width": 1440, "height": 900}, locale="zh-CN", timezone_id="Asia/Shanghai"
    )
    viewer = beside.new_page()
    viewer.goto(f"{hub}/room/yh-01")
    supervisor = desk.sign_in(contexts, "supervisor")
    supervisor.goto(f"{desk.url}/room?opening=O-L1&lang=en")
    for step in ("bidders_published", "decrypt_progress", "control_price"):
        expect(first.locator(f"[data-step={step}]").first).to_be_visible(timeout=15_000)
        do(first, step)
    for page in (first, second):
        do(page, "coefficient_revealed")
    expect(first.locator("[data-draw] strong")).to_contain_text("0.9", timeout=10_000)
    expect(viewer.get_by_text("本机复算一致")).to_be_visible(timeout=20_000)

    first.locator("h2.name").click()
    read_on(first, BY_HAND)
    do(second, "objection", content="第 3 号没有听清")
    expect(first.locator(".agree .good")).to_have_text("✓ 三方一致", timeout=20_000)
    _correct(first)
    expect(first.locator("button.next")).to_be_focused()
    expect(first.locator("ol.log li").first).to_contain_text("事由：误读")
    expect(first.locator(".list .off")).to_contain_text("文件 190.148", timeout=20_000)
    struck, corrected = (first.locator(".list tbody tr").nth(row).inner_text() for row in (0, 1))
    assert struck.split("\t")[1] in corrected, "a screen reader hears whose reading was corrected"
    expect(viewer.locator("#rows s").first).to_have_text("190.148", timeout=15_000)
    _by_the_platform(desk.ledger, BIDDERS - BY_HAND)
    expect(first.locator(".desk .list h2 strong")).to_contain_text(f"{BIDDERS - BY_HAND} ", timeout=20_000)
    expect(first.locator(".stat")).to_contain_text("公众已见", timeout=20_000)
    expect(first.locator(".stat")).to_contain_text("标准时间")
    first.screenshot(path=tmp_path / "host-zh.png", full_page=True)
    for page in (first, viewer, supervisor):
        assert not _serious(page)
    read_on(first, BIDDERS)

    expect(first.locator("button.next b")).to_have_text("唱下一家", timeout=10_000)
    first.locator("[data-step=record_confirmed]").click()
    first.locator("dialog.form button[type=submit]").click()
    expect(first.locator("dialog.form .problem")).to_contain_text("异议 1")
    first.keyboard.press("Escape")
    do(second, "objection_answered", answer="已当场重唱")
    do(first, "record_confirmed", signed="280")
    expect(second.locator("ol.steps li.cur")).to_contain_text("记录确认", timeout=10_000)
    _breaking_off_asks_why(second)
    do(second, "ended")
    expect(viewer.locator("#list-count")).to_contain_text("280", timeout=20_000)
    expect(viewer.get_by_text("开标结束").first).to_be_visible()
    expect(supervisor.locator(".list h2 strong")).to_contain_text("280", timeout=20_000)
    viewer.set_viewport_size({"width": 390, "height": 844})
    for name, page in (("viewer-phone", viewer), ("supervisor-en", supervisor), ("host-end", first)):
        page.screenshot(path=tmp_path / f"{name}.png")
    print(f"pictures in {tmp_path}")
    _whole(desk.ledger)


def _serious(page: Page) -> list[tuple[str, str]]:
    """What axe finds serious or critical in an opening that is being read."""
    broken = [
        one for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")
    ]
    return [(one["id"], node["html"][:160]) for one in broken for node in one["nodes"]]


def _correct(page: Page) -> None:
    """The first bid was read wrongly."""
    page.locator("[data-step=bid_corrected]").click()
    page.locator("dialog.form select[name=no]").select_option("1")
    page.locator("dialog.form [name=price]").fill("1900099")
    page.locator("dialog.form [name=reason]").fill("误读")
    expect(page.locator("dialog.form .preview")).to_contain_text("投标报价 190.0099 万元")
    expect(page.locator("dialog.form .preview")).to_contain_text("误读")
    page.locator("dialog.form button[type=submit]").click()
    expect(page.locator("dialog.form")).to_be_hidden(timeout=10_000)


def _breaking_off_asks_why(page: Page) -> None:
    """Ended as held no reason is asked for; broken off it must be given, and is shown as it will be published."""
    page.locator("[data-step=ended]").click()
    form = page.locator("dialog.form")
    expect(form.locator("[name=reason]")).to_be_hidden()
    form.locator("[value=terminated]").check()
    expect(form.locator("[name=reason]:invalid")).to_be_visible()
    form.locator("[name=reason]").fill("停电，另行通知")
    expect(form.locator(".preview")).to_contain_text("开标中止：停电，另行通知")
    page.keyboard.press("Escape")
    expect(form).to_be_hidden()


def _by_the_platform(ledger: Ledger, upto: int) -> None:
    """The trading platform reads on where the host stopped."""
    for _ in range(BY_HAND, upto):
        with ledger.write() as session:
            steps = {step.kind: step.payload for step in hosting.next_steps(session, "O-L1")}
            append_event(session, "O-L1", "bid_read", steps["bid_read"], actor="platform")


def _whole(ledger: Ledger) -> None:
    """Every bidder is read once, every step told once, the chain holds."""
    with ledger.read() as session:
        feed = list(public.opening_events(session, "O-L1"))
        assert verify_opening(session, "O-L1") is None
    read = [message["payload"]["no"] for message in feed if message["type"] == "bid_read"]
    assert sorted(read) == list(range(1, BIDDERS + 1))
    once = [
        message["type"]
        for message in feed
        if message["type"] not in ("bid_read", "coefficient_committed", "coefficient_revealed")
    ]
    assert len(once) == len(set(once)), once
    assert feed[-1]["type"] == "ended" and [message["seq"] for message in feed] == list(
        range(1, len(feed) + 1)
    )
