"""How much the opening and evaluation rooms are used on workdays (M24)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    Select,
    String,
    cast,
    func,
    literal,
    null,
    select,
    type_coerce,
    union_all,
)

from records.clock import BEIJING, now, start_of
from records.current import OVER, RUNNING
from records.tables.evaluation import Evaluation
from records.tables.openings import Opening
from records.tables.organisations import Room
from records.tables.projects import Lot, counted
from records.visibility import Datum, visible
from supervision.figures.figure import LedgerFigure, Row
from supervision.figures.filters import Filters
from supervision.figures.narrow import within
from supervision.figures.results import Share

WORKDAY = time(8, 30), time(17, 30)
"""A room can be used between these times, Monday to Friday (domain: 工作日 8:30–17:30)."""
_SATURDAY = 5
ROOM_KINDS = ("opening", "evaluation")


@dataclass(frozen=True)
class RoomUse:
    """Minutes in which rooms were in use, among those in which they could be, by kind of room."""

    opening: Share
    evaluation: Share

    @property
    def whole(self) -> Share:
        """Both kinds together."""
        return Share(
            self.opening.numerator + self.evaluation.numerator, self.opening.denominator + self.evaluation.denominator
        )  # fmt: skip

    @property
    def value(self) -> float | None:
        """The fraction of both kinds; None where no room could be used."""
        return self.whole.value


def _uses(filters: Filters) -> Select[Any]:
    """The rooms, and when they were used: (room, its kind, begin, end, what was kept for an evaluation)."""
    never = type_coerce(null(), Opening.ended_at.type)
    rooms = select(
        Room.id.label("room"),
        Room.kind.label("kind"),
        never.label("begin"),
        never.label("end"),
        null().label("kept"),
    ).where(Room.kind.in_(ROOM_KINDS), Room.closed_at.is_(None))
    if filters.centre is not None:
        rooms = rooms.where(Room.centre_id == filters.centre)
    begun = func.coalesce(Opening.started_at, Opening.scheduled_at)
    opened = (
        select(Opening.room_id, literal(""), begun, Opening.ended_at, null())
        .join(Lot, Lot.id == Opening.lot_id)
        .where(Opening.state.in_((*OVER, *RUNNING)), visible(Datum.OPENING_PROCESS), counted())
        .where(within(begun, filters))
    )
    evaluated = (
        select(Evaluation.room_id, literal(""), Evaluation.started_at, Evaluation.ended_at, cast(Evaluation.bookings, String))
        .join(Lot, Lot.id == Evaluation.lot_id)
        .where(Evaluation.started_at.is_not(None), counted(), within(Evaluation.started_at, filters))
    )  # fmt: skip
    uses = union_all(rooms, opened, evaluated).subquery()
    return select(*uses.c)


def _in_use(rows: Sequence[Row], filters: Filters) -> RoomUse:
    kinds = {room: kind for room, kind, *_ in rows if kind}
    days: dict[tuple[str, datetime], list[tuple[datetime, datetime]]] = defaultdict(list)
    for room, begin, end in _spans(rows):
        if room in kinds:
            for opened, closed in workdays(begin, end):
                days[room, opened].append((max(begin, opened), min(end, closed)))
    first = min((opened for _, opened in days), default=None)
    minutes = dict.fromkeys(ROOM_KINDS, 0.0)
    for (room, _), spans in days.items():
        minutes[kinds[room]] += covered_minutes(spans)
    could = _could_be_used(filters, first)
    return RoomUse(
        *(Share(round(minutes[kind]), could * [*kinds.values()].count(kind)) for kind in ROOM_KINDS)
    )


def _spans(rows: Sequence[Row]) -> Iterator[tuple[str, datetime, datetime]]:
    """(room, begin, end) of every use; an evaluation uses its own room and those that were kept for it."""
    for room, kind, begin, end, kept in rows:
        if not kind and begin is not None:
            rooms = {room, *(one.get("room") for one in json.loads(kept or "[]"))}
            yield from ((one, begin, end or now()) for one in sorted(filter(None, rooms)))


def workdays(begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The hours of work, Beijing time, of every day from `begin` to `end`."""
    day = begin.astimezone(BEIJING).date()
    while (opened := datetime.combine(day, WORKDAY[0], BEIJING)) < end:
        closed = datetime.combine(day, WORKDAY[1], BEIJING)
        if day.weekday() < _SATURDAY and closed > begin:
            yield opened, closed
        day += timedelta(days=1)


def covered_minutes(spans: Iterable[tuple[datetime, datetime]]) -> float:
    """Minutes that lie in at least one of the spans."""
    seconds, reached = 0.0, None
    for begin, end in sorted(spans):
        begin = begin if reached is None else max(begin, reached)
        if end > begin:
            seconds, reached = seconds + (end - begin).total_seconds(), end
    return seconds / 60


def _could_be_used(filters: Filters, first: datetime | None) -> int:
    """Minutes a room could be used in the period up to now; without a period since the first use."""
    period, until = filters.period, now()
    begin = start_of(period.start) if period else first
    if begin is None:
        return 0
    end = min(until, start_of(period.end)) if period else until
    return round(covered_minutes((opened, min(closed, end)) for opened, closed in workdays(begin, end)))


M24 = LedgerFigure("M24", _uses, _in_use, by={}, of_lots=False, aggregated=False)
