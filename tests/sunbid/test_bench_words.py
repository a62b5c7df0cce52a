"""What a benchmark prints is in the one language of who runs it."""

from __future__ import annotations

import re

import pytest

from benchmarks.scan import _say_flags
from messages.catalogue import LANGUAGES, table

FOUND = {"flags_seconds": 1.5, "coverage_seconds": None, "releases": 1000, "mb": 2.0}


@pytest.mark.parametrize(("locale", "chinese"), [("zh_CN.UTF-8", True), ("en_US.UTF-8", False)])
def test_a_benchmark_speaks_one_language(
    locale: str, chinese: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    _say_flags(FOUND)
    said = capsys.readouterr().out
    assert bool(re.search("[一-龥]", said)) is chinese and "1.50 s" in said and "1,000" in said
    assert ("releases" in said) is not chinese


def test_both_languages_say_the_same_figures() -> None:
    said = [{key: set(re.findall(r"\{\w+\}", words)) for key, words in table(lang).items() if key.startswith("bench.said.")} for lang in LANGUAGES]  # fmt: skip
    assert said[0] == said[1] and said[0]
