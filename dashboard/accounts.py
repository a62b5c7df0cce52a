"""Local accounts 用户: create, list, disable, and check a password (argon2id)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from records.users import ROLES, User

_HASHER = PasswordHasher()
_DECOY = _HASHER.hash("no account has this password")
_NAME = re.compile(r"[\w.@-]{1,64}")
MIN_PASSWORD = 8


@dataclass(frozen=True)
class SignedIn:
    """Someone who is signed in."""

    name: str
    role: str
    display_name: str


def add_user(session: Session, name: str, role: str, password: str, display_name: str | None = None) -> User:
    """Create an account in the caller's write transaction.

    Raises ValueError for a bad name, an unknown role, a short password or a name already taken.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"用户名不合规：{name!r}，只能用文字、数字和 . _ @ -，至多 64 个 / bad user name")
    if role not in ROLES:
        raise ValueError(f"没有角色 {role!r}，可用：{', '.join(ROLES)} / unknown role")
    if session.get(User, name) is not None:
        raise ValueError(f"用户 {name} 已存在 / user exists already")
    user = User(name=name, role=role, display_name=display_name or name, password_hash=_hash(password))
    session.add(user)
    session.flush()
    return user


def set_password(session: Session, name: str, password: str) -> None:
    """Give an account a new password and end its sessions. Raises LookupError, ValueError (too short)."""
    user = _get(session, name)
    user.password_hash = _hash(password)
    user.session_epoch += 1


def list_users(session: Session) -> list[User]:
    """All accounts by name."""
    return list(session.scalars(select(User).order_by(User.name)))


def disable_user(session: Session, name: str) -> None:
    """Close an account and end its sessions; the desk notices within seconds. Raises LookupError."""
    user = _get(session, name)
    user.disabled = True
    user.session_epoch += 1


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
        raise ValueError(f"密码至少 {MIN_PASSWORD} 个字符 / password shorter than {MIN_PASSWORD} characters")
    return _HASHER.hash(password)


def _get(session: Session, name: str) -> User:
    user = session.get(User, name)
    if user is None:
        raise LookupError(f"没有用户 {name} / no such user")
    return user
