"""Kinds of what is put out to tender: projects, their 招标项目 and lots."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from ingest.kinds import national, words
from ingest.kinds.fields import (
    Code,
    Currency,
    Data,
    Division,
    Flag,
    Moment,
    Money,
    Name,
    Ref,
    Refs,
    TradeFamily,
    Vat,
    Yes,
)
from ingest.kinds.kind import Kind, Owner
from ingest.kinds.national import National
from messages import say
from records.states import LOT_STATES
from records.tables.procedure import TenderProject
from records.tables.projects import Lot, Project


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
    start_price: Money | None = None
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


PROJECT = Kind(
    "project", "项目", ProjectData, Project,
    references=(("tenderer_id", "organisation"),),
    owner=Owner(register=True),
    headers={"行业": "sector", "总投资": "investment", "重点标志": "key_flag"},
    codes={
        "trade_family": words.TRADE_FAMILIES,
        "key_flag": {"市重点": "city_plan", "市重点计划": "city_plan", "动态服务保障": "safeguard"},
    },
    national={"PROJECT_NAME": National("name")},
    number="PROJECT_CODE",
    ocds="planning",
)  # fmt: skip


class TenderProjectData(Data):
    """招标项目. Nobody sends it: it is held with what its lots say of it."""


TENDER_PROJECT = Kind(
    "tender_project", "招标项目", TenderProjectData, TenderProject,
    references=(("project_id", "project"),),
    facts=("source", "project_id", "organise_form", "name"),
    sent=False,
)  # fmt: skip
LOT = Kind(
    "lot", "标段", LotData, Lot,
    references=(
        ("project_id", "project"), ("tenderer_id", "organisation"), ("agency_id", "organisation"),
        ("centre_id", "centre"),
    ),
    owner=Owner("project", register=True),
    facts=("source", "status", "division_code", "deadline"),
    headers={
        "招标代理": "agency", "分类": "category", "招标方式": "method", "评标办法": "evaluation_method",
        "参与单位": "participants", "估算价": "estimate", "最高投标限价": "control_price", "招标控制价": "control_price",
        "标底": "base_price", "起始价": "start_price", "应缴保证金": "deposit_required", "公告时间": "notice_at", "投标截止": "deadline",
        "计划定标时间": "planned_award_at", "轮次": "round", "资格预审": "prequalification", "标志": "flags",
        "招标项目": "tender_project", "组织形式": "organise_form", "统一交易标识码": "unified_deal_code",
        "分类代码": "classify_code",
    },
    codes={
        "trade_family": words.TRADE_FAMILIES,
        "method": {"公开招标": "open", "邀请招标": "selective", "有限竞争": "limited", "直接发包": "direct"},
        "status": {say(f"site.lot.{code}", "zh"): code for code in LOT_STATES} | {
            "已截标": "closed", "已开标": "opened", "已中标": "awarded", "无效": "void", "重新评标": "re_evaluation",
        },
        "flags": {
            "重点": "key", "远程异地": "remote", "评定分离": "separate_award", "小额": "small_value",
            "全流程电子化": "electronic", "演练": "rehearsal",
        },
        "organise_form": {"自行招标": "self", "委托招标": "entrusted"},
        "vat": words.VAT,
    },
    national={
        "PROJECT_CODE": National("project"),
        "TENDER_PROJECT_CODE": National("tender_project"),
        "BID_SECTION_NAME": National("name"),
        "UNIFIED_DEAL_CODE": National("unified_deal_code"),
        "TENDER_PROJECT_CLASSIFY_CODE": National("classify_code"),
        "CONTROL_PRICE": National("control_price", in_wan=True),
        "BID_OPEN_TIME": National("deadline"),
    },
    number="BID_SECTION_CODE",
    national_ignored=national.EXCHANGE,
    ocds="tender.lots",
)  # fmt: skip
