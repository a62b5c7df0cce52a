"""Field names of the national exchange standard 公共资源交易平台系统数据规范, read as ours.

Only fields whose meaning is the same are mapped; amounts there are in 万元 and are converted to yuan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any


def _wan(value: Any) -> Any:
    """万元 → 元; what is no number is left for the model to refuse."""
    if isinstance(value, bool):
        return value
    try:
        return format((Decimal(str(value)) * 10_000).normalize(), "f")
    except InvalidOperation:
        return value


def _same(value: Any) -> Any:
    return value


Rule = tuple[str, Callable[[Any], Any]]

NAMES: dict[str, dict[str, Rule]] = {
    "project": {"PROJECT_NAME": ("name", _same)},
    "lot": {
        "PROJECT_CODE": ("project", _same),
        "BID_SECTION_NAME": ("name", _same),
        "TENDER_PROJECT_CLASSIFY_CODE": ("category", _same),
        "CONTROL_PRICE": ("control_price", _wan),
        "BID_OPEN_TIME": ("deadline", _same),
    },
    "organisation": {"BIDDER_NAME": ("name", _same), "BIDDER_ORG_CODE": ("uscc", _same)},
    "bid": {
        "BID_SECTION_CODE": ("lot", _same),
        "BID_SECTION_CODES": ("lot", _same),
        "BIDDER_ORG_CODE": ("bidder", _same),
        "UNION_ORG_CODES": ("consortium", _same),
        "BID_AMOUNT": ("price", _wan),
    },
    "deposit": {"BID_SECTION_CODE": ("lot", _same), "BIDDER_ORG_CODE": ("bidder", _same)},
    "opening": {"BID_SECTION_CODE": ("lot", _same), "BID_OPEN_TIME": ("scheduled_at", _same)},
    "award": {
        "BID_SECTION_CODE": ("lot", _same),
        "BID_SECTION_CODES": ("lot", _same),
        "BIDDER_ORG_CODE": ("bidder", _same),
        "BID_AMOUNT": ("price", _wan),
    },
}
"""Kind → national name → (our name, conversion)."""

IGNORED = frozenset({"UNIFIED_DEAL_CODE", "PLATFORM_CODE", "PUB_SERVICE_PLAT_CODE", "DATA_TIMESTAMP"})
"""Fields of the exchange itself: kept in the journal, without a column of ours."""

_KNOWN = frozenset(IGNORED.union(*NAMES.values()))


def translate(kind: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """`data` under our names; the same object where it has no national name.

    A national name that does not belong to the kind, or that would overwrite a field of ours, stays
    as it is, so that the model refuses it by its name.
    """
    if _KNOWN.isdisjoint(data):
        return data
    rules = NAMES.get(kind, {})
    ours: dict[str, Any] = {}
    for name, value in data.items():
        if name in IGNORED:
            continue
        target, convert = rules.get(name, (name, _same))
        if name != target and (target in data or target in ours):
            target = name
        ours[target] = convert(value)
    return ours
