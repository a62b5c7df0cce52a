"""When a room is recorded: from before the opening until after the signature, while pictures come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from records.clock import now
from records.current import OVER, RUNNING, Claim, first, upcoming
from streaming.rooms.subrooms import main_room

BEFORE = timedelta(minutes=15)
AFTER = timedelta(minutes=2)


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
        return _wanted([Claim.told(o) for o in self._openings() if o["room"] == main], now())


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
