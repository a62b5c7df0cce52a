"""The player's buffer: 250 ms where packets get lost, nothing added where none do."""

import asyncio
import contextlib
import socket
import time

import pytest
import uvicorn
from lossy import Line, lossy
from media_helper import Doorman, until
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from test_media_clients import Hub, browser, encoder  # noqa: F401 - fixture

import web
from records.serving.workers import Workers
from streaming.rooms.media import MediaConfig, MediaServer

PAGE = """<!doctype html><video id=v autoplay muted playsinline></video><script type=module>
const Real = RTCPeerConnection, fetched = window.fetch, port = new URLSearchParams(location.search).get("port");
window.RTCPeerConnection = class extends Real { constructor(...given) { super(...given); window.pc = this; } };
window.fetch = async (...given) => {
  const reply = await fetched(...given);
  if (!port || given[1]?.method !== "POST") return reply;
  const text = (await reply.text()).replace(/(a=candidate:\\S+ 1 udp \\d+ \\S+ )\\d+/g, "$1" + port);
  const made = new Response(text, { status: reply.status, headers: reply.headers });
  Object.defineProperty(made, "url", { value: reply.url });
  return made;
};
const { Ladder } = await import("/static/now/ladder.js");
window.player = new Ladder(v, { room: "hz-01", choice: "realtime" });
player.start();
window.figures = async () => {
  for (const [, one] of await pc.getStats()) if (one.type === "inbound-rtp" && one.kind === "video")
    return { targets: pc.getReceivers().map((receiver) => receiver.jitterBufferTarget), lost: one.packetsLost,
      held: one.jitterBufferDelay, count: one.jitterBufferEmittedCount };
};
</script>"""
pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.timeout(120)]


@contextlib.asynccontextmanager
async def site():
    media = MediaServer(MediaConfig("127.0.0.1", 0, "127.0.0.1"), Doorman(), Workers())
    await media.start()
    routes = [
        Route("/page", lambda request: HTMLResponse(PAGE)),
        *web.Files("/static", {}).routes(),
    ]
    listener = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=[*media.routes(), *routes])
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    try:
        yield Hub(media, f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        await media.stop()
        server.should_exit = True
        await task


async def buffered(page, seconds):
    """(targets, mean milliseconds a frame is held back) over the next seconds."""
    before = await page.evaluate("figures()")
    await asyncio.sleep(seconds)
    after = await page.evaluate("figures()")
    held = 1000 * (after["held"] - before["held"]) / (after["count"] - before["count"])
    print(f"lost {after['lost']}, targets {after['targets']}, held {held:.0f} ms")
    return after["targets"], held


async def test_only_a_line_that_loses_packets_gets_a_buffer(browser):  # noqa: F811
    async with (
        site() as hub,
        encoder(hub),
        lossy(("127.0.0.1", hub.media.port), Line(loss=0.05, delay=0.03, jitter=0.01)) as relay,
    ):
        clean, bad = await browser.new_page(), await browser.new_page()
        await clean.goto(f"{hub.base}/page")
        await bad.goto(f"{hub.base}/page?port={relay.port}")
        for page in (clean, bad):
            await page.wait_for_function("window.player?.state === 'live'", timeout=20_000)
        await bad.wait_for_function(
            "pc.getReceivers().every((r) => r.jitterBufferTarget === 250)", timeout=20_000
        )
        limit = time.monotonic() + 40  # a busy machine holds frames back by itself, now and then
        while True:
            (bad_targets, bad_held), (targets, held) = await asyncio.gather(
                buffered(bad, 2), buffered(clean, 2)
            )
            assert (bad_targets, targets) == ([250, 250], [None, None])
            if bad_held > held + 50 and held < 150:
                break
            assert time.monotonic() < limit, "a clean line stays quick"
