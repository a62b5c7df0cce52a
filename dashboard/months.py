"""Metrics month by month, or year by year, in three grouped queries instead of one query a point; a test holds them to `supervision.figures.lens_figures`."""

from __future__ import annotations

from datetime import date
from typing import Any

from dashboard import context
from dashboard.shell.memo import per_lens
from supervision.figures.currencies import in_currency
from supervision.figures.filters import Filters, Period, add_months
from supervision.figures.narrow import AWARDED_ON, OPENED_ON, where

YEAR, MONTH = 4, 7
"""How much of "2014-05" names a point."""

Months = dict[str, dict[str, float | None]]
"""Month → metric → value; a month without rows is missing."""


def _share(part: Any, whole: Any) -> float | None:
    return float(part) / float(whole) if whole else None


def _by_bids(filters: Filters, width: int) -> Months:
    clause, params = where(filters)
    what = "DISTINCT bidder_id" if filters.unit == "firms" else "*"
    outside = f"outside_{filters.home}"

    def counted(condition: str) -> str:
        return f"count({what}) FILTER (WHERE {condition})"

    rows = context.lens().rows(
        f"SELECT left(month, {width}), count(*), {counted(outside)}, {counted(f'{outside} IS NOT NULL')}, {counted('ca_outside')},"
        f" {counted('ca_outside IS NOT NULL')}, count(DISTINCT bidder_province) FILTER (WHERE {outside})"
        f" FROM bids {clause} GROUP BY 1",
        params,
    )
    return {
        m: {
            "M03": float(n),
            "M04": _share(out, known),
            "M04b": _share(ca, issued),
            "M09": float(provinces) if known else None,
        }
        for m, n, out, known, ca, issued, provinces in rows
    }


def _by_openings(filters: Filters, width: int) -> Months:
    clause, params = where(filters, OPENED_ON)
    rows = context.lens().rows(
        f"SELECT left(month, {width}), quantile_cont(bids, 0.5) FILTER (WHERE opened),"
        f" count(*) FILTER (WHERE bids < 3), count(*) FROM lots {clause} GROUP BY 1",
        params,
    )
    return {m: {"M10": None if mid is None else float(mid), "M11": _share(few, n)} for m, mid, few, n in rows}


def _by_awards(filters: Filters, width: int) -> Months:
    clause, params = where(filters, AWARDED_ON, "winner_id IS NOT NULL")
    counted = "award_currency = ?"
    saving = (
        f"{counted} AND currency = award_currency AND control_price > 0 AND award_price IS NOT NULL"
        " AND trade_family NOT IN ('land', 'property')"
    )
    outside = f"winner_outside_{filters.home}"
    rows = context.lens().rows(
        f"SELECT left(strftime({AWARDED_ON}, '%Y-%m'), {width}), count({outside}), count(*) FILTER (WHERE {outside}),"
        f" coalesce(sum(award_price) FILTER (WHERE {counted}), 0),"
        f" sum(control_price - award_price) FILTER (WHERE {saving}), sum(control_price) FILTER (WHERE {saving})"
        f" FROM lots {clause} GROUP BY 1",
        [*[filters.currency] * 3, *params],
    )
    return {
        m: {"M02": float(amount), "M05": _share(out, known), "M29": _share(saved or 0, control)}
        for m, known, out, amount, saved, control in rows
    }


METRICS = ("M02", "M03", "M04", "M04b", "M05", "M06", "M09", "M10", "M11", "M29")
"""What can be had month by month."""
_ZERO = {"M02": 0.0, "M03": 0.0, "M09": 0.0}
"""Counts and sums are nought in an empty month; shares are unknown."""


def firsts(last: date, months: int) -> list[date]:
    """First days of the `months` months that end with `last`."""
    return [add_months(last, n) for n in range(1 - months, 1)]


def by_month(filters: Filters, last: date, months: int) -> dict[str, tuple[float | None, ...]]:
    """Metric → its value in each of the `months` months that end with `last` (the filters' period is ignored)."""
    return series(filters, tuple(firsts(last, months)))


@per_lens
def series(
    filters: Filters, points: tuple[date, ...], years: bool = False
) -> dict[str, tuple[float | None, ...]]:
    """Metric → its value in each of the months, or years, that begin with `points`, one after the other.

    Amounts are in the filters' currency, else in the commonest of all time.
    """
    width, months = (YEAR, 12) if years else (MONTH, 1)
    span = in_currency(context.lens(), filters).over(Period(points[0], add_months(points[-1], months)))
    merged: Months = {}
    for part in (_by_bids(span, width), _by_openings(span, width), _by_awards(span, width)):
        for point, values in part.items():
            merged.setdefault(point, {}).update(values)
    found = {
        metric: tuple(merged.get(f"{p:%Y-%m}"[:width], {}).get(metric, _ZERO.get(metric)) for p in points)
        for metric in METRICS
        if metric != "M06"
    }
    pairs = zip(found["M04"], found["M05"], strict=True)
    return found | {"M06": tuple(None if a is None or b is None else a - b for a, b in pairs)}
