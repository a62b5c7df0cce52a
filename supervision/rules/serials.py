"""The normal form of a serial number, by which two spellings of one are the same: for rules, and for selects over the
lens that go before them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func

from supervision.unnamed import pressed, says_nothing

SHORTEST = 4
"""Characters below which a serial tells no machine."""


def normal(value: str | None) -> str | None:
    """A serial without separators, upper case; None for what software writes when it does not know."""
    kept = pressed(value or "")
    if len(kept) < SHORTEST or len(set(kept)) == 1 or says_nothing(kept):
        return None
    return kept


def latin(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """What databases can tell of the normal form: its Latin letters and digits, which are the same wherever the normal
    forms are."""
    return func.upper(func.regexp_replace(column, "[^0-9A-Za-z]+", "", "g"))
