"""The one clock: the present moment, the Beijing day, and how moments are written.

Every process asks it, nothing else: the time zone of the machine plays no part anywhere. A test gives the clock its time
with `running_from` or `frozen_at`; the monotonic clock (`time.monotonic`) stays the measure of how long something took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta, timezone

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
"""Standard time of China, without daylight saving since 1991."""


def _machine() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _machine


def now() -> datetime:
    """The present moment in UTC."""
    return _source()


def timestamp() -> float:
    """The present moment in seconds since 1970-01-01 UTC."""
    return now().timestamp()


def local_now() -> datetime:
    """The present moment in Beijing time."""
    return now().astimezone(BEIJING)


def today() -> date:
    """The present day in Beijing."""
    return local_now().date()


def start_of(day: date) -> datetime:
    """The first moment of a Beijing day, in Beijing time."""
    return datetime.combine(day, time(), BEIJING)


def end_of(day: date) -> datetime:
    """The last moment of a Beijing day, in Beijing time: whoever reads it reads that day, and no day is too late for it."""
    return datetime.combine(day, time(23, 59, 59, 999_000), BEIJING)


def bounds(first: date, last: date) -> tuple[datetime, datetime]:
    """First moment of Beijing day `first`, and the first moment after Beijing day `last`."""
    return start_of(first), start_of(last + timedelta(days=1))


def add_months(day: date, months: int) -> date:
    """`day` moved by whole months; the 31st becomes the last day of a shorter month."""
    first = date(day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1, 1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))


def day_of(moment: datetime) -> date:
    """The Beijing day of a moment."""
    return moment.astimezone(BEIJING).date()


def local_day(moment: datetime) -> str:
    """The Beijing day of a moment, YYYY-MM-DD."""
    return day_of(moment).isoformat()


def rfc3339(moment: datetime | None) -> str | None:
    """A moment as users see it: RFC 3339 in Beijing time."""
    return None if moment is None else moment.astimezone(BEIJING).isoformat(timespec="milliseconds")


def written(moment: datetime, pattern: str = "%Y-%m-%d %H:%M") -> str:
    """A moment as tables and pages show it, in Beijing time; the very beginning of a day is a day of which no hour
    is known, and stands there as that day alone (a date in a file is kept so)."""
    local = moment.astimezone(BEIJING)
    if local.time() == time():
        pattern = pattern.split(" %H")[0]
    return local.strftime(pattern)


def to_the_second(moment: datetime) -> str:
    """A moment in a sentence, in Beijing time: to the second, and to the thousandth where it has one."""
    local = moment.astimezone(BEIJING)
    thousandths = local.microsecond // 1000
    return f"{local:%Y-%m-%d %H:%M:%S}" + (f".{thousandths:03}" if thousandths else "")


@contextmanager
def frozen_at(moment: datetime) -> Iterator[Callable[[datetime], None]]:
    """For tests: the clock of this process stands still at `moment`; the yielded function sets it.

    Raises:
        ValueError: `moment` has no UTC offset.
    """
    global _source
    before, held = _source, moment

    def place(at: datetime) -> None:
        nonlocal held
        if at.tzinfo is None:
            raise ValueError("a moment needs its UTC offset")
        held = at.astimezone(UTC)

    place(moment)
    _source = lambda: held  # noqa: E731 (a named function would say no more)
    try:
        yield place
    finally:
        _source = before


@contextmanager
def running_from(moment: datetime) -> Iterator[Callable[[timedelta], None]]:
    """For tests: the clock of this process runs on from `moment`; the yielded function moves it forward.

    Raises:
        ValueError: `moment` has no UTC offset.
    """
    global _source
    if moment.tzinfo is None:
        raise ValueError("a moment needs its UTC offset")
    before, shift = _source, moment.astimezone(UTC) - datetime.now(UTC)

    def forward(by: timedelta) -> None:
        nonlocal shift
        shift += by

    _source = lambda: datetime.now(UTC) + shift  # noqa: E731 (a named function would say no more)
    try:
        yield forward
    finally:
        _source = before
