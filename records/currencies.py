"""The currency an amount counts in: without VAT it is one of its own, never added to or compared with the other."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Case, case

WITHOUT_VAT = "-net"
"""What follows a currency's ISO 4217 code where amounts are without VAT."""
EXCLUDED = "excluded"
"""The `vat` of such amounts."""


def currency(code: str, vat: str | None) -> str:
    """The currency of an amount by its ISO code and its `vat`."""
    return code + WITHOUT_VAT if vat == EXCLUDED else code


def currency_of(table: Any) -> Case[str]:
    """The same in SQL, from a table's `currency` and `vat`."""
    return case((table.vat == EXCLUDED, table.currency + WITHOUT_VAT), else_=table.currency)
