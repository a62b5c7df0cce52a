"""How often a source sends pictures, and from when on it has been away."""

from __future__ import annotations

from streaming.recording.ledger import SHORTEST_GAP
from streaming.wire import rtp
from streaming.wire.codecs import CLOCK
from streaming.wire.lipsync import SET_BACK
from streaming.wire.serial import ticks_between

MISSED = 3
"""Usual lengths of a picture after which one was missed: a still scene may have one in five seconds."""
UNKNOWN = 4.0
"""Seconds taken for the usual length before there are two pictures."""


class Pace:
    """Watches a room's packets. A span without pictures is a gap where the source's own times say so (a picture that only
    comes late is not missed), or where nothing came, no sound either; and only if it is longer than the source usually takes.
    """

    def __init__(self) -> None:
        self.picture_at: float | None = None
        self._came_at = 0.0
        self._usual = UNKNOWN
        self._source = b""
        self._newest = 0

    @property
    def longest(self) -> float:
        """Seconds without a picture that are no gap yet."""
        return max(SHORTEST_GAP, MISSED * self._usual)

    def away(self, now: float) -> bool:
        """Whether pictures came, and have stopped coming. Unix seconds."""
        return self.picture_at is not None and now - self.picture_at > self.longest

    def sound(self, arrived: float) -> None:
        """A packet of sound."""
        self._came_at = arrived

    def picture(self, packet: bytes, arrived: float) -> tuple[float, float] | None:
        """A packet of a picture; gives the gap that ends with it, in Unix seconds."""
        last, self.picture_at = self.picture_at, arrived
        nothing, self._came_at = arrived - self._came_at, arrived
        said, longest = self._said(packet), self.longest
        if said:
            self._usual = said
        if last is None:
            return None
        missing = arrived - last if said is None else max(said, nothing)
        return (last, max(arrived, last + (said or 0.0))) if missing > longest else None

    def _said(self, packet: bytes) -> float | None:
        """Seconds since the newest picture by the source's clock, 0 for its own or an older one; None: another clock."""
        source, timestamp = packet[rtp.SSRC], rtp.timestamp(packet)
        ticks = ticks_between(timestamp, self._newest)
        if source != self._source or ticks < -SET_BACK * CLOCK["video"]:
            self._source, self._newest = source, timestamp
            return None
        self._newest = timestamp if ticks > 0 else self._newest
        return max(0, ticks) / CLOCK["video"]
