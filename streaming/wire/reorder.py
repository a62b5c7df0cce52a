"""Puts packets back into their order: retransmitted ones arrive after their successors."""

from __future__ import annotations

from collections.abc import Iterator

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
        sequence = int.from_bytes(packet[2:4], "big")
        if self._next is None:
            self._next = sequence
        if (sequence - self._next) & 0xFFFF >= 0x8000:
            return
        if not self._held:
            if sequence == self._next:
                self._next = (sequence + 1) & 0xFFFF
                yield packet
                return
            self._since = now
        self._held[sequence] = packet
        yield from self._release(now)

    def _release(self, now: float) -> Iterator[bytes]:
        assert self._next is not None
        if self._next not in self._held and (now - self._since > PATIENCE or len(self._held) > LIMIT):
            self._next = min(self._held, key=lambda number: (number - (self._next or 0)) & 0xFFFF)
        while self._next in self._held:
            yield self._held.pop(self._next)
            self._next = (self._next + 1) & 0xFFFF
            self._since = now
