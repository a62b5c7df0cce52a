"""A chart that is ready to be drawn: its specification, the few rows it shows, and what it says in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pyarrow as pa

from dashboard.charts.theme import Spec
from messages import Message

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
class Told:
    """What a chart shows, as a table in the reader's words: every figure with its unit."""

    rows: Sequence[Sequence[str]]
    heads: tuple[str | Message, ...] = ()
    """What the columns are called; none where the cells say by themselves what they are."""

    @property
    def said(self) -> str:
        """The rows in words, one after the other."""
        named = [head if isinstance(head, str) else "" for head in self.heads]
        return "; ".join(" ".join(" ".join(f"{head} {cell}" for head, cell in zip(named, row, strict=False)).split()) for row in self.rows)  # fmt: skip


def told(rows: Iterable[Sequence[str]]) -> Told:
    """A table of names, figures and notes; a column that is empty throughout is left out."""
    held = [tuple(row) for row in rows]
    used = [n for n in range(max(map(len, held), default=0)) if any(row[n].strip() for row in held)]
    return Told([[row[n] for n in used] for row in held], tuple(_HEADS[n] for n in used))


_HEADS = (Message("chart.name"), Message("chart.figure"), Message("chart.note"))


@dataclass(frozen=True)
class Chart:
    """A Vega-Lite spec without data, the rows, its title, and all it shows as a table in the reader's words.

    `height` is in pixels, and fixed: what comes below never moves when the chart is drawn.
    """

    spec: Spec
    rows: pa.Table
    title: str
    told: Told
    height: int

    @property
    def said(self) -> str:
        """All it shows in words."""
        return self.told.said


def tooltips(figure: str = "figure", note: str = "") -> list[alt.Tooltip]:
    """What a mark that is pointed at tells: its name above, and the columns of its figure, with its unit, and of its note."""
    lines = [alt.Tooltip("name:N", title=HEADING), alt.Tooltip(f"{figure}:N", title=UNNAMED)]
    return [*lines, alt.Tooltip(f"{note}:N", title=UNNAMED_TOO)] if note else lines


def chart(
    template: Spec, schema: pa.Schema, rows: Sequence[Row], title: str, told: Told, height: int, **values: Any
) -> Chart:
    """A template with data: `rows` in the columns of `schema`, `values` for its parameters (axis ends, labels)."""
    given = [{"name": name, "value": value} for name, value in values.items()]
    spec = {**template, "height": height, "params": [*given, *template.get("params", [])]}
    table = pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)
    return Chart(spec, table, title, told, height)
