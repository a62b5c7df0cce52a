"""Bids 投标, and the numbers they have in published lists of bidders."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, JsonOrNull, Key, Text


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
    files: Mapped[list[Any] | None] = mapped_column(JsonOrNull)
    """Where its files lie: [{"path": below the folder of bid files, "sha256": …}]; for supervisors only."""
    ca_serial: Mapped[Code | None]
    ca_region: Mapped[Code | None]
    """Division (province prefix) of the CA that issued the bidder's certificate."""
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        Index("ix_bid_lot_id_bidder_id", "lot_id", "bidder_id"),
        Index("ix_bid_bidder_id", "bidder_id"),
        Index(
            "ix_bid_files",
            "lot_id",
            sqlite_where=text("files IS NOT NULL"),
            postgresql_where=text("files IS NOT NULL"),
        ),
    )


class ListedBid(Base):
    """公布名单: the number under which the published list of an opening has a bid; written with the list, never changed."""

    __tablename__ = "listed_bid"
    opening_id: Mapped[Key] = mapped_column(ForeignKey("opening.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    bid_id: Mapped[Key] = mapped_column(ForeignKey("bid.id"))


class FileCheck(Base):
    """雷同比对: what comparing the files of a lot's bidders found, and how far it has come; one a lot, the newest."""

    __tablename__ = "file_check"
    lot_id: Mapped[Key] = mapped_column(ForeignKey("lot.id"), primary_key=True)
    state: Mapped[Code]
    """reading 读取中, done 已比对."""
    digest: Mapped[Code]
    """Of what was compared: other files of a bid, another bid on hand are compared anew."""
    bidders: Mapped[int]
    files: Mapped[int]
    size: Mapped[int] = mapped_column(BigInteger)
    """Bytes of all files, and those read so far."""
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    unread: Mapped[list[Any]] = mapped_column(default=list)
    """Files that could not be read: [{"bidder": …, "path": …, "why": a message as JSON}]."""
    pairs: Mapped[list[Any]] = mapped_column(default=list)
    """Bidders whose files are alike, as supervision.likeness.comparing.Alike has it; origins masked."""
    started_at: Mapped[datetime]
    checked_at: Mapped[datetime | None]
