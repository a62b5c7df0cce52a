"""What was said of earlier warnings of the same rule about the same lot and parties: a repeated suspicion shows its verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.tables.supervision import Warning, WarningChange
from supervision.warnings.desk import WarningRow
from supervision.warnings.handling import CLOSED_STATES
from supervision.warnings.raising import subject_key


@dataclass(frozen=True)
class Before:
    """How an earlier warning was closed, and when that was said."""

    disposition: str
    at: datetime


def verdicts_before(session: Session, rows: Sequence[WarningRow]) -> Mapping[str, Before]:
    """Warning → the newest verdict on an earlier one of its rule about its lot that shares a party with it, or that names
    as few parties as it does: none."""
    closed: dict[tuple[str, str | None], list[Any]] = defaultdict(list)
    for one in session.execute(_closed({row.lot_id for row in rows if row.lot_id})):
        closed[one.rule, one.lot_id].append(one)
    found = {row.id: _newest(row, closed[row.rule, row.lot_id]) for row in rows}
    return {warning: before for warning, before in found.items() if before is not None}


def _closed(lots: set[str]) -> Any:
    """The closed warnings about lots, with the moment at which the reason code was given."""
    said = (
        select(func.max(WarningChange.ts))
        .where(WarningChange.warning_id == Warning.id, WarningChange.disposition == Warning.disposition)
        .scalar_subquery()
    )
    columns = (Warning.rule, Warning.lot_id, Warning.subjects, Warning.raised_at, Warning.disposition)
    return select(*columns, func.coalesce(said, Warning.acted_at).label("said_at")).where(
        Warning.lot_id.in_(lots), Warning.state.in_(CLOSED_STATES), Warning.disposition.is_not(None)
    )


def _newest(row: WarningRow, closed: Sequence[Any]) -> Before | None:
    mine = _parties(row.subjects)
    earlier = [
        one for one in closed if one.raised_at < row.raised_at and _alike(mine, _parties(one.subjects))
    ]
    newest = max(earlier, key=lambda one: (one.said_at, one.raised_at), default=None)
    return newest and Before(newest.disposition, newest.said_at)


def _parties(subjects: Sequence[Mapping[str, str]]) -> frozenset[tuple[str, str]]:
    return frozenset(one for one in subject_key([dict(each) for each in subjects]) if one[0] != "lot")


def _alike(mine: frozenset[tuple[str, str]], others: frozenset[tuple[str, str]]) -> bool:
    return bool(mine & others) if mine else not others
