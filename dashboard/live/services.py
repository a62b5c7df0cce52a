"""Services of a period, straight from the ledger: broadcasts, days a leg takes, deposits, key projects.

Rehearsals 演练 are in none of them. Only what is over counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from dashboard.exports.tables import span
from dashboard.live.counters import Rows, of_lots
from records.clock import now
from records.tables.broadcast import BroadcastSession
from records.tables.money import Award, Deposit
from records.tables.openings import Opening
from records.tables.organisations import Organisation, Room
from records.tables.projects import Lot, Project, counted
from records.visibility import opened, status_told
from supervision.figures.filters import Filters
from supervision.figures.formats import CNY
from supervision.rules.readiness import past_deadline

LIVE_SECONDS = 60.0
"""A broadcast counts from a minute on air (M18)."""
DAY = 86_400
OPENED = or_(Opening.result == "opened", Opening.result.is_(None))

Moment = ColumnElement[Any] | InstrumentedAttribute[Any]


def within(moment: Moment, filters: Filters) -> ColumnElement[bool]:
    """Whether a moment lies in the filters' period; of undated lots only: whether it is not known."""
    if filters.undated:
        return moment.is_(None)
    since, until = span(filters.period)
    return and_(moment >= since, moment < until) if since and until else true()


def rooms(session: Session, centre: str | None) -> int:
    """M17 直播间数: opening rooms on record that may be broadcast."""
    query = select(func.count(Room.id)).where(Room.kind == "opening", Room.public_allowed.is_(True))
    if centre is not None:
        query = query.where(Room.centre_id == centre)
    return session.scalar(query) or 0


@dataclass(frozen=True)
class Broadcasts:
    """Broadcasts of a period."""

    sessions: int
    lots: int
    opened: int
    seconds: float
    interruptions: int


def broadcasts(session: Session, filters: Filters) -> Broadcasts:
    """M18 broadcasts of a minute or more of openings that are over; M19 the opened lots with one, and all opened lots."""
    at = func.coalesce(Opening.started_at, Opening.scheduled_at)
    over = select(Opening.lot_id, Opening.id, OPENED.label("opened")).join(Lot, Lot.id == Opening.lot_id)
    over = over.where(Opening.state.in_(("ended", "sealed")), opened(), counted(), within(at, filters))
    openings = of_lots(over, filters).subquery()
    lot = case((openings.c.opened, openings.c.lot_id))
    row = session.execute(
        select(
            func.count(BroadcastSession.id), func.count(func.distinct(lot)),
            func.coalesce(func.sum(BroadcastSession.seconds_live), 0.0),
            func.coalesce(func.sum(BroadcastSession.interruptions), 0),
        )
        .join(openings, openings.c.id == BroadcastSession.opening_id)
        .where(BroadcastSession.seconds_live >= LIVE_SECONDS)
    ).one()  # fmt: skip
    lots = session.scalar(select(func.count(func.distinct(lot)))) or 0
    return Broadcasts(row[0], row[1], lots, float(row[2]), int(row[3]))


def legs(session: Session, filters: Filters) -> dict[str, float | None]:
    """M27: median days notice → opening, opening → award, and notice → award, of lots awarded in the period."""
    held = (
        select(Opening.lot_id, func.max(Opening.scheduled_at).label("at"))
        .where(Opening.state != "cancelled").group_by(Opening.lot_id).subquery()
    )  # fmt: skip
    query = (
        select(Lot.notice_at, held.c.at, func.min(Award.awarded_at))
        .join(Award, Award.lot_id == Lot.id)
        .join(held, held.c.lot_id == Lot.id)
        .where(Award.status == "awarded", Award.awarded_at <= now(), Lot.notice_at.is_not(None), counted())
        .where(opened(), within(Award.awarded_at, filters))
        .group_by(Lot.id, Lot.notice_at, held.c.at)
    )
    found = session.execute(of_lots(query, filters)).all()
    parts = {
        "notice": [(o - n).total_seconds() / DAY for n, o, _ in found],
        "award": [(a - o).total_seconds() / DAY for _, o, a in found],
        "total": [(a - n).total_seconds() / DAY for n, _, a in found],
    }
    return {name: median(days) if days else None for name, days in parts.items()}


def key_lots(session: Session, filters: Filters) -> dict[str, int]:
    """M32: lots of key projects by state of the lot, by opening time: when it was, else when it is due."""
    held = (
        select(Opening.lot_id, func.max(func.coalesce(Opening.started_at, Opening.scheduled_at)).label("at"))
        .where(Opening.state != "cancelled").group_by(Opening.lot_id).subquery()
    )  # fmt: skip
    due, was = func.coalesce(Lot.deadline, held.c.at), func.coalesce(held.c.at, Lot.deadline)
    at = case((opened(), was), else_=due)
    query = (
        select(told := status_told().label("told"), func.count())
        .join(Project, Project.id == Lot.project_id)
        .outerjoin(held, held.c.lot_id == Lot.id)
        .where(Project.key_flag.is_not(None), counted())
        .where(within(at, filters))
        .group_by(told)
    )
    return {row[0]: row[1] for row in session.execute(of_lots(query, filters))}


# ── deposits ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Deposits:
    """Deposits of lots past their deadline, in one currency; `elsewhere` counts those in others."""

    count: int
    refunded: int
    refunded_amount: Decimal
    due: int
    due_refunded: int
    on_time: int
    overdue: int
    guarantees: Decimal
    currency: str = CNY
    elsewhere: int = 0


def deposits(session: Session, filters: Filters) -> Deposits:
    """M40–M42, each by its own time: went back in the period, fell due in it, guarantees received in it."""
    found = [_summed(row) for row in session.execute(_deposit_query(filters))]
    if not found:
        return Deposits(0, 0, Decimal(0), 0, 0, 0, 0, Decimal(0))
    shown = next((one for one in found if one.currency == filters.currency), found[0])
    others = sum(one.count for one in found) - shown.count
    return replace(shown, elsewhere=others)


def _summed(row: Any) -> Deposits:
    *counts, amount, guarantees, currency = row
    count, refunded, due, due_refunded, on_time, overdue = (int(n or 0) for n in counts)
    none = Decimal(0)
    return Deposits(
        count, refunded, amount or none, due, due_refunded, on_time, overdue, guarantees or none, currency
    )


Bases = tuple[ColumnElement[bool], ColumnElement[bool], ColumnElement[bool]]


def deposit_bases(filters: Filters) -> Bases:
    """By which time a deposit is of the period: it went back in it, fell due in it, came in it as a guarantee."""
    went = and_(Deposit.refunded_at.is_not(None), within(Deposit.refunded_at, filters))
    due = and_(Deposit.due_refund_at <= now(), within(Deposit.due_refund_at, filters))
    given = and_(Deposit.form.in_(("guarantee", "insurance")), within(Deposit.received_at, filters))
    return went, due, given


def counted_deposits(query: Rows, filters: Filters) -> Rows:
    """A query of deposits that has joined `Lot`, narrowed to those that S10's figures are made of."""
    return of_lots(query.where(past_deadline(), counted(), or_(*deposit_bases(filters))), filters)


def _deposit_query(filters: Filters) -> Rows:
    """One row a currency, the commonest first."""
    back = Deposit.refunded_at.is_not(None)
    went, due, given = deposit_bases(filters)
    conditions = (
        went,
        due,
        and_(due, back),
        and_(due, Deposit.refunded_at <= Deposit.due_refund_at),
        and_(due, ~back),
    )
    query = (
        select(
            func.count(), *(func.sum(case((condition, 1), else_=0)) for condition in conditions),
            func.sum(case((went, Deposit.amount))), func.sum(case((given, Deposit.amount))), Lot.currency,
        )
        .join(Lot, Lot.id == Deposit.lot_id)
        .group_by(Lot.currency)
        .order_by(func.count().desc(), Lot.currency)
    )  # fmt: skip
    return counted_deposits(query, filters)


@dataclass(frozen=True)
class Refund:
    """One deposit still to be returned."""

    lot_id: str
    lot: str
    bidder: str
    form: str
    amount: Decimal
    currency: str
    due: datetime


def refunds_due(session: Session, filters: Filters, limit: int, offset: int = 0) -> tuple[int, list[Refund]]:
    """Deposits not yet returned, the most overdue first, and how many there are; only of lots past their deadline."""
    query = (
        select(
            Lot.id, Lot.name, Organisation.name, Deposit.form, Deposit.amount, Lot.currency,
            Deposit.due_refund_at,
        )
        .join(Lot, Lot.id == Deposit.lot_id)
        .join(Organisation, Organisation.id == Deposit.bidder_id)
        .where(past_deadline(), Deposit.refunded_at.is_(None), Deposit.due_refund_at.is_not(None), counted())
    )  # fmt: skip
    query = of_lots(query, filters)
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.execute(query.order_by(Deposit.due_refund_at, Deposit.id).limit(limit).offset(offset))
    return count, [
        Refund(i, lot, firm, form, amount, code, due) for i, lot, firm, form, amount, code, due in rows if due
    ]
