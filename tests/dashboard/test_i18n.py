"""Words: both languages hold every key, every text asked for exists."""

from __future__ import annotations

import re
import string
from pathlib import Path

from dashboard import i18n

ROOT = Path(__file__).parents[2]
SOURCES = [*ROOT.glob("dashboard/*.py"), *ROOT.glob("dashboard/components/*.py"), *ROOT.glob("pages/*.py")]
ASKED = re.compile(r'(?:say|text)\(\s*"([a-z_0-9]+\.[a-z_0-9-]+)"')


def test_both_languages_have_every_text_with_the_same_gaps() -> None:
    for key, texts in i18n.words().items():
        assert set(texts) == {"zh", "en"} and texts["zh"], key
        gaps = [
            {field for _, field, _, _ in string.Formatter().parse(texts[lang]) if field}
            for lang in ("zh", "en")
        ]
        assert gaps[0] == gaps[1], key


def test_chinese_texts_are_chinese() -> None:
    allowed = {"common.other_language"}
    for key, texts in i18n.words().items():
        if key not in allowed:
            assert not re.search(
                r"[A-Za-z]{4,}", re.sub(r"\{\w+\}|Excel|room add|sunbid scan|--set", "", texts["zh"])
            ), key


def test_every_text_asked_for_exists() -> None:
    asked = {key for source in SOURCES for key in ASKED.findall(source.read_text(encoding="utf-8"))}
    assert len(asked) > 100
    assert asked - set(i18n.words()) == set()
