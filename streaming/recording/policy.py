"""When a room is recorded: from before the opening until after the signature, while pictures come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from records.clock import now
from streaming.rooms.subrooms import main_room

BEFORE = timedelta(minutes=15)
AFTER = timedelta(minutes=2)
OVERDUE = timedelta(hours=12)
"""An opening that has not begun this long after its time is no longer waited for."""
_RUNNING = {"in_progress", "paused"}
_OVER = {"ended", "sealed"}


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
        instant = now()
        ranked = [
            (_rank(opening, instant), opening)
            for opening in self._openings()
            if opening["room"] == main_room(room)
        ]
        wanted = [(rank, str(opening["id"])) for rank, opening in ranked if rank is not None]
        return min(wanted)[1] if wanted else None


def _rank(opening: Mapping[str, Any], instant: datetime) -> tuple[int, float] | None:
    """The running opening comes first, then the one just over, then the next one; None: not to be recorded."""
    scheduled, ended = _moment(opening.get("scheduled_at")), _moment(opening.get("ended_at"))
    if opening["state"] in _RUNNING:
        return (0, -scheduled.timestamp() if scheduled else 0.0)
    if opening["state"] in _OVER and ended and instant - ended < AFTER:
        return (1, -ended.timestamp())
    if opening["state"] == "scheduled" and scheduled and instant - OVERDUE <= scheduled <= instant + BEFORE:
        return (2, scheduled.timestamp())
    return None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
