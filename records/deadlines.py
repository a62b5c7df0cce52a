"""A deadline that was announced is not brought forward into the past: who bids would be public before its time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.clock import now, rfc3339
from records.sequence import IllegalTransition
from records.tables.openings import Opening


class BroughtForward(IllegalTransition):
    """An announced time that is ahead, moved to one that has passed."""

    def __init__(self, what: str, held: datetime, wanted: datetime, place: str) -> None:
        self.place = place
        super().__init__(
            f"{what}已公布为 {rfc3339(held)}，不能提前到已经过去的 {rfc3339(wanted)}；请改为现在 {rfc3339(now())} 之后的时间"
            " / announced for a time ahead, it cannot be moved to one that has passed: choose a time from now on"
        )


def check(held: datetime | None, wanted: datetime, what: str, place: str) -> None:
    """Raise BroughtForward where `held` is ahead and `wanted` has passed."""
    if held is not None and held > now() >= wanted:
        raise BroughtForward(what, held, wanted, place)


def check_opening_time(opening: Opening, wanted: datetime) -> None:
    """An opening that has been announced, announced anew."""
    if opening.head_seq:
        check(opening.scheduled_at, wanted, f"开标 {opening.id} 的时间", "data.scheduled_at")


def check_lot(lot_id: str, held: datetime | None, wanted: datetime | None) -> datetime | None:
    """The deadline a lot has when a record says `wanted`: one that is left out stays while it is ahead."""
    if wanted is None:
        return held if held is not None and held > now() else None
    check(held, wanted, f"标段 {lot_id} 的投标截止时间", "data.deadline")
    return wanted


def announced_for(session: Session, lot_id: str) -> datetime | None:
    """The latest time any opening of a lot was announced for, one called off since too."""
    query = select(func.max(Opening.scheduled_at)).where(Opening.lot_id == lot_id, Opening.head_seq > 0)
    return session.scalar(query)
