"""The currency an amount counts in: without VAT it is one of its own, never added to or compared with the other."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Case, case

WITHOUT_VAT = "-net"
"""What follows a currency's ISO 4217 code where amounts are without VAT."""
EXCLUDED = "excluded"
"""The `vat` of such amounts."""
_CODE = re.compile(rf"[A-Z]{{3}}({WITHOUT_VAT})?")


def is_currency(code: str) -> bool:
    """Whether a word is written as the currencies here are: an ISO 4217 code, without VAT or with."""
    return _CODE.fullmatch(code) is not None


def currency(code: str, vat: str | None) -> str:
    """The currency of an amount by its ISO code and its `vat`."""
    return code + WITHOUT_VAT if vat == EXCLUDED else code


def currency_of(table: Any) -> Case[str]:
    """The same in SQL, from a table's `currency` and `vat`."""
    return case((table.vat == EXCLUDED, table.currency + WITHOUT_VAT), else_=table.currency)
