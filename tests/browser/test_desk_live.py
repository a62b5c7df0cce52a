"""The desk's live screens in a real browser against real processes: push, keys, picture, steps."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from records.ledger import Ledger
from records.states import append_event
from records.tables.openings import Opening
from streaming import ffmpeg
from supervision.warnings import desk as warnings
from tests.browser.contexts import Contexts
from tests.dashboard.live_market import BIDDERS, PASSWORD, PUBLISH_TOKEN, process, raise_one, seed
from tests.ledgers import new_ledger
from tests.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.server]

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip
DESK = """
from pathlib import Path
from dashboard.config import DeskConfig
from dashboard.serve import serve
serve(DeskConfig(database_url={url!r}, data_dir=Path({data!r}), port={port}, hub_url="http://127.0.0.1:{hub}"))
"""
HUB = """
from pathlib import Path
from streaming.config import HubConfig
from streaming.serve import serve
serve(HubConfig(database_url={url!r}, data_dir=Path({data!r}), port={hub}, media_port={hub}, desk_origin="http://127.0.0.1:{port}"))
"""


@dataclass
class Desk:
    """A running desk and where its ledger and hub are."""

    url: str
    ledger: Ledger
    folder: Path
    hub_port: int
    settings: dict[str, object]

    def warning(self, warning_id: str) -> warnings.WarningRow:
        """A warning as the ledger has it now."""
        with self.ledger.read() as session:
            return warnings.get_warning(session, warning_id)

    def sign_in(self, contexts: Contexts, role: str, size: tuple[int, int] = (1440, 900)) -> Page:
        """A page signed in as `role`."""
        context = contexts.take(
            self.url,
            viewport={"width": size[0], "height": size[1]},
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
        )
        answer = context.request.post(f"{self.url}/auth/login", form={"name": role, "password": PASSWORD})
        assert answer.ok
        return context.new_page()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    url = f"sqlite:///{folder / 'ledger.db'}"
    ledger = new_ledger(folder / "ledger.db")
    seed(ledger)
    port, hub = free_port(), free_port()
    settings: dict[str, object] = {"url": url, "data": str(folder), "port": port, "hub": hub}
    with process(DESK.format(**settings), port, folder / "desk.log"):
        yield Desk(f"http://127.0.0.1:{port}", ledger, folder, hub, settings)
    ledger.close()


@contextmanager
def hub_of(desk: Desk) -> Iterator[str]:
    """The desk's hub for as long as the block runs; gives the address to publish room yh-01 to."""
    with process(HUB.format(**desk.settings), desk.hub_port, desk.folder / "hub.log"):
        yield f"http://127.0.0.1:{desk.hub_port}/whip/yh-01"


class Publisher:
    """ffmpeg as a WHIP publisher of a moving test picture with sound."""

    def __init__(self, address: str) -> None:
        picture = ffmpeg.moving_picture("320x180", 15)
        self.command = ffmpeg.publish(address, PUBLISH_TOKEN, picture, coding={"g": 15})

    def __enter__(self) -> None:
        self.running = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)

    def __exit__(self, *_error: object) -> None:
        self.running.terminate()
        self.running.wait(15)


def test_a_warning_appears_without_reload_and_is_dealt_with_by_keys(desk: Desk, contexts: Contexts) -> None:
    page = desk.sign_in(contexts, "supervisor")
    page.goto(f"{desk.url}/warnings")
    expect(page.get_by_text("今日无未处置预警")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("本系统预警结果仅供监管核查参考，不构成违法违规认定。").last).to_be_visible()
    page.evaluate("window.untouched = true")
    delays = []
    for number in (1, 2, 3):
        with desk.ledger.write() as session:
            raised = raise_one(session, number, "red" if number == 3 else "orange").id
        committed = time.monotonic()
        page.locator(f"#w-{raised}").wait_for(timeout=5_000)
        delays.append(time.monotonic() - committed)
    print(f"row committed → visible: {', '.join(f'{delay:.2f} s' for delay in delays)}")
    assert max(delays) < 2
    assert page.evaluate("window.untouched") is True, "no reload"
    row = page.locator(f"#w-{raised}")
    expect(row).to_contain_text("听涛路改造工程（二标段） · 余杭")
    expect(page.locator(".lamp.red strong")).to_contain_text("1")
    row.click()
    expect(page.locator(".ev .cant")).to_contain_text("规则看不到的")
    expect(page.locator(".ev .dg text").first).to_contain_text("投标人甲")
    assert not any(page.get_by_text(name).count() for name in BIDDERS)
    page.keyboard.press("a")
    expect(row).to_contain_text("已受理")
    page.keyboard.press("j")
    expect(row).not_to_have_attribute("aria-current", "true")
    page.keyboard.press("k")
    page.keyboard.press("d")
    page.locator("dialog input[value=not_confirmed]").check()
    page.locator("dialog textarea").fill("现场核对无误")
    page.locator("dialog button[type=submit]").click()
    expect(row).to_contain_text("已排除")
    with desk.ledger.read() as session:
        held = warnings.get_warning(session, raised)
    assert (held.state, held.note, held.handler) == ("dismissed", "现场核对无误", "supervisor")
    page.close()


def test_a_leader_sees_counts_only(desk: Desk, contexts: Contexts) -> None:
    with desk.ledger.write() as session:
        raise_one(session, 11)
    page = desk.sign_in(contexts, "leader")
    page.goto(f"{desk.url}/warnings")
    expect(page.locator(".lamp.red strong")).to_contain_text("条未办结", timeout=30_000)
    assert page.locator(".w, .ev, .stream").count() == 0
    assert page.get_by_text("疑似同机制作").count() == 0
    page.close()


def begin(desk: Desk) -> None:
    """Open lot L1 as far as decryption, unless a test before did."""
    with desk.ledger.write() as session:
        if session.get_one(Opening, "O-L1").state != "scheduled":
            return
        bidders = [{"no": n, "name": name} for n, name in enumerate(BIDDERS, start=1)]
        append_event(session, "O-L1", "bidders_published", {"count": 3, "bidders": bidders}, actor="test")
        append_event(session, "O-L1", "decrypt_progress", {"done": 3, "total": 3}, actor="test")


def playing(page: Page) -> None:
    page.wait_for_function(
        """() => {
          const find = (root) => { for (const el of root.querySelectorAll('*')) {
            if (el.tagName === 'VIDEO') return el;
            const inner = el.shadowRoot && find(el.shadowRoot); if (inner) return inner; } };
          const video = find(document);
          window.video ??= video;
          return video && video.videoWidth > 0 && video.getVideoPlaybackQuality().totalVideoFrames > 10;
        }""",
        timeout=40_000,
    )


def test_the_room_plays_through_reruns_and_follows_the_opening(desk: Desk, contexts: Contexts) -> None:
    begin(desk)
    page = desk.sign_in(contexts, "operator", (1440, 1600))
    with hub_of(desk) as address, Publisher(address):
        page.goto(f"{desk.url}/room?opening=O-L1")
        playing(page)
        expect(page.locator(".pic .tag.real")).to_have_text("实时")
        page.locator("button.next").click()
        first = page.get_by_role("row", name=BIDDERS[0])
        expect(first).to_contain_text("190.00", timeout=15_000)
        here = page.get_by_test_id("stMainBlockContainer").locator("[aria-current=step]")
        expect(here).to_contain_text("唱标")
        page.get_by_role("button", name="暂停刷新").click()
        page.get_by_role("button", name="恢复刷新").wait_for()
        frames = "window.video.isConnected && window.video.getVideoPlaybackQuality().totalVideoFrames"
        before = page.evaluate(frames)
        page.wait_for_timeout(1500)
        assert before and page.evaluate(frames) > before, "the same player goes on through reruns"
        with desk.ledger.write() as session:
            append_event(session, "O-L1", "paused", {"reason": "身份核对"}, actor="test")
        expect(page.locator(".pic .slate")).to_contain_text("身份核对", timeout=5_000)
        with desk.ledger.write() as session:
            append_event(session, "O-L1", "resumed", {}, actor="test")
        expect(page.locator(".pic .slate")).to_be_hidden(timeout=5_000)
        corrected = {"no": 1, "name": BIDDERS[0], "price": "1890000", "reason": "唱标口误"}
        with desk.ledger.write() as session:
            append_event(session, "O-L1", "bid_corrected", corrected, actor="test")
            append_event(session, "O-L1", "objection", {"no": 1, "content": "请核对工期"}, actor="test")
        expect(page.locator("table s")).to_have_text("190.0001")
        expect(page.get_by_role("row", name="唱标口误")).to_contain_text("189.00")
        expect(page.get_by_text("请核对工期").first).to_be_visible()
        page.close()


def test_the_wall_comes_back_after_publisher_and_hub_do(desk: Desk, contexts: Contexts) -> None:
    begin(desk)
    page = desk.sign_in(contexts, "supervisor")
    slate = page.locator(".tile .slate", has_text="暂无画面信号").filter(visible=True)
    live = page.locator(".tile .tag.live")
    with hub_of(desk) as address:
        with Publisher(address):
            joined: list[str] = []
            page.on("request", lambda one: joined.append(one.url) if one.url.find("/whep/yh") > 0 else None)
            page.goto(f"{desk.url}/hall")
            playing(page)
            expect(live).to_be_visible()
            assert joined[0].endswith("?layer=low"), "the small picture for a tile"
            with page.expect_request("**/whep/yh-01"):  # and the full one where it fills the screen
                live.locator("xpath=../..").get_by_role("button", name="全屏").click()
            with page.expect_request("**/whep/yh-01?layer=low"):
                page.evaluate("document.exitFullscreen()")
            expect(live).to_be_visible()
            assert page.get_by_text("3 家").count() == 0, "the wall never counts bidders"
        expect(slate.first).to_be_visible(timeout=20_000)
        with Publisher(address):
            started = time.monotonic()
            expect(live).to_be_visible(timeout=30_000)
            print(f"publisher back → picture: {time.monotonic() - started:.1f} s")
    expect(live).to_be_hidden(timeout=30_000)
    with hub_of(desk) as address, Publisher(address):
        started = time.monotonic()
        expect(live).to_be_visible(timeout=45_000)
        print(f"hub back → picture: {time.monotonic() - started:.1f} s")
    page.close()


def _shown(page: Page) -> str | None:
    """The warning whose line is marked; None if none is."""
    return page.evaluate("document.querySelector('.w[aria-current]')?.dataset.id ?? null")  # type: ignore[no-any-return]


def test_the_address_names_the_warning_and_keys_act_on_nothing_else(desk: Desk, contexts: Contexts) -> None:
    """Links of other screens, J and K, wrong and vanished ids, assigning, the badge, an action's message."""
    with desk.ledger.write() as session:
        ids = [raise_one(session, number, "red").id for number in (21, 22, 23)]
        dismissed = raise_one(session, 24, "red").id
        warnings.act(session, dismissed, "dismiss", "supervisor", "not_confirmed")
    wanted = ids[0]
    page = desk.sign_in(contexts, "supervisor")
    page.goto(f"{desk.url}/warnings?warning={wanted}")
    expect(page.locator(f"#w-{wanted}")).to_have_attribute("aria-current", "true", timeout=30_000)
    page.keyboard.press("k")
    page.wait_for_function("id => !location.search.includes(id)", arg=wanted)
    page.keyboard.press("j")
    page.wait_for_function("id => location.search.includes(id)", arg=wanted)
    badge = page.locator("[data-testid=stSidebar] .stMarkdownBadge")
    before = int(badge.inner_text())
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.evaluate("document.fonts.ready")  # all that stands above the list has its height
    height = page.locator(".stream header").bounding_box()
    page.keyboard.press("d")
    page.locator("dialog input[value=not_confirmed]").check()
    page.locator("dialog textarea").fill("现场核对无误")
    page.locator("dialog button[type=submit]").click()
    expect(badge).to_have_text(str(before - 1), timeout=2_000)
    expect(page.locator(".told")).to_contain_text("已排除")
    over = "bar => bar.previousElementSibling.getBoundingClientRect().bottom > bar.getBoundingClientRect().top + 1"
    assert page.locator(".told").evaluate(over) is False, "the list ends above the bar"
    assert page.locator(".stream header").bounding_box() == height, "the message squeezes nothing"
    expect(page.locator(".told")).to_be_empty(timeout=30_000)
    assert desk.warning(wanted).state == "dismissed"

    page.goto(f"{desk.url}/warnings?warning=no-such-warning")
    expect(page.locator(".ev")).to_contain_text("没有这条预警：no-such-warning", timeout=30_000)
    assert _shown(page) is None
    for key in ("a", "d", "l", "f"):
        page.keyboard.press(key)
    assert page.locator("dialog[open]").count() == 0
    assert {desk.warning(one).state for one in ids[1:]} == {"new"}

    page.goto(f"{desk.url}/warnings?warning={dismissed}")
    expect(page.locator(".ev")).to_contain_text("不在当前筛选范围", timeout=30_000)
    assert _shown(page) is None and desk.warning(dismissed).state == "dismissed"

    page.goto(f"{desk.url}/warnings?warning={ids[1]}")
    expect(page.locator(f"#w-{ids[1]}")).to_have_attribute("aria-current", "true", timeout=30_000)
    page.keyboard.press("f")
    page.locator("dialog select").select_option("admin")
    page.locator("dialog button[type=submit]").click()
    expect(page.locator(f"#w-{ids[1]}")).to_contain_text("已分办")
    assert desk.warning(ids[1]).assignee == "admin"
    other = desk.sign_in(contexts, "admin")
    other.goto(f"{desk.url}/warnings?state=mine")
    expect(other.locator(f"#w-{ids[1]}")).to_be_visible(timeout=30_000)
    expect(other.locator("[data-testid=stSidebar]")).to_contain_text("我 1")
    assert other.locator(".w").count() == 1
    other.close()
    page.close()


def test_a_row_of_a_warning_screen_opens_that_warning(desk: Desk, contexts: Contexts) -> None:
    with desk.ledger.write() as session:
        ids = [raise_one(session, number, "orange").id for number in (31, 32, 33)]
        newest = warnings.list_warnings(session, limit=1)[0].id
    page = desk.sign_in(contexts, "supervisor")
    page.goto(f"{desk.url}/rings")
    table = page.locator("[data-testid=stDataFrame] .dvn-scroller").first
    expect(table).to_be_visible(timeout=30_000)
    table.click(position={"x": 16, "y": 84})  # the box of the second row
    page.wait_for_url("**/warnings?warning=**")
    chosen = page.url.partition("warning=")[2]
    assert chosen in ids and chosen != newest, page.url
    expect(page.locator(f"#w-{chosen}")).to_have_attribute("aria-current", "true", timeout=30_000)
    colours = page.locator(".stream .seg")
    colours.get_by_role("button", name="橙").click()
    page.wait_for_function("location.search.includes('level=orange')")
    page.reload()
    orange = colours.get_by_role("button", name="橙")
    expect(orange).to_have_attribute("aria-pressed", "true", timeout=30_000)
    expect(page.locator(f"#w-{chosen}")).to_be_visible()
    assert page.locator(".w.red").count() == 0, "the address keeps the colour"
    colours.get_by_role("button", name="全部").click()
    page.wait_for_function("!location.search.includes('level')")
    page.close()


def test_every_screen_has_its_own_title_and_its_lists_are_reached_by_keyboard(
    desk: Desk, contexts: Contexts
) -> None:
    with desk.ledger.write() as session:
        raise_one(session, 41)
    page = desk.sign_in(contexts, "supervisor")
    for slug, title in (("openness", "市场开放程度"), ("warnings", "预警中心"), ("room", "数字直播间")):
        page.goto(f"{desk.url}/{slug}")
        expect(page).to_have_title(f"{title} · 阳光开标", timeout=30_000)
        expect(page.locator("header.title h1")).to_have_text(title, timeout=30_000)
        expect(page).to_have_title(f"{title} · 阳光开标")
    page.goto(f"{desk.url}/warnings?lang=en")
    expect(page).to_have_title("Warning centre · sunbid", timeout=30_000)
    expect(page.locator("[role=listbox]")).to_have_attribute("tabindex", "0", timeout=30_000)
    page.close()
