"""Deposits 投标保证金 and awards 中标."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Key, Text


class Deposit(Base):
    """投标保证金 of one bid. Account numbers are personal data: only a keyed hash is stored."""

    __tablename__ = "deposit"
    id: Mapped[Key] = mapped_column(primary_key=True)
    lot_id: Mapped[Key] = mapped_column(ForeignKey("lot.id"))
    bidder_id: Mapped[Key] = mapped_column(ForeignKey("organisation.id"))
    bid_id: Mapped[Key | None] = mapped_column(ForeignKey("bid.id"))
    form: Mapped[Code] = mapped_column(default="transfer")
    """transfer 转账, guarantee 保函, insurance 保险, exempt 免收."""
    amount: Mapped[Decimal]
    payer_account_hash: Mapped[Code | None]
    payer_name: Mapped[Text | None]
    received_at: Mapped[datetime | None]
    due_refund_at: Mapped[datetime | None]
    refunded_at: Mapped[datetime | None]
    interest: Mapped[Decimal | None]
    status: Mapped[Code] = mapped_column(default="received")
    """received 已收, refunded 已退, forfeited 不予退还."""
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (Index("ix_deposit_lot_id", "lot_id"),)


class Award(Base):
    """中标候选人 / 中标结果: one winner, a consortium under its lead member 牵头人.

    `status` is candidate 公示中, awarded 已定标 or cancelled 已取消.
    """

    __tablename__ = "award"
    id: Mapped[Key] = mapped_column(primary_key=True)
    lot_id: Mapped[Key] = mapped_column(ForeignKey("lot.id"))
    bidder_id: Mapped[Key] = mapped_column(ForeignKey("organisation.id"))
    consortium: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    """联合体的其他成员: the price is the consortium's, counted once."""
    rank: Mapped[int] = mapped_column(default=1)
    price: Mapped[Decimal | None]
    vat: Mapped[Code | None]
    """included 含税 or excluded 不含税; not told: as usual, included."""
    currency: Mapped[Code] = mapped_column(default="CNY")
    status: Mapped[Code] = mapped_column(default="awarded")
    publicity_from: Mapped[datetime | None]
    publicity_until: Mapped[datetime | None]
    awarded_at: Mapped[datetime | None]
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        Index("ix_award_lot_id", "lot_id"),
        Index("ix_award_bidder_id", "bidder_id"),
        Index("ix_award_awarded_at", "awarded_at"),
    )
