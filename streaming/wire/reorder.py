"""Puts packets back into their order: retransmitted ones arrive after their successors."""

from __future__ import annotations

from collections.abc import Iterator

from streaming.wire import rtp
from streaming.wire.serial import behind, sequence, steps

PATIENCE = 0.25
"""Seconds a gap may hold up what came after it."""
LIMIT = 512


class Reorder:
    """RTP packets of one stream in, the same in order of sequence out; a gap is given up after a while."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._held: dict[int, bytes] = {}
        self._since = 0.0

    def push(self, packet: bytes, now: float) -> Iterator[bytes]:
        """What can be passed on now; `now` in seconds of any steady clock."""
        number = rtp.sequence_number(packet)
        if self._next is None:
            self._next = number
        if behind(number, self._next):
            return
        if not self._held:
            if number == self._next:
                self._next = sequence(number + 1)
                yield packet
                return
            self._since = now
        self._held[number] = packet
        yield from self._release(now)

    def _release(self, now: float) -> Iterator[bytes]:
        assert self._next is not None
        if self._next not in self._held and (now - self._since > PATIENCE or len(self._held) > LIMIT):
            self._next = min(self._held, key=lambda number: steps(number, self._next or 0))
        while self._next in self._held:
            yield self._held.pop(self._next)
            self._next = sequence(self._next + 1)
            self._since = now
