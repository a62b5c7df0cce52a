"""Recordings 录像, their segments, the log of evidence 存证日志 and seals 封存; written by the hub alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, column, table
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
    package_sha256: Mapped[Code | None]
    """Of the zip: both its copies are checked against it."""
    segments: Mapped[int] = mapped_column(default=0)
    """Segments of recordings that the log holds of this opening."""


class LogLeaf(Base):
    """One leaf of the log, in its order; gapless from 0. The log's files hold only its digest."""

    __tablename__ = "log_leaf"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    opening_id: Mapped[Key] = mapped_column(default="")
    """Empty for what belongs to none: heads of the audit chain."""
    seq: Mapped[int]
    """Place among the leaves of its opening, from 1."""
    kind: Mapped[Code]
    """event, segment, gap, action, seal or audit."""
    subject: Mapped[Key]
    """What it is of: an opening, or a recording."""
    position: Mapped[int] = mapped_column(BigInteger)
    """Which of its kind: the event's or the segment's number, the moment of a switch in microseconds since 1970."""
    leaf: Mapped[dict[str, Any]]
    body: Mapped[dict[str, Any] | None]
    """What the digest in the leaf is of, where it stands nowhere else."""
    key: Mapped[Code | None]
    """The key of a commitment, until it is opened in a package."""

    __table_args__ = (
        Index("ix_log_leaf_opening_id_seq", "opening_id", "seq", unique=True),
        Index("ix_log_leaf_kind_subject_position", "kind", "subject", "position", unique=True),
    )


class LogHead(Base):
    """A head of the log that was signed."""

    __tablename__ = "log_head"
    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    root: Mapped[Code]
    note: Mapped[Text]
    """The checkpoint as it was signed, without cosignatures."""
    signed_at: Mapped[datetime] = mapped_column(default=now)


AUDIT_HEAD = table("audit_head", column("seq"), column("hash"))
"""A view: number and hash of the newest entry of the audit chain, and nothing of who did what."""
