"""The evaluation of bids: experts, sessions, scores and the experts' fees."""

from __future__ import annotations

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


class EvaluationData(Data):
    """评标会. Nothing of it is public before the award."""

    lot_id: Ref = Field(alias="lot")
    mode: Literal["on_site", "remote"] = "on_site"
    tier: Literal["city", "cross_city", "cross_province"] | None = None
    main_site: Name | None = None
    secondary_sites: list[Name] = Field(default_factory=list, max_length=20)
    room_id: Ref | None = Field(None, alias="room")
    experts: Small | None = None
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
    """专家评审费 of one attendance."""

    evaluation_id: Ref = Field(alias="evaluation")
    expert_id: Ref = Field(alias="expert")
    hours: Annotated[Points, Field(ge=0, le=1000)] | None = None
    amount: Money
    status: Literal["payable", "paid", "failed"] = "payable"
    paid_at: Moment | None = None
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
    headers={
        "评标室": "room", "评标方式": "mode", "层级": "tier", "主会场": "main_site", "分会场": "secondary_sites",
        "专家人数": "experts",
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
    headers={"工时": "hours", "支付时间": "paid_at"},
    codes={"status": {"待缴": "payable", "已缴": "paid", "失败": "failed"}},
)  # fmt: skip
