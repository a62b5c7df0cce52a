"""Bids 投标, and the numbers they have in published lists of bidders."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Key, Text


class Bid(Base):
    """投标: one bidder (a consortium under its lead member 牵头人) in one round of a lot.

    The machine fields come from the trading platform's file analysis; they are for supervisors only.
    """

    __tablename__ = "bid"
    id: Mapped[Key] = mapped_column(primary_key=True)
    lot_id: Mapped[Key] = mapped_column(ForeignKey("lot.id"))
    bidder_id: Mapped[Key] = mapped_column(ForeignKey("organisation.id"))
    consortium: Mapped[list[Any]] = mapped_column(default=list)
    received_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    decrypt_status: Mapped[Code | None]
    """success, failed or none yet."""
    price: Mapped[Decimal | None]
    """投标报价, yuan."""
    vat: Mapped[Code | None]
    """included 含税 or excluded 不含税; not told: as usual, included."""
    duration_days: Mapped[int | None]
    quality: Mapped[Text | None]
    manager: Mapped[Text | None]
    """项目负责人: personal data, never public."""
    status: Mapped[Code] = mapped_column(default="valid")
    """valid 有效, disqualified 否决, withdrawn 撤回, revoked 撤销, pending 待定."""
    reject_reason: Mapped[Text | None]
    rank: Mapped[int | None]
    file_sha256: Mapped[Code | None]
    mac: Mapped[Code | None]
    cpu_serial: Mapped[Code | None]
    disk_serial: Mapped[Code | None]
    dongle_serial: Mapped[Code | None]
    """计价软件加密锁."""
    file_id: Mapped[Code | None]
    """文件创建标识码."""
    author: Mapped[Text | None]
    upload_ip: Mapped[Code | None]
    on_site: Mapped[bool] = mapped_column(default=False)
    """Uploaded from the centre's public terminal, where sharing a machine is normal."""
    ca_serial: Mapped[Code | None]
    ca_region: Mapped[Code | None]
    """Division (province prefix) of the CA that issued the bidder's certificate."""
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        Index("ix_bid_lot_id_bidder_id", "lot_id", "bidder_id"),
        Index("ix_bid_bidder_id", "bidder_id"),
    )


class ListedBid(Base):
    """公布名单: the number under which the published list of an opening has a bid; written with the list, never changed."""

    __tablename__ = "listed_bid"
    opening_id: Mapped[Key] = mapped_column(ForeignKey("opening.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    bid_id: Mapped[Key] = mapped_column(ForeignKey("bid.id"))
