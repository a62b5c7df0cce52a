"""One report as one HTML file: its sections, their pictures as SVG and their tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import messages
from dashboard.charts.chart import Chart
from evidence.files import write_whole
from messages import language_of_environment, local
from records.clock import now, written
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
