"""保证金与社会监督 Deposits and social supervision: what went back and when, guarantees, opinions (M40–M43). Only of lots past their deadline."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from records.clock import now
from records.legal_clock import days_between
from records.legal_periods import Verdict, owed, surely_late
from records.lots import centre_of_lot
from records.tables.money import Deposit
from records.tables.projects import Lot, counted
from records.tables.society import Opinion, OpinionAnswer
from records.visibility import Datum, visible
from supervision.figures.figure import LedgerFigure, Row
from supervision.figures.filters import Filters
from supervision.figures.formats import CNY, half_up
from supervision.figures.narrow import Rows, of_lots, within
from supervision.figures.results import Amount, Share

HOUR = 3600


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

    @property
    def value(self) -> int:
        """How many went back."""
        return self.refunded

    @property
    def returned(self) -> Share:
        """退付完成率: of those that fell due, how many went back."""
        return Share(self.due_refunded, self.due)


Bases = tuple[ColumnElement[bool], ColumnElement[bool], ColumnElement[bool]]


def deposit_bases(filters: Filters) -> Bases:
    """By which time a deposit is of the period: it went back in it, fell due in it, came in it as a guarantee."""
    went = and_(Deposit.refunded_at.is_not(None), within(Deposit.refunded_at, filters))
    due = and_(Deposit.due_refund_at <= now(), within(Deposit.due_refund_at, filters))
    given = and_(Deposit.form.in_(("guarantee", "insurance")), within(Deposit.received_at, filters))
    return went, due, given


def counted_deposits(query: Rows, filters: Filters) -> Rows:
    """A query of deposits that has joined `Lot`, narrowed to those that the figures are made of."""
    return of_lots(query.where(visible(Datum.DEPOSITS), counted(), or_(*deposit_bases(filters))), filters)


def _by_currency(filters: Filters) -> Select[Any]:
    """One row a currency, and one more for each pair of times of those that went back after the time that was told: how
    that stands is for `records.legal_periods` to say, by days and not by hours."""
    back = Deposit.refunded_at.is_not(None)
    went, due, given = deposit_bases(filters)
    conditions = (
        went,
        due,
        and_(due, back),
        and_(due, Deposit.refunded_at <= Deposit.due_refund_at),
        and_(due, ~back, Deposit.due_refund_at < surely_late(now(), filters.holidays)),
    )
    after = and_(due, Deposit.refunded_at > Deposit.due_refund_at)
    judged = (case((after, Deposit.due_refund_at)), case((after, Deposit.refunded_at)))
    query = (
        select(
            func.count(), *(func.sum(case((condition, 1), else_=0)) for condition in conditions),
            func.sum(case((went, Deposit.amount))), func.sum(case((given, Deposit.amount))), Lot.currency,
            *judged,
        )
        .select_from(Deposit)
        .join(Lot, Lot.id == Deposit.lot_id)
        .group_by(Lot.currency, *judged)
    )  # fmt: skip
    return counted_deposits(query, filters)


_SUMS = 9
"""Columns of a row before the times that are still to be judged."""


def _summed(row: Row, at: datetime, holidays: Set[date]) -> list[Any]:
    """What a row adds to the counts and amounts of `Deposits`, in their order."""
    *counts, amount, guarantees, _currency = row[:_SUMS]
    count, refunded, due, due_refunded, on_time, overdue = (n or 0 for n in counts)
    last, back = row[_SUMS:] or (None, None)
    if last and owed(last, back, at, holidays) is Verdict.KEPT:
        on_time = due_refunded
    return [count, refunded, amount or 0, due, due_refunded, on_time, overdue, guarantees or 0]


def _of_sums(
    code: str, count: int, refunded: int, amount: Decimal, due: int, due_refunded: int, on_time: int, overdue: int,
    guarantees: Decimal,
) -> Deposits:  # fmt: skip
    """The deposits in one currency; a database may add up whole numbers as decimals."""
    return Deposits(
        int(count), int(refunded), Decimal(amount), int(due), int(due_refunded), int(on_time), int(overdue),
        Decimal(guarantees), code,
    )  # fmt: skip


def _deposits(rows: Sequence[Row], filters: Filters) -> Deposits:
    by_currency: dict[str, list[Any]] = {}
    at = now()
    for row in rows:
        held = by_currency.setdefault(row[_SUMS - 1], [0] * (_SUMS - 1))
        for place, more in enumerate(_summed(row, at, filters.holidays)):
            held[place] += more
    found = [_of_sums(code, *sums) for code, sums in by_currency.items()]
    found.sort(key=lambda one: (-one.count, one.currency))
    if not found:
        return Deposits(0, 0, Decimal(0), 0, 0, 0, 0, Decimal(0))
    shown = next((one for one in found if one.currency == filters.currency), found[0])
    return replace(shown, elsewhere=sum(one.count for one in found) - shown.count)


def _timely(rows: Sequence[Row], filters: Filters) -> Share:
    found = _deposits(rows, filters)
    return Share(found.on_time, found.due)


def _guarantees(rows: Sequence[Row], filters: Filters) -> Amount:
    found = _deposits(rows, filters)
    return Amount(found.guarantees, found.count, currency=found.currency, elsewhere=found.elsewhere)


@dataclass(frozen=True)
class Opinions:
    """社会监督意见 of a period and what became of them."""

    received: int
    answered: int
    hours: float | None
    """Median hours until the answer; None while none was given."""

    @property
    def value(self) -> int:
        """How many came."""
        return self.received


def _opinions(filters: Filters) -> Rows:
    """When each opinion came and was answered, at the desk or by its source."""
    answered = func.coalesce(OpinionAnswer.answered_at, Opinion.answered_at)
    query = (
        select(Opinion.received_at, answered)
        .outerjoin(OpinionAnswer, OpinionAnswer.opinion_id == Opinion.id)
        .where(within(Opinion.received_at, filters))
    )
    if filters.centre is None:
        return query
    return query.where(
        Opinion.project_id.in_(select(Lot.project_id).where(centre_of_lot() == filters.centre))
    )


def _answers(rows: Sequence[Row], _: Filters) -> Opinions:
    hours = [(answered - received).total_seconds() / HOUR for received, answered in rows if answered]
    return Opinions(len(rows), len(hours), median(hours) if hours else None)


# ── guarantees ───────────────────────────────────────────────────────────────


def _by_form(filters: Filters) -> Select[Any]:
    """Deposits received in the period, and those of them that are a guarantee or an insurance."""
    given = case((Deposit.form.in_(("guarantee", "insurance")), 1), else_=0)
    query = (
        select(func.coalesce(func.sum(given), 0), func.count())
        .select_from(Deposit)
        .join(Lot, Lot.id == Deposit.lot_id)
        .where(
            visible(Datum.DEPOSITS), counted(), within(Deposit.received_at, filters), Deposit.form != "exempt"
        )
    )
    return of_lots(query, filters)


def _share(rows: Sequence[Row], _: Filters) -> Share:
    given, every = rows[0]
    return Share(int(given), every)


# ── interest ─────────────────────────────────────────────────────────────────

DAYS_OF_A_YEAR = 360
"""Days by which a yearly rate becomes a daily one (人民币存贷款计结息规则, 银发〔2005〕129号)."""


def interest_due(amount: Decimal, since: datetime, until: datetime, yearly: Decimal) -> Decimal:
    """应计利息: what a deposit has borne from `since` to `until`, in the deposit's currency, to a hundredth.

    Deposits go back with the bank's interest for the same time (招标投标法实施条例 art. 57): amount × yearly rate (per
    cent) × days ÷ 360, days by the Beijing calendar, the day it came counted and the day it goes back not.
    """
    days = max(days_between(since, until), 0)
    return half_up(amount * yearly / 100 * days / DAYS_OF_A_YEAR)


M40 = LedgerFigure("M40", _by_currency, _deposits, better="more")
M41 = LedgerFigure("M41", _by_currency, _timely, better="more")
M42 = LedgerFigure("M42", _by_currency, _guarantees, better="more")
M43 = LedgerFigure(
    "M43", _opinions, _answers, by={"channel": lambda: Opinion.channel.expression}, aggregated=False, of_lots=False
)  # fmt: skip

GUARANTEE_SHARE = LedgerFigure("guarantee_share", _by_form, _share, better="more")

FIGURES = (M40, M41, M42, M43, GUARANTEE_SHARE)
