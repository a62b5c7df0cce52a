"""Every figure M01–M52 is declared once and says in every language what it is."""

from __future__ import annotations

import pytest

import messages
from supervision.figures.dictionary import FIGURES
from supervision.figures.figure import DIMENSIONS, Derived, LensFigure

NUMBERS = [f"M{n:02}" for n in range(1, 53)]


def test_the_whole_dictionary_is_declared() -> None:
    assert [number for number in NUMBERS if number not in FIGURES] == []
    assert "M04b" in FIGURES


@pytest.mark.parametrize("lang", messages.languages())
@pytest.mark.parametrize("figure", FIGURES.values(), ids=list(FIGURES))
def test_a_figure_has_name_unit_and_definition(figure: object, lang: str) -> None:
    words = [getattr(figure, part).text(lang) for part in ("name", "unit", "definition")]
    assert all(words) and not any(word.startswith("figure.") for word in words)


def test_a_dimension_knows_its_tables() -> None:
    tables = {one.rows.table for one in FIGURES.values() if isinstance(one, LensFigure)}
    assert tables == {table for by in DIMENSIONS.values() for table in by}
    assert all(part.id in FIGURES for one in FIGURES.values() if isinstance(one, Derived) for part in one.of)
