"""Procedure around a lot: tender project 招标项目, notices 公告, objections 异议, contracts 合同."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, JsonOrNull, Key, Text


class TenderProject(Base):
    """招标项目: one call for tenders of a project, with one or more lots (OCDS: one ocid)."""

    __tablename__ = "tender_project"
    id: Mapped[Key] = mapped_column(primary_key=True)
    project_id: Mapped[Key] = mapped_column(ForeignKey("project.id"), index=True)
    name: Mapped[Text | None]
    tenderer_id: Mapped[Key | None] = mapped_column(ForeignKey("organisation.id"))
    agency_id: Mapped[Key | None] = mapped_column(ForeignKey("organisation.id"))
    method: Mapped[Code] = mapped_column(default="open")
    organise_form: Mapped[Code | None]
    """self 自行招标 or entrusted 委托招标."""
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Notice(Base):
    """公告 / 公示: documents 招标文件公示, tender 招标, change 变更, candidates 中标候选人, result 结果, termination 终止."""

    __tablename__ = "notice"
    id: Mapped[Key] = mapped_column(primary_key=True)
    lot_id: Mapped[Key] = mapped_column(ForeignKey("lot.id"), index=True)
    type: Mapped[Code]
    title: Mapped[Text]
    published_at: Mapped[datetime]
    until: Mapped[datetime | None]
    media: Mapped[Text | None]
    content_sha256: Mapped[Code | None]
    url: Mapped[Text | None]
    files: Mapped[list[Any] | None] = mapped_column(JsonOrNull)
    """Where the tender documents lie, as a bid's files do."""
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Objection(Base):
    """异议 / 投诉: stage documents 招标文件, opening 开标, candidates 候选人. Who raised it stays inside."""

    __tablename__ = "objection"
    id: Mapped[Key] = mapped_column(primary_key=True)
    lot_id: Mapped[Key] = mapped_column(ForeignKey("lot.id"), index=True)
    stage: Mapped[Code]
    kind: Mapped[Code] = mapped_column(default="objection")
    """objection 异议 or complaint 投诉."""
    raised_by: Mapped[Text | None]
    content: Mapped[Text]
    raised_at: Mapped[datetime]
    answer: Mapped[Text | None]
    answered_at: Mapped[datetime | None]
    upheld: Mapped[bool | None]
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Contract(Base):
    """合同 of a lot; `changes` lists later changes [{"at": …, "value": "…", "reason": …}]."""

    __tablename__ = "contract"
    id: Mapped[Key] = mapped_column(primary_key=True)
    lot_id: Mapped[Key] = mapped_column(ForeignKey("lot.id"), index=True)
    bidder_id: Mapped[Key] = mapped_column(ForeignKey("organisation.id"))
    signed_at: Mapped[datetime | None]
    value: Mapped[Decimal | None]
    vat: Mapped[Code | None]
    """included 含税 or excluded 不含税; not told: as usual, included."""
    currency: Mapped[Code] = mapped_column(default="CNY")
    subcontractors: Mapped[list[Any]] = mapped_column(default=list)
    changes: Mapped[list[Any]] = mapped_column(default=list)
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (Index("ix_contract_bidder_id", "bidder_id"),)
