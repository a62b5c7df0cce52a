"""The desk's door to leads: put batches together, hand them on, write down what comes back. Every change is audited, and
who changes a batch says which version of it he saw, so that two people do not undo each other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from messages import Invalid, Message, Unknown
from records import audit
from records.administration import By, Conflict
from records.clock import local_now, now, rfc3339
from records.tables.leads import Lead, LeadBatch
from records.tables.projects import Lot
from records.tables.supervision import Warning
from supervision.leads.states import ACTIONS, ANSWERABLE, SECRECY, TARGETS, UNSENT, Action
from supervision.rules.registry import RULES
from supervision.warnings.raising import add_change

RECEIPT_WITHIN = timedelta(days=3)
"""When the receiving body should have confirmed the receipt, counted in days of the calendar."""
ANSWER_WITHIN = timedelta(days=30)
LONGEST_TERM = timedelta(days=365)
MOST_WARNINGS = 200
LONGEST_TEXT = 1000
_LOCK = 0x73756E78


class IllegalStep(Conflict):
    """A step the batch's state does not allow, or one without what it takes."""


def begin(session: Session, given: Mapping[str, Any], by: By) -> LeadBatch:
    """A new batch of some warnings. Raises Invalid, Unknown, Conflict naming what is wrong."""
    batch = LeadBatch(
        id=_number(session), state="draft", version=1, created_by=by.name, created_at=now(), **_head(given)
    )
    session.add(batch)
    session.flush()
    _put_in(session, batch, given.get("warnings") or [], by)
    _note(session, "lead.begin", batch, by, {"warnings": len(warnings_of(session, batch.id))})
    return batch


def change(session: Session, batch_id: str, seen: int, given: Mapping[str, Any], by: By) -> LeadBatch:
    """Change a draft: its head, `add` warnings, `drop` warnings."""
    batch = held(session, batch_id, seen)
    if batch.state != "draft":
        raise IllegalStep(Message("leads.only_draft", batch=batch.id))
    for name, value in _head(given, batch).items():
        setattr(batch, name, value)
    _take_out(session, batch, given.get("drop") or [])
    _put_in(session, batch, given.get("add") or [], by)
    return _changed(session, "lead.change", batch, by, {})


def act(
    session: Session, batch_id: str, action: Action, seen: int, by: By, *, note: str | None = None,
    due: datetime | None = None, two: bool = True,
) -> LeadBatch:  # fmt: skip
    """Do one of ACTIONS. `due`: by when the receiving body is to answer; `two`: whether another person has to approve."""
    batch, step = held(session, batch_id, seen), ACTIONS.get(action)
    if step is None:
        raise Invalid(Message("http.not_one_of", name="action", choices=list(ACTIONS)))
    words = checked_text(note)
    _check(session, batch, action, by, words)
    before, batch.state = batch.state, "approved" if action == "submit" and not two else step.becomes
    _remember(batch, action, by, words, due)
    if action == "withdraw":
        _take_out(session, batch, warnings_of(session, batch.id))
    detail = {"from": before, "to": batch.state, "note": words, "due": rfc3339(batch.due_at)}
    return _changed(session, f"lead.{action}", batch, by, detail)


def _check(session: Session, batch: LeadBatch, action: Action, by: By, note: str | None) -> None:
    step, name = ACTIONS[action], Message(f"leads.action.{action}")
    if batch.state not in step.states:
        raise IllegalStep(
            Message("leads.not_in_this_state", batch=batch.id, state=Message(f"leads.state.{batch.state}"), action=name)
        )  # fmt: skip
    if step.another and batch.created_by == by.name:
        raise IllegalStep(Message("leads.another_person"))
    if step.noted and not note:
        raise IllegalStep(Message("leads.note_required", action=name))
    leads = leads_of(session, batch.id)
    if step.filled and not leads:
        raise IllegalStep(Message("leads.empty", batch=batch.id))
    if action == "close" and (left := [one.id for one in leads if one.valid and one.disposed_at is None]):
        raise IllegalStep(Message("leads.not_disposed", leads=left))


def _remember(batch: LeadBatch, action: Action, by: By, note: str | None, due: datetime | None) -> None:
    """What a step leaves in the batch."""
    moment = now()
    if action in ("return", "withdraw"):
        batch.note = note
    elif action in ("approve", "submit"):
        batch.reviewed_by, batch.reviewed_at = (by.name, moment) if action == "approve" else (None, None)
    elif action == "transfer":
        batch.transferred_at, batch.receipt_due_at = moment, moment + RECEIPT_WITHIN
        batch.due_at = _term(due, moment)
    elif action == "receive":
        batch.receipt, batch.received_at = note, moment
    elif action == "close":
        batch.closed_at = moment


def _term(due: datetime | None, moment: datetime) -> datetime:
    if due is not None and not moment < due <= moment + LONGEST_TERM:
        raise Invalid(Message("leads.due", most=LONGEST_TERM.days))
    return due or moment + ANSWER_WITHIN


def answer(
    session: Session, batch_id: str, lead_id: str, seen: int, by: By, *, valid: bool, result: str, disposed: bool
) -> LeadBatch:  # fmt: skip
    """Write down what came back about one lead; of one that is not valid nothing is left to do. With the last answer
    the batch is answered."""
    batch, lead = _of_batch(session, batch_id, lead_id, seen)
    if batch.state not in ANSWERABLE:
        raise IllegalStep(Message("leads.not_answerable", batch=batch.id, state=Message(f"leads.state.{batch.state}")))  # fmt: skip
    words = checked_text(result)
    if not words:
        raise Invalid(Message("leads.result_required"))
    first = lead.valid is None
    lead.valid, lead.result = valid, words
    lead.disposed_at = (lead.disposed_at or now()) if disposed or not valid else None
    session.flush()
    if all(one.valid is not None for one in leads_of(session, batch.id)) and batch.state == "received":
        batch.state, batch.answered_at = "answered", now()
    _verdict(session, lead, by, first=first)
    detail = {"lead": lead.id, "valid": valid, "disposed": lead.disposed_at is not None}
    return _changed(session, "lead.answer", batch, by, detail)


def _verdict(session: Session, lead: Lead, by: By, *, first: bool) -> None:
    """The receiving body's answer is the verdict on the warnings the lead was made of. The first is a step of their
    history even where a supervisor had said the same; later ones are where they say something else."""
    for warning in session.scalars(select(Warning).where(Warning.id.in_(lead.warnings))):
        verdict = "confirmed" if lead.valid else "not_confirmed"
        if first or warning.disposition != verdict:
            warning.disposition = verdict
            add_change(session, warning, by.name, lead.result, disposition=verdict)


def add_paper(
    session: Session, batch_id: str, lead_id: str, seen: int, by: By, *, warning: str, item: str, note: str
) -> LeadBatch:  # fmt: skip
    """Write down that a paper of the checklist was put in besides what the ledger holds."""
    batch, lead = _of_batch(session, batch_id, lead_id, seen)
    words = checked_text(note)
    if batch.state not in UNSENT:
        raise IllegalStep(Message("leads.only_unsent", batch=batch.id))
    if warning not in lead.warnings:
        raise Unknown(Message("warning.unknown_warning", warning=warning))
    if not words:
        raise Invalid(Message("leads.paper_note"))
    lead.checklist = [*lead.checklist, {"warning": warning, "item": item, "note": words, "by": by.name, "at": rfc3339(now())}]  # fmt: skip
    return _changed(session, "lead.paper", batch, by, {"lead": lead.id, "item": item})


# ── what is in a batch ───────────────────────────────────────────────────────


def held(session: Session, batch_id: str, seen: int) -> LeadBatch:
    """The batch, to be changed by somebody who saw this version of it. Raises Unknown, Conflict."""
    batch = session.get(LeadBatch, batch_id, with_for_update=True, populate_existing=True)
    if batch is None:
        raise Unknown(Message("leads.unknown", batch=batch_id))
    if batch.version != seen:
        raise Conflict(Message("leads.changed_since", batch=batch_id))
    return batch


def leads_of(session: Session, batch_id: str) -> Sequence[Lead]:
    """The leads of a batch, in order."""
    return session.scalars(select(Lead).where(Lead.batch_id == batch_id).order_by(Lead.id)).all()


def warnings_of(session: Session, batch_id: str) -> list[str]:
    """The warnings of a batch."""
    return [one for lead in leads_of(session, batch_id) for one in lead.warnings]


def batch_with(session: Session, warning_id: str) -> str | None:
    """The batch in which a warning is; None where it waits for one."""
    query = select(Lead.batch_id, Lead.warnings).where(Lead.batch_id.is_not(None))
    return next((batch for batch, warnings in session.execute(query) if warning_id in warnings), None)


def is_batch(session: Session, batch_id: str) -> bool:
    """Whether there is a batch of this number."""
    return session.get(LeadBatch, batch_id) is not None


def any_batch(session: Session) -> bool:
    """Whether there is any batch."""
    return session.scalar(select(LeadBatch.id).limit(1)) is not None


def batches(session: Session) -> Sequence[LeadBatch]:
    """All batches, newest first."""
    return session.scalars(select(LeadBatch).order_by(LeadBatch.created_at.desc(), LeadBatch.id.desc())).all()


def leads_by_batch(session: Session) -> dict[str, list[Lead]]:
    """Batch → its leads, in their order."""
    found: dict[str, list[Lead]] = {}
    for lead in session.scalars(select(Lead).where(Lead.batch_id.is_not(None)).order_by(Lead.id)):
        found.setdefault(str(lead.batch_id), []).append(lead)
    return found


def centres_of_leads(session: Session) -> dict[str, str | None]:
    """Warning → its centre, of those that became leads."""
    query = select(Warning.id, Warning.centre_id).where(Warning.state == "lead")
    return {row.id: row.centre_id for row in session.execute(query)}


def pool(session: Session) -> list[Warning]:
    """Warnings turned into leads that are in no batch yet, newest first."""
    taken = {one for warnings in session.scalars(select(Lead.warnings)) for one in warnings}
    query = select(Warning).where(Warning.state == "lead").order_by(Warning.raised_at.desc(), Warning.id)
    return [one for one in session.scalars(query) if one.id not in taken]


def _put_in(session: Session, batch: LeadBatch, wanted: object, by: By) -> None:
    """Warnings about one lot make one lead; one about no lot is a lead of its own."""
    ids = _ids(wanted)
    free = {one.id: one for one in pool(session)}
    if missing := [one for one in ids if one not in free]:
        raise Conflict(Message("leads.not_free", warnings=[_called(session, one) for one in missing]))
    by_lot: dict[str, list[Warning]] = defaultdict(list)
    for one in ids:
        by_lot[free[one].lot_id or one].append(free[one])
    existing = {_lot_of(session, lead): lead for lead in leads_of(session, batch.id)}
    for lot, found in by_lot.items():
        lead = existing.get(lot)
        if lead is None:
            lead = Lead(id=_lead_number(session, batch), batch_id=batch.id, title=_title(session, found), warnings=[],
                        checklist=[], created_by=by.name, created_at=now())  # fmt: skip
            session.add(lead)
        lead.warnings = [*lead.warnings, *(one.id for one in found)]
        session.flush()


def _called(session: Session, warning_id: str) -> Message | str:
    """What a warning is called in a refusal: what its rule finds and where; its number where there is none."""
    held = session.get(Warning, warning_id)
    if held is None or held.rule not in RULES:
        return warning_id
    lot = session.get(Lot, held.lot_id) if held.lot_id else None
    what = RULES[held.rule].says("name")
    return Message("leads.finding_in", what=what, lot=lot.name) if lot else what


def _take_out(session: Session, batch: LeadBatch, wanted: object) -> None:
    gone = set(_ids(wanted))
    for lead in leads_of(session, batch.id):
        lead.warnings = [one for one in lead.warnings if one not in gone]
        if not lead.warnings:
            session.delete(lead)
    session.flush()


def _lot_of(session: Session, lead: Lead) -> str:
    first = session.get(Warning, lead.warnings[0]) if lead.warnings else None
    return (first.lot_id or first.id) if first else lead.id


def _title(session: Session, found: Sequence[Warning]) -> str:
    lot = session.get(Lot, found[0].lot_id) if found[0].lot_id else None
    return lot.name if lot else found[0].title


def _of_batch(session: Session, batch_id: str, lead_id: str, seen: int) -> tuple[LeadBatch, Lead]:
    batch, lead = held(session, batch_id, seen), session.get(Lead, lead_id)
    if lead is None or lead.batch_id != batch.id:
        raise Unknown(Message("leads.unknown_lead", lead=lead_id, batch=batch_id))
    return batch, lead


# ── what is given ────────────────────────────────────────────────────────────


def checked_text(given: object) -> str | None:
    """A text as it is kept. Raises Invalid for one that is too long or none at all."""
    if given is not None and (not isinstance(given, str) or len(given) > LONGEST_TEXT):
        raise Invalid(Message("leads.text_too_long", most=LONGEST_TEXT))
    return (given or "").strip() or None


def _head(given: Mapping[str, Any], held: LeadBatch | None = None) -> dict[str, str]:
    """Title, target, office and marking; what is not named stays."""
    found = {
        name: checked_text(given.get(name, getattr(held, name, None))) or ""
        for name in ("title", "target", "target_name", "secrecy")
    }
    found["secrecy"] = found["secrecy"] or SECRECY[0]
    for name, known in (("target", TARGETS), ("secrecy", SECRECY)):
        if found[name] not in known:
            raise Invalid(Message("http.not_one_of", name=name, choices=list(known)))
    if not found["title"]:
        raise Invalid(Message("leads.title_required"))
    return {**found, "title": checked_text(_suspected(found["title"])) or ""}


def _suspected(title: str) -> str:
    """A batch's title as the list and the letter carry it: what is handed on for checking accuses nobody, and says so."""
    return title if re.search("疑似|suspected", title, re.IGNORECASE) else f"{title}（疑似）"


def _ids(given: object) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise Invalid(Message("leads.warnings_form"))
    if len(given) > MOST_WARNINGS:
        raise Invalid(Message("warning.too_many_ids", most=MOST_WARNINGS))
    return list(dict.fromkeys(given))


def _number(session: Session) -> str:
    """LZ2026-14: the year and the batch's number in it. Writers queue on PostgreSQL, as they do on SQLite anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    stem = f"LZ{local_now():%Y}-"
    numbers = session.scalars(select(LeadBatch.id).where(LeadBatch.id.startswith(stem)))
    taken = [int(one.removeprefix(stem)) for one in numbers if one.removeprefix(stem).isdigit()]
    return f"{stem}{max(taken, default=0) + 1:02d}"


def _lead_number(session: Session, batch: LeadBatch) -> str:
    stem = f"XS{batch.id.removeprefix('LZ')}-"
    number = session.scalar(select(func.count()).select_from(Lead).where(Lead.id.startswith(stem))) or 0
    while session.get(Lead, f"{stem}{number + 1}") is not None:
        number += 1
    return f"{stem}{number + 1}"


def _changed(session: Session, action: str, batch: LeadBatch, by: By, detail: dict[str, Any]) -> LeadBatch:
    batch.version += 1
    session.flush()
    _note(session, action, batch, by, detail)
    return batch


def _note(session: Session, action: str, batch: LeadBatch, by: By, detail: dict[str, Any]) -> None:
    audit.write(
        session, by.name, action, object_kind="lead_batch", object_id=batch.id, detail=detail, ip=by.ip
    )
