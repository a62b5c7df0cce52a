"""The public read model: rows of `public_event`, written with the record they tell of, read by the hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.base import now
from records.broadcast import PublicEvent
from records.intake import Source
from records.openings import Opening
from records.organisations import Centre, Organisation, Room
from records.projects import Lot, Project
from records.visibility import FIRST_MOMENT

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
MASK = "******"


def rfc3339(moment: datetime | None) -> str | None:
    """A moment as users see it: RFC 3339 in Beijing time."""
    return None if moment is None else moment.astimezone(BEIJING).isoformat(timespec="milliseconds")


def local_day(moment: datetime) -> str:
    """The Beijing day of a moment, YYYY-MM-DD."""
    return moment.astimezone(BEIJING).date().isoformat()


def publish(
    session: Session,
    topic: str,
    subject: str,
    payload: Mapping[str, Any],
    *,
    visible_from: datetime = FIRST_MOMENT,
    position: int = 0,
    day: str | None = None,
) -> PublicEvent:
    """Write one public row in the caller's transaction."""
    row = PublicEvent(
        topic=topic,
        subject=subject,
        payload=dict(payload),
        visible_from=visible_from,
        position=position,
        day=day,
    )
    session.add(row)
    return row


def publish_opening(session: Session, opening: Opening) -> None:
    """Write the public state of an opening as it stands: no datum here depends on who bids.

    That somebody has signed in is such a datum: before the deadline the stage stays "waiting".
    """
    lot = session.get_one(Lot, opening.lot_id)
    project = session.get_one(Project, lot.project_id)
    room = session.get(Room, opening.room_id) if opening.room_id else None
    centre = session.get(Centre, room.centre_id) if room else None
    early = lot.deadline is not None and now() < lot.deadline
    payload = {
        "id": opening.id,
        "room": opening.room_id,
        "room_name": room.name if room else None,
        "centre": centre.id if centre else None,
        "centre_name": centre.name if centre else None,
        "lot": lot.id,
        "title": lot.name,
        "project": project.id,
        "project_name": project.name,
        "tenderer": _name(session, lot.tenderer_id),
        "agency": _name(session, lot.agency_id),
        "trade_family": lot.trade_family,
        "category": lot.category,
        "method": lot.method,
        "key_project": bool(project.key_flag),
        "control_price": None if lot.control_price is None else str(lot.control_price),
        "prequalification": lot.prequalification,
        "state": opening.state,
        "stage": "waiting" if early and opening.stage == "sign_in" else opening.stage,
        "result": opening.result,
        "scheduled_at": rfc3339(opening.scheduled_at),
        "started_at": rfc3339(opening.started_at),
        "ended_at": rfc3339(opening.ended_at),
        "demo": _is_demo(session, opening.source),
    }
    publish(session, "opening", opening.id, payload, day=local_day(opening.scheduled_at))


def _is_demo(session: Session, source: str) -> bool:
    row = session.get(Source, source)
    return bool(row and row.demo)


def _name(session: Session, organisation_id: str | None) -> str | None:
    organisation = session.get(Organisation, organisation_id) if organisation_id else None
    return organisation.name if organisation else None


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
