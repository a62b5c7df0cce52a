"""The funnel 漏斗 from warnings to closed leads over a period, with how long each step took (M44, M48, M49)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.tables.leads import Lead, LeadBatch
from records.tables.supervision import Warning, WarningChange
from supervision.leads.states import SENT
from supervision.warnings.raising import WATCH
from supervision.warnings.tally import in_statistics


@dataclass(frozen=True)
class Funnel:
    """Warnings raised, taken up, turned into leads, handed on, found valid and closed; medians in days."""

    raised: int
    taken_up: int
    leads: int
    sent: int
    batches: int
    answered: int
    valid: int
    closed: int
    days_to_lead: float | None
    days_to_send: float | None
    days_to_answer: float | None
    days_to_close: float | None


def funnel(
    session: Session, since: datetime | None = None, until: datetime | None = None, centre: str | None = None
) -> Funnel:
    """Of the warnings raised in a period, rehearsals aside, how far each came."""
    warnings = _warnings(session, since, until, centre)
    ids = {row.id for row in warnings}
    batches = {one.id: one for one in session.scalars(select(LeadBatch).where(LeadBatch.state.in_(SENT)))}
    leads = [one for one in session.scalars(select(Lead)) if one.batch_id in batches]
    own = [(one, batches[str(one.batch_id)]) for one in leads if ids.intersection(one.warnings)]
    sent = {warning: batch for lead, batch in own for warning in lead.warnings if warning in ids}
    turned = [row for row in warnings if row.state == "lead"]
    return Funnel(
        raised=len(warnings),
        taken_up=sum(row.acted is not None for row in warnings),
        leads=len(turned),
        sent=len(sent),
        batches=len({batch.id for _, batch in own}),
        answered=sum(_covers(lead, ids) for lead, _ in own if lead.valid is not None),
        valid=sum(_covers(lead, ids) for lead, _ in own if lead.valid),
        closed=sum(_covers(lead, ids) for lead, _ in own if lead.valid and lead.disposed_at),
        days_to_lead=_days((row.raised_at, row.acted_at) for row in turned),
        days_to_send=_days((row.acted_at, sent[row.id].transferred_at) for row in turned if row.id in sent),
        days_to_answer=_days((batch.transferred_at, batch.answered_at) for batch in batches.values()),
        days_to_close=_days((batch.answered_at, batch.closed_at) for batch in batches.values()),
    )


def _covers(lead: Lead, ids: set[str]) -> int:
    return len(ids.intersection(lead.warnings))


def _warnings(
    session: Session, since: datetime | None, until: datetime | None, centre: str | None
) -> Sequence[Any]:
    first = (
        select(WarningChange.warning_id, func.min(WarningChange.ts).label("at"))
        .where(WarningChange.actor != WATCH).group_by(WarningChange.warning_id).subquery()
    )  # fmt: skip
    query = (
        select(Warning.id, Warning.state, Warning.raised_at, Warning.acted_at, first.c.at.label("acted"))
        .outerjoin(first, first.c.warning_id == Warning.id).where(in_statistics())
    )  # fmt: skip
    if since is not None:
        query = query.where(Warning.raised_at >= since)
    if until is not None:
        query = query.where(Warning.raised_at < until)
    return session.execute(query if centre is None else query.where(Warning.centre_id == centre)).all()


def _days(spans: Iterable[tuple[datetime | None, datetime | None]]) -> float | None:
    found = [(end - begin) / timedelta(days=1) for begin, end in spans if begin and end and end >= begin]
    return round(median(found), 2) if found else None
