"""Transport-wide congestion control on the wire: the bytes, and what the hub's answers agree to."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from media_helper import BEARER, SDP, Camera, rig

from benchmarks.lightpeer import H264_LINES, OPUS_LINES
from streaming.rooms.whip import choose
from streaming.wire import rtcp, twcc
from streaming.wire.sdp import parse_offer

EXTENSION = f"a=extmap:4 {twcc.URI}"
VIDEO = [*H264_LINES, EXTENSION, "a=rtcp-fb:96 transport-cc"]
AUDIO = [*OPUS_LINES, EXTENSION, "a=rtcp-fb:* transport-cc"]
CLOCK = 1 << 32  # ticks after which the reference time begins again
# 3.1.3 and 3.1.4 of the draft: chunks and what they say
DRAFT = [
    ("00dd", [0] * 221),
    ("9f1c", [0, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0]),
]
# A feedback of Chromium's, as captured: nine packets from number 1 on, milliseconds between them
CAPTURED = bytes.fromhex("afcd000700000001dd586eb6000100095e91100020091c0c2c380004000818 01")
BETWEEN = [7, 3, 11, 14, 0, 1, 0, 2, 6]


def ticks(milliseconds: float) -> int:
    return int(milliseconds * twcc.TICKS / 1000)


def read_all(base: int, arrivals: list[int | None]) -> list[int | None]:
    """Write the arrivals into as many packets as it takes; what they say when read, checking their numbers."""
    said: list[int | None] = []
    count = 250
    while len(said) < len(arrivals):
        packet, taken = twcc.write(1, 2, count, base + len(said), arrivals[len(said) :])
        feedback = twcc.parse(packet)
        assert feedback is not None and len(packet) % 4 == 0 and len(packet) < 1250
        assert (feedback.ssrc, feedback.media, feedback.count) == (1, 2, count & 0xFF)
        assert (feedback.base, len(feedback.arrivals)) == ((base + len(said)) & 0xFFFF, taken)
        said += feedback.arrivals
        count += 1
    return said


# -- the bytes ------------------------------------------------------------------------------------


def test_a_captured_feedback_is_read_and_written_again():
    feedback = twcc.parse(CAPTURED)
    start = 0x5E9110 * twcc.REFERENCE
    expected = [start + ticks(sum(BETWEEN[: index + 1])) for index in range(9)]
    assert feedback == twcc.Feedback(1, 0xDD586EB6, 0, 1, tuple(expected))
    written, taken = twcc.write(1, 0xDD586EB6, 0, 1, expected)
    # ours pads with a zero instead of counting the padding; all else is the same
    assert taken == 9 and written == bytes((0x8F,)) + CAPTURED[1:-1] + b"\0"


@pytest.mark.parametrize(("chunk", "statuses"), DRAFT)
def test_the_drafts_own_chunks(chunk, statuses):
    arrivals = [100 * 256 if status else None for status in statuses]
    packet, _ = twcc.write(1, 2, 0, 0, [*arrivals, 100 * 256])
    assert packet[20:22] == bytes.fromhex(chunk)
    said = twcc.parse(packet)
    assert said is not None and list(said.arrivals[:-1]) == arrivals


def test_two_bit_vectors_and_large_deltas_by_hand():
    # small 1 ms, lost, large 100 ms, large 10 ms back; 11 01 00 10 10 = vector of two-bit symbols
    arrivals = [ticks(64 + 1), None, ticks(64 + 101), ticks(64 + 91)]
    packet, taken = twcc.write(7, 8, 9, 0xFFFE, arrivals)
    body = "00000007 00000008 fffe 0004 000001 09" + "d280" + "04 0190 ffd8" + "00"
    assert taken == 4 and packet == bytes.fromhex("8fcd0006" + body)
    said = twcc.parse(packet)
    assert said is not None and list(said.arrivals) == arrivals


@given(
    st.integers(0, 0xFFFF),
    st.lists(
        st.one_of(
            st.tuples(st.just(0), st.integers(1, 1500)),  # a gap
            st.tuples(st.integers(-300, 40_000), st.integers(1, 40)),  # packets that many ticks apart
        ),
        min_size=1,
        max_size=20,
    ),
    st.integers(0, 1 << 40),
)
@example(0xFFF0, [(3, 40), (0, 20), (100, 3)], 255)  # the number wraps
@example(0, [(1, 600)], 0)  # more than one packet holds
@example(5, [(0, 9000), (40_000, 2)], CLOCK - 1)  # a gap over a whole run; a delta too large; the time wraps
def test_what_is_written_is_read(base, steps, now):
    arrivals: list[int | None] = []
    for step, count in steps:
        for _ in range(count):
            now = max(0, now + step)
            arrivals.append(now if step else None)
    arrivals.append(now)
    said = read_all(base, arrivals)
    assert [at is None for at in said] == [at is None for at in arrivals]
    assert all((a - b) % CLOCK == 0 for a, b in zip(said, arrivals, strict=True) if a is not None)


@given(st.binary(max_size=60))
def test_garbage_is_no_feedback_and_no_number(tail):
    for first in (0x8F, 0xAF, 0x80):
        packet = bytes((first, rtcp.RTPFB)) + struct.pack("!H", len(tail) // 4) + tail
        said = twcc.parse(packet)
        assert said is None or (len(packet) % 4 == 0 and said.arrivals)
    assert twcc.number(b"\x90" + tail, 4) in (None, *range(0x10000))
    assert twcc.parse(tail) is None or tail[1] == rtcp.RTPFB


@pytest.mark.parametrize(
    "damage",
    [
        lambda p: p[:-4],  # shorter than it says
        lambda p: p + bytes(4),
        lambda p: p[:14] + b"\0\0" + p[16:],  # no status at all
        lambda p: p[:14] + b"\xff\xff" + p[16:],  # more statuses than chunks
        lambda p: p[:20] + b"\x60\x09" + p[22:],  # the reserved status
        lambda p: p[:20] + b"\x20\x00" + p[22:],  # a run of none
        lambda p: p[:20] + b"\x40\x09" + p[22:],  # large deltas, but bytes for small ones
        lambda p: p[:-1] + b"\0",  # padding that counts itself as nothing
        lambda p: p[:-1] + b"\xff",
        lambda p: b"\x6f" + p[1:],  # another version
        lambda p: b"\x81" + p[1:],  # a NACK
    ],
)
def test_malformed_feedback_is_none(damage):
    assert twcc.parse(damage(CAPTURED)) is None


def test_nothing_arrived_is_nothing_to_tell():
    with pytest.raises(ValueError, match="no packet arrived"):
        twcc.write(1, 2, 0, 0, [None, None])


def numbered(packet: bytes, number: int, *, before: bytes = b"", extension: int = 4) -> bytes:
    """The packet with a transport-wide number (after other extension elements)."""
    elements = before + bytes((extension << 4 | 1,)) + struct.pack("!H", number & 0xFFFF)
    elements += bytes(-len(elements) % 4)
    head = bytes((packet[0] | 0x10,)) + packet[1:12]
    return head + struct.pack("!HH", 0xBEDE, len(elements) // 4) + elements + packet[12:]


def test_the_number_in_a_packet():
    plain = Camera().frame()[0]
    assert twcc.number(plain, 4) is None
    assert twcc.number(numbered(plain, 0xABCD), 4) == 0xABCD
    assert twcc.number(numbered(plain, 0xABCD, before=b"\x12abc\0\0"), 4) == 0xABCD
    assert twcc.number(numbered(plain, 0xABCD, before=b"\xf0"), 4) is None  # 15 ends the list
    assert twcc.number(numbered(plain, 0xABCD), 5) is None
    assert twcc.number(numbered(plain, 0xABCD)[:18], 4) is None
    empty = bytes((0x90,)) + plain[1:12] + b"\xbe\xde\0\0" + b"\x41\xab\xcd\0" + plain[12:]
    assert twcc.number(empty, 4) is None  # what looks like a number is already payload
    longer = bytes((0x90,)) + plain[1:12] + b"\xbe\xde\0\1" + b"\x42\xab\xcd\xef" + plain[12:]
    assert twcc.number(longer, 4) is None


# -- what is agreed -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("video", "audio", "agreed"),
    [
        (VIDEO, AUDIO, {"video": 4, "audio": 4}),
        (VIDEO, OPUS_LINES, {"video": 4}),
        ([*H264_LINES, EXTENSION], AUDIO, {"audio": 4}),
        ([*H264_LINES, "a=rtcp-fb:96 transport-cc"], OPUS_LINES, {}),
        ([*H264_LINES, "a=rtcp-fb:97 transport-cc", EXTENSION], OPUS_LINES, {}),
        (VIDEO, [line.replace(":4 ", ":5 ") for line in AUDIO], {}),
        ([line.replace(":4 ", ":15 ") for line in VIDEO], OPUS_LINES, {}),
        ([line.replace(":4 ", ":4/sendonly ") for line in VIDEO], OPUS_LINES, {"video": 4}),
        ([line.replace(":4 ", ":4/recvonly ") for line in VIDEO], OPUS_LINES, {}),
    ],
)
async def test_the_answer_takes_what_was_offered_whole(video, audio, agreed):
    async with rig() as one:
        peer = await one.publish(video=video, audio=audio)
        offer = parse_offer(peer.offer("sendonly", video=video, audio=audio), sends=True)
        assert twcc.extensions(offer, {kind: [codec] for kind, codec in choose(offer).items()}) == agreed
        answer = await one.http.post(
            "/whip/other", content=peer.offer("sendonly", video=video, audio=audio), headers=SDP | BEARER
        )
        assert answer.text.count(twcc.URI) == answer.text.count("transport-cc") == len(agreed)
        assert answer.text.count("x-google-start-bitrate=1000") == ("video" in agreed)
        viewer = await one.http.post(
            "/whep/hz-01", content=peer.offer("recvonly", video=VIDEO, audio=AUDIO), headers=SDP
        )
        assert viewer.status_code == 201 and "transport-" not in viewer.text
