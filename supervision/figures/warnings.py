"""预警与线索 Warnings and leads: how many, about how many lots, and how they were dealt with (M44–M49). Rehearsals are in none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select

from records.tables.leads import Lead, LeadBatch
from records.tables.projects import Lot, counted
from records.tables.supervision import Warning
from records.visibility import Datum, visible
from supervision.figures.figure import OF_LOTS, LedgerFigure, Row
from supervision.figures.filters import Filters
from supervision.figures.narrow import of_lots, span, within
from supervision.figures.openness import share
from supervision.figures.results import Share
from supervision.figures.savings import count
from supervision.warnings.tally import Response, handled, in_statistics, responded


def _raised(*which: Any) -> Any:
    """Warnings first raised in the period."""

    def query(filters: Filters) -> Select[Any]:
        found = select(func.count()).select_from(Warning).where(in_statistics(), *which)
        found = found.where(within(Warning.raised_at, filters))
        return found if filters.centre is None else found.where(Warning.centre_id == filters.centre)

    return query


_BY: dict[str, Callable[[], ColumnElement[Any]]] = {
    "level": lambda: Warning.level.expression, "rule": lambda: Warning.rule.expression,
    "family": lambda: Warning.family.expression, "state": lambda: Warning.state.expression,
    "centre": lambda: Warning.centre_id.expression,
}  # fmt: skip


def _warned(filters: Filters) -> Select[Any]:
    """Lots whose deadline was in the period, and those of them with a warning."""
    query = (
        select(func.count(func.distinct(Warning.lot_id)), func.count(func.distinct(Lot.id)))
        .select_from(Lot)
        .outerjoin(Warning, Warning.lot_id == Lot.id)
        .where(visible(Datum.WARNINGS), counted(), within(Lot.deadline, filters))
    )
    return of_lots(query, filters)


def _handled(filters: Filters) -> Select[Any]:
    query = handled(*span(filters.period))
    return query if filters.centre is None else query.where(Warning.centre_id == filters.centre)


def _response(rows: Sequence[Row], _: Filters) -> Response:
    return responded(rows)


def _confirmed(rows: Sequence[Row], _: Filters) -> Share:
    found = responded(rows)
    return Share(found.confirmed, found.closed)


def _answered(filters: Filters) -> Any:
    """Leads handed on in the period that the receiving body found valid, and all that were handed on."""
    valid = func.count(case((Lead.valid.is_(True), 1)))
    found = select(valid, func.count()).select_from(Lead).join(LeadBatch, LeadBatch.id == Lead.batch_id)
    return found.where(LeadBatch.transferred_at.is_not(None), within(LeadBatch.transferred_at, filters))


M44 = LedgerFigure("M44", _raised(), count, by=_BY, of_lots=False)
M45 = LedgerFigure(
    "M45", _warned, share, by={**OF_LOTS, "rule": _BY["rule"], "tenderer": lambda: Lot.tenderer_id.expression}
)  # fmt: skip
M46 = LedgerFigure("M46", _handled, _response, by=_BY, aggregated=False, of_lots=False, better="more")
M47 = LedgerFigure("M47", _handled, _confirmed, by=_BY, aggregated=False, of_lots=False, better="more")
M48 = LedgerFigure("M48", _raised(Warning.state == "lead"), count, by=_BY, of_lots=False)
M49 = LedgerFigure("M49", _answered, share, by={}, of_lots=False, better="more")

FIGURES = (M44, M45, M46, M47, M48, M49)
