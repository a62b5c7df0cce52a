"""Which simulcast layers an answer takes, and how packets name theirs."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.lightpeer import H264_LINES, VP8_LINES, LightPeer
from streaming.wire import simulcast
from streaming.wire.rtp import extension as element
from streaming.wire.sdp import SdpError, parse_offer

EXTMAPS = [f"a=extmap:{index} {uri}" for index, uri in enumerate(simulcast.EXTENSIONS, 4)]
LAYERED = [*EXTMAPS, "a=rid:l send", "a=rid:h send", "a=simulcast:send l;h"]


def media(*lines, codecs=H264_LINES + VP8_LINES):
    peer = LightPeer()
    peer.sock.close()
    return parse_offer(peer.offer("sendonly", video=[*codecs, *lines], audio=[]), sends=True).section("video")


def answered(*lines, take=1):
    section = media(*lines)
    return simulcast.lines(section, section.codecs[:take])


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["a=rid:l send", "a=rid:h send", "a=simulcast:send l;h"], "a=simulcast:recv l;h"),
        (["a=rid:l send", "a=rid:h send", "a=simulcast:recv x send h;~l"], "a=simulcast:recv h;l"),
        (["a=rid:1 send", "a=rid:2 send", "a=simulcast:send 3,2;1"], "a=simulcast:recv 2;1"),
        (["a=rid:a send pt=98", "a=rid:b send pt=96,98", "a=simulcast:send a;b"], "a=simulcast:recv b"),
        (["a=rid:a send max-glow=1", "a=rid:b send", "a=simulcast:send a;b"], "a=simulcast:recv b"),
        (
            [f"a=rid:{n} send" for n in "abcdef"] + ["a=simulcast:send a;b;c;d;e;f"],
            "a=simulcast:recv a;b;c;d",
        ),
    ],
)
def test_the_answer_takes_the_layers_it_can(lines, answer):
    found = answered(*lines)
    names = answer.rpartition(" ")[2].split(";")
    assert found[-1] == answer and [line.split()[0][6:] for line in found[:-1]] == names


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["a=rid:l send", "a=rid:h send"],
        ["a=simulcast:send l;h"],
        ["a=rid:l recv", "a=simulcast:recv l"],
        ["a=rid:l;x send", "a=rid: send", "a=simulcast:send l;x", "a=rid:"],
        ["a=rid:l send pt=98", "a=simulcast:send l"],
        ["a=rid:l send pt=one", "a=simulcast:send l"],
        ["a=rid:l send", "a=simulcast:send"],
        ["a=rid:l send", "a=simulcast: ;;, ~ send"],
    ],
)
def test_what_cannot_be_taken_leaves_one_layer(lines):
    assert answered(*lines) == []


def test_restrictions_are_repeated_and_payload_types_cut_to_ours():
    offered = ["a=rid:l send pt=98,96;max-width=320; max-fps=15", "a=simulcast:send l"]
    assert answered(*offered)[0] == "a=rid:l recv pt=96;max-width=320;max-fps=15"
    assert answered(*offered, take=2)[0] == "a=rid:l recv pt=96,98;max-width=320;max-fps=15"


def test_only_the_extensions_that_name_layers_are_taken():
    found = answered("a=extmap:3 urn:other", "a=extmap:15 " + simulcast.MID, *LAYERED[1:])
    assert [line for line in found if line.startswith("a=extmap")] == EXTMAPS[1:]


@given(st.text(max_size=40), st.text(max_size=40))
def test_damaged_lines_are_as_good_as_absent(rid, streams):
    section = media()
    section.attributes += [("rid", rid), ("simulcast", streams), ("ssrc-group", rid), ("extmap", streams)]
    section.attributes += [("rid", "l send"), ("simulcast", f"send {streams}")]
    assert isinstance(simulcast.lines(section, section.codecs), list) and not simulcast.repeats(section)


def test_endless_numbers_are_refused():
    for line in ("a=ssrc-group:FID 1 %s", "a=rid:l send pt=%s", "a=extmap:%s " + simulcast.RID):
        with pytest.raises(SdpError, match="4096"):
            media(line % ("9" * 5000))


def test_groups_of_repeats():
    section = media("a=ssrc-group:FID 1 2", "a=ssrc-group:SIM 1 3", "a=ssrc-group:FID 3 4")
    assert simulcast.repeats(section) == {2: 1, 4: 3}


def extended(*elements):
    """An RTP packet head with a header extension of those (id, bytes)."""
    body = b"".join(bytes((key << 4 | len(value) - 1,)) + value for key, value in elements)
    body += bytes(-len(body) % 4)
    return bytes((0x90,)) + bytes(11) + struct.pack("!HH", 0xBEDE, len(body) // 4) + body + b"payload"


def test_elements_of_a_header_extension():
    packet = extended((4, b"0"), (5, b"low"), (3, b"\x01\x02"))
    assert [element(packet, key) for key in (4, 5, 3, 6)] == [b"0", b"low", b"\x01\x02", None]
    assert element(packet[:19], 5) is None and element(b"\x80" + packet[1:], 5) is None


@given(st.binary(max_size=60), st.integers(1, 14))
def test_any_packet_may_be_asked_for_an_element(data, key):
    found = element(b"\x90" + data, key)
    assert found is None or found in data
