"""M50 数据总量: how many records are held, without telling of a bid by growing by one."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from dashboard import context
from records.bids import Bid
from records.evaluation import Evaluation, Fee, Score
from records.intake import Held, Parked
from records.money import Award, Deposit
from records.openings import Opening, OpeningEvent
from records.procedure import Contract, Notice, Objection
from records.projects import Lot
from records.visibility import PLAIN_NOTICES, announced, sealed

OF_BIDDERS = (Bid, Deposit, Award, Contract, Objection, Evaluation)
"""Tables whose every row hangs on who bids, or on what became of the bids."""

Numbers = Select[int]


def records_held() -> int:
    """M50 数据总量: records accepted and held, newest version each.

    Those that hang on who bids count from the deadline of their lot on; those that still wait for another, when it
    has come.
    """
    parts = (select(Held.seq), *_hidden())
    counts = (select(func.count()).select_from(part.subquery()).scalar_subquery() for part in parts)
    with context.ledger().read() as session:
        held, *hidden = session.execute(select(*counts)).one()
    return int(held - sum(hidden))


def _hidden() -> list[Numbers]:
    """What nobody may know of yet, a query a kind."""
    lots = select(Lot.id).where(sealed())
    sessions = select(Evaluation.id).where(Evaluation.lot_id.in_(lots))
    openings = select(Opening.id).join(Lot, Lot.id == Opening.lot_id).where(sealed())
    result = and_(Notice.lot_id.in_(lots), Notice.type.not_in(PLAIN_NOTICES))
    return [
        *(_rows(table, table.lot_id.in_(lots)) for table in OF_BIDDERS),
        *(_rows(table, table.evaluation_id.in_(sessions)) for table in (Score, Fee)),
        _rows(Notice, result),
        _rows(Opening, Opening.id.in_(openings.where(~announced()))),
        _events(openings),
        select(Held.seq).join(Parked, Parked.seq == Held.seq),
    ]


def _rows(table: type, which: ColumnElement[bool]) -> Numbers:
    """The held records of some rows of a table; a kind of record bears the name of its table."""
    name, key = table.__tablename__, table.id  # type: ignore[attr-defined]
    return select(Held.seq).join(table, and_(Held.kind == name, Held.key == key)).where(which)


def _events(openings: Select[str]) -> Numbers:
    """What sources have sent of the course of openings before their deadline: each sign-in is a bidder."""
    own = or_(OpeningEvent.actor == Opening.source, OpeningEvent.actor.startswith(Opening.source + "/"))
    query = select(OpeningEvent.seq).join(Opening, Opening.id == OpeningEvent.opening_id)
    return query.where(OpeningEvent.opening_id.in_(openings), OpeningEvent.type != "scheduled", own)
