"""Kinds of the evaluation of bids: experts, sessions, scores and the experts' fees."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from ingest.kinds import kind, national
from ingest.kinds.fields import (
    Code,
    Codes,
    Data,
    Division,
    Moment,
    Money,
    Name,
    Part,
    Points,
    Ref,
    Refs,
    Small,
)
from ingest.kinds.kind import LOT, OF_LOT, ROOM, Kind
from records.tables.evaluation import Evaluation, Expert, Fee, Score


class Violation(Part):
    """Misconduct of an expert and how far it has been dealt with."""

    type: Literal["late", "left", "leak", "remark"]
    state: Literal["discovered", "informed", "recorded", "handled", "published"] = "discovered"
    at: Moment | None = None


class ExpertData(Data):
    """评标专家; the key is a pseudonym. A name, an identity number or a telephone is dropped unread."""

    name: Name | None = Field(None, exclude=True)
    id_card: Code | None = Field(None, exclude=True)
    phone: Code | None = Field(None, exclude=True)
    specialities: Codes = Field(default_factory=list)
    employer_id: Ref | None = Field(None, alias="employer")
    former_employers: Refs = Field(default_factory=list)
    pool: Name | None = None
    status: Literal["active", "suspended", "removed"] = "active"
    violations: list[Violation] = Field(default_factory=list, max_length=100)
    division_code: Division | None = None


class Booking(Part):
    """Seats of one room kept for an evaluation, and the check of its devices; a site elsewhere names its room in `place`."""

    site: Name
    room: Ref | None = None
    place: Name | None = None
    seats: Annotated[Small, Field(gt=0)]
    starts_at: Moment
    ends_at: Moment
    checked_at: Moment | None = None
    faults: list[Literal["camera", "recorder", "network", "terminal", "gate"]] = Field(
        default_factory=list, max_length=5
    )

    @field_validator("ends_at")
    @classmethod
    def _after(cls, value: datetime, info: ValidationInfo) -> datetime:
        begin = info.data.get("starts_at")
        if begin is not None and value <= begin:
            raise PydanticCustomError("ends_before", "ends_at is not after starts_at")
        return value


class EvaluationData(Data):
    """评标会. Nothing of it is public before the award."""

    lot_id: Ref = Field(alias="lot")
    mode: Literal["on_site", "remote"] = "on_site"
    tier: Literal["city", "cross_city", "cross_province"] | None = None
    main_site: Name | None = None
    secondary_sites: list[Name] = Field(default_factory=list, max_length=20)
    room_id: Ref | None = Field(None, alias="room")
    bookings: list[Booking] = Field(default_factory=list, max_length=20)
    experts: Small | None = None
    drawn_at: Moment | None = None
    arrived: Small | None = None
    arrived_at: Moment | None = None
    scheduled_at: Moment | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None
    state: Literal["scheduled", "in_progress", "paused", "ended", "failed"] = "scheduled"
    division_code: Division | None = None


class ScoreData(Data):
    """评分 of one expert for one bid on one item. Never public."""

    evaluation_id: Ref = Field(alias="evaluation")
    expert_id: Ref = Field(alias="expert")
    bid_id: Ref = Field(alias="bid")
    item: Name
    kind: Literal["objective", "subjective"] = "subjective"
    full_marks: Annotated[Points, Field(gt=0)]
    score: Annotated[Points, Field(ge=0)]
    submitted_at: Moment | None = None
    division_code: Division | None = None

    @field_validator("score")
    @classmethod
    def _within(cls, value: Decimal, info: ValidationInfo) -> Decimal:
        full = info.data.get("full_marks")
        if full is not None and value > full:
            raise PydanticCustomError("beyond_full", "the score exceeds full_marks")
        return value


class FeeData(Data):
    """专家评审费 of one attendance, and how the expert did in it 一标一评."""

    evaluation_id: Ref = Field(alias="evaluation")
    expert_id: Ref = Field(alias="expert")
    hours: Annotated[Points, Field(ge=0, le=1000)] | None = None
    amount: Money
    status: Literal["payable", "paid", "failed"] = "payable"
    paid_at: Moment | None = None
    reason: Literal["mismatch", "returned", "pending", "other"] | None = None
    grade: Literal["excellent", "good", "fair", "poor"] | None = None
    deductions: list[Literal["late", "unexplained", "left", "other"]] = Field(
        default_factory=list, max_length=10
    )
    appraised_at: Moment | None = None
    division_code: Division | None = None


EXPERT = Kind(
    "expert", "专家", ExpertData, Expert,  # its employers may stay unknown: no references
    parts="violations",
    hidden={"name": None, "id_card": None, "phone": None, "EXPERT_NAME": None, "ID_CARD": None},
    headers={
        "专业": "specialities", "工作单位": "employer", "曾任单位": "former_employers", "专家库": "pool",
        "违规记录": "violations",
    },
    codes={"status": {"正常": "active", "暂停": "suspended", "移出": "removed"}},
    national_ignored=national.DEAL | {"EXPERT_TYPE", "EXPERT_CHECK_IN_TIME", "IS_CHAIR_MAN"},
)  # fmt: skip
EVALUATION = Kind(
    "evaluation", "评标", EvaluationData, Evaluation,
    references=(LOT, ROOM),
    owner=OF_LOT,
    facts=("source", "lot_id"),
    parts="bookings",
    headers={
        "评标室": "room", "评标方式": "mode", "层级": "tier", "主会场": "main_site", "分会场": "secondary_sites",
        "专家人数": "experts", "场所预约": "bookings",
        "抽取时间": "drawn_at", "到场人数": "arrived", "到齐时间": "arrived_at",
    },
    codes={
        "mode": {"现场": "on_site", "远程异地": "remote"},
        "tier": {"市域": "city", "跨市": "cross_city", "跨省": "cross_province"},
        "state": {
            "待评标": "scheduled", "评标中": "in_progress", "暂停": "paused", "已结束": "ended", "流标": "failed",
        },
    },
    national=national.OF_LOT,
)  # fmt: skip
SCORE = Kind(
    "score", "评分", ScoreData, Score,
    references=(kind.EVALUATION, kind.EXPERT, kind.BID),
    lot_through=kind.EVALUATION,
    owner=OF_LOT,
    headers={"评分项": "item", "满分": "full_marks", "提交时间": "submitted_at"},
    codes={"kind": {"客观": "objective", "主观": "subjective"}},
)  # fmt: skip
FEE = Kind(
    "fee", "评审费", FeeData, Fee,
    references=(kind.EVALUATION, kind.EXPERT),
    lot_through=kind.EVALUATION,
    owner=OF_LOT,
    headers={
        "工时": "hours", "支付时间": "paid_at", "未到账原因": "reason", "评价等次": "grade", "扣分事由": "deductions",
        "评价时间": "appraised_at",
    },
    codes={
        "status": {"待缴": "payable", "已缴": "paid", "失败": "failed"},
        "reason": {"户名账号不符": "mismatch", "银行退汇": "returned", "银行处理中": "pending", "其他": "other"},
        "grade": {"优": "excellent", "良": "good", "中": "fair", "差": "poor"},
        "deductions": {
            "未按时到场": "late", "评审说明不完整": "unexplained", "离席未报备": "left", "其他": "other",
        },
    },
)  # fmt: skip
