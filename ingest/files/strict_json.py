"""JSON as RFC 8259 means it, and no further: a name given twice, digits lost and half characters do not pass.

orjson is quick and lenient: of two equal names it keeps the last. Counting what it has read against the
text tells in passing whether anything of the kind can have happened; only then is the text read again, slowly.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from decimal import Decimal
from typing import Any

import orjson

from messages import Invalid, Message

_LOOSE_COLONS = (b" :", b"\n:", b"\t:", b"\r:")
_LONG_NUMBER = re.compile(rb"[0-9][0-9.]{15}")
_TINY = re.compile(rb"[eE]-[0-9]{3}|\.0{300}")
"""Where a number may be so small that a binary one is 0."""
_LONGEST_INT = 1_000
"""Digits; Python refuses to turn more than some thousands into a number, and nobody means them."""


class BadJson(Invalid):
    """Why a text is no JSON, and where."""


class Doubled(dict[str, Any]):
    """An object in which, or somewhere within which, one name stands twice."""

    path: str = ""
    """The place of the second one."""
    own: bool = False
    """Whether it is this object's own name."""


def loads(raw: bytes | bytearray | str, *, exact: bool = False) -> Any:
    """The value of a JSON text; objects with a name given twice are `Doubled`. Raises BadJson.

    `exact`: numbers with more digits than a binary one keeps come as Decimal.
    """
    data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else bytes(raw)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return _slowly(data, _syntax(error), exact)
    if _TINY.search(data) or (exact and _LONG_NUMBER.search(data)):
        return _slowly(data, None, exact)
    if data.count(b'":') == _names(value) and not any(loose in data for loose in _LOOSE_COLONS):
        return value
    return _slowly(data, None, exact)


_SAID = {
    "Input is a zero-length, empty document": "json.empty",
    "unexpected end of data": "json.ends_early",
    "trailing comma is not allowed": "json.trailing_comma",
    "unexpected character, expected ',' or ']'": "json.expected_comma",
    "unexpected character, expected ',' or '}'": "json.expected_comma",
    "unexpected character, expected ':' after key": "json.expected_colon",
    "unexpected character, expected a string key": "json.expected_name",
    "unexpected character, expected a JSON value": "json.expected_value",
    "invalid escaped sequence in string": "json.bad_escape",
    "no low surrogate in string": "json.bad_escape",
    "unexpected control character in string": "json.control_character",
    "number with leading zero is not allowed": "json.leading_zero",
    "no digit after sign": "json.no_digit",
    "no digit after decimal point": "json.no_digit",
    "no digit after exponent sign": "json.no_digit",
    "number is infinity when parsed as double": "json.number_too_large",
    "unexpected content after document": "json.more_follows",
    "depth limit exceeded": "json.too_deep",
    "UTF-8 byte order mark (BOM) is not supported": "json.byte_order_mark",
}
"""What orjson says → the message that says it."""


def _syntax(error: orjson.JSONDecodeError) -> Message | None:
    """What orjson found and where; None where the bytes are no UTF-8, of which it does not tell the place."""
    if "not valid UTF-8" in error.msg:
        return None
    said = Message(_SAID.get(error.msg, "json.other_fault"))
    return Message("json.syntax", said=said, line=error.lineno, column=error.colno)


def _names(value: Any) -> int:
    """How many names there are in all objects of a value; no recursion, whatever its depth."""
    count, rest = 0, [value]
    for one in rest:
        kind = type(one)
        if kind is dict:
            count += len(one)
            one = one.values()
        elif kind is not list:
            continue
        for child in one:
            if type(child) is dict or type(child) is list:
                rest.append(child)
    return count


def _slowly(data: bytes, reason: Message | None, exact: bool) -> Any:
    """The same text by the standard library, which tells of every pair of an object; `reason`: what orjson said."""
    try:
        text = data.decode("utf-8")
        real = _exact if exact else _real
        return json.loads(
            text, object_pairs_hook=_object, parse_float=real, parse_int=_int, parse_constant=_constant
        )
    except UnicodeDecodeError as error:
        byte = f"0x{data[error.start]:02X}"
        not_utf8 = Message("json.not_utf8_byte", place=error.start + 1, byte=byte)
        raise BadJson(reason or not_utf8) from None
    except RecursionError:
        raise BadJson(Message("json.too_deep")) from None
    except BadJson as error:
        raise BadJson(reason or error.message) from None
    except ValueError:
        raise BadJson(reason or Message("json.other_fault")) from None


def _exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise BadJson(Message("json.unholdable_number", text=text[:40])) from None


def _real(text: str) -> float | Decimal:
    """A binary number; one too small to be any stays what it is, to be refused: it is not 0."""
    value = float(text)
    return value if value or not re.match("[-0.]*[1-9]", text) else _exact(text)


def _int(text: str) -> Any:
    return int(text) if len(text) <= _LONGEST_INT else Decimal(text)


def _constant(name: str) -> Any:
    raise BadJson(Message("json.no_value", name=name))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        times = Counter(name for name, _ in pairs)
        return _doubled(made, next(name for name, count in times.items() if count > 1), own=True)
    for name, value in pairs:
        if (inner := _within(value)) is not None:
            return _doubled(made, f"{name}.{inner}" if inner else name, own=False)
    return made


def _doubled(made: dict[str, Any], path: str, *, own: bool) -> Doubled:
    found = Doubled(made)
    found.path, found.own = path, own
    return found


def _within(value: Any) -> str | None:
    if isinstance(value, Doubled):
        return value.path
    if isinstance(value, list):
        for index, child in enumerate(value):
            if (inner := _within(child)) is not None:
                return f"{index}.{inner}"
    return None


def doubled(value: Any) -> tuple[str, Message] | None:
    """(path, reason) where an object within `value` has a name twice."""
    if not isinstance(value, Doubled):
        return None
    return value.path[:500], Message("json.name_twice")
