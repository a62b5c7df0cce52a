"""天秤码: the credit of the agencies in their newest period, with what points were taken off for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from records.tables.organisations import Organisation
from records.tables.relations import Credit
from supervision.figures.filters import Filters

AGENCY = "agency"


@dataclass(frozen=True)
class Rated:
    """One agency in one period YYYY-MM of a rating system: score, rank, the score of the period before it has one of, and
    (reason, points) of every deduction."""

    organisation: str
    name: str
    system: str
    period: str
    score: Decimal | None
    rank: int | None
    before: Decimal | None
    deductions: Sequence[tuple[str, Decimal]]

    @property
    def deducted(self) -> Decimal:
        """Points that were taken off in all."""
        return sum((points for _, points in self.deductions), Decimal(0))

    @property
    def change(self) -> Decimal | None:
        """How much the score moved since the period before; None where one of the two is unknown."""
        return None if self.score is None or self.before is None else self.score - self.before


def agencies(session: Session, filters: Filters) -> list[Rated]:
    """Every agency as it was rated last within the period, the best first."""
    last = _newest(filters)
    earlier, previous = aliased(Credit), aliased(Credit)
    before = (
        select(previous.score)
        .where(previous.organisation_id == Credit.organisation_id, previous.system == Credit.system)
        .where(previous.role == AGENCY, previous.period < Credit.period)
        .order_by(previous.period.desc()).limit(1).correlate(Credit).scalar_subquery()
    )  # fmt: skip
    newest = (
        select(func.max(earlier.period)).where(earlier.organisation_id == Credit.organisation_id, earlier.system == Credit.system)
        .where(earlier.role == AGENCY, earlier.period <= last if last else earlier.period == earlier.period)
        .correlate(Credit).scalar_subquery()
    )  # fmt: skip
    query = (
        select(Credit, Organisation.name, before)
        .join(Organisation, Organisation.id == Credit.organisation_id)
        .where(Credit.role == AGENCY, Credit.period == newest)
        .order_by(Credit.period.desc(), Credit.rank, Credit.score.desc(), Organisation.name)
    )
    return [_rated(credit, name, score) for credit, name, score in session.execute(query)]


def _newest(filters: Filters) -> str | None:
    """The last month of the filters' period; None: of all time."""
    if filters.period is None:
        return None
    return f"{filters.period.end - timedelta(days=1):%Y-%m}"


def _rated(credit: Credit, name: str, before: Decimal | None) -> Rated:
    deductions = [(str(one["reason"]), Decimal(str(one["points"]))) for one in credit.deductions]
    return Rated(
        credit.organisation_id,
        name,
        credit.system,
        credit.period,
        credit.score,
        credit.rank,
        before,
        deductions,
    )
