"""Evaluations 评标会 with their fees: all that are over, or those behind a mark of S09. Of no lot is a fee told before its award
is known, and of no lot ever who evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, ScalarSelect, String, and_, case, cast, false, func, select, true
from sqlalchemy.orm import Session, aliased

from records.tables.evaluation import Evaluation, Fee
from records.tables.projects import Lot, counted
from records.visibility import Datum, visible
from supervision.figures.filters import Filters
from supervision.figures.lots import Mark
from supervision.figures.narrow import of_lots, within
from supervision.figures.remote import BANDS, GRADES, LAPSES, begun
from supervision.lists.remote import TIERS, sessions_with

Conditions = tuple[ColumnElement[bool], ...]


@dataclass(frozen=True)
class Held:
    """One evaluation: how many attendances, what is owed for them, what has arrived and what has not."""

    lot_id: str
    lot: str
    mode: str
    ended: datetime | None
    """None while it goes on."""
    attendances: int
    amount: Decimal
    paid: Decimal
    failed: int


SORTS = ("ended", "failed")
"""What evaluations are sorted by: the newest first, or those with most failed transfers."""


def count_evaluations(session: Session, filters: Filters, mark: Mark | None = None) -> int:
    """How many `evaluations` gives without a limit."""
    query = select(func.count(Evaluation.id)).join(Lot, Lot.id == Evaluation.lot_id)
    return session.scalar(of_lots(query.where(*behind(session, filters, mark)), filters)) or 0


def evaluations(
    session: Session, filters: Filters, limit: int, offset: int = 0, sort: str = "ended", mark: Mark | None = None
) -> list[Held]:  # fmt: skip
    """Evaluations that ended in the period, of lots whose award is known, or those behind a mark of MARKS; sorted by one
    of SORTS."""
    order = (Evaluation.ended_at.is_(None), Evaluation.ended_at.desc(), Lot.id)
    page = select(Evaluation.id).join(Lot, Lot.id == Evaluation.lot_id).where(*behind(session, filters, mark))
    if sort == "failed":
        page = page.order_by(_failed_of_each().desc())
    shown = session.scalars(of_lots(page.order_by(*order).limit(limit).offset(offset), filters)).all()
    failed = func.sum(case((Fee.status == "failed", 1), else_=0))
    owed = (
        func.coalesce(func.sum(amount), 0)
        for amount in (Fee.amount, case((Fee.status == "paid", Fee.amount)))
    )
    query = (
        select(
            Evaluation.id,
            Lot.id,
            Lot.name,
            Evaluation.mode,
            Evaluation.ended_at,
            func.count(Fee.id),
            *owed,
            failed,
        )
        .select_from(Evaluation)
        .join(Lot, Lot.id == Evaluation.lot_id)
        .outerjoin(Fee, and_(Fee.evaluation_id == Evaluation.id, visible(Datum.EXPERTS)))
        .where(Evaluation.id.in_(shown))
        .group_by(Evaluation.id, Lot.id, Lot.name, Evaluation.mode, Evaluation.ended_at)
    )
    found = {
        key: Held(lot, name, mode, ended, n, Decimal(amount), Decimal(paid), int(failures))
        for key, lot, name, mode, ended, n, amount, paid, failures in session.execute(query)
    }
    return [found[key] for key in shown]


def _failed_of_each() -> ScalarSelect[int]:
    """How many transfers of an evaluation's fees failed."""
    query = select(func.count(Fee.id)).where(Fee.evaluation_id == Evaluation.id, Fee.status == "failed")
    return query.where(visible(Datum.EXPERTS)).correlate(Evaluation, Lot).scalar_subquery()


# ── what is behind a mark ────────────────────────────────────────────────────


def _over(filters: Filters) -> Conditions:
    """Evaluations that ended in the period, of lots whose award is known."""
    return (
        Evaluation.state == "ended",
        within(Evaluation.ended_at, filters),
        visible(Datum.EXPERTS),
        counted(),
    )


def behind(session: Session, filters: Filters, mark: Mark | None) -> Conditions:
    """Which evaluations a mark is made of; none where its value is nothing that there is."""
    if mark is None:
        return _over(filters)
    if mark.by == "site":
        return (Evaluation.id.in_(sessions_with(session, filters, mark.value)),)
    find, known = _MARKS[mark.by]
    return find(filters, mark.value) if mark.value in known else (false(),)


def _mode(filters: Filters, _: str) -> Conditions:
    return begun(filters)


def _tier(filters: Filters, value: str) -> Conditions:
    return (*begun(filters), Evaluation.tier == value)


def _covered(filters: Filters, value: str) -> Conditions:
    paid = _some_fee(lambda fee: fee.status == "paid")
    return (*_over(filters), paid if value == "yes" else ~paid)


def _appraised(filters: Filters, value: str) -> Conditions:
    graded = _some_fee(lambda fee: fee.grade.is_not(None))
    return (*_over(filters), graded if value == "yes" else ~graded)


def _grade(filters: Filters, value: str) -> Conditions:
    return (*_over(filters), _some_fee(lambda fee: fee.grade == value))


def _lapse(filters: Filters, value: str) -> Conditions:
    return (*_over(filters), _some_fee(lambda fee: cast(fee.deductions, String).contains(f'"{value}"')))


def _fee(filters: Filters, value: str) -> Conditions:
    return _with_fee(filters, lambda fee: true() if value == "payable" else fee.status == value)


def _band(filters: Filters, value: str) -> Conditions:
    place = int(value)
    above = BANDS[place - 1] if place else None
    most = BANDS[place] if place < len(BANDS) else None

    def in_band(fee: type[Fee]) -> ColumnElement[bool]:
        return and_(
            true() if above is None else fee.amount > above, true() if most is None else fee.amount <= most
        )

    return _with_fee(filters, in_band)


def _reason(filters: Filters, value: str) -> Conditions:
    told = "" if value == "none" else value
    return _with_fee(filters, lambda fee: and_(fee.status != "paid", func.coalesce(fee.reason, "") == told))


def _with_fee(filters: Filters, that: Callable[[type[Fee]], ColumnElement[bool]]) -> Conditions:
    """Evaluations with a fee of the period as the register counts it: by its transfer, else by the end of the evaluation."""

    def of_period(fee: type[Fee]) -> ColumnElement[bool]:
        return and_(within(func.coalesce(fee.paid_at, Evaluation.ended_at), filters), that(fee))

    return (visible(Datum.EXPERTS), counted(), _some_fee(of_period))


def _some_fee(that: Callable[[type[Fee]], ColumnElement[bool]]) -> ColumnElement[bool]:
    fee = aliased(Fee)
    return (
        select(fee.id)
        .where(fee.evaluation_id == Evaluation.id, that(fee))
        .correlate(Evaluation, Lot)
        .exists()
    )


_MARKS: Mapping[str, tuple[Callable[[Filters, str], Conditions], tuple[str, ...]]] = {
    "mode": (_mode, ("remote",)),
    "tier": (_tier, TIERS),
    "covered": (_covered, ("yes", "no")),
    "appraised": (_appraised, ("yes", "no")),
    "grade": (_grade, GRADES),
    "lapse": (_lapse, LAPSES),
    "fee": (_fee, ("payable", "paid", "failed")),
    "band": (_band, tuple(str(place) for place in range(len(BANDS) + 1))),
    "reason": (_reason, ("none", "pending", "mismatch", "returned", "other")),
}
"""Mark → the evaluations behind it, and the values it has."""
MARKS = frozenset({*_MARKS, "site"})
"""What marks of S09 can be asked for the evaluations behind them."""


def values(by: str) -> tuple[str, ...]:
    """The values of a mark that has a few."""
    return _MARKS[by][1] if by in _MARKS else ()
