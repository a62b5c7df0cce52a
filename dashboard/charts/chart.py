"""A chart that is ready to be drawn: its specification, the few rows it shows, and what it says in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pyarrow as pa

from dashboard.charts.theme import Spec

PICK = "pick"
"""Name of the selection that a click on a mark makes; it holds the mark's `key`."""
HEADING = "title"
"""Title of the tooltip's entry that stands above the others, as vega-tooltip has it."""
UNNAMED, UNNAMED_TOO = " ", "\N{EN SPACE}"
"""Titles of entries that say by themselves what they are; two of one title would be one entry."""
Row = Mapping[str, Any]


def columns(**types: pa.DataType) -> pa.Schema:
    """The columns that the rows of a kind of chart have."""
    return pa.schema(list(types.items()))


TEXT, NUMBER, WHOLE = pa.string(), pa.float64(), pa.int64()


@dataclass(frozen=True)
class Chart:
    """A Vega-Lite spec without data, the rows, its title, and all it shows in words for who does not see it.

    `height` is in pixels, and fixed: what comes below never moves when the chart is drawn.
    """

    spec: Spec
    rows: pa.Table
    title: str
    said: str
    height: int


def spoken(parts: Iterable[str]) -> str:
    """A chart's figures in words, one after the other."""
    return "; ".join(" ".join(part.split()) for part in parts)


def tooltips(figure: str = "", *, note: bool = False) -> list[alt.Tooltip]:
    """What a mark that is pointed at tells: its name above, its figure (`figure`: that one's title), and its note."""
    lines = [alt.Tooltip("name:N", title=HEADING), alt.Tooltip("figure:N", title=figure or UNNAMED)]
    return [*lines, alt.Tooltip("note:N", title=UNNAMED_TOO)] if note else lines


def chart(
    template: Spec, schema: pa.Schema, rows: Sequence[Row], title: str, said: str, height: int, **values: Any
) -> Chart:
    """A template with data: `rows` in the columns of `schema`, `values` for its parameters (axis ends, labels)."""
    given = [{"name": name, "value": value} for name, value in values.items()]
    spec = {**template, "height": height, "params": [*given, *template.get("params", [])]}
    table = pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)
    return Chart(spec, table, title, said, height)
