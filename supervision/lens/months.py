"""Months of the lens: to which one a lot belongs, and which lots it has at a moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from records.clock import BEIJING, add_months, start_of
from records.tables.openings import Opening
from records.tables.projects import Lot, counted
from supervision.readiness import opened_at

Item = TypeVar("Item")
CHUNK = 500
"""Lots per query: below SQLite's limit of variables, few enough to keep memory flat."""
UNDATED = "undated"
"""What stands for the month of lots without any date."""


def month_of(moment: datetime | None) -> str:
    """The month of a moment in Beijing time, YYYY-MM; UNDATED where it is not known."""
    return UNDATED if moment is None else f"{moment.astimezone(BEIJING):%Y-%m}"


def month_span(month: str) -> tuple[datetime, datetime]:
    """First moment of a month and of the next, Beijing time."""
    first = date.fromisoformat(f"{month}-01")
    return start_of(first), start_of(add_months(first, 1))


def chunks(items: Sequence[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    """The items in pieces."""
    return (items[n : n + size] for n in range(0, len(items), size))


@dataclass(frozen=True, slots=True)
class OpenedLot:
    """A lot whose opening is over: when it was, and whether bids were opened."""

    id: str
    opened_at: datetime | None
    opened: bool


def opened_lots(session: Session, lot_ids: Sequence[str], at: datetime) -> list[OpenedLot]:
    """Those of the lots that count and whose opening is over at the moment `at`."""
    found: list[OpenedLot] = []
    for part in chunks(lot_ids):
        openings: dict[str, list[Opening]] = defaultdict(list)
        for opening in session.scalars(select(Opening).where(Opening.lot_id.in_(part))):
            openings[opening.lot_id].append(opening)
        rows = session.execute(select(Lot.id, Lot.status, Lot.deadline).where(Lot.id.in_(part), counted()))
        for lot_id, status, deadline in rows:
            when = opened_at(status, deadline, openings[lot_id], at)
            if when is not None:
                found.append(OpenedLot(lot_id, *when))
    return found


def candidates(session: Session, month: str) -> list[str]:
    """Lots that may belong to a month: deadline, schedule or start of the opening lies in it."""
    if month == UNDATED:
        timed = select(Opening.lot_id).where(Opening.lot_id == Lot.id).exists()
        return sorted(session.scalars(select(Lot.id).where(Lot.deadline.is_(None), ~timed)))
    start, end = month_span(month)
    by_deadline = select(Lot.id).where(Lot.deadline >= start, Lot.deadline < end)
    by_opening = select(Opening.lot_id).where(
        or_(
            and_(Opening.scheduled_at >= start, Opening.scheduled_at < end),
            and_(Opening.started_at >= start, Opening.started_at < end),
        )
    )
    return sorted({*session.scalars(by_deadline), *session.scalars(by_opening)})


def lots_of_month(session: Session, month: str, at: datetime) -> list[OpenedLot]:
    """The lots a month has at the moment `at`."""
    found = opened_lots(session, candidates(session, month), at)
    return [lot for lot in found if month_of(lot.opened_at) == month]
