"""One report as one HTML file: its sections, their pictures as SVG and their tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import messages
from dashboard.charts.bars import Bar, columns, ranking
from dashboard.charts.chart import Chart
from dashboard.charts.theme import DAY
from evidence.files import write_whole
from messages import language_of_environment, local
from records.clock import now, written
from supervision.figures.formats import significant
from web import tokens

WIDTH = 920
"""Pixels a picture is wide."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, and whether it holds figures, which stand to the right."""

    name: str
    figures: bool = False


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it: words, a picture, a table."""

    heading: str
    words: str = ""
    picture: Chart | None = None
    columns: Sequence[Column] = ()
    rows: Sequence[Sequence[object]] = ()
    left_out: int = 0
    """Rows that the table has not, for it would be too long."""


@dataclass(frozen=True)
class Report:
    """What a command found: `source` is what it read, `facts` are the few figures at the top as (name, value)."""

    title: str
    source: str
    facts: Sequence[tuple[str, str]] = ()
    sections: Sequence[Section] = field(default_factory=tuple)


def save(report: Report, path: Path) -> None:
    """Write the report; a file of that name is replaced whole. Raises OSError where it cannot be written."""
    lang = language_of_environment()
    page = _template().render(
        report=report, lang=messages.say("site.language.tag", lang), say=local, picture=_svg, tokens=Markup(tokens.variables()),
        made=written(now(), "%Y-%m-%d %H:%M:%S"),
    )  # fmt: skip
    write_whole(path, page.encode())


def _svg(chart: Chart) -> Markup:
    """The chart drawn; its words for readers who do not see it stand beside it in the page."""
    spec: dict[str, Any] = {
        **chart.spec, "width": WIDTH, "datasets": {"source": chart.rows.to_pylist()},
    }  # fmt: skip
    return Markup(vl_convert.vegalite_to_svg(spec, show_warnings=False))


@cache
def _template() -> Any:
    folder = FileSystemLoader(Path(__file__).parent)
    made = Environment(
        loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return made.get_template("report.html")


# ── pictures that several reports have ───────────────────────────────────────

CLASSES = 10
"""Columns of a histogram."""
MOST = 20
"""Bars of a ranking."""


def spread(
    values: Iterable[float], title: str, unit: str, ends: tuple[float, float] | None = None
) -> Chart | None:
    """A histogram of the values that are numbers, between `ends` or the least and the greatest; None without any."""
    numbers = np.array([value for value in values if np.isfinite(value)], dtype=float)
    if not len(numbers):
        return None
    counts, edges = np.histogram(numbers, CLASSES, ends)
    bars = [
        Bar(f"{significant(low)} … {significant(high)}", float(count), f"{count:,}")
        for count, low, high in zip(counts, edges, edges[1:], strict=False)
    ]
    return columns(DAY, bars, title=title, unit=unit)


def most(found: Sequence[tuple[str, float, str]], title: str) -> Chart | None:
    """A ranking of (name, value, value in words), as ordered, cut after twenty; None without any."""
    bars = [Bar(name, max(value, 0.0), said) for name, value, said in found[:MOST]]
    return ranking(DAY, bars, title=title, name_width=260) if bars else None
