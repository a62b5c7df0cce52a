"""Recorder, HLS and every other tap of a room: no packet a source may send ends one, and a failure is told."""

from __future__ import annotations

import random
import struct
from collections.abc import AsyncIterator

import pytest
from media_helper import Camera, Rig, rig, until

from streaming.hls.cutter import Cut, Cutter
from streaming.recording.roomrecorder import RoomRecorder

SPS, PPS = bytes.fromhex("6742c01eda02c0"), bytes.fromhex("68ce3c80")


@pytest.fixture
async def hub() -> AsyncIterator[Rig]:
    async with rig("plain") as made:
        yield made


class Counter:
    """A tap that fails at the packets it is told to."""

    def __init__(self) -> None:
        self.seen = self.restarts = 0
        self.fails = False

    def packets(self, kind: str, codec: object, packets: list[bytes]) -> None:
        self.seen += len(packets)
        if self.fails:
            raise IndexError("index out of range")

    def report(self, kind: str, sender_report: bytes) -> None:
        if self.fails:
            raise IndexError("index out of range")

    def restart(self) -> None:
        self.restarts += 1


def failures(hub: Rig) -> float:
    """What Prometheus is told."""
    samples = (sample for family in hub.server.metrics() for sample in family.samples)
    return next(one.value for one in samples if one.name == "sunbid_media_tap_failures_total")


async def test_a_tap_that_fails_is_told_of_restarted_and_goes_on(hub: Rig) -> None:
    peer, camera, tap = await hub.publish(), Camera(), Counter()
    hub.server.tap("hz-01", tap)
    tap.fails = True
    for packet in camera.frame(key=True):
        peer.send_rtp(packet)
    peer.send_rtcp(struct.pack("!BBHIQIII", 0x80, 200, 6, camera.ssrc, 1 << 62, camera.timestamp, 3, 1200))
    await until(lambda: failures(hub) == 2)
    seen, tap.fails = tap.seen, False
    for packet in camera.frame():
        peer.send_rtp(packet)
    await until(lambda: tap.seen == seen + 3)
    assert tap.restarts == 2
    trouble = hub.server.trouble()["taps"]
    assert trouble is not None and "hz-01" in trouble.to_json()["zh"] and "hz-01" in trouble.to_json()["en"]


def odd(chance: random.Random, camera: Camera) -> bytes:
    """A packet as broken encoders and middleboxes make them: nothing, or next to nothing, behind the header."""
    heads = (0x07, 0x67, 0x68, 0x65, 0x41, 0x18, 0x78, 0x1C, 0x7C, 0x5C, 0x00, 0x1F, 0xFF, 0x06, 0x09)
    payload = bytes([chance.choice(heads)] * (chance.random() < 0.8)) + chance.randbytes(chance.randrange(4))
    packet = camera.packet(payload[: chance.randrange(5)], chance.choice((0, 0x80)))
    if chance.random() < 0.2:  # padding that is longer than the packet
        packet = bytes((packet[0] | 0x20,)) + packet[1:] + bytes((chance.randrange(256),))
    return packet


@pytest.mark.parametrize("seed", range(4))
async def test_no_packet_however_short_makes_a_recorder_or_hls_fail(hub: Rig, seed: int) -> None:
    peer, camera, chance = await hub.publish(), Camera(), random.Random(seed)
    cuts: list[Cut] = []
    cutter = Cutter(cuts.append)
    recorder = RoomRecorder("hz-01", None, lambda recorder, source, at: None, lambda: True)
    hub.server.tap("hz-01", cutter)
    hub.server.tap("hz-01", recorder, kept=True)
    viewed = await hub.watch(query="?layer=low")
    stream, sent = hub.server.room("hz-01").video, 0

    async def send(packets: list[bytes]) -> None:
        nonlocal sent
        for packet in packets:
            peer.send_rtp(packet)
        sent += len(packets)
        await until(lambda: stream.counts.packets >= sent)

    for index in range(60):
        camera.timestamp += 3600
        key = index % 10 == 0
        payloads = (SPS, b"", PPS, b"") if key else ()
        packets = [camera.packet(payload) for payload in payloads] + [odd(chance, camera)]
        await send([*packets, camera.packet(b"\x65\x88" if key else b"\x41\x9a" + bytes(40), 0x80)])
    assert failures(hub) == 0 and viewed.peer
    for _ in range(20):
        camera.timestamp += 3600
        await send([camera.packet(SPS), camera.packet(PPS), camera.packet(b"\x65\x88" + bytes(40), 0x80)])
    assert cuts and cuts[-1].video.samples, "the segmenter still makes parts"
