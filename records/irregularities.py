"""Irregular steps 异常步骤 of an opening: what the law or the opening's own course lets nobody do.

A host who asks for such a step is refused, with what to do instead. A platform that reports one tells of what has
happened, and refusing would not undo it: it is kept, the answer carries a note, and the desk and the public record go on
saying so. (What cannot be true at all is refused to both: `records.opening_checks`, `records.draw`.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Message
from records import draw, published_list
from records.legal_clock import FEWEST_BIDDERS, is_tendered
from records.opening_checks import IllegalTransition, step_name
from records.opening_record import Progress, differs, names_in_message, progress
from records.public import personal_numbers
from records.published_list import list_of
from records.tables.openings import Opening, OpeningEvent
from records.tables.projects import Lot

GOES_ON = frozenset({
    "decrypt_progress", "control_price", "coefficient_committed", "coefficient_revealed", "coefficient_unrevealed",
    "coefficient_drawn", "bid_read", "bid_corrected", "record_confirmed",
})  # fmt: skip
"""Steps by which bids are opened. Without enough bidders what is left is to adjourn, to hear objections, to end."""
JUDGED = GOES_ON | {"bidders_published", "ended"}
"""Steps that may be irregular."""
_WHOLE_COURSE = frozenset({"bid_corrected", "record_confirmed", "ended"})
"""Steps judged by the readings and objections before them too; for the others list, decryption and draws suffice."""
_LIST_AND_DRAWS = ("bidders_published", "decrypt_progress", *draw.EVENTS)


_READ_BESIDE = ("duration_days", "quality", "remark")
"""What is read of a bid besides its price."""
FEN = Decimal("0.01")
"""A hundredth of a yuan, in which prices are told."""


class Irregular(IllegalTransition):
    """A step that the law or the course of the opening does not allow, asked for by a host."""


class TooFew(Irregular):
    """A step by which bids would be opened though fewer than three bidders are listed."""


@dataclass(frozen=True)
class Finding:
    """What is irregular in a step: in short, as a host is refused it, as a platform's report of it is noted."""

    said: Message
    refusal: Message
    note: Message


def check(session: Session, opening: Opening, lot: Lot, kind: str, payload: Mapping[str, Any]) -> None:
    """Raise Irregular where a host asks for a step that nobody may take."""
    if opening.state == "scheduled" and kind in GOES_ON:
        return
    for finding in _findings(session, opening, lot, kind, payload):
        few = finding.said.key == "state.too_few_told"
        if few and kind == "bidders_published":
            continue  # that there are too few is said by the list
        raise (TooFew if few else Irregular)(finding.refusal)


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
        found += [(event.seq, one) for one in _personal(told)]
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
    return _few(progress(session, opening_id, ("bidders_published",)), lot)


def _few(course: Progress, lot: Lot) -> int | None:
    count = len(course.listed)
    short = course.published and count < FEWEST_BIDDERS and is_tendered(lot.method, lot.trade_family)
    return count if short else None


def _findings(
    session: Session,
    opening: Opening,
    lot: Lot,
    kind: str,
    payload: Mapping[str, Any],
    before: int | None = None,
    at: datetime | None = None,
) -> Iterator[Finding]:
    yield from _personal(payload)
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
    count = _few(course, lot) if kind != "ended" else None
    if count is not None:
        yield _too_few(opening, kind, count)
    if kind == "bid_read" and course.undrawn:
        yield _finding("reading_before_draw", kinds=[*course.undrawn])
    elif kind == "coefficient_drawn":
        yield from _drawn_again(course, payload)
    elif kind == "control_price":
        yield from _prices(course, lot, payload)
    elif kind == "bid_corrected":
        yield from _corrected(course, payload)
    elif kind == "record_confirmed":
        yield from _confirmed(session, opening, course)
    elif kind == "ended":
        yield from _ended(session, opening, lot, course, payload)


def _personal(payload: Mapping[str, Any]) -> Iterator[Finding]:
    """Personal numbers are nobody's to publish (个人信息保护法 art. 25)."""
    for name, place in personal_numbers.places(payload):
        yield _finding("personal_number", field=Message(f"host.field.{name}"), place=place)


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
    for name in ("missing", "others", "misplaced"):
        if names := getattr(departs, name):
            yield _finding(f"list_{name}", names=names_in_message(names))


def _corrected(course: Progress, payload: Mapping[str, Any]) -> Iterator[Finding]:
    """A correction says what was read wrongly and why; prices are above 0 and told to the hundredth of a yuan."""
    price = payload.get("price")
    if not payload.get("reason"):
        yield _finding("correction_without_reason")
    before = course.said.get(payload["no"])
    if before is not None and _as_read(before) == _as_read(payload):
        yield _finding("correction_without_change")
    if price is not None and (Decimal(price) <= 0 or Decimal(price) % FEN):
        yield _finding("corrected_price", price=str(price))


def _as_read(payload: Mapping[str, Any]) -> tuple[object, ...]:
    price = payload.get("price")
    return (None if price is None else Decimal(price), *(payload.get(name) or None for name in _READ_BESIDE))


def _confirmed(session: Session, opening: Opening, course: Progress) -> Iterator[Finding]:
    if course.confirmed and not course.changed:
        yield _finding("confirmed_again")
    filed = {line.number: line.bid.price for line in list_of(session, opening) if line.bid}
    other = [
        number
        for number, price in sorted(course.read.items())
        if differs(filed.get(number), price) and not course.said[number].get("reason")
    ]
    if other:
        yield _finding("other_price", numbers=names_in_message(other))


def _drawn_again(course: Progress, payload: Mapping[str, Any]) -> Iterator[Finding]:
    held = course.draws.get(draw.kind_of(payload))
    if held is not None and held.value is not None:
        yield _finding("drawn_again", kind=held.kind, value=held.value, other=str(payload["value"]))


def _prices(course: Progress, lot: Lot, payload: Mapping[str, Any]) -> Iterator[Finding]:
    """The ceiling stands in the tender documents (实施条例 art. 27): at the opening it is told, not set."""
    for name, published in (("amount", lot.control_price), ("base_price", lot.base_price)):
        amount = payload.get(name)
        if amount is not None and published is not None and Decimal(amount) != published:
            yield _finding(f"other_{name}", told=str(amount), published=format(published, "f"))
    checked = payload.get("normal", 0) + payload.get("over", 0)
    due = course.decrypted or len(course.listed) - course.failed
    if "normal" in payload and "over" in payload and checked < due:
        yield _finding("not_all_checked", checked=checked, due=due)


def _ended(
    session: Session, opening: Opening, lot: Lot, course: Progress, payload: Mapping[str, Any]
) -> Iterator[Finding]:
    """An objection is answered on the spot, however the opening ends (实施条例 art. 44); breaking off needs a reason."""
    result = payload.get("result")
    if result == "failed":
        yield from _failed(session, opening, lot, course)
    if result == "terminated" and not payload.get("reason"):
        yield _finding("terminated_without_reason")
    if result in ("failed", "terminated") and course.open:
        yield _finding(f"{result}_unanswered", numbers=sorted(course.open))


def _failed(session: Session, opening: Opening, lot: Lot, course: Progress) -> Iterator[Finding]:
    """An opening fails for want of bidders (招标投标法 art. 28)."""
    bidders = len(course.listed) if course.published else len(list_of(session, opening))
    opened = max(0, bidders - course.failed)
    enough = opened >= FEWEST_BIDDERS if is_tendered(lot.method, lot.trade_family) else bool(course.read)
    if enough:
        yield _finding("failed_with_enough", count=opened)


def _finding(name: str, **values: Any) -> Finding:
    said = Message(f"irregular.{name}", **values)
    refusal = Message("irregular.refused", finding=said, remedy=Message(f"irregular.remedy.{name}"))
    return Finding(said, refusal, Message("irregular.kept", finding=said))
