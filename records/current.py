"""Which opening a room is at: one rule for the hall, the rooms' pages, the desk and the commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from messages import Message
from records.administration import Disturbs
from records.clock import BEIJING, now
from records.tables.openings import Opening

RUNNING = frozenset({"in_progress", "paused"})
OVER = frozenset({"ended", "sealed"})
STANDBY = timedelta(minutes=30)
"""How long before its time an opening puts its room on standby 候播."""
OVERDUE = timedelta(hours=12)
"""How long an opening that has not begun keeps its room on standby."""
ENDED_SHOWN = timedelta(minutes=30)
"""How long a room shows that its opening has ended."""


@dataclass(frozen=True)
class Claim:
    """An opening as far as its claim to its room goes."""

    id: str
    state: str
    scheduled_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of_payload(cls, payload: Mapping[str, Any]) -> Claim:
        """Of an opening as the public reads it."""
        scheduled, started, ended = (
            datetime.fromisoformat(payload[key]) if payload[key] else None
            for key in ("scheduled_at", "started_at", "ended_at")
        )
        return cls(payload["id"], payload["state"], scheduled, started, ended)

    @classmethod
    def of_row(cls, opening: Opening) -> Claim:
        """Of an opening as the ledger holds it."""
        return cls(opening.id, opening.state, opening.scheduled_at, opening.started_at, opening.ended_at)

    def rank(self, instant: datetime) -> tuple[int, float, str] | None:
        """How strongly it claims its room at an instant, the least first; None: not at all."""
        if self.scheduled_at is None:
            return None
        if self.state in RUNNING:
            return 0, (self.started_at or self.scheduled_at).timestamp(), self.id
        if self.state == "scheduled" and instant - OVERDUE <= self.scheduled_at <= instant + STANDBY:
            return 1, self.scheduled_at.timestamp(), self.id
        if self.state in OVER and self.ended_at and instant - self.ended_at <= ENDED_SHOWN:
            return 2, -self.ended_at.timestamp(), self.id
        return None


def first(claims: Iterable[Claim], instant: datetime) -> str | None:
    """The opening a room is at, of all of that room: of those running the one that began first, else the one about
    to begin, else the one just over. No other takes the room from one that is running or paused."""
    ranked = [rank for claim in claims if (rank := claim.rank(instant)) is not None]
    return min(ranked)[2] if ranked else None


def upcoming(claims: Iterable[Claim], instant: datetime) -> str | None:
    """The next opening announced for a room, of all of that room."""
    ahead = [
        (claim.scheduled_at, claim.id)
        for claim in claims
        if claim.state == "scheduled" and claim.scheduled_at and claim.scheduled_at > instant - OVERDUE
    ]
    return min(ahead)[1] if ahead else None


def claiming(instant: datetime, until: datetime) -> ColumnElement[bool]:
    """In the ledger: what may claim its room at an instant, and what is announced until then."""
    return or_(
        Opening.state.in_(RUNNING),
        and_(Opening.state == "scheduled", Opening.scheduled_at.between(instant - OVERDUE, until)),
        and_(Opening.state.in_(OVER), Opening.ended_at >= instant - ENDED_SHOWN),
    )


def under_way(session: Session, of: ColumnElement[bool]) -> Opening | None:
    """The first opening that is running or about to begin, of those that are looked at."""
    instant = now()
    found = session.scalars(select(Opening).where(of, claiming(instant, instant + STANDBY)))
    live = {one.id: one for one in found if one.state not in OVER}
    key = first(map(Claim.of_row, live.values()), instant)
    return live[key] if key else None


def undisturbed(session: Session, of: ColumnElement[bool], what: Message, sure: bool) -> dict[str, Any]:
    """For acts that would cut an opening off. Raises Disturbs, naming it, where one is under way and the one who
    acts is not `sure`; else what the audit chain is to say of it."""
    opening = under_way(session, of)
    if opening is None:
        return {}
    if not sure:
        at = f"{opening.scheduled_at.astimezone(BEIJING):%H:%M}"
        raise Disturbs(
            Message(
                "records.disturbs",
                what=what,
                opening=opening.id,
                at=at,
                state=Message(f"site.opening.{opening.state}"),
            )
        )
    return {"during": opening.id}
