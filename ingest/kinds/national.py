"""Names of the national exchange standard 公共资源交易平台系统数据规范, read as ours.

Only fields whose meaning is the same are mapped; amounts there are in 万元 and are converted to yuan.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,8})?\Z")
"""万元 may have eight decimals: four are left of them in yuan."""


@dataclass(frozen=True)
class National:
    """Our field for a national name."""

    field: str
    in_wan: bool = False
    """Whether the national amount is in 万元."""

    def converted(self, value: Any) -> Any:
        """The value in our unit; what is no number is left for the model to refuse."""
        return _yuan(value) if self.in_wan else value


def _yuan(value: Any) -> Any:
    """万元 → 元."""
    if isinstance(value, str):
        return format(_scaled(Decimal(value)), "f") if _NUMBER.match(value) else value
    if isinstance(value, float):
        return float(_scaled(Decimal(repr(value)))) if value == value else value
    return value * 10_000 if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else value


def _scaled(value: Decimal) -> Decimal:
    with localcontext() as exact:
        exact.prec = 60
        return (value * 10_000).normalize()


OF_LOT = {"BID_SECTION_CODE": National("lot"), "BID_SECTION_CODES": National("lot")}
OF_BIDDER = {**OF_LOT, "BIDDER_ORG_CODE": National("bidder")}
"""The names by which the records of a lot, and of a bidder for it, say whose they are."""

EXCHANGE = frozenset({"PLATFORM_CODE", "PUB_SERVICE_PLAT_CODE", "DATA_TIMESTAMP"})
DEAL = EXCHANGE | {"UNIFIED_DEAL_CODE"}
PARTY = DEAL | {"BIDDER_CODE_TYPE", "BIDDER_ROLE"}
NAMED_PARTY = PARTY | {"BIDDER_NAME"}
CONSORTIUM = NAMED_PARTY | {"UNION_NAMES", "UNION_CODE_TYPES"}
"""Names that the exchange itself, a deal, a party or a consortium brings along and that another record says."""
