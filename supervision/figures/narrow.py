"""Filters as SQL: one WHERE clause for every question put to the lens."""

from __future__ import annotations

from typing import Any

from supervision.figures.filters import Filters

OPENED_ON = "opened_on"
AWARDED_ON = "coalesce(awarded_on, opened_on)"


def where(filters: Filters, day: str = OPENED_ON, *also: str, money: bool = False) -> tuple[str, list[Any]]:
    """The WHERE clause of the filters and its parameters; `day` is what time is attributed to (§5.2).

    `money`: only awards in the filters' currency.
    """
    terms, params = list(also), list[Any]()
    if money:
        terms.append("award_currency = ?")
        params.append(filters.currency)
    if filters.undated:
        terms.append(f"{day} IS NULL")
    elif filters.period:
        terms += [f"{day} >= ?", f"{day} < ?"]
        params += [filters.period.start, filters.period.end]
    for column in ("trade_family", "category"):
        if (wanted := getattr(filters, column)) is not None:
            terms.append(f"{column} = ?")
            params.append(wanted)
    if filters.centre is not None:
        terms.append("centre_id = ?")
        params.append(filters.centre)
    return (f"WHERE {' AND '.join(terms)}" if terms else ""), params
