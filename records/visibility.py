"""From when may whom see a datum of a lot: the one place that decides.

The table follows the law: bidders' names and number are secret before the deadline (招标投标法 art. 22,
52), the base price is published at the opening (art. 22; 实施条例 art. 50), evaluation is confidential
(art. 37, 38, 44), candidates are public from their publicity (实施条例 art. 54), contracts after the award
(政府采购法实施条例 art. 50), decisions on complaints are published and who complained never is (实施条例
art. 60-62), personal data never (个人信息保护法 art. 6, 25).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, false, or_, true
from sqlalchemy.orm import aliased

from records.clock import now
from records.lots import FIRST_MOMENT as FIRST_MOMENT
from records.lots import deadline_passed, none_ahead, one_ahead
from records.tables.money import Award
from records.tables.openings import Opening
from records.tables.projects import Lot


class Audience(StrEnum):
    """Who asks."""

    PUBLIC = "public"
    SUPERVISOR = "supervisor"


class Datum(StrEnum):
    """What is asked for."""

    NOTICE = "notice"
    CONTROL_PRICE = "control_price"
    SCHEDULE = "schedule"
    BASE_PRICE = "base_price"
    BIDDER_COUNT = "bidder_count"
    BIDDER_NAMES = "bidder_names"
    DEPOSITS = "deposits"
    BID_PRICES = "bid_prices"
    COEFFICIENT = "coefficient"
    OPENING_PROCESS = "opening_process"
    LOT_OUTCOME = "lot_outcome"
    """What became of a lot where that hangs on who bid: failed 流标, opened, awarded, and a paper that says so."""
    BID_FILES = "bid_files"
    EVALUATION = "evaluation"
    """That an evaluation is held: its sites, rooms and seats, and when it is drawn for, begins and ends; never who."""
    EXPERTS = "experts"
    SCORES = "scores"
    CANDIDATES = "candidates"
    AWARD = "award"
    CONTRACT = "contract"
    OBJECTIONS = "objections"
    """What an objection or complaint says."""
    DECISIONS = "decisions"
    """What was decided on it; one raised and answered on the spot is part of the opening's process."""
    OPINIONS = "opinions"
    """The text the office releases of an opinion of society 社会监督意见."""
    WARNINGS = "warnings"
    PERSONAL = "personal"


class Moment(StrEnum):
    """The moments of a lot's life that lift secrecy."""

    ALWAYS = "always"
    DEADLINE = "deadline"
    BIDDERS_PUBLISHED = "bidders_published"
    PRICES_READ = "prices_read"
    PUBLICITY = "publicity"
    AWARDED = "awarded"
    NEVER = "never"


@dataclass(frozen=True)
class LotClock:
    """When the moments of one lot happened; None = not yet. `deadline`: the one in force (`records.lots`), None = unknown."""

    deadline: datetime | None = None
    bidders_published: datetime | None = None
    prices_read: datetime | None = None
    publicity: datetime | None = None
    awarded: datetime | None = None


TABLE: Mapping[Datum, Mapping[Audience, Moment]] = {
    Datum.NOTICE: {Audience.PUBLIC: Moment.ALWAYS, Audience.SUPERVISOR: Moment.ALWAYS},
    Datum.CONTROL_PRICE: {Audience.PUBLIC: Moment.ALWAYS, Audience.SUPERVISOR: Moment.ALWAYS},
    Datum.SCHEDULE: {Audience.PUBLIC: Moment.ALWAYS, Audience.SUPERVISOR: Moment.ALWAYS},
    Datum.BASE_PRICE: {
        Audience.PUBLIC: Moment.BIDDERS_PUBLISHED,
        Audience.SUPERVISOR: Moment.BIDDERS_PUBLISHED,
    },
    Datum.BIDDER_COUNT: {Audience.PUBLIC: Moment.BIDDERS_PUBLISHED, Audience.SUPERVISOR: Moment.DEADLINE},
    Datum.BIDDER_NAMES: {Audience.PUBLIC: Moment.BIDDERS_PUBLISHED, Audience.SUPERVISOR: Moment.DEADLINE},
    Datum.DEPOSITS: {Audience.PUBLIC: Moment.NEVER, Audience.SUPERVISOR: Moment.DEADLINE},
    Datum.BID_PRICES: {Audience.PUBLIC: Moment.PRICES_READ, Audience.SUPERVISOR: Moment.PRICES_READ},
    Datum.COEFFICIENT: {
        Audience.PUBLIC: Moment.BIDDERS_PUBLISHED,
        Audience.SUPERVISOR: Moment.BIDDERS_PUBLISHED,
    },
    Datum.OPENING_PROCESS: {Audience.PUBLIC: Moment.DEADLINE, Audience.SUPERVISOR: Moment.DEADLINE},
    Datum.LOT_OUTCOME: {Audience.PUBLIC: Moment.DEADLINE, Audience.SUPERVISOR: Moment.DEADLINE},
    Datum.BID_FILES: {Audience.PUBLIC: Moment.NEVER, Audience.SUPERVISOR: Moment.PRICES_READ},
    Datum.EVALUATION: {Audience.PUBLIC: Moment.NEVER, Audience.SUPERVISOR: Moment.DEADLINE},
    Datum.EXPERTS: {Audience.PUBLIC: Moment.AWARDED, Audience.SUPERVISOR: Moment.AWARDED},
    Datum.SCORES: {Audience.PUBLIC: Moment.NEVER, Audience.SUPERVISOR: Moment.AWARDED},
    Datum.CANDIDATES: {Audience.PUBLIC: Moment.PUBLICITY, Audience.SUPERVISOR: Moment.PUBLICITY},
    Datum.AWARD: {Audience.PUBLIC: Moment.AWARDED, Audience.SUPERVISOR: Moment.AWARDED},
    Datum.CONTRACT: {Audience.PUBLIC: Moment.AWARDED, Audience.SUPERVISOR: Moment.AWARDED},
    Datum.OBJECTIONS: {Audience.PUBLIC: Moment.NEVER, Audience.SUPERVISOR: Moment.ALWAYS},
    Datum.DECISIONS: {Audience.PUBLIC: Moment.AWARDED, Audience.SUPERVISOR: Moment.ALWAYS},
    Datum.OPINIONS: {Audience.PUBLIC: Moment.ALWAYS, Audience.SUPERVISOR: Moment.ALWAYS},
    Datum.WARNINGS: {Audience.PUBLIC: Moment.NEVER, Audience.SUPERVISOR: Moment.DEADLINE},
    Datum.PERSONAL: {Audience.PUBLIC: Moment.NEVER, Audience.SUPERVISOR: Moment.NEVER},
}

TELLS_WHO_BIDS = frozenset(
    {
        Datum.BASE_PRICE, Datum.BIDDER_COUNT, Datum.BIDDER_NAMES, Datum.DEPOSITS, Datum.BID_PRICES, Datum.BID_FILES,
        Datum.WARNINGS,
    }
)  # fmt: skip
"""What is known to the platform before the opening already."""

NO_MOMENT = datetime(9999, 12, 31, tzinfo=UTC)
"""What "secret, and nobody knows until when" means as a time."""


def visible_from(datum: Datum, lot: LotClock, audience: Audience = Audience.PUBLIC) -> datetime | None:
    """The moment from which `audience` may see `datum`; None while it is secret without a known end.

    Nothing that depends on bidders is visible before the deadline even if an event that would
    reveal it was (wrongly) stamped earlier.
    """
    moment = TABLE[datum][audience]
    if moment is Moment.ALWAYS:
        return FIRST_MOMENT
    if moment is Moment.NEVER:
        return None
    if lot.deadline is None and _waits_for_a_deadline(datum, audience):
        return None
    deadline = lot.deadline or FIRST_MOMENT
    reached: datetime | None = deadline if moment is Moment.DEADLINE else getattr(lot, moment.value)
    return None if reached is None else max(reached, deadline)


def _waits_for_a_deadline(datum: Datum, audience: Audience) -> bool:
    """Whether a datum stays secret while no deadline is known.

    To the public everything does. Supervisors see at once what comes into being only with the opening or after it.
    """
    return audience is Audience.PUBLIC or datum in TELLS_WHO_BIDS


def published_from(datum: Datum, lot: LotClock, published: datetime | None) -> datetime | None:
    """The moment from which the public may see what bears a date of its own: a notice, a contract, a decision.

    Never before `published`; None while it has no date or `datum` is still secret.
    """
    since = visible_from(datum, lot)
    return None if since is None or published is None else max(since, published)


def is_visible(
    datum: Datum, lot: LotClock, audience: Audience = Audience.PUBLIC, at: datetime | None = None
) -> bool:
    """Whether `audience` may see `datum` at the moment `at` (default: now)."""
    since = visible_from(datum, lot, audience)
    return since is not None and since <= (at or now())


BEFORE_THE_DEADLINE = frozenset({"draft", "bidding", "paused", "terminated"})
"""States of a lot that say nothing of who bid; any other is its outcome."""
PLAIN_NOTICES = frozenset({"documents", "tender", "change"})
"""Notices that say nothing of who bid."""


def status_from(status: str, deadline: datetime | None) -> datetime:
    """The moment from which the public may know a lot's status; `deadline` None: nothing to wait for is known."""
    if status in BEFORE_THE_DEADLINE or deadline is None:
        return FIRST_MOMENT
    return visible_from(Datum.LOT_OUTCOME, LotClock(deadline=deadline)) or NO_MOMENT


def notice_from(
    kind: str, status: str, deadline: datetime | None, published: datetime | None
) -> datetime | None:
    """The moment from which the public may see a notice of a lot.

    Result, candidates and termination tell how many bid, so they wait for the deadline, whatever their date
    says; a termination that the tenderer has decided (实施条例 art. 31), the lot being terminated, does not.
    """
    plain = kind in PLAIN_NOTICES or (kind == "termination" and status == "terminated")
    if plain or deadline is None:
        return published_from(Datum.NOTICE, LotClock(deadline=deadline), published)
    return published_from(Datum.LOT_OUTCOME, LotClock(deadline=deadline), published)


# ── in SQL ───────────────────────────────────────────────────────────────────


def visible(
    datum: Datum,
    audience: Audience = Audience.SUPERVISOR,
    at: datetime | None = None,
    *,
    dated: Any = None,
) -> ColumnElement[bool]:
    """SQL over `Lot`: `is_visible` of a datum of the lot at the moment `at` (default: now).

    `dated`: the column that says when the datum itself came about (an award's date, say), where a query has it; without
    it the lot's openings and awards are asked.
    """
    instant, moment = at or now(), TABLE[datum][audience]
    if moment is Moment.NEVER:
        return false()
    since = true() if dated is None else dated <= instant
    if moment is Moment.ALWAYS:
        return and_(true(), since)
    waits = _waits_for_a_deadline(datum, audience)
    past = deadline_passed(instant) if waits else none_ahead(instant)
    if moment is Moment.DEADLINE or dated is not None:
        return and_(past, since)
    return and_(past, _reached(moment, instant))


def _reached(moment: Moment, at: datetime) -> ColumnElement[bool]:
    """SQL over `Lot`: its openings or awards say that a moment of its life has come."""
    said: dict[Moment, Callable[[], tuple[ColumnElement[bool], ...]]] = {
        Moment.BIDDERS_PUBLISHED: lambda: (_OPENED.lot_id == Lot.id, _OPENED.started_at <= at),
        Moment.PRICES_READ: lambda: (
            _OPENED.lot_id == Lot.id,
            _OPENED.ended_at <= at,
            _OPENED.result == "opened",
        ),
        Moment.PUBLICITY: lambda: (
            _SAID.lot_id == Lot.id,
            _SAID.publicity_from <= at,
            _SAID.status != "cancelled",
        ),
        Moment.AWARDED: lambda: (_SAID.lot_id == Lot.id, _SAID.awarded_at <= at, _SAID.status == "awarded"),
    }
    return exists().where(*said[moment]())


_OPENED, _SAID = aliased(Opening, name="opened"), aliased(Award, name="said")


def award_come(at: datetime | None = None) -> ColumnElement[bool]:
    """SQL over `Award`: it is not dated ahead; one without a date came with the outcome of its lot."""
    return or_(Award.awarded_at.is_(None), Award.awarded_at <= (at or now()))


def sealed(at: datetime | None = None) -> ColumnElement[bool]:
    """SQL over `Lot`: what became of it may not be told yet; the opposite of `visible(Datum.LOT_OUTCOME)`, found by
    the index on deadlines."""
    return one_ahead(at or now())


ALWAYS_ANNOUNCED = ("scheduled", "cancelled")
"""States of an opening that say nothing of who bid."""


def announced(at: datetime | None = None) -> ColumnElement[bool]:
    """SQL over `Opening` and its `Lot`: anybody may know of this opening. One told as a whole, ended, waits for the
    deadline: nobody has announced it."""
    return or_(
        Opening.head_seq > 0, Opening.state.in_(ALWAYS_ANNOUNCED), visible(Datum.OPENING_PROCESS, at=at)
    )


def visible_state(at: datetime | None = None) -> ColumnElement[str]:
    """SQL over `Opening` and its `Lot`: the state as far as it may be told, before the deadline no more than that
    the opening is announced."""
    return case(
        (or_(visible(Datum.LOT_OUTCOME, at=at), Opening.state.in_(ALWAYS_ANNOUNCED)), Opening.state),
        else_="scheduled",
    )


def visible_status(at: datetime | None = None) -> ColumnElement[str]:
    """SQL over `Lot`: its status as far as it may be told, before the deadline no outcome."""
    return case(
        (or_(visible(Datum.LOT_OUTCOME, at=at), Lot.status.in_(BEFORE_THE_DEADLINE)), Lot.status),
        else_="bidding",
    )


@dataclass(frozen=True)
class Progress:
    """How an opening stands, as far as it may be told."""

    state: str = "scheduled"
    stage: str = "waiting"
    result: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    head_hash: str | None = None
    """The end of its chain: before the deadline the number of sign-ins could be tried out on it."""


def visible_progress(opening: Opening, due: bool) -> Progress:
    """How an opening stands; `due`: the deadline of its lot is behind us (`Datum.OPENING_PROCESS`)."""
    if not due:
        return Progress(state=opening.state if opening.state in ALWAYS_ANNOUNCED else "scheduled")
    return Progress(
        opening.state, opening.stage, opening.result, opening.started_at, opening.ended_at, opening.head_hash
    )
