"""Two charts of cells: a heat map of two dimensions in three classes, and strips that show where values of some things lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from dashboard.charts.axis import wide
from dashboard.charts.chart import NUMBER, PICK, TEXT, WHOLE, Chart, chart, columns, told, tooltips
from dashboard.charts.theme import DATA, NO_PADDING, palette, template

LINE = 24
"""Pixels of a row."""
ABOVE, BELOW = 22, 26
"""Pixels of the names of columns, and of the key or the axis below."""
NAMES = (72.0, 168.0)
"""Pixels for the names of rows, least and most."""


def _room(names: Sequence[str]) -> float:
    return min(max(NAMES[0], *(wide(name) for name in names)), NAMES[1]) if names else NAMES[0]


def _rows_axis(own_ink: str) -> alt.Axis:
    """Names of rows, as wide as `room` says."""
    return alt.Axis(
        labelExpr="names[datum.value]", labelLimit=alt.ExprRef("room"), labelColor=own_ink, labelAlign="left",
        labelPadding=alt.ExprRef("room + 8"), minExtent=alt.ExprRef("room + 8"), maxExtent=alt.ExprRef("room + 8"),
    )  # fmt: skip


# ── heat map ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Cell:
    """One cell: where it is, its class (0: too little to say), what is said of it and what a click picks."""

    row: int
    column: int
    step: int
    figure: str
    note: str = ""
    key: str | None = None


_CELLS = columns(row=WHOLE, column=WHOLE, step=WHOLE, name=TEXT, figure=TEXT, told=TEXT, note=TEXT, key=TEXT)


def heat(
    variant: str, rows: Sequence[str], heads: Sequence[str], cells: Sequence[Cell], classes: Sequence[str], *, title: str,
    measure: str = "",
) -> Chart:  # fmt: skip
    """Rows by columns, each cell in the colour of its class; `classes` words the classes from 1 on, as the key below, `measure`
    names what the figures are."""
    held = [
        {
            **vars(cell),
            "told": f"{measure} {cell.figure}".strip(),
            "name": f"{rows[cell.row]} · {heads[cell.column]}",
        }
        for cell in cells
    ]
    figures = told((one["name"], one["told"], one["note"]) for one in held)
    return chart(
        _heat(variant, len(classes)), _CELLS, held, title, figures, ABOVE + LINE * len(rows) + BELOW, names=list(rows),
        heads=list(heads), classes=["", *classes], room=_room(rows), across=len(heads),
    )  # fmt: skip


@template
def _heat(variant: str, classes: int) -> alt.LayerChart | alt.FacetChart:
    own = palette(variant)
    steps = list(range(1, classes + 1))
    shades = [own.sequence[0], own.sequence[2], own.sequence[4]][:classes]
    x = alt.X("column:O", scale=alt.Scale(domain=alt.ExprRef("sequence(across)"), paddingInner=0.06, paddingOuter=0.0), axis=alt.Axis(
        orient="top", labelAngle=0, labelPadding=6, labelExpr="heads[datum.value]",
        labelLimit=alt.ExprRef("width / across + 8")))  # fmt: skip
    y = alt.Y("row:O", scale=alt.Scale(paddingInner=0.1, paddingOuter=0.0), axis=_rows_axis(own.ink))
    colours = alt.Color("step:O", scale=alt.Scale(domain=steps, range=shades), legend=alt.Legend(
        direction="horizontal", orient="bottom", values=steps, labelExpr="classes[datum.value]", offset=6, symbolStrokeWidth=0))  # fmt: skip
    hover = alt.selection_point(
        "hover", on="pointerover", clear="pointerout", fields=["row", "column"], empty=False
    )
    pick = alt.selection_point(PICK, on="click", clear=False, toggle="false", fields=["key"])
    tips = tooltips("told", "note")
    cells = alt.Chart(DATA).mark_rect(cornerRadius=2, cursor="pointer").encode(
        x=x, y=y, tooltip=tips, color=alt.condition("datum.step > 0", colours, alt.value(own.line)),
        stroke=alt.value(own.ink), strokeWidth=alt.condition(hover, alt.value(1.5), alt.value(0)),
    ).add_params(hover, pick)  # fmt: skip
    words = alt.Chart(DATA).mark_text().encode(
        x=x, y=y, text="figure:N",
        color=alt.condition(f"datum.step == {classes}", alt.value(own.card), alt.value(own.ink)),
    )  # fmt: skip
    return alt.layer(cells, words).properties(padding=NO_PADDING, width="container")


# ── strips ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Dot:
    """Values that lie together on a strip: where, how many, whether the chosen one is among them."""

    row: int
    value: float
    count: int
    figure: str
    chosen: bool = False


_DOTS = columns(
    row=WHOLE, value=NUMBER, weight=NUMBER, kind=TEXT, name=TEXT, figure=TEXT, note=TEXT, key=TEXT
)


def strips(
    variant: str, rows: Sequence[str], keys: Sequence[str], notes: Sequence[str], dots: Sequence[Dot], *,
    limit: float, title: str,
) -> Chart:  # fmt: skip
    """A line a thing with a tick where each value lies, the chosen one as a dot; `limit` is a line across all of them.

    `notes` say more of each thing, `keys` are what a click on it picks.
    """
    low = min((dot.value for dot in dots), default=limit)
    high = max([limit, *(dot.value for dot in dots)])
    first, last = math.floor((low - 0.5) / 5) * 5, math.ceil((high + 0.5) / 5) * 5
    held = [
        {"row": n, "kind": "row", "name": name, "figure": notes[n], "key": keys[n]}
        for n, name in enumerate(rows)
    ] + [_dot(dot, rows, keys) for dot in dots]
    figures = told((name, note) for name, note in zip(rows, notes, strict=True))
    return chart(
        _strips(variant), _DOTS, held, title, figures, LINE * len(rows) + BELOW, names=list(rows), room=_room(rows),
        first=first, last=last, limit=limit,
    )  # fmt: skip


def _dot(dot: Dot, rows: Sequence[str], keys: Sequence[str]) -> dict[str, object]:
    return {
        "row": dot.row, "value": dot.value, "weight": min(1.0, 0.35 + 0.15 * dot.count), "kind": "chosen" if dot.chosen else "tick",
        "name": rows[dot.row], "figure": dot.figure, "key": keys[dot.row],
    }  # fmt: skip


@template
def _strips(variant: str) -> alt.LayerChart | alt.FacetChart:
    own = palette(variant)
    y = alt.Y("row:O", scale=alt.Scale(paddingInner=0.3, paddingOuter=0.15), axis=_rows_axis(own.ink))
    x = alt.X("value:Q", scale=alt.Scale(domain=[alt.ExprRef("first"), alt.ExprRef("last")], nice=False, zero=False), axis=alt.Axis(
        grid=True, values=alt.ExprRef("sequence(first, last + 1, last - first > 40 ? 10 : 5)"), labelExpr="datum.value + '%'",
        labelPadding=6, tickCount=20))  # fmt: skip
    hover = alt.selection_point("hover", on="pointerover", clear="pointerout", fields=["row"], empty=False)
    pick = alt.selection_point(PICK, on="click", clear=False, toggle="false", fields=["key"])
    tips = tooltips()
    whole = {"x": alt.value(0), "x2": alt.value(alt.ExprRef("width"))}
    at_limit = alt.XDatum(alt.ExprRef("limit"), type="quantitative", scale=alt.Scale(zero=False))
    return alt.layer(
        _of("row").mark_rect(color=own.series[0], cursor="pointer").encode(
            y=y, tooltip=tips, opacity=alt.condition(hover, alt.value(0.08), alt.value(0)), **whole).add_params(hover, pick),
        alt.Chart(DATA).transform_aggregate(n="count()").mark_rule(color=own.ink, strokeWidth=1.5).encode(x=at_limit),
        _of("tick").mark_tick(color=own.series[0], thickness=2, height={"band": 0.9}, cursor="pointer").encode(
            x=x, y=y, tooltip=tips, opacity=alt.Opacity("weight:Q", scale=None)),
        _of("chosen").mark_point(filled=True, opacity=1, size=70, color=own.series[1], stroke=own.card, strokeWidth=1.5).encode(
            x=x, y=y, tooltip=tips),
    ).properties(padding=NO_PADDING, width="container")  # fmt: skip


def _of(kind: str) -> alt.Chart:
    return alt.Chart(DATA).transform_filter(alt.datum.kind == kind)
