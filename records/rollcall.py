"""What is told of an opening agrees with its list of bidders: no number outside it, no count above it, none backwards."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

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
    here = f"开标 {opening_id}：{kind}"
    if kind == "sign_in":
        _check_sign_in(session, opening_id, here, told)
    elif kind in _COUNTED:
        _check_count(session, opening_id, here, kind, told)
    elif kind == "control_price":
        analysed = told.get("normal", 0) + told.get("over", 0)
        _not_above(here, "normal + over", analysed, _listed(session, opening_id))
    elif kind == "objection":
        _check_objection(session, opening_id, here, told["no"])


def _check_sign_in(session: Session, opening_id: str, here: str, told: dict[str, Any]) -> None:
    """Counted up; from anew once the opening is announced for another time."""
    last = _last(session, opening_id, "sign_in", "scheduled")
    before = (last or {}).get("count")
    if before is not None and told.get("count", before) < before:
        raise WrongCount(
            f"{here} 的 count {told['count']} 少于已报的 {before}，签到数只增不减"
            " / fewer than have signed in already: sign-ins only grow"
        )


def _check_count(session: Session, opening_id: str, here: str, kind: str, told: dict[str, Any]) -> None:
    listed = _listed(session, opening_id)
    name = _COUNTED[kind]
    _not_above(here, name, told.get(name, 0), listed)
    if kind == "decrypt_progress":
        last = _last(session, opening_id, kind) or {}
        for part in ("done", "failed"):
            if part in told and told[part] < last.get(part, 0):
                raise WrongCount(
                    f"{here} 的 {part} {told[part]} 少于已报的 {last[part]}，解密数只增不减"
                    f" / {part} is less than was told before: decryption only grows"
                )


def _not_above(here: str, name: str, count: int, listed: int | None) -> None:
    if listed is not None and count > listed:
        raise WrongCount(
            f"{here} 的 {name} 为 {count}，多于已公布名单的 {listed} 家 / {name} is more than the published list of {listed}"
        )


def _check_objection(session: Session, opening_id: str, here: str, number: int) -> None:
    query = select(OpeningEvent.seq).where(
        OpeningEvent.opening_id == opening_id,
        OpeningEvent.type == "objection",
        OpeningEvent.payload["no"].as_integer() == number,
    )
    if session.scalar(query.limit(1)) is not None:
        raise WrongCount(
            f"{here} 的 {number} 号异议已经提出，请用下一个编号 / no. {number} has been raised: take the next number"
        )


def _listed(session: Session, opening_id: str) -> int | None:
    """How many bidders the published list has; None without one."""
    published = _last(session, opening_id, "bidders_published")
    return None if published is None else int(published["count"])


def _last(session: Session, opening_id: str, *kinds: str) -> dict[str, Any] | None:
    query = select(OpeningEvent.payload).where(
        OpeningEvent.opening_id == opening_id, OpeningEvent.type.in_(kinds)
    )
    return session.scalar(query.order_by(OpeningEvent.seq.desc()).limit(1))
