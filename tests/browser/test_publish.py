"""The operators' page in a real browser over a real hub: devices, on air, figures, coming back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.public_site import HubProcess
from tests.ledgers import new_ledger
from tests.streaming import hub_market as market

pytestmark = pytest.mark.browser
ROOM = "hz-01"
WATCH = """async () => {
  const pc = window.viewer = new RTCPeerConnection();
  window.frames = 0;
  const video = Object.assign(document.createElement('video'), {muted: true, autoplay: true});
  const see = () => { window.frames += 1; video.requestVideoFrameCallback(see); };
  pc.ontrack = (event) => { if (event.track.kind === 'video') video.srcObject = new MediaStream([event.track]); };
  video.requestVideoFrameCallback(see);
  for (const kind of ['video', 'audio']) pc.addTransceiver(kind, {direction: 'recvonly'});
  await pc.setLocalDescription();
  const answer = await fetch('/whep/hz-01', {method: 'POST', headers: {'content-type': 'application/sdp'}, body: pc.localDescription.sdp});
  await pc.setRemoteDescription({type: 'answer', sdp: await answer.text()});
}"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    book = new_ledger(tmp_path_factory.mktemp("site") / "ledger.db")
    market.rooms(book)
    process = HubProcess(str(book.url), tmp_path_factory.mktemp("hub") / "data")
    process.start()
    yield process
    process.stop()
    book.close()


@pytest.fixture
def page(browser: Browser, hub: HubProcess) -> Iterator[Page]:
    context = browser.new_context(base_url=hub.address, permissions=["camera", "microphone"])
    made = context.new_page()
    refusals: list[str] = []
    made.on("console", lambda said: refusals.append(said.text) if "Content Security" in said.text else None)
    made.on("pageerror", lambda error: refusals.append(str(error)))
    yield made
    context.close()
    assert refusals == []


def wait(condition: Callable[[], bool], seconds: float = 15) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "condition did not come true in time"
        time.sleep(0.1)


def on_air(hub: HubProcess) -> bool:
    text = httpx.get(f"{hub.address}/metrics").text
    return f'sunbid_media_publishing{{room="{ROOM}"}} 1.0' in text


def test_from_the_first_look_to_a_picture_and_back_off_air(page: Page, hub: HubProcess) -> None:
    page.goto(f"/publish/{ROOM}#token={market.TOKEN}")
    expect(page.locator("#go")).to_be_enabled()
    assert "token" not in page.url
    assert page.locator("#camera option").count() >= 1 and page.locator("#microphone option").count() >= 1
    wait(lambda: page.evaluate("document.getElementById('preview').videoWidth > 0"))
    wait(lambda: page.evaluate("document.getElementById('level').value > 0.2"))  # the fake device beeps
    page.click("#go")
    expect(page.locator("#state")).to_have_text("正在推流", timeout=15_000)
    wait(lambda: on_air(hub))
    page.evaluate(WATCH)
    wait(lambda: page.evaluate("window.frames > 15"))
    for figure, unit in (("bitrate", "kbit/s"), ("fps", "fps"), ("rtt", "ms"), ("loss", "%")):
        expect(page.locator(f"#{figure}")).to_contain_text(unit, timeout=5_000)
    before = page.evaluate("window.frames")
    page.select_option("#camera", index=0)  # another device goes on air without a new connection
    page.locator("#camera").dispatch_event("change")
    wait(lambda: page.evaluate(f"window.frames > {before} + 15"))
    page.click("#go")
    expect(page.locator("#state")).to_have_text("未推流")
    wait(lambda: not on_air(hub))


def test_a_wrong_token_is_said_and_not_tried_again(page: Page) -> None:
    page.goto(f"/publish/{ROOM}?lang=en")
    page.fill("#token", "wrong")
    page.click("#go")
    expect(page.locator("#said")).to_contain_text("token is wrong")
    expect(page.locator("#go")).to_have_text("Start")


def test_it_comes_back_by_itself_after_the_hub_did(page: Page, hub: HubProcess) -> None:
    page.goto(f"/publish/{ROOM}#token={market.TOKEN}")
    page.click("#go")
    expect(page.locator("#state")).to_have_text("正在推流", timeout=15_000)
    hub.kill()
    hub.start()
    wait(lambda: on_air(hub), 45)
    expect(page.locator("#state")).to_have_text("正在推流")
    page.click("#go")
    wait(lambda: not on_air(hub))


def test_where_udp_is_shut_out_the_picture_comes_by_tcp(page: Page, hub: HubProcess) -> None:
    def without_udp(route: Route) -> None:
        answer = route.fetch()
        body = re.sub(r"(a=candidate:\S+ 1 udp \d+ \S+) \d+", r"\1 9", answer.text())
        assert "tcptype passive" in body
        route.fulfill(response=answer, body=body)

    page.route("**/whip/*", without_udp)
    page.goto(f"/publish/{ROOM}#token={market.TOKEN}")
    page.click("#go")
    expect(page.locator("#state")).to_have_text("正在推流", timeout=15_000)
    page.evaluate(WATCH)
    wait(lambda: page.evaluate("window.frames > 15"))
    page.click("#go")
    wait(lambda: not on_air(hub))


def test_the_next_publisher_takes_over_and_the_first_comes_back_after_it(
    browser: Browser, page: Page, hub: HubProcess
) -> None:
    page.goto(f"/publish/{ROOM}#token={market.TOKEN}")
    page.click("#go")
    expect(page.locator("#state")).to_have_text("正在推流", timeout=15_000)
    context = browser.new_context(base_url=hub.address, permissions=["camera", "microphone"])
    second = context.new_page()
    second.goto(f"/publish/{ROOM}#token={market.TOKEN}")
    second.click("#go")
    expect(second.locator("#state")).to_have_text("正在推流", timeout=15_000)
    expect(page.locator("#said")).to_contain_text("由另一来源推流", timeout=15_000)
    expect(second.locator("#state")).to_have_text("正在推流")  # a page that comes back takes nothing away
    page.click("#firmly")  # its operator may, on purpose
    expect(page.locator("#state")).to_have_text("正在推流", timeout=15_000)
    expect(second.locator("#said")).to_contain_text("由另一来源推流", timeout=15_000)
    page.click("#go")
    expect(second.locator("#state")).to_have_text("正在推流", timeout=20_000)
    context.close()
    wait(lambda: not on_air(hub))
