"""Which opening a room is at: one rule for the hall, the rooms' pages, the desk and the commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from messages import Message
from records.administration import Disturbs
from records.clock import BEIJING, day_of, end_of, now, start_of
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

    def on(self, day: date) -> bool:
        """Whether it is, or was, to be held on a day."""
        return (
            self.state != "cancelled" and self.scheduled_at is not None and day_of(self.scheduled_at) == day
        )

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


def on_air(claims: Iterable[Claim], instant: datetime) -> bool:
    """Whether the public may see what the cameras of a room send, by all claims to that room: while an opening is going
    on, and in a room that none claims at the instant and none is held in on that day.

    The opening is public (招标投标法第三十四条); before it nobody may learn how many bidders there are (第二十二条), so who
    walks in to sign in is not shown, nor who stays when it is over.
    """
    held = list(claims)
    if any(claim.state in RUNNING for claim in held):
        return True
    return not any(claim.on(day_of(instant)) or claim.rank(instant) for claim in held)


def room_on_air(session: Session, room_id: str) -> bool:
    """The same by the ledger."""
    instant, day = now(), day_of(now())
    near = or_(claiming(instant, instant + STANDBY), Opening.scheduled_at.between(start_of(day), end_of(day)))
    found = session.scalars(select(Opening).where(Opening.room_id == room_id, near))
    return on_air(map(Claim.of_row, found), instant)


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
