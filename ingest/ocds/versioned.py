"""Versioned releases of OCDS records: every field a list of the values it had; read as the last of each.

https://standard.open-contracting.org/1.1/en/schema/records_reference/#versioned-release
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
_MARK = frozenset({"releaseID", "releaseDate", "value"})


def _is_history(value: Any) -> bool:
    """Whether a value is the list of what one field was."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and one.keys() >= _MARK for one in value)
    )


def is_versioned(release: Json) -> bool:
    """Whether a release is a versioned one: it has no date and no tag of its own, but fields with a history."""
    return "date" not in release and "tag" not in release and _holds_history(release)


def _holds_history(value: Any) -> bool:
    if _is_history(value):
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds_history(one) for one in inner)


def compiled(release: Json) -> Json:
    """The compiled release of a versioned one, dated as the newest of its values."""
    dates: list[str] = []
    told = {name: _last(value, dates) for name, value in release.items()}
    return {**told, "tag": ["compiled"], **({"date": max(dates)} if dates else {})}


def _last(value: Any, dates: list[str]) -> Any:
    if _is_history(value):
        dates += [str(one["releaseDate"]) for one in value if one["releaseDate"]]
        return max(value, key=lambda one: str(one["releaseDate"] or ""))["value"]
    if isinstance(value, dict):
        return {name: _last(one, dates) for name, one in value.items()}
    return [_last(one, dates) for one in value] if isinstance(value, list) else value
