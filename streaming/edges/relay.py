"""A room on its way to a mountpoint: plain RTP out, requests for keyframes back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from streaming.wire import rtcp, rtp
from streaming.wire.codecs import Codec

SEND_BUFFER = 1 << 20
_READS = 32


@dataclass(frozen=True)
class Ports:
    """Where a mountpoint takes one stream in."""

    rtp: int
    rtcp: int


class Relay:
    """A tap that sends a room to one mountpoint. Belongs to the event loop.

    `on_keyframe_wanted` is called for every PLI or FIR of the edge (the publisher's side throttles them),
    `on_other_codec` once when the room's picture turns out to be of another codec than the mountpoint's.
    """

    def __init__(self, host: tuple[socket.AddressFamily, str], codecs: Mapping[str, Codec]) -> None:
        self._family, self._host = host
        self._codecs = dict(codecs)
        self._ports: dict[str, Ports] = {}
        self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._sources: set[tuple[str, int]] = set()
        self.on_keyframe_wanted: Callable[[], None] = lambda: None
        self.on_other_codec: Callable[[], None] = lambda: None
        self.sent = self.unsent = self.plis = 0

    def open(self, ports: Mapping[str, Ports]) -> None:
        """Begin to send. A mountpoint learns from a first report where its feedback goes."""
        self._ports = dict(ports)
        self._sources = {(self._host, found.rtcp) for found in ports.values()}
        for found in ports.values():
            self._put(rtcp.receiver_report(1, []), found.rtcp)
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        """Stop; doing it twice does nothing."""
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
        self._ports = {}

    # -- as a tap ---------------------------------------------------------------------------------

    def packets(self, kind: str, codec: Codec, packets: list[bytes]) -> None:
        """Send on what the room plays, with the payload type this mountpoint's viewers agreed to."""
        ports, ours = self._ports.get(kind), self._codecs.get(kind)
        if ports is None or ours is None:
            return
        if codec.name != ours.name:
            self._ports = {}
            self.on_other_codec()
            return
        number, port = ours.payload_type, ports.rtp
        for packet in packets:
            self._put(rtp.with_payload_type(packet, number), port)

    def report(self, kind: str, sender_report: bytes) -> None:
        """The time of the packets, so that lips and voice stay together."""
        ports = self._ports.get(kind)
        if ports is not None:
            self._put(sender_report, ports.rtcp)

    # -- below ------------------------------------------------------------------------------------

    def _put(self, data: bytes, port: int) -> None:
        try:
            self._socket.sendto(data, (self._host, port))
            self.sent += 1
        except OSError:
            # a full buffer, or an edge that has just died: datagrams may be lost, the room goes on
            self.unsent += 1

    def _readable(self) -> None:
        for _ in range(_READS):
            try:
                data, source = self._socket.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:
                continue  # a port that is closed now says so
            if source[:2] in self._sources:
                self._feedback(data)

    def _feedback(self, data: bytes) -> None:
        for packet in rtcp.parse(data):
            if packet.kind == rtcp.PSFB and packet.format in (rtcp.PLI, rtcp.FIR):
                self.plis += 1
                self.on_keyframe_wanted()
