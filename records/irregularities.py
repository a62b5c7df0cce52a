"""Irregular steps 异常步骤 of an opening: what the law or the opening's own course lets nobody do.

A host who asks for such a step is refused, with what to do instead. A platform that reports one tells of what has
happened, and refusing would not undo it: it is kept, the answer carries a note, and the desk and the public record go on
saying so. What the course of the opening alone shows is in `records.irregular_courses`; here is added what the ledger's bids
tell; of that the public is told without names, in its time (`records.against_bids`). (What cannot be true at all is
refused to both: `records.opening_checks`, `records.draw`.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Message
from records import draw, published_list, readings_compared
from records.clock import now
from records.irregular_courses import GOES_ON as GOES_ON
from records.irregular_courses import JUDGED, Finding, Terms, failed_with_enough, finding, judge
from records.legal_clock import FEWEST_BIDDERS
from records.opening_checks import READINGS, IllegalTransition, step_name
from records.opening_record import Progress, names_in_message, progress
from records.public import personal_numbers
from records.public.openings import moment_of
from records.published_list import list_of
from records.tables.bids import Bid
from records.tables.openings import Opening, OpeningEvent
from records.tables.projects import Lot

FEW = "投标人少于三家，依招标投标法实施条例第44条不得开标，应当重新招标"
"""Why an opening has failed where nobody said it and the bids on hand do; in other languages the message `term.<this>`. It
tells that there were fewer than three, as the law's word for it does, and not how many: that is told by the list alone."""
_WHOLE_COURSE = frozenset({"bid_corrected", "record_confirmed", "ended"})
"""Steps judged by the readings and objections before them too; for the others list, decryption and draws suffice."""
_LIST_AND_DRAWS = ("bidders_published", "decrypt_progress", *draw.EVENTS)


class Irregular(IllegalTransition):
    """A step that the law or the course of the opening does not allow, asked for by a host."""


class TooFew(Irregular):
    """A step by which bids would be opened though fewer than three bidders are listed."""


def check(session: Session, opening: Opening, lot: Lot, kind: str, payload: Mapping[str, Any]) -> None:
    """Raise Irregular where a host asks for a step that nobody may take."""
    if opening.state == "scheduled" and kind in GOES_ON:
        return
    for one in _findings(session, opening, lot, kind, payload):
        few = one.said.key == "state.too_few_told"
        if few and kind == "bidders_published":
            continue  # that there are too few is said by the list
        raise (TooFew if few else Irregular)(one.refusal)


def failed_for_few(session: Session, opening: Opening, lot: Lot, payload: Mapping[str, Any]) -> bool:
    """Whether an opening ends as failed 流标, without a reason told, because fewer bid than the law asks for (实施条例 art. 44).

    Only where it is known how many have: a list is published, or the ledger holds bids of the lot.
    """
    if payload.get("result") != "failed" or payload.get("reason") or not Terms.of(lot).tendered:
        return False
    count = len(list_of(session, opening))
    return count < FEWEST_BIDDERS and (bool(count) or _number_is_known(session, opening))


def _number_is_known(session: Session, opening: Opening) -> bool:
    """Whether that nobody is listed means that nobody has bid: the list says so, or the bids there were are not on hand."""
    listed = progress(session, opening.id, ("bidders_published",)).published
    return listed or session.scalar(select(Bid.id).where(Bid.lot_id == opening.lot_id).limit(1)) is not None


def of(session: Session, lot: Lot, event: OpeningEvent) -> list[Finding]:
    """What is irregular in an event that stands in the chain."""
    opening = session.get_one(Opening, event.opening_id)
    told = _unmasked(event.payload, event.detail)
    return list(_findings(session, opening, lot, event.type, told, event.seq, event.ts))


def all_of(session: Session, opening: Opening, lot: Lot) -> list[tuple[int, Finding]]:
    """Every irregular step of an opening with its event's number, in order."""
    course, found = Progress(), []
    query = select(OpeningEvent).where(OpeningEvent.opening_id == opening.id).order_by(OpeningEvent.seq)
    for event in session.scalars(query):
        told = _unmasked(event.payload, event.detail)
        found += [(event.seq, one) for one in personal(told)]
        if event.type in JUDGED:
            judged = _judge(session, opening, lot, course, event.type, told, event.ts)
            found += [(event.seq, one) for one in judged]
        course.add(event.type, event.payload)
    return found


def _unmasked(payload: dict[str, Any], detail: dict[str, Any] | None) -> dict[str, Any]:
    told: dict[str, Any] = (detail or {}).get("unmasked", payload)
    return told


def too_few(session: Session, opening_id: str, lot: Lot) -> int | None:
    """How many bidders the published list has where they are fewer than the law asks for (实施条例 art. 44: 不得开标);
    None where there are enough, no list yet, or the lot is not tendered."""
    return Terms.of(lot).few(progress(session, opening_id, ("bidders_published",)))


def _findings(
    session: Session,
    opening: Opening,
    lot: Lot,
    kind: str,
    payload: Mapping[str, Any],
    before: int | None = None,
    at: datetime | None = None,
) -> Iterator[Finding]:
    yield from personal(payload)
    if kind in JUDGED:
        course = progress(session, opening.id, None if kind in _WHOLE_COURSE else _LIST_AND_DRAWS, before)
        yield from _judge(session, opening, lot, course, kind, payload, at)


def _judge(
    session: Session,
    opening: Opening,
    lot: Lot,
    course: Progress,
    kind: str,
    payload: Mapping[str, Any],
    at: datetime | None,
) -> Iterator[Finding]:
    """What is irregular in a step, told at the moment `at`, after the course of the opening before it."""
    if kind == "bidders_published":
        course = Progress()
        course.add(kind, payload)
        yield from _other_list(published_list.departures(session, opening, payload, at))
    terms = Terms.of(lot, moment_of(opening, lot))
    count = terms.few(course) if kind != "ended" else None
    if count is not None:
        yield _too_few(opening, kind, count)
    if kind == "ended" and payload.get("result") == "failed":
        bidders = len(course.listed) if course.published else len(list_of(session, opening))
        yield from failed_with_enough(bidders, course, terms)
    yield from judge(course, kind, payload, terms, at or now())
    if kind in READINGS:
        yield from _read_otherwise(published_list.bid_of(session, opening, payload), payload)
    if kind == "record_confirmed":
        yield from _confirmed(session, opening, course)


def personal(payload: Mapping[str, Any]) -> Iterator[Finding]:
    """Personal numbers are nobody's to publish (个人信息保护法 art. 25): each in the free words of what is about to be."""
    for name, place in personal_numbers.places(payload):
        yield finding("personal_number", field=Message(f"host.field.{name}"), place=place)


def _too_few(opening: Opening, kind: str, count: int) -> Finding:
    values: dict[str, Any] = {
        "opening": opening.id,
        "event": step_name(kind),
        "count": count,
        "fewest": FEWEST_BIDDERS,
    }
    note = Message("state.too_few_told", **values)
    return Finding(note, Message("state.too_few", **values), note)


def _other_list(departs: published_list.Departures) -> Iterator[Finding]:
    """All bids received in time are opened and read (招标投标法 art. 36), in order of receipt."""
    placed = ((name, [line.name for line in getattr(departs, name)]) for name in ("others", "misplaced"))
    for name, names in (("missing", departs.missing), *placed):
        if names:
            yield finding(f"list_{name}", names=names_in_message(names))


def _read_otherwise(bid: Bid | None, payload: Mapping[str, Any]) -> Iterator[Finding]:
    if way := readings_compared.way_read(bid, payload):
        yield finding(way, number=payload["no"])


def _confirmed(session: Session, opening: Opening, course: Progress) -> Iterator[Finding]:
    if other := readings_compared.other_prices(list_of(session, opening), course):
        yield finding("other_price", numbers=names_in_message([one.number for one in other]))
