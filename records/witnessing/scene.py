"""Whether what a witness looks at is what they witness: how a task's opening stands, and which one its room is at."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.clock import now
from records.current import OVER, STANDBY, Claim, claiming, first
from records.public.openings import opened_from
from records.tables.openings import Opening
from records.tables.projects import Lot
from records.tables.witnessing import WitnessTask
from records.visibility import Progress, announced, visible_progress


def stands(opening: Opening, lot: Lot) -> Progress:
    """How an opening stands as far as a witness may know. What has been seen is not taken back by a later deadline: the
    first opening of a lot that is tendered again stays over."""
    return visible_progress(opening, opened_from(opening, lot) <= now())


def is_over(session: Session, task: WitnessTask) -> bool:
    """Whether the opening of a task is known to be over."""
    if task.opening_id is None:
        return False
    opening, lot = _of(session, task)
    return stands(opening, lot).state in OVER


def is_at_hand(session: Session, task: WitnessTask) -> bool:
    """Whether a task's opening is about to begin or going on: the room is at it, or it has no room and its time has
    come."""
    if task.opening_id is None:
        return False
    opening, lot = _of(session, task)
    own = _claim(opening, lot)
    if own.state in OVER or own.rank(now()) is None:
        return False
    return opening.room_id is None or _shown_in(session, opening.room_id) == opening.id


def shows_picture(session: Session, task: WitnessTask) -> bool:
    """Whether the live picture of a task's room is one of what the task witnesses."""
    return task.opening_id is None or (task.room_id is not None and is_at_hand(session, task))


def _shown_in(session: Session, room_id: str) -> str | None:
    """The opening a room is at, as the hub tells it (records.current)."""
    instant = now()
    query = select(Opening, Lot).join(Lot, Lot.id == Opening.lot_id)
    rows = session.execute(
        query.where(Opening.room_id == room_id, claiming(instant, instant + STANDBY), announced())
    )
    return first([_claim(opening, lot) for opening, lot in rows], instant)


def _claim(opening: Opening, lot: Lot) -> Claim:
    known = stands(opening, lot)
    return Claim(opening.id, known.state, opening.scheduled_at, known.started_at, known.ended_at)


def _of(session: Session, task: WitnessTask) -> tuple[Opening, Lot]:
    return session.get_one(Opening, task.opening_id), session.get_one(Lot, task.lot_id)
