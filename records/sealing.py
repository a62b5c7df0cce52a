"""The `sealed` event of an opening: the hub seals and may write no opening; who may tells it in the opening's chain."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.ledger import Ledger
from records.states import append_event
from records.tables.evidence import Seal
from records.tables.openings import Opening

ACTOR = "hub"


def _untold(session: Session) -> list[Seal]:
    query = select(Seal).join(Opening, Opening.id == Seal.opening_id).where(Opening.state == "ended")
    return list(session.scalars(query.order_by(Seal.sealed_at)))


def tell_sealed(ledger: Ledger) -> list[str]:
    """Append `sealed` to the openings whose seal stands in the ledger; gives their ids. Each is told once: the state
    machine refuses a second. Raises SQLAlchemyError."""
    with ledger.read() as session:
        if not _untold(session):
            return []
    with ledger.write() as session:
        told = _untold(session)
        for seal in told:
            payload = {"head": seal.head, "segments": seal.segments}
            append_event(session, seal.opening_id, "sealed", payload, actor=ACTOR)
        return [seal.opening_id for seal in told]
