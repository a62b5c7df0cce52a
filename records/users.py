"""Local accounts 用户 and the audit chain's rows 审计."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Code, Key, Serial, Text
from records.clock import now

ROLES = ("public-officer", "supervisor", "leader", "operator", "admin")


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
    created_at: Mapped[datetime] = mapped_column(default=now)


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
