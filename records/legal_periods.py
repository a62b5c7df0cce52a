"""法定时限: each period of law in the life of a lot with its article, and how it was kept, span by span.

How many days a period has and how they are counted is said by `records.legal_clock`; here stand what a period runs from
and to, the article with its official text, and the verdict. Public holidays are a table that is set, never a guess:
without one nothing is called late before the longest holidays are over. Hours are shown, not judged.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from messages import Message
from records import legal_clock
from records.clock import BEIJING, day_of, start_of
from records.law import BIDDING_LAW, BIDDING_RULES, Article, Law
from records.legal_clock import days_between

NO_HOLIDAYS: frozenset[date] = frozenset()


class Bound(StrEnum):
    """Which way a period binds."""

    AT_LEAST = "at_least"
    """不少于: what it is for needs this much time."""
    AT_MOST = "at_most"
    """不超过: what is owed is done by then."""


@dataclass(frozen=True)
class LegalPeriod:
    """One period of law: from one step of a lot's life to another. Its words are `period.<name>`."""

    name: str
    bound: Bound
    days: int
    law: Law
    article: int

    @property
    def cited(self) -> Message:
        """The article, as it is written."""
        return Article(self.law, [self.article]).cited


BIDDING = LegalPeriod("bidding", Bound.AT_LEAST, legal_clock.TO_BID, BIDDING_LAW, 24)
"""From the day the documents are first given out to the deadline, of what must be tendered by law."""
CLARIFICATION = LegalPeriod("clarification", Bound.AT_LEAST, legal_clock.TO_CHANGE, BIDDING_LAW, 23)
"""From a clarification or change of the documents to the deadline; else the deadline is put off (实施条例 art. 21)."""
DOCUMENTS_ANSWER = LegalPeriod("documents_answer", Bound.AT_MOST, legal_clock.TO_ANSWER, BIDDING_RULES, 22)
"""From an objection to the documents to its answer."""
PUBLICITY_BEGINS = LegalPeriod("publicity_begins", Bound.AT_MOST, legal_clock.TO_PUBLICITY, BIDDING_RULES, 54)
"""From the report of the evaluation to the publicity of the candidates."""
PUBLICITY = LegalPeriod("publicity", Bound.AT_LEAST, legal_clock.PUBLICITY, BIDDING_RULES, 54)
"""公示: for how long the candidates are on public display."""
CANDIDATES_ANSWER = LegalPeriod("candidates_answer", Bound.AT_MOST, legal_clock.TO_ANSWER, BIDDING_RULES, 54)
"""From an objection to the outcome of the evaluation to its answer."""
CONTRACT = LegalPeriod("contract", Bound.AT_MOST, legal_clock.TO_CONTRACT, BIDDING_LAW, 46)
"""From the notice of award to the contract."""
REFUND = LegalPeriod("refund", Bound.AT_MOST, legal_clock.TO_REFUND, BIDDING_RULES, 57)
"""From the contract to the return of the deposits, with the bank's interest."""

PERIODS = (
    BIDDING, CLARIFICATION, DOCUMENTS_ANSWER, PUBLICITY_BEGINS, PUBLICITY, CANDIDATES_ANSWER, CONTRACT, REFUND,
)  # fmt: skip


class Verdict(StrEnum):
    """How a period stands."""

    KEPT = "kept"
    """符合."""
    SHORT = "short"
    """不足: fewer days than the law asks for."""
    LATE = "late"
    """逾期: done after the last day."""
    RUNNING = "running"
    """进行中: not done yet, and not late."""
    OVERDUE = "overdue"
    """逾期未办: not done, and the last day is over."""
    OVER = "over"
    """已过末日: past the last day, but a public holiday may have moved it, and no table of them is set."""


BROKEN = frozenset({Verdict.SHORT, Verdict.LATE, Verdict.OVERDUE})


def last_moment(since: datetime, days: int, holidays: Set[date] = NO_HOLIDAYS) -> datetime:
    """The end of the last day of `days` counted from `since`: 24:00, moved past days of rest (民法典 art. 203)."""
    return _end(day_of(since), days, frozenset(holidays))


@lru_cache(1024)
def _end(day: date, days: int, holidays: frozenset[date]) -> datetime:
    """Found once for all that begins on one day: after a late day of refunds each deposit is judged by itself."""
    return start_of(legal_clock.last_day(start_of(day), days, holidays) + timedelta(days=1))


@dataclass(frozen=True)
class Measured:
    """A period of law as it went in one lot, seen at one moment."""

    period: LegalPeriod
    since: datetime
    until: datetime | None
    """When it was done; None: not yet. A time ahead is one that is announced."""
    due: datetime
    """At least: the first day that is long enough begins. At most: the last day has ended."""
    verdict: Verdict

    @property
    def days(self) -> int | None:
        """Days it took; None while it runs."""
        return None if self.until is None else days_between(self.since, self.until)

    @property
    def broken(self) -> bool:
        """Whether the law was not kept."""
        return self.verdict in BROKEN


def measure(
    period: LegalPeriod,
    since: datetime,
    until: datetime | None,
    at: datetime,
    holidays: Set[date] = NO_HOLIDAYS,
) -> Measured:
    """How a period that began at `since` and was done at `until` stands at the moment `at`."""
    if period.bound is Bound.AT_LEAST:
        due = start_of(since.astimezone(BEIJING).date() + timedelta(days=period.days))
        return Measured(period, since, until, due, _at_least(period, since, until, at))
    due = last_moment(since, period.days, holidays)
    return Measured(period, since, until, due, _at_most(due, until, at, holidays))


def owed(last: datetime, done: datetime | None, at: datetime, holidays: Set[date] = NO_HOLIDAYS) -> Verdict:
    """How something stands that was to be done on the day of `last`, as a source tells it: by the same count as `measure`,
    up to 24:00 of that day, later where it is a day of rest."""
    return _at_most(last_moment(last, 0, holidays), done, at, holidays)


def surely_late(at: datetime, holidays: Set[date] = NO_HOLIDAYS) -> datetime:
    """What was to be done before this moment and is not, is overdue at `at` (`owed` says Verdict.OVERDUE): for queries."""
    today = at.astimezone(BEIJING).date()
    grace = 0 if holidays else legal_clock.LONGEST_REST
    return start_of(legal_clock.earliest_running(today - timedelta(days=grace), holidays))


def _at_most(due: datetime, until: datetime | None, at: datetime, holidays: Set[date]) -> Verdict:
    done = until if until is not None and until <= at else None
    if (done or at) < due:
        return Verdict.KEPT if done else Verdict.RUNNING
    sure = bool(holidays) or days_between(due, done or at) >= legal_clock.LONGEST_REST
    if not sure:
        return Verdict.OVER
    return Verdict.LATE if done else Verdict.OVERDUE


def _at_least(period: LegalPeriod, since: datetime, until: datetime | None, at: datetime) -> Verdict:
    """A span whose end is announced is judged at once: too short is too short before it is over."""
    if until is None:
        return Verdict.RUNNING
    if days_between(since, until) < period.days:
        return Verdict.SHORT
    return Verdict.KEPT if until <= at else Verdict.RUNNING


def holidays_of(text: str) -> frozenset[date]:
    """Legal holidays 法定休假日 from days and spans of days, "2027-01-01 2027-02-05/2027-02-11".

    Raises ValueError naming the part that is no day and no span.
    """
    found: set[date] = set()
    for part in text.split():
        first, _, last = part.partition("/")
        try:
            begin = date.fromisoformat(first)
            span = (date.fromisoformat(last) - begin).days if last else 0
        except ValueError:
            raise ValueError(part) from None
        if span < 0:
            raise ValueError(part)
        found |= {begin + timedelta(days=n) for n in range(span + 1)}
    return frozenset(found)
