import asyncio
import random
import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from media_helper import Camera, number, ssrc, stamp

from streaming.fanout import Target
from streaming.rooms.rewriting import CACHE, PacketCache, Rewriter
from streaming.rooms.stream import Outbox, Stream
from streaming.wire import rtcp
from streaming.wire.codecs import Codec
from streaming.wire.reception import TRIES, Reception
from streaming.wire.rtp import original, retransmission

H264 = Codec("H264", 96, 90000)


class Sink:
    """A fan-out group that keeps what it is given."""

    def __init__(self):
        self.packets = []

    def __len__(self):
        return 1

    def add(self, target: Target) -> None: ...
    def remove(self, target: Target) -> None: ...

    def send(self, packets):
        self.packets += packets


OUTBOX = Outbox()


def stream(on_tap_failed=lambda tap: None):
    made = Stream("video", Sink(), OUTBOX, on_tap_failed)
    made.source(H264)
    return made


def test_numbers_go_on_when_the_source_changes():
    rewriter = Rewriter(90000)
    first, second = Camera(ssrc=1, sequence=65530), Camera(ssrc=2, sequence=17)
    second.timestamp = 4_000_000_000
    out = [rewriter.rewrite(packet, 10.0)[1] for _ in range(5) for packet in first.frame()]
    rewriter.switch()
    out += [rewriter.rewrite(packet, 12.0)[1] for packet in second.frame()]
    numbers = [number(packet) for packet in out]
    assert all((b - a) & 0xFFFF == 1 for a, b in pairwise(numbers))
    assert {ssrc(packet) for packet in out} == {rewriter.ssrc}
    # two seconds passed between the sources, and so they do on the outgoing scale
    assert (stamp(out[15]) - stamp(out[14])) & 0xFFFFFFFF == 2 * 90000


def test_packets_older_than_a_source_never_repeat_a_number():
    rewriter, camera = Rewriter(90000), Camera(sequence=100)
    early, *later = camera.frame(packets=5)
    taken = [rewriter.rewrite(packet, 1.0) for packet in later]
    assert all(taken) and rewriter.rewrite(early, 1.0) is None


def test_reordered_packets_keep_their_places():
    rewriter, camera = Rewriter(90000), Camera()
    packets = [packet for _ in range(4) for packet in camera.frame()]
    head, tail = packets[0], packets[1:]
    random.Random(1).shuffle(tail)
    out = {number(rewriter.rewrite(packet, 1.0)[1]): packet for packet in [head, *tail]}
    start = min(out, key=lambda n: (n - rewriter.sequence + 100) & 0xFFFF)
    ordered = [out[(start + index) & 0xFFFF] for index in range(len(packets))]
    assert ordered == packets


def test_csrcs_and_extensions_are_stripped():
    header = struct.pack("!BBHII", 0x92, 0xE0, 7, 8, 9)
    packet = header + bytes(8) + struct.pack("!HH", 0xBEDE, 1) + b"\x10\xff\x00\x00" + b"payload"
    _, out = Rewriter(90000).rewrite(packet, 0.0)
    assert out[0] == 0x80 and out[1] == 0x80 and out[12:] == b"payload"


def test_malformed_packets_are_dropped():
    rewriter = Rewriter(90000)
    for bad in (
        b"",
        b"\x80" * 11,
        b"\x9f" + bytes(12),
        b"\x90" + bytes(11),
        b"\x90" + bytes(13) + b"\xff\xff",
    ):
        assert rewriter.rewrite(bad, 0.0) is None


def test_rtx_round_trip():
    _, packet = Rewriter(90000).rewrite(Camera().frame()[0], 0.0)
    rtx = retransmission(packet, 97, 555, 12)
    assert (rtx[1] & 127, number(rtx), ssrc(rtx)) == (97, 12, 555)
    restored = original(rtx, 0, ssrc(packet))
    assert restored == (number(packet), packet)
    padding_only = bytes((0xA0, 97)) + bytes(10) + bytes(19) + b"\x14"
    assert original(padding_only, 96, 1) is None


async def test_a_frame_goes_out_whole_and_a_late_one_anyway():
    made, camera = stream(), Camera()
    first, second, third = camera.frame()
    made.push(first, 1.0)
    made.push(second, 1.0)
    assert made.group.packets == []
    made.push(third, 1.0)
    assert OUTBOX.waiting == [made]
    OUTBOX.flush()
    assert len(made.group.packets) == 3 and OUTBOX.waiting == []
    made.push(camera.frame()[0], 1.1)
    await asyncio.sleep(0.03)
    assert len(made.group.packets) == 4


async def test_the_cache_answers_and_forgets():
    made, camera = stream(), Camera()
    for index in range(CACHE // 3 + 50):
        for packet in camera.frame(key=index == 0):
            made.push(packet, 1.0)
    made.flush()
    last = made.rewriter.sequence
    assert number(made.cache.get(last)) == last
    assert made.cache.get((last - CACHE + 1) & 0xFFFF) is not None
    assert made.cache.get((last - CACHE) & 0xFFFF) is None
    assert made.cache.get((last + 1) & 0xFFFF) is None
    assert made.cache.since_keyframe(1400) == []


async def test_the_gop_starts_at_the_last_keyframe():
    made, camera = stream(), Camera()
    for index in range(20):
        for packet in camera.frame(key=index in (3, 12)):
            made.push(packet, float(index))
    made.flush()
    gop = made.cache.since_keyframe(1400)
    assert len(gop) == 8 * 3 and gop[-1] == made.group.packets[-1]
    assert made.cache.keyframe_at == 12.0 and made.counts.keyframes == 2
    made.source(H264)
    assert made.cache.since_keyframe(1400) == []


async def test_a_tap_that_fails_does_not_stop_the_picture():
    failed = []
    made = stream(failed.append)

    class Bad:
        def packets(self, kind, codec, packets):
            raise RuntimeError("disk full")

    made.taps.add(Bad())
    for packet in Camera().frame():
        made.push(packet, 1.0)
    made.flush()
    assert len(made.group.packets) == 3 and len(failed) == 1


class Kept:
    """A tap that keeps what it is given."""

    def __init__(self):
        self.packets_of, self.reports, self.changes = [], [], 0

    def packets(self, kind, codec, packets):
        self.packets_of += packets

    def report(self, kind, report):
        self.reports.append(report)

    def changed(self, kind):
        self.changes += 1


async def test_a_cover_withholds_from_all_but_the_kept_taps_and_numbers_stand_still():
    made, camera, public, inside = stream(), Camera(), Kept(), Kept()
    made.taps.add(public)
    made.kept.add(inside)

    def push(**frame):
        for packet in camera.frame(**frame):
            made.push(packet, 1.0)
        made.flush()

    push(key=True)
    last = made.rewriter.sequence
    made.withhold(True)
    push(key=True)
    push()
    assert made.rewriter.sequence == last and made.cache.since_keyframe(1400) == []
    assert len(public.packets_of) == 3 and len(inside.packets_of) == 9
    assert made.counts.packets == 9 and made.counts.keyframes == 2
    changes = public.changes
    made.withhold(False)
    push()
    assert len(public.packets_of) == 3, "pictures begin again with a keyframe"
    push(key=True)
    assert public.changes == changes + 1 and len(public.packets_of) == 6 == len(made.group.packets)
    assert number(public.packets_of[3]) == (last + 1) & 0xFFFF
    numbers = [number(packet) for packet in inside.packets_of]
    assert all((b - a) & 0xFFFF == 1 for a, b in pairwise(numbers)), "nothing is missing for the recording"
    made.sender_report(1 << 40, camera.timestamp)
    assert public.reports != inside.reports, "each has the report of its own numbers"


def test_a_cache_hands_out_only_what_has_left():
    cache, camera = PacketCache(flushed=99), Camera(sequence=99)
    for packet in camera.frame(packets=4):
        cache.put(number(packet), packet)
    cache.keyframe(101, 1.0)
    assert cache.since_keyframe(10) == []
    cache.flushed = 102
    assert [number(packet) for packet in cache.since_keyframe(10)] == [101, 102]
    assert cache.since_keyframe(1) == [] and number(cache.get(103)) == 103 and cache.get(104) is None
    assert [number(packet) for packet in cache.held()] == [100, 101, 102]


def test_reception_counts_loss_and_asks_again():
    reception, camera = Reception(1, 90000), Camera(sequence=65530)
    packets = [packet for _ in range(10) for packet in camera.frame()]
    del packets[10:12]
    gaps = [index for index, packet in enumerate(packets) if reception.add(packet, index / 100)]
    assert gaps == [10]
    report = reception.report(1.0)
    assert (report.lost, round(report.fraction * 30)) == (2, 2)
    lost = reception.due(1.0)
    assert len(lost) == 2 and reception.due(1.01) == []
    assert reception.recovered(lost[0], 1.05) and not reception.recovered(lost[0], 1.06)
    assert 0.04 < reception.rtt < 0.06
    for turn in range(TRIES):
        reception.due(2.0 + turn)
    assert reception.missing == {} and reception.given_up == 1


def test_rtcp_round_trips():
    lost = [65534, 65535, 0, 14, 15, 300]
    [packet] = rtcp.parse(rtcp.nack(1, 2, lost))
    assert sorted(packet.lost) == sorted(lost) and (packet.ssrc, packet.media) == (1, 2)
    [packet] = rtcp.parse(rtcp.remb(1, 2_500_000, [7, 8]))
    assert abs(packet.bitrate - 2_500_000) < 20 and packet.sources == (7, 8)
    [packet] = rtcp.parse(rtcp.sender_report(5, 1 << 40, 77, 3, 4))
    assert (packet.kind, packet.ssrc, packet.ntp, packet.timestamp) == (rtcp.SR, 5, 1 << 40, 77)
    report = rtcp.Report(9, 0.25, 12, 70000, 33, 1, 2)
    first, second = rtcp.parse(rtcp.receiver_report(5, [report]) + rtcp.pli(1, 2))
    assert first.reports == (report,) and second.format == rtcp.PLI
    assert abs(rtcp.from_ntp(rtcp.to_ntp(1.75e9)) - 1.75e9) < 1e-5


@given(st.binary(max_size=120), st.sampled_from([200, 201, 203, 205, 206]), st.integers(0, 31))
def test_rtcp_takes_any_bytes(body, kind, count):
    body += bytes(-len(body) % 4)
    list(rtcp.parse(body))
    list(rtcp.parse(struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body))


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_rewriting_takes_any_bytes(packets):
    rewriter = Rewriter(90000)
    for packet in packets:
        made = rewriter.rewrite(packet, 1.0)
        assert made is None or (len(made[1]) >= 12 and ssrc(made[1]) == rewriter.ssrc)
        if len(packet) > 12:
            original(packet, 96, 1)
