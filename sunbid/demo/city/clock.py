"""The city's calendar: four full years before the month it is built in, and that month so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np

from records.clock import BEIJING, add_months
from supervision.figures.filters import Period

YEARS = 4
REFERENCE, RUNNING = 3, 4
"""Numbers of the reference year and of the running month among the city's years, which are counted from 0."""
SETTLED = timedelta(days=12)
"""Before the end of the reference year: what was opened until then is awarded and refunded within it."""
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
    def anchor(self) -> date:
        """First day of the running month: the reference year ends before it."""
        return self.today.replace(day=1)

    @property
    def reference(self) -> Period:
        """The reference year: the last twelve full months."""
        return Period(add_months(self.anchor, -12), self.anchor)

    def years(self) -> list[Period]:
        """The four years, the reference year last."""
        return [
            Period(add_months(self.anchor, -12 * (n + 1)), add_months(self.anchor, -12 * n))
            for n in reversed(range(YEARS))
        ]

    @property
    def running(self) -> Period | None:
        """The running month so far, without its last days; None while there is nothing of it."""
        end = self.today - timedelta(days=BUSY_BEFORE)
        return Period(self.anchor, end) if end > self.anchor else None


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
