"""Metrics of the lens as cards: the figure, its comparison, its twelve months, its 口径."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from dashboard import context, i18n
from dashboard.cards import DASH, Kpi, change, growth, lens_basis
from dashboard.filters import Choice
from dashboard.memo import per_lens
from dashboard.months import by_month
from records.clock import today
from supervision import metrics
from supervision.filters import Filters, add_months
from supervision.results import Comparison, compare

MONTHS = 12


@dataclass(frozen=True)
class Delta:
    """How a figure is compared by its difference: times `scale`, with `places` decimals, in `unit`."""

    unit: str
    scale: float = 1.0
    places: int = 0


def points(lang: str) -> Delta:
    """Percentage points 个百分点, for shares."""
    return Delta(i18n.text("openness.points", lang), 100.0, 2)


@per_lens
def comparison(metric: str, filters: Filters) -> Comparison[Any]:
    """A metric over its period, the one before and the year before."""
    return compare(metrics.METRICS[metric].function, context.lens(), filters)


def last_month(filters: Filters) -> date:
    """First day of the month in which the filters' period ends."""
    end = filters.period.end if filters.period else today()
    return add_months(end, -1).replace(day=1) if end.day == 1 else end.replace(day=1)


def trend(metric: str, filters: Filters, months: int = MONTHS) -> tuple[float | None, ...]:
    """A metric month by month, up to the period's end, in its own unit (fractions for shares)."""
    return by_month(filters.over(None), last_month(filters), months)[metric]


def kpi(
    metric: str,
    name: str,
    choice: Choice,
    lang: str,
    show: Callable[[Any], tuple[str, str]],
    *,
    delta: Delta | None = None,
    note: Callable[[Any], str] | None = None,
    href: str = "",
    key: bool = False,
) -> Kpi:
    """A card for a metric: `show` gives its value and unit, `note` the small line below.

    Without `delta` it is compared by its growth in per cent.
    """
    found = comparison(metric, choice.filters)
    against = "year_before" if choice.compare == "yoy" else "previous"
    word = i18n.text(f"filters.{choice.compare}", lang)
    shown, unit = show(found.present)
    if delta is None:
        line = growth(word, found.growth(against))
    else:
        line = change(word, found.difference(against), delta.unit, delta.places, delta.scale)
    return Kpi(
        name, shown, unit, line, note(found.present) if note else "",
        metrics.definition(metric, lang), lens_basis(lang), trend(metric, choice.filters), href, key,
    )  # fmt: skip


def as_share(found: Any) -> tuple[str, str]:
    """A share: per cent with two decimals, the sign as unit."""
    text = found.text.rstrip("%")
    return (text, "%") if text != DASH else (DASH, "")


def split(text: str) -> tuple[str, str]:
    """ "12.34亿元" → ("12.34", "亿元"): number and unit apart."""
    for i, c in enumerate(text):
        if not (c.isdigit() or c in ",.-+"):
            return (text[:i], text[i:].strip()) if i else (text, "")
    return text, ""
