import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.lightpeer import H264_LINES, OPUS_LINES, VP8_LINES, LightPeer
from streaming.rooms import whip
from streaming.wire import answer
from streaming.wire.answer import Candidate, Local, Sender
from streaming.wire.codecs import vp8_keyframe
from streaming.wire.h264 import starts_keyframe
from streaming.wire.sdp import SdpError, parse_fragment, parse_offer

LOCAL = Local(
    "ufrag", "p" * 24, "AA:BB", "passive", [Candidate("192.0.2.1", 8600), Candidate("10.0.0.1", 8600)]
)


@pytest.fixture(scope="module")
def offer():
    peer = LightPeer()
    peer.sock.close()
    return lambda **options: peer.offer("sendonly", **options)


def parse(text):
    return parse_offer(text, sends=True)


def test_reads_what_browsers_offer(offer):
    read = parse(offer(video=VP8_LINES + H264_LINES))
    assert read.setup == "actpass" and len(read.password) == 24
    video = read.section("video")
    assert [(codec.name, codec.payload_type, codec.rtx) for codec in video.codecs] == [
        ("VP8", 98, 99),
        ("H264", 96, 97),
    ]
    assert read.fingerprints[0][0] == "sha-256"


def test_house_codec_before_vp8_and_baseline_before_high(offer):
    high = [
        "a=rtpmap:100 H264/90000",
        "a=fmtp:100 packetization-mode=1;profile-level-id=640c1f",
        "a=rtpmap:101 H264/90000",
        "a=fmtp:101 packetization-mode=0;profile-level-id=42e01f",
    ]
    assert whip.choose(parse(offer(video=VP8_LINES + high + H264_LINES)))["video"].payload_type == 96
    assert whip.choose(parse(offer(video=VP8_LINES + high)))["video"].payload_type == 100
    assert whip.choose(parse(offer(video=VP8_LINES)))["video"].name == "VP8"
    assert set(whip.choose(parse(offer(video=[])))) == {"audio"}


def test_unknown_codecs_are_named(offer):
    with pytest.raises(SdpError, match="H265"):
        whip.choose(parse(offer(video=["a=rtpmap:96 H265/90000"])))


@pytest.mark.parametrize(
    ("pattern", "replacement", "says"),
    [
        (r"^v=0", "v=1", "v=0"),
        (r"m=video.*", "m=video", "m="),
        (r"UDP/TLS/RTP/SAVPF", "RTP/AVP", "DTLS-SRTP"),
        (r"a=ice-ufrag:\S+", "a=ice-ufrag:x", "ice-ufrag"),
        (r"a=ice-pwd:\S+", "a=ice-pwd:short", "ice-pwd"),
        (r"a=fingerprint:.*", "a=fingerprint:sha-256 12:34", "fingerprint"),
        (r"a=fingerprint:.*", "a=x-none", "sha-256"),
        (r"a=setup:\S+", "a=setup:holdconn", "setup"),
        (r"a=sendonly", "a=recvonly", "recvonly"),
        (r"a=sendonly", "a=inactive", "audio"),
        (r"a=rtcp-mux\r\n", "", "rtcp-mux"),
        (r"a=group:BUNDLE.*\r\n", "", "BUNDLE"),
        (r"a=mid:1", "a=mid:0", "BUNDLE"),
        (r"s=-", "garbage", "3"),
    ],
)
def test_what_is_wrong_is_named(offer, pattern, replacement, says):
    text = re.sub(pattern, replacement, offer(), flags=re.MULTILINE)
    with pytest.raises(SdpError, match=says):
        parse(text)


def test_answer_keeps_the_order_and_refuses_the_rest(offer):
    read = parse(offer() + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n")
    text = answer.write(read, LOCAL, {kind: [codec] for kind, codec in whip.choose(read).items()})
    assert re.findall(r"^m=(\w+) (\d+)", text, re.MULTILINE) == [
        ("video", "8600"),
        ("audio", "8600"),
        ("application", "0"),
    ]
    assert "a=group:BUNDLE 0 1\r\n" in text and text.count("a=recvonly") == 2
    assert re.findall(r"udp (\d+) (\S+)", text)[0][1] == "192.0.2.1"
    priorities = [int(priority) for priority, _ in re.findall(r"udp (\d+) (\S+)", text)[:2]]
    assert priorities[0] > priorities[1]


def test_primary_ssrc_comes_before_its_rtx(offer):
    read = parse(offer(audio=OPUS_LINES))
    local = Local("u", "p", "AA", "passive", LOCAL.candidates, {"video": Sender(11, 22, "r")})
    text = answer.write(read, local, {"video": [read.section("video").codecs[0]]})
    assert re.findall(r"a=ssrc:(\d+)", text) == ["11", "22"]
    assert "a=ssrc-group:FID 11 22" in text and "m=audio 0 " in text


def test_all_simulcast_layers_are_accepted(offer):
    rids = [
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=rid:q send",
        "a=rid:f send",
        "a=simulcast:send q;f",
    ]
    read = parse(offer(video=H264_LINES + rids))
    text = answer.write(read, LOCAL, {"video": [read.section("video").codecs[0]]})
    assert "a=rid:q recv" in text and "a=simulcast:recv q;f" in text and "a=extmap:4 " in text


def test_trickle_fragments():
    assert parse_fragment("a=mid:0\r\na=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n") is None
    assert parse_fragment("a=ice-ufrag:abcd\r\na=ice-pwd:" + "p" * 22) == ("abcd", "p" * 22)
    for bad in ("", "hello", "a=ice-ufrag:abcd\r\n"):
        with pytest.raises(SdpError):
            parse_fragment(bad)


@given(st.data())
def test_damaged_offers_are_refused_or_read_never_worse(data):
    peer = LightPeer()
    peer.sock.close()
    lines = peer.offer("sendonly").split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        lines[index] = data.draw(
            st.one_of(st.text(max_size=30), st.sampled_from(lines), st.just(lines[index][:9]))
        )
    text = "\r\n".join(lines)
    try:
        read = parse(text)
        chosen = {kind: [codec] for kind, codec in whip.choose(read).items()}
    except SdpError:
        return
    assert answer.write(read, LOCAL, chosen).startswith("v=0")


@given(st.binary(max_size=40))
def test_keyframe_tests_take_any_bytes(payload):
    for test in (starts_keyframe, vp8_keyframe):
        assert test(payload, 0) in (True, False)
        assert test(payload, 12) in (True, False)


def test_keyframes_are_seen():
    assert starts_keyframe(b"\x65\x88", 0) and starts_keyframe(b"\x67\x42", 0)
    assert not starts_keyframe(b"\x41\x88", 0)
    assert starts_keyframe(b"\x7c\x85..", 0) and not starts_keyframe(b"\x7c\x05..", 0)
    assert starts_keyframe(b"\x18\x00\x02\x09\x10\x00\x03\x65\x88\x84", 0)
    assert not starts_keyframe(b"\x18\x00\x02\x09\x10\x00\x03\x41\x88\x84", 0)
    assert vp8_keyframe(b"\x10\x00", 0) and not vp8_keyframe(b"\x10\x01", 0)
    assert vp8_keyframe(b"\x90\xe0\x80\x01\x05\x40\x00", 0) and not vp8_keyframe(b"\x00\x00", 0)
