"""非公开画面查看记录: every look at a picture that is not public, asked for, granted or not, from when to when: of a room that
never is, and of one whose opening waits or is over.

The desk writes who asked and why; the hub writes from when to when the picture was sent (`RoomView`); the desk puts
both into the audit chain: the asking at once, the end once the hub has told it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Invalid
from records import audit, current, unmasking
from records.administration import By
from records.clock import now
from records.tables.organisations import Room
from records.tables.witnessing import RoomLook, RoomView

TOKEN_LIFE = timedelta(minutes=10)
"""How long after it was granted a look may still begin."""


@dataclass(frozen=True)
class Looked:
    """A look with what the hub told of it. `began_at` None: not begun; `ended_at` None: under way."""

    look: RoomLook
    began_at: datetime | None
    ended_at: datetime | None
    seconds: float
    """How long pictures were sent, all sessions of the look together."""


def ask(
    session: Session, room: Room, by: By, *, reason: str | None, task: str | None = None, granted: bool = True
) -> RoomLook:
    """Note that somebody asked for a picture that is not public."""
    row = RoomLook(
        id=secrets.token_hex(16), room_id=room.id, viewer=by.name, reason=reason, task_id=task, granted=granted,
        asked_at=now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    given = {"look": row.id, "reason": reason, "task": task}
    detail = {key: value for key, value in given.items() if value}
    audit.write(
        session, by.name, "room.watch" if granted else "room.watch_refused", object_kind="room", object_id=room.id,
        detail=detail, ip=by.ip,
    )  # fmt: skip
    return row


def inside(session: Session, room: Room, by: By, *, task: str | None = None) -> str:
    """The number of the entry that says who watches a public room from inside; empty while the public sees the same."""
    return "" if current.room_on_air(session, room.id) else ask(session, room, by, reason=None, task=task).id


def reason_of(given: object) -> str | None:
    """A reason as it is kept; None for one that is none."""
    try:
        return unmasking.checked(given)
    except Invalid:
        return None


def since(session: Session, begin: datetime, limit: int = 200) -> list[Looked]:
    """The looks asked for since a moment, newest first."""
    query = select(RoomLook).where(RoomLook.asked_at >= begin).order_by(RoomLook.asked_at.desc()).limit(limit)
    return _with_views(session, session.scalars(query).all())


def _with_views(session: Session, asked: Iterable[RoomLook]) -> list[Looked]:
    rows = list(asked)
    views: dict[str, list[RoomView]] = {}
    query = select(RoomView).where(RoomView.look_id.in_([one.id for one in rows]))
    for view in session.scalars(query):
        views.setdefault(view.look_id, []).append(view)
    return [_looked(row, views.get(row.id, [])) for row in rows]


def _looked(look: RoomLook, views: list[RoomView]) -> Looked:
    if not views:
        return Looked(look, None, None, 0.0)
    seconds = sum(((one.ended_at or one.seen_at) - one.began_at).total_seconds() for one in views)
    running = any(one.ended_at is None for one in views)
    ended = None if running else max(one.ended_at for one in views if one.ended_at)
    return Looked(look, min(one.began_at for one in views), ended, seconds)


def settle(session: Session) -> int:
    """Put the ends of looks into the audit chain, in the caller's write transaction; how many those were. A look that
    may begin again is not at its end yet."""
    query = select(RoomLook).where(
        RoomLook.granted.is_(True), RoomLook.audited_at.is_(None), RoomLook.asked_at < now() - TOKEN_LIFE
    )
    done = 0
    for one in _with_views(session, session.scalars(query.limit(500)).all()):
        if one.began_at is not None and one.ended_at is None:
            continue
        detail = {"look": one.look.id, "seconds": round(one.seconds, 1)}
        if one.began_at and one.ended_at:
            detail |= {"from": one.began_at.isoformat(), "to": one.ended_at.isoformat()}
        audit.write(
            session,
            one.look.viewer,
            "room.watched",
            object_kind="room",
            object_id=one.look.room_id,
            detail=detail,
        )
        one.look.audited_at = now()
        done += 1
    return done


def anything_to_settle(session: Session) -> bool:
    """Whether `settle` would have something to look at."""
    query = select(RoomLook.id).where(
        RoomLook.granted.is_(True), RoomLook.audited_at.is_(None), RoomLook.asked_at < now() - TOKEN_LIFE
    )
    return session.scalar(query.limit(1)) is not None
