"""What the media tests share: a server in this process, light peers, synthetic H.264 packets."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette

from benchmarks.lightpeer import LightPeer
from records.serving.workers import Workers
from streaming.rooms.media import MediaConfig, MediaServer
from streaming.rooms.peer import Peer
from tests.ports import free_port

SDP = {"Content-Type": "application/sdp", "Accept-Language": "en"}
BEARER = {"Authorization": "Bearer good"}


class Doorman:
    """Token "good" publishes anywhere but in "nowhere"; rooms that start with "eval" are not for the public; token
    "desk" is of the desk while a room is on air, "look" also while it is not."""

    def may_publish(self, room: str, token: str | None) -> int:
        if room == "nowhere":
            return 404
        return 401 if token is None else 200 if token == "good" else 403

    def may_watch(self, room: str, token: str | None) -> bool:
        return room != "nowhere" and (not room.startswith("eval") or token == "view")

    def may_watch_inside(self, room: str, token: str | None, *, off_air: bool) -> bool:
        return token == "look" or (token == "desk" and not off_air)

    def watched(self, room: str, token: str | None, peer: Peer) -> None:
        """Nobody asks here who watched."""


class Rig:
    def __init__(self, server: MediaServer, http: httpx.AsyncClient) -> None:
        self.server = server
        self.http = http
        self.peers: list[LightPeer] = []

    async def publish(
        self, room: str = "hz-01", *, setup: str = "actpass", **sections: list[str]
    ) -> LightPeer:
        peer = LightPeer()
        self.peers.append(peer)
        offer = peer.offer("sendonly", setup=setup, **sections)
        answer = await self.http.post(f"/whip/{room}", content=offer, headers=SDP | BEARER)
        assert answer.status_code == 201, answer.text
        await peer.connect(answer.text)
        await until(lambda: self.server.status(room).publishing)
        return peer

    async def watch(
        self,
        room: str = "hz-01",
        *,
        query: str = "",
        lose: Callable[[bytes], bool] | None = None,
        **sections: list[str],
    ) -> Watcher:
        peer = LightPeer()
        peer.lose = lose or peer.lose
        self.peers.append(peer)
        answer = await self.http.post(
            f"/whep/{room}{query}", content=peer.offer("recvonly", **sections), headers=SDP
        )
        assert answer.status_code == 201, answer.text
        watcher = Watcher(peer, answer.headers["location"])
        count = self.server.status(room).viewers
        await peer.connect(answer.text)
        await until(lambda: self.server.status(room).viewers > count)
        return watcher


class Watcher:
    """A viewer that keeps what it gets."""

    def __init__(self, peer: LightPeer, location: str) -> None:
        self.peer = peer
        self.location = location
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        peer.on_rtp = self.rtp.append
        peer.on_rtcp = self.rtcp.append

    def of(self, payload_type: int) -> list[bytes]:
        return [packet for packet in self.rtp if packet[1] & 127 == payload_type]

    @property
    def video(self) -> list[bytes]:
        return self.of(96)


@asynccontextmanager
async def rig(fanout: str = "auto", host: str = "127.0.0.1", public: str = "127.0.0.1") -> AsyncIterator[Rig]:
    server = MediaServer(MediaConfig(host, free_port(), public, fanout), Doorman(), Workers())
    await server.start()
    transport = httpx.ASGITransport(app=Starlette(routes=server.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as http:
        made = Rig(server, http)
        try:
            yield made
        finally:
            for peer in made.peers:
                peer.vanish()
            await server.stop()


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for a condition; fails the test when it does not come true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "condition did not come true in time"
        await asyncio.sleep(0.005)


class Camera:
    """Makes H.264-like RTP: `frame()` gives the packets of one picture."""

    def __init__(self, ssrc: int = 0x1111, payload_type: int = 96, sequence: int = 65500) -> None:
        self.ssrc, self.payload_type, self.sequence = ssrc, payload_type, sequence
        self.timestamp = 1000
        self.count = 0

    def frame(self, *, key: bool = False, packets: int = 3, size: int = 400) -> list[bytes]:
        self.timestamp += 3600
        made = []
        for index in range(packets):
            marker = 0x80 if index == packets - 1 else 0
            start = 0x80 if index == 0 else 0x40 if marker else 0
            payload = bytes((28 | 0x60, start | (5 if key else 1))) + struct.pack("!I", self.count) * (
                size // 4
            )
            made.append(self.packet(payload, marker))
            self.count += 1
        return made

    def packet(self, payload: bytes, marker: int = 0) -> bytes:
        self.sequence = (self.sequence + 1) & 0xFFFF
        head = struct.pack(
            "!BBHII", 0x80, marker | self.payload_type, self.sequence, self.timestamp & 0xFFFFFFFF, self.ssrc
        )
        return head + payload


def number(packet: bytes) -> int:
    return packet[2] << 8 | packet[3]


def stamp(packet: bytes) -> int:
    return int.from_bytes(packet[4:8], "big")


def ssrc(packet: bytes) -> int:
    return int.from_bytes(packet[8:12], "big")
