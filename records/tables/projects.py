"""Projects 项目 and lots 标段."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, String, cast
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Key, Text

TRADE_FAMILIES = ("works", "procurement", "land", "property", "other")
"""The five trade families 交易类别 (domain: Jiaxing 2014, Yuhang 2024). Their words: `site.family.*`."""

SALE_FAMILIES = ("land", "property")
"""Those in which something is sold 出让: what counts is what it brings above its starting price 起始价."""


class Project(Base):
    """项目, with the national 项目编号 as its id."""

    __tablename__ = "project"
    id: Mapped[Key] = mapped_column(primary_key=True)
    name: Mapped[Text]
    trade_family: Mapped[Code] = mapped_column(default="works")
    sector: Mapped[Text | None]
    investment: Mapped[Decimal | None]
    """总投资, yuan."""
    key_flag: Mapped[Code | None]
    """city_plan 市重点计划, safeguard 动态服务保障, or none."""
    tenderer_id: Mapped[Key | None] = mapped_column(ForeignKey("organisation.id"))
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Lot(Base):
    """标段(包), with the 标段编号 as its id. `round` counts re-tenders from 1."""

    __tablename__ = "lot"
    id: Mapped[Key] = mapped_column(primary_key=True)
    project_id: Mapped[Key] = mapped_column(ForeignKey("project.id"), index=True)
    tender_project_id: Mapped[Key | None] = mapped_column(ForeignKey("tender_project.id"))
    unified_deal_code: Mapped[Code | None]
    """统一交易标识码."""
    classify_code: Mapped[Code | None]
    """分类代码 of the national data standard."""
    name: Mapped[Text]
    tenderer_id: Mapped[Key | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    agency_id: Mapped[Key | None] = mapped_column(ForeignKey("organisation.id"))
    centre_id: Mapped[Key | None] = mapped_column(ForeignKey("centre.id"))
    trade_family: Mapped[Code] = mapped_column(default="works")
    category: Mapped[Text | None]
    method: Mapped[Code] = mapped_column(default="open")
    """open 公开招标, selective 邀请招标, limited, direct."""
    evaluation_method: Mapped[Text | None]
    currency: Mapped[Code] = mapped_column(default="CNY")
    vat: Mapped[Code | None]
    """Whether the lot's own amounts are 含税 (included) or 不含税 (excluded); not told: as usual, included."""
    participants: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    """Organisations known to have taken part of whose bids nothing is known; secret as bidders are."""
    estimate: Mapped[Decimal | None]
    control_price: Mapped[Decimal | None]
    """最高投标限价, yuan; public with the tender documents (实施条例 art. 27)."""
    base_price: Mapped[Decimal | None]
    """标底, yuan; secret until the opening (招标投标法 art. 22)."""
    start_price: Mapped[Decimal | None]
    """起始价 of what is sold (land, property), yuan; public with the notice of sale."""
    deposit_required: Mapped[Decimal | None]
    notice_at: Mapped[datetime | None]
    deadline: Mapped[datetime | None]
    """投标截止; the opening is at this same moment (招标投标法 art. 34)."""
    planned_award_at: Mapped[datetime | None]
    round: Mapped[int] = mapped_column(default=1)
    status: Mapped[Code] = mapped_column(default="bidding")
    prequalification: Mapped[bool] = mapped_column(default=False)
    """资格预审: the names of bidders stay masked in public."""
    flags: Mapped[list[Any]] = mapped_column(default=list)
    """key, remote, separate_award 评定分离, small_value 小额, electronic 全流程电子化,
    rehearsal 演练: opened like any other, but in no statistics."""
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (Index("ix_lot_deadline", "deadline"), Index("ix_lot_status", "status"))


def counted() -> ColumnElement[bool]:
    """Whether a lot counts in statistics: a rehearsal 演练 does not."""
    return cast(Lot.flags, String).not_like('%"rehearsal"%')
