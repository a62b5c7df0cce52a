"""Currencies 币种: which amounts of money may be added up. Never across two."""

from __future__ import annotations

from dataclasses import replace

from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.figures.narrow import AWARDED_ON, where
from supervision.lens.reader import Lens


def currencies(lens: Lens, filters: Filters) -> list[tuple[str, int]]:
    """(ISO code, lots with an award) of the period, most first."""
    clause, params = where(filters, AWARDED_ON, "winner_id IS NOT NULL")
    rows = lens.rows(
        f"SELECT award_currency, count(*) FROM lots {clause} GROUP BY 1 ORDER BY 2 DESC, 1", params
    )
    return [(code, n) for code, n in rows]


def in_currency(lens: Lens, filters: Filters) -> Filters:
    """The filters with a currency: the chosen one, else the commonest of the period, else of all time."""
    if filters.currency:
        return filters
    found = currencies(lens, filters) or currencies(lens, replace(filters.over(None), centre=None))
    return replace(filters, currency=found[0][0] if found else figures.CNY)
