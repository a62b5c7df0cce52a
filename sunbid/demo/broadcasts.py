"""Broadcasts 直播场次 the small market's own hub would have left behind: two in three of its past openings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.broadcast import BroadcastSession
from sunbid.demo import market
from sunbid.demo.lots import LotPlan

SHARE = 2 / 3
BROKEN = 0.08
"""How often one was interrupted."""


def leave(session: Session, plans: Iterable[LotPlan], now: datetime) -> None:
    """Write those that are not there yet, in the caller's transaction, of the openings that come without a log.

    Their recordings have been disposed of, as most of the past have.
    """
    held = set(session.scalars(select(BroadcastSession.opening_id)))
    session.add_all(
        _broadcast(plan, rng)
        for plan in plans
        if plan.deadline <= now - market.LOGGED and not plan.fails and plan.opening_key not in held
        if (rng := Random(f"broadcast/{plan.tag}")).random() < SHARE
    )


def _broadcast(plan: LotPlan, rng: Random) -> BroadcastSession:
    seconds = market.real_pace(plan).read_each * len(plan.bids) + rng.uniform(600, 1_200)
    return BroadcastSession(
        id=f"ZB-{plan.opening_key}", opening_id=plan.opening_key, room_id=plan.room, state="ended",
        live_at=plan.deadline, ended_at=plan.deadline + timedelta(seconds=seconds), seconds_live=seconds,
        interruptions=int(rng.random() < BROKEN),
    )  # fmt: skip
