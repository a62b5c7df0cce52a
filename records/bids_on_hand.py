"""Bids on hand 有效递交: which bids of a lot count as handed in, and the order of their receipt.

A bid is on hand if it was received by the deadline (招标投标法 art. 28: a later one is refused) and not taken back
before it (art. 29: 撤回). One taken back after the deadline (实施条例 art. 35: 撤销) stays among those that are opened.
Of several bids of one bidder the last replaces the others (art. 29), and what was handed in for an earlier round of
a lot tendered anew is none of the present round's.

The rule is written once and put twice, in Python over values and in SQL over columns: it is a function of a `Logic`
and of what it judges. With `PYTHON` it is handed values and answers at once; with `SQL` it is handed columns and answers
with an expression. A comparison with what is not known (None, NULL) is false in both, so that the two never differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Generic, Protocol, TypeVar, cast

from sqlalchemy import ColumnElement, and_, exists, false, func, not_, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.functions import GenericFunction

from records.lots import round_before_sql
from records.tables.bids import Bid
from records.tables.projects import Lot

_LAST = datetime.max.replace(tzinfo=UTC)
"""Stands for a time of receipt that nobody has told, which comes after all that are told."""


class Handed(Protocol):
    """What the rule needs of a bid."""

    @property
    def id(self) -> str: ...
    @property
    def bidder_id(self) -> str: ...
    @property
    def received_at(self) -> datetime | None: ...
    @property
    def withdrawn_at(self) -> datetime | None: ...
    @property
    def status(self) -> str: ...


B = TypeVar("B", bound=Handed)

# ── the words a rule is written in, for Python and for SQL ───────────────────

C = TypeVar("C")
"""What a condition is: bool, or an SQL expression of one."""


@dataclass(frozen=True)
class Logic(Generic[C]):
    """The words a rule is written in."""

    every: Callable[..., C]
    some: Callable[..., C]
    no: Callable[[C], C]
    known: Callable[[Any], C]
    """Whether a value is told at all."""
    after: Callable[[Any, Any], C]
    """Whether the first moment is later than the second; false where either is not known."""
    by: Callable[[Any, Any], C]
    """Whether the first moment is not later than the second; false where either is not known."""
    equal: Callable[[Any, Any], C]


PYTHON: Logic[bool] = Logic(
    every=lambda *conditions: all(conditions),
    some=lambda *conditions: any(conditions),
    no=lambda condition: not condition,
    known=lambda value: value is not None,
    after=lambda one, other: one is not None and other is not None and one > other,
    by=lambda one, other: one is not None and other is not None and one <= other,
    equal=lambda one, other: bool(one == other),
)
SQL: Logic[ColumnElement[bool]] = Logic(
    every=and_,
    some=lambda *conditions: or_(false(), *conditions),
    no=not_,
    known=lambda column: cast(ColumnElement[bool], column.is_not(None)),
    after=lambda one, other: func.coalesce(one > other, false()),
    by=lambda one, other: func.coalesce(one <= other, false()),
    equal=lambda one, other: cast(ColumnElement[bool], one == other),
)

# ── the rule, written once ───────────────────────────────────────────────────


def _handed_in(logic: Logic[C], bid: Any, deadline: Any, since: Any) -> C:
    """Received by the deadline, after the round before began its opening at `since`, and not taken back in time.

    Where the deadline is not known no bid is late.
    """
    return logic.no(
        logic.some(
            logic.after(bid.received_at, deadline),
            logic.by(bid.received_at, since),
            _taken_back(logic, bid, deadline),
        )
    )


def _taken_back(logic: Logic[C], bid: Any, deadline: Any) -> C:
    """撤回: by the deadline. The times decide; where one of them is missing, the status the source gives the bid."""
    timed, due = logic.known(bid.withdrawn_at), logic.known(deadline)
    return logic.some(
        logic.by(bid.withdrawn_at, deadline),
        logic.every(logic.no(timed), logic.equal(bid.status, "withdrawn")),
        logic.every(timed, logic.no(due), logic.no(logic.equal(bid.status, "revoked"))),
    )


# ── in Python ────────────────────────────────────────────────────────────────


def receipt(bid: Handed) -> tuple[datetime, str]:
    """Sort key: the order of receipt, those without a time last, ties by id."""
    return bid.received_at or _LAST, bid.id


def on_hand(bids: Iterable[B], deadline: datetime | None, since: datetime | None = None) -> list[B]:
    """The bids of one lot that are on hand, in order of receipt, one a bidder.

    `since`: when the opening of an earlier round was held (`records.lots.round_before`); None: this is the first round.
    """
    counted = sorted(
        (bid for bid in bids if _plain(bid, deadline, since) or _handed_in(PYTHON, bid, deadline, since)),
        key=receipt,
    )
    last = {bid.bidder_id: bid for bid in counted}
    return counted if len(last) == len(counted) else sorted(last.values(), key=receipt)


def _plain(bid: Handed, deadline: datetime | None, since: datetime | None) -> bool:
    """Received in time in the only round and never taken back, as nearly every bid is: the rule needs no asking."""
    received = bid.received_at
    return (
        since is None and deadline is not None and received is not None and received <= deadline
        and bid.withdrawn_at is None and bid.status != "withdrawn"
    )  # fmt: skip


# ── in SQL ───────────────────────────────────────────────────────────────────


class _Bytewise(GenericFunction[str]):
    """A text compared byte by byte, as Python and SQLite do; PostgreSQL would ask the language of its cluster."""

    inherit_cache = True
    name = "bytewise"


@compiles(_Bytewise)
def _as_it_is(element: Any, compiler: Any, **given: Any) -> str:
    return str(compiler.process(element.clauses, **given))


@compiles(_Bytewise, "postgresql")
def _collated(element: Any, compiler: Any, **given: Any) -> str:
    return f'({compiler.process(element.clauses, **given)}) COLLATE "C"'


def receipt_order(bid: Any = Bid) -> tuple[Any, ...]:
    """ORDER BY: the order of receipt, those without a time last, ties by id; the same on SQLite and PostgreSQL."""
    return bid.received_at.is_(None), bid.received_at, _Bytewise(bid.id)


@cache
def bid_on_hand() -> ColumnElement[bool]:
    """SQL over `Bid` and its `Lot`: the bid is on hand."""
    later = aliased(Bid)
    replaced = exists().where(
        later.lot_id == Bid.lot_id, later.bidder_id == Bid.bidder_id, later.id != Bid.id,
        _received_after(later, Bid), _in_this_round(later),
    )  # fmt: skip
    return and_(_in_this_round(Bid), ~replaced)


def _in_this_round(bid: Any) -> ColumnElement[bool]:
    return _handed_in(SQL, bid, Lot.deadline, round_before_sql())


def _received_after(one: Any, other: Any) -> ColumnElement[bool]:
    """Whether one bid comes after another in order of receipt."""
    tied = or_(
        one.received_at == other.received_at, and_(one.received_at.is_(None), other.received_at.is_(None))
    )
    return or_(
        one.received_at > other.received_at,
        and_(one.received_at.is_(None), other.received_at.is_not(None)),
        and_(tied, _Bytewise(one.id) > _Bytewise(other.id)),
    )


def bids_on_hand(session: Session, lot_id: str) -> list[Bid]:
    """The bids of a lot that are on hand, in order of receipt."""
    query = select(Bid).join(Lot, Lot.id == Bid.lot_id).where(Bid.lot_id == lot_id, bid_on_hand())
    return list(session.scalars(query.order_by(*receipt_order())))
