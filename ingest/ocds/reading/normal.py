"""Releases in one form before they are read: characters no table holds left out, versioned releases compiled."""

from __future__ import annotations

from typing import Any

from records.texts import FORBIDDEN, without

Json = dict[str, Any]
_MARK = frozenset({"releaseID", "releaseDate", "value"})
"""What each entry of a field's history has in a versioned release."""


def without_control_characters(release: Json) -> tuple[Json, list[tuple[str, Any]]]:
    """The release without characters no table holds, and (path, text) of where they stood; itself if there are none.

    The standard allows any character.
    """
    odd: list[tuple[str, Any]] = []
    made = _cleaned(release, "", odd)
    return (made, odd) if odd else (release, odd)


def _cleaned(value: Any, path: str, odd: list[tuple[str, Any]]) -> Any:
    if isinstance(value, str):
        if not FORBIDDEN.search(value):
            return value
        odd.append((path.lstrip("."), value))
        return without(value)
    if isinstance(value, dict):
        return {
            _cleaned(name, path, odd): _cleaned(child, f"{path}.{name}", odd) for name, child in value.items()
        }
    if isinstance(value, list):
        return [_cleaned(child, f"{path}[{index}]", odd) for index, child in enumerate(value)]
    return value


# ── versioned releases ───────────────────────────────────────────────────────
# https://standard.open-contracting.org/1.1/en/schema/records_reference/#versioned-release


def is_versioned(release: Json) -> bool:
    """Whether a release is a versioned one: it has no date and no tag of its own, but fields with a history."""
    return "date" not in release and "tag" not in release and _holds_history(release)


def _is_history(value: Any) -> bool:
    """Whether a value is the list of what one field was."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and one.keys() >= _MARK for one in value)
    )


def _holds_history(value: Any) -> bool:
    if _is_history(value):
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds_history(one) for one in inner)


def compiled(release: Json) -> Json:
    """The compiled release of a versioned one: the last value of each field, dated as the newest of them."""
    dates: list[str] = []
    last = {name: _last(value, dates) for name, value in release.items()}
    return {**last, "tag": ["compiled"], **({"date": max(dates)} if dates else {})}


def _last(value: Any, dates: list[str]) -> Any:
    if _is_history(value):
        dates += [str(one["releaseDate"]) for one in value if one["releaseDate"]]
        return max(value, key=lambda one: str(one["releaseDate"] or ""))["value"]
    if isinstance(value, dict):
        return {name: _last(one, dates) for name, one in value.items()}
    return [_last(one, dates) for one in value] if isinstance(value, list) else value
