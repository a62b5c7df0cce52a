"""Tables of the lens that belong to no lot, each in the month of its own date: credit, opinions, inspections, warnings, leads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Select, String, and_, case, func, or_, select
from sqlalchemy.orm import Session

from records import chain
from records.clock import add_months
from records.tables.base import Instant
from records.tables.leads import Lead, LeadBatch
from records.tables.projects import Lot, counted
from records.tables.relations import Credit
from records.tables.society import Inspection, Opinion, OpinionAnswer
from records.tables.supervision import Warning
from records.visibility import Datum, visible
from supervision.lens.months import chunks, month_of, month_span
from supervision.lens.rows import as_json, as_table, fetched, whole
from supervision.lens.schema import DAY, INSTANT, OWN, TABLES, TEXT

_AHEAD = pa.scalar(8 * 3600 * 1_000_000, pa.duration("us"))
"""By how much Beijing is ahead of UTC."""


@dataclass(frozen=True)
class OwnTable:
    """How a table is read. `when` is the column of its month, `changed` what grows with every change of a row."""

    rows: Callable[[datetime], Select[*tuple[Any, ...]]]
    """The columns of `schema.OWN`, as far as supervisors may see them at a moment."""
    id: ColumnElement[str]
    when: Any
    changed: tuple[Any, ...]
    journal: str = ""
    """The kind of record whose arrival changes it; the others are told of by the desk's feed, or compared (leads)."""

    def in_month(self, month: str) -> ColumnElement[bool]:
        """SQL: the row belongs to a month."""
        start, end = month_span(month)
        if isinstance(self.when.type, String):
            return self.when == month  # type: ignore[no-any-return]
        first, after = (start, end) if isinstance(self.when.type, Instant) else (start.date(), end.date())
        return (self.when >= first) & (self.when < after)  # type: ignore[no-any-return]


def month_named(when: Any) -> str:
    """The month of what a table's `when` holds: a moment, a day, or a month."""
    return month_of(when) if isinstance(when, datetime) else str(when)[: len("2026-03")]


def _credit(_at: datetime) -> Select[*tuple[Any, ...]]:
    held = Credit
    return select(
        held.id, held.organisation_id, held.role, held.system, held.period, whole(held.score), held.rank,
        as_json(held.deductions), held.division_code,
    )  # fmt: skip


def _opinions(_at: datetime) -> Select[*tuple[Any, ...]]:
    """Not what they say: that is real-name, and for the office alone."""
    answered = func.coalesce(OpinionAnswer.answered_at, Opinion.answered_at)
    return select(
        Opinion.id, Opinion.project_id, Opinion.channel, Opinion.received_at, answered, Opinion.division_code
    ).outerjoin(OpinionAnswer, OpinionAnswer.opinion_id == Opinion.id)


def _inspections(_at: datetime) -> Select[*tuple[Any, ...]]:
    held = Inspection
    return select(held.id, held.on, as_json(held.projects), as_json(held.problems), held.division_code)


def _warnings(at: datetime) -> Select[*tuple[Any, ...]]:
    """Those that count in statistics; not whom they are about."""
    held = Warning
    return (
        select(
            held.id, held.rule, held.rule_version, held.family, held.level, held.lot_id, held.centre_id, held.value,
            held.baseline, held.threshold, held.stratum, held.raised_at, held.state, held.disposition, held.acted_at,
        )
        .outerjoin(Lot, Lot.id == held.lot_id)
        .where(or_(held.lot_id.is_(None), and_(visible(Datum.WARNINGS, at=at), counted())))
    )  # fmt: skip


def _leads(_at: datetime) -> Select[*tuple[Any, ...]]:
    batch = LeadBatch
    return select(
        Lead.id, Lead.batch_id, as_json(Lead.warnings), Lead.created_at, Lead.valid, Lead.disposed_at, batch.target,
        batch.state, batch.transferred_at, batch.received_at, batch.due_at, batch.closed_at,
    ).outerjoin(batch, batch.id == Lead.batch_id)  # fmt: skip


OWN_TABLES: Mapping[str, OwnTable] = {
    "credit": OwnTable(_credit, Credit.id.expression, Credit.period, (func.max(Credit.updated_at),), "credit"),
    "opinions": OwnTable(
        _opinions, Opinion.id.expression, Opinion.received_at,
        (func.max(Opinion.updated_at), func.max(OpinionAnswer.answered_at)), "opinion",
    ),
    "inspections": OwnTable(_inspections, Inspection.id.expression, Inspection.on, (func.max(Inspection.updated_at),), "inspection"),
    "warnings": OwnTable(
        _warnings, Warning.id.expression, Warning.raised_at,
        (func.max(Warning.acted_at), func.sum(case((Warning.state == "new", 1), else_=0))),
    ),
    "leads": OwnTable(
        _leads, Lead.id.expression, Lead.created_at,
        (func.max(Lead.disposed_at), func.max(LeadBatch.transferred_at), func.max(LeadBatch.received_at),
         func.max(LeadBatch.closed_at), func.max(LeadBatch.due_at), func.max(LeadBatch.state), func.min(LeadBatch.state)),
    ),
}  # fmt: skip
"""Table → how it is read."""


def own_month(session: Session, name: str, month: str, at: datetime) -> pa.Table:
    """One month of a table at the moment `at`."""
    table = OWN_TABLES[name]
    query = table.rows(at).where(table.in_month(month)).order_by(table.id)
    return _with_days(fetched(session, query, OWN[name]), month, TABLES[name])


def _with_days(found: pa.Table, month: str, schema: pa.Schema) -> pa.Table:
    columns: dict[str, Any] = {name: found[name] for name in found.column_names}
    for name, kind in zip(found.column_names, found.schema.types, strict=True):
        if kind == INSTANT:
            columns[f"{name.removesuffix('_at')}_on"] = pc.add(found[name], _AHEAD).cast(DAY)
    columns["month"] = pa.array([month] * found.num_rows, TEXT)
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def own_fingerprint(session: Session, name: str, month: str, at: datetime) -> str:
    """The digest of a month of a table: how many rows it has, and their newest change. "" where it has none."""
    table = OWN_TABLES[name]
    narrowed = table.rows(at).where(table.in_month(month))
    count, *changed = session.execute(narrowed.with_only_columns(func.count(), *table.changed)).one()
    return chain.digest([count, *(None if one is None else str(one) for one in changed)]) if count else ""


def own_months(session: Session, name: str) -> list[str]:
    """Every month from a table's first row to its last."""
    when = OWN_TABLES[name].when
    first, last = session.execute(select(func.min(when), func.max(when))).one()
    if first is None:
        return []
    month, end = date.fromisoformat(f"{month_named(first)}-01"), month_named(last)
    found = []
    while (named := f"{month:%Y-%m}") <= end:
        found.append(named)
        month = add_months(month, 1)
    return found


def months_of_keys(session: Session, name: str, keys: Iterable[str]) -> set[str]:
    """The months that some rows of a table are in now."""
    table = OWN_TABLES[name]
    found: set[str] = set()
    for part in chunks(sorted(keys)):
        found.update(
            month_named(when) for when in session.scalars(select(table.when).where(table.id.in_(part)))
        )
    return found


def nothing(name: str) -> pa.Table:
    """A table without rows."""
    return as_table([], dict(zip(TABLES[name].names, TABLES[name].types, strict=True)))
