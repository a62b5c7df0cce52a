"""Sees B-frames in RTP: pictures sent after one that is shown later."""

from __future__ import annotations

WITHIN = 60
"""Pictures within which time must step back twice: a clock that is set back does so once."""
_HALF = 0x80000000


class Order:
    """Looks at the packets of one H.264 stream as they arrive, repeated and overtaken ones too.

    `reordered`: it has B-frames.
    """

    def __init__(self) -> None:
        self.pictures = 0
        self.reordered = False
        self._sequence: int | None = None
        self._last = 0
        self._stepped_back: int | None = None

    def look(self, packet: bytes) -> None:
        """The next packet; one that is older than what was seen tells nothing of the sender's order."""
        sequence, timestamp = packet[2] << 8 | packet[3], int.from_bytes(packet[4:8], "big")
        first = self._sequence is None
        if self._sequence is not None and (sequence - self._sequence) & 0xFFFF >= 0x8000:
            return
        self._sequence = sequence
        if timestamp == self._last and not first:
            return
        back = not first and (timestamp - self._last) & 0xFFFFFFFF >= _HALF
        self.pictures, self._last = self.pictures + 1, timestamp
        if back:
            before, self._stepped_back = self._stepped_back, self.pictures
            self.reordered |= before is not None and self.pictures - before <= WITHIN
