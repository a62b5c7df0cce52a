"""How a peer is reached: by datagrams of the one UDP port, or, for publishers whose network shuts UDP out, by a TCP
connection that the peer opened (ICE-TCP, RFC 6544 passive; frames as RFC 4571)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from streaming.wire import pktinfo, stun

log = structlog.get_logger()

LARGEST_FRAME = 2048
"""Bytes; no STUN, DTLS or SRTP packet of ours or of a browser's is longer."""
UNKNOWN_SECONDS = 10.0
"""How long a TCP connection may take to authenticate itself by a check."""
MOST_UNKNOWN = 256
"""TCP connections that may be waiting to authenticate themselves."""
LENGTH_BYTES = 2
"""Before every packet on TCP (RFC 4571)."""
BACKLOG_BYTES = 256 * 1024
"""Unsent bytes after which packets to a peer on TCP are dropped, as a full line drops them on UDP."""


class Receiver(Protocol):
    """Takes a peer's packets."""

    def on_datagram(self, data: bytes) -> None:
        """One packet, DTLS or SRTP."""
        ...


class Path(Protocol):
    """Where a peer's packets come from and go to."""

    @property
    def address(self) -> stun.Address:
        """The peer's address."""
        ...

    @property
    def open(self) -> bool:
        """False once nothing can be sent any more."""
        ...

    def send(self, data: bytes) -> bool:
        """One packet; False where it was not taken (the peer will ask again)."""
        ...


@dataclass(frozen=True, slots=True)
class UdpPath:
    """A peer's address, and ours that it sends to (None: the port is bound to one address only)."""

    sock: socket.socket
    address: stun.Address
    source: str | None = None

    open = True

    def send(self, data: bytes) -> bool:
        return send(self.sock, data, self.address, self.source)


def send(sock: socket.socket, data: bytes, address: stun.Address, source: str | None) -> bool:
    """One datagram, from `source` among our addresses; False where the system did not take it."""
    try:
        sock.sendmsg([data], pktinfo.leaving_from(source), 0, address)
    except OSError:
        return False
    return True


class TcpPath(asyncio.Protocol):
    """One TCP connection: a length of two bytes before every packet (RFC 4571).

    Belongs to whom its first authentic check names; a connection that never sends one is closed.
    """

    unknown = 0
    """Connections of this process that have not authenticated themselves yet."""

    def __init__(self, on_stun: Callable[[bytes, Path], None], on_drained: Callable[[], None]) -> None:
        self.peer: Receiver | None = None
        self._on_stun, self._on_drained = on_stun, on_drained
        self._received = bytearray()
        self._wire: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def address(self) -> stun.Address:
        assert self._wire is not None
        address: stun.Address = self._wire.get_extra_info("peername")
        return address

    @property
    def open(self) -> bool:
        return self._wire is not None and not self._wire.is_closing()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if TcpPath.unknown >= MOST_UNKNOWN:
            transport.abort()
            return
        self._wire = transport
        with contextlib.suppress(OSError, AttributeError):
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        TcpPath.unknown += 1
        self._deadline = asyncio.get_running_loop().call_later(UNKNOWN_SECONDS, self._give_up)

    def belongs_to(self, peer: Receiver) -> None:
        """An authentic check came over this connection: its packets are this peer's from now on."""
        self.peer = peer
        self._known()

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        at = 0
        while len(received) - at >= LENGTH_BYTES:
            length = int.from_bytes(received[at : at + LENGTH_BYTES], "big")
            if not 1 <= length <= LARGEST_FRAME:
                self.close()
                return
            start = at + LENGTH_BYTES
            if len(received) - start < length:
                break
            at = start + length
            self._packet(bytes(received[start:at]))
        del received[:at]
        self._on_drained()

    def _packet(self, packet: bytes) -> None:
        if packet[0] < stun.FIRST_BYTE_BELOW:
            self._on_stun(packet, self)
        elif self.peer is not None:
            self.peer.on_datagram(packet)

    def send(self, data: bytes) -> bool:
        wire = self._wire
        if wire is None or wire.is_closing() or wire.get_write_buffer_size() > BACKLOG_BYTES:
            return False
        wire.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._known()
        self._wire = None

    def close(self) -> None:
        """Send what is due, then close."""
        if self._wire is not None:
            self._wire.close()

    def _give_up(self) -> None:
        log.info("media.tcp_unknown", reason="no authentic check")
        self.close()

    def _known(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            TcpPath.unknown -= 1
