"""The public read model: rows of `public_event`, written with the record they tell of, read by the hub."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from records.clock import local_day, now, rfc3339
from records.keys import key_of
from records.tables.broadcast import PublicEvent
from records.tables.intake import Source
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Centre, Organisation, Room
from records.tables.projects import Lot, Project
from records.visibility import FIRST_MOMENT, NO_MOMENT, Datum, LotClock, status_from, visible_from

MASK = "******"
RECORD_COLUMNS = ("name", "members", "price", "duration_days", "quality", "decrypt_status")
"""What a row of topic `record` tells of each bid, in this order; a list a bid, since a market has millions."""


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
        project=payload.get("project"),
    )
    session.add(row)
    return row


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


_LOT_PLAIN = (
    "id", "trade_family", "category", "method", "evaluation_method", "currency", "round", "status",
    "prequalification", "flags", "unified_deal_code", "classify_code",
)  # fmt: skip
_LOT_MOMENTS = ("notice_at", "deadline", "planned_award_at")
_BASE_PRICE_OUT = frozenset(
    {"opening", "opened", "evaluating", "publicity", "re_evaluation", "awarded", "contracted", "archived"}
)
"""States of a lot whose opening has begun and has not failed: the base price 标底 was announced at it."""


def lot_rows(
    row: Mapping[str, Any],
    project: tuple[str, str | None],
    names: Mapping[str | None, str],
    demo: bool,
    opening_at: datetime | None = None,
) -> list[tuple[dict[str, Any], datetime]]:
    """(payload, visible from) of a lot as it stands: what notice and tender documents say, nothing of bidders.

    `row` holds the columns of `lot`, `project` its project's (name, key_flag), `names` those of
    organisations by id. `opening_at` stands in for a deadline that is not known. What hangs on the deadline
    comes as a second row, visible from then on: a status that tells how many have bid, and the base price
    标底 once the opening may have begun.
    """
    plain = {
        **{name: row[name] for name in _LOT_PLAIN},
        **{name: rfc3339(row[name]) for name in _LOT_MOMENTS},
        "title": row["name"],
        "project": row["project_id"],
        "project_name": project[0],
        "tender_project": row["tender_project_id"] and key_of(row["tender_project_id"]),
        "tenderer": names.get(row["tenderer_id"]),
        "agency": names.get(row["agency_id"]),
        "centre": row["centre_id"],
        "control_price": money(row["control_price"]),
        "deposit_required": money(row["deposit_required"]),
        "key_project": bool(project[1]),
        "division": row["division_code"],
        "demo": demo,
    }
    told = status_from(row["status"], row["deadline"] or opening_at)
    early = told > now()
    rows = [({**plain, "status": "bidding"} if early else plain, FIRST_MOMENT)]
    if row["base_price"] is not None and row["status"] in _BASE_PRICE_OUT:
        clock = LotClock(deadline=row["deadline"], bidders_published=row["deadline"])
        since = visible_from(Datum.BASE_PRICE, clock)
        if since is not None:
            return [*rows, ({**plain, "base_price": money(row["base_price"])}, since)]
    return [*rows, (plain, told)] if early else rows


def money(amount: Any) -> str | None:
    """An amount as users see it: a plain decimal string."""
    return None if amount is None else format(amount, "f")


def publish_lot(session: Session, lot: Lot) -> None:
    """Write the public state of a lot as it stands, in the caller's transaction."""
    project = session.get_one(Project, lot.project_id)
    ids = (lot.tenderer_id, lot.agency_id)
    names: dict[str | None, str] = {
        key: name for key in ids if key and (name := _name(session, key)) is not None
    }
    row = {column.key: getattr(lot, column.key) for column in Lot.__table__.columns}
    demo = _is_demo(session, lot.source)
    forget_unseen(session, "lot", [lot.id])
    at = opening_times(session, [lot.id]).get(lot.id)
    for payload, since in lot_rows(row, (project.name, project.key_flag), names, demo, at):
        publish(session, "lot", lot.id, payload, visible_from=since)


def opening_times(session: Session, lot_ids: Iterable[str]) -> dict[str, datetime]:
    """Lot → when its latest opening is announced for."""
    query = (
        select(Opening.lot_id, func.max(Opening.scheduled_at).label("at"))
        .where(Opening.lot_id.in_(list(lot_ids)), Opening.state != "cancelled")
        .group_by(Opening.lot_id)
    )
    return {row.lot_id: row.at for row in session.execute(query)}


def publish_opening(session: Session, opening: Opening) -> None:
    """Write the public state of an opening as it stands: no datum here depends on who bids.

    That somebody has signed in is such a datum: until the list is published the stage stays "waiting".
    """
    lot = session.get_one(Lot, opening.lot_id)
    project = session.get_one(Project, lot.project_id)
    room = session.get(Room, opening.room_id) if opening.room_id else None
    centre = session.get(Centre, room.centre_id) if room else None
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
        "currency": lot.currency,
        "prequalification": lot.prequalification,
        "state": opening.state,
        "stage": "waiting" if opening.state == "scheduled" else opening.stage,
        "result": opening.result,
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


def show_what_waited(session: Session, opening_id: str, since: datetime) -> None:
    """The events of an opening so far are public from `since`."""
    waiting = (PublicEvent.subject == opening_id, PublicEvent.visible_from > since)
    shown = update(PublicEvent).where(PublicEvent.topic == "opening_event", *waiting)
    session.execute(shown.values(visible_from=since), execution_options=_IN_THE_TABLE)


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
