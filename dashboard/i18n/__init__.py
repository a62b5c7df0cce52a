"""Words of the screens: one JSON file an area, every key with its Chinese and its English side by side."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

LANGUAGES = ("zh", "en")
FOLDER = Path(__file__).parent


@cache
def words() -> dict[str, dict[str, str]]:
    """All texts, `area.key` → language → text. Raises ValueError if a key lacks a language."""
    table: dict[str, dict[str, str]] = {}
    for file in sorted(FOLDER.glob("*.json")):
        for key, texts in json.loads(file.read_text(encoding="utf-8")).items():
            if set(texts) != set(LANGUAGES):
                raise ValueError(f"{file.name}: {key} 缺少语言 / needs exactly {', '.join(LANGUAGES)}")
            table[f"{file.stem}.{key}"] = texts
    return table


def text(key: str, lang: str, **values: object) -> str:
    """The text of `key` in `lang` with its `{names}` filled in. Raises KeyError for an unknown key."""
    found = words()[key][lang]
    return found.format(**values) if values else found
