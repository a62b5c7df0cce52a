"""What must hold between the events of one opening: time runs forward, a number read is one bidder, counts agree with
the list of bidders and do not go backwards, and what an event refers to is there; and that no time announced is brought
forward. Whatever does not hold is a wrong message, whoever sends it (`records.irregularities` has what may not be done)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from messages import Invalid, Message, known
from records import consortia
from records.clock import now, to_the_second
from records.tables.openings import Opening, OpeningEvent

AHEAD = timedelta(seconds=5)
"""How far a source's clock may be ahead of ours."""
TOGETHER = timedelta(seconds=1)
"""Times closer than this are equal: many sources write whole seconds."""
CROSSING = timedelta(seconds=30)
"""What one of host and platform did may reach the chain so much later than what the other did meanwhile: it is kept behind it,
under its time. (A platform that sends its own steps in the wrong order is told so.)"""


READINGS = ("bid_read", "bid_corrected")
"""Events that say what was read aloud of a bid."""


def step_name(kind: str) -> Message:
    """What a step, an event's type, is called at the desk."""
    return (
        Message(f"host.step.{kind}")
        if known(f"host.step.{kind}")
        else Message("host.step.other", code=kind[:40])
    )


def step_for(kind: str, asked: bool) -> Message:
    """A step as its reader knows it: to a host who `asked` for it in words alone, to a platform with its event type."""
    name = step_name(kind)
    return name if asked or not known(f"host.step.{kind}") else Message("state.step", step=name, code=kind)


def _field(name: str) -> Message:
    """What a field of an event's payload is called at the desk."""
    return Message(f"host.field.{name}")


class IllegalTransition(Invalid):
    """A step that the present state does not allow; names both states."""

    place = "data.type"
    """Where in a record the cause stands."""


class WrongTime(IllegalTransition):
    """An event dated ahead of our clock or before the one that stands last, or a time in it that cannot be."""

    def __init__(self, message: Message, place: str = "occurred_at") -> None:
        self.place = place
        super().__init__(message)


class WrongReading(IllegalTransition):
    """A bid read under another bidder's number or name, read twice, or corrected before it was read."""

    place = "data.payload"


def check_time(session: Session, opening: Opening, kind: str, ts: datetime | None, actor: str) -> datetime:
    """The time under which an event is kept: `ts`, or now where nobody gave one. Raises WrongTime.

    It is not ahead of our clock and not before the step that stands last. Announcements are no steps: an
    opening of the past may be announced when it is reported.
    """
    present = now()
    steps = (OpeningEvent.opening_id == opening.id, OpeningEvent.type != "scheduled")
    newest = (
        select(OpeningEvent.ts, OpeningEvent.actor).where(*steps).order_by(OpeningEvent.seq.desc()).limit(1)
    )
    last, by = (None, None) if kind == "scheduled" else (session.execute(newest).first() or (None, None))
    if last is not None and last > present + AHEAD:
        last = present  # kept by an older version that believed it
    if ts is None:
        return max(present, last or present)
    here = Message("sequence.event_at", opening=opening.id, event=step_name(kind), time=to_the_second(ts))
    if ts > present + AHEAD:
        raise WrongTime(Message("sequence.ahead", event=here, now=to_the_second(present)))
    if last is not None and ts <= last - (TOGETHER if by == actor else CROSSING):
        raise WrongTime(Message("sequence.before_last", event=here, last=to_the_second(last)))
    return ts if last is None else max(ts, last)


def check_reading(
    session: Session, opening_id: str, kind: str, payload: dict[str, Any], asked: bool = False
) -> None:
    """Raise WrongReading where a bid is read under another bidder's number or name, a second time, or is
    corrected though it has not been read.

    `payload` is not masked: on a qualification lot too the names themselves are compared. `asked`: by a host.
    """
    _check_bidder(session, opening_id, payload)
    here, number = Message("sequence.bid", opening=opening_id, number=payload["no"]), payload["no"]
    read = _is_read(session, opening_id, number)
    if kind == "bid_read" and read:
        raise WrongReading(
            Message("sequence.read_already", event=here, step=step_for("bid_corrected", asked))
        )
    if kind == "bid_corrected" and not read:
        raise WrongReading(Message("sequence.not_read_yet", event=here, step=step_for("bid_read", asked)))


def _is_read(session: Session, opening_id: str, number: int) -> bool:
    return bool(_about(session, opening_id, number, "bid_read"))


def _about(session: Session, opening_id: str, number: int, *kinds: str) -> list[int]:
    """Sequence numbers of the events of these types about one number, in order."""
    query = select(OpeningEvent.seq).where(
        OpeningEvent.opening_id == opening_id,
        OpeningEvent.type.in_(kinds),
        OpeningEvent.payload["no"].as_integer() == number,
    )
    return list(session.scalars(query.order_by(OpeningEvent.seq)))


def corrected_reading(session: Session, opening_id: str, payload: dict[str, Any]) -> int | None:
    """The reading of its bid that a correction names, or the one that stands where it names none.

    Raises WrongReading where it names another event. None where the bid has not been read.
    """
    readings = _about(session, opening_id, payload["no"], *READINGS)
    named = payload.get("corrects")
    if named is not None and readings and named not in readings:
        here = Message("sequence.bid", opening=opening_id, number=payload["no"])
        raise WrongReading(Message("sequence.corrects_other", event=here, named=named, readings=[*readings]))
    return named or (readings[-1] if readings else None)


def _check_bidder(session: Session, opening_id: str, payload: dict[str, Any]) -> None:
    number, name = payload["no"], consortia.key(payload["name"])
    listed = set()
    for held, listed_name in _named(session, opening_id):
        listed.add(held)
        if listed_name and name and (held == number) != (listed_name == name):
            raise WrongReading(Message("sequence.another_bidder", opening=opening_id, number=held))
    if number not in listed:
        raise WrongReading(Message("sequence.not_listed", opening=opening_id, number=number))


def _named(session: Session, opening_id: str) -> Iterator[tuple[int, str]]:
    """Number and name, as spellings are compared, of every bidder of the list, and of what has been read so far."""
    query = select(OpeningEvent.payload, OpeningEvent.detail).where(
        OpeningEvent.opening_id == opening_id, OpeningEvent.type.in_(("bidders_published", *READINGS))
    )
    for payload, detail in session.execute(query.order_by(OpeningEvent.seq)):
        unmasked = (detail or {}).get("unmasked", payload)
        for line in unmasked.get("bidders", [unmasked]):
            yield int(line["no"]), consortia.key(line["name"])


# ── counts ───────────────────────────────────────────────────────────────────

_COUNTED = {
    "decrypt_progress": ("total",),
    "bid_read": ("total",),
    "bid_corrected": ("total",),
    "record_confirmed": ("rows", "signed"),
}
"""Event → its counts of bidders, which are never above the list."""


class WrongCount(WrongReading):
    """A count that cannot be true beside the list, or beside what was told before."""


def check_counts(session: Session, opening_id: str, kind: str, payload: dict[str, Any]) -> None:
    """Raise WrongCount where an event does not agree with what was published before it."""
    here = Message("sequence.event", opening=opening_id, event=step_name(kind))
    if kind == "sign_in":
        _check_sign_in(session, opening_id, here, payload)
    elif kind in _COUNTED:
        _check_count(session, opening_id, here, kind, payload)
    elif kind == "control_price":
        analysed = payload.get("normal", 0) + payload.get("over", 0)
        _not_above(here, "checked", analysed, _listed(session, opening_id))
    elif kind == "objection":
        _check_objection(session, opening_id, here, payload["no"])
    elif kind == "objection_answered":
        _check_raised(session, opening_id, here, [payload["no"]])
    if kind == "record_confirmed":
        _check_kept_open(session, opening_id, here, [one["no"] for one in payload.get("kept_open", [])])


def _check_sign_in(session: Session, opening_id: str, here: Message, payload: dict[str, Any]) -> None:
    """Counted up; from anew once the opening is announced for another time."""
    last = _last(session, opening_id, "sign_in", "scheduled")
    before = (last or {}).get("count")
    if before is not None and payload.get("count", before) < before:
        raise WrongCount(
            Message("sequence.fewer_signed_in", event=here, count=payload["count"], before=before)
        )


def _check_count(
    session: Session, opening_id: str, here: Message, kind: str, payload: dict[str, Any]
) -> None:
    listed = _listed(session, opening_id)
    for name in _COUNTED[kind]:
        _not_above(here, name, payload.get(name, 0), listed)
    _check_whole(session, opening_id, here, kind, payload, listed)
    if kind == "decrypt_progress":
        last = _last(session, opening_id, kind) or {}
        for part in ("done", "failed"):
            if part in payload and payload[part] < last.get(part, 0):
                raise WrongCount(
                    Message(
                        "sequence.fewer_decrypted",
                        event=here,
                        part=_field(part),
                        count=payload[part],
                        before=last[part],
                    )
                )


def _check_whole(
    session: Session, opening_id: str, here: Message, kind: str, payload: dict[str, Any], listed: int | None
) -> None:
    """The total is all bidders of the list, at a reading those decrypted as well; the rows are they or those read."""
    name = _COUNTED[kind][0]
    if listed is None or payload.get(name) is None:
        return
    right = {listed}
    if kind == "record_confirmed":
        right.add(len(numbers_in_events(session, opening_id, "bid_read")))
    elif kind in READINGS:
        decrypted = _last(session, opening_id, "decrypt_progress") or {}
        right |= {listed - decrypted.get("failed", 0), decrypted.get("done", listed)}
    if payload[name] not in right:
        numbers = [str(count) for count in sorted(right)]
        raise WrongCount(
            Message("sequence.not_all", event=here, name=_field(name), count=payload[name], right=numbers)
        )


def _not_above(here: Message, name: str, count: int, listed: int | None) -> None:
    if listed is not None and count > listed:
        raise WrongCount(
            Message("sequence.more_than_listed", event=here, name=_field(name), count=count, listed=listed)
        )


def _check_objection(session: Session, opening_id: str, here: Message, number: int) -> None:
    raised = numbers_in_events(session, opening_id, "objection")
    if number in raised:
        raise WrongCount(Message("sequence.objection_taken", event=here, number=number))
    following = max(raised, default=0) + 1
    if number != following:
        raise WrongCount(Message("sequence.objection_skips", event=here, number=number, following=following))


def _check_raised(session: Session, opening_id: str, here: Message, numbers: list[int]) -> None:
    raised = numbers_in_events(session, opening_id, "objection")
    for number in numbers:
        if number not in raised:
            raise WrongCount(Message("sequence.no_objection", event=here, number=number))


def _check_kept_open(session: Session, opening_id: str, here: Message, numbers: list[int]) -> None:
    _check_raised(session, opening_id, here, numbers)
    answered = numbers_in_events(session, opening_id, "objection_answered")
    for number in numbers:
        if number in answered:
            raise WrongCount(Message("sequence.answered_not_open", event=here, number=number))


def numbers_in_events(session: Session, opening_id: str, kind: str) -> set[int]:
    """The numbers that the events of one type are about."""
    query = select(OpeningEvent.payload).where(
        OpeningEvent.opening_id == opening_id, OpeningEvent.type == kind
    )
    return {payload["no"] for payload in session.scalars(query)}


def check_adjournment(opening: Opening, ts: datetime, payload: dict[str, Any]) -> None:
    """Raise WrongTime where an opening is adjourned at `ts` until a moment that has passed by then."""
    until = payload.get("until")
    if until is not None and datetime.fromisoformat(until) <= ts:
        message = Message(
            "sequence.until_past",
            opening=opening.id,
            until=to_the_second(datetime.fromisoformat(until)),
            time=to_the_second(ts),
        )
        raise WrongTime(message, "data.payload.until")


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
                held=to_the_second(held),
                wanted=to_the_second(wanted),
                now=to_the_second(now()),
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
