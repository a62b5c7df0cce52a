"""Metrics of the lens as cards: the figure, its comparison, its twelve months, its 口径."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import messages
from dashboard import context, months
from dashboard.charts.scale import MONTHS, last_month, scale
from dashboard.shell.cards import DASH, Kpi, change, growth, lens_basis
from dashboard.shell.filters import Choice
from dashboard.shell.memo import per_lens
from supervision.figures import formats as figures
from supervision.figures import lens_figures as metrics
from supervision.figures.currencies import in_currency
from supervision.figures.filters import Filters
from supervision.figures.results import Amount, Comparison, Share, compare


@dataclass(frozen=True)
class Delta:
    """How a figure is compared by its difference: times `scale`, with `places` decimals, in `unit`."""

    unit: str
    scale: float = 1.0
    places: int = 0


def points(lang: str) -> Delta:
    """Percentage points 个百分点, for shares."""
    return Delta(messages.say("openness.points", lang), 100.0, 2)


@per_lens
def comparison(metric: str, filters: Filters) -> Comparison[Any]:
    """A metric over its period, the one before and the year before."""
    return compare(metrics.METRICS[metric].function, context.lens(), filters)


def series(metric: str, filters: Filters, count: int = MONTHS) -> tuple[float | None, ...]:
    """A metric at the points of the period's scale, in its own unit; nothing where only undated lots are asked for."""
    found = scale(filters, count)
    if filters.undated:
        return (None,) * len(found.points)
    settled = in_currency(context.lens(), filters)
    return months.series(settled.over(None), found.points, found.years)[metric]


def trend(metric: str, filters: Filters, count: int = MONTHS) -> tuple[float | None, ...]:
    """A metric month by month, up to the period's end, in its own unit; nothing where only undated lots are asked for."""
    if filters.undated:
        return (None,) * count
    settled = in_currency(context.lens(), filters)
    return months.by_month(settled.over(None), last_month(filters), count)[metric]


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
    word = messages.say(f"filters.{choice.compare}", lang)
    shown, unit = show(found.present)
    if delta is None:
        line = growth(word, found.growth(against))
    else:
        line = change(word, found.difference(against), delta.unit, delta.places, delta.scale)
    return Kpi(
        name, shown, unit, line, note(found.present) if note else "",
        metrics.definition(metric, lang), lens_basis(lang), series(metric, choice.filters), href, key,
    )  # fmt: skip


def as_share(found: Any) -> tuple[str, str]:
    """A share: per cent with two decimals, the sign as unit."""
    text = found.text.rstrip("%")
    return (text, "%") if text != DASH else (DASH, "")


def placed(found: Share, unit: str, lang: str) -> str:
    """ "500 / 1,401 家次": what a share is made of, and how many could not be placed."""
    text = f"{figures.number(found.numerator)} / {figures.number(found.denominator)} {unit}".rstrip()
    if not found.unknown:
        return text
    return text + messages.say("openness.unplaced", lang, n=figures.number(found.unknown))


def amount(lang: str) -> Callable[[Amount], tuple[str, str]]:
    """An amount of money and its unit, apart."""
    return lambda found: split(found.shown(lang))


def deals(found: Amount, lang: str) -> str:
    """How many lots an amount is of, how many of them have none, and how many are in other currencies."""
    parts = [messages.say("overview.lots", lang, n=figures.number(found.count))]
    if found.missing:
        parts.append(messages.say("overview.without_amount", lang, n=figures.number(found.missing)))
    if found.elsewhere:
        parts.append(messages.say("overview.other_currencies", lang, n=figures.number(found.elsewhere)))
    return messages.say("overview.and", lang).join(parts)


def split(text: str) -> tuple[str, str]:
    """ "12.34亿元" → ("12.34", "亿元"), "CNY 1.23 million" → ("1.23", "million CNY"): number and unit apart."""
    found = re.fullmatch(r"([A-Z]* ?)([-+]?\d[\d,.]*)(.*)", text)
    if found is None:
        return text, ""
    code, value, unit = found.groups()
    return value, f"{unit.strip()} {code}".strip()
