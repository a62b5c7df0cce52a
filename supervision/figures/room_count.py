"""直播间数 Rooms able to broadcast (M17): in use, and their camera was seen to work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, func, or_, select

from records.clock import now, start_of
from records.tables.broadcast import BroadcastSession, RoomPicture
from records.tables.organisations import Room
from supervision.figures.figure import LedgerFigure, Row
from supervision.figures.filters import Filters

RECENT = timedelta(hours=24)
"""How long ago the last sound picture of a room may be (domain M17)."""


@dataclass(frozen=True)
class Rooms:
    """Opening rooms that may be broadcast, and those of them whose camera worked."""

    working: int
    registered: int

    @property
    def value(self) -> int:
        """How many can broadcast."""
        return self.working


def looked_at(filters: Filters) -> tuple[datetime, datetime]:
    """When a picture must have come: in the last 24 hours; where a period is asked for that is over, at any time of it,
    since its last night says nothing of what it could broadcast."""
    at = now()
    if filters.period is not None and start_of(filters.period.end) <= at:
        return start_of(filters.period.start), start_of(filters.period.end)
    return at - RECENT, at


def _rooms(filters: Filters) -> Select[Any]:
    """Rooms that had a sound picture, by what the hub saw of them or because they were on air; and all."""
    since, until = looked_at(filters)
    seen = select(RoomPicture.room_id).where(
        RoomPicture.room_id == Room.id, RoomPicture.seen_at >= since, RoomPicture.seen_at <= until
    )
    shown = select(BroadcastSession.id).where(
        BroadcastSession.room_id == Room.id, BroadcastSession.seconds_live > 0, BroadcastSession.live_at <= until,
        func.coalesce(BroadcastSession.ended_at, until) >= since,
    )  # fmt: skip
    working = or_(seen.correlate(Room).exists(), shown.correlate(Room).exists())
    query: Select[*tuple[Any, ...]] = select(func.count(case((working, Room.id))), func.count(Room.id)).where(
        Room.kind == "opening", Room.public_allowed.is_(True), or_(Room.closed_at.is_(None), Room.closed_at > until)
    )  # fmt: skip
    return query if filters.centre is None else query.where(Room.centre_id == filters.centre)


def _counted(rows: Sequence[Row], _: Filters) -> Rooms:
    return Rooms(*rows[0])


M17 = LedgerFigure(
    "M17", _rooms, _counted, by={"centre": lambda: Room.centre_id.expression}, of_lots=False, better="more"
)
