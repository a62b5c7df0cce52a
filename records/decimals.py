"""Decimal numbers as records carry them: a plain decimal string, or a JSON number that has lost nothing."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from pydantic_core import PydanticCustomError

AMOUNT = r"^[0-9]{1,15}(\.[0-9]{1,4})?$"
"""An amount of money, as `/schema` says it."""
SIGNED = r"^-?[0-9]{1,7}(\.[0-9]{1,4})?$"
"""Points, hours, per cent."""
_DIGITS = 15
"""A binary number of 64 bits keeps so many decimal digits, and no more."""


class Plain:
    """A validator to stand before Decimal: text must match `pattern` to the letter, floats must be exact."""

    def __init__(self, pattern: str) -> None:
        self._text = re.compile(pattern.removesuffix("$") + r"\Z")

    def __call__(self, value: Any) -> Any:
        """The value itself; raises PydanticCustomError, which a model reports."""
        if isinstance(value, bool):
            raise PydanticCustomError("money", "not a number or a decimal string")
        if isinstance(value, str) and not self._text.match(value):
            raise PydanticCustomError(
                "decimal_text", "not plain decimal digits, e.g. 1234.56, at most 4 places"
            )
        if isinstance(value, float) and _digits(value) > _DIGITS:
            raise PydanticCustomError("inexact", "a JSON number keeps 15 digits, send a string")
        return value


def _digits(value: float) -> int:
    return len(Decimal(repr(value)).as_tuple().digits)
