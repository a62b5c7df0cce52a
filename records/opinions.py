"""Opinions of society 社会监督意见: what waits for an answer, and answering.

A source may bring an answer with its record; one given at the desk is kept apart, so that a later version of
the record never takes it away, and it is the one the public sees.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from messages import Invalid, Message, Unknown
from records import audit, irregularities, texts
from records.administration import By
from records.clock import BEIJING, now
from records.lots import centre_of_lot
from records.public import papers, personal_numbers, rows
from records.sources import HOUSE
from records.tables.projects import Lot, Project
from records.tables.society import Opinion, OpinionAnswer, OpinionSender

OPEN, ANSWERED = "open", "answered"
LONGEST = 2000
LONGEST_NAME = 40
SHORTEST = 2
_CONTACT = re.compile(r"\+?[\d\- ]{7,20}|[^@\s]{1,40}@[^@\s]{3,22}")
"""A telephone number or an address of mail."""


@dataclass(frozen=True)
class HandledOpinion:
    """One opinion as the office sees it; who sent it is asked for apart (`sender`)."""

    id: str
    project_id: str | None
    project: str | None
    channel: str
    content: str
    received_at: datetime
    answered_at: datetime | None
    public_text: str | None
    """The answer as the public reads it, personal numbers of an answer a platform sent behind asterisks."""
    handler: str | None
    named: bool = False
    """Whether its sender left a name and a contact."""


def _query(centre: str | None, which: str) -> Select[Opinion, str | None, OpinionAnswer | None, str | None]:
    query = (
        select(Opinion, Project.name, OpinionAnswer, OpinionSender.opinion_id)
        .outerjoin(OpinionSender, OpinionSender.opinion_id == Opinion.id)
        .outerjoin(Project, Project.id == Opinion.project_id)
        .outerjoin(OpinionAnswer, OpinionAnswer.opinion_id == Opinion.id)
    )
    answered = or_(Opinion.answered_at.is_not(None), OpinionAnswer.opinion_id.is_not(None))
    if which == OPEN:
        query = query.where(~answered)
    elif which == ANSWERED:
        query = query.where(answered)
    if centre:
        here = select(Lot.project_id).where(centre_of_lot() == centre)
        query = query.where(Opinion.project_id.in_(here))
    return query


def listed(
    session: Session, centre: str | None = None, which: str = "", limit: int = 50, offset: int = 0
) -> list[HandledOpinion]:
    """Opinions of a centre's projects, or all: `which` is open, answered or empty for both; the open ones and
    among them the longest waiting first."""
    closed = func.coalesce(OpinionAnswer.answered_at, Opinion.answered_at)
    order = (closed.is_not(None), closed.desc(), Opinion.received_at, Opinion.id)
    rows = session.execute(_query(centre, which).order_by(*order).limit(limit).offset(offset))
    return [_handled(*row) for row in rows]


def one(session: Session, opinion_id: str) -> HandledOpinion | None:
    """One opinion as the office sees it; None if there is none."""
    found = session.execute(_query(None, "").where(Opinion.id == opinion_id)).first()
    return None if found is None else _handled(*found)


def count(session: Session, centre: str | None = None, which: str = "") -> int:
    """How many `listed` gives without a limit."""
    return session.scalar(select(func.count()).select_from(_query(centre, which).subquery())) or 0


def _handled(
    opinion: Opinion, project: str | None, answer: OpinionAnswer | None, named: str | None
) -> HandledOpinion:
    return HandledOpinion(
        id=opinion.id, project_id=opinion.project_id, project=project, channel=opinion.channel,
        content=opinion.content, received_at=opinion.received_at,
        answered_at=answer.answered_at if answer else opinion.answered_at,
        public_text=personal_numbers.masked((answer or opinion).public_text or "") or None,
        handler=answer.answered_by if answer else opinion.handler,
        named=named is not None,
    )  # fmt: skip


def submit(session: Session, project_id: str, content: str, name: str, contact: str) -> str:
    """Hand in an opinion from the public site; its number. The sender is kept apart and shown to the office alone.

    Raises ValueError (content, name or contact too short or too long, or with characters nobody sees).
    """
    words, who, where = (texts.typed(text.strip()) for text in (content, name, contact))
    if not SHORTEST <= len(words) <= LONGEST:
        raise Invalid(Message("opinion.content_length", least=SHORTEST, most=LONGEST))
    if not SHORTEST <= len(who) <= LONGEST_NAME:
        raise Invalid(Message("opinion.name_length", least=SHORTEST, most=LONGEST_NAME))
    if not _CONTACT.fullmatch(where):
        raise Invalid(Message("opinion.contact_form"))
    number = f"W{now().astimezone(BEIJING):%Y%m%d}-{secrets.token_hex(4)}"
    session.add(
        Opinion(
            id=number, project_id=project_id, channel="web", content=words, received_at=now(), source=HOUSE
        )
    )
    session.flush()
    session.add(OpinionSender(opinion_id=number, name=who, contact=where))
    return number


def sender(session: Session, opinion_id: str, by: By) -> tuple[str, str] | None:
    """Name and contact of who sent an opinion by the form, None where nobody gave them; the look is audited."""
    found = session.get(OpinionSender, opinion_id)
    if found is None:
        return None
    audit.write(
        session, by.name, "opinion.sender_seen", object_kind="opinion", object_id=opinion_id, ip=by.ip
    )
    return found.name, found.contact


def answer(session: Session, opinion_id: str, text: str, by: By) -> None:
    """Answer an opinion, or put an answer right: audited, and public at once.

    Raises LookupError (no such opinion), ValueError (too short or too long, with characters nobody sees, or with
    somebody's personal number).
    """
    opinion = session.get(Opinion, opinion_id)
    if opinion is None:
        raise Unknown(Message("opinion.unknown", opinion=opinion_id))
    words = texts.typed(text.strip())
    if not SHORTEST <= len(words) <= LONGEST:
        raise Invalid(Message("opinion.answer_length", least=SHORTEST, most=LONGEST))
    for found in irregularities.personal({"answer": words}):
        raise Invalid(found.refusal)
    held = session.get(OpinionAnswer, opinion_id)
    again = held is not None
    if held is None:
        held = OpinionAnswer(opinion_id=opinion_id)
        session.add(held)
    held.answered_by, held.answered_at, held.public_text = by.name, now(), words
    session.flush()
    rows.write(session, papers.opinions(session, [opinion_id], rows.demo_sources(session)))
    action = "opinion.answer_changed" if again else "opinion.answer"
    audit.write(session, by.name, action, object_kind="opinion", object_id=opinion_id, ip=by.ip)
