"""One time line for the two streams of a room, led by the picture.

Sender reports say how a source's two clocks hang together, but they come seconds after the first
packets and change when another machine takes over; taken as they are they make recorded time jump.
Here the picture's time is its RTP time, without a jump, from the moment its first packet arrived; the
sound is put to it by arrival first and by the reports as soon as there is one of each.
"""

from __future__ import annotations

from streaming.wire import rtcp
from streaming.wire.codecs import CLOCK
from streaming.wire.serial import ticks_between

BELIEVED = 2.0
"""Seconds; a report that would move the sound further is of another source and waits for its partner."""
SET_BACK = 2.0
"""Seconds by which a picture may be older than one before it; B-frames are by less."""


class TimeLine:
    """RTP times of "audio" and "video" as Unix seconds on the hub's clock."""

    def __init__(self) -> None:
        self._anchors: dict[str, tuple[float, int]] = {}
        self._newest: dict[str, int] = {}
        self._reported: dict[str, tuple[float, int]] = {}

    def first(self, kind: str, timestamp: int, arrived: float) -> None:
        """A packet of a stream, in order. The first one sets its clock, and so does one that is seconds older than
        those before it: the source's clock was set back."""
        newest = self._newest.setdefault(kind, timestamp)
        behind = ticks_between(newest, timestamp)
        if kind not in self._anchors or behind > SET_BACK * CLOCK[kind]:
            self._anchors[kind] = (arrived, timestamp)
        if behind < 0 or behind > SET_BACK * CLOCK[kind]:
            self._newest[kind] = timestamp

    def knows(self, kind: str) -> bool:
        """Whether a packet of that stream has been seen."""
        return kind in self._anchors

    def seconds(self, kind: str, timestamp: int) -> float:
        """The moment of an RTP time; KeyError before the stream's first packet."""
        moment, reference = self._anchors[kind]
        return moment + ticks_between(timestamp, reference) / CLOCK[kind]

    def report(self, kind: str, sender_report: bytes) -> bool:
        """Take a sender report; True if the time line now rests on one of each kind."""
        found = next((p for p in rtcp.parse(sender_report) if p.kind == rtcp.SR), None)
        if found is None:
            return False
        self._reported[kind] = (rtcp.from_ntp(found.ntp), found.timestamp)
        if kind == "video" and self.knows(kind):
            # hours later the 32-bit distance would no longer be unique: move the anchor along
            self._anchors[kind] = (self.seconds(kind, found.timestamp), found.timestamp)
        return self._join()

    def _join(self) -> bool:
        if not (self._reported.keys() >= CLOCK.keys() and self._anchors.keys() >= CLOCK.keys()):
            return False
        said, timestamp = self._reported["video"]
        shift = self.seconds("video", timestamp) - said
        said, timestamp = self._reported["audio"]
        if abs(said + shift - self.seconds("audio", timestamp)) > BELIEVED:
            return False
        self._anchors["audio"] = (said + shift, timestamp)
        return True

    def sender_report(self, kind: str, ssrc: int, timestamp: int) -> bytes:
        """A report that says what this time line says."""
        return rtcp.sender_report(ssrc, rtcp.to_ntp(self.seconds(kind, timestamp)), timestamp, 0, 0)
