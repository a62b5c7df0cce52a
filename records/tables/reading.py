"""Tables filled during an opening: sign-ins 签到, control-price analysis, draws 系数抽取, the record 开标记录."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Key, Text


class SignIn(Base):
    """签到 of a bidder's representative; the person's name is stored masked."""

    __tablename__ = "sign_in"
    id: Mapped[Key] = mapped_column(primary_key=True)
    bid_id: Mapped[Key] = mapped_column(ForeignKey("bid.id"), index=True)
    person_masked: Mapped[Text | None]
    at: Mapped[datetime]
    mode: Mapped[Code] = mapped_column(default="online")
    source: Mapped[Key]


class ControlPriceCheck(Base):
    """控制价分析 of one bid: normal 正常 or over 超限价."""

    __tablename__ = "control_price"
    id: Mapped[Key] = mapped_column(primary_key=True)
    bid_id: Mapped[Key] = mapped_column(ForeignKey("bid.id"))
    lot_id: Mapped[Key] = mapped_column(ForeignKey("lot.id"), index=True)
    price: Mapped[Decimal]
    limit: Mapped[Decimal]
    result: Mapped[Code]
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)


class CoefficientDraw(Base):
    """系数 / 浮动点抽取, drawn live on camera."""

    __tablename__ = "coefficient_draw"
    id: Mapped[Key] = mapped_column(primary_key=True)
    opening_id: Mapped[Key] = mapped_column(ForeignKey("opening.id"), index=True)
    kind: Mapped[Text]
    pool: Mapped[list[Any]] = mapped_column(default=list)
    value: Mapped[Text]
    drawn_at: Mapped[datetime]
    source: Mapped[Key]


class OpeningRecord(Base):
    """开标记录: rows as read, signatures by role, digest of the printed form."""

    __tablename__ = "opening_record"
    opening_id: Mapped[Key] = mapped_column(ForeignKey("opening.id"), primary_key=True)
    rows: Mapped[list[Any]] = mapped_column(default=list)
    signatures: Mapped[list[Any]] = mapped_column(default=list)
    pdf_sha256: Mapped[Code | None]
    published_at: Mapped[datetime | None]
