"""Personal numbers 个人号码 in what somebody typed: numbers of identity cards and of mobile telephones, never public
(个人信息保护法 art. 25). A host, and whoever answers an opinion, is asked to leave them out; in what a platform
reports they stand behind asterisks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from records.public.rows import MASK

FREE_WORDS = ("reason", "content", "answer", "quality", "remark", "kept_open")
"""Fields of events in which people write what they like."""
_HALF_WIDTH = str.maketrans("０１２３４５６７８９Ｘｘ－　", "0123456789Xx- ")
_MOBILE = re.compile(r"(?<!\d)(?:(?:\+|00)?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)")
_IDENTITY = re.compile(r"(?<!\d)\d{6}[ -]?\d{8}[ -]?\d{3}[\dXx](?![\dA-Za-z])")
_SAID = re.compile(r"身份证|证件号")
"""Where this stands shortly before, a number need not have the right check digit."""
_BEFORE = 12
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
"""GB 11643: the last character by the weighted sum of the others modulo 11."""


def found_in(text: str) -> list[tuple[int, int]]:
    """Where personal numbers stand in a text: start and end of each, in order."""
    plain = text.translate(_HALF_WIDTH)
    identities = [m.span() for m in _IDENTITY.finditer(plain) if _is_identity(plain, m)]
    mobiles = [m.span() for m in _MOBILE.finditer(plain)]
    return sorted(identities + mobiles)


def _is_identity(text: str, match: re.Match[str]) -> bool:
    digits = re.sub("[ -]", "", match[0]).upper()
    try:
        date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False))
    named = _SAID.search(text, max(0, match.start() - _BEFORE), match.start())
    return digits[-1] == _CHECK[total % 11] or named is not None


def masked(text: str) -> str:
    """The text with every personal number behind asterisks."""
    for start, end in reversed(found_in(text)):
        text = text[:start] + MASK + text[end:]
    return text


def without_numbers(payload: Mapping[str, Any]) -> dict[str, Any]:
    """An event's payload with the personal numbers in its free words behind asterisks."""
    return {name: _changed(value) if name in FREE_WORDS else value for name, value in payload.items()}


def _changed(value: Any) -> Any:
    if isinstance(value, list):
        return [_changed(one) for one in value]
    if isinstance(value, dict):
        return {name: _changed(one) for name, one in value.items()}
    return masked(value) if isinstance(value, str) else value


def places(payload: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Each personal number in the free words of an event: the field, and at which character, from 1, it begins."""
    for name in FREE_WORDS:
        for text in _texts(payload.get(name)):
            yield from ((name, start + 1) for start, _ in found_in(text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one.get("reason") if isinstance(one, dict) else one)
