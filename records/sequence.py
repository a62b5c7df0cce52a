"""What must hold between the events of one opening: time runs forward, and a number read is one bidder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.clock import now, rfc3339
from records.public.masking import plain
from records.tables.openings import Opening, OpeningEvent

AHEAD = timedelta(seconds=5)
"""How far a source's clock may be ahead of ours."""
TOGETHER = timedelta(seconds=1)
"""Times closer than this are equal: many sources write whole seconds."""


READINGS = ("bid_read", "bid_corrected")
"""Events that say what was read aloud of a bid."""


class IllegalTransition(ValueError):
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
    here = f"开标 {opening.id}：{kind} 的时间 {rfc3339(ts)}"
    if ts > present + AHEAD:
        raise WrongTime(
            f"{here} 晚于现在 {rfc3339(present)}，事件发生之后才能报送；请核对时钟"
            " / ahead of the clock here, send an event when it has happened"
        )
    if last is not None and ts <= last - TOGETHER:
        raise WrongTime(
            f"{here} 早于上一事件 {rfc3339(last)}，须按发生的先后报送 / before the event that stands last"
        )
    return ts if last is None else max(ts, last)


def check_reading(session: Session, opening_id: str, kind: str, payload: dict[str, Any]) -> None:
    """Raise WrongReading where a bid is read under another bidder's number or name, a second time, or is
    corrected though it has not been read.

    `payload` is not masked: on a qualification lot too the names themselves are compared.
    """
    _check_bidder(session, opening_id, payload)
    here, number = f"开标 {opening_id}：{payload['no']} 号", payload["no"]
    known = _is_read(session, opening_id, number)
    if kind == "bid_read" and known:
        raise WrongReading(
            f"{here}已经唱过，不能再唱一次；读错的请以 bid_corrected 更正，原唱标内容划线保留"
            f" / no. {number} has been read: send bid_corrected, the first reading stays, struck through"
        )
    if kind == "bid_corrected" and not known:
        raise WrongReading(
            f"{here}尚未唱标，无可更正；请先报送 bid_read"
            f" / no. {number} has not been read, there is nothing to correct: send bid_read first"
        )


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
            raise WrongReading(
                f"开标 {opening_id}：{held} 号已是另一投标人，同一号只有一家、同一家只有一个号；请核对 data.payload 的 no 与 name"
                f" / no. {held} is another bidder: one number, one name; check no and name in data.payload"
            )
    if number not in listed:
        raise WrongReading(
            f"开标 {opening_id}：已公布的名单中没有 {number} 号；请核对 data.payload 的 no"
            f" / no. {number} is not in the published list: check no in data.payload"
        )


def _named(session: Session, opening_id: str) -> Iterator[tuple[int, str]]:
    """Number and plain name of every bidder of the list, and of what has been read so far."""
    query = select(OpeningEvent.payload, OpeningEvent.detail).where(
        OpeningEvent.opening_id == opening_id, OpeningEvent.type.in_(("bidders_published", *READINGS))
    )
    for payload, detail in session.execute(query.order_by(OpeningEvent.seq)):
        told = (detail or {}).get("unmasked", payload)
        for line in told.get("bidders", [told]):
            yield int(line["no"]), plain(line["name"])
