"""Evidence of the ledger beside a ring's statistics: ties among its members, and warnings on their joint lots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.tables.relations import Relation
from records.tables.supervision import Warning
from supervision.warnings.handling import CLOSED_STATES, VERDICTS

_MOST = 30
_LINKING = ("files", "bidders", "rings")
"""Families of rules that link bidders."""


@dataclass(frozen=True)
class Tie:
    """主体关系 of two members; `type` as in RELATION_TYPES."""

    type: str
    one: str
    other: str
    source: str


@dataclass(frozen=True)
class LotWarning:
    """A warning on a joint lot that names at least two members."""

    id: str
    level: str
    titles: tuple[str, str]
    """Chinese and English."""
    lot_id: str
    members: tuple[str, ...]


def verdicts_on_lots(session: Session) -> dict[str, bool]:
    """Lot → whether a warning of a linking rule on it was confirmed; lots of which all were refuted are False. What was
    closed for another reason says neither."""
    query = select(Warning.lot_id, Warning.disposition).where(
        Warning.lot_id.is_not(None), Warning.family.in_(_LINKING), Warning.state.in_(CLOSED_STATES),
        Warning.disposition.in_(VERDICTS),
    )  # fmt: skip
    found: dict[str, bool] = {}
    for lot, disposition in session.execute(query):
        if lot is not None:
            found[lot] = found.get(lot, False) or disposition == "confirmed"
    return found


def ties_among(session: Session, members: Sequence[str]) -> list[Tie]:
    """The relations whose both ends are members."""
    query = (
        select(Relation)
        .where(Relation.from_id.in_(members), Relation.to_id.in_(members))
        .order_by(Relation.type, Relation.id)
        .limit(_MOST)
    )
    return [Tie(one.type, one.from_id, one.to_id, one.source) for one in session.scalars(query)]


def warnings_among(session: Session, lots: Sequence[str], members: Sequence[str]) -> list[LotWarning]:
    """Warnings of linking rules on these lots whose subjects are at least two of the members, newest first."""
    query = (
        select(Warning)
        .where(Warning.lot_id.in_(lots), Warning.family.in_(_LINKING))
        .order_by(Warning.raised_at.desc(), Warning.id)
    )
    found = []
    for one in session.scalars(query):
        named = [s["id"] for s in one.subjects if s["kind"] == "bidder" and s["id"] in members]
        if len(named) >= 2 and one.lot_id:
            found.append(LotWarning(one.id, one.level, (one.title, one.title_en), one.lot_id, tuple(named)))
    return found[:_MOST]
