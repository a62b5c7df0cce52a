"""What the demonstration's own hub would have left behind: broadcasts 直播场次 of two in three of the small market's past
openings, and which rooms had pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from random import Random

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from records.clock import BEIJING, day_of
from records.tables.broadcast import BroadcastSession, RoomPicture, Viewing
from records.tables.organisations import Room
from sunbid.demo import market
from sunbid.demo.audiences import audience
from sunbid.demo.lots import LotPlan

EVERY = 3
"""One in so many was not broadcast."""
SETTLED = timedelta(days=1)
"""An opening of the day may still be going on."""
BROKEN = 0.08
"""How often one was interrupted."""
TRIED = time(8, 20)
"""When the cameras are tried, before the first opening."""
OUT_OF, FAULTY, FAULTY_FOR = 14, 9, timedelta(days=7)
"""One room in fourteen has had no picture for a week."""
MORNINGS = 400
"""For how many days back the small market tells of it."""


def leave(session: Session, plans: Iterable[LotPlan], now: datetime) -> None:
    """Write those that are not there yet, in the caller's transaction, of the openings before today.

    Their recordings have been disposed of, as most of the past have.
    """
    held = set(session.scalars(select(BroadcastSession.opening_id)))
    past = (plan for plan in plans if plan.deadline <= now - SETTLED and not plan.fails)
    for plan in _on_air(past):
        if plan.opening_key not in held:
            session.add(one := _broadcast(plan, Random(f"broadcast/{plan.tag}")))
            session.add(
                Viewing(**audience(plan.opening_key, len(plan.bids), one.seconds_live, plan.deadline))
            )


def leave_pictures(session: Session, days: Iterable[date], now: datetime) -> None:
    """Write that the cameras were tried on the mornings of those days, where nothing is written yet; some of this last week
    in vain."""
    query = select(Room.id).where(Room.kind == "opening", Room.public_allowed.is_(True)).order_by(Room.id)
    rooms = list(session.scalars(query))
    held = {(room, day) for room, day in session.execute(select(RoomPicture.room_id, RoomPicture.day))}
    rows = [
        {"room_id": room, "day": day, "seen_at": at}
        for day in sorted(set(days))
        if (at := datetime.combine(day, TRIED, BEIJING)) <= now
        for number, room in enumerate(rooms)
        if (room, day) not in held and not (number % OUT_OF == FAULTY and now - at < FAULTY_FOR)
    ]
    if rows:
        session.execute(insert(RoomPicture), rows)


def _on_air(plans: Iterable[LotPlan]) -> Iterator[LotPlan]:
    """Two in three of every month, in order, so that a later start chooses the same."""
    months: dict[int, int] = defaultdict(int)
    for plan in sorted(plans, key=lambda plan: (plan.deadline, plan.tag)):
        month = plan.deadline.year * 12 + plan.deadline.month
        if (months[month] + month) % EVERY:
            yield plan
        months[month] += 1


def mornings(now: datetime) -> Iterator[date]:
    """The last days, today among them."""
    return (day_of(now) - timedelta(days=back) for back in range(MORNINGS))


def _broadcast(plan: LotPlan, rng: Random) -> BroadcastSession:
    seconds = market.real_pace(plan).read_each * len(plan.bids) + rng.uniform(600, 1_200)
    breaks = int(rng.random() < BROKEN)
    lost = breaks * rng.uniform(5, 40)
    return BroadcastSession(
        id=f"ZB-{plan.opening_key}", opening_id=plan.opening_key, room_id=plan.room, state="ended",
        live_at=plan.deadline, ended_at=plan.deadline + timedelta(seconds=seconds + lost), seconds_live=seconds,
        interruptions=breaks,
    )  # fmt: skip
