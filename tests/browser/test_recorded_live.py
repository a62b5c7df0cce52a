"""已核验: a real viewer's browser compares what it shows with what the hub records, over WebRTC and HLS, in H.264 and VP8."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from evidence.verify import Note, VerifierKey
from tests.browser.ladder_site import Publisher
from tests.browser.public_site import RUN, HubProcess
from tests.ledgers import new_ledger
from tests.needed import needed
from tests.streaming import hub_market as market
from web import HLS_JS

pytestmark = [pytest.mark.browser, pytest.mark.server]

ROOM = "hz-01"
LIST = f"/log/recorded/{ROOM}"
ANOTHER = """
from streaming.recording.roomrecorder import RoomRecorder
taken = RoomRecorder.packets

def another(self, kind, codec, packets, arrived=None):
    if kind == "video":
        packets = [p[:-1] + bytes([p[-1] ^ 1]) if len(p) > 200 else p for p in packets]
    taken(self, kind, codec, packets, arrived)

RoomRecorder.packets = another
"""
"""A recorder that is given other pictures than the viewers: a bit of each."""
PUBLISH = """async ({ room, token }) => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 }, audio: true });
  const pc = window.publisher = new RTCPeerConnection();
  for (const track of stream.getTracks()) {
    const sender = pc.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    const codecs = RTCRtpSender.getCapabilities("video").codecs.filter(({ mimeType }) => /VP8|rtx/.test(mimeType));
    if (track.kind === "video") sender.setCodecPreferences(codecs);
  }
  await pc.setLocalDescription();
  const headers = { "content-type": "application/sdp", authorization: `Bearer ${token}` };
  const answer = await fetch(`/whip/${room}`, { method: "POST", headers, body: pc.localDescription.sdp });
  await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
}"""


class Elsewhere(HubProcess):
    """A hub that records something else than it shows."""

    code = ANOTHER + RUN


@contextmanager
def running(folder: Path, kind: type[HubProcess]) -> Iterator[HubProcess]:
    """A hub with an opening under way, whose camera is yet to come."""
    ledger = new_ledger(folder / "ledger.db")
    market.rooms(ledger)
    market.opening(ledger)
    market.begin(ledger)
    process = kind(str(ledger.url), folder / "data")
    process.start()
    yield process
    process.stop()
    ledger.close()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    folder = tmp_path_factory.mktemp("hub")
    with running(folder, HubProcess) as process, Publisher(process, ROOM, market.TOKEN):
        until(lambda: httpx.get(process.address + LIST).status_code == 200, 90)
        yield process


def until(condition: Callable[[], bool], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"not within {seconds} s"
        time.sleep(0.2)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="zh-CN", permissions=["camera", "microphone"]
    )
    yield made
    made.close()


def watch(context: BrowserContext, hub: HubProcess, choice: str) -> Page:
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.add_init_script(f"localStorage.setItem('picture', '{choice}')")
    page.goto(f"{hub.address}/room/{ROOM}")
    expect(page.locator("#transport")).to_have_text(
        {"realtime": "实时", "near": "准实时"}[choice], timeout=40_000
    )
    return page


def badge(page: Page, word: str, seconds: float = 60) -> None:
    expect(page.locator("#compared")).to_be_visible(timeout=seconds * 1000)
    expect(page.locator("#compared")).to_have_text(word)


def moves(page: Page) -> None:
    video = page.locator("#video")
    before = video.evaluate("v => v.getVideoPlaybackQuality().totalVideoFrames")
    page.wait_for_timeout(1500)
    assert video.evaluate("v => v.getVideoPlaybackQuality().totalVideoFrames") > before + 10


@pytest.mark.parametrize("choice", ["realtime", "near"])
def test_what_is_shown_is_what_is_recorded_and_says_so(
    context: BrowserContext, hub: HubProcess, choice: str
) -> None:
    if choice == "near":
        needed(HLS_JS.is_file(), "hls.js")
    page = watch(context, hub, choice)
    badge(page, "已核验")
    moves(page)
    assert re.search(r"逐帧一致（\d\d:\d\d:\d\d 核对", page.locator("#compared").get_attribute("title") or "")
    page.locator("#compared").click()
    expect(page.locator("#toast")).to_contain_text("逐帧一致")
    page.goto(f"{hub.address}/room/{ROOM}?lang=en")
    badge(page, "Verified")


def test_the_list_is_signed_and_names_the_leaves_of_the_log(hub: HubProcess) -> None:
    answer = httpx.get(hub.address + LIST)
    note = Note.parse(answer.text)
    key = VerifierKey.parse(httpx.get(f"{hub.address}/log/keys").text.splitlines()[0])
    assert note.check(key) == (True, None) and answer.headers["cache-control"] == "public, max-age=1"
    assert httpx.get(f"{hub.address}/log/recorded/hz-02").status_code == 404


@pytest.mark.parametrize("shut", ["**/comparison.worker.js", "**/log/recorded/*", "**/log/keys"])
def test_where_nothing_can_be_compared_it_says_nothing_and_the_picture_goes_on(
    context: BrowserContext, hub: HubProcess, shut: str
) -> None:
    context.route(shut, lambda route: route.abort())
    page = watch(context, hub, "realtime")
    page.wait_for_timeout(8000)
    expect(page.locator("#compared")).to_be_hidden()
    moves(page)


def test_another_picture_is_recorded_and_both_ways_of_watching_say_so(
    browser: Browser, context: BrowserContext, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        hub = stack.enter_context(running(tmp_path, Elsewhere))
        stack.enter_context(Publisher(hub, ROOM, market.TOKEN))
        until(lambda: httpx.get(hub.address + LIST).status_code == 200, 90)
        beside = stack.enter_context(browser.new_context(locale="zh-CN"))
        pages = [watch(context, hub, "realtime"), watch(beside, hub, "near")]
        for page in pages:
            badge(page, "与记录不符", 90)
            expect(page.locator("#compared")).to_have_class(re.compile("bad"))
            moves(page)


def test_pictures_in_vp8_are_compared_too(context: BrowserContext, tmp_path: Path) -> None:
    with running(tmp_path, HubProcess) as hub:
        sender = context.new_page()
        sender.goto(f"{hub.address}/publish/{ROOM}")
        sender.evaluate(PUBLISH, {"room": ROOM, "token": market.TOKEN})
        until(lambda: httpx.get(hub.address + LIST).status_code == 200, 60)
        badge(watch(context, hub, "realtime"), "已核验")
