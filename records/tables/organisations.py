"""Centres 交易中心, rooms 开标室/评标室 and organisations 市场主体."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, false
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Key, Text


class Centre(Base):
    """交易中心 / 分中心. `level` is city 市本级, district 区县 or small 小额."""

    __tablename__ = "centre"
    id: Mapped[Key] = mapped_column(primary_key=True)
    name: Mapped[Text]
    name_en: Mapped[Text | None]
    level: Mapped[Code] = mapped_column(default="district")
    division_code: Mapped[Code | None]
    witness_enabled: Mapped[bool] = mapped_column(default=False)
    source: Mapped[Key]


class Room(Base):
    """开标室 (kind opening), 评标室 (evaluation) or 见证室 (witness); only opening rooms may be public."""

    __tablename__ = "room"
    id: Mapped[Key] = mapped_column(primary_key=True)
    centre_id: Mapped[Key] = mapped_column(ForeignKey("centre.id"), index=True)
    name: Mapped[Text]
    name_en: Mapped[Text | None]
    kind: Mapped[Code] = mapped_column(default="opening")
    capacity: Mapped[int | None]
    public_allowed: Mapped[bool] = mapped_column(default=True)
    rtsp_url: Mapped[Text | None]
    token_hash: Mapped[Code | None]
    """SHA-256 of the publishing token; the token itself is shown once and never stored."""
    camera_released: Mapped[bool] = mapped_column(server_default=false())
    """The camera has given the room free for another publisher; its address is kept."""
    closed_at: Mapped[datetime | None]
    """Since when the room is out of use: on no list any more; its openings and recordings stay."""
    source: Mapped[Key]

    @property
    def is_public(self) -> bool:
        """Evaluation is held in strict confidence (招标投标法 art. 38): no public route at all."""
        return self.kind == "opening" and self.public_allowed


class Organisation(Base):
    """市场主体: 招标人 tenderer, 代理 agency, 投标人 bidder. `id` is the 统一社会信用代码 where it has one."""

    __tablename__ = "organisation"
    id: Mapped[Key] = mapped_column(primary_key=True)
    uscc: Mapped[Code | None] = mapped_column(index=True)
    uscc_valid: Mapped[bool | None]
    """Whether the check digit of GB 32100-2015 agrees; some early codes fail it and are legal."""
    name: Mapped[Text]
    roles: Mapped[list[Any]] = mapped_column(default=list)
    division_code: Mapped[Code | None]
    division_source: Mapped[Code | None]
    """Where `division_code` comes from: registration > ca > uscc (the last is only an inference)."""
    country: Mapped[Code | None]
    established: Mapped[date | None]
    legal_rep: Mapped[Text | None]
    address: Mapped[Text | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (Index("ix_organisation_division", "division_code"),)
