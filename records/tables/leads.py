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
    title: Mapped[Text] = mapped_column(default="")
    target: Mapped[Code]
    target_name: Mapped[Text] = mapped_column(default="")
    """The office that receives it."""
    secrecy: Mapped[Code] = mapped_column(default="work")
    """What its papers are marked: work 工作秘密, internal 内部资料."""
    state: Mapped[Code] = mapped_column(default="draft")
    """draft 组批, review 复核, approved 待移送, transferred 已移送, received 已回执, answered 已反馈, closed 已办结, withdrawn 已撤销."""
    version: Mapped[int] = mapped_column(default=0)
    """Counts changes: who changes a batch says which state of it he saw."""
    created_by: Mapped[Key]
    created_at: Mapped[datetime] = mapped_column(default=now)
    reviewed_by: Mapped[Key | None]
    reviewed_at: Mapped[datetime | None]
    note: Mapped[Text | None]
    transferred_at: Mapped[datetime | None]
    receipt_due_at: Mapped[datetime | None]
    receipt: Mapped[Text | None]
    """The number of the receipt."""
    received_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    reminded: Mapped[Code | None]
    """The newest reminder the watch gave: receipt_soon, receipt_late, answer_soon, answer_late."""


class Lead(Base):
    """线索, made of warnings; `valid` and `result` come back from the receiving body."""

    __tablename__ = "lead"
    id: Mapped[Key] = mapped_column(primary_key=True)
    batch_id: Mapped[Key | None] = mapped_column(ForeignKey("lead_batch.id"), index=True)
    title: Mapped[Text]
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    checklist: Mapped[list[Any]] = mapped_column(default=list)
    """What was put in besides the ledger: {"item", "note", "by", "at"}."""
    created_by: Mapped[Key]
    created_at: Mapped[datetime] = mapped_column(default=now)
    valid: Mapped[bool | None]
    result: Mapped[Text | None]
    disposed_at: Mapped[datetime | None]
