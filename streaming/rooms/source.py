"""What a room needs of whoever fills it: a WHIP client or a camera's plain RTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from streaming.rooms.layers import Track
from streaming.rooms.publisher_notices import Notice


class Source(Protocol):
    """At most one fills a room at a time. `closed` is None while it lives, then the reason.

    created, media_at  seconds of time.monotonic(): when it was made, when media last came
    notices            what is to be said of what it sends
    plis, nacks        requests sent to it; `recovered` packets it repeated
    """

    tracks: dict[str, Track]
    created: float
    connected: bool
    closed: str | None
    media_at: float
    plis: int
    nacks: int
    recovered: int
    notices: list[Notice]
    on_closed: list[Callable[[Any], None]]
    on_started: Callable[[Any], None]
    on_report: Callable[[Any, bytes], None]

    @property
    def let_in_by(self) -> str | None:
        """The digest of the token it showed; None for a camera."""
        ...

    @property
    def rtt(self) -> float | None:
        """Seconds to the source and back; None where that is not known."""
        ...

    def request_keyframe(self) -> None:
        """Ask for a keyframe soon; sources that make them by the clock alone ignore it."""
        ...

    def tick(self) -> None:
        """Once a second."""
        ...

    def close(self, reason: str) -> None:
        """End it; doing it twice does nothing."""
        ...
