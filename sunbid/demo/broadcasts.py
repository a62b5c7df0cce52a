"""Broadcasts 直播场次 the small market's own hub would have left behind: two in three of its past openings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.tables.broadcast import BroadcastSession, Viewing
from sunbid.demo import market
from sunbid.demo.audiences import audience
from sunbid.demo.lots import LotPlan

EVERY = 3
"""One in so many was not broadcast."""
SETTLED = timedelta(days=1)
"""An opening of the day may still be going on."""
BROKEN = 0.08
"""How often one was interrupted."""


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


def _on_air(plans: Iterable[LotPlan]) -> Iterator[LotPlan]:
    """Two in three of every month, in order, so that a later start chooses the same."""
    months: dict[int, int] = defaultdict(int)
    for plan in sorted(plans, key=lambda plan: (plan.deadline, plan.tag)):
        month = plan.deadline.year * 12 + plan.deadline.month
        if (months[month] + month) % EVERY:
            yield plan
        months[month] += 1


def _broadcast(plan: LotPlan, rng: Random) -> BroadcastSession:
    seconds = market.real_pace(plan).read_each * len(plan.bids) + rng.uniform(600, 1_200)
    breaks = int(rng.random() < BROKEN)
    lost = breaks * rng.uniform(5, 40)
    return BroadcastSession(
        id=f"ZB-{plan.opening_key}", opening_id=plan.opening_key, room_id=plan.room, state="ended",
        live_at=plan.deadline, ended_at=plan.deadline + timedelta(seconds=seconds + lost), seconds_live=seconds,
        interruptions=breaks,
    )  # fmt: skip
