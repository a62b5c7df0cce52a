"""Which of this machine's addresses a datagram came to, and from which its answers leave (ip(7), RFC 3542 §6).

A socket bound to all addresses answers from the one the routing table prefers. On a machine with two, a client that
sent to the other one would get its answers from a stranger and drop them, and so would its firewall.
"""

from __future__ import annotations

import socket
import struct
import sys

IP_PKTINFO = 8
"""Linux' number of the option and of the message; Python names neither."""
ROOM = 64
"""Bytes for received ancillary data: one in6_pktinfo with its header, and then some."""
_HEADER = struct.Struct("@Nii")
"""struct cmsghdr: length, level, type."""
_SELECTED_4 = struct.Struct("=i4s4s")
"""struct in_pktinfo: interface index, our address, the datagram's destination."""
_SELECTED_6 = struct.Struct("=16si")
"""struct in6_pktinfo: our address, interface index."""

Ancillary = list[tuple[int, int, bytes]]


def ask(sock: socket.socket) -> bool:
    """Have the kernel tell each datagram's destination; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    return True


def destination(ancillary: Ancillary) -> str | None:
    """Our address that a datagram came to (IPv4 on a dual socket as ::ffff:a.b.c.d), None if not told."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO) and len(data) >= _SELECTED_4.size:
            return socket.inet_ntop(socket.AF_INET, _SELECTED_4.unpack_from(data)[1])
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO) and len(data) >= _SELECTED_6.size:
            return socket.inet_ntop(socket.AF_INET6, _SELECTED_6.unpack_from(data)[0])
    return None


def leaving_from(source: str | None) -> Ancillary:
    """What `sendmsg` takes to send from `source`; nothing where the routing table shall choose."""
    if source is None:
        return []
    if ":" in source:
        data = _SELECTED_6.pack(socket.inet_pton(socket.AF_INET6, source), 0)
        return [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, data)]
    return [(socket.IPPROTO_IP, IP_PKTINFO, _SELECTED_4.pack(0, socket.inet_aton(source), bytes(4)))]


def control(source: str | None) -> bytes:
    """The same as the bytes of a C msg_control, padded as CMSG_SPACE pads."""
    packed = b""
    for level, kind, data in leaving_from(source):
        packed += _HEADER.pack(_HEADER.size + len(data), level, kind) + data
        packed += bytes(-len(packed) % struct.calcsize("@N"))
    return packed
