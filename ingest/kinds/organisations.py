"""Kinds of those who take part: trading centres and their rooms, organisations, their relations and credit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from ingest.kinds import national, words
from ingest.kinds.fields import Code, Data, Day, Digest, Division, Name, Part, Points, Ref, Small, Words, Yes
from ingest.kinds.kind import Kind, Owner
from ingest.kinds.national import National
from records.identifiers import looks_like_uscc, uscc_check, uscc_division
from records.tables.organisations import Centre, Organisation, Room
from records.tables.relations import RELATION_TYPES, Credit, Relation
from records.wrong_values import shape


class CentreData(Data):
    """交易中心 / 分中心."""

    name: Name
    name_en: Name | None = None
    level: Literal["city", "district", "small"] = "district"
    division_code: Division | None = None
    witness_enabled: Yes = False


class RoomData(Data):
    """开标室 / 评标室 / 见证室. Camera addresses and tokens are set on this side, not sent.

    The key stands in addresses: no slash or backslash, not dots alone.
    """

    centre_id: Ref = Field(alias="centre")
    name: Name
    name_en: Name | None = None
    kind: Literal["opening", "evaluation", "witness"] = "opening"
    capacity: Small | None = None
    public_allowed: Yes = True


class OrganisationData(Data):
    """市场主体; the key is its 统一社会信用代码 where it has one."""

    uscc: Annotated[str, Field(pattern=shape(r"^[0-9A-HJ-NPQRTUWXY]{18}$", "uscc"))] | None = None
    name: Name
    roles: Annotated[list[Literal["tenderer", "agency", "bidder", "supplier"]], Field(max_length=4)] = Field(
        default=[]
    )
    division_code: Division | None = None
    division_source: Literal["registration", "ca", "uscc"] | None = None
    country: Annotated[str, Field(pattern=shape(r"^[A-Z]{2}$", "country"))] | None = None
    established: Day | None = None
    legal_rep: Name | None = None
    address: Words | None = None


class RelationData(Data):
    """主体关系. `link`, the person, telephone or account both share, is replaced by a keyed hash."""

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
    period: Annotated[str, Field(pattern=shape(r"^(19|20|21)[0-9][0-9]-(0[1-9]|1[0-2])$", "month"))]
    score: Points | None = None
    rank: Small | None = None
    deductions: list[Deduction] = Field(default_factory=list, max_length=100)
    division_code: Division | None = None


def _registration(key: str, data: OrganisationData) -> dict[str, Any]:
    """What the 统一社会信用代码 says; its division is only an inference (GB 32100: registration authority)."""
    code = data.uscc or (key if looks_like_uscc(key) else None)
    division, source = data.division_code, data.division_source
    if division is None and code and data.country in (None, "CN"):
        division, source = uscc_division(code), "uscc"
    elif division is not None and source is None:
        source = "registration"
    return {
        "uscc": code,
        "uscc_valid": uscc_check(code) if code else None,
        "division_code": division,
        "division_source": source if division else None,
    }


CENTRE = Kind(
    "centre", "交易中心", CentreData, Centre,
    owner=Owner(
        shared=True, register=True,
        fields=("name", "name_en", "level", "division_code", "witness_enabled"),
    ),
    headers={"级别": "level", "启用见证": "witness_enabled"},
    codes={"level": {"市级": "city", "区县级": "district", "基层": "small"}},
)  # fmt: skip
ORGANISATION = Kind(
    "organisation", "主体", OrganisationData, Organisation,
    owner=Owner(shared=True, register=True),
    facts=(),
    inferred=_registration,
    headers={
        "统一社会信用代码": "uscc", "角色": "roles", "区划来源": "division_source", "国家": "country",
        "成立日期": "established", "法定代表人": "legal_rep", "地址": "address",
    },
    codes={
        "roles": words.ROLES,
        "division_source": {"登记": "registration", "数字证书": "ca", "统一社会信用代码": "uscc"},
    },
    national={"BIDDER_NAME": National("name"), "BIDDER_ORG_CODE": National("uscc")},
    number="BIDDER_ORG_CODE",
    national_ignored=national.PARTY,
    ocds="parties",
)  # fmt: skip
ROOM = Kind(
    "room", "开标室", RoomData, Room,
    references=(("centre_id", "centre"),),
    owner=Owner(
        shared=True, register=True,
        fields=("centre_id", "name", "name_en", "kind", "capacity", "public_allowed"),
    ),
    in_addresses=True,
    headers={"容量": "capacity", "可公开": "public_allowed"},
    codes={"kind": {"开标室": "opening", "评标室": "evaluation", "见证室": "witness"}},
)  # fmt: skip
RELATION = Kind(
    "relation", "主体关系", RelationData, Relation,
    references=(("from_id", "organisation"), ("to_id", "organisation")),
    hidden={"link": "link_hash"},
    headers={
        "类型": "type", "主体甲": "from", "主体乙": "to", "持股比例": "ratio", "关联依据": "link", "生效日期": "valid_from",
        "失效日期": "valid_until",
    },
    codes={
        "type": {
            "控股": "control", "控制": "control", "持股": "shareholding", "任职": "position", "亲属": "kinship",
            "电话": "phone", "邮箱": "email", "地址": "address", "账户": "account", "社保": "social_security",
        },
    },
)  # fmt: skip
CREDIT = Kind(
    "credit", "信用评价", CreditData, Credit,
    references=(("organisation_id", "organisation"),),
    parts="deductions",
    headers={"主体": "organisation", "评价体系": "system", "评价周期": "period", "扣分": "deductions"},
    codes={"role": words.ROLES},
    national={
        "BIDDER_ORG_CODE": National("organisation"), "SCORE": National("score"), "PROVINCE_RANK": National("rank"),
    },
    national_ignored=national.NAMED_PARTY | {"PROJECT_RANK"},
)  # fmt: skip
