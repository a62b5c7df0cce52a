"""What an opening told otherwise than the ledger's bids 投标 do, as the public is told of it beside the opening.

A list that leaves a bidder out, or a price read that is not the one in the file, cannot be seen in the events themselves.
How many bidders a list concerns is told as soon as the list is (`Datum.BIDDER_COUNT`), which numbers of it, and what stands
in a file, once the record is confirmed and every price read (`Datum.BID_PRICES`); a name that is missing never: nobody has
published it. The row is written anew whenever the bids change, since they may reach the ledger after the opening.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from records import chain
from records.bulk import chunks
from records.opening_checks import READINGS
from records.opening_record import Progress
from records.public.openings import events_from, opened_from
from records.public.rows import forget_unseen, latest, publish
from records.published_list import Line, departures, list_of
from records.readings_compared import WAYS, other_prices, way_read
from records.tables.bids import Bid
from records.tables.openings import Opening, OpeningEvent
from records.tables.projects import Lot
from records.visibility import NO_MOMENT, Datum, LotClock, visible_from

TOPIC = "against_bids"
TELLING = frozenset({"bidders_published", "record_confirmed"})
"""Events with which something of it becomes known."""

Found = dict[str, Any]
"""What is told of one irregularity: `what` it is, the event (`seq`, `ts`) it is told by, the rest as far as it may be known."""


@dataclass(frozen=True)
class _Course:
    """The list of an opening, and its readings up to the last confirmation of its record."""

    listed: OpeningEvent
    confirmed: OpeningEvent | None
    read: Progress


def publish_against_bids(session: Session, opening: Opening, lot: Lot) -> None:
    """Write what is known now in the caller's transaction; nothing where the public has been told so already."""
    course = _course(session, opening.id)
    if course is None:
        return
    found = [*_list(session, opening, course), *_readings(session, opening, course)]
    payload = {"opening": opening.id, "project": lot.project_id, "found": found}
    held = latest(session, TOPIC, opening.id, NO_MOMENT) or {"found": []}
    if held["found"] == found:
        return
    forget_unseen(session, TOPIC, [opening.id])
    publish(session, TOPIC, opening.id, payload, visible_from=_since(session, opening, lot, course))


def publish_of_lots(session: Session, lot_ids: Iterable[str]) -> None:
    """Write it anew for the openings of these lots that have published a list: their bids have just been written."""
    for part in chunks(sorted(set(lot_ids))):
        begun = (Opening.lot_id.in_(part), Opening.head_seq > 0, Opening.started_at.is_not(None))
        for opening in session.scalars(select(Opening).where(*begun).order_by(Opening.id)).all():
            _held = _read_anew(session, opening.lot_id)
            publish_against_bids(session, opening, session.get_one(Lot, opening.lot_id))


def _read_anew(session: Session, lot_id: str) -> list[Bid]:
    """The bids of a lot as they stand in the table, for as long as the caller holds them: the intake writes rows past what
    the session has loaded."""
    query = select(Bid).where(Bid.lot_id == lot_id)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _course(session: Session, opening_id: str) -> _Course | None:
    """None while there is no list."""
    kinds = ("bidders_published", "record_confirmed", *READINGS)
    query = select(OpeningEvent).where(OpeningEvent.opening_id == opening_id, OpeningEvent.type.in_(kinds))
    events = session.scalars(query.order_by(OpeningEvent.seq)).all()
    listed = next((one for one in events if one.type == "bidders_published"), None)
    if listed is None:
        return None
    confirmed = next((one for one in reversed(events) if one.type == "record_confirmed"), None)
    read = Progress()
    for event in events:
        if confirmed is not None and event.seq < confirmed.seq:
            read.add(event.type, event.payload)
    return _Course(listed, confirmed, read)


def _list(session: Session, opening: Opening, course: _Course) -> Iterator[Found]:
    event = course.listed
    told = (event.detail or {}).get("unmasked", event.payload)
    departs = departures(session, opening, told, event.ts)
    if departs.missing:
        yield _found("list_missing", event, count=len(departs.missing))
    for what, lines in (("list_others", departs.others), ("list_misplaced", departs.misplaced)):
        if lines:
            yield _found(what, event, count=len(lines), **_numbers(lines if course.confirmed else ()))


def _readings(session: Session, opening: Opening, course: _Course) -> Iterator[Found]:
    if course.confirmed is None:
        return
    lines, said = list_of(session, opening), course.read.said
    ways = {line.number: way_read(line.bid, said[line.number]) for line in lines if line.number in said}
    for way in WAYS:
        if numbers := [number for number, found in ways.items() if found == way]:
            yield _found(way, course.confirmed, numbers=numbers)
    prices = [[one.number, one.read, one.filed] for one in other_prices(lines, course.read)]
    if prices:
        yield _found("other_price", course.confirmed, prices=prices)


def _found(what: str, event: OpeningEvent, **known: Any) -> Found:
    return {"what": what, "seq": event.seq, "ts": chain.stamp(event.ts), **known}


def _numbers(lines: Iterable[Line]) -> dict[str, list[int]]:
    numbers = [line.number for line in lines]
    return {"numbers": numbers} if numbers else {}


def _since(session: Session, opening: Opening, lot: Lot, course: _Course) -> datetime:
    """From when the public may know: never before the events that tell the rest."""
    began = events_from(session, opening, lot)
    if course.confirmed is None:
        return began
    clock = LotClock(deadline=opened_from(opening, lot), prices_read=course.confirmed.ts)
    return max(began, visible_from(Datum.BID_PRICES, clock) or NO_MOMENT)
