import asyncio
import contextlib
import re
import socket
import struct
import time
from itertools import pairwise

import pytest
from media_helper import Camera, number, rig, ssrc, stamp, until

from benchmarks.lightpeer import H264_LINES, VP8_LINES
from records.clock import now
from streaming.rooms import peer as peers
from streaming.rooms import viewer
from streaming.wire import rtcp
from streaming.wire.paths import UdpPath
from streaming.wire.rtp import original
from tests.needed import needs_native


@pytest.fixture(params=["native", "abi", "plain"])
async def hub(request):
    if request.param == "native":
        needs_native()
    async with rig(request.param) as made:
        yield made


@pytest.fixture
async def one():
    async with rig() as made:
        yield made


def send(peer, packets):
    for packet in packets:
        peer.send_rtp(packet)


def stamp_and_number(packet):
    return stamp(packet), number(packet)


def consecutive(packets):
    numbers = [number(packet) for packet in packets]
    return all((b - a) & 0xFFFF == 1 for a, b in pairwise(numbers))


async def test_packets_arrive_unchanged_but_for_the_header(hub):
    source, camera = await hub.publish(), Camera()
    first, second = await hub.watch(), await hub.watch()
    sent = [packet for index in range(10) for packet in camera.frame(key=index == 0)]
    send(source, sent)
    sound = Camera(ssrc=0x2222, payload_type=111, sequence=9).packet(b"opus" * 20)
    source.send_rtp(sound)
    for watcher in (first, second):
        await until(lambda w=watcher: len(w.video) == 30 and len(w.of(111)) == 1)
        assert [packet[12:] for packet in watcher.video] == [packet[12:] for packet in sent]
        assert consecutive(watcher.video) and len({ssrc(packet) for packet in watcher.video}) == 1
        assert watcher.of(111)[0][12:] == sound[12:]
    assert first.video == second.video


@pytest.mark.parametrize("fanout", ["auto", "abi", "plain"])
async def test_all_addresses_of_both_families(fanout):
    async with rig(fanout, "::") as both:
        source, watcher = await both.publish(), await both.watch()
        send(source, Camera().frame(key=True))
        await until(lambda: len(watcher.video) == 3)
        assert both.server.candidates()[0] == ("127.0.0.1", both.server.port, False)


async def test_the_quicker_cipher_is_taken(one):
    watcher = await one.watch()
    assert watcher.peer.dtls._ssl.get_selected_srtp_profile() == b"SRTP_AEAD_AES_128_GCM"


async def test_a_viewer_comes_before_the_publisher(hub):
    watcher = await hub.watch()
    assert not hub.server.status("hz-01").publishing
    source = await hub.publish()
    send(source, Camera().frame(key=True))
    await until(lambda: len(watcher.video) == 3)


async def test_a_joining_viewer_starts_at_the_keyframe_at_once(hub):
    source, camera = await hub.publish(), Camera()
    first = await hub.watch()
    for index in range(60):
        send(source, camera.frame(key=index in (0, 20)))
        if index % 20 == 0:
            await asyncio.sleep(0.02)
    await until(lambda: len(first.video) == 180)
    began = time.monotonic()
    late = await hub.watch()
    await until(lambda: len(late.video) == 120)
    assert time.monotonic() - began < 0.5
    assert [packet[12:] for packet in late.video] == [packet[12:] for packet in first.video[60:]]
    assert [number(packet) for packet in late.video] == [number(packet) for packet in first.video[60:]]
    # the past is drawn together just before the present: 39 frames within 39 ms
    times = list(dict.fromkeys(stamp(packet) for packet in late.video))
    assert times[-1] == stamp(first.video[-1])
    assert [(b - a) & 0xFFFFFFFF for a, b in pairwise(times)] == [viewer.STEP] * 39
    send(source, camera.frame())
    await until(lambda: len(late.video) == 123)
    assert consecutive(late.video) and late.video[-1] == first.video[-1]


async def test_live_packets_follow_a_replay_without_gap_or_repeat(one):
    source, camera = await one.publish(), Camera()
    for index in range(200):
        send(source, camera.frame(key=index == 0))
        if index % 20 == 0:
            await asyncio.sleep(0.01)
    await until(lambda: one.server.room("hz-01").video.counts.packets == 600)
    watching = asyncio.create_task(one.watch())
    for _ in range(60):
        send(source, camera.frame())
        await asyncio.sleep(0.004)
    watcher = await watching
    await until(lambda: len(watcher.video) >= 780)
    assert len(watcher.video) == 780 and consecutive(watcher.video)


async def test_numbers_go_on_over_a_publisher_restart(one):
    source, camera = await one.publish(), Camera()
    watcher = await one.watch()
    send(source, camera.frame(key=True))
    await until(lambda: len(watcher.video) == 3)
    await source.close()
    await until(lambda: not one.server.status("hz-01").publishing)
    again, other = await one.publish(), Camera(ssrc=77, sequence=3)
    other.timestamp = 0xFFFFFF00
    send(again, other.frame(key=True))
    await until(lambda: len(watcher.video) == 6)
    assert consecutive(watcher.video) and len({ssrc(packet) for packet in watcher.video}) == 1
    step = (stamp(watcher.video[3]) - stamp(watcher.video[2])) & 0xFFFFFFFF
    assert 0 < step < 90000 * 3


async def test_a_silent_publisher_is_replaced(one, monkeypatch):
    monkeypatch.setattr("streaming.rooms.room.YIELD_AFTER", 0.2)
    first = await one.publish()
    first.vanish()
    await asyncio.sleep(0.25)
    await one.publish()
    assert one.server.room("hz-01").ended["publisher:replaced"] == 1


async def test_passive_publishers_as_ffmpeg_is(one):
    source, watcher = await one.publish(setup="passive"), await one.watch()
    send(source, Camera().frame(key=True))
    await until(lambda: len(watcher.video) == 3)


@pytest.mark.parametrize("kind", ["video", "audio"])
async def test_one_kind_alone(one, kind):
    without = {"audio" if kind == "video" else "video": []}
    source = await one.publish(**without)
    watcher = await one.watch()
    packets = Camera().frame(key=True) if kind == "video" else [Camera(payload_type=111).packet(b"x" * 40)]
    send(source, packets)
    await until(lambda: len(watcher.rtp) == len(packets))
    status = one.server.status("hz-01")
    assert (status.video, status.audio) == (("H264", None) if kind == "video" else (None, "OPUS"))


async def test_lost_packets_are_repeated_from_the_cache(one):
    source, watcher = await one.publish(), await one.watch()
    send(source, Camera().frame(key=True, packets=8))
    await until(lambda: len(watcher.video) == 8)
    lost = [number(packet) for packet in watcher.video[2:5]]
    media = ssrc(watcher.video[0])
    watcher.peer.send_rtcp(rtcp.nack(1, media, lost))
    await until(lambda: len(watcher.of(97)) == 3)
    assert [original(packet, 96, media)[1] for packet in watcher.of(97)] == watcher.video[2:5]
    assert ssrc(watcher.of(97)[0]) != media


async def test_without_rtx_the_packet_itself_is_repeated(one):
    source = await one.publish()
    watcher = await one.watch(video=H264_LINES[:4])
    lost = []
    watcher.peer.lose = lambda data: len(watcher.video) == 1 and not lost and not lost.append(number(data))
    send(source, Camera().frame(key=True))
    await until(lambda: len(watcher.video) == 2)
    watcher.peer.send_rtcp(rtcp.nack(1, ssrc(watcher.video[0]), lost))
    await until(lambda: len(watcher.video) == 3)
    assert number(watcher.video[2]) == lost[0] and consecutive(sorted(watcher.video, key=stamp_and_number))


async def test_a_replay_that_was_lost_is_sent_again_when_asked(one):
    source, camera = await one.publish(), Camera()
    for index in range(20):
        send(source, camera.frame(key=index == 0))
    await until(lambda: one.server.room("hz-01").video.counts.packets == 60)
    watcher = await one.watch(lose=lambda data: data[1] & 127 == 96)
    await asyncio.sleep(0.1)
    assert watcher.video == []
    watcher.peer.lose = lambda data: False
    watcher.peer.send_rtcp(rtcp.pli(1, one.server.room("hz-01").video.ssrc))
    await until(lambda: len(watcher.video) == 60)
    assert consecutive(watcher.video)


async def test_repeats_have_a_limit(one, monkeypatch):
    source, watcher = await one.publish(), await one.watch()
    send(source, Camera().frame(key=True, packets=10))
    await until(lambda: len(watcher.video) == 10)
    for session in one.server.room("hz-01").viewers.values():
        session._repeats_left = 5
    numbers = [number(packet) for packet in watcher.video]
    watcher.peer.send_rtcp(rtcp.nack(1, ssrc(watcher.video[0]), numbers))
    await until(lambda: len(watcher.of(97)) == 5)
    await asyncio.sleep(0.05)
    assert len(watcher.of(97)) == 5


async def test_what_the_publisher_lost_is_asked_again(one):
    source, camera, watcher = await one.publish(), Camera(), await one.watch()
    heard = []
    source.on_rtcp = lambda data: heard.extend(rtcp.parse(data))
    packets = camera.frame(key=True, packets=10)
    send(source, packets[:4] + packets[6:])
    await until(lambda: any(p.kind == rtcp.RTPFB for p in heard))
    [asked] = [p for p in heard if p.kind == rtcp.RTPFB][:1]
    assert list(asked.lost) == [number(packet) for packet in packets[4:6]]
    for index, packet in enumerate(packets[4:6]):
        head = struct.pack("!BBHII", 0x80, packet[1] & 0x80 | 97, index, stamp(packet), 0x9999)
        source.send_rtp(head + packet[2:4] + packet[12:])
    await until(lambda: len(watcher.video) == 10)
    assert sorted(packet[12:] for packet in watcher.video) == sorted(packet[12:] for packet in packets)


async def test_keyframe_requests_are_passed_on_but_throttled(one):
    source, watcher = await one.publish(), await one.watch()
    heard = []
    source.on_rtcp = lambda data: heard.extend(
        p for p in rtcp.parse(data) if p.kind == rtcp.PSFB and p.format == 1
    )
    send(source, Camera().frame())
    await until(lambda: watcher.video)
    await asyncio.sleep(0.55)
    heard.clear()
    for _ in range(20):
        watcher.peer.send_rtcp(rtcp.pli(1, ssrc(watcher.video[0])))
    await until(lambda: heard)
    await asyncio.sleep(0.2)
    assert len(heard) == 1
    await until(lambda: len(heard) == 2, 1.0)  # the request within the half second was not forgotten


async def test_sender_reports_keep_lips_in_sync(one):
    source, watcher = await one.publish(), await one.watch()
    picture, sound = Camera(ssrc=1), Camera(ssrc=2, payload_type=111)
    send(source, picture.frame(key=True))
    source.send_rtp(sound.packet(b"x" * 40))
    await until(lambda: len(watcher.video) == 3 and watcher.of(111))
    # a camera whose clock is years off: the instant is the same for both kinds
    for kind, camera, later in ((1, picture, 0.0), (2, sound, 0.25)):
        ntp = rtcp.to_ntp(1_000_000_000 + later)
        source.send_rtcp(rtcp.sender_report(kind, ntp, camera.timestamp, 1, 1))
    await until(lambda: len(watcher.rtcp) == 2)
    reports = {p.ssrc: p for data in watcher.rtcp for p in rtcp.parse(data)}
    video, audio = reports[ssrc(watcher.video[0])], reports[ssrc(watcher.of(111)[0])]
    assert video.timestamp == stamp(watcher.video[0]) and audio.timestamp == stamp(watcher.of(111)[0])
    assert abs(rtcp.from_ntp(video.ntp) - now().timestamp()) < 2
    assert abs(rtcp.from_ntp(audio.ntp) - rtcp.from_ntp(video.ntp) - 0.25) < 0.001
    late = await one.watch()
    await until(lambda: len(late.rtcp) == 2)  # a joining viewer need not wait for the next report


async def test_the_publisher_gets_reports_and_a_bitrate(one):
    source = await one.publish()
    heard = []
    source.on_rtcp = lambda data: heard.extend(rtcp.parse(data))
    camera = Camera()
    for _ in range(5):
        send(source, camera.frame(key=True))
    await until(lambda: {(p.kind, p.format) for p in heard} >= {(rtcp.RR, 1), (rtcp.PSFB, rtcp.REMB)})
    report = next(p for p in heard if p.kind == rtcp.RR).reports[0]
    assert report.ssrc == camera.ssrc and report.lost == 0
    assert next(p for p in heard if p.format == rtcp.REMB).bitrate > 1_000_000


async def test_the_richest_layer_goes_out(one):
    source, watcher = await one.publish(), await one.watch()
    small, large = Camera(ssrc=10, sequence=5), Camera(ssrc=20, sequence=700)
    for index in range(150):
        send(source, small.frame(key=index % 25 == 0, size=40))
        send(source, large.frame(key=index % 25 == 0, size=800))
        await asyncio.sleep(0.015)
    await until(lambda: len(watcher.video) > 100)
    room = one.server.room("hz-01")
    assert room.publisher.tracks["video"].chosen.reception.ssrc == 20
    assert consecutive(watcher.video) and len(watcher.video[-1]) > 800


async def test_a_codec_the_viewer_lacks_ends_its_session(one):
    picky, broad = await one.watch(), await one.watch(video=H264_LINES + VP8_LINES)
    source = await one.publish(video=VP8_LINES)
    await until(lambda: one.server.room("hz-01").ended["viewer:codec_changed"] == 1)
    await until(lambda: picky.peer.dtls.state == "closed")
    packet = Camera(payload_type=98).packet(b"\x10\x00" + bytes(20), 0x80)
    source.send_rtp(packet)
    await until(lambda: broad.of(98))


async def test_peers_that_fall_silent_are_gone(one, monkeypatch):
    monkeypatch.setattr(peers, "CONSENT", 0.3)
    watcher = await one.watch()
    await until(lambda: not one.server.sessions.all(), 3.0)
    assert one.server.room("hz-01").ended["viewer:silent"] == 1 and watcher.peer.dtls is not None


async def test_a_hopeless_line_is_let_go_and_others_stay(one, monkeypatch):
    monkeypatch.setattr(viewer, "SLOW_SECONDS", 0.5)
    source, good, bad = await one.publish(), await one.watch(), await one.watch()
    send(source, Camera().frame(key=True))
    await until(lambda: bad.video)
    report = rtcp.Report(ssrc(bad.video[0]), 0.6, 100, 200, 0, 0, 0)
    bad.peer.send_rtcp(rtcp.receiver_report(9, [report]))
    await until(lambda: bad.peer.dtls.state == "closed", 4.0)
    assert good.peer.dtls.state == "connected" and one.server.status("hz-01").viewers == 1


@pytest.mark.parametrize("when", ["live", "replay"])
async def test_a_viewer_that_moves_is_followed(one, when):
    source, camera = await one.publish(), Camera()
    for index in range(100):
        send(source, camera.frame(key=index == 0))
        if index % 20 == 0:
            await asyncio.sleep(0.01)
    await until(lambda: one.server.room("hz-01").video.counts.packets == 300)
    watcher = await one.watch()
    if when == "live":
        await until(lambda: len(watcher.video) == 300)
    session = next(iter(one.server.room("hz-01").viewers.values()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as new_place:
        new_place.bind(("127.0.0.1", 0))
        new_place.setblocking(False)
        new_place.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        path = UdpPath(one.server.udp.sock, new_place.getsockname())
        session.transport.on_check(session.transport.ufrag, path, True)
        await until(lambda: session._catch_up.finished_at)
        send(source, camera.frame())
        await asyncio.sleep(0.1)
        arrived = []
        with contextlib.suppress(BlockingIOError):
            while True:
                arrived.append(new_place.recv(2048))
        new = {number(packet) for packet in arrived if packet[0] >= 128 and packet[1] & 127 == 96}
        assert len(new) + len(watcher.video) == 303 and len(new) >= 3


async def test_taps_get_the_packets_and_ask_for_keyframes(one):
    class Recorder:
        def __init__(self):
            self.got, self.reports = [], []

        def packets(self, kind, codec, packets):
            self.got += [(kind, codec.name, packet) for packet in packets]

        def report(self, kind, sender_report):
            self.reports.append(kind)

    recorder = Recorder()
    remove = one.server.tap("hz-01", recorder, keyframe_every=1.0)
    source, camera, asked = await one.publish(), Camera(), []
    source.on_rtcp = lambda data: asked.extend(
        p for p in rtcp.parse(data) if p.format == 1 and p.kind == rtcp.PSFB
    )
    send(source, camera.frame(key=True))
    source.send_rtcp(rtcp.sender_report(camera.ssrc, rtcp.to_ntp(time.time()), 5, 1, 1))
    await until(lambda: len(recorder.got) == 3 and recorder.reports == ["video"])
    assert {entry[:2] for entry in recorder.got} == {("video", "H264")}
    assert all(entry[2][1] & 127 == 0 for entry in recorder.got)
    asked.clear()
    await until(lambda: len(asked) >= 1, 3.0)
    remove()
    send(source, camera.frame())
    await asyncio.sleep(0.05)
    assert len(recorder.got) == 3


async def test_status_changes_and_metrics(one):
    changes = []
    one.server.on_change(changes.append)
    source, _ = await one.publish(), await one.watch()
    camera = Camera()
    for index in range(30):
        send(source, camera.frame(key=index == 0))
        await asyncio.sleep(0.04)
    status = one.server.status("hz-01")
    assert status.publishing and status.since.utcoffset().total_seconds() == 8 * 3600
    assert status.bitrate > 10_000 and 5 < status.fps < 50 and status.viewers == 1
    assert status.rtt is not None and status.keyframe_age < 5
    samples = {s.name + s.labels.get("room", ""): s.value for f in one.server.metrics() for s in f.samples}
    assert samples["sunbid_media_publishinghz-01"] == 1 and samples["sunbid_media_sent_totalhz-01"] == 90
    await source.close()
    await until(lambda: changes == ["hz-01", "hz-01"])
    assert one.server.status("hz-01").viewers == 1 and one.server.rooms() == ["hz-01"]


async def test_a_cut_cable_shows_soon_and_a_mended_one_too(one, monkeypatch):
    monkeypatch.setattr("streaming.rooms.room.STALLED", 0.4)
    changes = []
    one.server.on_change(changes.append)
    source, camera = await one.publish(), Camera()
    send(source, camera.frame(key=True))
    await until(lambda: not one.server.status("hz-01").publishing, 3.0)
    send(source, camera.frame())
    sending = asyncio.create_task(keep_sending(source, camera))
    await until(lambda: one.server.status("hz-01").publishing, 3.0)
    sending.cancel()
    assert len(changes) == 3 and len(one.server.sessions.all()) == 1


async def keep_sending(source, camera):
    while True:
        send(source, camera.frame())
        await asyncio.sleep(0.04)


async def test_forged_and_broken_packets_change_nothing(one):
    source, watcher = await one.publish(), await one.watch()
    send(source, Camera().frame(key=True))
    await until(lambda: len(watcher.video) == 3)
    for data in (b"\x80" + bytes(30), b"\x80\xc8" + bytes(30), b"\x80", b"\xbf" * 1400):
        source._put(data)
        watcher.peer._put(data)
    watcher.peer.send_rtcp(b"\x81\xcd\x00\x03" + bytes(12))
    watcher.peer.send_rtcp(b"\x8f\xce\x00\x01" + bytes(4))
    source.send_rtp(struct.pack("!BBHII", 0x80, 55, 1, 2, 0x1111) + b"a payload type nobody negotiated")
    send(source, Camera(sequence=65503).frame())
    await until(lambda: len(watcher.video) == 6)
    assert re.fullmatch(r"/whep/hz-01/[\w-]+", watcher.location)
