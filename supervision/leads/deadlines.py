"""The terms of a batch that was handed on: which of them is near or past, and the reminder the watch gives of it once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.clock import now
from records.tables.leads import LeadBatch

What = Literal["receipt", "answer"]
TermState = Literal["open", "soon", "late"]
SOON = {"receipt": timedelta(days=1), "answer": timedelta(days=7)}
"""How long before its end a term counts as near 临期."""


@dataclass(frozen=True)
class Term:
    """What a batch waits for, until when, and how that stands."""

    what: What
    due: datetime
    state: TermState

    @property
    def reminder(self) -> str | None:
        """The code of the reminder that is due; None while there is time."""
        return None if self.state == "open" else f"{self.what}_{self.state}"


def term_of(batch: LeadBatch, at: datetime | None = None) -> Term | None:
    """The term that runs; None for a batch that waits for nobody outside."""
    moment = at or now()
    found = _running(batch)
    if found is None:
        return None
    what, due = found
    late, soon = due <= moment, due - SOON[what] <= moment
    return Term(what, due, "late" if late else "soon" if soon else "open")


def _running(batch: LeadBatch) -> tuple[What, datetime] | None:
    if batch.state == "transferred" and batch.receipt_due_at:
        return "receipt", batch.receipt_due_at
    return ("answer", batch.due_at) if batch.state == "received" and batch.due_at else None


def due(session: Session) -> list[tuple[LeadBatch, Term]]:
    """The batches of whose terms nobody has been reminded yet."""
    waiting = select(LeadBatch).where(LeadBatch.state.in_(("transferred", "received"))).order_by(LeadBatch.id)
    terms = [(batch, term) for batch in session.scalars(waiting) if (term := term_of(batch))]
    return [(batch, term) for batch, term in terms if term.reminder not in (None, batch.reminded)]


def remind(session: Session) -> list[tuple[str, Term]]:
    """The same batches, marked as reminded in the caller's transaction."""
    found = due(session)
    for batch, term in found:
        batch.reminded = term.reminder
    return [(batch.id, term) for batch, term in found]
