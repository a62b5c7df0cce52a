"""RTP packets (RFC 3550 §5.1): their fields by name, header extensions (RFC 8285), retransmissions (RFC 4588).

The accessors take what has the twelve bytes of a header; `payload_start` and what rests on it take anything.
"""

from __future__ import annotations

import struct

HEADER = struct.Struct("!BBHII")
"""First byte, second byte, sequence number, timestamp, SSRC."""
HEADER_SIZE = HEADER.size
NUMBER_AND_TIME = struct.Struct("!2xHI")
"""Sequence number and timestamp alone, at once: for what every packet passes."""
VERSION_SHIFT, VERSION = 6, 2
VERSION_BITS = VERSION << VERSION_SHIFT
"""The first byte of a packet without padding, extension or CSRCs."""
PADDING, EXTENSION, CSRC_COUNT = 0x20, 0x10, 0x0F
"""Bits of the first byte."""
FLAGS = 1
"""Place of the second byte: marker and payload type."""
MARKER, PAYLOAD_TYPE = 0x80, 0x7F
"""Bits of the second byte. Marker: the last packet of a picture, or the first after a silence."""
SEQUENCE, TIMESTAMP, SSRC = slice(2, 4), slice(4, 8), slice(8, 12)
"""Places of the fields, for those who compare or copy them as they are."""
SHARED_WITH_RTCP = range(64, 96)
"""Payload types that look like RTCP packets on a shared port (RFC 5761 §4)."""
RTCP_TYPES = range(192, 224)
"""Second bytes by which RTCP is told from RTP on a shared port (RFC 5761 §4)."""

_WORD = 4
_EXTENSION_HEAD = 4
"""Bytes before the elements of a header extension: profile and length in words."""
_ONE_BYTE_FORM = b"\xbe\xde"
"""Profile of extensions with elements of one byte before each body; the only form the hub's answers allow."""
_PADDING_ELEMENT, _LAST_ELEMENT = 0, 15
_ORIGINAL_NUMBER = 2
"""Bytes of the number that a retransmission repeats, before its payload."""


# -- fields ---------------------------------------------------------------------------------------


def sequence_number(packet: bytes) -> int:
    """16 bits, one more with every packet."""
    return packet[2] << 8 | packet[3]


def timestamp(packet: bytes) -> int:
    """32 bits, in ticks of the codec's clock: the same for all packets of a picture."""
    return int.from_bytes(packet[TIMESTAMP], "big")


def ssrc(packet: bytes) -> int:
    """32 bits that name the stream."""
    return int.from_bytes(packet[SSRC], "big")


def marked(packet: bytes) -> bool:
    """Whether the marker is set: the last packet of a picture."""
    return packet[FLAGS] & MARKER != 0


def payload_type(packet: bytes) -> int:
    """The codec, by its number in the SDP."""
    return packet[FLAGS] & PAYLOAD_TYPE


def payload_start(packet: bytes) -> int:
    """Offset of the payload behind CSRCs and header extension; beyond the end where malformed."""
    first = packet[0]
    start = HEADER_SIZE + _WORD * (first & CSRC_COUNT)
    if first & EXTENSION:
        if start + _EXTENSION_HEAD > len(packet):
            return len(packet) + 1
        start += _EXTENSION_HEAD + _WORD * (packet[start + 2] << 8 | packet[start + 3])
    return start


def payload_end(packet: bytes) -> int:
    """Length of the packet without its padding; below the payload's start where the padding is malformed."""
    return len(packet) - (packet[-1] if packet[0] & PADDING else 0)


def payload(packet: bytes) -> bytes:
    """What is carried; empty where there is none or the packet is malformed."""
    return packet[payload_start(packet) : max(0, payload_end(packet))]


def with_payload_type(packet: bytes, number: int) -> bytes:
    """The packet as one of another payload type."""
    return b"".join((packet[:FLAGS], bytes((packet[FLAGS] & MARKER | number,)), packet[FLAGS + 1 :]))


def parted(packet: bytes) -> tuple[bytes, int, bytes]:
    """What stands before the second byte, that byte, and what follows: for those who send a packet under several
    payload types."""
    return packet[:FLAGS], packet[FLAGS], packet[FLAGS + 1 :]


def is_rtp(datagram: bytes) -> bool:
    """Whether a datagram on a port of RTP alone can be a packet: of version 2, and more than a header."""
    return len(datagram) > HEADER_SIZE and datagram[0] >> VERSION_SHIFT == VERSION


# -- header extensions ----------------------------------------------------------------------------


def extension(packet: bytes, number: int) -> bytes | None:
    """The bytes of header extension `number` (1–14, one-byte form, RFC 8285 §4.2); None where there is none.

    Anything may come in: what does not fit the packet is as good as absent.
    """
    if len(packet) < HEADER_SIZE + _EXTENSION_HEAD or not packet[0] & EXTENSION:
        return None
    start = HEADER_SIZE + _WORD * (packet[0] & CSRC_COUNT)
    if packet[start : start + 2] != _ONE_BYTE_FORM:
        return None
    end = start + _EXTENSION_HEAD + _WORD * int.from_bytes(packet[start + 2 : start + 4], "big")
    return _element(packet, number, start + _EXTENSION_HEAD, min(end, len(packet)))


def _element(packet: bytes, number: int, position: int, end: int) -> bytes | None:
    """The body of an element: each has its number and its length less one in the byte before it."""
    while position < end:
        found, body = packet[position] >> 4, position + 1
        if packet[position] == _PADDING_ELEMENT:
            position = body
            continue
        if found == _LAST_ELEMENT:
            return None
        position = body + (packet[position] & 0x0F) + 1
        if found == number:
            return packet[body:position] if position <= end else None
    return None


# -- retransmissions ------------------------------------------------------------------------------


def retransmission(packet: bytes, payload_type: int, ssrc: int, sequence: int) -> bytes:
    """A packet of ours (no CSRCs, no extension) as RFC 4588 repeats it: under its own SSRC and number, the original
    number before the payload."""
    head = HEADER.pack(packet[0], packet[FLAGS] | payload_type, sequence, timestamp(packet), ssrc)
    return head + packet[SEQUENCE] + packet[HEADER_SIZE:]


def original(packet: bytes, payload_type: int, ssrc: int) -> tuple[int, bytes] | None:
    """Undo RFC 4588: (original number, packet); None for padding-only probes and malformed packets."""
    start, end = payload_start(packet), payload_end(packet)
    if end - start <= _ORIGINAL_NUMBER:
        return None
    number = original_number(packet)
    head = HEADER.pack(VERSION_BITS, packet[FLAGS] & MARKER | payload_type, number, timestamp(packet), ssrc)
    return number, head + packet[start + _ORIGINAL_NUMBER : end]


def original_number(packet: bytes) -> int:
    """The sequence number that a retransmission repeats; 0 where it has none."""
    start = payload_start(packet)
    return int.from_bytes(packet[start : start + _ORIGINAL_NUMBER], "big")
