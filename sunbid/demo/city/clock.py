"""The city's calendar: the year its reference figures are of, and the time from then to the day it is built, in three parts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from records.clock import BEIJING
from supervision.figures.filters import Period

YEARS = 4
REFERENCE, LAST = 0, 3
"""Numbers of the reference year and of the part that ends today among the city's years, which are counted from 0."""
REFERENCE_YEAR = 2023
"""The year whose figures Hangzhou published."""
SETTLED = timedelta(days=12)
"""Before the end of a year: what was opened until then is awarded and refunded within it."""
BUSY_BEFORE = 2
"""The last days before today belong to the small market, which shows every step of its openings."""
_MONTH_WEIGHTS = (0.85, 0.55, 1.0, 1.05, 1.05, 1.05, 0.95, 0.95, 1.1, 0.9, 1.2, 1.35)
"""How busy a month is, January to December: quiet at Spring Festival, crowded at the year's end."""


@dataclass(frozen=True)
class CityClock:
    """`now` is when the city is built; everything of it has happened before."""

    now: datetime

    @property
    def today(self) -> date:
        """The day in Beijing."""
        return self.now.astimezone(BEIJING).date()

    @property
    def reference(self) -> Period:
        """The reference year, 2023."""
        return Period(date(REFERENCE_YEAR, 1, 1), date(REFERENCE_YEAR + 1, 1, 1))

    def years(self) -> list[Period]:
        """The reference year, and what has passed since, without the last days, in three parts of whole months as long as
        each other: a year each late in 2026."""
        start, parts = self.reference.end, YEARS - 1
        days = (self.today - timedelta(days=BUSY_BEFORE) - start).days
        months = [(start + timedelta(days=days * n // parts)).replace(day=1) for n in range(parts)]
        ends = [*months, start + timedelta(days=days)]
        return [self.reference, *(Period(one, two) for one, two in pairwise(ends))]


def deadlines(rng: np.random.Generator, period: Period, count: int) -> list[datetime]:
    """`count` deadlines on working days of a period, at half hours from 9:00 to 16:30, in order."""
    days = [
        period.start + timedelta(days=n)
        for n in range((period.end - period.start).days)
        if (period.start + timedelta(days=n)).weekday() < 5
    ] or [period.start]
    weights = np.array([_MONTH_WEIGHTS[day.month - 1] for day in days])
    chosen = np.sort(rng.choice(len(days), count, p=weights / weights.sum()))
    halves = rng.integers(0, 16, count)
    found = [
        datetime.combine(days[i], time(9), BEIJING) + timedelta(minutes=30 * int(half))
        for i, half in zip(chosen, halves, strict=True)
    ]
    return sorted(found)


def stamp(moment: datetime) -> str:
    """A moment of whole seconds as it goes over the wire."""
    return moment.isoformat(timespec="seconds")


def seconds(**parts: Any) -> int:
    """A span in whole seconds."""
    return int(timedelta(**parts).total_seconds())
