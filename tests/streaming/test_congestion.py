"""What a publisher is told about its line: the record of arrivals, the rates, and what a real browser makes of
them."""

from __future__ import annotations

import asyncio
import time

import pytest
from lossy import Line, lossy
from media_helper import Camera, rig, until
from test_loss import through
from test_media_clients import browser, call, hub, open_page  # noqa: F401 - fixtures
from test_twcc import AUDIO, VIDEO, numbered

from streaming.rooms import congestion
from streaming.rooms.congestion import CEILING_BITRATE, SPAN, Arrivals, Congestion
from streaming.wire import rtcp, twcc

# -- the record of arrivals -----------------------------------------------------------------------


class Told:
    """What a publisher would be told: number → ticks or None, the last word on each."""

    def __init__(self) -> None:
        self.packets: list[twcc.Feedback] = []
        self.arrivals = Arrivals(4, 99, self.take)
        self.camera = Camera()

    def take(self, data: bytes) -> None:
        feedback = twcc.parse(data)
        assert feedback is not None
        self.packets.append(feedback)

    def came(self, *numbers: int) -> None:
        for number in numbers:
            self.arrivals.note(numbered(self.camera.packet(b"x"), number), time.monotonic())

    async def said(self) -> dict[int, int | None]:
        before = len(self.packets)
        await until(lambda: len(self.packets) > before)
        return {
            (one.base + index) & 0xFFFF: at
            for one in self.packets[before:]
            for index, at in enumerate(one.arrivals)
        }


async def test_losses_and_the_wrap_of_the_number_are_told():
    told = Told()
    told.came(65533, 65534, 1, 2)
    said = await told.said()
    assert list(said) == [65533, 65534, 65535, 0, 1, 2]
    assert [number for number, at in said.items() if at is None] == [65535, 0]
    told.came(4)
    assert next(iter((await told.said()).items())) == (
        3,
        None,
    )  # the gap since the last feedback belongs to it
    assert [one.count for one in told.packets] == [0, 1]
    assert {one.media for one in told.packets} == {told.camera.ssrc}


async def test_a_late_packet_is_told_after_all_and_a_repeated_one_is_not():
    told = Told()
    told.came(10, 11, 13)
    assert (await told.said())[12] is None
    told.came(12, 10)
    said = await told.said()
    assert list(said) == [12, 13] and None not in said.values()
    told.came(13)
    await asyncio.sleep(3 * congestion.FEEDBACK_EVERY)
    assert len(told.packets) == 2


async def test_times_are_those_of_arrival():
    told = Told()
    told.came(1)
    await asyncio.sleep(0.02)
    told.came(2)
    said = await told.said()
    assert said[1] is not None and said[2] is not None
    assert 0.019 < (said[2] - said[1]) / twcc.TICKS < 0.06


async def test_a_jump_begins_anew_and_what_is_long_gone_is_forgotten(monkeypatch):
    told = Told()
    told.came(5, 5 + SPAN - 1)
    assert len(await told.said()) == SPAN
    told.came(40_000)
    assert list(await told.said()) == [40_000]
    monkeypatch.setattr(congestion, "REMEMBER", 0.0)
    told.came(40_002)
    assert list(await told.said()) == [40_001, 40_002]
    told.came(40_001)
    await asyncio.sleep(2 * congestion.FEEDBACK_EVERY)
    assert told.packets[-1].base == 40_001 and told.packets[-1].arrivals[0] is None


async def test_a_flood_is_told_in_packets_that_fit_and_closing_ends_it():
    told = Told()
    told.came(*range(0, 1800, 2))
    said = await told.said()
    assert len(said) == 1799 and sum(at is None for at in said.values()) == 899
    assert len(told.packets) == 3
    told.came(1801)
    told.arrivals.close()
    await asyncio.sleep(2 * congestion.FEEDBACK_EVERY)
    assert len(told.packets) == 3


def test_the_rate_told_without_transport_cc_follows_the_losses():
    heard: list[int] = []
    without = Congestion(None, 1, lambda data: heard.extend(p.bitrate for p in rtcp.parse(data)))
    for loss in (0.0, 0.05, 0.5, *(0.5,) * 20, *(0.0,) * 100):
        without.tick(loss, [7])
    assert heard[0] > 2_500_000 and heard[0] == heard[1] and heard[2] == pytest.approx(heard[1] * 0.75, 1e-3)
    assert min(heard) == pytest.approx(congestion.FLOOR_BITRATE, 1e-3)
    assert heard[-1] == pytest.approx(CEILING_BITRATE, 1e-3)


async def test_a_publisher_is_told_when_its_packets_came_and_only_the_ceiling(monkeypatch):
    async with rig() as one:
        source = await one.publish(video=VIDEO, audio=AUDIO)
        watcher = await one.watch()
        heard: list[bytes] = []
        source.on_rtcp = heard.append
        camera, sent = Camera(), 0
        for _ in range(60):
            for packet in camera.frame(key=True):
                if sent != 7:
                    source.send_rtp(numbered(packet, 65530 + sent))
                sent += 1
            await asyncio.sleep(0.02)
        said = [feedback for data in heard if (feedback := twcc.parse(data))]
        bases = {(one.base + i) & 0xFFFF: at is not None for one in said for i, at in enumerate(one.arrivals)}
        assert len(bases) > 150 and [number for number, came in bases.items() if not came] == [1]
        assert 8 < len(said) < 30 and said[-1].media == camera.ssrc
        remb = [p for data in heard for p in rtcp.parse(data) if p.format == rtcp.REMB]
        assert remb == []  # not before the publisher has probed its line
        monkeypatch.setattr(congestion, "SETTLING", 0.0)
        source.send_rtp(numbered(camera.frame()[0], 65530 + sent))
        await until(lambda: any(p.format == rtcp.REMB for data in heard for p in rtcp.parse(data)))
        last = next(p for data in heard for p in rtcp.parse(data) if p.format == rtcp.REMB)
        assert last.bitrate == pytest.approx(CEILING_BITRATE, 1e-3) and last.sources == (camera.ssrc,)
        assert watcher.video and not any(packet[0] & 0x10 for packet in watcher.video)


# -- a real browser -------------------------------------------------------------------------------

FIGURES = """async () => {
  const found = {sdp: pc.remoteDescription.sdp, state: pc.connectionState};
  for (const [, s] of await pc.getStats()) {
    if (s.type === 'candidate-pair' && s.nominated) found.available = s.availableOutgoingBitrate;
    if (s.type === 'outbound-rtp' && s.kind === 'video') Object.assign(found,
      {frames: s.framesEncoded, target: s.targetBitrate, sent: s.bytesSent, repeats: s.retransmittedPacketsSent});
  }
  return found;
}"""


async def estimated(page, wanted, seconds):
    """Wait until the browser's estimate of its line is as wanted; its figures then."""
    end = time.monotonic() + seconds
    while not wanted((figures := await page.evaluate(FIGURES)).get("available") or 0):
        assert time.monotonic() < end, {key: value for key, value in figures.items() if key != "sdp"}
        await asyncio.sleep(0.2)
    return figures


@pytest.mark.browser
async def test_a_browser_finds_out_what_its_line_carries(hub, browser):  # noqa: F811
    async with lossy(("127.0.0.1", hub.media.port), Line(delay=0.02)) as relay:
        camera = await open_page(browser, hub)
        await through(camera, relay)
        await call(camera, "publish", f"{hub.base}/whip/hz-01", "video/H264", False)
        await until(lambda: hub.media.status("hz-01").publishing, 10)
        # the answer lets it start at 1 Mbit/s; no rate is told in the first seconds, what is more is its own work
        free = await estimated(camera, lambda rate: rate > 1_100_000, 12)
        assert free["sdp"].count(twcc.URI) == 2 and free["sdp"].count("transport-cc") == 2
        relay.line.rate = 250_000  # less than the picture takes
        seen = await estimated(camera, lambda rate: rate < 350_000, 20)
        await asyncio.sleep(1.5)
        later = await camera.evaluate(FIGURES)
        assert later["state"] == "connected" and later["frames"] > seen["frames"] + 10
        assert later["target"] < 350_000
        assert hub.media.room("hz-01").publisher.congestion.arrivals.sent > 15
