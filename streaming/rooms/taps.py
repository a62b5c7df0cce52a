"""The taps of a room that failed: told of in log, health and metrics, and set going again."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from streaming.rooms.forward import Tap

log = structlog.get_logger()

SHOWN = 600.0
"""Seconds a failure stays in the report."""
LOG_EVERY = 10.0
"""Seconds between two entries in the log: a tap may fail at every packet."""


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
