"""Lists of openings 开标: what happened today, those that are over with the state of their chain, and all of a period. Nothing here tells who bids before the deadline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from records import states
from records.clock import now, start_of, today
from records.lots import centre_of_lot
from records.tables.money import Award, Deposit
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Centre, Room
from records.tables.projects import Lot, counted
from records.visibility import Datum, announced, visible
from supervision.figures.filters import Filters
from supervision.figures.narrow import of_lots, span

TICKER_EVENTS = ("bidders_published", "record_confirmed", "ended", "sealed")


@dataclass(frozen=True)
class Happening:
    """One line of the ticker: kind is an opening event's type, "awarded" or "refunded"."""

    at: datetime
    kind: str
    lot_id: str
    lot: str
    count: int = 1


def ticker(session: Session, filters: Filters | None = None, limit: int = 9) -> list[Happening]:
    """What happened today, newest first: openings, awards, deposits returned."""
    start, until = start_of(today()), now()
    events = (
        select(OpeningEvent.ts, OpeningEvent.type, Lot.id, Lot.name)
        .join(Opening, Opening.id == OpeningEvent.opening_id)
        .join(Lot, Lot.id == Opening.lot_id)
        .where(Opening.scheduled_at >= start, OpeningEvent.ts >= start, OpeningEvent.ts <= until)
        .where(OpeningEvent.type.in_(TICKER_EVENTS), visible(Datum.OPENING_PROCESS))
        .order_by(OpeningEvent.ts.desc(), Opening.room_id, Opening.id, OpeningEvent.seq.desc())
        .limit(limit)
    )
    awards = (
        select(Award.awarded_at, Lot.id, Lot.name)
        .join(Lot, Lot.id == Award.lot_id)
        .where(Award.status == "awarded", Award.awarded_at >= start)
        .where(visible(Datum.AWARD, dated=Award.awarded_at))
        .order_by(Award.awarded_at.desc(), Award.id)
        .limit(limit)
    )
    refunds = (
        select(func.max(Deposit.refunded_at), Lot.id, Lot.name, func.count())
        .join(Lot, Lot.id == Deposit.lot_id)
        .where(Deposit.refunded_at >= start, visible(Datum.DEPOSITS, dated=Deposit.refunded_at))
        .group_by(Lot.id, Lot.name)
        .order_by(func.max(Deposit.refunded_at).desc(), Lot.id)
        .limit(limit)
    )
    found = [Happening(*row) for row in session.execute(of_lots(events, filters))]
    found += [Happening(at, "awarded", *lot) for at, *lot in session.execute(of_lots(awards, filters))]
    found += [Happening(at, "refunded", *lot) for at, *lot in session.execute(of_lots(refunds, filters))]
    return sorted(found, key=lambda h: (h.at, h.lot, h.kind), reverse=True)[:limit]


@dataclass(frozen=True)
class EndedOpening:
    """An opening that is over, with the state of its chain."""

    id: str
    lot: str
    project: str
    room: Room | None
    centre: Centre | None
    ended_at: datetime | None
    state: str
    result: str | None
    events: int
    broken_at: int | None
    """Index of the first event whose hash differs; None: the chain holds."""
    head: str


def _ended(centre: str | None, text: str) -> Select[str]:
    """The openings that are over. `text`: part of the number or name of the opening, its lot or its project."""
    query = (
        select(Opening.id)
        .join(Lot, Lot.id == Opening.lot_id)
        .where(Opening.state.in_(("ended", "sealed")), visible(Datum.OPENING_PROCESS))
    )
    if centre:
        query = query.where(centre_of_lot() == centre)
    if part := text.strip():
        searched = (Opening.id, Lot.id, Lot.name, Lot.project_id)
        query = query.where(or_(*(column.contains(part, autoescape=True) for column in searched)))
    return query


def count_ended(session: Session, centre: str | None, text: str = "") -> int:
    """How many openings are over."""
    return session.scalar(_ended(centre, text).with_only_columns(func.count())) or 0


def ended_openings(
    session: Session, centre: str | None, limit: int, offset: int = 0, text: str = ""
) -> list[EndedOpening]:
    """Openings that are over, newest first, each chain walked just now. `text`: part of the number or name of the
    opening, its lot or its project."""
    order = (Opening.ended_at.desc(), Opening.room_id, Opening.id)
    page = _ended(centre, text).order_by(*order).limit(limit).offset(offset)
    query = (
        select(Opening, Lot.name, Lot.project_id, Room, Centre)
        .join(Lot, Lot.id == Opening.lot_id)
        .outerjoin(Room, Room.id == Opening.room_id)
        .outerjoin(Centre, Centre.id == Room.centre_id)
        .where(Opening.id.in_(page))
        .order_by(*order)
    )
    found = []
    for o, lot, project, room, place in session.execute(query):
        broken = states.verify_opening(session, o.id)
        found.append(
            EndedOpening(
                o.id, lot, project, room, place, o.ended_at, o.state, o.result, o.head_seq,
                broken.index if broken else None, o.head_hash,
            )
        )  # fmt: skip
    return found


def openings(session: Session, filters: Filters, limit: int) -> Sequence[Any]:
    """(Opening, lot's name, Room, the lot's Centre, whether its deadline is past) of the openings announced for the period, newest first."""
    since, until = span(filters.period)
    query = (
        select(Opening, Lot.name, Room, Centre, visible(Datum.OPENING_PROCESS))
        .join(Lot, Lot.id == Opening.lot_id)
        .outerjoin(Room, Room.id == Opening.room_id)
        .outerjoin(Centre, Centre.id == centre_of_lot())
        .where(announced(), counted())
        .order_by(Opening.scheduled_at.desc(), Opening.id)
        .limit(limit)
    )
    if since and until:
        query = query.where(Opening.scheduled_at >= since, Opening.scheduled_at < until)
    return session.execute(of_lots(query, filters)).all()
