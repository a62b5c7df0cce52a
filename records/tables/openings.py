"""Openings 开标 and their chained events 开标事件."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Key, Text


class Opening(Base):
    """开标: one lot, one room, one sequence of events. State and stage are moved only by `records.states`."""

    __tablename__ = "opening"
    id: Mapped[Key] = mapped_column(primary_key=True)
    lot_id: Mapped[Key] = mapped_column(ForeignKey("lot.id"), index=True)
    room_id: Mapped[Key | None] = mapped_column(ForeignKey("room.id"))
    scheduled_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    host: Mapped[Text | None]
    state: Mapped[Code] = mapped_column(default="scheduled")
    stage: Mapped[Code] = mapped_column(default="waiting")
    result: Mapped[Code | None]
    """opened 开标, failed 流标, terminated 中止."""
    head_seq: Mapped[int] = mapped_column(default=0)
    head_hash: Mapped[Code]
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (Index("ix_opening_scheduled_at", "scheduled_at"), Index("ix_opening_state", "state"))


class OpeningEvent(Base):
    """开标事件: append-only, gapless per opening, each linked to the one before by its hash.

    `payload` holds only what the public may see once the event is visible; what must stay inside
    goes to `detail`, whose digest is part of the payload.
    """

    __tablename__ = "opening_event"
    opening_id: Mapped[Key] = mapped_column(ForeignKey("opening.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    ts: Mapped[datetime]
    type: Mapped[Code]
    actor: Mapped[Text]
    payload: Mapped[dict[str, Any]]
    detail: Mapped[dict[str, Any] | None]
    prev_hash: Mapped[Code]
    hash: Mapped[Code]
    recorded_at: Mapped[datetime] = mapped_column(default=now)
