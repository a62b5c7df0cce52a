"""The `data` of each kind of record. Attribute = column of the ledger; alias = name on the wire.

A version of a record is the whole record: a field left out takes its default, it does not keep the
value of the version before. Unknown fields are refused, so nothing slips in unread.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from records import events
from records.states import LOT_STATES

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def moment(value: Any) -> datetime:
    """An RFC 3339 time with offset between 1900 and 2200; never a bare number, which could mean anything."""
    if isinstance(value, str) and value[4:5] == "-" and len(value) >= 16:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise PydanticCustomError(
            "moment",
            "应为带时区的 RFC 3339 时间 / expected an RFC 3339 time with offset, e.g. 2024-05-06T09:30:00+08:00",
        )
    if not EARLIEST <= value <= LATEST:
        raise PydanticCustomError(
            "moment_range", "时间须在 1900–2200 年之间 / time must lie between 1900 and 2200"
        )
    return value


def _plain_day(value: Any) -> Any:
    """Refuse numbers and numeric strings, which would be read as seconds since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise PydanticCustomError("day", "应为日期 YYYY-MM-DD / expected a date YYYY-MM-DD")


def _money(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError(
            "money", "金额应为数字或十进制字符串 / money must be a number or a decimal string"
        )
    return value


Moment = Annotated[
    datetime, PlainValidator(moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
Day = Annotated[date, BeforeValidator(_plain_day), WithJsonSchema({"type": "string", "format": "date"})]
Ref = Annotated[
    str,
    Field(
        min_length=1, max_length=200, pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"
    ),
]
"""Key of another record."""
Words = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(min_length=1, max_length=300)]
Code = Annotated[str, Field(max_length=64)]
Division = Annotated[str, Field(pattern=r"^\d{2}(\d{2}){0,2}$")]
Money = Annotated[
    Decimal,
    BeforeValidator(_money),
    Field(ge=0, le=Decimal(900_000_000_000_000), decimal_places=4),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^\d{1,15}(\.\d{1,4})?$"},
                {"type": "number", "minimum": 0},
            ]
        }
    ),
]
"""Yuan, or the lot's currency; at most four decimals. Send strings: JSON numbers are binary in many programs."""
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Small = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
Codes = Annotated[list[Code], Field(max_length=50)]
Refs = Annotated[list[Ref], Field(max_length=100)]
TradeFamily = Literal["works", "procurement", "land", "property", "other"]
Flag = Literal["key", "remote", "separate_award", "small_value", "electronic"]


class Data(BaseModel):
    """Base of all kinds."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)


class CentreData(Data):
    """交易中心 / 分中心."""

    name: Name
    name_en: Name | None = None
    level: Literal["city", "district", "small"] = "district"
    division_code: Division | None = None
    witness_enabled: bool = False


class RoomData(Data):
    """开标室 / 评标室 / 见证室. Camera addresses and tokens are set on this side, not sent."""

    centre_id: Ref = Field(alias="centre")
    name: Name
    name_en: Name | None = None
    kind: Literal["opening", "evaluation", "witness"] = "opening"
    capacity: Small | None = None
    public_allowed: bool = True


class OrganisationData(Data):
    """市场主体; the key is its 统一社会信用代码 where it has one."""

    uscc: Annotated[str, Field(pattern=r"^[0-9A-HJ-NPQRTUWXY]{18}$")] | None = None
    name: Name
    roles: Annotated[list[Literal["tenderer", "agency", "bidder", "supplier"]], Field(max_length=4)] = []
    division_code: Division | None = None
    division_source: Literal["registration", "ca", "uscc"] | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    established: Day | None = None
    legal_rep: Name | None = None
    address: Words | None = None


class ProjectData(Data):
    """项目."""

    name: Name
    trade_family: TradeFamily = "works"
    sector: Name | None = None
    investment: Money | None = None
    key_flag: Literal["city_plan", "safeguard"] | None = None
    tenderer_id: Ref | None = Field(None, alias="tenderer")
    division_code: Division | None = None


class LotData(Data):
    """标段(包). Without `status` a new lot is 招标中 bidding and a known one stays as it is."""

    project_id: Ref = Field(alias="project")
    name: Name
    tenderer_id: Ref | None = Field(None, alias="tenderer")
    agency_id: Ref | None = Field(None, alias="agency")
    centre_id: Ref | None = Field(None, alias="centre")
    trade_family: TradeFamily = "works"
    category: Name | None = None
    method: Literal["open", "selective", "limited", "direct"] = "open"
    evaluation_method: Name | None = None
    currency: Currency = "CNY"
    estimate: Money | None = None
    control_price: Money | None = None
    base_price: Money | None = None
    deposit_required: Money | None = None
    notice_at: Moment | None = None
    deadline: Moment | None = None
    planned_award_at: Moment | None = None
    round: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    status: Annotated[Code, WithJsonSchema({"type": "string", "enum": list(LOT_STATES)})] | None = None
    prequalification: bool = False
    flags: list[Flag] = Field(default=[], max_length=5)
    division_code: Division | None = None


class BidData(Data):
    """投标. The machine fields come from the platform's analysis of the files."""

    lot_id: Ref = Field(alias="lot")
    bidder_id: Ref = Field(alias="bidder")
    consortium: Refs = []
    received_at: Moment | None = None
    withdrawn_at: Moment | None = None
    decrypt_status: Literal["success", "failed"] | None = None
    price: Money | None = None
    duration_days: Small | None = None
    quality: Name | None = None
    manager: Name | None = None
    status: Literal["valid", "disqualified", "withdrawn", "revoked", "pending"] = "valid"
    reject_reason: Words | None = None
    rank: Small | None = None
    file_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    mac: Code | None = None
    cpu_serial: Code | None = None
    disk_serial: Code | None = None
    dongle_serial: Code | None = None
    file_id: Code | None = None
    author: Name | None = None
    upload_ip: Code | None = None
    on_site: bool = False
    ca_serial: Code | None = None
    ca_region: Division | None = None


class DepositData(Data):
    """投标保证金. `payer_account` is replaced by a keyed hash before anything is stored."""

    lot_id: Ref = Field(alias="lot")
    bidder_id: Ref = Field(alias="bidder")
    bid_id: Ref | None = Field(None, alias="bid")
    form: Literal["transfer", "guarantee", "insurance", "exempt"] = "transfer"
    amount: Money
    payer_account: Code | None = Field(None, exclude=True)
    payer_account_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    payer_name: Name | None = None
    received_at: Moment | None = None
    due_refund_at: Moment | None = None
    refunded_at: Moment | None = None
    interest: Money | None = None
    status: Literal["received", "refunded", "forfeited"] = "received"


class OpeningData(Data):
    """开标. Its steps come as opening_event; `state`, `ended_at`, `result` only for history without a log."""

    lot_id: Ref = Field(alias="lot")
    room_id: Ref | None = Field(None, alias="room")
    scheduled_at: Moment
    host: Name | None = None
    state: Literal["scheduled", "ended", "sealed", "cancelled"] | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None
    result: Literal["opened", "failed", "terminated"] | None = None


class OpeningEventData(Data):
    """开标事件: happened at the envelope's `occurred_at`; `payload` is public, `detail` stays inside."""

    opening_id: Ref = Field(alias="opening")
    type: Annotated[str, WithJsonSchema({"type": "string", "enum": list(events.MODELS)})]
    payload: dict[str, Any] = {}
    detail: dict[str, Any] | None = None
    actor: Name | None = None


class AwardData(Data):
    """中标候选人 (candidate) or 中标 (awarded)."""

    lot_id: Ref = Field(alias="lot")
    bidder_id: Ref = Field(alias="bidder")
    rank: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1
    price: Money | None = None
    currency: Currency = "CNY"
    status: Literal["candidate", "awarded", "cancelled"] = "awarded"
    publicity_from: Moment | None = None
    publicity_until: Moment | None = None
    awarded_at: Moment | None = None


KINDS: dict[str, type[Data]] = {
    "centre": CentreData,
    "organisation": OrganisationData,
    "room": RoomData,
    "project": ProjectData,
    "lot": LotData,
    "bid": BidData,
    "deposit": DepositData,
    "opening": OpeningData,
    "opening_event": OpeningEventData,
    "award": AwardData,
}
"""Kinds taken, parents before children → model of their data."""

NOT_YET = frozenset(
    {
        "relation", "notice", "control_price", "objection", "expert", "evaluation", "score", "fee",
        "contract", "credit", "opinion", "inspection",
    }
)  # fmt: skip
"""Kinds of the contract that have no table in this version: refused, and kept whole."""

SHARED = frozenset({"centre", "room", "organisation"})
"""Kinds that several sources may speak about; the newest `occurred_at` wins."""

REFERENCES: dict[str, tuple[tuple[str, str], ...]] = {
    "centre": (),
    "organisation": (),
    "room": (("centre_id", "centre"),),
    "project": (("tenderer_id", "organisation"),),
    "lot": (
        ("project_id", "project"),
        ("tenderer_id", "organisation"),
        ("agency_id", "organisation"),
        ("centre_id", "centre"),
    ),
    "bid": (("lot_id", "lot"), ("bidder_id", "organisation")),
    "deposit": (("lot_id", "lot"), ("bidder_id", "organisation"), ("bid_id", "bid")),
    "opening": (("lot_id", "lot"), ("room_id", "room")),
    "opening_event": (("opening_id", "opening"),),
    "award": (("lot_id", "lot"), ("bidder_id", "organisation")),
}
"""Kind → (attribute, kind it refers to)."""
