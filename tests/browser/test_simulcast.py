"""Our publishing page sends two sizes, our player asks for one of them; H.264 and VP8, in a real Chromium."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.public_site import HubProcess
from tests.ledgers import new_ledger
from tests.streaming import hub_market as market

pytestmark = [pytest.mark.browser, pytest.mark.server]
ROOM = "hz-01"
ONLY = """codec => {
  const real = RTCRtpSender.getCapabilities.bind(RTCRtpSender);
  RTCRtpSender.getCapabilities = (kind) => kind === "audio" ? real(kind)
    : { ...real(kind), codecs: real(kind).codecs.filter((one) => [codec, "video/rtx"].includes(one.mimeType)) };
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...options) { super(...options); window.connection = this; }
  };
}"""
CODECS = """async () => {
  const stats = [...(await connection.getStats()).values()], sent = stats.filter((one) => one.type === "outbound-rtp" && one.kind === "video");
  return [...new Set(sent.map((one) => stats.find((other) => other.id === one.codecId).mimeType))];
}"""
SEND = """async ([rid, active]) => {
  const sender = connection.getSenders().find((one) => one.track.kind === "video"), parameters = sender.getParameters();
  parameters.encodings.find((one) => one.rid === rid).active = active;
  await sender.setParameters(parameters);
}"""
WATCH = """async ([name, layer]) => {
  const folder = new URL(".", document.querySelector("script[type=module]").src);
  const { Whep } = await import(new URL("whep.js", folder));
  const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true });
  const widths = [];
  const see = (_, frame) => { if (widths.at(-1) !== frame.width) widths.push(frame.width); video.requestVideoFrameCallback(see); };
  video.requestVideoFrameCallback(see);
  const session = new Whep({ hub: "", room: "hz-01", layer }, (why) => { window[name].ended = why; });
  window[name] = { video, widths, session, ended: "" };
  await session.open(video, 8000);
}"""
SEEN = (
    "name => ({ widths: window[name].widths, ended: window[name].ended,"
    " frames: window[name].video.getVideoPlaybackQuality().totalVideoFrames })"
)

PATIENCE = 90.0
"""Seconds for Chromium's encoder to raise a layer: it looks for room on a busy machine as on a narrow line, and goes up slowly."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    folder = tmp_path_factory.mktemp("simulcast")
    ledger = new_ledger(folder / "ledger.db")
    market.rooms(ledger)
    market.opening(ledger)
    market.begin(ledger)
    market.read(ledger, "O1", 1)
    process = HubProcess(str(ledger.url), folder / "data")
    process.start()
    yield process
    process.stop()
    ledger.close()


def figure(hub: HubProcess, name: str) -> float:
    text = httpx.get(f"{hub.address}/metrics").text
    prefix = f'sunbid_media_{name}{{room="{ROOM}"}} '
    return float(next(line for line in text.splitlines() if line.startswith(prefix)).removeprefix(prefix))


def playing(page: Page, name: str, width: int) -> dict[str, Any]:
    """Wait until that viewer shows 15 more frames, of that width."""
    limit, start = time.monotonic() + PATIENCE, None
    while True:
        seen: dict[str, Any] = page.evaluate(SEEN, name)
        assert not seen["ended"]
        if seen["widths"][-1:] != [width]:
            start = None
        elif start is None:
            start = seen["frames"]
        elif seen["frames"] > start + 15:
            return seen
        assert time.monotonic() < limit, seen
        time.sleep(0.1)


@pytest.mark.parametrize("codec", ["video/H264", "video/VP8"])
def test_a_tile_gets_the_small_picture(browser: Browser, hub: HubProcess, codec: str) -> None:
    context = browser.new_context(base_url=hub.address, permissions=["camera", "microphone"])
    studio, wall = context.new_page(), context.new_page()
    studio.add_init_script(f"({ONLY})({codec!r})")
    studio.goto(f"/publish/{ROOM}#token={market.TOKEN}")
    wall.goto("/")
    studio.click("#go")
    expect(studio.locator("#state")).to_have_text("正在推流", timeout=15_000)
    for name, layer in (("tile", "low"), ("full", None)):
        wall.evaluate(WATCH, [name, layer])
    playing(wall, "full", 1280)
    playing(wall, "tile", 320)
    expect(studio.locator("#fps")).to_contain_text("1280×720 · 2")
    assert studio.evaluate(CODECS) == [codec]
    assert figure(hub, "low_layer") == 1 and 10_000 < figure(hub, "low_bitrate") < 250_000
    # the encoder drops a layer and takes it up again: the same two sessions go on
    studio.evaluate(SEND, ["l", False])
    playing(wall, "tile", 1280)
    assert figure(hub, "low_layer") == 0
    studio.evaluate(SEND, ["l", True])
    playing(wall, "tile", 320)
    studio.evaluate(SEND, ["h", False])
    playing(wall, "full", 320)
    studio.evaluate(SEND, ["h", True])
    playing(wall, "full", 1280)
    playing(wall, "tile", 320)
    with wall.expect_request(f"**/whep/{ROOM}?layer=low"):  # nine equal cards
        wall.goto("/?tiles=9")
    with wall.expect_request(f"**/whep/{ROOM}"):  # the large card of the hall
        wall.goto("/")
    studio.click("#go")
    expect(studio.locator("#state")).to_have_text("未推流")
    context.close()


def test_a_server_that_takes_one_layer_gets_the_large_one(browser: Browser, hub: HubProcess) -> None:
    def one_layer(route: Route) -> None:
        answer = route.fetch()
        lines = answer.text().split("\r\n")
        kept = [line for line in lines if not line.startswith(("a=simulcast:", "a=rid:"))]
        assert len(kept) == len(lines) - 3
        route.fulfill(response=answer, body="\r\n".join(kept))

    context = browser.new_context(base_url=hub.address, permissions=["camera", "microphone"])
    studio, wall = context.new_page(), context.new_page()
    studio.route(f"**/whip/{ROOM}", one_layer)
    studio.goto(f"/publish/{ROOM}#token={market.TOKEN}")
    wall.goto("/")
    studio.click("#go")
    expect(studio.locator("#state")).to_have_text("正在推流", timeout=15_000)
    wall.evaluate(WATCH, ["tile", "low"])
    playing(wall, "tile", 1280)
    assert figure(hub, "low_layer") == 0
    studio.click("#go")
    context.close()
