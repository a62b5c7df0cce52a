"""What must hold between the events of one opening: time runs forward, a number read is one bidder, and no count
exceeds the list of bidders or goes backwards; and that no time announced is brought forward."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from messages import Invalid, Message
from records.clock import now, rfc3339
from records.legal_clock import FEWEST_BIDDERS, is_tendered
from records.public.masking import plain
from records.tables.openings import Opening, OpeningEvent
from records.tables.projects import Lot

AHEAD = timedelta(seconds=5)
"""How far a source's clock may be ahead of ours."""
TOGETHER = timedelta(seconds=1)
"""Times closer than this are equal: many sources write whole seconds."""


READINGS = ("bid_read", "bid_corrected")
"""Events that say what was read aloud of a bid."""


class IllegalTransition(Invalid):
    """A step that the present state does not allow; names both states."""

    place = "data.type"
    """Where in a record the cause stands."""


class WrongTime(IllegalTransition):
    """An event dated ahead of our clock, or before the one that stands last."""

    place = "occurred_at"


class WrongReading(IllegalTransition):
    """A bid read under another bidder's number or name, read twice, or corrected before it was read."""

    place = "data.payload"


def check_time(session: Session, opening: Opening, kind: str, ts: datetime | None) -> datetime:
    """The time under which an event is kept: `ts`, or now where nobody gave one. Raises WrongTime.

    It is not ahead of our clock and not before the step that stands last. Announcements are no steps: an
    opening of the past may be announced when it is reported.
    """
    present = now()
    steps = (OpeningEvent.opening_id == opening.id, OpeningEvent.type != "scheduled")
    newest = select(OpeningEvent.ts).where(*steps).order_by(OpeningEvent.seq.desc()).limit(1)
    last = None if kind == "scheduled" else session.scalar(newest)
    if last is not None and last > present + AHEAD:
        last = present  # kept by an older version that believed it
    if ts is None:
        return max(present, last or present)
    here = Message("sequence.event_at", opening=opening.id, event=kind, time=rfc3339(ts))
    if ts > present + AHEAD:
        raise WrongTime(Message("sequence.ahead", event=here, now=rfc3339(present)))
    if last is not None and ts <= last - TOGETHER:
        raise WrongTime(Message("sequence.before_last", event=here, last=rfc3339(last)))
    return ts if last is None else max(ts, last)


def check_reading(session: Session, opening_id: str, kind: str, payload: dict[str, Any]) -> None:
    """Raise WrongReading where a bid is read under another bidder's number or name, a second time, or is
    corrected though it has not been read.

    `payload` is not masked: on a qualification lot too the names themselves are compared.
    """
    _check_bidder(session, opening_id, payload)
    here, number = Message("sequence.bid", opening=opening_id, number=payload["no"]), payload["no"]
    known = _is_read(session, opening_id, number)
    if kind == "bid_read" and known:
        raise WrongReading(Message("sequence.read_already", event=here))
    if kind == "bid_corrected" and not known:
        raise WrongReading(Message("sequence.not_read_yet", event=here))


def _is_read(session: Session, opening_id: str, number: int) -> bool:
    query = select(OpeningEvent.seq).where(
        OpeningEvent.opening_id == opening_id,
        OpeningEvent.type == "bid_read",
        OpeningEvent.payload["no"].as_integer() == number,
    )
    return session.scalar(query.limit(1)) is not None


def _check_bidder(session: Session, opening_id: str, payload: dict[str, Any]) -> None:
    number, name = payload["no"], plain(payload["name"])
    listed = set()
    for held, known in _named(session, opening_id):
        listed.add(held)
        if known and name and (held == number) != (known == name):
            raise WrongReading(Message("sequence.another_bidder", opening=opening_id, number=held))
    if number not in listed:
        raise WrongReading(Message("sequence.not_listed", opening=opening_id, number=number))


def _named(session: Session, opening_id: str) -> Iterator[tuple[int, str]]:
    """Number and plain name of every bidder of the list, and of what has been read so far."""
    query = select(OpeningEvent.payload, OpeningEvent.detail).where(
        OpeningEvent.opening_id == opening_id, OpeningEvent.type.in_(("bidders_published", *READINGS))
    )
    for payload, detail in session.execute(query.order_by(OpeningEvent.seq)):
        told = (detail or {}).get("unmasked", payload)
        for line in told.get("bidders", [told]):
            yield int(line["no"]), plain(line["name"])


# ── too few bidders ──────────────────────────────────────────────────────────

GOES_ON = frozenset({
    "decrypt_progress", "control_price", "coefficient_committed", "coefficient_revealed", "coefficient_unrevealed",
    "coefficient_drawn", "bid_read", "bid_corrected", "record_confirmed",
})  # fmt: skip
"""Steps by which bids are opened. Without enough bidders what is left is to adjourn, to hear objections, to end."""


class TooFew(IllegalTransition):
    """A step by which bids would be opened though fewer than three bidders are listed."""


def too_few(session: Session, opening_id: str, lot: Lot) -> int | None:
    """How many bidders the published list has where they are fewer than the law asks for (实施条例 art. 44: 不得开标);
    None where there are enough, no list yet, or the lot is not tendered."""
    listed = _listed(session, opening_id) if is_tendered(lot.method, lot.trade_family) else None
    return listed if listed is not None and listed < FEWEST_BIDDERS else None


def check_enough(session: Session, opening: Opening, lot: Lot, kind: str) -> None:
    """Raise TooFew where a step is asked for that opens bids of a lot that the law lets nobody open."""
    opens = kind in GOES_ON and opening.state == "in_progress"
    count = too_few(session, opening.id, lot) if opens else None
    if count is not None:
        raise TooFew(
            Message("state.too_few", opening=opening.id, event=kind, count=count, fewest=FEWEST_BIDDERS)
        )


def doubt(session: Session, opening_id: str, lot: Lot, kind: str) -> Message | None:
    """What is to be said of a step that is reported though the law lets nobody take it; None: nothing."""
    count = too_few(session, opening_id, lot) if kind in (*GOES_ON, "bidders_published") else None
    if count is None:
        return None
    return Message("state.too_few_told", opening=opening_id, event=kind, count=count, fewest=FEWEST_BIDDERS)


# ── counts ───────────────────────────────────────────────────────────────────

_COUNTED = {
    "decrypt_progress": "total",
    "bid_read": "total",
    "bid_corrected": "total",
    "record_confirmed": "rows",
}
"""Event → its count of bids, which is never above the list."""


class WrongCount(WrongReading):
    """A count that cannot be true beside the list, or beside what was told before."""


def check_counts(session: Session, opening_id: str, kind: str, told: dict[str, Any]) -> None:
    """Raise WrongCount where an event does not agree with what was published before it."""
    here = Message("sequence.event", opening=opening_id, event=kind)
    if kind == "sign_in":
        _check_sign_in(session, opening_id, here, told)
    elif kind in _COUNTED:
        _check_count(session, opening_id, here, kind, told)
    elif kind == "control_price":
        analysed = told.get("normal", 0) + told.get("over", 0)
        _not_above(here, "normal + over", analysed, _listed(session, opening_id))
    elif kind == "objection":
        _check_objection(session, opening_id, here, told["no"])


def _check_sign_in(session: Session, opening_id: str, here: Message, told: dict[str, Any]) -> None:
    """Counted up; from anew once the opening is announced for another time."""
    last = _last(session, opening_id, "sign_in", "scheduled")
    before = (last or {}).get("count")
    if before is not None and told.get("count", before) < before:
        raise WrongCount(Message("sequence.fewer_signed_in", event=here, count=told["count"], before=before))


def _check_count(session: Session, opening_id: str, here: Message, kind: str, told: dict[str, Any]) -> None:
    listed = _listed(session, opening_id)
    name = _COUNTED[kind]
    _not_above(here, name, told.get(name, 0), listed)
    if kind == "decrypt_progress":
        last = _last(session, opening_id, kind) or {}
        for part in ("done", "failed"):
            if part in told and told[part] < last.get(part, 0):
                raise WrongCount(
                    Message(
                        "sequence.fewer_decrypted", event=here, part=part, count=told[part], before=last[part]
                    )
                )


def _not_above(here: Message, name: str, count: int, listed: int | None) -> None:
    if listed is not None and count > listed:
        raise WrongCount(
            Message("sequence.more_than_listed", event=here, name=name, count=count, listed=listed)
        )


def _check_objection(session: Session, opening_id: str, here: Message, number: int) -> None:
    query = select(OpeningEvent.seq).where(
        OpeningEvent.opening_id == opening_id,
        OpeningEvent.type == "objection",
        OpeningEvent.payload["no"].as_integer() == number,
    )
    if session.scalar(query.limit(1)) is not None:
        raise WrongCount(Message("sequence.objection_taken", event=here, number=number))


def _listed(session: Session, opening_id: str) -> int | None:
    """How many bidders the published list has; None without one."""
    published = _last(session, opening_id, "bidders_published")
    return None if published is None else int(published["count"])


def _last(session: Session, opening_id: str, *kinds: str) -> dict[str, Any] | None:
    query = select(OpeningEvent.payload).where(
        OpeningEvent.opening_id == opening_id, OpeningEvent.type.in_(kinds)
    )
    return session.scalar(query.order_by(OpeningEvent.seq.desc()).limit(1))


# ── a time that was announced is not brought forward into the past: who bids would be public before its time ──


class BroughtForward(IllegalTransition):
    """An announced time that is ahead, moved to one that has passed."""

    def __init__(self, what: Message, held: datetime, wanted: datetime, place: str) -> None:
        self.place = place
        super().__init__(
            Message(
                "state.brought_forward",
                what=what,
                held=rfc3339(held),
                wanted=rfc3339(wanted),
                now=rfc3339(now()),
            )
        )


def check_not_brought_forward(held: datetime | None, wanted: datetime, what: Message, place: str) -> None:
    """Raise BroughtForward where `held` is ahead and `wanted` has passed."""
    if held is not None and held > now() >= wanted:
        raise BroughtForward(what, held, wanted, place)


def check_opening_time(opening: Opening, wanted: datetime) -> None:
    """An opening that has been announced, announced anew."""
    if opening.head_seq:
        check_not_brought_forward(
            opening.scheduled_at,
            wanted,
            Message("state.opening_time", opening=opening.id),
            "data.scheduled_at",
        )


def check_lot_deadline(lot_id: str, held: datetime | None, wanted: datetime | None) -> datetime | None:
    """The deadline a lot has when a record says `wanted`: one that is left out stays while it is ahead."""
    if wanted is None:
        return held if held is not None and held > now() else None
    check_not_brought_forward(held, wanted, Message("state.lot_deadline", lot=lot_id), "data.deadline")
    return wanted


def announced_for(session: Session, lot_id: str) -> datetime | None:
    """The latest time any opening of a lot was announced for, one called off since too."""
    query = select(func.max(Opening.scheduled_at)).where(Opening.lot_id == lot_id, Opening.head_seq > 0)
    return session.scalar(query)
