"""Taps: receivers of a room's encoded packets inside the hub (recorder, segmenter, relay to an edge).

One that fails at a packet is told of in log, health and metrics, and set going again; the picture goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Protocol

import structlog

from streaming.wire.codecs import Codec

log = structlog.get_logger()

SHOWN = 600.0
"""Seconds a failure stays in the report."""
LOG_EVERY = 10.0
"""Seconds between two entries in the log: a tap may fail at every packet."""


class Tap(Protocol):
    """A receiver of a room's encoded packets: recorder, segmenter, edge. Must not block or raise.

    One that raises all the same is told of in log, health and metrics, and goes on; with a `restart()` it is asked
    to forget what it was in the middle of. One with a `changed()` hears of it when the next packets of a kind
    are another source's, or follow a span that was withheld.
    """

    def packets(self, kind: str, codec: Codec, packets: list[bytes]) -> None:
        """RTP packets of "audio" or "video" in order; payload type bits are zero, fill in your own."""
        ...

    def report(self, kind: str, sender_report: bytes) -> None:
        """An RTCP sender report that belongs to those packets."""
        ...


class Replay(Protocol):
    """Takes packets that were sent before now; `arrived`: Unix seconds of their arrival by their RTP time."""

    def __call__(self, kind: str, codec: Codec, packets: list[bytes], arrived: float, /) -> None: ...


class Taps:
    """The taps of one stream. `on_failed` is called while the exception of one is being handled."""

    def __init__(self, kind: str, on_failed: Callable[[Tap], None]) -> None:
        self._kind, self._on_failed = kind, on_failed
        self._taps: list[Tap] = []

    def __len__(self) -> int:
        return len(self._taps)

    def __iter__(self) -> Iterator[Tap]:
        return iter(tuple(self._taps))

    def __contains__(self, tap: Tap) -> bool:
        return tap in self._taps

    def add(self, tap: Tap) -> None:
        """Feed a tap from now on; one that is fed already is fed once."""
        if tap not in self._taps:
            self._taps.append(tap)

    def remove(self, tap: Tap) -> None:
        """Feed a tap no more; one that was not fed is ignored."""
        if tap in self._taps:
            self._taps.remove(tap)

    def packets(self, codec: Codec, packets: list[bytes]) -> None:
        """Hand packets to every tap."""
        for tap in tuple(self._taps):
            try:
                tap.packets(self._kind, codec, packets)
            except Exception:  # noqa: BLE001 - whatever a recorder does, the picture goes on
                self._on_failed(tap)

    def report(self, sender_report: bytes) -> None:
        """Hand a sender report to every tap."""
        for tap in tuple(self._taps):
            try:
                tap.report(self._kind, sender_report)
            except Exception:  # noqa: BLE001 - as above
                self._on_failed(tap)

    def changed(self) -> None:
        """The next packets are another source's, or follow a span that was withheld."""
        for tap in tuple(self._taps):
            hears: Callable[[str], None] | None = getattr(tap, "changed", None)
            if hears is not None:
                hears(self._kind)


class TapFailures:
    """Counts them for one room. `last`: what failed (its type's name) and when, by time.monotonic()."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.count = 0
        self.last: tuple[str, float] | None = None
        self._logged_at = float("-inf")

    def failed(self, tap: Tap) -> None:
        """Call while the exception is being handled: the tap goes on with the next packet."""
        self.count += 1
        now, name = time.monotonic(), type(tap).__name__
        self.last = (name, now)
        if now - self._logged_at > LOG_EVERY:
            self._logged_at = now
            log.exception("media.tap_failed", room=self.room, tap=name, failures=self.count)
        restart: Callable[[], None] | None = getattr(tap, "restart", None)
        if restart is None:
            return
        try:
            restart()
        except Exception:  # it is asked again at its next failure; the picture goes on
            log.exception("media.tap_not_restarted", room=self.room, tap=name)

    def lately(self) -> str | None:
        """What failed within the last ten minutes."""
        if self.last is None or time.monotonic() - self.last[1] > SHOWN:
            return None
        return self.last[0]
