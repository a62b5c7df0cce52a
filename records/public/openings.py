"""The public row of an opening, and from when the public may know how it stands and what happened at it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from records.bulk import chunks
from records.clock import local_day, now, rfc3339
from records.public.rows import forget_unseen, publish
from records.tables.intake import Source
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Centre, Organisation, Room
from records.tables.projects import Lot, Project
from records.visibility import FIRST_MOMENT, NO_MOMENT, Datum, LotClock, visible, visible_from


def publish_opening(session: Session, opening: Opening) -> None:
    """Write the public state of an opening as it stands: no datum here depends on who bids.

    That somebody has signed in is such a datum: until the list is published the stage stays "waiting".
    """
    lot = session.get_one(Lot, opening.lot_id)
    payload = {
        "id": opening.id,
        "room": opening.room_id,
        **_place(session, opening),
        **_lot(session, lot),
        "state": opening.state,
        "stage": "waiting" if opening.state == "scheduled" else opening.stage,
        "result": opening.result,
        "result_reason": _reason(session, opening),
        "scheduled_at": rfc3339(opening.scheduled_at),
        "started_at": rfc3339(opening.started_at),
        "ended_at": rfc3339(opening.ended_at),
        "demo": _is_demo(session, opening.source),
    }
    forget_unseen(session, "opening", [opening.id])
    publish(
        session, "opening", opening.id, payload, day=local_day(opening.scheduled_at),
        visible_from=FIRST_MOMENT if opening.state in ("scheduled", "cancelled") else opened_from(opening, lot),
    )  # fmt: skip


def _reason(session: Session, opening: Opening) -> str | None:
    """Why an opening was broken off or failed, as its host or platform said it.

    It is told with the result: the event that holds it waits where the sign-ins before it do (`events_from`).
    """
    if opening.result in (None, "opened") or not opening.head_seq:
        return None
    ended = (OpeningEvent.opening_id == opening.id, OpeningEvent.type == "ended")
    payload = session.scalar(select(OpeningEvent.payload).where(*ended))
    return (payload or {}).get("reason")


def _place(session: Session, opening: Opening) -> dict[str, Any]:
    room = session.get(Room, opening.room_id) if opening.room_id else None
    centre = session.get(Centre, room.centre_id) if room else None
    return {
        "room_name": room.name if room else None,
        "centre": centre.id if centre else None,
        "centre_name": centre.name if centre else None,
    }


def _lot(session: Session, lot: Lot) -> dict[str, Any]:
    project = session.get_one(Project, lot.project_id)
    return {
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
        "currency": lot.currency,
        **({} if lot.vat is None else {"vat": lot.vat}),
        "prequalification": lot.prequalification,
    }


def moment_of(opening: Opening, lot: Lot) -> datetime:
    """The deadline in force, which is the moment of the opening by law (招标投标法 art. 34).

    Where the lot's deadline is not known the time the opening is announced for stands in.
    """
    return lot.deadline or opening.scheduled_at


def opened_from(opening: Opening, lot: Lot) -> datetime:
    """From when the public may know how an opening stands.

    One with events has begun at or after the deadline that was in force, and what has been seen is not
    taken back; one that is told as a whole waits for the deadline in force now.
    """
    begun = opening.started_at or opening.ended_at if opening.head_seq else None
    known = begun is not None and begun <= now()
    clock = LotClock(deadline=begun if known else moment_of(opening, lot))
    return visible_from(Datum.OPENING_PROCESS, clock) or NO_MOMENT


def process_told(at: datetime | None = None) -> ColumnElement[bool]:
    """SQL over `Opening` and its `Lot`, for supervisors: how the opening stands may be told, as `opened_from` says it."""
    instant = at or now()
    begun = func.coalesce(Opening.started_at, Opening.ended_at) <= instant
    return or_(and_(Opening.head_seq > 0, begun), visible(Datum.OPENING_PROCESS, at=instant))


def events_from(session: Session, opening: Opening, lot: Lot) -> datetime:
    """From when the public may see the events of an opening after its announcement.

    Each sign-in tells a number of bidders, so they wait for the list 投标人名单, or for it to be said that
    there were too few. An opening broken off before its list keeps them: its bids may be opened another day.
    """
    counted = opening.started_at is not None or opening.result == "failed"
    if not counted and opening.result is not None:
        signed_in = (OpeningEvent.opening_id == opening.id, OpeningEvent.type == "sign_in")
        counted = session.scalar(select(OpeningEvent.seq).where(*signed_in).limit(1)) is None
    began = opened_from(opening, lot) if counted else None
    clock = LotClock(deadline=began, bidders_published=began)
    return visible_from(Datum.BIDDER_COUNT, clock) or NO_MOMENT


def _is_demo(session: Session, source: str) -> bool:
    row = session.get(Source, source)
    return bool(row and row.demo)


def _name(session: Session, organisation_id: str | None) -> str | None:
    organisation = session.get(Organisation, organisation_id) if organisation_id else None
    return organisation.name if organisation else None


def publish_openings(session: Session, ids: Iterable[str]) -> None:
    """Publish the state of openings as they stand; what they refer to is loaded together first."""
    for part in chunks(sorted(set(ids))):
        found = session.scalars(select(Opening).where(Opening.id.in_(part))).all()
        kept = _load(session, Lot, {o.lot_id for o in found})
        kept += _load(session, Project, {lot.project_id for lot in kept})
        rooms = _load(session, Room, {o.room_id for o in found if o.room_id})
        kept += rooms + _load(session, Centre, {room.centre_id for room in rooms})
        people = {who for lot in kept if isinstance(lot, Lot) for who in (lot.tenderer_id, lot.agency_id)}
        kept += _load(session, Organisation, {who for who in people if who})
        for opening in found:
            publish_opening(session, opening)


def _load(session: Session, model: Any, ids: set[str]) -> list[Any]:
    return list(session.scalars(select(model).where(model.id.in_(sorted(ids))))) if ids else []
