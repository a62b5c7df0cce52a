"""When to decode pictures, which RTP does not say: it tells only when each is shown."""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from streaming.wire.codecs import CLOCK
from streaming.wire.h264 import Picture
from streaming.wire.lipsync import SET_BACK
from streaming.wire.serial import ticks_between

DEEPEST = 4
"""Pictures by which B-frames may run ahead of their neighbours; encoders use one or two."""
BACKWARDS = int(SET_BACK * CLOCK["video"])
"""Ticks by which a picture of a clock that was set back is older than those before it."""


@dataclass(frozen=True)
class Timed:
    """A picture on the time line, in ticks from the first one: it is decoded at `decode` and shown `offset` later
    (or, below zero, earlier)."""

    picture: Picture
    decode: int
    offset: int = 0


class DecodeTimes:
    """Pictures in coding order in, the same with their times out.

    The n-th picture is decoded when the n-th in order of showing is shown: so decoding never goes backwards, and without
    B-frames nothing is shifted or held back. With them as many pictures wait as have been seen to overtake one.
    """

    def __init__(self) -> None:
        self.depth = 0
        self._pending: deque[tuple[Picture, int]] = deque()
        self._times: list[int] = []
        self._reference: tuple[int, int] | None = None
        self._decoded = -1

    def push(self, picture: Picture) -> Iterator[Timed]:
        """The pictures whose times are known now."""
        shown = self._shown(picture.timestamp)
        if shown <= self._decoded:
            self.depth = min(DEEPEST, self.depth + 1)
        self._pending.append((picture, shown))
        bisect.insort(self._times, shown)
        while len(self._pending) > self.depth:
            yield self._next()

    def set_back(self, timestamp: int) -> bool:
        """Whether the source's clock was set back."""
        return self._reference is not None and ticks_between(timestamp, self._reference[0]) < -BACKWARDS

    def follows(self, picture: Picture) -> bool:
        """Whether a picture is shown after the last one that was decoded."""
        return self._reference is None or self._shown(picture.timestamp) > self._decoded

    def repeat(self, picture: Picture, decode: int) -> Timed:
        """A picture that is decoded once more, at that time."""
        self._decoded = decode
        return Timed(picture, decode)

    def flush(self) -> Iterator[Timed]:
        """The pictures that wait."""
        while self._pending:
            yield self._next()

    def _shown(self, timestamp: int) -> int:
        if self._reference is None:
            self._reference = (timestamp, 0)
        reference, ticks = self._reference
        shown = ticks + ticks_between(timestamp, reference)
        if shown > ticks:
            self._reference = (timestamp, shown)  # hours later the distance would no longer be unique
        return shown

    def _next(self) -> Timed:
        picture, shown = self._pending.popleft()
        self._decoded = max(self._times.pop(0), self._decoded + 1)
        return Timed(picture, self._decoded, shown - self._decoded)
