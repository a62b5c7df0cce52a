"""The small picture: who gets which layer, and that changing over leaves no trace."""

import asyncio
from itertools import pairwise

import pytest
from media_helper import SDP, Camera, number, rig, ssrc, stamp, until
from simulcast_source import LARGE, LAYERED, SMALL, Source

from benchmarks.lightpeer import H264_LINES, VP8_LINES, LightPeer
from streaming.rooms import tile_stream as low
from streaming.wire import rtcp
from streaming.wire.rtp import original


@pytest.fixture
async def one():
    async with rig() as made:
        yield made


@pytest.fixture
async def source(one):
    made = Source(await one.publish(video=LAYERED))
    yield made
    made.stop()


def room(one):
    return one.server.room("hz-01")


async def two_layers(one):
    """Until the hub has seen which layer is the rich one and which the poor."""
    await until(lambda: room(one).tile.there() and room(one).publisher.tracks["video"].chosen.rid == "h")


def large(packet):
    return len(packet) > 500


def seamless(packets):
    """Numbers without a gap, one SSRC, time that only goes forward, and not by leaps."""
    packets = sorted(packets, key=lambda packet: (number(packet) - number(packets[0])) & 0xFFFF)
    numbers = [number(packet) for packet in packets]
    steps = [(stamp(b) - stamp(a)) & 0xFFFFFFFF for a, b in pairwise(packets)]
    return (
        all((b - a) & 0xFFFF == 1 for a, b in pairwise(numbers))
        and len({ssrc(packet) for packet in packets}) == 1
        and max(steps) < 3 * 90_000
    )


def begins_with_keyframe(packet):
    return packet[12] & 31 == 28 and packet[13] == 0x80 | 5


def first_of_each_size(packets):
    return [b for a, b in pairwise(packets) if large(a) != large(b)]


async def test_an_unknown_layer_is_refused_and_the_choices_named(one):
    peer = LightPeer()
    one.peers.append(peer)
    for asked in ("tiny", "", "LOW"):
        answer = await one.http.post(
            f"/whep/hz-01?layer={asked}", content=peer.offer("recvonly"), headers=SDP
        )
        assert answer.status_code == 400 and "full, low" in answer.json()["detail"]
        assert answer.headers["content-type"] == "application/problem+json"
    answer = await one.http.post("/whep/nowhere?layer=tiny", content=peer.offer("recvonly"), headers=SDP)
    assert answer.status_code == 404


async def test_both_sizes_at_once(one, source):
    await two_layers(one)
    small, full = await one.watch(query="?layer=low"), await one.watch(query="?layer=full")
    await until(lambda: len(small.video) > 60 and len(full.video) > 60)
    assert not any(map(large, small.video)) and begins_with_keyframe(small.video[0])
    assert all(map(large, full.video[-30:]))
    assert seamless(small.video) and seamless(full.video)
    assert ssrc(small.video[0]) != ssrc(full.video[0])


async def test_keyframes_are_asked_of_the_layer_that_is_watched(one, source):
    await two_layers(one)
    small, full = await one.watch(query="?layer=low"), await one.watch()
    await until(lambda: small.video and full.video)
    await asyncio.sleep(0.6)
    source.asked.clear()
    small.peer.send_rtcp(rtcp.pli(1, ssrc(small.video[0])))
    await until(lambda: source.asked)
    assert source.asked == [SMALL]
    await asyncio.sleep(0.6)
    source.asked.clear()
    for _ in range(9):
        full.peer.send_rtcp(rtcp.pli(1, ssrc(full.video[0])))
        small.peer.send_rtcp(rtcp.pli(1, ssrc(small.video[0])))
    await until(lambda: sorted(source.asked) == [SMALL, LARGE])  # each at most once in half a second


async def test_one_layer_is_the_small_one_too_and_starts_at_once(one):
    peer, camera = await one.publish(), Camera()
    for index in range(40):
        for packet in camera.frame(key=index == 0):
            peer.send_rtp(packet)
    await until(lambda: room(one).video.counts.packets == 120)
    small, full = await one.watch(query="?layer=low"), await one.watch()
    await until(lambda: len(small.video) == len(full.video) == 120)  # from the keyframe on, no new one needed
    for packet in camera.frame():
        peer.send_rtp(packet)
    peer.send_rtcp(rtcp.sender_report(camera.ssrc, rtcp.to_ntp(1e9), camera.timestamp, 1, 1))
    await until(lambda: len(small.video) == len(full.video) == 123 and small.rtcp and full.rtcp)
    assert [packet[12:] for packet in small.video] == [packet[12:] for packet in full.video]
    assert seamless(small.video)
    for watcher in (small, full):
        [report] = [p for data in watcher.rtcp for p in rtcp.parse(data)]
        assert report.ssrc == ssrc(watcher.video[-1]) and report.timestamp == stamp(watcher.video[-1])
    assert not one.server.status("hz-01").low_layer


async def test_sender_reports_of_the_small_layer(one, source):
    await two_layers(one)
    small, full = await one.watch(query="?layer=low"), await one.watch()
    await until(lambda: small.video and full.video)
    for media in (SMALL, LARGE):
        camera = source.cameras[media]
        source.peer.send_rtcp(rtcp.sender_report(media, rtcp.to_ntp(1e9), camera.timestamp, 1, 1))
    await until(lambda: small.rtcp and full.rtcp)
    for watcher in (small, full):
        [report] = [p for data in watcher.rtcp for p in rtcp.parse(data)]
        assert report.ssrc == ssrc(watcher.video[-1])
        assert report.timestamp in {stamp(packet) for packet in watcher.video}


async def test_the_small_layer_comes_and_goes(one):
    source = Source(await one.publish(video=LAYERED), on=[LARGE])
    small, full = await one.watch(query="?layer=low"), await one.watch()
    await until(lambda: len(small.video) > 30)
    assert all(map(large, small.video))
    source.on = {LARGE, SMALL}
    await until(lambda: small.video and not large(small.video[-1]))
    source.on = {LARGE}
    await until(lambda: large(small.video[-1]))
    await until(lambda: len(full.video) > 150)
    turns = first_of_each_size(small.video)
    assert len(turns) == 2 and all(map(begins_with_keyframe, turns))
    assert seamless(small.video) and seamless(full.video)
    source.stop()


async def test_when_only_the_small_layer_is_left_everybody_has_it(one, source):
    await two_layers(one)
    small, full = await one.watch(query="?layer=low"), await one.watch()
    await until(lambda: len(small.video) > 30 and len(full.video) > 30)
    source.on = {SMALL}
    await until(lambda: not large(full.video[-1]))
    await asyncio.sleep(0.3)
    source.on = {LARGE, SMALL}
    await until(lambda: large(full.video[-1]) and not large(small.video[-1]), 8)
    await asyncio.sleep(0.3)
    assert all(map(large, full.video[-9:])) and not any(map(large, small.video[-9:]))
    assert seamless(small.video) and seamless(full.video)
    assert all(map(begins_with_keyframe, first_of_each_size(small.video)))


async def test_a_publisher_with_one_layer_follows_one_with_two(one, source):
    await two_layers(one)
    small = await one.watch(query="?layer=low")
    await until(lambda: len(small.video) > 30)
    source.stop()
    await source.peer.close()
    await until(lambda: not one.server.status("hz-01").publishing)
    other = await one.publish()
    camera = Camera(ssrc=7, sequence=1)
    for index in range(5):
        for packet in camera.frame(key=index == 0, size=800):
            other.send_rtp(packet)
    await until(lambda: sum(map(large, small.video)) == 15)
    assert seamless(small.video) and one.server.status("hz-01").viewers == 1


async def test_the_codec_may_change_under_a_small_picture(one, source):
    await two_layers(one)
    small = await one.watch(query="?layer=low", video=H264_LINES + VP8_LINES)
    picky = await one.watch(query="?layer=low")
    await until(lambda: small.video and picky.video)
    source.stop()
    await source.peer.close()
    await until(lambda: not one.server.status("hz-01").publishing)
    other = await one.publish(video=VP8_LINES)
    await until(lambda: room(one).ended["viewer:codec_changed"] == 1)
    other.send_rtp(Camera(payload_type=98).packet(b"\x10\x00" + bytes(20), 0x80))
    await until(lambda: small.of(98))


async def test_lost_packets_of_the_small_layer_are_repeated_both_ways(one, source):
    await two_layers(one)
    small = await one.watch(query="?layer=low")
    await until(lambda: len(small.video) > 9)
    soon = [(source.cameras[SMALL].sequence + ahead) & 0xFFFF for ahead in (10, 11)]
    source.lose = {(SMALL, lost) for lost in soon}
    await until(lambda: set(source.nacked) >= source.lose)
    await until(lambda: room(one).publisher.recovered >= 2)
    await asyncio.sleep(0.1)
    assert seamless(small.video)
    asked = small.video[5]
    small.peer.send_rtcp(rtcp.nack(1, ssrc(asked), [number(asked)]))
    await until(lambda: small.of(97))
    assert original(small.of(97)[0], 96, ssrc(asked))[1] == asked


@pytest.mark.parametrize("named", [True, False])
async def test_a_repeat_goes_to_its_own_layer(one, named):
    """Both layers miss packets of the same number; a probe repeats what nobody misses."""
    groups = [f"a=ssrc-group:FID {media} {media + 1}" for media in (LARGE, SMALL)]
    source = Source(await one.publish(video=LAYERED + ([] if named else groups)), named=named)
    source.cameras[SMALL].sequence = source.cameras[LARGE].sequence = 5000
    await until(
        lambda: room(one).tile.there() and room(one).publisher.tracks["video"].chosen.reception.ssrc == LARGE
    )
    small, full = await one.watch(query="?layer=low"), await one.watch()
    await until(lambda: len(small.video) > 9 and len(full.video) > 9)
    ahead = max(camera.sequence for camera in source.cameras.values()) + 30
    source.lose = {(LARGE, ahead), (SMALL, ahead)}
    await until(lambda: set(source.nacked) >= source.lose)
    await until(lambda: room(one).publisher.recovered == 2)
    source.repeat(SMALL, ahead - 3)
    await asyncio.sleep(0.1)
    assert room(one).publisher.recovered == 2
    assert not any(map(large, small.video)) and all(map(large, full.video[-60:]))
    assert seamless(small.video) and seamless(full.video)
    source.stop()


async def test_while_nobody_asks_nothing_is_done(one, source, monkeypatch):
    monkeypatch.setattr(low, "LINGER", 0)
    await two_layers(one)
    full = await one.watch()
    await until(lambda: len(full.video) > 60)
    place = room(one)
    assert place.tile.stream.counts.packets == 0 and place.publisher.tracks["video"].second is None
    assert not place.video.taps
    small = await one.watch(query="?layer=low")
    await until(lambda: small.video)
    assert place.publisher.tracks["video"].second is place.tile
    await small.peer.close()
    await until(lambda: place.publisher.tracks["video"].second is None)
    packets = place.tile.stream.counts.packets
    await asyncio.sleep(0.1)
    assert place.tile.stream.counts.packets == packets and not place.tile.active


async def test_the_slate_covers_the_small_picture_too(one, source):
    await two_layers(one)
    small = await one.watch(query="?layer=low")
    await until(lambda: len(small.video) > 9)
    one.server.cover("hz-01", muted=False, slated=True)
    await asyncio.sleep(0.05)
    count = len(small.video)
    await asyncio.sleep(0.2)
    assert len(small.video) == count
    one.server.cover("hz-01", muted=False, slated=False)
    await until(lambda: len(small.video) > count + 9)
    assert begins_with_keyframe(small.video[count]) and not large(small.video[count])
    assert seamless(small.video)


async def test_the_layer_shows_in_the_figures(one, source):
    await two_layers(one)
    status = one.server.status
    await until(lambda: 10_000 < status("hz-01").low_bitrate < status("hz-01").bitrate / 2)
    assert status("hz-01").low_layer
    samples = {s.name: s.value for f in one.server.metrics() for s in f.samples if s.labels.get("room")}
    assert samples["sunbid_media_low_layer"] == 1 and samples["sunbid_media_low_bitrate"] > 10_000
    small = await one.watch(query="?layer=low")
    await until(lambda: len(small.video) > 9)
    sent = {s.name: s.value for f in one.server.metrics() for s in f.samples if s.labels.get("room")}
    assert sent["sunbid_media_sent_total"] >= 9 and sent["sunbid_media_viewers"] == 1


async def test_edges_get_whom_the_hub_has_no_small_picture_for(one, source, monkeypatch):
    """Edges have the full picture only: who asks for a small one that there is stays with the hub."""
    asked = []

    class Edges:
        async def place(self, room, offer, codecs, here):
            asked.append(room)

    monkeypatch.setattr(one.server, "edges", Edges())
    await two_layers(one)
    await one.watch(query="?layer=low")
    assert asked == []
    await one.watch()
    await one.watch("hz-02", query="?layer=low")
    assert asked == ["hz-01", "hz-02"]
    monkeypatch.undo()
