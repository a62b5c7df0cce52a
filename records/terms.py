"""Usual values of free fields (行业, 评标办法, 质量, 系数, remarks), in both languages: one table for every page and screen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

TERMS: Mapping[str, tuple[str, str]] = {
    text: (zh, en)
    for text, (zh, en) in json.loads(Path(__file__).with_name("terms.json").read_text("utf-8")).items()
}
"""Value as records have it → its Chinese and its English."""


def term(text: str, lang: str) -> str:
    """A usual value in the reader's language; any other as it was written."""
    pair = TERMS.get(text)
    return text if pair is None else pair[0 if lang == "zh" else 1]
