"""Pictures over bad lines: 5 % random loss both ways, 50 ± 20 ms."""

from __future__ import annotations

import asyncio

import pytest
from lossy import Line, lossy
from media_helper import until
from test_media_clients import browser, call, encoder, hub, open_page  # noqa: F401 - fixtures

BAD = {"loss": 0.05, "delay": 0.05, "jitter": 0.02}


def lasting(short: int, long: int) -> pytest.MarkDecorator:
    """For how many seconds somebody watches: in every run, and in the long form."""
    return pytest.mark.parametrize("seconds", [short, pytest.param(long, marks=pytest.mark.soak)])


WATCH = """
window.gaps = [];
async function rewrite(port) {
  const real = window.fetch;
  window.fetch = async (...a) => {
    const reply = await real(...a);
    if (a[1]?.method !== 'POST') return reply;
    const text = (await reply.text()).replace(/(a=candidate:\\S+ 1 udp \\d+ \\S+ )\\d+/g, '$1' + port);
    const made = new Response(text, {status: reply.status, headers: reply.headers});
    Object.defineProperty(made, 'url', {value: reply.url});
    return made;
  };
}
function meter() {
  let last = performance.now();
  const see = (now) => { gaps.push(now - last); last = now; v.requestVideoFrameCallback(see); };
  v.requestVideoFrameCallback(see);
}
async function quality() {
  for (const [, s] of await pc.getStats()) if (s.type === 'inbound-rtp' && s.kind === 'video')
    return {frames: s.framesDecoded, freezes: s.freezeCount, frozen: s.totalFreezesDuration, lost: s.packetsLost,
      nacks: s.nackCount, plis: s.pliCount, repeats: s.retransmittedPacketsReceived, dropped: s.framesDropped,
      keys: s.keyFramesDecoded, delay: s.jitterBufferDelay / s.jitterBufferEmittedCount, longest: Math.max(...gaps),
      over: gaps.filter(g => g > 400).map(Math.round)};
}
"""


async def through(page, relay):
    await page.add_script_tag(content=WATCH)
    await page.evaluate(f"rewrite({relay.port})")


@pytest.mark.browser
@lasting(12, 60)
async def test_a_viewer_on_a_bad_line_sees_no_freeze_over_a_second(hub, browser, seconds):  # noqa: F811
    async with encoder(hub), lossy(("127.0.0.1", hub.media.port), Line(**BAD)) as relay:
        page = await open_page(browser, hub)
        await through(page, relay)
        await call(page, "watch", f"{hub.base}/whep/hz-01")
        await page.wait_for_function("firstFrame !== null", timeout=10_000)
        await asyncio.sleep(2)
        await page.evaluate("meter()")
        await asyncio.sleep(seconds)
        seen = await page.evaluate("quality()")
        assert relay.line.lost > 0.03 * relay.line.passed
        assert seen["frames"] > seconds * 20
        assert seen["longest"] < 1000, seen


@pytest.mark.browser
@lasting(8, 20)
async def test_a_publisher_on_a_bad_line_is_repaired_for_all(hub, browser, seconds):  # noqa: F811
    async with lossy(("127.0.0.1", hub.media.port), Line(**BAD)) as relay:
        camera, page = await open_page(browser, hub), await open_page(browser, hub)
        await through(camera, relay)
        await call(camera, "publish", f"{hub.base}/whip/hz-01", "video/H264", False)
        await until(lambda: hub.media.status("hz-01").publishing, 10)
        await page.add_script_tag(content=WATCH)
        await call(page, "watch", f"{hub.base}/whep/hz-01")
        await page.wait_for_function("firstFrame !== null", timeout=10_000)
        await asyncio.sleep(3)
        await page.evaluate("meter()")
        await asyncio.sleep(seconds)
        seen, publisher = await page.evaluate("quality()"), hub.media.room("hz-01").publisher
        assert publisher.recovered > seconds
        assert seen["longest"] < 1000, seen
        assert publisher.plis < 12  # no storm: one on joining, few more
