"""Plain RTP from a program on this machine as the publisher of a room.

The program (ffmpeg's SAP muxer) sends one session: an announcement with the SDP, then RTP and sender
reports of picture and sound, all from one clock, so lips stay in sync by its reports.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streaming.rooms.layers import Track
from streaming.rooms.publisher_notices import Notice
from streaming.rooms.stream import Stream
from streaming.wire import rtcp, rtp
from streaming.wire.codecs import H264, OPUS, Codec

LOOPBACK = "127.0.0.1"
KINDS = ("video", "audio")  # in the order the program maps them
TYPES = {"video": 96, "audio": 97}
RECEIVE_BUFFER = 4 << 20
_TRIES = 50
_READS = 64
_SAP_HEADER = 8


class Ports:
    """Five UDP ports of the loopback: RTP and RTCP of picture and sound in a row, and the announcements."""

    def __init__(self) -> None:
        self.media = _bind_row(2 * len(KINDS))
        self.announcements = _bind(0)

    @property
    def url(self) -> str:
        """Where ffmpeg's SAP muxer shall send."""
        announce = self.announcements.getsockname()[1]
        base = self.media[0].getsockname()[1]
        return (
            f"sap://{LOOPBACK}:{base}?announce_addr={LOOPBACK}&announce_port={announce}&pkt_size=1200&ttl=1"
        )

    def close(self) -> None:
        for sock in (*self.media, self.announcements):
            sock.close()


def _bind(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    try:
        sock.bind((LOOPBACK, port))
    except OSError:
        sock.close()
        raise
    return sock


def _bind_row(count: int) -> list[socket.socket]:
    for _ in range(_TRIES):
        first = _bind(0)
        base = int(first.getsockname()[1])
        row = [first]
        with contextlib.suppress(OSError, OverflowError):  # a port of the row is taken: try another
            while base % 2 == 0 and len(row) < count:
                row.append(_bind(base + len(row)))
        if len(row) == count:
            return row
        for sock in row:
            sock.close()
    raise OSError(errno.EADDRINUSE, "no free row of UDP ports on the loopback")


@dataclass(frozen=True)
class Announcement:
    """What the program sends: codec by kind as SDP names them."""

    codecs: dict[str, Codec]


def read_announcement(datagram: bytes) -> Announcement | None:
    """A SAP packet (RFC 2974) with an SDP; None for anything else."""
    if len(datagram) <= _SAP_HEADER or datagram[0] >> 5 != 1:
        return None
    text = datagram[_SAP_HEADER:].decode("utf-8", "replace").partition("v=0")[2]
    codecs: dict[str, Codec] = {}
    for section in text.split("\nm=")[1:]:
        kind = section.split()[0]
        lines = dict(
            line.strip()[2:].partition(":")[::2] for line in section.splitlines() if line[:2] == "a="
        )
        name, _, clock = lines.get("rtpmap", "").partition(" ")[2].partition("/")
        parts = (item.strip().partition("=") for item in lines.get("fmtp", "").partition(" ")[2].split(";"))
        fmtp = {key.lower(): value for key, _, value in parts if key}
        if kind in KINDS and name and clock.partition("/")[0].isdecimal():
            rate, _, channels = clock.partition("/")
            codecs[kind] = Codec(name.upper(), TYPES[kind], int(rate), int(channels or 1), fmtp)
    return Announcement(codecs) if codecs else None


class Feed:
    """Reads the ports and hands on what arrives, in the order of arrival. Belongs to the event loop."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.on_announcement: Callable[[Announcement], None] = lambda announcement: None
        self.on_rtp: Callable[[str, bytes], None] = lambda kind, packet: None
        self.on_rtcp: Callable[[str, bytes], None] = lambda kind, packet: None
        self.on_drained: Callable[[], None] = lambda: None
        loop = asyncio.get_running_loop()
        for index, sock in enumerate(ports.media):
            loop.add_reader(sock.fileno(), self._media, sock, KINDS[index // 2], index % 2 == 1)
        loop.add_reader(ports.announcements.fileno(), self._announced)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for sock in (*self.ports.media, self.ports.announcements):
            loop.remove_reader(sock.fileno())
        self.ports.close()

    def _announced(self) -> None:
        for datagram in _drain(self.ports.announcements):
            announcement = read_announcement(datagram)
            if announcement is not None:
                self.on_announcement(announcement)

    def _media(self, sock: socket.socket, kind: str, control: bool) -> None:
        for datagram in _drain(sock):
            if control:
                self.on_rtcp(kind, datagram)
            elif rtp.is_rtp(datagram):
                self.on_rtp(kind, datagram)
        self.on_drained()


def _drain(sock: socket.socket) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < _READS:
        try:
            found.append(sock.recv(2048))
        except OSError:
            break  # empty, or an ICMP error of a report we sent nowhere
    return found


class PlainPublisher:
    """Fills a room with packets that need neither decryption nor repair (a streaming.rooms.room.Source)."""

    kind = "camera"
    rtt: float | None = None
    let_in_by: str | None = None

    def __init__(self, room: str, codecs: dict[str, Codec], streams: dict[str, Stream]) -> None:
        self.room_name = room
        self.tracks = {kind: Track(codec, streams[kind]) for kind, codec in codecs.items()}
        self.created = self.media_at = time.monotonic()
        self.connected = False
        self.closed: str | None = None
        self.plis = self.nacks = self.recovered = 0
        self.notices: list[Notice] = []
        self.on_closed: list[Callable[[Any], None]] = []
        self.on_started: Callable[[Any], None] = lambda publisher: None
        self.on_report: Callable[[Any, bytes], None] = lambda stream, report: None

    def start(self) -> None:
        """Media follows now; call after the room has taken this publisher in."""
        self.connected = True
        for track in self.tracks.values():
            track.stream.source(track.codec)
        self.on_started(self)

    def rtp(self, kind: str, packet: bytes) -> None:
        """One packet of the program."""
        track = self.tracks.get(kind)
        if track is not None and self.connected:
            self.media_at = time.monotonic()
            track.forward(packet, self.media_at)

    def rtcp(self, kind: str, packet: bytes) -> None:
        """Sender reports: the program runs on this machine's clock, so its times hold as they are."""
        track = self.tracks.get(kind)
        if track is None or not self.connected:
            return
        for part in rtcp.parse(packet):
            if part.kind == rtcp.SR and track.chosen and track.chosen.reception.ssrc == part.ssrc:
                self.on_report(track.stream, track.stream.sender_report(part.ntp, part.timestamp))

    def request_keyframe(self) -> None:
        """A camera that is only copied cannot be asked; viewers start from the packets since its last one."""

    def tick(self) -> None:
        for track in self.tracks.values():
            for layer in track.layers.values():
                layer.tick()
                layer.reception.report(time.monotonic())
                layer.reception.missing.clear()

    def close(self, reason: str) -> None:
        if self.closed is not None:
            return
        self.closed, self.connected = reason, False
        for callback in self.on_closed:
            callback(self)


def usable(announcement: Announcement) -> dict[str, Codec]:
    """The part that can be forwarded: H.264 and Opus."""
    return {kind: codec for kind, codec in announcement.codecs.items() if codec.name in (H264, OPUS)}
