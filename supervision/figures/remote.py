"""远程异地评标 Remote evaluation and what its experts are paid (M36, M38, M39). Nothing of a lot before its award (招标投标法 art. 38)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, case, exists, func, select

from records.tables.evaluation import Evaluation, Fee
from records.tables.projects import Lot, counted
from records.visibility import Datum, visible
from supervision.figures.figure import OF_LOTS, OPENED, LedgerFigure, LensFigure, Row, share_of
from supervision.figures.filters import Filters
from supervision.figures.narrow import of_lots, within
from supervision.figures.openness import share
from supervision.figures.results import Share
from supervision.figures.savings import flagged


@dataclass(frozen=True)
class Fees:
    """专家评审费 paid in a period: attendances 人次 and yuan."""

    attendances: int
    amount: Decimal

    @property
    def value(self) -> int:
        """How often experts attended."""
        return self.attendances

    @property
    def mean(self) -> Decimal | None:
        """Yuan an attendance; None without any."""
        return self.amount / self.attendances if self.attendances else None


def _awarded() -> Any:
    """Whether the lot's award may be known: before it evaluation is secret."""
    return visible(Datum.EXPERTS) & counted()


def _fees(filters: Filters) -> Select[Any]:
    query = (
        select(func.count(Fee.id), func.coalesce(func.sum(Fee.amount), 0))
        .select_from(Fee)
        .join(Evaluation, Evaluation.id == Fee.evaluation_id)
        .join(Lot, Lot.id == Evaluation.lot_id)
        .where(Fee.status == "paid", within(Fee.paid_at, filters), _awarded())
    )
    return of_lots(query, filters)


def _paid(rows: Sequence[Row], _: Filters) -> Fees:
    attendances, amount = rows[0]
    return Fees(attendances, Decimal(amount))


def _transfers(filters: Filters) -> Select[Any]:
    """Evaluations that ended in the period, and those of them of which a fee was transferred."""
    paid = exists().where(Fee.evaluation_id == Evaluation.id, Fee.status == "paid")
    query = (
        select(func.coalesce(func.sum(case((paid, 1), else_=0)), 0), func.count(Evaluation.id))
        .select_from(Evaluation)
        .join(Lot, Lot.id == Evaluation.lot_id)
        .where(Evaluation.state == "ended", within(Evaluation.ended_at, filters), _awarded())
    )
    return of_lots(query, filters)


def _covered(rows: Sequence[Row], _: Filters) -> Share:
    paid, evaluated = rows[0]
    return Share(int(paid), evaluated)


M36 = LensFigure("M36", OPENED, share_of(flagged("remote")), share, behind=flagged("remote"))
M38 = LedgerFigure("M38", _fees, _paid)
M39 = LedgerFigure(
    "M39", _transfers, _covered, by={**OF_LOTS, "tier": lambda: Evaluation.tier.expression}, better="more"
)  # fmt: skip

FIGURES = (M36, M38, M39)
