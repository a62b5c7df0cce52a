"""A deadline that was announced is not brought forward into the past: who bids would be public before its time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from messages import Message
from records.clock import now, rfc3339
from records.opening_checks import IllegalTransition
from records.tables.openings import Opening


class BroughtForward(IllegalTransition):
    """An announced time that is ahead, moved to one that has passed."""

    def __init__(self, what: Message, held: datetime, wanted: datetime, place: str) -> None:
        self.place = place
        super().__init__(
            Message(
                "state.brought_forward",
                what=what,
                held=rfc3339(held),
                wanted=rfc3339(wanted),
                now=rfc3339(now()),
            )
        )


def check(held: datetime | None, wanted: datetime, what: Message, place: str) -> None:
    """Raise BroughtForward where `held` is ahead and `wanted` has passed."""
    if held is not None and held > now() >= wanted:
        raise BroughtForward(what, held, wanted, place)


def check_opening_time(opening: Opening, wanted: datetime) -> None:
    """An opening that has been announced, announced anew."""
    if opening.head_seq:
        check(
            opening.scheduled_at,
            wanted,
            Message("state.opening_time", opening=opening.id),
            "data.scheduled_at",
        )


def check_lot(lot_id: str, held: datetime | None, wanted: datetime | None) -> datetime | None:
    """The deadline a lot has when a record says `wanted`: one that is left out stays while it is ahead."""
    if wanted is None:
        return held if held is not None and held > now() else None
    check(held, wanted, Message("state.lot_deadline", lot=lot_id), "data.deadline")
    return wanted


def announced_for(session: Session, lot_id: str) -> datetime | None:
    """The latest time any opening of a lot was announced for, one called off since too."""
    query = select(func.max(Opening.scheduled_at)).where(Opening.lot_id == lot_id, Opening.head_seq > 0)
    return session.scalar(query)
