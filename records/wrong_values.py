"""What is wrong with a value that a model refuses, as a message: pydantic's own words are English."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from messages import Message, known


def explain(error: ValidationError, prefix: tuple[str, ...] = ()) -> tuple[str, Message]:
    """(path, reason) of the first error, the count of further ones in the reason."""
    found = error.errors(include_url=False, include_input=False)
    path = ".".join(str(part) for part in (*prefix, *found[0]["loc"])) or "."
    first = reason(found[0]["type"], found[0]["msg"], found[0].get("ctx", {}))
    if len(found) == 1:
        return path, first
    return path, Message("refused.and_more", first=first, more=len(found) - 1)


def reason(kind: str, said: str, context: dict[str, Any]) -> Message:
    """The message for one of pydantic's kinds of errors; what it says itself where there is none."""
    if not known(f"refused.{kind}"):
        return Message("refused.other", said=said)
    parameters = {name: str(value).replace(" or ", ", ") for name, value in context.items()}
    return Message(f"refused.{kind}", **parameters)
