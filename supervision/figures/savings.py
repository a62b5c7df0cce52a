"""规模与节资 Volume and savings: deals, what they saved or earned, key projects and small-value trading (M01, M02, M29–M35, M37)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, case, exists, func, select

from records.tables.money import Award
from records.tables.openings import Opening
from records.tables.projects import SALE_FAMILIES, Lot, Project, counted
from records.tables.relations import Credit
from records.visibility import Datum, visible, visible_status
from supervision.figures.figure import (
    DEALS,
    DEALS_IN_ONE_CURRENCY,
    OF_LOTS,
    ONE_CURRENCY,
    LedgerFigure,
    LensFigure,
    Row,
    exact_total,
    rows_where,
    total,
)
from supervision.figures.filters import Filters
from supervision.figures.formats import CNY
from supervision.figures.narrow import of_lots, within
from supervision.figures.openness import share
from supervision.figures.results import Amount, Count, Share


def flagged(flag: str) -> str:
    """Whether a lot of the lens carries a flag 标记."""
    return f"list_contains(string_split(flags, ','), '{flag}')"


def amount(rows: Sequence[Row], filters: Filters) -> Amount:
    """From (sum, lots, lots without an amount, and where they are counted lots in other currencies)."""
    value, lots, missing, *elsewhere = rows[0]
    return Amount(Decimal(value), lots, missing, filters.currency or CNY, *elsewhere)


def _mean_share(rows: Sequence[Row], _: Filters) -> Share:
    parts, lots = rows[0]
    return Share(Decimal(repr(float(parts))), lots)


M01 = LensFigure("M01", DEALS, (rows_where(),), lambda rows, _: Count(rows[0][0]), better="more")
M02 = LensFigure(
    "M02", DEALS,
    (total("award_price", ONE_CURRENCY), rows_where(ONE_CURRENCY), rows_where(f"{ONE_CURRENCY} AND award_price IS NULL"),
     rows_where("award_currency IS DISTINCT FROM {currency}")),
    amount, better="more", behind=ONE_CURRENCY,
)  # fmt: skip
PURCHASES = DEALS_IN_ONE_CURRENCY.that(
    "control_price > 0", "award_price IS NOT NULL", "currency = award_currency", f"trade_family NOT IN {SALE_FAMILIES}"
)  # fmt: skip
"""Lots bought below a control price, both amounts in one currency."""
M29 = LensFigure(
    "M29", PURCHASES, (total("control_price - award_price"), total("control_price")), share, better="more"
)
M30 = LensFigure(
    "M30", PURCHASES, (exact_total("(control_price - award_price) / CAST(control_price AS DOUBLE)"), rows_where()), _mean_share,
    better="more",
)  # fmt: skip


def _sales(filters: Filters) -> Select[Any]:
    """What was sold in the period above a starting price, both amounts in one currency: deals and starting prices."""
    query = (
        select(func.coalesce(func.sum(Award.price), 0), func.coalesce(func.sum(Lot.start_price), 0))
        .select_from(Award)
        .join(Lot, Lot.id == Award.lot_id)
        .where(Award.status == "awarded", Lot.trade_family.in_(SALE_FAMILIES), Lot.start_price > 0, Award.price.is_not(None))
        .where(Award.currency == Lot.currency, Lot.currency == (filters.currency or CNY))
        .where(within(Award.awarded_at, filters), visible(Datum.AWARD, dated=Award.awarded_at), counted())
    )  # fmt: skip
    return of_lots(query, filters)


def _gained(rows: Sequence[Row], _: Filters) -> Share:
    deals, starts = (Decimal(value) for value in rows[0])
    return Share(deals - starts, starts)


M31 = LedgerFigure("M31", _sales, _gained, better="more")


def _key_lots(filters: Filters) -> Select[Any]:
    """Lots of key projects, by opening time: when it was, else when it is due."""
    held = (
        select(Opening.lot_id, func.max(func.coalesce(Opening.started_at, Opening.scheduled_at)).label("at"))
        .where(Opening.state != "cancelled").group_by(Opening.lot_id).subquery()
    )  # fmt: skip
    due, was = func.coalesce(Lot.deadline, held.c.at), func.coalesce(held.c.at, Lot.deadline)
    at = case((visible(Datum.OPENING_PROCESS), was), else_=due)
    query = (
        select(func.count())
        .select_from(Lot)
        .join(Project, Project.id == Lot.project_id)
        .outerjoin(held, held.c.lot_id == Lot.id)
        .where(Project.key_flag.is_not(None), counted(), within(at, filters))
    )
    return of_lots(query, filters)


def count(rows: Sequence[Row], _: Filters) -> Count:
    """From one number."""
    return Count(int(rows[0][0]))


M32 = LedgerFigure(
    "M32",
    _key_lots,
    count,
    by={**OF_LOTS, "state": visible_status, "kind": lambda: Project.key_flag.expression},
)


def _planned(filters: Filters) -> Select[Any]:
    """Lots of key projects whose award was planned for the period and is due, and those awarded by then."""
    won = exists().where(
        Award.lot_id == Lot.id, Award.status == "awarded", Award.awarded_at <= Lot.planned_award_at
    )
    query = (
        select(func.coalesce(func.sum(case((won, 1), else_=0)), 0), func.count())
        .select_from(Lot)
        .join(Project, Project.id == Lot.project_id)
        .where(Project.key_flag.is_not(None), counted(), visible(Datum.AWARD, dated=Lot.planned_award_at))
        .where(within(Lot.planned_award_at, filters))
    )
    return of_lots(query, filters)


def _on_time(rows: Sequence[Row], _: Filters) -> Share:
    timely, due = rows[0]
    return Share(int(timely), due)


M33 = LedgerFigure("M33", _planned, _on_time, better="more")
_SMALL = DEALS_IN_ONE_CURRENCY.that(flagged("small_value"))
M34 = LensFigure(
    "M34", _SMALL, (total("award_price"), rows_where(), rows_where("award_price IS NULL")), amount
)


def _rated(filters: Filters) -> Select[Any]:
    """Firms with a credit rating 信用评价 of a month of the period."""
    query = select(func.count(func.distinct(Credit.organisation_id)))
    if filters.period is None:
        return query
    first, last = filters.period.start, filters.period.end - timedelta(days=1)
    return query.where(Credit.period >= f"{first:%Y-%m}", Credit.period <= f"{last:%Y-%m}")


M35 = LedgerFigure(
    "M35", _rated, count, by={"role": lambda: Credit.role.expression}, of_lots=False, better="more"
)
M37 = LensFigure("M37", DEALS.that(flagged("separate_award")), (rows_where(),), count)

FIGURES = (M01, M02, M29, M30, M31, M32, M33, M34, M35, M37)
