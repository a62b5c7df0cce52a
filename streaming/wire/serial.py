"""Serial number arithmetic (RFC 1982) of RTP: sequence numbers of 16 bits and timestamps of 32 bits wrap around."""

from __future__ import annotations

SEQUENCE_MASK = 0xFFFF
"""A sequence number's bits: what is beyond them has wrapped."""
SEQUENCE_HALF = 0x8000
"""From this distance on a number lies behind another, not before it."""
TIMESTAMP_MASK = 0xFFFF_FFFF
_TIMESTAMP_HALF = 0x8000_0000


def sequence(number: int) -> int:
    """A number on the scale of sequence numbers."""
    return number & SEQUENCE_MASK


def steps(number: int, reference: int) -> int:
    """How many packets a sequence number comes after another, going forwards only: 0 to 65535."""
    return (number - reference) & SEQUENCE_MASK


def behind(number: int, reference: int) -> bool:
    """Whether a sequence number is older than another, by at most half the scale."""
    return (number - reference) & SEQUENCE_MASK >= SEQUENCE_HALF


def distance(number: int, reference: int) -> int:
    """`number` − `reference` across the wrap of sequence numbers: −32768 to 32767."""
    return ((number - reference + SEQUENCE_HALF) & SEQUENCE_MASK) - SEQUENCE_HALF


def timestamp(ticks: int) -> int:
    """Ticks on the scale of RTP timestamps."""
    return ticks & TIMESTAMP_MASK


def ticks_between(timestamp: int, reference: int) -> int:
    """`timestamp` − `reference` across the 32-bit wrap."""
    return ((timestamp - reference + _TIMESTAMP_HALF) & TIMESTAMP_MASK) - _TIMESTAMP_HALF
