"""Local accounts 用户: create, list, disable, and check a password (argon2id)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_bytes

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION
from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Invalid, Message, Unknown
from records import audit, texts
from records.administration import COMMAND_LINE, By, Conflict, refuse_twin
from records.clock import now
from records.tables.users import ROLES, AuditEntry, User

_HASHER = PasswordHasher()


def decoy(hasher: PasswordHasher) -> str:
    """A hash that no password has, as costly to try as those of `hasher`; made without hashing, which takes each start 0.1 s."""
    salt, digest = (
        b64encode(token_bytes(size)).rstrip(b"=").decode() for size in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"


_DECOY = decoy(_HASHER)
_NAME = re.compile(r"[\w.@-]{1,64}")
MIN_PASSWORD = 8
KEEPER = "admin"
"""The role of who keeps accounts, rooms and sources."""
KNOWN_ADDRESS = timedelta(days=60)
"""How long an address counts as known after a sign-in from it."""


@dataclass(frozen=True)
class SignedIn:
    """Someone who is signed in."""

    name: str
    role: str
    display_name: str


def add_user(
    session: Session, name: str, role: str, password: str, display_name: str | None = None,
    by: By = COMMAND_LINE,
) -> User:  # fmt: skip
    """Create an account in the caller's write transaction.

    Raises ValueError for a bad name, an unknown role, a short password or a name already taken.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(Message("account.bad_name", name=f"{name!r}"))
    _known_role(role)
    if session.get(User, name) is not None:
        raise Conflict(Message("account.exists", name=name))
    refuse_twin(session.scalars(select(User.name)), name)
    user = User(
        name=name, role=role, display_name=texts.typed(display_name or name), password_hash=_hash(password)
    )
    session.add(user)
    session.flush()
    _note(session, by, "user.add", name, {"role": role})
    return user


def set_password(session: Session, name: str, password: str, by: By = COMMAND_LINE) -> None:
    """Give an account a new password and end its sessions. Raises LookupError, ValueError (too short)."""
    user = _get(session, name)
    user.password_hash = _hash(password)
    user.session_epoch += 1
    _note(session, by, "user.password", name)


def list_users(session: Session) -> list[User]:
    """All accounts by name."""
    return list(session.scalars(select(User).order_by(User.name)))


def open_users(session: Session, roles: Container[str]) -> list[User]:
    """The accounts of some roles that are not disabled, by name."""
    return [user for user in list_users(session) if user.role in roles and not user.disabled]


def disable_user(session: Session, name: str, by: By = COMMAND_LINE) -> None:
    """Close an account and end its sessions; the desk notices within seconds.

    Raises LookupError, ValueError for one's own account and for the last administrator's.
    """
    user = _get(session, name)
    _not_oneself(name, by)
    _not_the_last(session, user)
    user.disabled = True
    user.session_epoch += 1
    _note(session, by, "user.disable", name)


def enable_user(session: Session, name: str, by: By = COMMAND_LINE) -> None:
    """Open a closed account again; sessions of before stay ended. Raises LookupError."""
    _get(session, name).disabled = False
    _note(session, by, "user.enable", name)


def set_role(session: Session, name: str, role: str, by: By = COMMAND_LINE) -> None:
    """Give an account another role and end its sessions. Raises LookupError, ValueError (unknown role, oneself, the last
    administrator)."""
    user = _get(session, name)
    _known_role(role)
    _not_oneself(name, by)
    if role != KEEPER:
        _not_the_last(session, user)
    before, user.role = user.role, role
    user.session_epoch += 1
    _note(session, by, "user.role", name, {"from": before, "to": role})


def unlock_user(session: Session, name: str, by: By = COMMAND_LINE) -> None:
    """Let an account sign in again at once after too many failed tries. Raises LookupError."""
    _get(session, name).unlocked_at = now()
    _note(session, by, "user.unlock", name)


def unlocked_at(session: Session, name: str) -> datetime | None:
    """When somebody last unlocked the account; None: never, or no such account."""
    user = session.get(User, name)
    return user.unlocked_at if user else None


def signed_in_from(session: Session, name: str, address: str) -> bool:
    """Whether this account has signed in from this address within the last weeks."""
    entry = select(AuditEntry.seq).where(
        AuditEntry.actor == name, AuditEntry.action == "sign_in", AuditEntry.ip == address,
        AuditEntry.ts > now() - KNOWN_ADDRESS,
    )  # fmt: skip
    return session.scalar(entry.limit(1)) is not None


def check_password(session: Session, name: str, password: str) -> User | None:
    """The account if name and password agree and it is open; takes as long for an unknown name."""
    user = session.get(User, name)
    try:
        _HASHER.verify(user.password_hash if user else _DECOY, password)
    except (VerificationError, InvalidHashError):
        return None
    return user if user and not user.disabled else None


def _hash(password: str) -> str:
    if len(password) < MIN_PASSWORD:
        raise Invalid(Message("account.short_password", least=MIN_PASSWORD))
    return _HASHER.hash(password)


def _get(session: Session, name: str) -> User:
    user = session.get(User, name)
    if user is None:
        raise Unknown(Message("account.unknown", name=name))
    return user


def _known_role(role: str) -> None:
    if role not in ROLES:
        raise Invalid(Message("account.unknown_role", role=role, roles=list(ROLES)))


def _not_oneself(name: str, by: By) -> None:
    if by.name == name:
        raise Conflict(Message("account.own"))


def _not_the_last(session: Session, user: User) -> None:
    keepers = [one.name for one in open_users(session, {KEEPER})]
    if keepers == [user.name]:
        raise Conflict(Message("account.last_admin", name=user.name))


def _note(session: Session, by: By, action: str, name: str, detail: dict[str, str] | None = None) -> None:
    audit.write(
        session, by.name, action, object_kind="user", object_id=name, detail=dict(detail or {}), ip=by.ip
    )
