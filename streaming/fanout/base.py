"""What the three fan-outs have in common."""

from __future__ import annotations

import select
import socket
import struct
from dataclasses import dataclass
from typing import Any, Protocol

from pylibsrtp import Session

MAX_PACKET = 1500
TRAILER = 144  # what SRTP may add to a packet (pylibsrtp's SRTP_MAX_TRAILER_LEN)
WAIT_MS = 20  # longest time one call waits for the socket's own buffer to drain


def await_room(sock: socket.socket, milliseconds: int) -> None:
    """Wait until a socket takes a datagram again, and no longer than that.

    By `poll`: `select` knows no socket beyond the 1024th open file of a process, and a thousand viewers have more.
    """
    waiting = select.poll()
    waiting.register(sock, select.POLLOUT)
    waiting.poll(milliseconds)


class Line(Protocol):
    """One viewer's encrypted path: a pylibsrtp.Session and an address as in socket.sendto.

    `dropped` counts packets of its groups that the system would not take. Belongs to the event loop,
    which must not use the session itself while the line is open.
    """

    @property
    def dropped(self) -> int: ...

    def move(self, address: tuple[Any, ...], source: str | None = None) -> None:
        """Send there from now on, and from `source` among our addresses."""
        ...

    def rtp(self, packet: bytes) -> bool:
        """Encrypt and send one packet at once; False where the session or the system did not take it."""
        ...

    def rtcp(self, packet: bytes) -> bool: ...

    def close(self) -> None:
        """Send nothing more; the session is not touched again."""
        ...


@dataclass(eq=False, frozen=True, slots=True)
class Target:
    """One viewer's end of one stream: `payload_type` (0–127) is the only byte of a packet that differs
    between viewers before encryption."""

    line: Line
    payload_type: int


class Group(Protocol):
    """The viewers of one stream. Not thread-safe; belongs to the event loop."""

    @property
    def sent(self) -> int:
        """Datagrams that have left so far."""
        ...

    def __len__(self) -> int: ...

    def add(self, target: Target) -> None:
        """Let a viewer in; one that is in already stays in once."""
        ...

    def remove(self, target: Target) -> None:
        """Take a viewer out; one that is not in is ignored."""
        ...

    def send(self, packets: list[bytes]) -> None:
        """Send RTP packets (payload type bits zero, ≤ 1500 bytes) to everyone in order, now or as soon as
        what was sent before has left; never raises for one viewer's trouble."""
        ...


class Fanout(Protocol):
    name: str

    def __init__(self, sock: socket.socket) -> None: ...

    def group(self) -> Group: ...

    def line(self, session: Session, address: tuple[Any, ...], source: str | None = None) -> Line:
        """A path to one viewer, from `source` among our addresses (None: as the routing table says). Only lines of the same fan-out may join its groups."""
        ...

    def drain(self) -> None:
        """Wait until everything has left."""
        ...

    def late(self) -> float:
        """Seconds that one burst has been in hand, or has lain waiting, at another thread; 0 where there is none."""
        ...

    def close(self) -> None:
        """Send what is due and use the socket no more."""
        ...


def sockaddr(family: int, address: tuple[Any, ...]) -> bytes:
    """`address` as the C struct of this machine (struct sockaddr_in or sockaddr_in6)."""
    host, port = address[0].split("%")[0], int(address[1])
    if family == socket.AF_INET:
        return struct.pack("=H", family) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)
    flow, scope = (address[2], address[3]) if len(address) == 4 else (0, 0)
    packed = socket.inet_pton(socket.AF_INET6, host)
    return struct.pack("=H", family) + struct.pack("!HI", port, flow) + packed + struct.pack("=I", scope)
