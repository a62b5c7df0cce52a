"""Local accounts 用户 with the views they saved, wall displays 大屏, and the audit chain's rows 审计."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from messages import say
from records.clock import now
from records.tables.base import Base, Code, Key, Serial, Text

ROLES = ("public-officer", "supervisor", "leader", "operator", "group-member", "admin")
"""Roles of accounts. The host 主持人 of an opening is a person on its record, not a role."""


def role_name(role: str, lang: str) -> str:
    """What a role is called everywhere in the reader's language."""
    return say(f"role.{role}", lang)


class User(Base):
    """A local account; the password is kept as an argon2id hash."""

    __tablename__ = "user"
    name: Mapped[Key] = mapped_column(primary_key=True)
    role: Mapped[Code]
    display_name: Mapped[Text]
    password_hash: Mapped[Text]
    disabled: Mapped[bool] = mapped_column(default=False)
    session_epoch: Mapped[int] = mapped_column(default=0)
    """Raised to end all sessions of this user."""
    unlocked_at: Mapped[datetime | None]
    """Sign-ins that failed before this moment no longer lock the account."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class SavedView(Base):
    """常用视图: a screen with its choices, under a name of its user's."""

    __tablename__ = "saved_view"
    user: Mapped[Key] = mapped_column(ForeignKey("user.name"), primary_key=True)
    name: Mapped[Code] = mapped_column(primary_key=True)
    screen: Mapped[Code]
    """Slug of the screen."""
    query: Mapped[dict[str, Any]]
    """What the screen's address says: query parameter → value."""
    opens_first: Mapped[bool] = mapped_column(default=False)
    """Whether the desk opens with it for this user; one of a user's at most."""
    saved_at: Mapped[datetime] = mapped_column(default=now)


class Display(Base):
    """大屏: a wall screen that shows figures without anybody signed in; its token is kept as SHA-256 only."""

    __tablename__ = "display"
    name: Mapped[Key] = mapped_column(primary_key=True)
    token_hash: Mapped[Code] = mapped_column(index=True)
    screens: Mapped[list[Any]]
    """Slugs of the screens it may show, in the order of its playlist."""
    seconds: Mapped[int]
    """How long each screen stands."""
    added_by: Mapped[Key]
    added_at: Mapped[datetime] = mapped_column(default=now)
    revoked_at: Mapped[datetime | None]


class UnmaskRequest(Base):
    """申请显示名称: who asked to see the names behind a mask, why, and who confirmed it where two must agree."""

    __tablename__ = "unmask_request"
    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    object_kind: Mapped[Code]
    object_id: Mapped[Key]
    asked_by: Mapped[Key]
    reason: Mapped[Text]
    asked_at: Mapped[datetime] = mapped_column(default=now)
    confirmed_by: Mapped[Key | None]
    confirmed_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_unmask_request_object_kind_object_id", "object_kind", "object_id"),)


class AuditEntry(Base):
    """One act worth remembering: sign-in, export, un-masking, change of state. Chained by hash."""

    __tablename__ = "audit"
    seq: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=False)
    ts: Mapped[datetime]
    actor: Mapped[Key]
    action: Mapped[Code]
    object_kind: Mapped[Code | None]
    object_id: Mapped[Key | None]
    detail: Mapped[dict[str, Any]]
    ip: Mapped[Code | None]
    prev_hash: Mapped[Code]
    hash: Mapped[Code]
