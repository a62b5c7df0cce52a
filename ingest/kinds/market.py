"""The `data` of organisations, projects and lots, and of what is bid, paid, won and agreed."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, WithJsonSchema

from ingest.kinds.fields import (
    Code,
    Currency,
    Data,
    Day,
    Digest,
    Division,
    Flag,
    Moment,
    Money,
    Name,
    Part,
    Points,
    Ref,
    Refs,
    Small,
    TradeFamily,
    Vat,
    Words,
    Yes,
)
from records.states import LOT_STATES
from records.tables.relations import RELATION_TYPES


class CentreData(Data):
    """交易中心 / 分中心."""

    name: Name
    name_en: Name | None = None
    level: Literal["city", "district", "small"] = "district"
    division_code: Division | None = None
    witness_enabled: Yes = False


class RoomData(Data):
    """开标室 / 评标室 / 见证室. Camera addresses and tokens are set on this side, not sent.

    The key stands in addresses: 编号用于网址，不能含斜杠、反斜杠，也不能只有点 / no slash or backslash, not dots alone.
    """

    centre_id: Ref = Field(alias="centre")
    name: Name
    name_en: Name | None = None
    kind: Literal["opening", "evaluation", "witness"] = "opening"
    capacity: Small | None = None
    public_allowed: Yes = True


class OrganisationData(Data):
    """市场主体; the key is its 统一社会信用代码 where it has one."""

    uscc: Annotated[str, Field(pattern=r"^[0-9A-HJ-NPQRTUWXY]{18}$")] | None = None
    name: Name
    roles: Annotated[list[Literal["tenderer", "agency", "bidder", "supplier"]], Field(max_length=4)] = Field(
        default=[]
    )
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
    """标段(包). Without `status` a new lot is 招标中 bidding and a known one stays as it is.

    A `deadline` left out stays while it is ahead; one that is ahead cannot be moved into the past.
    `tender_project` is the key of its 招标项目, which is held with the lot's tenderer, agency, method and
    `organise_form`. `participants`: who took part, where no bid is known; never a bid without a price.
    """

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
    vat: Vat | None = None
    estimate: Money | None = None
    control_price: Money | None = None
    base_price: Money | None = None
    deposit_required: Money | None = None
    notice_at: Moment | None = None
    deadline: Moment | None = None
    planned_award_at: Moment | None = None
    participants: Refs = Field(default_factory=list)
    round: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    status: Annotated[Code, WithJsonSchema({"type": "string", "enum": list(LOT_STATES)})] | None = None
    prequalification: Yes = False
    flags: list[Flag] = Field(default_factory=list, max_length=5)
    tender_project_id: Ref | None = Field(None, alias="tender_project")
    organise_form: Literal["self", "entrusted"] | None = None
    unified_deal_code: Code | None = None
    classify_code: Code | None = None
    division_code: Division | None = None


class BidData(Data):
    """投标. The machine fields come from the platform's analysis of the files."""

    lot_id: Ref = Field(alias="lot")
    bidder_id: Ref = Field(alias="bidder")
    consortium: Refs = Field(default_factory=list)
    received_at: Moment | None = None
    withdrawn_at: Moment | None = None
    decrypt_status: Literal["success", "failed"] | None = None
    price: Money | None = None
    vat: Vat | None = None
    duration_days: Small | None = None
    quality: Name | None = None
    manager: Name | None = None
    status: Literal["valid", "disqualified", "withdrawn", "revoked", "pending"] = "valid"
    reject_reason: Words | None = None
    rank: Small | None = None
    file_sha256: Digest | None = None
    mac: Code | None = None
    cpu_serial: Code | None = None
    disk_serial: Code | None = None
    dongle_serial: Code | None = None
    file_id: Code | None = None
    author: Name | None = None
    upload_ip: Code | None = None
    on_site: Yes = False
    ca_serial: Code | None = None
    ca_region: Division | None = None
    division_code: Division | None = None


class DepositData(Data):
    """投标保证金. `payer_account` is replaced by a keyed hash before anything is stored."""

    HIDDEN: ClassVar = {"payer_account": "payer_account_hash"}
    lot_id: Ref = Field(alias="lot")
    bidder_id: Ref = Field(alias="bidder")
    bid_id: Ref | None = Field(None, alias="bid")
    form: Literal["transfer", "guarantee", "insurance", "exempt"] = "transfer"
    amount: Money
    payer_account: Code | None = Field(None, exclude=True)
    payer_account_hash: Digest | None = None
    payer_name: Name | None = None
    received_at: Moment | None = None
    due_refund_at: Moment | None = None
    refunded_at: Moment | None = None
    interest: Money | None = None
    status: Literal["received", "refunded", "forfeited"] = "received"
    division_code: Division | None = None


class AwardData(Data):
    """中标候选人 (candidate) or 中标 (awarded); of a consortium its lead is the `bidder`."""

    lot_id: Ref = Field(alias="lot")
    bidder_id: Ref = Field(alias="bidder")
    consortium: Refs = Field(default_factory=list)
    rank: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1
    price: Money | None = None
    currency: Currency = "CNY"
    vat: Vat | None = None
    status: Literal["candidate", "awarded", "cancelled"] = "awarded"
    publicity_from: Moment | None = None
    publicity_until: Moment | None = None
    awarded_at: Moment | None = None
    division_code: Division | None = None


class ContractChange(Part):
    """One later change of a contract."""

    at: Moment
    value: Money | None = None
    reason: Words | None = None


class ContractData(Data):
    """合同; `changes` lists what was changed later."""

    lot_id: Ref = Field(alias="lot")
    bidder_id: Ref = Field(alias="bidder")
    signed_at: Moment | None = None
    value: Money | None = None
    currency: Currency = "CNY"
    vat: Vat | None = None
    subcontractors: Refs = Field(default_factory=list)
    changes: list[ContractChange] = Field(default_factory=list, max_length=100)
    division_code: Division | None = None


class RelationData(Data):
    """主体关系. `link`, the person, telephone or account both share, is replaced by a keyed hash."""

    HIDDEN: ClassVar = {"link": "link_hash"}
    type: Annotated[
        str,
        Field(pattern=f"^({'|'.join(RELATION_TYPES)})$"),
        WithJsonSchema({"type": "string", "enum": list(RELATION_TYPES)}),
    ]
    from_id: Ref = Field(alias="from")
    to_id: Ref = Field(alias="to")
    ratio: Annotated[Points, Field(ge=0, le=100)] | None = None
    link: Code | None = Field(None, exclude=True)
    link_hash: Digest | None = None
    valid_from: Day | None = None
    valid_until: Day | None = None
    division_code: Division | None = None


class Deduction(Part):
    """Why points were taken off."""

    reason: Name
    points: Points


class CreditData(Data):
    """信用评价 of an organisation in one rating system and period (YYYY-MM)."""

    organisation_id: Ref = Field(alias="organisation")
    role: Literal["tenderer", "agency", "bidder", "supplier"] = "bidder"
    system: Name
    period: Annotated[str, Field(pattern=r"^(19|20|21)[0-9][0-9]-(0[1-9]|1[0-2])$")]
    score: Points | None = None
    rank: Small | None = None
    deductions: list[Deduction] = Field(default_factory=list, max_length=100)
    division_code: Division | None = None
