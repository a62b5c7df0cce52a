"""Decimal numbers as records carry them: a plain decimal string, or a JSON number that has lost nothing."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
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
        if isinstance(value, float) and value == 0:
            return abs(value)  # binary numbers know a nought below nought, which would be shown with its sign
        return value.removeprefix("-") if isinstance(value, str) and not value.strip("-0.") else value


def _digits(value: float) -> int:
    return len(Decimal(repr(value)).as_tuple().digits)


_CAPITALS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")


def in_words(yuan: Decimal) -> str:
    """An amount of yuan in capital Chinese numerals as it is read aloud and stands on cheques (票据法 8), to the 分:
    275123600 → 贰亿柒仟伍佰壹拾贰万叁仟陆佰元整."""
    cents = int((yuan * 100).to_integral_value(ROUND_HALF_UP))
    whole, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    said = f"{_whole(whole)}元" if whole or not cents else ""
    if not jiao and not fen:
        return f"{said}整"
    zero = "零" if whole and not jiao else ""
    return said + zero + (f"{_CAPITALS[jiao]}角" if jiao else "") + (f"{_CAPITALS[fen]}分" if fen else "整")


def _whole(number: int) -> str:
    said, gap = "", False
    for place in range(len(_GROUPS) - 1, -1, -1):
        group = number // 10_000**place % 10_000
        if group:
            gap = gap or (bool(said) and group < 1000)
            said += ("零" if gap and said else "") + _group(group) + _GROUPS[place]
        gap = bool(said) and not group
    return said or "零"


def _group(number: int) -> str:
    said, gap = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            said += ("零" if gap else "") + _CAPITALS[digit] + _PLACES[place]
        gap = bool(said) and not digit
    return said
