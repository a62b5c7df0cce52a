"""Data of the leads screen: the batches with their deadlines, one of them with its checklist, and what may go into one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

import messages
from dashboard.live import warnings as warning_views
from messages import Invalid, Message, Unknown
from records.administration import shown_name
from records.clock import now, rfc3339
from records.tables.leads import Lead, LeadBatch
from supervision.leads import checklist, deadlines, desk
from supervision.leads.states import ACTIONS, ANSWERABLE, STATES, STEPS, TARGETS, Step
from supervision.warnings import desk as warnings

OPEN = "open"
"""The state filter "not done 未办结"."""
_MOMENTS = {
    "draft": "created_at", "review": "reviewed_at", "approved": "reviewed_at", "transferred": "transferred_at",
    "received": "received_at", "answered": "answered_at", "closed": "closed_at",
}  # fmt: skip
"""State → the column that says when the batch came there."""


@dataclass(frozen=True)
class Question:
    """What the list of batches is narrowed to; empty means all."""

    target: str = ""
    state: str = ""
    centre: str = ""
    since: datetime | None = None
    until: datetime | None = None


def question(asked: Mapping[str, str], since: datetime | None, until: datetime | None) -> Question:
    """Read the query of /api/leads. Raises Invalid naming what is wrong."""
    target, state = asked.get("target", ""), asked.get("state", "")
    for name, value, known in (("target", target, TARGETS), ("state", state, (*STATES, OPEN))):
        if value and value not in known:
            raise Invalid(Message("http.not_one_of", name=name, choices=list(known)))
    return Question(target, state, asked.get("centre", ""), since, until)


def overview(session: Session, asked: Question, lang: str) -> dict[str, Any]:
    """The batches, newest first, what is near or past its deadline, and how many warnings wait for a batch."""
    leads = desk.leads_by_batch(session)
    centres = desk.centres_of_leads(session) if asked.centre else {}
    rows = [
        batch for batch in desk.batches(session)
        if _fits(batch, asked) and _in_centre(leads.get(batch.id, []), asked.centre, centres)
    ]  # fmt: skip
    return {
        "batches": [line(batch, leads.get(batch.id, []), lang) for batch in rows],
        "pool": len(desk.pool(session)),
        "deadlines": [one for batch in rows if (one := _deadline(batch, lang)) and one["state"] != "open"],
    }


def _fits(batch: LeadBatch, asked: Question) -> bool:
    return (
        (not asked.target or batch.target == asked.target)
        and (not asked.state or batch.state == asked.state or (asked.state == OPEN and batch.state not in ("closed", "withdrawn")))
        and (asked.since is None or batch.created_at >= asked.since)
        and (asked.until is None or batch.created_at < asked.until)
    )  # fmt: skip


def _in_centre(leads: list[Lead], centre: str, centres: Mapping[str, str | None]) -> bool:
    return not centre or any(centres.get(one) == centre for lead in leads for one in lead.warnings)


def line(batch: LeadBatch, leads: list[Lead], lang: str) -> dict[str, Any]:
    """One batch in the list."""
    answered = [lead for lead in leads if lead.valid is not None]
    valid = [lead for lead in answered if lead.valid]
    return {
        "id": batch.id,
        "title": batch.title or (leads[0].title if leads else batch.id),
        "version": batch.version,
        "state": batch.state,
        "state_name": messages.say(f"leads.state.{batch.state}", lang),
        "target": batch.target,
        "target_name": messages.say(f"leads.targets.{batch.target}", lang),
        "office": batch.target_name,
        "leads": len(leads),
        "warnings": sum(len(lead.warnings) for lead in leads),
        "created_at": rfc3339(batch.created_at),
        "transferred_at": rfc3339(batch.transferred_at),
        "received_at": rfc3339(batch.received_at),
        "due_at": rfc3339(batch.due_at),
        "deadline": _deadline(batch, lang),
        "answered_at": rfc3339(batch.answered_at),
        "kept": _kept(batch),
        "valid": len(valid),
        "invalid": len(answered) - len(valid),
        "waiting": len(leads) - len(answered),
        "disposed": sum(lead.disposed_at is not None for lead in valid),
    }


def _kept(batch: LeadBatch) -> bool | None:
    """Whether the answer came within its deadline; None while there is none."""
    if batch.due_at is None or (batch.answered_at or batch.closed_at) is None:
        return None
    return bool((batch.answered_at or batch.closed_at or batch.due_at) <= batch.due_at)


def _deadline(batch: LeadBatch, lang: str) -> dict[str, Any] | None:
    deadline = deadlines.deadline_of(batch)
    if deadline is None:
        return None
    days = abs((deadline.due - now()).total_seconds()) / 86_400
    key = f"leads.term.{deadline.what}_{'late' if deadline.state == 'late' else 'left'}"
    text = messages.say(key, lang, days=f"{days:.0f}" if days >= 1 else "< 1")
    return {
        "batch": batch.id,
        "what": deadline.what,
        "due": rfc3339(deadline.due),
        "state": deadline.state,
        "text": text,
    }


def whole(session: Session, batch_id: str, user: str, lang: str, *, two: bool) -> dict[str, Any]:
    """One batch: its steps, its leads with their checklist, what may be done with it. Raises Unknown."""
    batch = session.get(LeadBatch, batch_id)
    if batch is None:
        raise Unknown(Message("leads.unknown", batch=batch_id))
    leads = list(desk.leads_of(session, batch_id))
    shown = [_lead(session, lead, lang) for lead in leads]
    papers = [paper for lead in shown for row in lead["warnings"] for paper in row["papers"]]
    return {
        **line(batch, leads, lang),
        "secrecy": batch.secrecy,
        "created_by": shown_name(session, batch.created_by),
        "reviewed_by": shown_name(session, batch.reviewed_by),
        "note": batch.note,
        "receipt": batch.receipt,
        "receipt_due_at": rfc3339(batch.receipt_due_at),
        "running_hours": round((((batch.closed_at or now()) - batch.created_at).total_seconds()) / 3600, 1),
        "steps": _steps(batch, lang, two=two),
        "leads": shown,
        "needed": sum(one["state"] != "not_needed" for one in papers),
        "there": sum(one["state"] == "there" for one in papers),
        "missing": sum(one["state"] == "missing" for one in papers),
        "actions": [_action(name, batch, user, lang, filled=bool(leads)) for name, step in ACTIONS.items() if batch.state in step.states],
        "answerable": batch.state in ANSWERABLE,
    }  # fmt: skip


def _action(name: str, batch: LeadBatch, user: str, lang: str, *, filled: bool) -> dict[str, Any]:
    refusal = _refusal(ACTIONS[name], batch, user, filled=filled)  # type: ignore[index]
    return {
        "id": name, "name": messages.say(f"leads.action.{name}", lang), "noted": ACTIONS[name].noted,  # type: ignore[index]
        "allowed": refusal is None,
        "hint": refusal.text(lang) if refusal else messages.say(f"leads.hint.{name}", lang),
    }  # fmt: skip


def _refusal(step: Step, batch: LeadBatch, user: str, *, filled: bool) -> Message | None:
    """Why a step that the batch's state allows would be refused all the same."""
    if step.filled and not filled:
        return Message("leads.empty", batch=batch.id)
    return Message("leads.another_person") if step.another and batch.created_by == user else None


def _steps(batch: LeadBatch, lang: str, *, two: bool) -> list[dict[str, Any]]:
    """The way of a batch: what is done, where it stands, what comes; where one person is enough there is no review."""
    way = [state for state in STEPS if two or state != "review"]
    here = way.index(batch.state) if batch.state in way else -1
    return [
        {"id": state, "name": messages.say(f"leads.step.{state}", lang), "at": rfc3339(getattr(batch, _MOMENTS[state])) if place <= here else None,
         "here": place == here, "done": place < here}
        for place, state in enumerate(way)
    ]  # fmt: skip


def _lead(session: Session, lead: Lead, lang: str) -> dict[str, Any]:
    papers = checklist.papers(session, lead)
    rows = [warnings.get_warning(session, one) for one in papers]
    return {
        "id": lead.id,
        "title": next((row.titled(lang) for row in rows if row.title == lead.title), lead.title),
        "valid": lead.valid,
        "result": lead.result,
        "disposed_at": rfc3339(lead.disposed_at),
        "warnings": [
            {**warning_views.item(row, lang), "papers": [{"item": paper.item, "state": paper.state, "note": paper.note} for paper in papers[row.id]]}
            for row in rows
        ],
    }  # fmt: skip


def free(session: Session, lang: str) -> list[dict[str, Any]]:
    """The warnings that may go into a batch."""
    return [warning_views.item(warnings.get_warning(session, one.id), lang) for one in desk.pool(session)]
