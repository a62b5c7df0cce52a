"""Texts of an OCDS release that the ledger cannot hold: the standard allows any character, no table does."""

from __future__ import annotations

from typing import Any

from records.texts import FORBIDDEN, without

REASON = "文字中的控制字符已略去 / control characters in a text were left out: no table can hold them"


def cleaned(release: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    """The release without such characters, and (path, text) of where they stood; the same object if there are none."""
    odd: list[tuple[str, Any]] = []
    made = _clean(release, "", odd)
    return (made, odd) if odd else (release, odd)


def _clean(value: Any, path: str, odd: list[tuple[str, Any]]) -> Any:
    if isinstance(value, str):
        if not FORBIDDEN.search(value):
            return value
        odd.append((path.lstrip("."), value))
        return without(value)
    if isinstance(value, dict):
        return {
            _clean(name, path, odd): _clean(child, f"{path}.{name}", odd) for name, child in value.items()
        }
    if isinstance(value, list):
        return [_clean(child, f"{path}[{index}]", odd) for index, child in enumerate(value)]
    return value
