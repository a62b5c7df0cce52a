"""The procedure leg by leg: how many of the lots awarded in a period went through each, the median days it took, and what the
law allows. Rehearsals are in none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from records.clock import now
from records.tables.money import Award
from records.tables.openings import Opening
from records.tables.procedure import Contract
from records.tables.projects import Lot, counted
from records.visibility import Datum, visible
from supervision.figures.filters import Filters
from supervision.figures.narrow import of_lots, within

DAY = 86_400
LEGS = {"notice": (0, 1), "publicity": (1, 2), "display": (2, 3), "award": (3, 4), "contract": (4, 5)}
"""Leg → its first and last moment among those of `_moments`: notice, opening, begin and end of publicity, award, contract."""
AT_LEAST = {"notice": 20, "display": 3}
"""Days that a leg takes at the least: to bid (招标投标法 art. 24), on public display (实施条例 art. 54)."""
AT_MOST = {"contract": 30}
"""Days that a leg may take at the most: to sign the contract (招标投标法 art. 46)."""


@dataclass(frozen=True)
class Leg:
    """One leg: its key, how many lots tell both its moments, the median of its days (None: no lot tells)."""

    key: str
    lots: int
    days: float | None


def legs(session: Session, filters: Filters) -> list[Leg]:
    """Every leg in its order."""
    rows = session.execute(_moments(filters)).all()
    return [_leg(key, rows, *ends) for key, ends in LEGS.items()]


def lots_of_leg(session: Session, filters: Filters, key: str) -> list[str]:
    """The lots that tell both moments of a leg, the newest first; none of what is no leg."""
    if key not in LEGS:
        return []
    first, last = LEGS[key]
    query = _moments(filters).add_columns(Lot.id).order_by(Lot.deadline.desc(), Lot.id)
    return [row[-1] for row in session.execute(query) if row[first] is not None and row[last] is not None]


def _leg(key: str, rows: Sequence[Any], first: int, last: int) -> Leg:
    days = [_days(row[first], row[last]) for row in rows if row[first] is not None and row[last] is not None]
    return Leg(key, len(days), median(days) if days else None)


def _days(first: datetime, last: datetime) -> float:
    return (last - first).total_seconds() / DAY


def _moments(filters: Filters) -> Select[Any]:
    """The six moments of every lot awarded in the period."""
    held = (
        select(Opening.lot_id, func.max(Opening.scheduled_at).label("at"))
        .where(Opening.state != "cancelled").group_by(Opening.lot_id).subquery()
    )  # fmt: skip
    won = (
        select(
            Award.lot_id, func.min(Award.publicity_from).label("since"), func.max(Award.publicity_until).label("until"),
            func.min(Award.awarded_at).label("at"),
        )
        .where(Award.status == "awarded", within(Award.awarded_at, filters)).group_by(Award.lot_id).subquery()
    )  # fmt: skip
    signed = (
        select(Contract.lot_id, func.min(Contract.signed_at).label("at"))
        .where(Contract.signed_at <= now()).group_by(Contract.lot_id).subquery()
    )  # fmt: skip
    query = (
        select(Lot.notice_at, held.c.at, won.c.since, won.c.until, won.c.at, signed.c.at)
        .join(won, won.c.lot_id == Lot.id)
        .join(held, held.c.lot_id == Lot.id)
        .outerjoin(signed, signed.c.lot_id == Lot.id)
        .where(counted(), visible(Datum.AWARD, dated=won.c.at))
    )
    return of_lots(query, filters)
