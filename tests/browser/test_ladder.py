"""The ladder in a real browser: 实时 → 准实时 → 文字 and back, by itself and by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.ladder_site import Network, Publisher
from tests.browser.public_site import HubProcess
from tests.ledgers import new_ledger
from tests.needed import needed
from tests.streaming import hub_market as market
from web import HLS_JS

pytestmark = [pytest.mark.browser, pytest.mark.server]

ROOM = "hz-01"
WATCH_SLATE = """() => {
  const slate = document.getElementById("slate");
  window.slated = 0;
  window.watching = new MutationObserver(() => { if (!slate.hidden) window.slated++; });
  window.watching.observe(slate, { attributes: true, attributeFilter: ["hidden"] });
}"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    needed(HLS_JS.is_file(), "hls.js")
    folder = tmp_path_factory.mktemp("ladder")
    ledger = new_ledger(folder / "ledger.db")
    market.rooms(ledger)
    market.opening(ledger)
    market.begin(ledger)
    market.read(ledger, "O1", 1)
    process = HubProcess(str(ledger.url), folder / "data")
    process.start()
    with Publisher(process, ROOM, market.TOKEN):
        limit = time.monotonic() + 90
        while '"state":"live"' not in httpx.get(f"{process.address}/api/rooms").text:
            assert time.monotonic() < limit, "the room did not go on air in 90 s"
            time.sleep(0.2)
        yield process
    process.stop()
    ledger.close()


@pytest.fixture
def page(browser: Browser, hub: HubProcess) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="zh-CN", timezone_id="Asia/Shanghai",
        base_url=hub.address,
    )  # fmt: skip
    opened = context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda said: troubles.append(said.text) if "Content Security" in said.text else None)
    yield opened
    context.close()
    assert not troubles


def badge(page: Page, word: str, seconds: float) -> float:
    """Wait until the badge says it; how long that took."""
    asked = time.monotonic()
    expect(page.locator("#transport")).to_have_text(word, timeout=seconds * 1000)
    return time.monotonic() - asked


def grows(page: Page) -> None:
    """The picture that is shown moves on."""
    video = page.locator("#video")
    expect(video).to_be_visible()
    before = video.evaluate("v => [v.currentTime, v.getVideoPlaybackQuality().totalVideoFrames]")
    page.wait_for_timeout(1500)
    after = video.evaluate("v => [v.currentTime, v.getVideoPlaybackQuality().totalVideoFrames]")
    assert after[0] > before[0] + 0.7 and after[1] > before[1] + 10, (before, after)


def over_webrtc(page: Page) -> bool:
    return bool(page.locator("#video").evaluate("v => v.srcObject instanceof MediaStream"))


@pytest.mark.parametrize("climb", [4_000, pytest.param(30_000, marks=pytest.mark.soak)])
def test_the_picture_goes_down_and_up_the_ladder_by_itself(page: Page, climb: int) -> None:
    network = Network(page)
    network.hurry(climb)
    network.shut_udp()
    page.goto(f"/room/{ROOM}")
    fell = badge(page, "准实时", 25)
    assert network.joins == 3 and 8 < fell < 16, (network.joins, fell)
    grows(page)
    assert not over_webrtc(page) and page.locator("#video").evaluate("v => v.currentSrc").startswith("blob:")
    assert "UDP" in (page.locator("#transport").get_attribute("title") or "")
    network.shut_hls()
    badge(page, "文字", 20)
    expect(page.locator("#slate")).to_be_visible()
    expect(page.locator("#lines li").first).to_contain_text("第 1 号")
    network.open_hls()
    badge(page, "准实时", 40)
    grows(page)
    network.open_udp()
    page.evaluate(WATCH_SLATE)
    climbed = badge(page, "实时", 15 + 2 * climb / 1000)
    print(f"fell after {fell:.1f} s, climbed after {climbed:.1f} s")
    assert page.evaluate("window.slated") == 0, "the picture stood until the better one was there"
    grows(page)
    assert over_webrtc(page)


@pytest.mark.parametrize("rung", ["realtime", "near"])
def test_the_page_tells_how_soon_the_picture_came_and_how_late_it_is(
    page: Page, hub: HubProcess, rung: str
) -> None:
    page.add_init_script(f"localStorage.setItem('picture', '{rung}')")
    Network(page).tell_often(1_000)
    told: list[dict[str, Any]] = []
    page.on("request", lambda one: told.append(one.post_data_json) if "/api/viewings" in one.url else None)
    with page.expect_response("**/api/viewings", timeout=30_000) as taken:
        page.goto(f"/room/{ROOM}")
    assert taken.value.status == 204
    limit = time.monotonic() + 20
    while not any(word["delay"] for word in told):
        assert time.monotonic() < limit, told
        page.wait_for_timeout(200)
    first, late = told[0], next(word["delay"] for word in told if word["delay"])
    assert not first["known"] and 0.05 < first["first_frame"] < 25
    assert all(word["known"] and 0 < word["seconds"] < 5 for word in told[1:])
    assert 0 < late < (2 if rung == "realtime" else 12), late
    assert {frozenset(word) for word in told} == {
        frozenset(("viewer", "opening", "known", "seconds", "first_frame", "delay"))
    }
    print(f"{rung}: first frame after {first['first_frame']:.2f} s, {late:.2f} s late")


def test_without_hls_js_the_browsers_own_player_serves(page: Page) -> None:
    Network(page).hide_library()
    page.add_init_script("localStorage.picture = 'near'")
    page.goto(f"/room/{ROOM}")
    badge(page, "准实时", 30)
    grows(page)
    assert page.locator("#video").evaluate("v => v.currentSrc").endswith(f"/hls/{ROOM}/index.m3u8?audio=aac")


def test_a_viewer_may_choose_a_rung_and_the_choice_is_kept(page: Page) -> None:
    page.goto(f"/room/{ROOM}")
    badge(page, "实时", 15)
    choose(page, "准实时")
    badge(page, "准实时", 15)
    grows(page)
    assert page.locator("#transport").get_attribute("title") == "按您的选择"
    page.reload()
    badge(page, "准实时", 15)
    assert not over_webrtc(page)
    choose(page, "文字")
    badge(page, "文字", 5)
    expect(page.locator("#slate")).to_contain_text("按您的选择")
    choose(page, "自动")
    badge(page, "实时", 15)
    grows(page)


def choose(page: Page, word: str) -> None:
    page.locator("#transport").click()
    page.locator("#rung").get_by_role("button", name=word, exact=True).click()


def test_a_full_room_is_watched_over_hls_at_once(page: Page) -> None:
    page.route("**/whep/*", lambda route: route.fulfill(status=503))
    page.goto(f"/room/{ROOM}")
    assert badge(page, "准实时", 20) < 8
    assert "已满" in (page.locator("#transport").get_attribute("title") or "")


def test_a_room_that_only_script_players_or_nobody_can_show_stays_with_the_text(page: Page) -> None:
    page.route("**/whep/*", lambda route: route.fulfill(status=404))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/hls/" in request.url else None)
    page.goto(f"/room/{ROOM}")
    expect(page.locator("#slate")).to_contain_text("画面中断", timeout=10_000)
    badge(page, "文字", 5)
    page.wait_for_timeout(3000)
    assert not asked, "a room that is gone is gone on every rung"


LOSSY = """
const asked = RTCPeerConnection.prototype.getStats;
let lost = 0, came = 0;
RTCPeerConnection.prototype.getStats = async function () {
  const found = new Map();
  for (const [id, one] of await asked.call(this)) {
    if (!window.lossy || one.type !== "inbound-rtp") { found.set(id, one); continue; }
    found.set(id, { ...one, packetsReceived: (came += 100), packetsLost: (lost += 80) });
  }
  return found;
};
"""


def sessions(page: Page) -> list[str]:
    """Addresses of the page's WHEP sessions as they begin."""
    found: list[str] = []

    def note(route: Route) -> None:
        answer = route.fetch()
        if answer.status == 201:
            found.append(answer.headers["location"])
        route.fulfill(response=answer)

    page.route("**/whep/*", note)
    return found


def test_a_session_that_the_hub_ends_is_joined_anew_at_once(page: Page, hub: HubProcess) -> None:
    begun = sessions(page)
    page.goto(f"/room/{ROOM}")
    badge(page, "实时", 15)
    httpx.delete(hub.address + begun[0])
    asked = time.monotonic()
    while len(begun) < 2:
        assert time.monotonic() - asked < 6, "the page did not come back"
        page.wait_for_timeout(50)
    badge(page, "实时", 10)
    grows(page)
    assert over_webrtc(page), "whoever is sent away for the codec or a restart stays on the first rung"


@pytest.mark.parametrize("ended_by_hub", [True, False])
def test_a_lossy_line_is_watched_over_hls(page: Page, hub: HubProcess, ended_by_hub: bool) -> None:
    page.add_init_script(LOSSY)
    begun = sessions(page)
    page.goto(f"/room/{ROOM}")
    badge(page, "实时", 15)
    page.evaluate("window.lossy = true")
    if ended_by_hub:
        page.wait_for_timeout(5000)
        httpx.delete(hub.address + begun[0])
    fell = badge(page, "准实时", 30)
    assert "丢包" in (page.locator("#transport").get_attribute("title") or "")
    assert len(begun) == 1 and fell > (0 if ended_by_hub else 6)
    grows(page)


def test_the_switch_between_cameras_keeps_the_rung(page: Page, hub: HubProcess) -> None:
    def with_cameras(route: Route) -> None:
        rooms = route.fetch().json()
        for one in rooms:
            one["cameras"] = [ROOM, f"{ROOM}.far"] if one["id"] == ROOM else []
        route.fulfill(json=rooms)

    page.goto(f"/room/{ROOM}")
    badge(page, "实时", 15)
    expect(page.locator("#cameras")).to_be_hidden()
    page.route("**/api/rooms", with_cameras)
    with Publisher(hub, f"{ROOM}.far", market.TOKEN, picture="smptebars"):
        page.locator("#cameras").get_by_role("button", name="全景").wait_for(timeout=10_000)
        page.wait_for_timeout(2000)
        page.evaluate(WATCH_SLATE)
        with page.expect_request(f"**/whep/{ROOM}.far"):
            page.locator("#cameras").get_by_role("button", name="全景").click()
        expect(page.locator("#cameras [aria-pressed=true]")).to_have_text("全景")
        page.wait_for_timeout(3000)
        assert page.evaluate("window.slated") == 0
        badge(page, "实时", 5)
        grows(page)
        choose(page, "准实时")
        badge(page, "准实时", 15)
        with page.expect_request(f"**/hls/{ROOM}/index.m3u8*"):
            page.locator("#cameras").get_by_role("button", name="近景").click()
        badge(page, "准实时", 15)
        grows(page)
