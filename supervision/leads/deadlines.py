"""The deadlines of a batch that was handed on: which of them is near or past, and the reminder the watch gives of it once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.clock import now
from records.tables.leads import LeadBatch

What = Literal["receipt", "answer"]
DeadlineState = Literal["open", "soon", "late"]
SOON = {"receipt": timedelta(days=1), "answer": timedelta(days=7)}
"""How long before its end a deadline counts as near 临期."""


@dataclass(frozen=True)
class Deadline:
    """What a batch waits for, until when, and how that stands."""

    what: What
    due: datetime
    state: DeadlineState

    @property
    def reminder(self) -> str | None:
        """The code of the reminder that is due; None while there is time."""
        return None if self.state == "open" else f"{self.what}_{self.state}"


def deadline_of(batch: LeadBatch, at: datetime | None = None) -> Deadline | None:
    """The deadline that runs; None for a batch that waits for nobody outside."""
    moment = at or now()
    found = _running(batch)
    if found is None:
        return None
    what, due = found
    late, soon = due <= moment, due - SOON[what] <= moment
    return Deadline(what, due, "late" if late else "soon" if soon else "open")


def _running(batch: LeadBatch) -> tuple[What, datetime] | None:
    if batch.state == "transferred" and batch.receipt_due_at:
        return "receipt", batch.receipt_due_at
    return ("answer", batch.due_at) if batch.state == "received" and batch.due_at else None


def due(session: Session) -> list[tuple[LeadBatch, Deadline]]:
    """The batches of whose deadlines nobody has been reminded yet."""
    waiting = select(LeadBatch).where(LeadBatch.state.in_(("transferred", "received"))).order_by(LeadBatch.id)
    deadlines = [(batch, deadline) for batch in session.scalars(waiting) if (deadline := deadline_of(batch))]
    return [
        (batch, deadline) for batch, deadline in deadlines if deadline.reminder not in (None, batch.reminded)
    ]


def remind(session: Session) -> list[tuple[str, Deadline]]:
    """The same batches, marked as reminded in the caller's transaction."""
    found = due(session)
    for batch, deadline in found:
        batch.reminded = deadline.reminder
    return [(batch.id, deadline) for batch, deadline in found]
