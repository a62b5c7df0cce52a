"""The intake's own tables: sources, the journal of accepted envelopes, what waits and what was refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Key, Serial, Text


class Source(Base):
    """数据来源: a trading platform allowed to send records; its token is stored as SHA-256 only."""

    __tablename__ = "source"
    name: Mapped[Key] = mapped_column(primary_key=True)
    token_hash: Mapped[Code | None] = mapped_column(index=True)
    enabled: Mapped[bool] = mapped_column(default=True)
    demo: Mapped[bool] = mapped_column(default=False)
    """Demonstration data 演示数据: every screen says so while such a source holds records."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class Journal(Base):
    """Every accepted envelope, whole, in order of acceptance; its `seq` is the answer's `seq`."""

    __tablename__ = "journal"
    seq: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    source: Mapped[Key]
    kind: Mapped[Code]
    key: Mapped[Key]
    version: Mapped[int] = mapped_column(Serial)
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(default=now)
    lot_id: Mapped[Key | None]
    """The lot the record speaks about, so the watch can find the lots touched."""
    data: Mapped[dict[str, Any]]


class Held(Base):
    """The newest version held per (source, kind, key): what makes acceptance exactly-once."""

    __tablename__ = "held"
    kind: Mapped[Code] = mapped_column(primary_key=True)
    key: Mapped[Key] = mapped_column(primary_key=True)
    source: Mapped[Key] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Serial)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    seq: Mapped[int] = mapped_column(Serial)

    __table_args__ = ({"sqlite_with_rowid": False},)


class Parked(Base):
    """An accepted record whose reference has not arrived yet; applied when it does."""

    __tablename__ = "parked"
    seq: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=False)
    waits_kind: Mapped[Code]
    waits_key: Mapped[Key]

    __table_args__ = (Index("ix_parked_waits", "waits_kind", "waits_key"),)


class Reject(Base):
    """A refused record, kept whole with the reason and the place in it."""

    __tablename__ = "reject"
    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    source: Mapped[Key | None]
    kind: Mapped[Code | None]
    key: Mapped[Key | None]
    path: Mapped[Text | None]
    """JSON path or column of what was wrong."""
    reason: Mapped[Text]
    payload: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(default=now)
    resolved_at: Mapped[datetime | None]
