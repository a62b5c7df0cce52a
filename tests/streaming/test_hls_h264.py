"""H.264 out of RTP: pictures whole or not at all, parameter sets, frame sizes; order; Opus lengths."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from streaming.hls import fmp4
from streaming.hls.cutter import Cut, Cutter
from streaming.hls.sound import opus_ticks
from streaming.wire.codecs import Codec
from streaming.wire.h264 import Depacketiser, ParameterWatch, frame_size
from streaming.wire.lipsync import TimeLine
from streaming.wire.reorder import PATIENCE, Reorder
from streaming.wire.rtcp import sender_report, to_ntp

SPS, PPS = bytes.fromhex("6742c01eda02c0"), bytes.fromhex("68ce3c80")
IDR, DELTA = b"\x65\x88" + b"i" * 39, b"\x41\x9a" + b"d" * 29


def rtp(sequence: int, timestamp: int, payload: bytes, last: bool = False, padding: int = 0) -> bytes:
    first = 0xA0 if padding else 0x80
    tail = bytes(padding - 1) + bytes((padding,)) if padding else b""
    return struct.pack("!BBHII", first, 0x80 if last else 0, sequence & 0xFFFF, timestamp, 7) + payload + tail


def stap(*nals: bytes) -> bytes:
    return b"\x78" + b"".join(struct.pack("!H", len(nal)) + nal for nal in nals)


def fragments(nal: bytes, size: int) -> list[bytes]:
    body = nal[1:]
    cuts = [body[at : at + size] for at in range(0, len(body), size)]
    indicator, kind = nal[0] & 0xE0 | 28, nal[0] & 31
    marks = [0x80 * (i == 0) | 0x40 * (i == len(cuts) - 1) | kind for i in range(len(cuts))]
    return [bytes((indicator, mark)) + cut for mark, cut in zip(marks, cuts, strict=True)]


def pushed(packets: list[bytes]) -> tuple[list[tuple[int, tuple[bytes, ...], bool]], Depacketiser]:
    reader = Depacketiser()
    pictures = [picture for packet in packets for picture in reader.push(packet)]
    return [(p.timestamp, p.nals, p.key) for p in pictures], reader


def test_aggregates_fragments_and_single_units_make_pictures() -> None:
    packets = [rtp(65534, 100, stap(SPS, PPS))]
    packets += [rtp(65535 + i, 100, part, i == 2) for i, part in enumerate(fragments(IDR, 15))]
    packets.append(rtp(2, 3700, DELTA, True, padding=4))
    pictures, reader = pushed(packets)
    assert pictures == [(100, (IDR,), True), (3700, (DELTA,), False)]
    assert reader.watch.parameters is not None
    assert (reader.watch.parameters.sps, reader.watch.parameters.pps) == (SPS, PPS)
    assert reader.watch.parameters.codec == "avc1.42c01e"


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_picture_with_a_lost_fragment_is_left_out_and_the_next_one_kept(missing: int) -> None:
    packets = [rtp(0, 50, DELTA, True)]
    packets += [rtp(1 + i, 100, part, i == 2) for i, part in enumerate(fragments(IDR, 15))]
    packets.append(rtp(4, 200, DELTA, True))
    packets.append(rtp(5, 300, DELTA, True))
    del packets[1 + missing]
    pictures, reader = pushed(packets)
    assert [stamp for stamp, _, _ in pictures] == [50, 200, 300]
    assert reader.damaged == 1


def test_garbage_raises_nothing() -> None:
    for payload in (
        b"",
        b"\x78",
        b"\x78\x00\x00\x41",
        b"\x78\xff\xff\x41",
        b"\x7c",
        b"\x7c\x45x",
        b"\x00",
        b"\x1f\x1f",
    ):
        pushed([rtp(0, 1, payload, True), rtp(1, 2, payload, True)])
    watch = ParameterWatch()
    watch.announce("no base64!,,Zw==")
    assert watch.parameters is None


@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (1918, 1078), (16, 16)])
@pytest.mark.parametrize("profile", ["baseline", "high"])
def test_frame_size_is_what_the_encoder_was_told(size: tuple[int, int], profile: str) -> None:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 25)
    encoder.options = {"profile": profile, "preset": "ultrafast", "tune": "zerolatency"}
    frame = av.VideoFrame.from_ndarray(np.zeros((size[1], size[0], 3), np.uint8), format="rgb24")
    data = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    sps = next(
        nal for nal in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if nal and nal[0] & 31 == 7
    )
    assert frame_size(sps) == size


def test_a_truncated_parameter_set_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="SPS"):
        frame_size(SPS[:4])


def test_late_packets_are_put_back_into_order() -> None:
    order = Reorder()
    numbers = [65534, 0, 65535, 1, 3, 2, 2, 4]
    out = [packet for i, n in enumerate(numbers) for packet in order.push(rtp(n, 0, b"x"), i * 0.01)]
    assert [int.from_bytes(packet[2:4], "big") for packet in out] == [65534, 65535, 0, 1, 2, 3, 4]


def test_a_lost_packet_holds_up_the_others_only_for_a_while() -> None:
    order = Reorder()
    assert list(order.push(rtp(1, 0, b"x"), 0.0))
    assert not list(order.push(rtp(3, 0, b"x"), 0.01))
    assert not list(order.push(rtp(4, 0, b"x"), PATIENCE / 2))
    late = list(order.push(rtp(5, 0, b"x"), PATIENCE + 0.02))
    assert [packet[3] for packet in late] == [3, 4, 5]
    assert not list(order.push(rtp(2, 0, b"x"), PATIENCE + 0.03))


@pytest.mark.parametrize(
    ("payload", "ticks"),
    [
        (b"\xfc\xff", 960),
        (b"\xf8", 960),
        (b"\x78\x01", 960),
        (b"\xe0", 120),
        (b"\x1b\x02", 5760),
        (b"", 0),
        (b"\x03", 0),
    ],
)
def test_length_of_an_opus_packet(payload: bytes, ticks: int) -> None:
    assert opus_ticks(payload) == ticks


def test_sound_is_put_to_the_picture_by_reports_and_the_picture_never_jumps() -> None:
    line = TimeLine()
    line.first("video", 2**32 - 9000, 1000.0)
    line.first("audio", 5000, 1000.05)
    assert line.seconds("video", 0) == pytest.approx(1000.1)
    # the source says: both first packets were taken at the same instant, on a clock of its own
    assert not line.report("video", sender_report(1, to_ntp(77.0), 2**32 - 9000, 0, 0))
    assert line.report("audio", sender_report(2, to_ntp(77.0), 5000, 0, 0))
    assert line.seconds("video", 0) == pytest.approx(1000.1)
    assert line.seconds("audio", 5000) == pytest.approx(1000.0, abs=1e-3)


def test_a_report_of_another_machine_does_not_move_the_sound() -> None:
    line = TimeLine()
    line.first("video", 0, 1000.0)
    line.first("audio", 0, 1000.0)
    line.report("video", sender_report(1, to_ntp(50.0), 0, 0, 0))
    assert not line.report("audio", sender_report(2, to_ntp(9_000.0), 0, 0, 0))
    assert line.seconds("audio", 48_000) == pytest.approx(1001.0)


def test_a_picture_stands_while_it_sounds_a_hole_of_both_is_left_out_and_one_of_the_sound_is_silence() -> (
    None
):
    cuts: list[Cut] = []
    cutter = Cutter(cuts.append)
    video, audio = Codec("H264", 0, 90_000), Codec("OPUS", 0, 48_000, 2)
    sent = {"video": 0, "audio": 0}

    def send(second: float, picture: bool = True, sound: bool = True) -> None:
        for index in range(25):
            moment = second + index / 25
            if picture:
                body = stap(SPS, PPS, IDR) if index == 0 else DELTA
                cutter.packets("video", video, [rtp(sent["video"], int(moment * 90_000), body, True)])
                sent["video"] += 1
            for half in range(2 if sound else 0):
                stamp = int((moment + half * 0.02) * 48_000)
                cutter.packets("audio", audio, [rtp(sent["audio"], stamp, b"\xfc\xff\xfe")])
                sent["audio"] += 1

    for second, picture, sound in (
        (0, True, True),
        (1, True, False),
        (2, False, True),
        (5, True, True),
        (6, True, True),
    ):
        send(second, picture, sound)
    for track, scale in ((0, 90_000), (1, 48_000)):
        stretches = [stretch for cut in cuts if (stretch := (cut.video, cut.sound)[track])]
        ends = [s.start + sum(sample.duration for sample in s.samples) for s in stretches]
        assert [s.start for s in stretches[1:]] == ends[:-1], "no hole on the time line"
        assert ends[-1] / scale == pytest.approx(5.0, abs=0.4), "from 3 to 5 there was nothing"
    assert [cut.breaks for cut in cuts].count(True) == 2, "the start and the hole"
    assert cuts[-1].at - cuts[0].at > 5.3, "the clock goes on while the time line does not"


def test_numbers_of_the_boxes_are_those_of_the_standards() -> None:
    """ISO/IEC 14496-12 and -15 by name, against the bytes that players know."""
    assert (fmp4._LENGTH_SIZE_4, fmp4._ONE_SPS, fmp4._UNDETERMINED) == (0xFF, 0xE1, 0x55C4)
    assert (fmp4._RUN, fmp4._RUN | fmp4._SHIFTS, fmp4._FROM_MOOF) == (0x0701, 0x0F01, 0x020000)
