"""Mute and slate at the packets: nothing withheld leaves, sessions stay, pictures come back with a keyframe."""

import asyncio
from itertools import pairwise

import pytest
from media_helper import Camera, number, rig, stamp, until

from streaming.wire import rtcp


@pytest.fixture
async def one():
    async with rig() as made:
        yield made


class Keeper:
    """A tap that keeps what it gets."""

    def __init__(self):
        self.video, self.audio, self.reports = [], [], []

    def packets(self, kind, codec, packets):
        (self.video if kind == "video" else self.audio).extend(packets)

    def report(self, kind, sender_report):
        self.reports.append((kind, sender_report))


def send(peer, packets):
    for packet in packets:
        peer.send_rtp(packet)


def consecutive(packets):
    return all((number(b) - number(a)) & 0xFFFF == 1 for a, b in pairwise(packets))


async def arrived(hub, count):
    """Wait until the hub has taken that many video packets from its publisher."""
    await until(lambda: hub.server.room("hz-01").video.counts.packets == count)


async def test_a_slate_stops_the_picture_and_lets_the_sound_through(one):
    source, camera, sound = await one.publish(), Camera(), Camera(0x2222, 111)
    watcher = await one.watch()
    send(source, camera.frame(key=True))
    await until(lambda: len(watcher.video) == 3)
    one.server.cover("hz-01", muted=False, slated=True)
    send(source, [*camera.frame(), sound.packet(b"opus"), *camera.frame(key=True)])
    await arrived(one, 9)
    await until(lambda: len(watcher.of(111)) == 1)
    await asyncio.sleep(0.05)
    assert len(watcher.video) == 3
    assert one.server.status("hz-01").viewers == 1, "the session stays"


async def test_mute_stops_the_sound_alone(one):
    source, camera, sound = await one.publish(), Camera(), Camera(0x2222, 111)
    watcher = await one.watch()
    one.server.cover("hz-01", muted=True, slated=False)
    send(source, [sound.packet(b"secret"), *camera.frame(key=True)])
    await until(lambda: len(watcher.video) == 3)
    assert watcher.of(111) == []
    one.server.cover("hz-01", muted=False, slated=False)
    source.send_rtp(sound.packet(b"public"))
    await until(lambda: watcher.of(111))
    assert [packet[12:] for packet in watcher.of(111)] == [b"public"]


async def test_the_picture_comes_back_with_a_keyframe_and_without_a_gap(one):
    source, camera = await one.publish(), Camera()
    watcher = await one.watch()
    send(source, camera.frame(key=True))
    await until(lambda: len(watcher.video) == 3)
    plis = one.server.room("hz-01").publisher.plis
    one.server.cover("hz-01", muted=False, slated=True)
    send(source, [packet for _ in range(20) for packet in camera.frame()])
    await arrived(one, 63)
    one.server.cover("hz-01", muted=False, slated=False)
    await until(lambda: one.server.room("hz-01").publisher.plis > plis, 2.0)
    late = camera.frame()
    key = camera.frame(key=True)
    send(source, [*late, *key])
    await until(lambda: len(watcher.video) == 6)
    assert [packet[12:] for packet in watcher.video[3:]] == [packet[12:] for packet in key]
    assert consecutive(watcher.video), "a gap of thousands of numbers would break every viewer's SRTP"
    assert stamp(watcher.video[3]) != stamp(watcher.video[2])


async def test_what_was_withheld_can_not_be_asked_for(one):
    source, camera = await one.publish(), Camera()
    watcher = await one.watch()
    send(source, camera.frame(key=True))
    await until(lambda: len(watcher.video) == 3)
    one.server.cover("hz-01", muted=False, slated=True)
    send(source, camera.frame(key=True))
    await arrived(one, 6)
    last = watcher.video[-1]
    ssrc = int.from_bytes(last[8:12], "big")
    lost = [(number(last) + step) & 0xFFFF for step in range(1, 9)]
    watcher.peer.send_rtcp(rtcp.nack(1, ssrc, lost))
    await until(lambda: next(iter(one.server.room("hz-01").viewers.values())).nacks == 1)
    late = await one.watch()
    await asyncio.sleep(0.05)
    assert len(watcher.rtp) == 3 and late.rtp == []


async def test_a_cover_holds_for_publishers_to_come_and_for_the_far_camera(one):
    one.server.cover("hz-01", muted=True, slated=True)
    for room in ("hz-01", "hz-01.far"):
        source, camera = await one.publish(room), Camera()
        watcher = await one.watch(room)
        send(source, [*camera.frame(key=True), Camera(0x2222, 111).packet(b"opus")])
        await until(lambda room=room: one.server.room(room).video.counts.packets == 3)
        await asyncio.sleep(0.03)
        assert watcher.rtp == []


async def test_the_recording_gets_everything_and_segments_nothing(one):
    source, camera, sound = await one.publish(), Camera(), Camera(0x2222, 111)
    recording, segments = Keeper(), Keeper()
    one.server.tap("hz-01", recording, kept=True)
    one.server.tap("hz-01", segments)
    send(source, camera.frame(key=True))
    await until(lambda: len(recording.video) == 3)
    one.server.cover("hz-01", muted=True, slated=True)
    send(source, [*camera.frame(), sound.packet(b"opus"), *camera.frame()])
    await until(lambda: len(recording.video) == 9 and len(recording.audio) == 1)
    assert len(segments.video) == 3 and segments.audio == []
    one.server.cover("hz-01", muted=False, slated=False)
    send(source, camera.frame(key=True))
    await until(lambda: len(segments.video) == 6)
    await until(lambda: len(recording.video) == 12)
    assert consecutive(recording.video) and consecutive(segments.video)
    assert [p[12:] for p in recording.video[9:]] == [p[12:] for p in segments.video[3:]]


async def test_figures_go_on_under_the_slate(one):
    source, camera = await one.publish(), Camera()
    one.server.cover("hz-01", muted=False, slated=True)
    one.server.tap("hz-01", Keeper(), keyframe_every=2.0, kept=True)
    send(source, camera.frame(key=True))
    await arrived(one, 3)
    room = one.server.room("hz-01")
    assert room.video.counts.frames == 1 and room.video.counts.keyframe_at is not None
    assert one.server.status("hz-01").keyframe_age is None, "viewers have got no keyframe"


async def test_off_air_the_public_gets_nothing_and_the_desk_goes_on(one):
    source, camera, sound = await one.publish(), Camera(), Camera(0x2222, 111)
    public = await one.watch()
    inside = await one.watch(query="?token=look")
    one.server.cover("hz-01", muted=False, slated=False, off_air=True)
    await until(lambda: one.server.status("hz-01").viewers == 1)
    inside = await one.watch(query="?token=look&layer=low")
    impostor = await one.watch(query="?token=desk")
    send(source, [*camera.frame(key=True), sound.packet(b"opus"), *camera.frame()])
    await until(lambda: len(inside.video) == 6 and len(inside.of(111)) == 1)
    assert consecutive(inside.video)
    assert public.rtp == [] and impostor.rtp == [], "a token without an entry of who looks shows nothing"
    one.server.cover("hz-01", muted=False, slated=False)
    send(source, camera.frame(key=True))
    await until(lambda: len(public.video) == 3 and len(inside.video) == 9)
    assert consecutive(inside.video), "the desk's picture goes through the change without a gap"
    one.server.cover("hz-01", muted=False, slated=True)
    send(source, camera.frame(key=True))
    await arrived(one, 12)
    await asyncio.sleep(0.05)
    assert len(public.video) == 3 and len(inside.video) == 9, "an operators' slate holds for the desk too"


async def test_who_watches_from_inside_joins_again_when_the_room_goes_off_air(one):
    await one.publish()
    desk, public = await one.watch(query="?token=desk"), await one.watch()
    one.server.cover("hz-01", muted=False, slated=False, off_air=True)
    await until(lambda: one.server.status("hz-01").viewers == 1)
    answers = [await one.http.delete(one_of.location) for one_of in (desk, public)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert one.server.room("hz-01").ended["viewer:off_air"] == 1
    assert not one.server.room("hz-01").inside.watched


async def test_sender_reports_tell_nothing_of_what_is_withheld(one):
    source, camera = await one.publish(), Camera()
    watcher = await one.watch()
    one.server.cover("hz-01", muted=False, slated=False, off_air=True)
    send(source, [packet for _ in range(10) for packet in camera.frame(key=True)])
    await arrived(one, 30)
    source.send_rtcp(rtcp.sender_report(0x1111, rtcp.to_ntp(1000.0), 90_000, 30, 9000))
    await until(lambda: watcher.rtcp)
    told = [packet for data in watcher.rtcp for packet in rtcp.parse(data) if packet.kind == rtcp.SR]
    assert told
    stream = one.server.room("hz-01").video
    assert stream.report is not None and stream.report[20:28] == bytes(8), "no packets, no octets"


async def test_the_line_inside_begins_with_the_last_keyframe_and_goes_on_without_a_gap(one):
    source, camera = await one.publish(), Camera()
    public = await one.watch()
    send(source, [*camera.frame(key=True), *camera.frame()])
    await until(lambda: len(public.video) == 6)
    inside = await one.watch(query="?token=desk")
    await until(lambda: len(inside.video) >= 6)
    send(source, [packet for _ in range(4) for packet in camera.frame()])
    await until(lambda: len(inside.video) >= 18 and len(public.video) == 18)
    assert consecutive(inside.video[-12:])
    assert [p[12:] for p in inside.video[-12:]] == [p[12:] for p in public.video[-12:]]
    assert {stamp(p) for p in inside.video[-12:]} == {stamp(p) for p in public.video[-12:]}
