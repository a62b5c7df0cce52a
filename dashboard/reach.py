"""How far the data reach: from which day to which, which currencies, how many lots without a date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from urllib.parse import urlencode

import messages
from dashboard import context
from dashboard.shell.html import draw
from dashboard.shell.memo import per_lens
from supervision.figures import lots
from supervision.figures.filters import Filters, Period
from supervision.figures.lots import Reach


@per_lens
def reach(filters: Filters) -> Reach:
    """The reach of the lots of the filters, whatever their period."""
    return lots.reach(context.lens(), filters)


def everything() -> Reach:
    """The reach of all lots."""
    return reach(Filters())


@per_lens
def lots_in(filters: Filters) -> int:
    """Lots whose opening or award falls into the period."""
    return lots.lots_in(context.lens(), filters)


def notice(filters: Filters, query: Mapping[str, str], lang: str) -> None:
    """Say so where the chosen period holds nothing while there are data, and offer periods that do."""
    if (filters.period is None and not filters.undated) or lots_in(filters):
        return
    found = reach(replace(filters, undated=False))
    if found.last is None and not found.undated:
        return
    words = {"all": messages.say("filters.all_time", lang)}
    if found.last is not None:
        for grain in ("month", "year"):
            period = Period.of(grain, found.last)
            words[word(period)] = period.label(lang)
    if found.undated:
        words["undated"] = messages.say("filters.undated", lang, n=found.undated)
    links = "".join(
        f'<a href="?{escape(urlencode({**query, "period": key}))}" target="_self">{escape(text)}</a>'
        for key, text in words.items()
    )
    shown = filters.period.label(lang) if filters.period else messages.say("filters.undated", lang, n=0)
    draw(
        f'<p class="reach" role="status">{messages.say("filters.nothing_in", lang, period=escape(shown))}'
        f" {_span(found, lang)} {links}</p>"
    )


def _span(found: Reach, lang: str) -> str:
    if found.first is None or found.last is None:
        return ""
    return messages.say("filters.reach", lang, first=found.first, last=found.last)


def word(period: Period) -> str:
    """How a month or a year stands in the address."""
    year = period == Period.of("year", period.start)
    return f"{period.start.year:04}" if year else f"{period.start:%Y-%m}"
