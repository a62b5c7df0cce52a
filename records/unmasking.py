"""Unmasking 显示名称, seeing the names behind a mask: never without a reason, and by two people where a setting says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Invalid, Message, Unknown
from records import audit
from records.administration import By, Conflict
from records.clock import now
from records.tables.organisations import Organisation
from records.tables.users import UnmaskRequest

SHORTEST, LONGEST = 4, 200
"""Characters of a reason."""
SHOWN_SECONDS = 15 * 60
"""How long names stay to be seen after a look."""
OPEN_FOR = timedelta(minutes=30)
"""How long a request waits for its second person, and how long a confirmed one lets its asker look."""


def checked(reason: object) -> str:
    """The reason as it is kept. Raises ValueError for none, a mere word or a letter of complaint."""
    words = " ".join(reason.split()) if isinstance(reason, str) else ""
    if not SHORTEST <= len(words) <= LONGEST:
        raise Invalid(Message("unmasking.reason_length", least=SHORTEST, most=LONGEST))
    return words


def look(
    session: Session, kind: str, object_id: str, reason: str, by: By, *, two: bool
) -> UnmaskRequest | None:
    """Ask to see the names of an object; None: go on, it is audited. A request: a second person must confirm it.

    Raises ValueError for a reason that is none.
    """
    words = checked(reason)
    if not two or (held := _mine(session, kind, object_id, by)) is None:
        held = UnmaskRequest(
            object_kind=kind, object_id=object_id, asked_by=by.name, reason=words, asked_at=now()
        )
        session.add(held)
        session.flush()
        if two:
            _note(session, by, "unmask_asked", held)
    if two and held.confirmed_by is None:
        return held
    _note(session, by, "unmask", held)
    return None


def confirm(session: Session, request_id: int, by: By) -> UnmaskRequest:
    """The second person's yes. Raises LookupError (none, or too old), Conflict (one's own, or confirmed already)."""
    held = session.get(UnmaskRequest, request_id)
    if held is None or held.asked_at < now() - OPEN_FOR:
        raise Unknown(Message("unmasking.no_request"))
    if held.asked_by == by.name:
        raise Conflict(Message("unmasking.another_person"))
    if held.confirmed_by is not None:
        raise Conflict(Message("unmasking.confirmed"))
    held.confirmed_by, held.confirmed_at = by.name, now()
    _note(session, by, "unmask_confirmed", held)
    return held


def waiting(session: Session, kind: str, object_id: str, *, two: bool) -> list[UnmaskRequest]:
    """Requests about an object that wait for a second person, oldest first; none where one person is enough."""
    if not two:
        return []
    query = select(UnmaskRequest).where(
        UnmaskRequest.object_kind == kind, UnmaskRequest.object_id == object_id,
        UnmaskRequest.confirmed_by.is_(None), UnmaskRequest.asked_at >= now() - OPEN_FOR,
    )  # fmt: skip
    return list(session.scalars(query.order_by(UnmaskRequest.id)))


def looked_at(
    session: Session, kind: str, object_id: str, name: str, within: timedelta, *, two: bool
) -> bool:
    """Whether this account gave its reason (and had it confirmed, where a second person has to) within this time."""
    when = UnmaskRequest.confirmed_at if two else UnmaskRequest.asked_at
    query = select(UnmaskRequest.id).where(
        UnmaskRequest.object_kind == kind, UnmaskRequest.object_id == object_id, UnmaskRequest.asked_by == name,
        when >= now() - within,
    )  # fmt: skip
    return session.scalars(query.limit(1)).first() is not None


def names_behind(session: Session, ids: Sequence[str]) -> dict[str, str]:
    """Organisation → its name, of those that are known. Whoever asks has shown that these names may be seen."""
    query = select(Organisation.id, Organisation.name).where(Organisation.id.in_(ids))
    return {row.id: row.name for row in session.execute(query)}


def _mine(session: Session, kind: str, object_id: str, by: By) -> UnmaskRequest | None:
    query = select(UnmaskRequest).where(
        UnmaskRequest.object_kind == kind, UnmaskRequest.object_id == object_id,
        UnmaskRequest.asked_by == by.name, UnmaskRequest.asked_at >= now() - OPEN_FOR,
    )  # fmt: skip
    return session.scalars(query.order_by(UnmaskRequest.id.desc()).limit(1)).first()


def _note(session: Session, by: By, action: str, held: UnmaskRequest) -> None:
    detail = {"reason": held.reason, "asked_by": held.asked_by, "confirmed_by": held.confirmed_by}
    audit.write(
        session, by.name, f"{held.object_kind}.{action}", object_kind=held.object_kind, object_id=held.object_id,
        detail=detail, ip=by.ip,
    )  # fmt: skip
