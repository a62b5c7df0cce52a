"""The points of a chart over time: the months up to the period's end, or of all time every month or year there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import messages
from dashboard import reach
from dashboard.charts.series import Points
from records.clock import add_months, today
from supervision.figures.filters import Filters

MONTHS = 12
MOST_MONTHS = 36
"""What reaches further is shown year by year."""
MOST_LABELS = 12
MOST_LONG_LABELS = 8
MOST_NARROW_LABELS = 4


@dataclass(frozen=True)
class Scale:
    """First days of the months, or of the years, that a chart has points for."""

    points: tuple[date, ...]
    years: bool = False
    whole: bool = False
    """Everything there is, not the months up to a period's end."""

    @property
    def names(self) -> list[str]:
        """What each point is, in full: 2014-05, or 2014."""
        return [f"{point:%Y}" if self.years else f"{point:%Y-%m}" for point in self.points]

    def labels(self, lang: str) -> list[str]:
        """What stands below the axis; so few that they fit, the last always."""
        if not self.years and len(self.points) <= MOST_LABELS:
            return month_labels(self.points, lang)
        words = (
            [messages.say("period.year", lang, year=name) for name in self.names]
            if self.years
            else self.names
        )
        step = -(-len(words) // (MOST_LABELS if self.years else MOST_LONG_LABELS))
        return [text if (len(words) - 1 - place) % step == 0 else "" for place, text in enumerate(words)]

    def axis(self, lang: str, narrow: bool = False) -> Points:
        """The points as a chart shows them, one that is narrow with few labels; a click picks one's period as it stands in
        the address."""
        labels = self.labels(lang)
        step = -(-len([one for one in labels if one]) // MOST_NARROW_LABELS) if narrow else 1
        kept = [one if (len(labels) - 1 - n) % step == 0 else "" for n, one in enumerate(labels)]
        return Points(self.names, kept, self.names)

    def kind(self, lang: str) -> str:
        """How a chart's heading says it: 按月 or 按年."""
        return messages.say("filters.by_year" if self.years else "filters.by_month", lang)

    def span(self, lang: str) -> str:
        """How far the points reach, in words."""
        if not self.whole:
            return messages.say("filters.last_months", lang, n=len(self.points))
        return messages.say("filters.span", lang, first=self.names[0], last=self.names[-1])


def firsts(last: date, months: int) -> list[date]:
    """First days of the `months` months that end with `last`."""
    return [add_months(last, n) for n in range(1 - months, 1)]


def scale(filters: Filters, count: int = MONTHS) -> Scale:
    """The scale of the filters' period: `count` months up to its end; of all time, all of it."""
    found = reach.reach(filters)
    if filters.period is not None or filters.undated or found.first is None or found.last is None:
        return Scale(tuple(firsts(last_month(filters), count)))
    first, last = found.first.replace(day=1), found.last.replace(day=1)
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if months > MOST_MONTHS:
        return Scale(tuple(date(year, 1, 1) for year in range(first.year, last.year + 1)), True, True)
    return Scale(tuple(firsts(last, max(months, count))), whole=True)


def last_month(filters: Filters) -> date:
    """First day of the month in which the filters' period ends; of all time, the last month there are data of."""
    if filters.period is None:
        return (reach.everything().last or today()).replace(day=1)
    end = filters.period.end
    return add_months(end, -1).replace(day=1) if end.day == 1 else end.replace(day=1)


def month_labels(points: Sequence[date], lang: str) -> list[str]:
    """What months are called below an axis; where a year begins it is named if it is not this one."""
    found = []
    for place, month in enumerate(points):
        if month.year != today().year and (place == 0 or month.month == 1):
            found.append(messages.dated(month, lang, "period.axis_month_of_year"))
        else:
            found.append(messages.dated(month, lang, "period.axis_month"))
    return found
