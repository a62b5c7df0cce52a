"""Which rooms must be recorded: from before the opening until after the signature, while pictures come; and which of
them are not.

Recording comes before opening, but nobody is kept from opening by it. The operators are told, by room and with the
remedy, and decide.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from messages import Message
from records.clock import now
from records.current import OVER, RUNNING, Claim, first, upcoming
from streaming.recording.recorder import Recorder
from streaming.recording.types import Wanted
from streaming.rooms.subrooms import main_room
from streaming.rooms.troubles import called as called_room
from streaming.service import RoomName, Trouble

BEFORE = timedelta(minutes=15)
AFTER = timedelta(minutes=2)
PATIENCE = 10.0
"""Seconds a room may want to be recorded before its first fragment is missed."""


class OpeningPolicy:
    """`policy(room)` gives the id of the broadcast session (the opening's) to record now, or None.

    A second camera (a sub-room) is recorded by the same rule, for as long as it sends pictures itself.
    `openings()` yields public payloads of openings (id, room, state, scheduled_at, ended_at);
    `publishing(room)` says whether pictures come.
    """

    def __init__(
        self, openings: Callable[[], Iterable[Mapping[str, Any]]], publishing: Callable[[str], bool]
    ) -> None:
        self._openings, self._publishing = openings, publishing

    def __call__(self, room: str) -> str | None:
        if not self._publishing(room):
            return None
        main = main_room(room)
        return _wanted([Claim.of_payload(o) for o in self._openings() if o["room"] == main], now())


def _wanted(claims: list[Claim], instant: datetime) -> str | None:
    """The opening the room is at while one runs, then the one just over, then the next one when its time is near."""
    running = first((claim for claim in claims if claim.state in RUNNING), instant)
    if running is not None:
        return running
    just_over = first(
        (c for c in claims if c.state in OVER and c.ended_at and instant - c.ended_at < AFTER), instant
    )
    if just_over is not None:
        return just_over
    return upcoming((c for c in claims if c.scheduled_at and c.scheduled_at <= instant + BEFORE), instant)


class RecordingCheck:
    """Compares what is wanted with what is recorded; `rooms()` names the rooms that may have pictures."""

    def __init__(self, recorder: Recorder, wanted: Wanted, rooms: Callable[[], Iterable[str]]) -> None:
        self._recorder, self._wanted, self._rooms = recorder, wanted, rooms
        self._missing: dict[str, float] = {}

    def state(self, room: str) -> str:
        """recording, waiting (for the first keyframe), disk (too full), failed (cannot write), off."""
        status = self._recorder.status().get(room)
        if status is not None and status.recording:
            return "failed" if self._recorder.trouble else "recording"
        if self._wanted(room) is None:
            return "off"
        if self._recorder.disk.state == "full":
            return "disk"
        return "failed" if self._recorder.trouble else "waiting"

    def row(self, room: str) -> dict[str, Any]:
        """What the desk is told of a room's recorder."""
        status, state = self._recorder.status().get(room), self.state(room)
        if status is None:
            return {"state": state}
        return {
            "state": state,
            "bytes": status.bytes,
            "fragment_age": status.fragment_age,
            "gaps": status.gaps,
        }

    def missing(self) -> list[str]:
        """Rooms and sub-rooms with an opening under way or near whose pictures have not been recorded for a
        while."""
        instant = time.monotonic()
        found = [room for room in self._rooms() if self.state(room) in ("waiting", "disk", "failed")]
        self._missing = {room: self._missing.get(room, instant) for room in found}
        return [room for room, since in self._missing.items() if self._due(room, instant - since)]

    def _due(self, room: str, seconds: float) -> bool:
        """A full disk or a failed write will not mend itself within the patience."""
        return seconds >= PATIENCE or self.state(room) in ("disk", "failed")

    def trouble(self, name: RoomName) -> Trouble | None:
        """Who is not recorded, why, and what to do."""
        rooms = sorted(self.missing())
        if not rooms:
            return None
        why = self._recorder.message()
        called = [called_room(room, name) for room in rooms]
        return Trouble(
            Message("recording.not_recorded_because", rooms=called, why=why)
            if why
            else Message("recording.not_recorded", rooms=called),
            Message("recording.not_recorded_remedy"),
        )
