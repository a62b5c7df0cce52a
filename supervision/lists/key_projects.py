"""重点项目 Key projects' lots with their progress: whether each is on time, near its planned award or late. Rehearsals are in none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.clock import now
from records.tables.money import Award
from records.tables.projects import Lot, Project
from records.visibility import Datum, visible, visible_status
from supervision.figures.filters import Filters
from supervision.figures.savings import M32

NEAR = timedelta(days=7)
"""A lot that is to be awarded within this time is near its day 临期."""
GOOD, NEARLY, LATE, UNPLANNED = PARTS = ("good", "near", "late", "unplanned")
"""达成, 临期, 逾期 and 无计划: how a lot stands to its planned award."""


@dataclass(frozen=True)
class KeyLot:
    """A lot of a key project: how far it is, when its award was planned, when it came (None: not yet)."""

    lot_id: str
    name: str
    project_id: str
    state: str
    planned: datetime | None
    awarded: datetime | None

    def progress(self, at: datetime) -> str:
        """达成 on time, 临期 to be awarded within a week, 逾期 late, or 无计划: where no day was planned none is kept or missed."""
        if self.planned is None:
            return UNPLANNED
        if (self.awarded or at) > self.planned:
            return LATE
        return NEARLY if self.awarded is None and self.planned - at <= NEAR else GOOD

    def late_by(self, at: datetime) -> int:
        """Days past the planned award; below nought: days that are left."""
        return 0 if self.planned is None else ((self.awarded or at) - self.planned).days


def key_lots(session: Session, filters: Filters) -> list[KeyLot]:
    """The lots that M32 counts, the most urgent first, those without a plan behind the others."""
    awarded = (
        select(func.min(Award.awarded_at))
        .where(
            Award.lot_id == Lot.id, Award.status == "awarded", visible(Datum.AWARD, dated=Award.awarded_at)
        )
        .correlate(Lot)
        .scalar_subquery()
    )
    query = M32.query(filters).with_only_columns(
        Lot.id, Lot.name, Project.id, visible_status(), Lot.planned_award_at, awarded
    )
    found = [KeyLot(*row) for row in session.execute(query)]
    at = now()
    return sorted(
        found, key=lambda one: (one.awarded is not None, one.planned is None, -one.late_by(at), one.lot_id)
    )


def by_state(lots: Sequence[KeyLot], at: datetime) -> dict[str, dict[str, int]]:
    """State → how many are at each of PARTS."""
    found: dict[str, dict[str, int]] = {}
    for lot in lots:
        counts = found.setdefault(lot.state, dict.fromkeys(PARTS, 0))
        counts[lot.progress(at)] += 1
    return found
