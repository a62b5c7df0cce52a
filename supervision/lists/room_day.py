"""The day of the rooms 场所安排: preparing, open, over; an evaluation room only ever tells that it is in use."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

import messages
from records import clock
from records import current as at_room
from records.clock import BEIJING, now
from records.tables.evaluation import Evaluation
from records.tables.openings import Opening
from records.tables.organisations import Centre, Room
from records.tables.projects import Lot
from records.visibility import Datum, Progress, announced, visible, visible_progress
from supervision.lists import hall, names

PREPARE = timedelta(minutes=30)
TYPICAL = timedelta(hours=1)
"""Time an opening that has not begun is drawn with."""
ROWS = 9
FIRST, LAST = 8, 18
"""Hours of the day that are shown at least."""


@dataclass(frozen=True)
class Bar:
    """A span of a room's day: preparing, planned, done, used or live; `title` says so with the time."""

    start: datetime
    end: datetime
    kind: str
    title: str
    opening: str | None = None
    """The opening it is of; nothing for an evaluation."""


@dataclass
class Line:
    """One room's day."""

    room: str
    name: str
    kind: str
    bars: list[Bar] = field(default_factory=list)

    @property
    def busy(self) -> bool:
        """Whether something goes on in it now."""
        lately = now() - timedelta(minutes=1)
        return any(bar.kind in ("live", "used") and bar.end >= lately for bar in self.bars)


def day(session: Session, lang: str) -> list[Line]:
    """Rooms with anything today in order of their first time, then by room; evaluation rooms last."""
    start = clock.start_of(clock.today())
    until = start + timedelta(days=1)
    lines = _opening_rooms(session, lang, start)
    used = _evaluation_rooms(session, lang, start, until)
    return _in_order(lines) + _in_order(used)


def _in_order(lines: dict[str, Line]) -> list[Line]:
    """By time, then by room; a room whose only opening was called off has nothing to show."""
    shown = [line for line in lines.values() if line.bars]
    return sorted(shown, key=lambda line: (min(bar.start for bar in line.bars), line.room))


def _opening_rooms(session: Session, lang: str, start: datetime) -> dict[str, Line]:
    query = (
        select(Opening, Room, Centre, visible(Datum.OPENING_PROCESS))
        .join(Lot, Lot.id == Opening.lot_id)
        .join(Room, Room.id == Opening.room_id)
        .join(Centre, Centre.id == Room.centre_id)
        .where(Room.kind == "opening", hall.of_days(clock.today(), clock.today()))
        .where(announced())
        .order_by(Opening.scheduled_at, Opening.id)
    )
    lines: dict[str, Line] = {}
    for opening, room, centre, due in session.execute(query):
        line = lines.setdefault(room.id, Line(room.id, names.room(room, centre, lang), "opening"))
        bars = _bars(opening.scheduled_at, visible_progress(opening, bool(due)), lang)
        line.bars += [replace(bar, opening=opening.id) for bar in _since(start, bars)]
    return lines


def _since(start: datetime, bars: list[Bar]) -> list[Bar]:
    """Bars of a day that begins at `start`; what began before it is drawn from there."""
    return [replace(bar, start=max(bar.start, start)) for bar in bars if bar.end >= start]


def _bars(at: datetime, progress: Progress, lang: str) -> list[Bar]:
    begun = progress.started_at or at
    clock = at.astimezone(BEIJING).strftime("%H:%M")
    if progress.state in at_room.OVER:
        end = progress.ended_at if progress.ended_at and progress.ended_at > begun else begun
        return [Bar(begun, end, "done", _title(clock, "done", lang))]
    if progress.state in at_room.RUNNING:
        return [Bar(begun, now(), "live", _title(clock, "live", lang))]
    if progress.state != "scheduled":
        return []
    return [
        Bar(at - PREPARE, at, "preparing", _title(clock, "preparing", lang)),
        Bar(at, at + TYPICAL, "planned", _title(clock, "planned", lang)),
    ]


def _evaluation_rooms(session: Session, lang: str, start: datetime, until: datetime) -> dict[str, Line]:
    """In use from … to …, and nothing else: no lot, no mode, no number of experts (招标投标法 art. 38).

    An evaluation uses its own room and those that were kept for it."""
    rooms = {
        room.id: names.room(room, centre, lang)
        for room, centre in session.execute(
            select(Room, Centre).join(Centre, Centre.id == Room.centre_id).where(Room.kind == "evaluation")
        )
    }
    query = (
        select(Evaluation.started_at, Evaluation.ended_at, Evaluation.room_id, Evaluation.bookings)
        .where(Evaluation.started_at < until, Evaluation.started_at >= start - timedelta(days=3))
        .where(or_(Evaluation.ended_at.is_(None), Evaluation.ended_at >= start))
        .order_by(Evaluation.started_at)
    )
    lines: dict[str, Line] = {}
    title = messages.say("service.gantt_used", lang)
    for begun, ended, room, kept in session.execute(query):
        used = {room, *(one.get("room") for one in kept)} & rooms.keys()
        for one in sorted(used):
            line = lines.setdefault(one, Line(one, rooms[one], "evaluation"))
            line.bars.append(Bar(max(begun, start), min(ended or now(), until), "used", title))
    return lines


def _title(clock: str, kind: str, lang: str) -> str:
    return f"{clock} {messages.say(f'service.gantt_{kind}', lang)}"


def chosen(lines: list[Line]) -> list[Line]:
    """The rooms that are shown, in their order: nine, two of them evaluation rooms where there are any.

    Those in use now come before others into the choice, so that none of them is left out.
    """
    used = [line for line in lines if line.kind == "evaluation"][:2]
    opening = [line for line in lines if line.kind == "opening"]
    kept = sorted(opening, key=lambda line: not line.busy)[: ROWS - len(used)]
    return [line for line in opening if line in kept] + used


def hour(moment: datetime) -> float:
    """A moment as hours of today."""
    return (moment - clock.start_of(clock.today())).total_seconds() / 3600


def hours(lines: list[Line]) -> tuple[int, int]:
    """The hours of the day wide enough for every bar and for now."""
    edges = [hour(edge) for line in lines for bar in line.bars for edge in (bar.start, bar.end)] + [
        hour(now())
    ]
    return max(0, min(FIRST, int(min(edges)))), min(24, max(LAST, -int(-max(edges) // 1)))
