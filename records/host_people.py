"""The people at the host's desk 主持台: whose openings are today's, who else is there, and what two of them did together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from messages import Message
from records import draw
from records.administration import shown_names
from records.clock import bounds, today
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Room
from records.tables.projects import Lot
from records.tables.users import AuditEntry
from records.tables.witnessing import HostPresence
from records.visibility import announced
from records.witnessing import alarms

NEWEST = 5
"""Acts of two people that are listed."""
AUDITED = 2000
"""Among so many of the newest audit entries orders about the room are looked for."""


@dataclass(frozen=True)
class Pair:
    """One act that took two people: what it was, who began it and who completed it."""

    at: datetime
    what: Message
    first: str
    second: str


def today_of(session: Session, opening: Opening, user: str) -> list[tuple[Opening, str, str | None]]:
    """Today's openings of a host, by time, with lot and room: those of the room they are at, and those at whose desk
    they sat."""
    begin, until = bounds(today(), today())
    sat = select(HostPresence.opening_id).where(HostPresence.host == user)
    own = or_(Opening.id == opening.id, Opening.id.in_(sat), Opening.room_id == opening.room_id)
    query = (
        select(Opening, Lot.name, Room.name)
        .join(Lot, Lot.id == Opening.lot_id)
        .outerjoin(Room, Room.id == Opening.room_id)
        .where(own, announced(), Opening.scheduled_at >= begin, Opening.scheduled_at < until)
        .order_by(Opening.scheduled_at, Opening.id)
    )
    return [(one, lot, room) for one, lot, room in session.execute(query)]


def others(session: Session, opening_id: str, user: str) -> list[str]:
    """Who else is at the desk of an opening now, by the name they are shown under."""
    there = [one.host for one in alarms.hosts_there(session, opening_id) if one.host != user]
    shown = shown_names(session, there)
    return [shown[name] for name in there]


def by_two(session: Session, opening: Opening) -> list[Pair]:
    """The last acts that took two people, newest first, with the names they are shown under."""
    found = [*_steps(session, opening.id), *_orders(session, opening.room_id)]
    newest = sorted(found, key=lambda one: one.at, reverse=True)[:NEWEST]
    shown = shown_names(session, (name for pair in newest for name in (pair.first, pair.second)))
    return [replace(one, first=shown[one.first], second=shown[one.second]) for one in newest]


_COMPLETED = ("bid_corrected", "objection_answered", "coefficient_drawn")


def _steps(session: Session, opening_id: str) -> Iterator[Pair]:
    """Corrections by another than who read, objections answered by another than who noted them, draws."""
    query = select(OpeningEvent).where(
        OpeningEvent.opening_id == opening_id, OpeningEvent.type.in_(_COMPLETED)
    )
    for event in session.scalars(query.order_by(OpeningEvent.seq.desc()).limit(4 * NEWEST)):
        began = _who_began(session, event)
        if began is not None and began != event.actor:
            yield Pair(
                event.ts,
                Message(f"host.together.{event.type}", **_named(event)),
                began,
                event.actor,
            )


def _named(event: OpeningEvent) -> dict[str, Any]:
    """What the words of an act name: the draw and its result, else the number of the bidder or of the objection."""
    payload = event.payload
    if event.type != "coefficient_drawn":
        return {"no": payload["no"]}
    return {"kind": draw.kind_of(payload), "value": payload["value"]}


def _who_began(session: Session, event: OpeningEvent) -> str | None:
    """Who took the step that another one completes."""
    payload = event.payload
    if event.type == "coefficient_drawn":
        held = draw.draws(session, event.opening_id).by_kind[draw.kind_of(payload)]
        return next((who for who in held.actors.values() if who != event.actor), None)
    query = select(OpeningEvent.actor).where(OpeningEvent.opening_id == event.opening_id)
    if event.type == "bid_corrected":
        return session.scalar(query.where(OpeningEvent.seq == payload.get("corrects")))
    noted = session.scalars(
        select(OpeningEvent).where(
            OpeningEvent.opening_id == event.opening_id, OpeningEvent.type == "objection"
        )
    )
    return next((one.actor for one in noted if one.payload["no"] == payload["no"]), None)


def _orders(session: Session, room_id: str | None) -> Iterator[Pair]:
    """Orders about the room that a second person confirmed."""
    recent = select(func.max(AuditEntry.seq) - AUDITED).scalar_subquery()
    query = select(AuditEntry).where(
        AuditEntry.seq > recent, AuditEntry.object_kind == "room", AuditEntry.object_id == room_id
    )
    for entry in session.scalars(query.order_by(AuditEntry.seq.desc()).limit(4 * NEWEST)):
        detail, act = entry.detail, entry.action.removeprefix("room.")
        if detail.get("asked_by") and detail.get("outcome") in ("done", "ordered"):
            what = Message(f"control.{act}_{'on' if detail['on'] else 'off'}")
            yield Pair(entry.ts, what, detail["asked_by"], entry.actor)
