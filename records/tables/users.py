"""Local accounts 用户 and the audit chain's rows 审计."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from messages import say
from records.clock import now
from records.tables.base import Base, Code, Key, Serial, Text

ROLES = ("public-officer", "supervisor", "leader", "operator", "admin")
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
