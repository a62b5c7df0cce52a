"""What the three fan-outs have in common."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field
from typing import Any, Protocol

MAX_PACKET = 1500
TRAILER = 144  # what SRTP may add to a packet (pylibsrtp's SRTP_MAX_TRAILER_LEN)
WAIT_MS = 20  # longest time one call waits for the socket's own buffer to drain


@dataclass(eq=False, slots=True)
class Target:
    """One viewer's end of one stream.

    session       pylibsrtp.Session that encrypts towards the viewer
    address       as in socket.sendto
    payload_type  0–127, the only byte of a packet that differs between viewers before encryption
    dropped       packets this viewer was not sent because the system would not take them
    """

    session: Any
    address: tuple[Any, ...]
    payload_type: int
    dropped: int = field(default=0)


class Group(Protocol):
    """The viewers of one stream. Not thread-safe; belongs to the event loop."""

    def __len__(self) -> int: ...

    def add(self, target: Target) -> None: ...

    def remove(self, target: Target) -> None:
        """Take a viewer out; one that is not in is ignored."""
        ...

    def send(self, packets: list[bytes]) -> int:
        """Send RTP packets (payload type bits zero, ≤ 1500 bytes) to everyone in order.

        Returns how many datagrams left; never raises for one viewer's trouble.
        """
        ...


class Fanout(Protocol):
    name: str

    def __init__(self, sock: socket.socket) -> None: ...

    def group(self) -> Group: ...


def sockaddr(family: int, address: tuple[Any, ...]) -> bytes:
    """`address` as the C struct of this machine (struct sockaddr_in or sockaddr_in6)."""
    host, port = address[0].split("%")[0], int(address[1])
    if family == socket.AF_INET:
        return struct.pack("=H", family) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)
    flow, scope = (address[2], address[3]) if len(address) == 4 else (0, 0)
    packed = socket.inet_pton(socket.AF_INET6, host)
    return struct.pack("=H", family) + struct.pack("!HI", port, flow) + packed + struct.pack("=I", scope)
