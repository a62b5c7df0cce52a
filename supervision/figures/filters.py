"""Filters of figures: period 期间, centre, trade family, category, home view and unit.

Both classes are frozen and hashable, so a screen can use them as cache keys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from messages import DEFAULT, Invalid, Message, say
from records.clock import add_months

Grain = Literal["day", "month", "quarter", "year", "ytd", "rolling12"]
Home = Literal["city", "province"]
Unit = Literal["participations", "firms"]

GRAINS: tuple[Grain, ...] = ("day", "month", "quarter", "year", "ytd", "rolling12")
HOMES: tuple[Home, ...] = ("city", "province")
"""What 外地 may mean: outside the city, outside the province."""
UNITS: tuple[Unit, ...] = ("participations", "firms")
"""家次 and 家."""


@dataclass(frozen=True)
class Period:
    """Beijing days from `start` up to but not including `end`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise Invalid(Message("figure.empty_period", start=self.start, end=self.end))

    @classmethod
    def of(cls, grain: Grain, day: date) -> Period:
        """The period of `grain` that holds `day`; ytd and rolling12 end with that day."""
        if grain == "day":
            return cls(day, day + timedelta(days=1))
        if grain == "month":
            first = day.replace(day=1)
            return cls(first, add_months(first, 1))
        if grain == "quarter":
            first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
            return cls(first, add_months(first, 3))
        if grain == "year":
            return cls(date(day.year, 1, 1), date(day.year + 1, 1, 1))
        after = day + timedelta(days=1)
        return cls(date(day.year, 1, 1) if grain == "ytd" else add_months(after, -12), after)

    def runs(self, today: date | None) -> bool:
        """Whether days of the period are still to come after `today`."""
        return today is not None and self.start <= today < self.end - timedelta(days=1)

    def _earlier(self, months: int, today: date | None) -> Period:
        """The period some months earlier; of one that still runs the days up to the same day (截至同日)."""
        last = add_months(today, -months) if today and self.runs(today) else None
        end = last + timedelta(days=1) if last else add_months(self.end, -months)
        return Period(add_months(self.start, -months), end)

    def previous(self, grain: Grain, today: date | None = None) -> Period:
        """The period before, for 环比: the one that ends where this one begins; of one that still runs the same days.

        Twelve rolling months are compared with those that ended a month earlier, a year to date with
        as many days before it: otherwise 环比 would be 同比 under another name.
        """
        if grain == "rolling12":
            return Period(add_months(self.start, -1), add_months(self.end, -1))
        if grain in ("day", "ytd"):
            return Period(self.start - (self.end - self.start), self.start)
        months = {"month": 1, "quarter": 3, "year": 12}[grain]
        return self._earlier(months, today)

    def year_before(self, today: date | None = None) -> Period:
        """The same days one year earlier, for 同比; of a period that still runs up to the same day."""
        return self._earlier(12, today)

    def label(self, lang: str = DEFAULT) -> str:
        """The period in words, both ends included."""
        last = self.end - timedelta(days=1)
        if self.start.day == 1 and self.end == add_months(self.start, 1):
            return say("period.month", lang, year=self.start.year, month=self.start.month)
        if self == Period.of("year", self.start):
            return say("period.year", lang, year=self.start.year)
        if self.start == last:
            return self.start.isoformat()
        return say("period.span", lang, first=self.start, last=last)


@dataclass(frozen=True)
class Filters:
    """What a figure is narrowed to; None means all."""

    period: Period | None = None
    grain: Grain = "month"
    centre: str | None = None
    """Centre id."""
    trade_family: str | None = None
    """Key of records.tables.projects.TRADE_FAMILIES."""
    category: str | None = None
    topic: str | None = None
    """专题: the sector that projects are of, 亚运项目 say."""
    home: Home = "city"
    """What 外地 means: outside the home city or outside its province (supervision.home)."""
    unit: Unit = "participations"
    """家次 or 家 where a metric can count both."""
    currency: str | None = None
    """Of amounts of money; None: the one most awards of the period are in. Never added up across."""
    holidays: frozenset[date] = frozenset()
    """Legal holidays that are known, by which last days move (records.legal_periods)."""
    undated: bool = False
    """时间不明: only lots without a date; there is no period then."""

    today: date | None = None
    """A period that holds days after it is compared with the same days of others; None: whole periods are compared."""

    def over(self, period: Period | None) -> Filters:
        """The same filters over another period."""
        return replace(self, period=period, undated=False)
