"""The public read model: the one writer of `public_event`, in the transaction of the record it tells of, and its reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from records.bulk import insert_rows
from records.clock import now
from records.tables.base import table_of
from records.tables.broadcast import PublicEvent
from records.tables.intake import Source
from records.visibility import FIRST_MOMENT

MASK = "******"
RECORD_COLUMNS = ("name", "members", "price", "duration_days", "quality", "decrypt_status")
"""What a row of topic `record` tells of each bid, in this order; a list a bid, since a market has millions."""
_PUBLIC = table_of(PublicEvent)

Row = dict[str, Any]
"""A row of `public_event` that is to be written."""


def row(
    topic: str, subject: str, payload: Mapping[str, Any], since: datetime = FIRST_MOMENT, position: int = 0,
    day: str | None = None,
) -> Row:  # fmt: skip
    """A public row of `subject`, visible from `since`."""
    return {
        "topic": topic, "subject": subject, "position": position, "day": day, "visible_from": since,
        "payload": dict(payload), "created_at": now(), "project": payload.get("project"),
    }  # fmt: skip


def write(session: Session, rows: list[Row]) -> None:
    """Write public rows in the caller's transaction; nothing else writes any."""
    insert_rows(session.connection(), _PUBLIC, rows)


def publish(
    session: Session,
    topic: str,
    subject: str,
    payload: Mapping[str, Any],
    *,
    visible_from: datetime = FIRST_MOMENT,
    position: int = 0,
    day: str | None = None,
) -> None:
    """Write one public row in the caller's transaction."""
    write(session, [row(topic, subject, payload, visible_from, position, day)])


def demo_sources(session: Session) -> frozenset[str]:
    """Sources of demonstration data 演示数据: what is theirs says so in public."""
    return frozenset(session.scalars(select(Source.name).where(Source.demo)))


_IN_THE_TABLE = {"synchronize_session": False}
"""Only there: rows are told once and not held, and looking through all that a session holds takes longer the more it is."""


def forget_unseen(session: Session, topic: str, subjects: Iterable[str]) -> None:
    """Take back what nobody has seen yet of these subjects, before they are told anew.

    A deadline that is moved, or a paper that is dated anew, would otherwise be shown at the old time.
    """
    wanted = list(subjects)
    if wanted:
        unseen = (
            PublicEvent.topic == topic,
            PublicEvent.subject.in_(wanted),
            PublicEvent.visible_from > now(),
        )
        session.execute(delete(PublicEvent).where(*unseen), execution_options=_IN_THE_TABLE)


def money(amount: Any) -> str | None:
    """An amount as users see it: a plain decimal string."""
    return None if amount is None else format(amount, "f")


def show_what_waited(session: Session, opening_id: str, since: datetime) -> None:
    """The events of an opening so far are public from `since`."""
    waiting = (PublicEvent.subject == opening_id, PublicEvent.visible_from > since)
    shown = update(PublicEvent).where(PublicEvent.topic == "opening_event", *waiting)
    session.execute(shown.values(visible_from=since), execution_options=_IN_THE_TABLE)


def latest(session: Session, topic: str, subject: str, at: datetime | None = None) -> dict[str, Any] | None:
    """The newest visible payload of a subject, or None if the public may not know of it."""
    row = session.scalars(
        select(PublicEvent)
        .where(
            PublicEvent.topic == topic,
            PublicEvent.subject == subject,
            PublicEvent.visible_from <= (at or now()),
        )
        .order_by(PublicEvent.seq.desc())
        .limit(1)
    ).first()
    return None if row is None else row.payload


def latest_all(
    session: Session, topic: str, *, day: str | None = None, at: datetime | None = None
) -> list[dict[str, Any]]:
    """The newest visible payload of every subject of a topic, optionally of one day, oldest subject first."""
    moment = at or now()
    newest = (
        select(func.max(PublicEvent.seq))
        .where(PublicEvent.topic == topic, PublicEvent.visible_from <= moment)
        .group_by(PublicEvent.subject)
    )
    if day is not None:
        on_day = select(PublicEvent.subject).where(PublicEvent.topic == topic, PublicEvent.day == day)
        newest = newest.where(PublicEvent.subject.in_(on_day))
    query = select(PublicEvent).where(PublicEvent.seq.in_(newest)).order_by(PublicEvent.seq)
    return [row.payload for row in session.scalars(query) if day is None or row.day == day]


def opening_events(
    session: Session, opening_id: str, after: int = 0, at: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Feed messages of one opening from `after`, gapless: stops before the first one not yet visible."""
    moment = at or now()
    query = (
        select(PublicEvent)
        .where(
            PublicEvent.topic == "opening_event",
            PublicEvent.subject == opening_id,
            PublicEvent.position > after,
        )
        .order_by(PublicEvent.position)
    )
    for row in session.scalars(query):
        if row.visible_from > moment:
            return
        yield row.payload
