"""What is told of an opening agrees with its list of bidders: no number outside it, no count above it, none backwards."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Message
from records.sequence import WrongReading
from records.tables.openings import OpeningEvent

_COUNTED = {
    "decrypt_progress": "total",
    "bid_read": "total",
    "bid_corrected": "total",
    "record_confirmed": "rows",
}
"""Event → its count of bids, which is never above the list."""


class WrongCount(WrongReading):
    """A count that cannot be true beside the list, or beside what was told before."""


def check(session: Session, opening_id: str, kind: str, told: dict[str, Any]) -> None:
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
