"""Filters as SQL: one WHERE clause for every question put to the lens, and the same for queries of the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from records.clock import start_of
from records.lots import centre_of_lot
from records.tables.projects import Lot, Project
from supervision.figures.filters import Filters, Period

OPENED_ON = "opened_on"
AWARDED_ON = "coalesce(awarded_on, opened_on)"


def where(filters: Filters, day: str = OPENED_ON, *also: str, money: bool = False) -> tuple[str, list[Any]]:
    """The WHERE clause of the filters and its parameters; `day` is what time is attributed to (§5.2).

    `money`: only awards in the filters' currency.
    """
    conditions, params = list(also), list[Any]()
    if money:
        conditions.append("award_currency = ?")
        params.append(filters.currency)
    if filters.undated:
        conditions.append(f"{day} IS NULL")
    elif filters.period:
        conditions += [f"{day} >= ?", f"{day} < ?"]
        params += [filters.period.start, filters.period.end]
    chosen = {"trade_family": filters.trade_family, "category": filters.category, "sector": filters.topic}
    for column, wanted in chosen.items():
        if wanted is not None:
            conditions.append(f"{column} = ?")
            params.append(wanted)
    if filters.centre is not None:
        conditions.append("centre_id = ?")
        params.append(filters.centre)
    return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), params


Moment = ColumnElement[Any] | InstrumentedAttribute[Any]
Rows = Select[*tuple[Any, ...]]


def span(period: Period | None) -> tuple[datetime | None, datetime | None]:
    """First moment and end of a period of Beijing days."""
    if period is None:
        return None, None
    return start_of(period.start), start_of(period.end)


def within(moment: Moment, filters: Filters) -> ColumnElement[bool]:
    """SQL of the ledger: a moment lies in the filters' period; of undated lots only: it is not known."""
    if filters.undated:
        return moment.is_(None)
    since, until = span(filters.period)
    return and_(moment >= since, moment < until) if since and until else true()


def of_lots(query: Rows, filters: Filters | None) -> Rows:
    """A query of the ledger that has joined `Lot`, narrowed to the filters' centre, trade family and category."""
    if filters is None:
        return query
    chosen = (
        (centre_of_lot(), filters.centre), (Lot.trade_family, filters.trade_family), (Lot.category, filters.category),
    )  # fmt: skip
    for column, wanted in chosen:
        if wanted is not None:
            query = query.where(column == wanted)
    if filters.topic is not None:
        query = query.where(Lot.project_id.in_(select(Project.id).where(Project.sector == filters.topic)))
    return query
