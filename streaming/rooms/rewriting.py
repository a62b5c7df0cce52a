"""RTP packets of changing sources on the way out: rewritten into one continuous stream, and kept for who asks again.

A packet is normalised once (SSRC, sequence number, timestamp, no CSRCs, no header extensions, payload type zero).
Viewers differ by the payload type alone, so the same bytes serve the live picture, retransmissions, a joining viewer
and the recording.
"""

from __future__ import annotations

import secrets

from streaming.wire.rtp import (
    HEADER,
    HEADER_SIZE,
    MARKER,
    PADDING,
    VERSION,
    VERSION_BITS,
    VERSION_SHIFT,
    payload_start,
    sequence_number,
)
from streaming.wire.serial import SEQUENCE_HALF, SEQUENCE_MASK, TIMESTAMP_MASK, sequence, steps

CACHE = 2048
"""Packets kept for retransmissions and for those who join."""
_SLOT = CACHE - 1
"""Bits of a sequence number that say where its packet is kept."""
_SHORTEST_GAP = 1 / 50
"""Seconds of media time between two sources."""
_YOUNG = 0x4000
"""Packets of a source during which those older than its first are refused."""


class Rewriter:
    """Maps the packets of changing sources onto one SSRC whose numbers and timestamps go on.

    sequence, timestamp  of the newest packet that went out
    shift                added to the present source's timestamps
    """

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self.ssrc = secrets.randbits(31) | 1
        self.sequence = secrets.randbits(15)
        self.timestamp = secrets.randbits(31)
        self.shift = 0
        self._offset = 0
        self._first = 0
        self._young = 0
        self._switching = True
        self._last_at: float | None = None

    @property
    def newest(self) -> tuple[int, float | None]:
        """RTP time of the newest packet, and when it came (seconds of time.monotonic(); None before any)."""
        return self.timestamp, self._last_at

    def switch(self) -> None:
        """The next packet is the first of another source."""
        self._switching = True

    def rewrite(self, packet: bytes, now: float) -> tuple[int, bytes] | None:
        """(outgoing sequence number, packet), or None where it is malformed or older than its source's
        first packet (its number would repeat one of the source before)."""
        if len(packet) < HEADER_SIZE:
            return None
        first, second, number, timestamp, _ = HEADER.unpack_from(packet)
        start = payload_start(packet)
        if start > len(packet) or first >> VERSION_SHIFT != VERSION:
            return None
        if self._switching:
            self._begin(number, timestamp, now)
        elif self._young:
            self._young -= 1
            if (number - self._first) & SEQUENCE_MASK >= SEQUENCE_HALF:
                return None
        number = (number + self._offset) & SEQUENCE_MASK
        timestamp = (timestamp + self.shift) & TIMESTAMP_MASK
        if (number - self.sequence) & SEQUENCE_MASK < SEQUENCE_HALF:
            self.sequence, self.timestamp, self._last_at = number, timestamp, now
        flags = VERSION_BITS | first & PADDING
        return number, HEADER.pack(flags, second & MARKER, number, timestamp, self.ssrc) + packet[start:]

    def _begin(self, number: int, timestamp: int, now: float) -> None:
        gap = max(_SHORTEST_GAP, now - self._last_at) if self._last_at is not None else 0.0
        self._offset = self.sequence + 1 - number
        self.shift = self.timestamp + int(gap * self.clock_rate) - timestamp
        self._first, self._young, self._switching = number, _YOUNG, False


class PacketCache:
    """The last packets of an outgoing stream by their numbers, and where its last keyframe begins.

    flushed      number of the newest packet that has left: what is newer is not handed out yet
    keyframe_at  when the last keyframe began (seconds of time.monotonic()), None while there is none to begin with
    """

    def __init__(self, flushed: int) -> None:
        self.flushed = flushed
        self.keyframe_at: float | None = None
        self._keyframe = 0
        self._slots: list[bytes | None] = [None] * CACHE

    def copy(self) -> PacketCache:
        """The same packets, kept apart from now on."""
        made = PacketCache(self.flushed)
        made.keyframe_at, made._keyframe, made._slots = self.keyframe_at, self._keyframe, self._slots.copy()
        return made

    def put(self, number: int, packet: bytes) -> None:
        """Keep a packet in place of the one 2,048 before it."""
        self._slots[number & _SLOT] = packet

    def get(self, number: int) -> bytes | None:
        """The packet of that number if it is still held."""
        packet = self._slots[number & _SLOT]
        return packet if packet is not None and sequence_number(packet) == number else None

    def keyframe(self, number: int, now: float) -> None:
        """A keyframe begins with that packet."""
        self._keyframe, self.keyframe_at = number, now

    def since_keyframe(self, limit: int) -> list[bytes]:
        """Flushed packets since the last keyframe began; empty where there is none or it is over the limit."""
        if self.keyframe_at is None or self._count(self._keyframe) > limit:
            return []
        return self.since(self._keyframe, limit)

    def since(self, number: int, limit: int) -> list[bytes]:
        """Up to `limit` flushed packets from that number on, without the lost ones."""
        count = min(self._count(number), limit)
        if count > CACHE:
            return []
        found = (self.get(sequence(number + index)) for index in range(count))
        return [packet for packet in found if packet is not None]

    def held(self) -> list[bytes]:
        """Every flushed packet that is held, oldest first."""
        return self.since(sequence(self.flushed - CACHE + 1), CACHE)

    def _count(self, number: int) -> int:
        return steps(self.flushed + 1, number)
