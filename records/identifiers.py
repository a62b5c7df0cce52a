"""统一社会信用代码 (GB 32100-2015) and administrative divisions (GB/T 2260)."""

from __future__ import annotations

import re

from stdnum.cn import uscc as _uscc
from stdnum.exceptions import ValidationError

from messages import named

_SHAPE = re.compile(r"^[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}$")

PROVINCES = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
    ]
)
"""Two-digit province prefixes of GB/T 2260; what they are called: `province_name`."""
OVERSEAS = "00"
"""Stands for a province where a firm is registered abroad."""


def province_name(code: str | None, lang: str) -> str:
    """What a province prefix, `OVERSEAS` or an unknown place (None) is called in the reader's language; a code that
    is none as it stands."""
    return named("province", code or "unknown", lang)


def looks_like_uscc(code: str) -> bool:
    """Whether `code` has the shape of a USCC: 18 characters of the GB 32100 alphabet."""
    return bool(_SHAPE.match(code))


def uscc_check(code: str) -> bool:
    """Whether the check digit agrees (GB 32100-2015). Some early codes fail it and are legal: warn, don't refuse."""
    try:
        _uscc.validate(code)
    except ValidationError:
        return False
    return True


def uscc_division(code: str) -> str | None:
    """Digits 3–8 of a USCC: the registration authority's division; an inference, not an address."""
    return code[2:8] if looks_like_uscc(code) else None


def division_known(code: str) -> bool:
    """Whether a GB/T 2260 division lies in a province there is; counties change too often to be held against one."""
    return code[:2] in PROVINCES
