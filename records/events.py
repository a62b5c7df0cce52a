"""Payloads of opening events 开标事件: only what the public may see; unknown fields are refused."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from records.decimals import AMOUNT, Plain
from records.public.masking import mask
from records.public.rows import MASK
from records.wrong_values import shape

Yuan = Annotated[
    Decimal,
    BeforeValidator(Plain(AMOUNT)),
    Field(ge=0, le=Decimal(900_000_000_000_000), decimal_places=4),
    PlainSerializer(lambda v: format(v, "f"), return_type=str),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": AMOUNT}, {"type": "number", "minimum": 0}]}),
]
Words = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(min_length=1, max_length=300)]
Count = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
Digest = Annotated[str, Field(pattern=shape("^[0-9a-f]{64}$", "digest"))]
"""32 bytes as lower-case hexadecimal digits."""
COEFFICIENT = "浮动系数"
"""What is drawn where a commitment or a seed does not say of what it is."""
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?%?")
"""A candidate of a floating coefficient: bids are multiplied by it."""


class Payload(BaseModel):
    """Base of all payloads: strict about names, so nothing slips into the public feed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    TEXTS: ClassVar[tuple[str, ...]] = ()
    """Fields in free words, in which a name may stand that must not be told."""

    def masked(self) -> Self:
        """The same payload with bidders' names masked (资格预审 lots)."""
        return self

    def without(self, names: frozenset[str]) -> Self:
        """The same payload with these names masked wherever its texts hold them (see `records.public.masking`)."""
        return self.model_copy(update={name: _masked(getattr(self, name), names) for name in self.TEXTS})


def _masked(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_masked(one, names) for one in value]
    return mask(value, names) if isinstance(value, str) else value


class Scheduled(Payload):
    """预告: the opening is announced or moved."""

    scheduled_at: AwareDatetime
    title: Name
    room: str | None = None


class SignIn(Payload):
    """签到: as announced by the host; without names."""

    count: Count | None = None


class Bidder(BaseModel):
    """One line of the list of bidders, in order of receipt."""

    model_config = ConfigDict(extra="forbid")
    no: Annotated[int, Field(ge=1, strict=True)]
    name: Name


class BiddersPublished(Payload):
    """公布投标人名单."""

    count: Count
    bidders: list[Bidder]

    @field_validator("bidders")
    @classmethod
    def _each_once(cls, bidders: list[Bidder]) -> list[Bidder]:
        numbers = [bidder.no for bidder in bidders]
        if twice := sorted({no for no in numbers if numbers.count(no) > 1}):
            raise PydanticCustomError(
                "number_twice", "no. {number} stands twice in the list", {"number": twice[0]}
            )
        return bidders

    @model_validator(mode="after")
    def _as_many_as_said(self) -> Self:
        if self.count != len(self.bidders):
            raise PydanticCustomError(
                "count_differs",
                "count says {count}, the list has {named}",
                {"count": self.count, "named": len(self.bidders)},
            )
        return self

    def masked(self) -> Self:
        return self.model_copy(update={"bidders": [Bidder(no=b.no, name=MASK) for b in self.bidders]})


class DecryptProgress(Payload):
    """解密进度: successes and failures so far of all bids; without `done` nobody has told how it went.

    `failed` counts as 0 only beside a number of successes.
    """

    done: Count | None = None
    failed: Count | None = None
    total: Count

    @model_validator(mode="after")
    def _no_more_than_all(self) -> Self:
        if self.failed is None and self.done is not None:
            self.failed = 0
        if (self.done or 0) + (self.failed or 0) > self.total:
            raise PydanticCustomError(
                "over_total",
                "done and failed together are more than the total of {total}",
                {"total": self.total},
            )
        return self


class ControlPrice(Payload):
    """招标控制价 / 标底 and how many bids exceed it."""

    amount: Yuan
    base_price: Yuan | None = None
    normal: Count | None = None
    over: Count | None = None


class CoefficientDrawn(Payload):
    """浮动系数抽取: drawn live; where two have committed to seeds, `index` (from 0) and `head` say how it was computed."""

    TEXTS = ("kind", "value", "pool")
    kind: Name
    value: Name
    pool: list[Name] = []
    index: Count | None = None
    head: Digest | None = None

    @model_validator(mode="after")
    def _of_the_pool(self) -> Self:
        if self.pool and self.value not in self.pool:
            raise PydanticCustomError(
                "not_in_pool", "{value} is none of the candidates", {"value": self.value}
            )
        if self.pool and self.index is not None and self.pool[self.index : self.index + 1] != [self.value]:
            raise PydanticCustomError(
                "not_at_index",
                "the candidate at index {index} is not {value}",
                {"index": self.index, "value": self.value},
            )
        return self


class CoefficientCommitted(Payload):
    """系数种子承诺: one of those who draw has committed to a seed, SHA-256 of it, before the deadline.

    `pool` are the candidates in the order in which they are counted; those of a floating coefficient are numbers.
    """

    TEXTS = ("kind", "pool")
    no: Annotated[int, Field(ge=1, strict=True)]
    seed_sha256: Digest
    kind: Name = COEFFICIENT
    pool: Annotated[list[Name], Field(min_length=2, max_length=1000)] | None = None

    @field_validator("pool")
    @classmethod
    def _each_once(cls, pool: list[str] | None, info: ValidationInfo) -> list[str] | None:
        if twice := sorted({one for one in pool or [] if (pool or []).count(one) > 1}):
            raise PydanticCustomError("candidate_twice", "{name} stands twice", {"name": twice[0]})
        words = [one for one in pool or [] if not _NUMBER.fullmatch(one)]
        if words and info.data.get("kind") == COEFFICIENT:
            raise PydanticCustomError("candidate_no_number", "{name} is no number", {"name": words[0]})
        return pool


class CoefficientRevealed(Payload):
    """系数种子揭示: the seed, 32 bytes as hexadecimal digits, of which SHA-256 was published."""

    TEXTS = ("kind",)
    no: Annotated[int, Field(ge=1, strict=True)]
    seed: Digest
    kind: Name = COEFFICIENT


class CoefficientUnrevealed(Payload):
    """系数种子未揭示: who committed has not revealed; both commit to fresh seeds."""

    TEXTS = ("kind", "reason")
    no: Annotated[int, Field(ge=1, strict=True)]
    kind: Name = COEFFICIENT
    reason: Words | None = None


class BidRead(Payload):
    """唱标: one bid read aloud (招标投标法 art. 36)."""

    TEXTS: ClassVar[tuple[str, ...]] = ("quality", "remark")
    no: Annotated[int, Field(ge=1, strict=True)]
    name: Name
    price: Yuan | None = None
    duration_days: Annotated[int, Field(ge=0, strict=True)] | None = None
    quality: Words | None = None
    remark: Words | None = None
    total: Count | None = None

    def masked(self) -> Self:
        return self.model_copy(update={"name": MASK})


class BidCorrected(BidRead):
    """更正唱标: what was read wrongly of `no`, told anew; what it does not name stays as read. The first reading stays,
    struck through."""

    TEXTS = ("quality", "remark", "reason")
    reason: Words | None = None
    corrects: Count | None = None
    """Sequence number of the reading that was wrong."""


class Objection(Payload):
    """开标异议, raised on the spot (实施条例 art. 44); without who raised it."""

    TEXTS = ("content",)
    no: Annotated[int, Field(ge=1, strict=True)]
    content: Annotated[str, Field(min_length=1, max_length=2000)]


class ObjectionAnswered(Payload):
    """异议答复, on the spot."""

    TEXTS = ("answer",)
    no: Annotated[int, Field(ge=1, strict=True)]
    answer: Annotated[str, Field(min_length=1, max_length=2000)]


class KeptOpen(BaseModel):
    """An objection that the record leaves unanswered, and why."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    no: Annotated[int, Field(ge=1, strict=True)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class RecordConfirmed(Payload):
    """开标记录确认; an objection that cannot be answered on the spot is kept open with the reason."""

    rows: Count
    signed: Count | None = None
    kept_open: list[KeptOpen] | None = None

    def without(self, names: frozenset[str]) -> Self:
        kept = [one.model_copy(update={"reason": mask(one.reason, names)}) for one in self.kept_open or []]
        return self.model_copy(update={"kept_open": kept or None})


class Paused(Payload):
    """暂停 or 休会, with the reason shown on the slate, and until when it is adjourned."""

    TEXTS = ("reason",)
    reason: Words = ""
    until: AwareDatetime | None = None


class Resumed(Payload):
    """恢复."""


class Ended(Payload):
    """开标结束: opened 开标, failed 流标 (<3 bidders, 实施条例 art. 44), terminated 中止, with the reason."""

    TEXTS = ("reason",)
    result: Annotated[str, Field(pattern="^(opened|failed|terminated)$")] = "opened"
    reason: Words | None = None


class Sealed(Payload):
    """录制封存: head of the evidence chain."""

    head: str
    segments: Count


MODELS: dict[str, type[Payload]] = {
    "scheduled": Scheduled,
    "sign_in": SignIn,
    "bidders_published": BiddersPublished,
    "decrypt_progress": DecryptProgress,
    "control_price": ControlPrice,
    "coefficient_committed": CoefficientCommitted,
    "coefficient_revealed": CoefficientRevealed,
    "coefficient_unrevealed": CoefficientUnrevealed,
    "coefficient_drawn": CoefficientDrawn,
    "bid_read": BidRead,
    "bid_corrected": BidCorrected,
    "objection": Objection,
    "objection_answered": ObjectionAnswered,
    "record_confirmed": RecordConfirmed,
    "paused": Paused,
    "resumed": Resumed,
    "ended": Ended,
    "sealed": Sealed,
}
"""Event type (contracts: WS /feeds/openings) → model of its payload."""

HOUSE_ONLY = frozenset({"sealed"})
"""Events that only this installation makes: what they say is of its own recordings."""
FROM_SOURCES = tuple(kind for kind in MODELS if kind not in HOUSE_ONLY)
"""Events that a source may report."""


def public_payload(
    kind: str, data: dict[str, Any], *, mask: bool = False, hide: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Validate a payload and return it as it will be hashed and published: masked where the lot demands, and
    nowhere with a name to `hide`.

    Raises KeyError for an unknown type and pydantic.ValidationError for a wrong payload.
    """
    payload = MODELS[kind].model_validate(data)
    shown = payload.masked() if mask else payload
    return shown.without(hide).model_dump(mode="json", exclude_none=True)
