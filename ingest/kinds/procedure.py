"""The `data` of the steps of a lot: notice, opening, objection, evaluation, and of society's part in it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from ingest.kinds.fields import (
    Code,
    Codes,
    Data,
    Day,
    Digest,
    Division,
    Link,
    Moment,
    Money,
    Name,
    Part,
    Points,
    Ref,
    Refs,
    Small,
    Words,
    Yes,
)
from records import events

Text = Annotated[str, Field(min_length=1, max_length=2000)]


class NoticeData(Data):
    """公告 / 公示: public from `published_at`."""

    lot_id: Ref = Field(alias="lot")
    type: Literal["tender", "change", "candidates", "result", "termination"]
    title: Name
    published_at: Moment
    until: Moment | None = None
    media: Name | None = None
    content_sha256: Digest | None = None
    url: Link | None = None
    division_code: Division | None = None


class OpeningData(Data):
    """开标. Its steps come as opening_event; `state`, `ended_at`, `result` only for history without a log."""

    lot_id: Ref = Field(alias="lot")
    room_id: Ref | None = Field(None, alias="room")
    scheduled_at: Moment
    host: Name | None = None
    state: Literal["scheduled", "ended", "cancelled"] | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None
    result: Literal["opened", "failed", "terminated"] | None = None
    division_code: Division | None = None


class OpeningEventData(Data):
    """开标事件: happened at the envelope's `occurred_at`; `payload` is public, `detail` stays inside."""

    opening_id: Ref = Field(alias="opening")
    type: Annotated[str, WithJsonSchema({"type": "string", "enum": list(events.FROM_SOURCES)})]
    payload: dict[str, Any] = Field(default_factory=dict)
    detail: dict[str, Any] | None = None
    actor: Name | None = None


class ControlPriceData(Data):
    """控制价分析 of one bid: normal 正常 or over 超限价. Without `lot`: the lot of the bid."""

    bid_id: Ref = Field(alias="bid")
    lot_id: Ref | None = Field(None, alias="lot")
    price: Money
    limit: Money
    result: Literal["normal", "over"]
    division_code: Division | None = None


class ObjectionData(Data):
    """异议 / 投诉. Who raised it and what it says stay inside; the decision is public after the award."""

    lot_id: Ref = Field(alias="lot")
    stage: Literal["documents", "opening", "candidates"]
    kind: Literal["objection", "complaint"] = "objection"
    raised_by: Name | None = None
    content: Text
    raised_at: Moment
    answer: Words | None = None
    answered_at: Moment | None = None
    upheld: Yes | None = None
    division_code: Division | None = None


class Violation(Part):
    """Misconduct of an expert and how far it has been dealt with."""

    type: Literal["late", "left", "leak", "remark"]
    state: Literal["discovered", "informed", "recorded", "handled", "published"] = "discovered"
    at: Moment | None = None


class ExpertData(Data):
    """评标专家; the key is a pseudonym. A name, an identity number or a telephone is dropped unread."""

    HIDDEN: ClassVar = {"name": None, "id_card": None, "phone": None, "EXPERT_NAME": None, "ID_CARD": None}
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
            raise PydanticCustomError("beyond_full", "得分超过满分 / the score exceeds full_marks")
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


class OpinionData(Data):
    """社会监督意见. Only `public_text` is ever shown; who sent it (`submitter`, `contact`) is dropped unread."""

    HIDDEN: ClassVar = {"submitter": None, "contact": None}
    project_id: Ref | None = Field(None, alias="project")
    channel: Literal["web", "group", "phone", "letter"] = "web"
    submitter: Name | None = Field(None, exclude=True)
    contact: Code | None = Field(None, exclude=True)
    content: Text
    handler: Name | None = None
    received_at: Moment
    answered_at: Moment | None = None
    public_text: Words | None = None
    division_code: Division | None = None


class Problem(Part):
    """One problem found by an inspection."""

    project: Ref | None = None
    problem: Text


class InspectionData(Data):
    """联合督查: one visit, the keys of its projects and the problems found."""

    on: Day
    projects: Refs = Field(default_factory=list)
    problems: list[Problem] = Field(default_factory=list, max_length=200)
    division_code: Division | None = None
