"""RTP header extensions in their one-byte form (RFC 8285 §4.2), the only one the hub's answers allow."""

from __future__ import annotations

_ONE_BYTE = b"\xbe\xde"
_PADDING, _STOP = 0, 15


def element(packet: bytes, number: int) -> bytes | None:
    """The bytes of extension `number` (1–14) of an RTP packet; None where it has none.

    Anything may come in: what does not fit the packet is as good as absent.
    """
    if len(packet) < 16 or not packet[0] & 0x10:
        return None
    start = 12 + 4 * (packet[0] & 15)
    if packet[start : start + 2] != _ONE_BYTE:
        return None
    end = start + 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    position = start + 4
    while position < min(end, len(packet)):
        found, size = packet[position] >> 4, (packet[position] & 15) + 1
        if packet[position] == _PADDING:
            position += 1
        elif found == _STOP:
            return None
        elif found == number:
            body = packet[position + 1 : position + 1 + size]
            return body if position + 1 + size <= min(end, len(packet)) else None
        else:
            position += 1 + size
    return None
