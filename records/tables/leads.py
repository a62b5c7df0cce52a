"""Leads 线索 and the batches 流转批次 in which they are handed on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Key, Text


class LeadBatch(Base):
    """流转批次 to one body: regulator 行业监管, police 公安, discipline 纪检监察, finance 财政, market 市场监管."""

    __tablename__ = "lead_batch"
    id: Mapped[Key] = mapped_column(primary_key=True)
    target: Mapped[Code]
    state: Mapped[Code] = mapped_column(default="draft")
    """draft 草拟, transferred 已移交, received 已签收, closed 已办结."""
    created_by: Mapped[Key]
    created_at: Mapped[datetime] = mapped_column(default=now)
    transferred_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class Lead(Base):
    """线索, made of warnings; `valid` and `result` come back from the receiving body."""

    __tablename__ = "lead"
    id: Mapped[Key] = mapped_column(primary_key=True)
    batch_id: Mapped[Key | None] = mapped_column(ForeignKey("lead_batch.id"), index=True)
    title: Mapped[Text]
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    checklist: Mapped[list[Any]] = mapped_column(default=list)
    created_by: Mapped[Key]
    created_at: Mapped[datetime] = mapped_column(default=now)
    valid: Mapped[bool | None]
    result: Mapped[Text | None]
    disposed_at: Mapped[datetime | None]
