"""The demonstration market: about 200 lots of the last 24 months in 14 centres and 22 of small value, and the days around today.

`generate` is pure: every lot follows from the seed and its day alone, every record carries the version
its phase of life has. So a later start gives the same records again (which the intake knows as
duplicates) and, on top of them, only what has happened since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from random import Random
from zlib import crc32

from messages import Invalid, Message
from records.clock import BEIJING
from sunbid.demo import envelopes, evaluations, opening_steps, papers, society
from sunbid.demo.envelopes import Envelope
from sunbid.demo.lots import RING_DIVISION, BidPlan, LotPlan, plan_lot
from sunbid.demo.people import People

SCALES = ("small", "city")
HISTORY = timedelta(days=730)
DAILY = 0.31
"""Lots on a working day of the past; 522 working days make about 160."""
BUSY_BEFORE, BUSY_AFTER = 2, 1
"""Days before and after today that are shown as busy as a real centre's."""
BUSY = 8
OPENING_TAKES = timedelta(minutes=30)
SLOW_ONE_IN, SLOW_REFUND = 7, timedelta(days=9)
"""One lot in so many returns its candidates' deposits so much later than the others."""
LOGGED = timedelta(days=30)
"""Openings of so many days past come step by step; older ones as ended, without a log."""
FOUNDED = datetime(2020, 1, 1, tzinfo=BEIJING)
PLANTED_DAYS = {
    20: "machine", 60: "ladder", 85: "steps", 120: "steps", 170: "ladder", 200: "account", 245: "steps",
}  # fmt: skip
"""Day of a 365-day round → what is planted on it: two of each day's in 24 months."""
RING_EVERY, RING_DAY = 56, 3
"""Days from one lot of the ring's own to the next, all on Wednesdays; they leave the turns of its five members to come
one after the other."""
PLANTED_BIDS = {"ladder": 5, "steps": 6, "ring": 8}
"""Bidders of a planted lot, where not twelve."""


def generate(
    scale: str, seed: int, now: datetime, also: Iterable[date] = (), since: date | None = None
) -> Iterator[Envelope]:
    """All records of the market as it stands at `now`, parents first.

    Of the city (sunbid.demo.city) only the days from `since` on, when it was built, which come on top of
    its history. `also` are further days to treat as busy: those an earlier start announced openings for.
    Raises ValueError for a scale that does not exist.
    """
    if scale not in SCALES:
        raise Invalid(Message("demo.unknown_scale", scale=scale, scales=list(SCALES)))
    people = People(seed)
    if scale == "small":
        yield from envelopes.centres_and_firms(people, FOUNDED)
        yield from society.ratings(people.agencies, now)
    yield from evaluations.rooms_and_experts(FOUNDED)
    yield from _in_order_of_time(plans(people, now, also, since), now, set(also))


def _in_order_of_time(lots: Iterable[LotPlan], now: datetime, days: set[date]) -> Iterator[Envelope]:
    known = list(lots)
    for plan in known:
        yield from envelopes.notice(plan)
    for plan in known:
        yield from _bids(plan, now)
    for plan in known:
        logged = plan.deadline > now - LOGGED or plan.deadline.date() in days
        yield from _openings(plan, now) if logged else _past(plan)
    for plan in known:
        yield from _decided(plan, now)
        yield from papers.papers(plan, now)
    yield from evaluations.every(known, now)
    yield from society.opinions(known, now)
    yield from society.visits(known, now)


def real_pace(plan: LotPlan) -> opening_steps.Pace:
    """How fast an opening without pictures runs: as in a real room."""
    return opening_steps.paced(plan, opening_steps.REAL, opening_steps.REAL_READING)


def is_over(plan: LotPlan, now: datetime) -> bool:
    """Whether its opening has ended for sure; one that would be under way now is played by the script."""
    return plan.deadline + OPENING_TAKES <= now


def plans(
    people: People, now: datetime, also: Iterable[date] = (), since: date | None = None
) -> Iterator[LotPlan]:
    """The lots of the market in order of their deadlines' days; from `since` on every working day is busy."""
    today = now.astimezone(BEIJING).date()
    busy = {today + timedelta(days=i) for i in range(-BUSY_BEFORE, BUSY_AFTER + 1)} | set(also)
    day = min(since or today - HISTORY, *busy)
    while day <= max(busy):
        working = since is not None and day >= since and day.weekday() < 5
        yield from _day(people, day, working or day in busy)
        day += timedelta(days=1)


def around(people: People, now: datetime) -> Iterator[LotPlan]:
    """The lots of yesterday, today and tomorrow."""
    today = now.astimezone(BEIJING).date()
    for offset in range(-1, BUSY_AFTER + 1):
        yield from _day(people, today + timedelta(days=offset), True)


def _day(people: People, day: date, busy: bool) -> Iterator[LotPlan]:
    rng = Random(f"{people.seed}/day/{day}")
    usual = 0
    if day.weekday() < 5:
        usual = int(DAILY + rng.random())
    planted = PLANTED_DAYS.get(day.toordinal() % 365)
    if planted:
        yield plan_lot(
            people, f"{day:%Y%m%d}-0", _slot(day, 3), planted=planted, bids=PLANTED_BIDS.get(planted, 12)
        )
    if day.toordinal() % RING_EVERY == RING_DAY:
        yield plan_lot(
            people,
            f"{day:%Y%m%d}-R",
            _slot(day, 11),
            division=RING_DIVISION,
            planted="ring",
            bids=PLANTED_BIDS["ring"],
        )
    for number in range(1, (BUSY if busy else usual) + 1):
        tag = f"{day:%Y%m%d}-{number}"
        yield plan_lot(people, tag, _slot(day, rng.randrange(3) + number * 2))


def _slot(day: date, number: int) -> datetime:
    """Half hours from 9:00 on, at most 17:30."""
    return datetime.combine(day, time(9), BEIJING) + timedelta(minutes=30 * (number % 18))


def _bids(plan: LotPlan, now: datetime) -> Iterator[Envelope]:
    """What was received and opened, and the deposits with their refunds as far as they have come."""
    if not is_over(plan, now):
        return
    best = {bid.key for bid in plan.ranking()[:3]}
    for bid in plan.bids:
        if plan.fails:
            yield envelopes.sealed_bid(plan, bid)
        else:
            yield envelopes.opened_bid(plan, bid, plan.deadline + OPENING_TAKES / 2)
    for bid in plan.bids:
        refunded = plan.deadline + _refund_wait(plan, bid, bid.key in best)
        yield envelopes.deposit(plan, bid, refunded if refunded <= now else None)


def _refund_wait(plan: LotPlan, bid: BidPlan, candidate: bool) -> timedelta:
    """From the deadline to the return of a deposit; a few are late."""
    wait = envelopes.WINNER_REFUND if candidate else envelopes.LOSERS_REFUND
    late = SLOW_REFUND if candidate and crc32(plan.key.encode()) % SLOW_ONE_IN == 0 else timedelta()
    return wait + late + timedelta(hours=int(bid.firm.fact("refund", 2), 16) % 40)


def _openings(plan: LotPlan, now: datetime) -> Iterator[Envelope]:
    yield envelopes.opening(plan)
    if is_over(plan, now):
        for step in opening_steps.steps(plan, real_pace(plan)):
            yield step.event


def _past(plan: LotPlan) -> Iterator[Envelope]:
    """An opening of the past as a platform hands over its archive: when and how it ended, without its log."""
    *_, last = opening_steps.steps(plan, real_pace(plan))
    yield envelopes.opening(plan, last.at, "failed" if plan.fails else "opened")


PHASES = (("evaluating", 0.2), ("publicity", 2), ("awarded", 6), ("contracted", 35))
"""Status of a lot after its opening → days after the deadline from which it holds."""


def _decided(plan: LotPlan, now: datetime) -> Iterator[Envelope]:
    if plan.fails or not is_over(plan, now):
        return
    reached = [
        (version, status, plan.deadline + timedelta(days=days))
        for version, (status, days) in enumerate(PHASES, 2)
        if plan.deadline + timedelta(days=days) <= now
    ]
    if not reached or not plan.ranking():
        return
    version, status, at = reached[-1]
    yield envelopes.envelope("lot", plan.key, version, at, envelopes.lot_data(plan, status))
    for rank, bid in enumerate(plan.ranking()[:3], 1):
        if version >= 4 and rank == 1:
            yield envelopes.award(plan, bid, rank, plan.deadline + timedelta(days=6))
        elif version >= 3:
            yield envelopes.award(plan, bid, rank, None)
