"""Recordings 录像, their segments and seals 封存; written by the hub alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Key, Text


class Recording(Base):
    """录像 of one camera of a broadcast session. `path` is relative to the recordings folder."""

    __tablename__ = "recording"
    id: Mapped[Key] = mapped_column(primary_key=True)
    session_id: Mapped[Key | None] = mapped_column(index=True)
    room_id: Mapped[Key] = mapped_column(index=True)
    camera: Mapped[Code] = mapped_column(default="main")
    path: Mapped[Text]
    container: Mapped[Code]
    started_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    bytes: Mapped[int] = mapped_column(default=0)
    gaps: Mapped[int] = mapped_column(default=0)
    head_hash: Mapped[Code]
    retention_class: Mapped[Code] = mapped_column(default="procurement")
    expire_at: Mapped[datetime | None]
    sealed_at: Mapped[datetime | None]


class Segment(Base):
    """One closed piece of a recording with its digest, linked to the one before."""

    __tablename__ = "segment"
    recording_id: Mapped[Key] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    offset: Mapped[int]
    """First byte within the recording's file."""
    bytes: Mapped[int]
    started_at: Mapped[datetime]
    seconds: Mapped[float]
    sha256: Mapped[Code]
    prev_hash: Mapped[Code]
    hash: Mapped[Code]


class Gap(Base):
    """A span without pictures within a recording, and why."""

    __tablename__ = "gap"
    recording_id: Mapped[Key] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    reason: Mapped[Code]
    """source 信号中断, disk 磁盘, restart 重启."""


class Seal(Base):
    """封存: signed head of the evidence of one opening."""

    __tablename__ = "seal"
    opening_id: Mapped[Key] = mapped_column(primary_key=True)
    sealed_at: Mapped[datetime] = mapped_column(default=now)
    head: Mapped[Code]
    signature: Mapped[Text]
    key_id: Mapped[Code]
    manifest_sha256: Mapped[Code]
