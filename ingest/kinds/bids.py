"""Kinds of bids and what becomes of them: bids, deposits, price checks, awards and contracts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ingest.kinds import kind, national, words
from ingest.kinds.fields import (
    Code,
    Currency,
    Data,
    Digest,
    Division,
    Files,
    Moment,
    Money,
    Name,
    Part,
    Ref,
    Refs,
    Small,
    Vat,
    Words,
    Yes,
)
from ingest.kinds.kind import BIDDER, OF_LOT, Kind
from ingest.kinds.national import National
from records.tables.bids import Bid
from records.tables.control_prices import ControlPriceCheck
from records.tables.money import Award, Deposit
from records.tables.procedure import Contract


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
    files: Files | None = None
    ca_serial: Code | None = None
    ca_region: Division | None = None
    division_code: Division | None = None


class DepositData(Data):
    """投标保证金. `payer_account` is replaced by a keyed hash before anything is stored."""

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


class ControlPriceData(Data):
    """控制价分析 of one bid: normal 正常 or over 超限价. Without `lot`: the lot of the bid."""

    bid_id: Ref = Field(alias="bid")
    lot_id: Ref | None = Field(None, alias="lot")
    price: Money
    limit: Money
    result: Literal["normal", "over"]
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


_PRICED = {
    **national.OF_BIDDER, "UNION_ORG_CODES": National("consortium"),
    "BID_AMOUNT": National("price", in_wan=True),
}  # fmt: skip
BID = Kind(
    "bid", "投标", BidData, Bid,
    references=(kind.LOT, BIDDER),
    owner=OF_LOT,
    facts=("source", "lot_id"),
    parts="files",
    headers={
        "撤回时间": "withdrawn_at", "解密状态": "decrypt_status", "工期": "duration_days", "质量": "quality",
        "项目负责人": "manager", "否决原因": "reject_reason", "文件哈希": "file_sha256", "MAC地址": "mac",
        "CPU序列号": "cpu_serial", "硬盘序列号": "disk_serial", "加密锁号": "dongle_serial", "文件创建标识码": "file_id",
        "作者": "author", "上传IP": "upload_ip", "投标文件": "files", "现场上传": "on_site", "CA序列号": "ca_serial", "CA归属地": "ca_region",
    },
    codes={
        "decrypt_status": {"成功": "success", "失败": "failed"},
        "status": {
            "有效": "valid", "否决": "disqualified", "撤回": "withdrawn", "撤销": "revoked", "待定": "pending",
        },
        "vat": words.VAT,
    },
    national=_PRICED,
    national_ignored=national.CONSORTIUM,
    ocds="bids.details",
)  # fmt: skip
DEPOSIT = Kind(
    "deposit", "保证金", DepositData, Deposit,
    references=(kind.LOT, BIDDER, kind.BID),
    owner=OF_LOT,
    hidden={"payer_account": "payer_account_hash"},
    headers={
        "缴纳形式": "form", "付款账号": "payer_account", "付款人": "payer_name", "应退时间": "due_refund_at",
        "退还时间": "refunded_at", "利息": "interest",
    },
    codes={
        "form": {"转账": "transfer", "保函": "guarantee", "保险": "insurance", "免收": "exempt"},
        "status": {"已收": "received", "已退": "refunded", "不予退还": "forfeited"},
    },
    national=national.OF_BIDDER,
    national_ignored=national.NAMED_PARTY,
)  # fmt: skip
CONTROL_PRICE = Kind(
    "control_price", "控制价分析", ControlPriceData, ControlPriceCheck,
    references=(kind.BID, kind.LOT),
    lot_through=kind.BID,
    owner=OF_LOT,
    headers={"限价": "limit"},
    codes={"result": {"正常": "normal", "超限价": "over"}},
)  # fmt: skip
AWARD = Kind(
    "award", "中标", AwardData, Award,
    references=(kind.LOT, BIDDER),
    owner=OF_LOT,
    headers={"公示开始": "publicity_from", "公示结束": "publicity_until", "定标时间": "awarded_at"},
    codes={
        "vat": words.VAT,
        "status": {"候选人": "candidate", "中标候选人": "candidate", "中标": "awarded", "取消": "cancelled"},
    },
    national=_PRICED,
    national_ignored=national.CONSORTIUM,
    ocds="awards",
)  # fmt: skip
CONTRACT = Kind(
    "contract", "合同", ContractData, Contract,
    references=(kind.LOT, BIDDER),
    owner=OF_LOT,
    parts="changes",
    headers={
        "供应商": "bidder", "合同金额": "value", "金额": "value", "签订时间": "signed_at", "分包单位": "subcontractors",
        "变更": "changes",
    },
    codes={"vat": words.VAT},
    national=national.OF_BIDDER,
    national_ignored=national.NAMED_PARTY,
)  # fmt: skip
