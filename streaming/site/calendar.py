"""The calendar above the schedule: any year, month and day there is, as plain links."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from streaming.live.register import Register
from streaming.site.filters import YEARS
from streaming.site.render import dated, word

Address = Callable[[date], str]


@dataclass(frozen=True)
class Turn:
    """A link of the calendar; `href` is empty where there is nothing to turn to."""

    text: str
    href: str
    count: int = 0
    current: bool = False
    note: str = ""
    label: str = ""
    """What the link says to who cannot see where it stands."""


@dataclass(frozen=True)
class Calendar:
    """Years, months of the chosen year, days of the chosen month, and where the next openings are."""

    years: list[Turn]
    months: list[Turn]
    days: list[Turn]
    before: Turn
    after: Turn
    title: str
    column: int
    """Weekday of the first day, Monday 1."""


def calendar(register: Register, chosen: date, today: date, address: Address, lang: str) -> Calendar:
    """The calendar of a chosen day."""
    counts = register.months()
    before, after = register.nearest(chosen.isoformat())
    return Calendar(
        years=_years(counts, chosen, today, address),
        months=[_month(counts[f"{chosen.year:04}-{m:02}"], chosen, m, today, address, lang) for m in range(1, 13)],
        days=[_day(register, chosen.replace(day=d), chosen, today, address, lang)
              for d in range(1, monthrange(chosen.year, chosen.month)[1] + 1)],
        before=Turn(word(lang, "hall.before"), address(date.fromisoformat(before)) if before else ""),
        after=Turn(word(lang, "hall.after"), address(date.fromisoformat(after)) if after else ""),
        title=dated(chosen, lang, "month"),
        column=chosen.replace(day=1).isoweekday(),
    )  # fmt: skip


def _years(counts: dict[str, int], chosen: date, today: date, address: Address) -> list[Turn]:
    held = {int(month[:4]) for month in counts} | {chosen.year, today.year}
    return [
        Turn(
            str(year),
            address(_first(counts, year, chosen, today)),
            sum(count for month, count in counts.items() if month.startswith(f"{year:04}-")),
            year == chosen.year,
        )
        for year in sorted(held & set(YEARS))
    ]


def _first(counts: dict[str, int], year: int, chosen: date, today: date) -> date:
    """Where a year opens: the chosen month of it if that holds openings, else its first month that does."""
    if year == today.year:
        return today
    held = sorted(month for month in counts if month.startswith(f"{year:04}-"))
    same = f"{year:04}-{chosen.month:02}"
    return date.fromisoformat(f"{same if same in held or not held else held[0]}-01")


def _month(count: int, chosen: date, month: int, today: date, address: Address, lang: str) -> Turn:
    first = date(chosen.year, month, 1)
    opens = today if (today.year, today.month) == (first.year, first.month) else first
    return Turn(
        dated(first, lang, "month_alone"),
        address(opens),
        count,
        month == chosen.month,
        label=_label(dated(first, lang, "month"), count, lang),
    )


def _day(register: Register, day: date, chosen: date, today: date, address: Address, lang: str) -> Turn:
    note = word(lang, "hall.now") if day == today else dated(day, lang, "weekday")
    count = register.on_day(day.isoformat())
    spoken = dated(day, lang, "spoken")
    return Turn(str(day.day), address(day), count, day == chosen, note, _label(spoken, count, lang))


def _label(what: str, count: int, lang: str) -> str:
    return word(lang, "date.with_openings", date=what, openings=word(lang, "hall.openings", count=count))
