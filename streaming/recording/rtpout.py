"""Plain RTP to a program on this machine: the SDP that tells it what comes, and the sockets it comes by."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from streaming.wire import rtcp, rtp
from streaming.wire.codecs import CLOCK, H264, Codec
from streaming.wire.h264 import Parameters
from streaming.wire.lipsync import TimeLine
from streaming.wire.serial import timestamp as rtp_time

LOOPBACK = "127.0.0.1"
PAYLOAD_TYPES = {"video": 96, "audio": 97}
BURST_BYTES = 48 << 10
"""Sent at a time while catching up: a fraction of the receive buffer every Linux grants."""
BURST_PAUSE = 0.004
PROBE_SECONDS = 0.02
SETTLE_SECONDS = 0.1
START_SECONDS = 10.0
_PAIR_TRIES = 50


@dataclass(frozen=True)
class Lane:
    """One stream on its way out: `port` takes RTP, `port + 1` RTCP."""

    kind: str
    codec: Codec
    port: int


class NoAnswer(OSError):
    """The receiving program did not open its ports in time."""


def free_pair() -> int:
    """An even UDP port of the loopback that is free together with the odd one above it. OSError if none is."""
    for _ in range(_PAIR_TRIES):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
        ):
            one.bind((LOOPBACK, 0))
            port = int(one.getsockname()[1])
            if port % 2:
                continue
            try:
                two.bind((LOOPBACK, port + 1))
            except OSError:
                continue
            return port
    raise OSError(errno.EADDRINUSE, "no free pair of UDP ports on the loopback")


def describe(lanes: Iterable[Lane], parameters: Parameters | None) -> str:
    """The SDP for a receiver. The parameter sets go in, so that it need not wait for them."""
    lines = ["v=0", f"o=- 0 0 IN IP4 {LOOPBACK}", "s=sunbid", f"c=IN IP4 {LOOPBACK}", "t=0 0"]
    for lane in lanes:
        number, codec = PAYLOAD_TYPES[lane.kind], lane.codec
        name = "opus" if lane.kind == "audio" else codec.name
        # RFC 7587: Opus is always announced as 48000/2
        channels = "/2" if lane.kind == "audio" else ""
        lines += [
            f"m={lane.kind} {lane.port} RTP/AVP {number}",
            f"a=rtpmap:{number} {name}/{codec.clock_rate}{channels}",
        ]
        if codec.name == H264 and parameters:
            lines.append(f"a=fmtp:{number} packetization-mode=1;sprop-parameter-sets={parameters.sprop}")
    return "\r\n".join(lines) + "\r\n"


class RtpOut:
    """Sends the packets of a room to a receiver's ports. Belongs to the event loop.

    Until `open` has seen the receiver listen, packets wait (at most `hold` of them, then the oldest
    go); after that each leaves at once. What the system does not take is counted in `dropped`.
    """

    def __init__(self, lanes: Iterable[Lane], hold: int = 8192) -> None:
        self.lanes = {lane.kind: lane for lane in lanes}
        self.dropped = 0
        self.sent = 0
        self._held: deque[tuple[str, bytes]] = deque(maxlen=hold)
        self._line = TimeLine()
        self._first: dict[str, bytes] = {}
        self._newest: dict[str, bytes] = {}
        self._begun: set[str] = set()
        self._zero: float | None = None
        self._sockets: dict[str, tuple[socket.socket, socket.socket]] = {}
        self._open = False

    async def open(self) -> None:
        """Wait for the receiver, then send what has waited. NoAnswer after ten seconds."""
        self._sockets = {
            kind: (_connected(lane.port), _connected(lane.port + 1)) for kind, lane in self.lanes.items()
        }
        await self._until_listening()
        self._report_beginning()
        # a picture that is read before the reports is put to another time than those after it
        await asyncio.sleep(SETTLE_SECONDS)
        while self._held:
            self._burst()
            await asyncio.sleep(BURST_PAUSE)
        self._open = True

    async def _until_listening(self) -> None:
        """A closed port of the loopback answers with ECONNREFUSED; a report without meaning does no harm."""
        limit = time.monotonic() + START_SECONDS
        waiting = [sock for pair in self._sockets.values() for sock in pair]
        while waiting:
            if time.monotonic() > limit:
                raise NoAnswer(errno.ETIMEDOUT, "the receiver did not open its ports")
            for sock in waiting:
                self._send(sock, b"\0")
            await asyncio.sleep(PROBE_SECONDS)
            waiting = [sock for sock in waiting if _refused(sock)]

    def _burst(self) -> None:
        budget = BURST_BYTES
        while self._held and budget > 0:
            kind, packet = self._held.popleft()
            budget -= len(packet)
            self._rtp(kind, packet)

    def packets(self, kind: str, packets: list[bytes], arrived: float) -> None:
        """Send, or hold back until the receiver listens. `arrived`: Unix seconds."""
        if kind not in self.lanes:
            return
        if packets:
            if kind not in self._newest:
                self._first[kind] = packets[0]
            self._newest[kind] = packets[-1]
            self._line.first(kind, rtp.timestamp(packets[0]), arrived)
        if self._open:
            if packets and kind not in self._begun:
                self._report_beginning()
            for packet in packets:
                self._rtp(kind, packet)
            return
        room = (self._held.maxlen or 0) - len(self._held)
        self.dropped += max(0, len(packets) - room)
        self._held.extend((kind, packet) for packet in packets)

    def report(self, kind: str, report: bytes) -> None:
        """A sender report of the source: by it the receiver puts voice and picture together."""
        if self._line.report(kind, report) and self._open:
            for lane in self.lanes:
                self._report_newest(lane)

    def _report_beginning(self) -> None:
        """Reports of the moment at which the first of the streams begins, for those that have begun: no packet is
        older, and times below zero would confuse the receiver."""
        begun = {kind: rtp.timestamp(packet) for kind, packet in self._first.items()}
        moments = {kind: self._line.seconds(kind, timestamp) for kind, timestamp in begun.items()}
        if self._zero is None and moments:
            self._zero = min(moments.values())
        for kind in begun.keys() - self._begun:
            self._begun.add(kind)
            ahead = round((moments[kind] - (self._zero or 0.0)) * CLOCK[kind])
            self._report(kind, rtp_time(begun[kind] - ahead))

    def _report(self, kind: str, timestamp: int) -> None:
        if kind in self._sockets:
            ssrc = rtp.ssrc(self._newest[kind])
            self._send(self._sockets[kind][1], self._line.sender_report(kind, ssrc, timestamp))

    def _report_newest(self, kind: str) -> None:
        """Our own report of the newest packet: the receiver's time must never jump (see lipsync.py)."""
        if packet := self._newest.get(kind):
            self._report(kind, rtp.timestamp(packet))

    def _rtp(self, kind: str, packet: bytes) -> None:
        if self._send(self._sockets[kind][0], rtp.with_payload_type(packet, PAYLOAD_TYPES[kind])):
            self.sent += 1
        else:
            self.dropped += 1

    def _send(self, sock: socket.socket, data: bytes) -> bool:
        try:
            sock.send(data)
        except OSError:
            return False
        return True

    def bye(self) -> None:
        """Tell the receiver that every stream is over: it ends as at the end of a file."""
        for kind, packet in self._newest.items():
            if self._open and kind in self.lanes:
                ssrc = rtp.ssrc(packet)
                # a goodbye alone is shorter than what ffmpeg reads
                self._send(self._sockets[kind][1], rtcp.receiver_report(ssrc, []) + rtcp.bye(ssrc))

    def close(self) -> None:
        """Give the sockets back; nothing is sent any more."""
        self._open = False
        self.lanes = {}
        self._held.clear()
        for pair in self._sockets.values():
            for sock in pair:
                sock.close()
        self._sockets = {}


def _connected(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.connect((LOOPBACK, port))
    return sock


def _refused(sock: socket.socket) -> bool:
    """Whether the last datagram found nobody (the error is taken off the socket)."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
