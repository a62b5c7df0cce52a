"""What is wrong with a value that a model refuses, as a message: pydantic's own words are English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from messages import Fault, Message, known

MOST_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps."""
_SHAPES: dict[str, str] = {}
_WORDS = re.compile(r"\^\(([\w|]+)\)\$")
"""A pattern that is nothing but a list of words."""
_FAMILIES = {
    "int": "int_type", "float": "decimal_type", "complex": "decimal_type", "decimal": "decimal_type", "bool": "bool_type",
    "string": "string_type", "list": "list_type", "tuple": "list_type", "set": "list_type", "frozen": "list_type",
    "iterable": "list_type", "dict": "dict_type", "mapping": "dict_type", "model": "dict_type", "date": "day",
    "datetime": "moment", "time": "moment", "timezone": "moment", "missing": "missing", "unexpected": "extra_forbidden",
    "enum": "literal_error", "recursion": "too_deep_to_read", "url": "shape_link",
}  # fmt: skip
"""First word of a kind of error that has no words of its own → the message of its family."""


def shape(pattern: str, name: str) -> str:
    """The pattern, whose values are described by the message `refused.shape_<name>`: nobody should have to read it."""
    _SHAPES[pattern] = name
    return pattern


def explain(error: ValidationError, prefix: tuple[str, ...] = ()) -> tuple[str, Message]:
    """(path, reason) of the first error, the count of further ones in the reason."""
    found = error.errors(include_url=False)
    path = ".".join(str(part) for part in (*prefix, *found[0]["loc"])) or "."
    first = reason(found[0]["type"], found[0].get("ctx", {}), found[0]["input"])
    if len(found) == 1:
        return path, first
    return path, Message("refused.and_more", first=first, more=len(found) - 1)


def reason(kind: str, context: Mapping[str, Any], value: object = None) -> Message:
    """The message for one of pydantic's kinds of errors, with what it says of the limit; `value` is what was given."""
    if isinstance(fault := context.get("error"), Fault):
        return fault.message
    if kind == "string_pattern_mismatch":
        return _misshapen(str(context.get("pattern", "")))
    if kind.startswith("int_") and isinstance(value, float) and abs(value) > MOST_INTEGER:
        return Message(
            "refused.less_than_equal", le=str(MOST_INTEGER)
        )  # JSON's reader has made it a binary number
    if known(f"refused.{kind}"):
        parameters = {name: str(said).replace(" or ", ", ") for name, said in context.items()}
        return Message(f"refused.{kind}", **parameters)
    family = _FAMILIES.get(kind.partition("_")[0], "unfit")
    if family == "literal_error":
        return Message(
            "refused.literal_error", expected=str(context.get("expected", "")).replace(" or ", ", ")
        )
    return Message(f"refused.{family}")


def _misshapen(pattern: str) -> Message:
    if words := _WORDS.fullmatch(pattern):
        return Message("refused.literal_error", expected=words[1].replace("|", ", "))
    return Message(f"refused.shape_{_SHAPES[pattern]}" if pattern in _SHAPES else "refused.unfit")
