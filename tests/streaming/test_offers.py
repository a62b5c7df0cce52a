"""WHIP offers as encoders send them, and their malformed relatives: what is taken, what is said."""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from media_helper import BEARER, SDP, Camera, Rig, rig, stamp, until

from benchmarks.lightpeer import H264_LINES, OPUS_LINES, LightPeer
from tests.streaming.encoder import tone

FOLDER = Path(__file__).parent / "offers"
OFFERS = {path.stem: path.read_bytes().decode() for path in sorted(FOLDER.glob("*.sdp"))}
VP8_ONLY = {"rfc9725-example"}
PCMU, PCMA, G722 = ["a=rtpmap:0 PCMU/8000"], ["a=rtpmap:8 PCMA/8000"], ["a=rtpmap:9 G722/8000"]
AAC = ["a=rtpmap:97 mpeg4-generic/48000/2", "a=fmtp:97 mode=AAC-hbr;config=1190"]


@pytest.fixture
async def hub() -> AsyncIterator[Rig]:
    async with rig("plain") as made:
        yield made


async def post(hub: Rig, offer: str, room: str = "hz-01"):
    return await hub.http.post(f"/whip/{room}", content=offer, headers=SDP | BEARER)


def sections(answer: str) -> list[tuple[str, int, str]]:
    """Kind, port and direction of each section."""
    parts = re.split(r"^(?=m=)", answer, flags=re.M)[1:]
    return [
        (
            part[2:].split()[0],
            int(part.split()[1]),
            re.findall(r"^a=(sendonly|recvonly|inactive)", part, re.M)[0],
        )
        for part in parts
    ]


@pytest.mark.parametrize("name", OFFERS)
async def test_every_encoder_gets_its_picture_and_its_sound(hub: Rig, name: str) -> None:
    offer = OFFERS[name]
    answer = await post(hub, offer)
    assert answer.status_code == 201, answer.text
    kinds = re.findall(r"^m=(\w+)", offer, re.M)
    sound = "inactive" if name == "camera-aac" else "recvonly"
    assert [kind for kind, *_ in sections(answer.text)] == kinds
    for kind, port, direction in sections(answer.text):
        assert (port > 0, direction) == (True, sound if kind == "audio" else "recvonly")
    video = re.split(r"^m=video", answer.text, flags=re.M)[1]
    assert f"{'VP8' if name in VP8_ONLY else 'H264'}/90000" in video
    mids = re.findall(r"^a=mid:(\S+)", offer, re.M)
    assert f"a=group:BUNDLE {' '.join(mids)}\r\n" in answer.text
    setup = "active" if name.startswith("ffmpeg") else "passive"
    assert set(re.findall(r"a=setup:(\w+)", answer.text)) == {setup}


def bare(offer: str) -> str:
    """The same offer as max-bundle writes it: what belongs to the transport stands in the first section alone."""
    first, second = re.split(r"^(?=m=)", offer, flags=re.M)[1:]
    kept = re.sub(r"^a=(ice-|fingerprint|setup|rtcp-mux|candidate).*\r\n", "", second, flags=re.M)
    kept = re.sub(r"^m=(\w+) 9 ", r"m=\1 0 ", kept).replace("a=mid", "a=bundle-only\r\na=mid")
    return offer.split("m=")[0] + first + kept


@pytest.mark.parametrize("swap", [False, True], ids=["video-first", "audio-first"])
async def test_both_kinds_flow_where_the_second_section_is_bundle_only(hub: Rig, swap: bool) -> None:
    peer = LightPeer()
    hub.peers.append(peer)
    offer = peer.offer("sendonly")
    if swap:
        head, video, audio = re.split(r"^(?=m=)", offer, flags=re.M)
        offer = head.replace("BUNDLE 0 1", "BUNDLE 1 0") + audio + video
    offer = bare(offer)
    assert re.search(r"^m=(video|audio) 0 ", offer, re.M)
    answer = await post(hub, offer)
    assert answer.status_code == 201, answer.text
    await peer.connect(answer.text)
    await until(lambda: hub.server.status("hz-01").publishing)
    assert (hub.server.status("hz-01").video, hub.server.status("hz-01").audio) == ("H264", "OPUS")
    watcher = await hub.watch()
    for packet in Camera().frame(key=True):
        peer.send_rtp(packet)
    peer.send_rtp(Camera(0x2222, 111).packet(b"\xfc\xff\xfe"))
    await until(lambda: len(watcher.video) == 3 and len(watcher.of(111)) == 1)


def replaced(pattern: str, text: str) -> Callable[[str], str]:
    return lambda offer: re.sub(pattern, text, offer, flags=re.M)


def video_twice(offer: str) -> str:
    """A second camera behind the first, in the same bundle."""
    second = re.split(r"^(?=m=)", offer, flags=re.M)[1].replace("a=mid:0", "a=mid:2")
    return offer.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + second


def unknown_first(offer: str) -> str:
    """A section of H.265 before the one of H.264."""
    head, video, audio = re.split(r"^(?=m=)", offer, flags=re.M)
    other = video.replace("a=mid:0", "a=mid:2").replace("H264", "H265")
    return head.replace("BUNDLE 0 1", "BUNDLE 2 0 1") + other + video + audio


def with_data(offer: str) -> str:
    return offer.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + (
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=bundle-only\r\n"
        "a=sctp-port:5000\r\n"
    )


TAKEN = {
    "a port of 0 alone is a refusal": (replaced("^m=video 9", "m=video 0"), ["", "audio"]),
    "two cameras: the first": (video_twice, ["video", "audio", ""]),
    "H.265 in a section of its own": (unknown_first, ["", "video", "audio"]),
    "a data channel": (with_data, ["video", "audio", ""]),
    "sound the other way": (replaced(r"(m=audio[\s\S]*?)a=sendonly", r"\1a=recvonly"), ["video", ""]),
    "profile of another company": (replaced("42e01f", "4d0033"), ["video", "audio"]),
    "a profile that is none": (replaced("42e01f", "zz"), ["video", "audio"]),
    "whole units only": (replaced("packetization-mode=1;", ""), ["video", "audio"]),
    "RED before Opus": (
        replaced(r"SAVPF 111\r\n", "SAVPF 63 111\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n"),
        ["video", "audio"],
    ),
    "a low payload type": (replaced(r"(?<=[ :=])96(?!\d)", "35"), ["video", "audio"]),
}


@pytest.mark.parametrize("name", TAKEN)
async def test_relatives_that_are_taken(hub: Rig, name: str) -> None:
    change, kinds = TAKEN[name]
    peer = LightPeer()
    hub.peers.append(peer)
    answer = await post(hub, change(peer.offer("sendonly")))
    assert answer.status_code == 201, answer.text
    assert [kind if port else "" for kind, port, _ in sections(answer.text)] == kinds


REFUSED = {
    "bundle-only in no bundle": (lambda offer: replaced("^a=group.*\r\n", "")(bare(offer)), "BUNDLE"),
    "bundle-only without a mid": (lambda offer: replaced("^a=mid:1\r\n", "")(bare(offer)), "a=mid"),
    "no mid at all": (replaced("^a=mid.*\r\n", ""), "BUNDLE"),
    "no rtcp-mux anywhere": (replaced("^a=rtcp-mux\r\n", ""), "rtcp-mux"),
    "only H.265": (replaced("H264", "H265"), "H265"),
    "only AV1 and VP9": (replaced("H264", "AV1"), "AV1"),
    "interleaved units": (replaced("packetization-mode=1", "packetization-mode=2"), "H264"),
    "a payload type of RTCP's": (replaced(r"(?<=[ :=])96(?!\d)", "72"), "RTCP"),
    "both refused": (replaced("^(m=.*) 9 ", r"\1 0 "), "audio"),
    "credentials nowhere": (lambda offer: replaced("^a=ice-ufrag.*\r\n", "")(bare(offer)), "ice-ufrag"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_relatives_that_are_refused_in_words(hub: Rig, name: str) -> None:
    change, word = REFUSED[name]
    peer = LightPeer()
    hub.peers.append(peer)
    answer = await post(hub, change(peer.offer("sendonly")))
    assert answer.status_code == 422 and word in answer.json()["detail"], answer.text
    assert not hub.server.sessions.all()


# -- sound that is no Opus -------------------------------------------------------------------------


def heard(packets: list[bytes]) -> np.ndarray:
    """The Opus of these packets, decoded."""
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48_000, "stereo"
    frames = [frame.to_ndarray() for packet in packets for frame in decoder.decode(av.Packet(packet[12:]))]
    return np.concatenate([frame.reshape(-1, 2)[:, 0] for frame in frames])


@pytest.mark.parametrize(("lines", "payload_type"), [(PCMU, 0), (PCMA, 8), (G722, 9)])
async def test_telephone_sound_reaches_the_viewers(hub: Rig, lines: list[str], payload_type: int) -> None:
    peer = await hub.publish(audio=lines)
    watcher = await hub.watch()
    source = Camera(0x2222, payload_type)
    sent = tone(lines[0].split()[1].split("/")[0], 1.0)
    for index, payload in enumerate(sent):
        source.timestamp = 0xFFFFFFFF - 2000 + 160 * index  # across the end of the clock
        peer.send_rtp(source.packet(payload))
        await asyncio.sleep(0.001)
    await until(lambda: len(watcher.of(111)) >= 48)
    times = [stamp(packet) for packet in watcher.of(111)]
    assert {(b - a) & 0xFFFFFFFF for a, b in pairwise(times)} == {960}
    sound = heard(watcher.of(111))[9600:]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert abs(np.argmax(spectrum) * 48_000 / len(sound) - 440) < 5


async def test_telephone_sound_keeps_its_time_over_a_hole_and_beside_its_reports(hub: Rig) -> None:
    peer = await hub.publish(audio=PCMA)
    watcher = await hub.watch()
    source = Camera(0x2222, 8)
    for index, payload in enumerate(tone("PCMA", 0.4)):
        source.timestamp = 160 * index if index < 10 else 160 * index + 8000  # a second of nothing
        peer.send_rtp(source.packet(payload))
    peer.send_rtcp(struct.pack("!BBHIQIII", 0x80, 200, 6, 0x2222, 1 << 62, 1600, 20, 3200))
    await until(lambda: len(watcher.of(111)) == 20 and any(data[1] == 200 for data in watcher.rtcp))
    times = [stamp(packet) for packet in watcher.of(111)]
    assert (times[10] - times[9]) & 0xFFFFFFFF == 960 + 48_000
    report = next(data for data in watcher.rtcp if data[1] == 200)
    assert (int.from_bytes(report[16:20], "big") - times[0]) & 0xFFFFFFFF == 9600, "10 packets of 20 ms"


async def test_sound_that_cannot_be_passed_on_is_left_out_and_told(hub: Rig) -> None:
    peer = LightPeer()
    hub.peers.append(peer)
    answer = await post(hub, peer.offer("sendonly", audio=AAC))
    assert answer.status_code == 201
    assert [direction for _, _, direction in sections(answer.text)] == ["recvonly", "inactive"]
    assert "MPEG4-GENERIC" in answer.headers["sunbid-notice"] and "Opus" in answer.headers["sunbid-notice"]
    assert "Sunbid-Notice" in answer.headers["access-control-expose-headers"]
    link = re.fullmatch(r'<(\S+)>; rel="urn:sunbid:notices"', answer.headers["link"])
    assert link
    (notice,) = (await hub.http.get(link[1])).json()["notices"]
    assert notice["code"] == "audio_dropped" and "Opus" in notice["remedy_zh"]
    await peer.connect(answer.text)
    await until(lambda: hub.server.status("hz-01").publishing)
    assert hub.server.status("hz-01").audio is None
    watcher = await hub.watch()
    for packet in Camera().frame(key=True):
        peer.send_rtp(packet)
    await until(lambda: len(watcher.video) == 3)


async def test_sound_alone_must_be_of_ours(hub: Rig) -> None:
    peer = LightPeer()
    hub.peers.append(peer)
    answer = await post(hub, peer.offer("sendonly", video=[], audio=AAC))
    assert answer.status_code == 422 and "MPEG4-GENERIC" in answer.json()["detail"]
    assert (await post(hub, peer.offer("sendonly", video=[], audio=OPUS_LINES))).status_code == 201


async def test_nothing_is_said_where_all_is_well(hub: Rig) -> None:
    peer = LightPeer()
    hub.peers.append(peer)
    answer = await post(hub, peer.offer("sendonly", video=H264_LINES))
    assert "sunbid-notice" not in answer.headers
    place = answer.headers["location"]
    assert (await hub.http.get(f"{place}/notices")).json() == {"notices": []}
    assert (await hub.http.get(place)).status_code == 405, "RFC 9725 keeps GET of the session for itself"
    assert (await hub.http.get("/whip/hz-01/nobody/notices")).status_code == 404
