"""Types shared by the recorder and those it serves: what it needs of a room, its settings, its status, what it tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from streaming.machine import FreeSpace, Limits, free_space
from streaming.recording.ledger import Digested
from streaming.taps import Replay, Tap

LINGER_SECONDS = 15.0
"""A room that is no longer wanted is recorded this much longer: a publisher that comes back stays in its file."""


class Status(Protocol):
    """What the recorder asks of a room."""

    @property
    def audio(self) -> str | None:
        """Name of the codec the publisher sends sound in, if any."""
        ...


class Plane(Protocol):
    """The part of the media plane that the recorder needs."""

    def rooms(self) -> list[str]: ...
    def status(self, room: str) -> Status: ...
    def on_change(self, callback: Callable[[str], None]) -> None: ...
    def tap(
        self,
        room: str,
        sink: Tap,
        *,
        keyframe_every: float | None = None,
        kept: bool = False,
        replay: Replay | None = None,
    ) -> Callable[[], None]: ...


Wanted = Callable[[str], str | None]
"""Room → id of the broadcast session its recording belongs to; None: it need not be recorded now."""


@dataclass(frozen=True)
class Written:
    """Closed pieces of a recording, on the disk for good and in the ledger; `first` is the number of the first of them,
    `started_at` when the recording's time line begins, `session_id` the broadcast session it belongs to."""

    room: str
    session_id: str | None
    recording: str
    started_at: datetime
    first: int
    pieces: Sequence[Digested]


@dataclass(frozen=True)
class RecorderConfig:
    """`folder`: where the files go, one folder a room, one a day within. `retention`: id of the broadcast session
    (None: recorded outside an opening) → class. `on_written` hears on the event loop what has been written."""

    folder: Path
    fragment_seconds: float = 2.0
    linger_seconds: float = LINGER_SECONDS
    tick_seconds: float = 1.0
    limits: Limits = field(default_factory=Limits)
    free_space: FreeSpace = free_space
    retention: Callable[[str | None], str] = lambda session: "procurement"
    on_written: Callable[[Written], None] = lambda written: None


@dataclass(frozen=True)
class RecordingStatus:
    """One room. `bytes` of the present file that are safe on disk; `fragment_age` seconds since the
    last closed fragment; `dropped` packets that did not reach ffmpeg; `gaps` since the hub began."""

    recording: bool
    since: datetime | None
    bytes: int
    fragment_age: float | None
    dropped: int
    gaps: int
    recording_id: str | None = None
    pid: int | None = None
