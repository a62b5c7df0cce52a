"""Opinions of society 社会监督意见: what waits for an answer, and answering.

A source may bring an answer with its record; one given at the desk is kept apart, so that a later version of
the record never takes it away, and it is the one the public sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from messages import Invalid, Message, Unknown
from records import audit, texts
from records.administration import By
from records.clock import now
from records.lots import centre_of_lot
from records.public import papers, rows
from records.tables.projects import Lot, Project
from records.tables.society import Opinion, OpinionAnswer

OPEN, ANSWERED = "open", "answered"
LONGEST = 2000
SHORTEST = 2


@dataclass(frozen=True)
class HandledOpinion:
    """One opinion as the office sees it. Who sent it is not in the ledger."""

    id: str
    project_id: str | None
    project: str | None
    channel: str
    content: str
    received_at: datetime
    answered_at: datetime | None
    public_text: str | None
    handler: str | None


def _query(centre: str | None, which: str) -> Select[Opinion, str | None, OpinionAnswer | None]:
    query = (
        select(Opinion, Project.name, OpinionAnswer)
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
    return [_standing(opinion, name, answer) for opinion, name, answer in rows]


def one(session: Session, opinion_id: str) -> HandledOpinion | None:
    """One opinion as the office sees it; None if there is none."""
    found = session.execute(_query(None, "").where(Opinion.id == opinion_id)).first()
    return None if found is None else _standing(*found)


def count(session: Session, centre: str | None = None, which: str = "") -> int:
    """How many `listed` gives without a limit."""
    return session.scalar(select(func.count()).select_from(_query(centre, which).subquery())) or 0


def _standing(opinion: Opinion, project: str | None, answer: OpinionAnswer | None) -> HandledOpinion:
    return HandledOpinion(
        id=opinion.id, project_id=opinion.project_id, project=project, channel=opinion.channel,
        content=opinion.content, received_at=opinion.received_at,
        answered_at=answer.answered_at if answer else opinion.answered_at,
        public_text=answer.public_text if answer else opinion.public_text,
        handler=answer.answered_by if answer else opinion.handler,
    )  # fmt: skip


def answer(session: Session, opinion_id: str, text: str, by: By) -> None:
    """Answer an opinion, or put an answer right: audited, and public at once.

    Raises LookupError (no such opinion), ValueError (too short or too long, or with characters nobody sees).
    """
    opinion = session.get(Opinion, opinion_id)
    if opinion is None:
        raise Unknown(Message("opinion.unknown", opinion=opinion_id))
    words = texts.typed(text.strip())
    if not SHORTEST <= len(words) <= LONGEST:
        raise Invalid(Message("opinion.answer_length", least=SHORTEST, most=LONGEST))
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
