"""What is going on now, read from the ledger by indexed queries. Nothing here tells who bids before the deadline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from dashboard import context
from records import states
from records.broadcast import BroadcastSession
from records.clock import now, start_of, today
from records.intake import Held
from records.money import Award, Deposit
from records.openings import Opening, OpeningEvent
from records.organisations import Centre, Organisation, Room
from records.projects import Lot

TICKER_EVENTS = ("bidders_published", "record_confirmed", "ended", "sealed")
LIVE_SECONDS = 60.0
"""A broadcast counts from a minute on air (M18)."""


def openings_today() -> dict[str, int]:
    """Today's openings by state."""
    start = start_of(today())
    query = (
        select(Opening.state, func.count())
        .where(
            Opening.scheduled_at >= start, Opening.scheduled_at < start.replace(hour=23, minute=59, second=59)
        )
        .group_by(Opening.state)
    )
    with context.ledger().read() as session:
        return {row[0]: row[1] for row in session.execute(query)}


def records_held() -> int:
    """M50 数据总量: records accepted and held, newest version each."""
    with context.ledger().read() as session:
        return session.scalar(select(func.count()).select_from(Held)) or 0


@dataclass(frozen=True)
class Happening:
    """One line of the ticker: kind is an opening event's type, "awarded" or "refunded"."""

    at: datetime
    kind: str
    lot: str
    count: int = 1


def ticker(limit: int = 9) -> list[Happening]:
    """What happened today, newest first: openings, awards, deposits returned."""
    start, until = start_of(today()), now()
    events = (
        select(OpeningEvent.ts, OpeningEvent.type, Lot.name)
        .join(Opening, Opening.id == OpeningEvent.opening_id)
        .join(Lot, Lot.id == Opening.lot_id)
        .where(Opening.scheduled_at >= start, OpeningEvent.ts >= start, OpeningEvent.ts <= until)
        .where(OpeningEvent.type.in_(TICKER_EVENTS))
        .order_by(OpeningEvent.ts.desc())
        .limit(limit)
    )
    awards = (
        select(Award.awarded_at, Lot.name)
        .join(Lot, Lot.id == Award.lot_id)
        .where(Award.status == "awarded", Award.awarded_at >= start, Award.awarded_at <= until)
        .order_by(Award.awarded_at.desc())
        .limit(limit)
    )
    refunds = (
        select(func.max(Deposit.refunded_at), Lot.name, func.count())
        .join(Lot, Lot.id == Deposit.lot_id)
        .where(Deposit.refunded_at >= start, Deposit.refunded_at <= until)
        .group_by(Lot.id, Lot.name)
        .limit(limit)
    )
    with context.ledger().read() as session:
        found = [Happening(at, kind, lot) for at, kind, lot in session.execute(events)]
        found += [Happening(at, "awarded", lot) for at, lot in session.execute(awards) if at]
        found += [Happening(at, "refunded", lot, n) for at, lot, n in session.execute(refunds) if at]
    return sorted(found, key=lambda h: h.at, reverse=True)[:limit]


@dataclass(frozen=True)
class RoomDay:
    """One room today. An evaluation room only ever tells whether it is in use (招标投标法 art. 38)."""

    centre: str
    room: str
    kind: str
    openings: int
    live: int
    done: int


def rooms_today() -> list[RoomDay]:
    """Every opening room with its openings of today."""
    start = start_of(today())
    count = func.count(Opening.id)
    live = func.sum(case((Opening.state.in_(("in_progress", "paused")), 1), else_=0))
    done = func.sum(case((Opening.state.in_(("ended", "sealed")), 1), else_=0))
    query = (
        select(Centre.name, Room.name, Room.kind, count, live, done)
        .join(Centre, Centre.id == Room.centre_id)
        .outerjoin(Opening, (Opening.room_id == Room.id) & (Opening.scheduled_at >= start)
                   & (Opening.scheduled_at < start.replace(hour=23, minute=59, second=59)))
        .where(Room.kind == "opening")
        .group_by(Room.id, Centre.name, Room.name, Room.kind)
        .order_by(count.desc(), Room.id)
    )  # fmt: skip
    with context.ledger().read() as session:
        return [
            RoomDay(c, r, k, int(n), int(li or 0), int(d or 0))
            for c, r, k, n, li, d in session.execute(query)
        ]


@dataclass(frozen=True)
class Broadcasts:
    """Broadcasts of a period."""

    sessions: int
    lots: int
    opened: int
    seconds: float
    interruptions: int


def broadcasts(
    session: Session, since: datetime | None, until: datetime | None, centre: str | None
) -> Broadcasts:
    """M18, M19: broadcasts on air for a minute or more, and the opened lots they covered."""
    base = (
        select(Opening.lot_id, Opening.id)
        .join(Lot, Lot.id == Opening.lot_id)
        .where(Opening.result == "opened")
    )
    if since and until:
        base = base.where(Opening.scheduled_at >= since, Opening.scheduled_at < until)
    if centre:
        base = base.where(Lot.centre_id == centre)
    opened = base.subquery()
    row = session.execute(
        select(
            func.count(BroadcastSession.id), func.count(func.distinct(opened.c.lot_id)),
            func.coalesce(func.sum(BroadcastSession.seconds_live), 0.0),
            func.coalesce(func.sum(BroadcastSession.interruptions), 0),
        )
        .join(opened, opened.c.id == BroadcastSession.opening_id)
        .where(BroadcastSession.seconds_live >= LIVE_SECONDS)
    ).one()  # fmt: skip
    lots = session.scalar(select(func.count(func.distinct(opened.c.lot_id)))) or 0
    return Broadcasts(row[0], row[1], lots, float(row[2]), int(row[3]))


@dataclass(frozen=True)
class Deposits:
    """Deposits of lots past their deadline."""

    count: int
    amount: Decimal
    due: int
    refunded: int
    refunded_amount: Decimal
    on_time: int
    overdue: int
    guarantees: Decimal


def deposits(
    session: Session, since: datetime | None, until: datetime | None, centre: str | None
) -> Deposits:
    """M40–M42: what is due by now, what went back, what on time. Time = when the refund was due."""
    at = now()

    def total(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    back, due = Deposit.refunded_at.is_not(None), Deposit.due_refund_at <= at
    query = (
        select(
            func.count(), func.sum(Deposit.amount), total(due), total(due & back),
            func.sum(case((back, Deposit.amount))), total(due & (Deposit.refunded_at <= Deposit.due_refund_at)),
            total(due & Deposit.refunded_at.is_(None)),
            func.sum(case((Deposit.form.in_(("guarantee", "insurance")), Deposit.amount))),
        )
        .join(Lot, Lot.id == Deposit.lot_id)
        .where(Lot.deadline <= at)
    )  # fmt: skip
    if since and until:
        query = query.where(Deposit.due_refund_at >= since, Deposit.due_refund_at < until)
    if centre:
        query = query.where(Lot.centre_id == centre)
    row = session.execute(query).one()
    none = Decimal(0)
    return Deposits(row[0], row[1] or none, row[2], row[3], row[4] or none, row[5], row[6], row[7] or none)


@dataclass(frozen=True)
class Refund:
    """One deposit still to be returned."""

    lot_id: str
    lot: str
    bidder: str
    form: str
    amount: Decimal
    due: datetime


def refunds_due(
    session: Session, centre: str | None, limit: int, offset: int = 0
) -> tuple[int, list[Refund]]:
    """Deposits not yet returned, the most overdue first, and how many there are; only of lots past their deadline."""
    query = (
        select(Lot.id, Lot.name, Organisation.name, Deposit.form, Deposit.amount, Deposit.due_refund_at)
        .join(Lot, Lot.id == Deposit.lot_id)
        .join(Organisation, Organisation.id == Deposit.bidder_id)
        .where(Lot.deadline <= now(), Deposit.refunded_at.is_(None), Deposit.due_refund_at.is_not(None))
    )
    if centre:
        query = query.where(Lot.centre_id == centre)
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.execute(query.order_by(Deposit.due_refund_at, Deposit.id).limit(limit).offset(offset))
    return count, [Refund(i, lot, firm, form, amount, due) for i, lot, firm, form, amount, due in rows if due]


@dataclass(frozen=True)
class EndedOpening:
    """An opening that is over, with the state of its chain."""

    id: str
    lot: str
    project: str
    room: str | None
    ended_at: datetime | None
    state: str
    result: str | None
    events: int
    broken_at: int | None
    """Index of the first event whose hash differs; None: the chain holds."""
    head: str


def ended_openings(
    session: Session, centre: str | None, limit: int, offset: int = 0
) -> tuple[int, list[EndedOpening]]:
    """Openings that are over, newest first, each chain walked just now; and how many there are."""
    query = (
        select(Opening, Lot.name, Lot.project_id, Room.name)
        .join(Lot, Lot.id == Opening.lot_id)
        .outerjoin(Room, Room.id == Opening.room_id)
        .where(Opening.state.in_(("ended", "sealed")))
    )
    if centre:
        query = query.where(Lot.centre_id == centre)
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    found = []
    for o, lot, project, room in session.execute(
        query.order_by(Opening.ended_at.desc(), Opening.id).limit(limit).offset(offset)
    ):
        broken = states.verify_opening(session, o.id)
        found.append(
            EndedOpening(
                o.id, lot, project, room, o.ended_at, o.state, o.result, o.head_seq,
                broken.index if broken else None, o.head_hash,
            )
        )  # fmt: skip
    return count, found
