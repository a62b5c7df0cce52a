"""Field names of the national exchange standard 公共资源交易平台系统数据规范, read as ours.

Only fields whose meaning is the same are mapped; amounts there are in 万元 and are converted to yuan.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext
from typing import Any

from ingest.kinds.registry import KINDS

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,8})?\Z")
"""万元 may have eight decimals: four are left of them in yuan."""


def _wan(value: Any) -> Any:
    """万元 → 元; what is no number is left for the model to refuse."""
    if isinstance(value, str):
        return format(_scaled(Decimal(value)), "f") if _NUMBER.match(value) else value
    if isinstance(value, float):
        return float(_scaled(Decimal(repr(value)))) if value == value else value
    return value * 10_000 if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else value


def _scaled(value: Decimal) -> Decimal:
    with localcontext() as exact:
        exact.prec = 60
        return (value * 10_000).normalize()


def _same(value: Any) -> Any:
    return value


Rule = tuple[str, Callable[[Any], Any]]

_LOT: dict[str, Rule] = {"BID_SECTION_CODE": ("lot", _same), "BID_SECTION_CODES": ("lot", _same)}
_BIDDER: dict[str, Rule] = {"BIDDER_ORG_CODE": ("bidder", _same)}

NAMES: dict[str, dict[str, Rule]] = {
    "project": {"PROJECT_NAME": ("name", _same)},
    "lot": {
        "PROJECT_CODE": ("project", _same),
        "TENDER_PROJECT_CODE": ("tender_project", _same),
        "BID_SECTION_NAME": ("name", _same),
        "UNIFIED_DEAL_CODE": ("unified_deal_code", _same),
        "TENDER_PROJECT_CLASSIFY_CODE": ("classify_code", _same),
        "CONTROL_PRICE": ("control_price", _wan),
        "BID_OPEN_TIME": ("deadline", _same),
    },
    "organisation": {"BIDDER_NAME": ("name", _same), "BIDDER_ORG_CODE": ("uscc", _same)},
    "notice": _LOT,
    "bid": {**_LOT, **_BIDDER, "UNION_ORG_CODES": ("consortium", _same), "BID_AMOUNT": ("price", _wan)},
    "deposit": {**_LOT, **_BIDDER},
    "objection": _LOT,
    "opening": {**_LOT, "BID_OPEN_TIME": ("scheduled_at", _same)},
    "evaluation": _LOT,
    "award": {**_LOT, **_BIDDER, "UNION_ORG_CODES": ("consortium", _same), "BID_AMOUNT": ("price", _wan)},
    "contract": {**_LOT, **_BIDDER},
    "credit": {
        "BIDDER_ORG_CODE": ("organisation", _same),
        "SCORE": ("score", _same),
        "PROVINCE_RANK": ("rank", _same),
    },
}
"""Kind → national name → (our name, conversion)."""

_EXCHANGE = frozenset({"PLATFORM_CODE", "PUB_SERVICE_PLAT_CODE", "DATA_TIMESTAMP"})
_DEAL = _EXCHANGE | {"UNIFIED_DEAL_CODE"}
_PARTY = frozenset({"BIDDER_CODE_TYPE", "BIDDER_ROLE"})
_UNION = frozenset({"UNION_NAMES", "UNION_CODE_TYPES"})

IGNORED: dict[str, frozenset[str]] = {
    **dict.fromkeys(KINDS, _DEAL),
    "lot": _EXCHANGE,
    "organisation": _DEAL | _PARTY,
    "bid": _DEAL | _PARTY | _UNION | {"BIDDER_NAME"},
    "deposit": _DEAL | _PARTY | {"BIDDER_NAME"},
    "award": _DEAL | _PARTY | _UNION | {"BIDDER_NAME"},
    "contract": _DEAL | _PARTY | {"BIDDER_NAME"},
    "credit": _DEAL | _PARTY | {"BIDDER_NAME", "PROJECT_RANK"},
    "expert": _DEAL | {"EXPERT_TYPE", "EXPERT_CHECK_IN_TIME", "IS_CHAIR_MAN"},
}
"""Kind → names taken and kept in the journal only: of the exchange itself, or said by another record."""

_KNOWN = frozenset().union(*IGNORED.values(), *NAMES.values())


def translate(kind: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """`data` under our names; the same object where it has no national name.

    A national name that does not belong to the kind, or that would overwrite a field of ours, stays
    as it is, so that the model refuses it by its name.
    """
    if _KNOWN.isdisjoint(data):
        return data
    rules, ignored = NAMES.get(kind, {}), IGNORED[kind]
    ours: dict[str, Any] = {}
    for name, value in data.items():
        if name in ignored:
            continue
        target, convert = rules.get(name, (name, _same))
        if name != target and (target in data or target in ours):
            target = name
        ours[target] = convert(value)
    return ours
