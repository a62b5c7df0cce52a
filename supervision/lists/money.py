"""Lists of money: deposits 投标保证金 and awards 中标, only of lots past their deadline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.clock import now
from records.legal_periods import surely_late
from records.tables.money import Award, Deposit
from records.tables.organisations import Organisation
from records.tables.projects import Lot, counted
from records.visibility import Datum, award_come, visible
from supervision.figures.deposits import counted_deposits, deposit_bases
from supervision.figures.filters import Filters
from supervision.figures.narrow import of_lots, within

DUE, OVERDUE = "due", "overdue"
"""What a list of refunds shows: all that are still held, or those that are late for sure."""


@dataclass(frozen=True)
class Refund:
    """One deposit still to be returned."""

    lot_id: str
    lot: str
    bidder: str
    form: str
    amount: Decimal
    currency: str
    received: datetime | None
    due: datetime


def refunds_due(
    session: Session, filters: Filters, limit: int, offset: int = 0, *, overdue: bool = False
) -> tuple[int, list[Refund]]:
    """Deposits not yet returned, the most overdue first, and how many there are; only of lots past their deadline.

    `overdue`: only those that are late for sure (`records.legal_periods.surely_late`).
    """
    query = (
        select(
            Lot.id, Lot.name, Organisation.name, Deposit.form, Deposit.amount, Lot.currency, Deposit.received_at,
            Deposit.due_refund_at,
        )
        .join(Lot, Lot.id == Deposit.lot_id)
        .join(Organisation, Organisation.id == Deposit.bidder_id)
        .where(visible(Datum.DEPOSITS), Deposit.refunded_at.is_(None), Deposit.due_refund_at.is_not(None), counted())
    )  # fmt: skip
    late = Deposit.due_refund_at < surely_late(now(), filters.holidays)
    query = of_lots(query.where(late) if overdue else query, filters)
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.execute(query.order_by(Deposit.due_refund_at, Deposit.id).limit(limit).offset(offset))
    return count, [
        Refund(i, lot, firm, form, amount, code, received, due)
        for i, lot, firm, form, amount, code, received, due in rows
        if due
    ]


def deposits(session: Session, filters: Filters, limit: int) -> Sequence[Any]:
    """(lot, its name, bidder, currency, Deposit, whether it counts by each of `deposit_bases`), as they fall due."""
    query = (
        select(Lot.id, Lot.name, Organisation.name, Lot.currency, Deposit, *deposit_bases(filters))
        .join(Lot, Lot.id == Deposit.lot_id)
        .join(Organisation, Organisation.id == Deposit.bidder_id)
        .order_by(Deposit.due_refund_at, Deposit.id)
        .limit(limit)
    )
    return session.execute(counted_deposits(query, filters)).all()


def awards(session: Session, filters: Filters, limit: int | None = None) -> Sequence[Any]:
    """(lot, its name, winner, price, currency, VAT, time) of the awards of the filters' lots and period, newest first."""
    query = (
        select(Lot.id, Lot.name, Organisation.name, Award.price, Award.currency, Award.vat, Award.awarded_at)
        .join(Lot, Lot.id == Award.lot_id)
        .join(Organisation, Organisation.id == Award.bidder_id)
        .where(Award.status == "awarded", visible(Datum.LOT_OUTCOME), award_come())
        .where(counted(), within(Award.awarded_at, filters))
        .order_by(Award.awarded_at.desc(), Award.id)
        .limit(limit)
    )
    return session.execute(of_lots(query, filters)).all()
