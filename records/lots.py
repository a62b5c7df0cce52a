"""A lot at a moment of its life: its current opening, its round, the deadline in force, and the centre it belongs to.

Each rule stands in Python over a lot's openings and in SQL over `Lot`; `tests/records/test_twins.py` holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from records.tables.openings import Opening
from records.tables.organisations import Room
from records.tables.projects import Lot

FIRST_MOMENT = datetime(1, 1, 1, tzinfo=UTC)
"""Stands for "before anything we know of"."""

OPENED_STATUSES = frozenset(
    {"opened", "evaluating", "publicity", "re_evaluation", "awarded", "contracted", "archived", "void"}
)
"""States of a lot that can only follow a finished opening."""
OVER = ("ended", "sealed")
"""States of an opening that is over."""
HELD = ("opened", "failed")
"""Results of an opening that closes a round; one broken off 中止 does not: its bids may be opened another day."""


class OfALot(Protocol):
    """What the rules need of an opening."""

    @property
    def id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def result(self) -> str | None: ...
    @property
    def scheduled_at(self) -> datetime: ...


class Announced(Protocol):
    """What the deadline in force needs of an opening."""

    @property
    def state(self) -> str: ...
    @property
    def scheduled_at(self) -> datetime: ...


Held = TypeVar("Held", bound=OfALot)

_ANNOUNCED = aliased(Opening, name="announced")
_HELD, _FOLLOWING = aliased(Opening, name="held"), aliased(Opening, name="following")
"""A lot's openings as the subqueries below call them, made once: to make one takes longer than most questions."""


# ── the current opening and the round ────────────────────────────────────────


def current_opening(openings: Iterable[Held]) -> Held | None:
    """The opening a lot is at: of those not called off the one announced for the latest time."""
    held = [opening for opening in openings if opening.state != "cancelled"]
    return max(held, key=lambda opening: (opening.scheduled_at, opening.id), default=None)


def round_before(openings: Sequence[OfALot], deadline: datetime | None) -> datetime | None:
    """When the opening of a lot's round before this one was held; None in the first round. `openings`: all of the lot.

    A round is over when its opening was held (opened or failed 流标), the lot has a deadline after that, and another
    opening follows. Two openings under one deadline, one an envelope 双信封, are one round.
    """
    last = current_opening(openings)
    if last is None or deadline is None:
        return None
    closed = (one.scheduled_at for one in openings if one.state in OVER and one.result in HELD)
    return max((at for at in closed if at < min(deadline, last.scheduled_at)), default=None)


@cache
def round_before_sql() -> Any:
    """SQL over `Lot`: `round_before` of its openings, NULL in the first round."""
    followed = exists().where(
        _FOLLOWING.lot_id == _HELD.lot_id, _FOLLOWING.state != "cancelled", _FOLLOWING.scheduled_at > _HELD.scheduled_at
    )  # fmt: skip
    return (
        select(func.max(_HELD.scheduled_at))
        .where(
            _HELD.lot_id == Lot.id, _HELD.scheduled_at < Lot.deadline, _HELD.state.in_(OVER), _HELD.result.in_(HELD),
            followed,
        )
        .correlate(Lot)
        .scalar_subquery()
    )  # fmt: skip


def rounds_before(session: Session, lot_ids: Sequence[str]) -> dict[str, datetime]:
    """Lot → when the opening of its round before this one was held; lots in their first round are left out."""
    query = select(Lot.id, before := round_before_sql()).where(Lot.id.in_(lot_ids), before.is_not(None))
    return dict(session.execute(query).all())


# ── the deadline in force ────────────────────────────────────────────────────


def deadline_in_force(
    deadline: datetime | None, status: str, openings: Iterable[Announced]
) -> datetime | None:
    """投标截止, which is the moment of the opening by law (招标投标法 art. 34).

    Where the lot names none, the latest time an opening of it is announced for stands in; where nothing is announced
    and the lot's state can only follow an opening, it is behind us: FIRST_MOMENT. None: not known.
    """
    if deadline is not None:
        return deadline
    announced = max((one.scheduled_at for one in openings if one.state != "cancelled"), default=None)
    return announced or (FIRST_MOMENT if status in OPENED_STATUSES else None)


@cache
def announced_time() -> Any:
    """SQL over `Lot`: the latest time an opening of it is announced for, without those called off; NULL: none is."""
    query = select(func.max(_ANNOUNCED.scheduled_at)).where(*_of_the_lot())
    return query.correlate(Lot).scalar_subquery()


def none_ahead(at: datetime) -> ColumnElement[bool]:
    """SQL over `Lot`: no deadline in force is ahead; it is behind us, or nothing is known of one."""
    return or_(Lot.deadline <= at, and_(Lot.deadline.is_(None), ~_announced_after(at)))


def one_ahead(at: datetime) -> ColumnElement[bool]:
    """SQL over `Lot`: the opposite of `none_ahead`, written so that the index on deadlines finds these few."""
    return or_(Lot.deadline > at, and_(Lot.deadline.is_(None), _announced_after(at)))


def deadline_passed(at: datetime) -> ColumnElement[bool]:
    """SQL over `Lot`: the deadline in force is known and behind us."""
    announced = exists().where(*_of_the_lot())
    known = or_(Lot.deadline.is_not(None), Lot.status.in_(OPENED_STATUSES), announced)
    return and_(none_ahead(at), known)


def _announced_after(at: datetime) -> ColumnElement[bool]:
    return exists().where(*_of_the_lot(), _ANNOUNCED.scheduled_at > at)


def _of_the_lot() -> tuple[ColumnElement[bool], ...]:
    return _ANNOUNCED.lot_id == Lot.id, _ANNOUNCED.state != "cancelled"


@cache
def centre_of_lot() -> ColumnElement[str | None]:
    """SQL over `Lot`: the id of the centre its source names, else that of the room of its latest opening; null: not known."""
    of_its_room = (
        select(Room.centre_id)
        .join(Opening, Opening.room_id == Room.id)
        .where(Opening.lot_id == Lot.id, Opening.state != "cancelled")
        .order_by(Opening.scheduled_at.desc(), Opening.id.desc())
        .limit(1)
        .correlate(Lot)
        .scalar_subquery()
    )
    return func.coalesce(Lot.centre_id, of_its_room)
