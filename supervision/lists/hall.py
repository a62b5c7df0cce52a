"""Lists of the hall: the seats of the wall and the schedule of openings.

Nothing here depends on who bids: no number of bidders before the list is published (招标投标法 art. 22).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

import messages
from records import current as at_room
from records.clock import BEIJING, bounds, now, rfc3339, start_of, today
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Centre, Organisation, Room
from records.tables.projects import Lot, Project, counted
from records.visibility import Datum, Progress, announced, visible, visible_progress, visible_state

VIEWS = ("wall", "today", "tomorrow", "history", "calendar")
"""What the hall can show: the wall of pictures, or the list of a day or of all days before."""
OLDEST = date(1990, 1, 1)
"""Where the history begins: before any record of electronic tendering."""

_Rows = Select[Opening, Lot, Project, Room, Centre, bool]


@dataclass(frozen=True)
class Question:
    """What the schedule is narrowed to; `start` and `end` are Beijing days, both included."""

    start: date
    end: date
    centre: str | None = None
    family: str | None = None
    state: str | None = None
    """One of `records.states.OPENING_STATES`."""
    key_only: bool = False
    text: str = ""
    newest_first: bool = False


@dataclass(frozen=True)
class Entry:
    """One opening of the schedule."""

    id: str
    scheduled_at: datetime
    lot: str
    title: str
    project: str
    tenderer: str | None
    family: str
    centre: str
    room: str
    room_id: str
    state: str
    stage: str
    key_project: bool
    ended_at: datetime | None
    rehearsal: bool
    """演练: opened like any other, but in no statistics."""


def days(view: str, day: date) -> tuple[date, date]:
    """First and last Beijing day that a view of the hall lists."""
    spans = {
        "tomorrow": (today() + timedelta(days=1),) * 2,
        "history": (OLDEST, today() - timedelta(days=1)),
        "calendar": (day, day),
    }
    return spans.get(view, (today(), today()))


def asked(params: Mapping[str, str]) -> Question:
    """The question the hall's address asks; an unreadable day is today."""
    view = params.get("view", "wall")
    try:
        day = date.fromisoformat(params.get("day", ""))
    except ValueError:
        day = today()
    listed = view != "wall"
    return Question(
        *days(view, day), _some(params.get("centre")), _some(params.get("family")),
        _some(params.get("state")) if listed else None, params.get("key") == "1",
        params.get("q", "") if listed else "", view == "history",
    )  # fmt: skip


def _some(word: str | None) -> str | None:
    return None if word in (None, "", "all") else word


def _joined() -> _Rows:
    return (
        select(Opening, Lot, Project, Room, Centre, visible(Datum.OPENING_PROCESS))
        .join(Lot, Lot.id == Opening.lot_id)
        .join(Project, Project.id == Lot.project_id)
        .outerjoin(Room, Room.id == Opening.room_id)
        .outerjoin(Centre, Centre.id == func.coalesce(Room.centre_id, Lot.centre_id))
        .where(announced())
    )


def find(session: Session, opening_id: str) -> tuple[Opening, Lot, Progress] | None:
    """An opening that may be known of, its lot, and how it stands as far as it may be told."""
    found = session.execute(_joined().where(Opening.id == opening_id)).first()
    return None if found is None else (found[0], found[1], visible_progress(found[0], bool(found[5])))


def _narrow(query: _Rows, centre: str | None, family: str | None, key_only: bool) -> _Rows:
    if centre:
        query = query.where(Centre.id == centre)
    if family:
        query = query.where(Lot.trade_family == family)
    if key_only:
        query = query.where(Project.key_flag.is_not(None))
    return query


def of_days(first: date, last: date) -> ColumnElement[bool]:
    """SQL over `Opening` and its `Lot`: the openings of Beijing days, both included. What its room has been
    at since before midnight belongs to today too: whoever is in that room has to find it."""
    begin, until = bounds(first, last)
    announced_for = and_(Opening.scheduled_at >= begin, Opening.scheduled_at < until)
    if not first <= today() <= last:
        return announced_for
    return or_(announced_for, and_(Opening.scheduled_at < begin, at_room.claiming(now(), begin)))


def _asked(question: Question) -> _Rows:
    query = _narrow(_joined(), question.centre, question.family, question.key_only)
    query = query.where(of_days(question.start, question.end))
    if question.state:
        query = query.where(visible_state() == question.state)
    if question.text.strip():
        part = question.text.strip()
        tenderers = select(Organisation.id).where(Organisation.name.contains(part, autoescape=True))
        query = query.where(
            or_(
                *(c.contains(part, autoescape=True) for c in (Lot.id, Lot.name, Project.name)),
                Lot.tenderer_id.in_(tenderers),
            )
        )
    return query


def schedule(
    session: Session, question: Question, lang: str, limit: int = 50, offset: int = 0
) -> list[Entry]:
    """Openings of the asked days in order of time, or newest first."""
    order = Opening.scheduled_at.desc() if question.newest_first else Opening.scheduled_at.asc()
    rows = session.execute(
        _asked(question).order_by(order, Room.id, Opening.id).limit(limit).offset(offset)
    ).all()
    tenderers = {lot.tenderer_id for _, lot, *_ in rows if lot.tenderer_id}
    names = dict(
        session.execute(
            select(Organisation.id, Organisation.name).where(Organisation.id.in_(tenderers))
        ).all()
    )
    return [_entry(*row, names.get(row[1].tenderer_id or ""), lang) for row in rows]


def _entry(
    opening: Opening,
    lot: Lot,
    project: Project,
    room: Room | None,
    centre: Centre | None,
    due: bool,
    tenderer: str | None,
    lang: str,
) -> Entry:
    progress = visible_progress(opening, due)
    return Entry(
        id=opening.id, scheduled_at=opening.scheduled_at, lot=lot.id, title=lot.name, project=project.name,
        tenderer=tenderer, family=messages.named("site.family", lot.trade_family, lang),
        centre=_centre(centre, lang) if centre else "", room=_room(room, lang) if room else "",
        room_id=room.id if room else "", state=progress.state, stage=progress.stage,
        key_project=bool(project.key_flag), ended_at=progress.ended_at, rehearsal="rehearsal" in lot.flags,
    )  # fmt: skip


def count(session: Session, question: Question) -> int:
    """How many openings `schedule` would give without a limit."""
    return session.scalar(select(func.count()).select_from(_asked(question).subquery())) or 0


def rehearsals(session: Session, question: Question) -> int:
    """How many of those that `count` counts are rehearsals 演练."""
    asked = _asked(question).where(~counted()).subquery()
    return session.scalar(select(func.count()).select_from(asked)) or 0


def busy_days(session: Session, first: date, last: date) -> dict[date, int]:
    """Openings a day between two Beijing days, both included; days without one are left out."""
    begin, until = bounds(first, last)
    query = select(Opening.scheduled_at).join(Lot, Lot.id == Opening.lot_id)
    query = query.where(Opening.scheduled_at >= begin, Opening.scheduled_at < until, announced())
    days: dict[date, int] = {}
    for moment in session.scalars(query):
        day = moment.astimezone(BEIJING).date()
        days[day] = days.get(day, 0) + 1
    return days


def centres(session: Session, lang: str) -> dict[str, str]:
    """Centres that have an opening room: id → name."""
    query = select(Centre).where(Centre.id.in_(select(Room.centre_id).where(Room.kind == "opening")))
    return {centre.id: _centre(centre, lang) for centre in session.scalars(query.order_by(Centre.id))}


# ── the wall ─────────────────────────────────────────────────────────────────


def seats(
    session: Session,
    lang: str,
    *,
    centre: str | None = None,
    family: str | None = None,
    key_only: bool = False,
) -> list[dict[str, Any]]:
    """One seat per public opening room with what it is at: running, else next today, else just over."""
    rooms = select(Room, Centre).join(Centre, Centre.id == Room.centre_id)
    rooms = rooms.where(
        Room.kind == "opening", Room.public_allowed.is_(True), Room.closed_at.is_(None)
    ).order_by(Centre.id, Room.id)
    if centre:
        rooms = rooms.where(Room.centre_id == centre)
    narrowed = bool(family or key_only)
    current = {
        room: (opening, lot, progress)
        for room, (opening, lot, project, progress) in _current(session).items()
        if (not family or lot.trade_family == family) and (not key_only or project.key_flag is not None)
    }
    reasons = _pause_reasons(
        session, [o.id for o, _, progress in current.values() if progress.state == "paused"]
    )
    return [
        _seat(room, place, current.get(room.id), reasons, lang)
        for room, place in session.execute(rooms)
        if not narrowed or room.id in current
    ]


At = tuple[Opening, Lot, Progress]
"""What a room is at: the opening, its lot, how it stands."""


def _current(session: Session) -> dict[str, tuple[Opening, Lot, Project, Progress]]:
    """What each room is at, as the hall of the public says it; where that is nothing, what is next today."""
    instant = now()
    until = max(start_of(today()) + timedelta(days=1), instant + at_room.STANDBY)
    rows = session.execute(_joined().where(Room.id.is_not(None), at_room.claiming(instant, until))).all()
    here: dict[str, dict[str, tuple[Opening, Lot, Project, Progress]]] = {}
    for opening, lot, project, room, _, due in rows:
        here.setdefault(room.id, {})[opening.id] = (opening, lot, project, visible_progress(opening, due))
    found = {}
    for room_id, held in here.items():
        claims = [_claim(opening, progress) for opening, _, _, progress in held.values()]
        key = at_room.first(claims, instant) or at_room.upcoming(claims, instant)
        if key:
            found[room_id] = held[key]
    return found


def _pause_reasons(session: Session, opening_ids: list[str]) -> dict[str, str]:
    query = select(OpeningEvent).where(
        OpeningEvent.opening_id.in_(opening_ids), OpeningEvent.type == "paused"
    )
    return {
        e.opening_id: e.payload.get("reason", "") for e in session.scalars(query.order_by(OpeningEvent.seq))
    }


def _claim(opening: Opening, progress: Progress) -> at_room.Claim:
    return at_room.Claim(
        opening.id, progress.state, opening.scheduled_at, progress.started_at, progress.ended_at
    )


def _seat(room: Room, centre: Centre, at: At | None, reasons: dict[str, str], lang: str) -> dict[str, Any]:
    opening, lot, progress = at or (None, None, None)
    running = progress is not None and progress.state in at_room.RUNNING
    label = None
    if progress is not None:
        label = messages.say(
            f"site.stage.{progress.stage}" if running else f"site.opening.{progress.state}", lang
        )
    return {
        "room": room.id,
        "name": f"{_centre(centre, lang)} {_room(room, lang)}",
        "opening": opening.id if opening else None,
        "title": lot.name if lot else None,
        "state": progress.state if progress else None,
        "stage": label,
        "now": bool(running and progress and progress.stage == "reading" and progress.state == "in_progress"),
        "scheduled_at": rfc3339(opening.scheduled_at) if opening else None,
        "reason": reasons.get(opening.id) if opening else None,
    }


def _centre(centre: Centre, lang: str) -> str:
    return messages.called(centre.name, centre.name_en, lang)


def _room(room: Room, lang: str) -> str:
    return messages.called(room.name, room.name_en, lang)
