"""The law's clock 法定期限 of a lot: what the law sets between its steps, what was measured, whether it is kept.

The one home of these spans: the project's public page, figures and rules ask here. Days are counted as the Civil Code
does (民法典 art. 201, 203): by the Beijing calendar, the first day not counted; where the last day is a day of rest, the
next working day is the last. `records.legal_periods` measures the same spans one by one for a lot's life line.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from records.clock import BEIJING
from records.law import BIDDING_LAW, BIDDING_RULES, Article

TO_BID = 20
"""Days from the tender documents to the deadline, at the least (招标投标法 art. 24)."""
TO_CHANGE = 15
"""Days from a change of the tender documents to the deadline, at the least (招标投标法 art. 23)."""
PUBLICITY = 3
"""Days the candidates are public, at the least (实施条例 art. 54)."""
TO_PUBLICITY = 3
"""Days from the report of the evaluation to the publicity of the candidates, at the most (实施条例 art. 54)."""
TO_ANSWER = 3
"""Days to answer an objection to the documents or to the candidates, at the most (实施条例 art. 22, 54)."""
TO_CONTRACT = 30
"""Days from the award to the contract, at the most (招标投标法 art. 46)."""
TO_REFUND = 5
"""Days from the contract to the return of the deposits, at the most (实施条例 art. 57)."""
FEWEST_BIDDERS = 3
"""Bidders without whom a lot is not opened (招标投标法 art. 28, 实施条例 art. 44)."""
TENDERED = frozenset({"open", "selective"})
"""Methods in which bids are invited, for which the law sets these spans."""
TENDERED_FAMILIES = frozenset({"works", "procurement"})
"""Trades that are tendered; land and property are sold under rules of their own."""
SOON = 3
"""Days before its last day from which a span that is running is said to end soon."""
LONGEST_REST = 9
"""Days by which a last day may move: a public holiday with the days of rest around it. Which days these are is published
year by year and not known here, so that nothing is called late before they are over."""
SATURDAY = 5

ARTICLES = {
    "to_bid": Article(BIDDING_LAW, [24]),
    "change": Article(BIDDING_LAW, [23]),
    "opening": Article(BIDDING_LAW, [34]),
    "bidders": Article(BIDDING_RULES, [44]),
    "publicity": Article(BIDDING_RULES, [54]),
    "award": Article(BIDDING_RULES, [54, 55]),
    "contract": Article(BIDDING_LAW, [46]),
    "contract_due": Article(BIDDING_LAW, [46]),
}
"""Span → the article that sets it."""


@dataclass(frozen=True)
class Steps:
    """When the steps of a lot's life happened; None: not yet, or nobody has told."""

    notice: datetime | None = None
    change: datetime | None = None
    """The last change of the tender documents before the deadline."""
    deadline: datetime | None = None
    opening: datetime | None = None
    """What the opening was announced for."""
    bidders: int | None = None
    """How many bids were opened; None: none, or nobody has told."""
    publicity_from: datetime | None = None
    publicity_until: datetime | None = None
    award: datetime | None = None
    contract: datetime | None = None
    tendered: bool = True
    """Whether bids were invited (`is_tendered`): the spans before the deadline hold only then."""
    ended: bool = False
    """Failed, void, terminated, or known to be under contract: nothing runs any more."""


class Kept(StrEnum):
    """How a span stands."""

    KEPT = "kept"
    BROKEN = "broken"
    RUNNING = "running"
    SOON = "soon"
    """Running, and its last day is near."""
    OVER = "over"
    """Its last day is past, but may have been moved by a public holiday."""
    LATE = "late"


@dataclass(frozen=True)
class Span:
    """One span of the law as it stands in a lot. Its words: `law.<id>.<kept>`, of what was measured `law.<id>.measured`;
    its article: `ARTICLES`."""

    id: str
    kept: Kept
    limit: int | None = None
    """Days the law sets, or bidders; None where it asks for a moment."""
    days: int | None = None
    """Days or bidders measured; of a span that runs, days left; of one that is over, days since. Minutes where `limit` is None."""
    last: date | None = None
    """The last day of a span that is running or over."""


def is_tendered(method: str | None, family: str | None) -> bool:
    """Whether the law's spans before the deadline hold for a lot."""
    return method in TENDERED and family in TENDERED_FAMILIES


def days_between(first: datetime, last: datetime) -> int:
    """Days of the Beijing calendar between two moments, the first day not counted (民法典 art. 201)."""
    return (last.astimezone(BEIJING).date() - first.astimezone(BEIJING).date()).days


def first_day(begun: datetime, days: int) -> date:
    """The earliest Beijing day on which a span of at least `days` has run; `days_between` counts the same way."""
    return begun.astimezone(BEIJING).date() + timedelta(days=days)


def last_day(begun: datetime, days: int, holidays: Set[date] = frozenset()) -> date:
    """The last day of a span of `days`, moved past weekends and the public holidays that are known (民法典 art. 203)."""
    day = begun.astimezone(BEIJING).date() + timedelta(days=days)
    while day.weekday() >= SATURDAY or day in holidays:
        day += timedelta(days=1)
    return day


def earliest_running(day: date, holidays: Set[date] = frozenset()) -> date:
    """The earliest day whose `last_day` is not before `day`: what was to be done on an earlier one is past its last day."""
    while (before := day - timedelta(days=1)).weekday() >= SATURDAY or before in holidays:
        day = before
    return day


def spans(steps: Steps, today: date) -> dict[str, Span]:
    """The spans of a lot that have been measured or are running on Beijing day `today`, by their ids, in order."""
    return {span.id: span for span in _spans(steps, today)}


def _spans(steps: Steps, today: date) -> Iterator[Span]:
    if steps.tendered:
        yield from _at_least("to_bid", TO_BID, steps.notice, steps.deadline)
        yield from _at_least("change", TO_CHANGE, steps.change, steps.deadline)
    if steps.opening and steps.deadline:
        minutes = int((steps.opening - steps.deadline).total_seconds() // 60)
        yield Span("opening", Kept.BROKEN if minutes else Kept.KEPT, days=minutes)
    if steps.tendered and steps.bidders is not None and steps.bidders < FEWEST_BIDDERS:
        yield Span("bidders", Kept.BROKEN, FEWEST_BIDDERS, steps.bidders)
    yield from _at_least("publicity", PUBLICITY, steps.publicity_from, steps.publicity_until)
    if steps.publicity_until and steps.award:
        days = days_between(steps.publicity_until, steps.award)
        yield Span("award", Kept.BROKEN if steps.award < steps.publicity_until else Kept.KEPT, days=days)
    if steps.award:
        yield from _contract(steps.award, steps, today)


def _at_least(name: str, limit: int, first: datetime | None, last: datetime | None) -> Iterator[Span]:
    if first is not None and last is not None and last >= first:
        days = days_between(first, last)
        yield Span(name, Kept.KEPT if days >= limit else Kept.BROKEN, limit, days)


def _contract(award: datetime, steps: Steps, today: date) -> Iterator[Span]:
    last = last_day(award, TO_CONTRACT)
    if steps.contract is not None:
        signed = steps.contract.astimezone(BEIJING).date()
        kept = _past(signed, last) or Kept.KEPT
        yield Span("contract", kept, TO_CONTRACT, days_between(award, steps.contract), last)
    elif not steps.ended:
        left = (last - today).days
        kept = _past(today, last) or (Kept.SOON if left <= SOON else Kept.RUNNING)
        yield Span("contract_due", kept, TO_CONTRACT, abs(left), last)


def _past(day: date, last: date) -> Kept | None:
    """Whether a day lies after the last day of a span: surely, or unless a public holiday has moved it; else None."""
    if day <= last:
        return None
    return Kept.LATE if (day - last).days > LONGEST_REST else Kept.OVER
