"""数据与督查 Data and inspections: how many records are held, without telling of a bid by growing by one; joint inspections (M50, M51)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from records.keys import MARK
from records.tables.bids import Bid
from records.tables.evaluation import Evaluation, Fee, Score
from records.tables.intake import Held, Journal, Parked
from records.tables.money import Award, Deposit
from records.tables.openings import Opening, OpeningEvent
from records.tables.procedure import Contract, Notice, Objection
from records.tables.projects import Lot
from records.tables.society import Inspection
from records.visibility import PLAIN_NOTICES, announced, sealed
from supervision.figures.figure import LedgerFigure, Row
from supervision.figures.filters import Filters
from supervision.figures.results import Count

OF_BIDDERS = (Bid, Deposit, Award, Contract, Objection, Evaluation)
"""Tables whose every row hangs on who bids, or on what became of the bids."""

Numbers = Select[Any]


def _held(_: Filters) -> Select[Any]:
    """Records accepted and held, newest version each, and then what of them nobody may know of yet, a number a kind.

    Those that hang on who bids count from the deadline of their lot on; those that still wait for another, when it
    has come.
    """
    parts = (select(Held.seq), *_hidden())
    return select(*(select(func.count()).select_from(part.subquery()).scalar_subquery() for part in parts))


def _known(rows: Sequence[Row], _: Filters) -> Count:
    held, *hidden = rows[0]
    return Count(int(held - sum(hidden)))


def _hidden() -> list[Numbers]:
    """What nobody may know of yet, a query a kind."""
    lots = select(Lot.id).where(sealed())
    sessions = select(Evaluation.id).where(Evaluation.lot_id.in_(lots))
    openings = select(Opening.id).join(Lot, Lot.id == Opening.lot_id).where(sealed())
    result = and_(Notice.lot_id.in_(lots), Notice.type.not_in(PLAIN_NOTICES))
    held = [
        *((table, table.lot_id.in_(lots)) for table in OF_BIDDERS),
        *((table, table.evaluation_id.in_(sessions)) for table in (Score, Fee)),
        (Notice, result),
        (Opening, Opening.id.in_(openings.where(~announced()))),
    ]
    return [
        *(part for table, which in held for part in _rows(table, which)),
        _events(openings),
        _waiting(),
    ]


def _waiting() -> Numbers:
    """The newest versions that wait for another record: from the few that wait to what is held of them, by its key."""
    own = and_(Held.kind == Journal.kind, Held.key == Journal.key, Held.source == Journal.source)
    waits = select(Journal.seq).join(Parked, Parked.seq == Journal.seq)
    return waits.where(exists().where(own, Held.seq == Journal.seq))


def _rows(table: Any, which: ColumnElement[bool]) -> tuple[Numbers, Numbers]:
    """The held records of some rows of a table; a kind of record bears the name of its table.

    A row whose key another source had before has an id of its own (`records.keys`), and is there because it is held.
    Asked from the few rows that are secret, one by one, never from the millions that are held.
    """
    own = and_(Held.kind == table.__tablename__, Held.key == table.id, Held.source == table.source)
    secret = select(table.id).where(which)
    return secret.where(exists().where(own)), secret.where(table.id.contains(MARK))


def _events(openings: Select[str]) -> Numbers:
    """What sources have sent of the course of openings before their deadline: each sign-in is a bidder."""
    own = or_(OpeningEvent.actor == Opening.source, OpeningEvent.actor.startswith(Opening.source + "/"))
    query = select(OpeningEvent.seq).join(Opening, Opening.id == OpeningEvent.opening_id)
    return query.where(OpeningEvent.opening_id.in_(openings), OpeningEvent.type != "scheduled", own)


@dataclass(frozen=True)
class Inspections:
    """联合督查 of a period."""

    visits: int
    projects: int
    problems: int

    @property
    def value(self) -> int:
        """How many there were."""
        return self.visits


def _visits(filters: Filters) -> Select[Any]:
    query = select(Inspection.projects, Inspection.problems).where(Inspection.body == "joint")
    if filters.period is None:
        return query
    return query.where(Inspection.on >= filters.period.start, Inspection.on < filters.period.end)


def _inspected(rows: Sequence[Row], _: Filters) -> Inspections:
    """Projects with a problem count once however many problems they have."""
    problems = [problem for _, found in rows for problem in found or ()]
    return Inspections(len(rows), len({problem.get("project") for problem in problems}), len(problems))


M50 = LedgerFigure("M50", _held, _known, by={}, of_lots=False)
M51 = LedgerFigure("M51", _visits, _inspected, by={}, aggregated=False, of_lots=False)

FIGURES = (M50, M51)
