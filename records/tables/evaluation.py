"""Evaluation 评标: experts 评标专家, draws 抽取, sessions 评标会, scores 评分, fees 评审费.

All of it is confidential until the award (招标投标法 art. 37, 38, 44); experts are held by pseudonym.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Key, Points, Text


class Expert(Base):
    """评标专家, by pseudonym. `employer_id` serves the check of conflicts (实施条例 art. 46)."""

    __tablename__ = "expert"
    id: Mapped[Key] = mapped_column(primary_key=True)
    specialities: Mapped[list[Any]] = mapped_column(default=list)
    employer_id: Mapped[Key | None]
    former_employers: Mapped[list[Any]] = mapped_column(default=list)
    pool: Mapped[Text | None]
    status: Mapped[Code] = mapped_column(default="active")
    violations: Mapped[list[Any]] = mapped_column(default=list)
    """[{"type": late|left|leak|remark, "state": discovered|informed|recorded|handled|published, "at": …}]."""
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)


class ExpertDraw(Base):
    """专家抽取 of a lot: counts only; the result is sealed."""

    __tablename__ = "expert_draw"
    id: Mapped[Key] = mapped_column(primary_key=True)
    lot_id: Mapped[Key] = mapped_column(ForeignKey("lot.id"), index=True)
    requested: Mapped[int]
    drawn: Mapped[int] = mapped_column(default=0)
    notified: Mapped[int] = mapped_column(default=0)
    declined: Mapped[int] = mapped_column(default=0)
    sealed_at: Mapped[datetime | None] = mapped_column(index=True)
    source: Mapped[Key]


class Evaluation(Base):
    """评标会. `mode` on_site 现场 or remote 远程异地; `tier` city 市域, cross_city 跨市, cross_province 跨省."""

    __tablename__ = "evaluation"
    id: Mapped[Key] = mapped_column(primary_key=True)
    lot_id: Mapped[Key] = mapped_column(ForeignKey("lot.id"), index=True)
    mode: Mapped[Code] = mapped_column(default="on_site")
    tier: Mapped[Code | None]
    main_site: Mapped[Text | None]
    secondary_sites: Mapped[list[Any]] = mapped_column(default=list)
    room_id: Mapped[Key | None] = mapped_column(ForeignKey("room.id"))
    bookings: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    """Rooms and seats kept for it [{"site", "room", "place", "seats", "starts_at", "ends_at", "checked_at", "faults"}]:
    `place` is what the room of a site elsewhere is called, `faults` the devices that did not pass the check."""
    experts: Mapped[int | None]
    drawn_at: Mapped[datetime | None]
    """When the experts were drawn; who, and with what result, is in no record of the session."""
    arrived: Mapped[int | None]
    """How many of them are there."""
    arrived_at: Mapped[datetime | None]
    """When the last of them came."""
    scheduled_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    state: Mapped[Code] = mapped_column(default="scheduled")
    """scheduled 待开始, in_progress 评标中, paused 暂停, ended 已结束, failed 未完成."""
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        Index("ix_evaluation_started_at", "started_at"),
        Index("ix_evaluation_scheduled_at", "scheduled_at"),
    )


class Score(Base):
    """评分 of one expert for one bid on one item; `kind` objective 客观 or subjective 主观."""

    __tablename__ = "score"
    id: Mapped[Key] = mapped_column(primary_key=True)
    evaluation_id: Mapped[Key] = mapped_column(ForeignKey("evaluation.id"))
    expert_id: Mapped[Key] = mapped_column(ForeignKey("expert.id"))
    bid_id: Mapped[Key] = mapped_column(ForeignKey("bid.id"))
    item: Mapped[Text]
    kind: Mapped[Code] = mapped_column(default="subjective")
    score: Mapped[Decimal] = mapped_column(Points)
    full_marks: Mapped[Decimal] = mapped_column(Points)
    submitted_at: Mapped[datetime | None]
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        Index("ix_score_evaluation_id", "evaluation_id"),
        Index("ix_score_expert_id_bid_id", "expert_id", "bid_id"),
    )


class Fee(Base):
    """专家评审费 of one attendance and its appraisal 一标一评; `status` payable 应付, paid 已付, failed 失败.

    `grade` is excellent 优, good 良, fair 中 or poor 差; `deductions` are late 未按时到场, unexplained 评审说明不完整,
    left 离席未报备, other 其他.
    """

    __tablename__ = "fee"
    id: Mapped[Key] = mapped_column(primary_key=True)
    evaluation_id: Mapped[Key] = mapped_column(ForeignKey("evaluation.id"), index=True)
    expert_id: Mapped[Key] = mapped_column(ForeignKey("expert.id"))
    hours: Mapped[Decimal | None] = mapped_column(Points)
    amount: Mapped[Decimal]
    status: Mapped[Code] = mapped_column(default="payable")
    paid_at: Mapped[datetime | None] = mapped_column(index=True)
    reason: Mapped[Code | None]
    """Why it has not arrived: mismatch 户名账号不符, returned 银行退汇, pending 银行处理中, other 其他."""
    grade: Mapped[Code | None]
    deductions: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    appraised_at: Mapped[datetime | None]
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)
