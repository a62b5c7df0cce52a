"""The currency an amount counts in: without VAT it is one of its own, never added to or compared with the other."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Case, case

WITHOUT_VAT = "-net"
"""What follows a currency's ISO 4217 code where amounts are without VAT."""
EXCLUDED = "excluded"
"""The `vat` of such amounts."""
VAT_WORDS = {"included": "含税", "excluded": "不含税"}
"""How a `vat` is written in Chinese records, the remark 备注 of a reading among them."""
_TOLD = ((EXCLUDED, re.compile("[不未]含(增值)?税")), ("included", re.compile("含(增值)?税")))
_CODE = re.compile(rf"[A-Z]{{3}}({WITHOUT_VAT})?")


def is_currency(code: str) -> bool:
    """Whether a word is written as the currencies here are: an ISO 4217 code, without VAT or with."""
    return _CODE.fullmatch(code) is not None


def currency(code: str, vat: str | None) -> str:
    """The currency of an amount by its ISO code and its `vat`."""
    return code + WITHOUT_VAT if vat == EXCLUDED else code


def with_vat(code: str) -> str:
    """The plain currency of one that may be without VAT."""
    return code.removesuffix(WITHOUT_VAT)


def vat_told(words: str | None) -> str | None:
    """What a reading's remark says of VAT; None: nothing. web/browser/amounts.js reads it the same way."""
    return next((vat for vat, written in _TOLD if words and written.search(words)), None)


def is_comparable(vat: str | None, of_lot: str | None) -> bool:
    """Whether an amount counts as its lot's amounts do, with VAT or without; one of which nobody says, does."""
    return vat is None or (vat == EXCLUDED) == (of_lot == EXCLUDED)


def remark_with_vat(remark: str | None, vat: str | None, of_lot: str | None) -> str | None:
    """The remark of a reading, which says how its price counts where that is otherwise than its lot's amounts."""
    if vat is None or is_comparable(vat, of_lot) or vat_told(remark) is not None:
        return remark
    return f"{remark}；{VAT_WORDS[vat]}" if remark else VAT_WORDS[vat]


def currency_of(table: Any) -> Case[str]:
    """The same in SQL, from a table's `currency` and `vat`."""
    return case((table.vat == EXCLUDED, table.currency + WITHOUT_VAT), else_=table.currency)
