"""What has changed in the ledger since the lens was written: fingerprints of its months, and the lots that were touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from records import chain
from records.tables.bids import Bid
from records.tables.broadcast import BroadcastSession
from records.tables.evaluation import Evaluation, Fee, Score
from records.tables.money import Award, Deposit
from records.tables.openings import Opening
from records.tables.procedure import Contract
from records.tables.projects import Lot
from records.visibility import award_come
from supervision.lens.months import OpenedLot, chunks, lots_of_month, month_of, opened_lots

COME = (
    (Award.lot_id, Award.awarded_at),
    (Award.lot_id, Award.publicity_from),
    (Contract.lot_id, Contract.signed_at),
)
"""Dates that may lie ahead: a row enters when its own has come."""


def _watched(at: datetime) -> list[tuple[str, Select[*tuple[Any, ...]]]]:
    """What decides a lot's rows, by lot: its number and its newest change, in each table. Rows dated ahead do not count."""
    come = and_(award_come(at), or_(Award.publicity_from.is_(None), Award.publicity_from <= at))
    signed = or_(Contract.signed_at.is_(None), Contract.signed_at <= at)
    held = BroadcastSession
    return [
        ("lot", _by(Lot.id, func.count(), func.max(Lot.updated_at))),
        ("bid", _by(Bid.lot_id, func.count(), func.max(Bid.updated_at))),
        ("award", _by(Award.lot_id, _number(come), func.max(Award.updated_at))),
        ("contract", _by(Contract.lot_id, _number(signed), func.max(Contract.updated_at))),
        ("deposit", _by(Deposit.lot_id, func.count(), func.max(Deposit.updated_at))),
        ("evaluation", _by(Evaluation.lot_id, func.count(), func.max(Evaluation.updated_at))),
        ("score", _by(Evaluation.lot_id, func.count(), func.max(Score.updated_at)).join(Score, Score.evaluation_id == Evaluation.id)),
        ("fee", _by(Evaluation.lot_id, func.count(), func.max(Fee.updated_at)).join(Fee, Fee.evaluation_id == Evaluation.id)),
        ("opening", _by(Opening.lot_id, func.count(), func.max(Opening.updated_at), func.sum(Opening.head_seq))),
        ("broadcast", _by(Opening.lot_id, func.count(), func.max(held.ended_at), func.max(held.state), func.sum(held.seconds_live))
            .join(held, held.opening_id == Opening.id)),
    ]  # fmt: skip


def _by(lot: Any, *columns: Any) -> Select[*tuple[Any, ...]]:
    return select(lot, *columns).group_by(lot)


def _number(counts: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((counts, 1), else_=0))


def fingerprints(session: Session, at: datetime) -> dict[str, str]:
    """Month → digest of what decides the rows of its lots."""
    lots = opened_lots(session, sorted(session.scalars(select(Lot.id))), at)
    months: dict[str, list[OpenedLot]] = defaultdict(list)
    for lot in lots:
        months[month_of(lot.opened_at)].append(lot)
    changed: dict[str, list[str]] = defaultdict(list)
    for name, query in _watched(at):
        _note(changed, name, session.execute(query))
    return {month: _digest(found, changed) for month, found in months.items()}


def fingerprint(session: Session, month: str, at: datetime) -> str:
    """The digest of one month, from its own lots only; "" where it has none."""
    lots = lots_of_month(session, month, at)
    changed: dict[str, list[str]] = defaultdict(list)
    for name, query in _watched(at):
        lot_id = query.selected_columns[0]
        for part in chunks([lot.id for lot in lots]):
            _note(changed, name, session.execute(query.where(lot_id.in_(part))))
    return _digest(lots, changed) if lots else ""


def _note(changed: dict[str, list[str]], name: str, rows: Iterable[Any]) -> None:
    for lot_id, *marks in rows:
        changed[lot_id].append(":".join([name, *map(str, marks)]))


def _digest(lots: Sequence[OpenedLot], changed: dict[str, list[str]]) -> str:
    return chain.digest(
        sorted(
            [lot.id, lot.opened_at.isoformat() if lot.opened_at else None, lot.opened, *changed[lot.id]]
            for lot in lots
        )
    )


def lots_of_openings(session: Session, openings: set[str]) -> set[str]:
    """The lots of some openings."""
    found: set[str] = set()
    for part in chunks(sorted(openings)):
        found.update(session.scalars(select(Opening.lot_id).where(Opening.id.in_(part))))
    return found


def lots_come(session: Session, since: datetime, at: datetime) -> set[str]:
    """Lots of which something dated ahead has come, or a broadcast has ended, after `since` and by `at`."""
    found: set[str] = set()
    for lot, date in COME:
        found.update(session.scalars(select(lot).where(date > since, date <= at)))
    ended = select(BroadcastSession.opening_id).where(BroadcastSession.ended_at > since)
    return found | lots_of_openings(session, set(session.scalars(ended)))
