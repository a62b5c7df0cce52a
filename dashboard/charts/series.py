"""Series over time: lines with their names and last values at their ends, a labelled reference line, the gap between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from dashboard.charts.axis import ticks, wide
from dashboard.charts.chart import HEADING, NUMBER, PICK, TEXT, UNNAMED, Chart, Row, Told, chart, columns
from dashboard.charts.theme import DATA, PADDING, VALUES, palette, template
from messages import Message

HEIGHT = 228
ABOVE, BELOW = 12, 34
"""Pixels of a chart's height that are not the plot's: half a line of text, and the labels of the axis."""
LINE_OF_TEXT = 18.0
LABEL_GAP = 10.0
"""Pixels between two labels of the axis."""
GAP_ROOM = 36.0
"""Pixels that must be free between two ends for the gap between them to be named."""


@dataclass(frozen=True)
class Points:
    """The points of a chart over time."""

    names: Sequence[str]
    """Each in full, as a tooltip says it: 2026-05, or 2026."""
    labels: Sequence[str]
    """What stands below the axis; empty for no label."""
    keys: Sequence[str]
    """What a click on a point picks."""


@dataclass(frozen=True)
class Series:
    """One line. None in `values` is a gap."""

    name: str
    values: Sequence[float | None]
    shown: Sequence[str]
    """Each value as a tooltip says it, with its unit."""
    end: str
    """What stands at its end: its name with the last value."""
    accent: bool = False
    """Whether its last point wears the sun colour."""
    fill: bool = False


_COLUMNS = columns(
    kind=TEXT, x=NUMBER, x2=NUMBER, y=NUMBER, y2=NUMBER, series=TEXT, name=TEXT, key=TEXT, text=TEXT,
    **{f"shown{n}": TEXT for n in range(4)},
)  # fmt: skip


def lines(
    variant: str,
    points: Points,
    series: Sequence[Series],
    *,
    title: str,
    reference: tuple[float, str] | None = None,
    gap: str = "",
    floor: float | None = None,
    height: int = HEIGHT,
) -> Chart:
    """Lines over `points`, at most four; `reference` is a dashed line with its name, `gap` names how far the ends of
    the first two are apart. The axis encloses all values and `floor`."""
    every = [v for one in series for v in one.values] + ([reference[0]] if reference else [])
    marks = ticks(every, floor=floor)
    plot = _Plot(marks[0], marks[-1], height - ABOVE - BELOW)
    last = len(points.names) - 1
    ends = _ends(series, reference, plot, last)
    rows = [*_points(points, series), *_values(series), *ends]
    if gap:
        rows += _gap(ends, plot, gap)
    spec = _template(variant, tuple(one.name for one in series))
    figures = _told(points, series, reference)
    named = [n for n, label in enumerate(points.labels) if label]
    return chart(
        spec, _COLUMNS, rows, title, figures, height, last=last, ticks=marks, labels=list(points.labels),
        every=named[-1] - named[-2] if len(named) > 1 else 1, room=max(map(wide, points.labels[1:]), default=0) + LABEL_GAP,
    )  # fmt: skip


@dataclass(frozen=True)
class _Plot:
    """The value at the lower and at the upper edge of a plot, and how many pixels lie between."""

    least: float
    greatest: float
    pixels: float

    def above(self, value: float, pixels: float) -> float:
        """The value that stands so many pixels above another."""
        return value + pixels * (self.greatest - self.least) / self.pixels


def _told(points: Points, series: Sequence[Series], reference: tuple[float, str] | None) -> Told:
    """A row a point, a column a series; the reference line last."""
    rows = [[name, *(one.shown[n] for one in series)] for n, name in enumerate(points.names)]
    rows += [[reference[1]]] if reference else []
    return Told(rows, (Message("chart.time"), *(one.name for one in series)))


def _points(points: Points, series: Sequence[Series]) -> list[Row]:
    """A row a point: the strip of the plot that answers to the pointer."""
    last = len(points.names) - 1
    return [
        {"kind": "point", "x": max(n - 0.5, 0), "x2": min(n + 0.5, last), "name": name, "key": key}
        | {f"shown{k}": one.shown[n] for k, one in enumerate(series)}
        for n, (name, key) in enumerate(zip(points.names, points.keys, strict=True))
    ]


def _values(series: Sequence[Series]) -> list[Row]:
    return [
        {"kind": "filled" if one.fill else "value", "x": n, "y": value, "series": str(k), "key": None}
        for k, one in enumerate(series)
        for n, value in enumerate(one.values)
    ]


def _ends(series: Sequence[Series], reference: tuple[float, str] | None, plot: _Plot, last: int) -> list[Row]:
    """The last points, the reference line, and their names beside them, moved apart so that none covers another."""
    ends = [(one.values[last], str(k), one) for k, one in enumerate(series) if one.values[last] is not None]
    rows: list[Row] = [
        {"kind": "end", "x": last, "y": y, "series": "sun" if one.accent else k} for y, k, one in ends
    ]
    names = [(y, one.end, "strong") for y, _, one in ends if one.end]
    if reference:
        rows.append({"kind": "reference", "y": reference[0]})
        names.append((*reference, "plain"))
    return rows + _apart(names, plot)


def _apart(names: Sequence[tuple[float | None, str, str]], plot: _Plot) -> list[Row]:
    rows: list[Row] = []
    ceiling = plot.greatest
    for value, text, weight in sorted(names, key=lambda one: -(one[0] or 0.0)):
        y = min(value or 0.0, ceiling)
        rows.append({"kind": weight, "y": y, "text": text})
        ceiling = plot.above(y, -LINE_OF_TEXT)
    return rows


def _gap(ends: Sequence[Row], plot: _Plot, words: str) -> list[Row]:
    """The span between the ends of two series, below the names that stand within, where it is long enough for its own."""
    values = sorted(row["y"] for row in ends if row["kind"] == "end")
    if len(values) != 2:
        return []
    low, high = values
    names = [row["y"] for row in ends if row["kind"] in ("strong", "plain") and low < row["y"] <= high]
    top, bottom = plot.above(min([high, *names]), -LINE_OF_TEXT), plot.above(low, LINE_OF_TEXT)
    if plot.above(bottom, GAP_ROOM) > top:
        return []
    return [{"kind": "gap", "y": top, "y2": bottom, "text": words}]


@template
def _template(variant: str, names: tuple[str, ...]) -> alt.LayerChart | alt.FacetChart:
    own = palette(variant)
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[0, alt.ExprRef("last")], nice=False),
        axis=_axis_below(own.ink, own.muted),
    )
    y = alt.Y("y:Q", scale=alt.Scale(domain=[alt.ExprRef("ticks[0]"), alt.ExprRef("peek(ticks)")], nice=False),
              axis=VALUES)  # fmt: skip
    colours = alt.Color("series:N", legend=None, scale=alt.Scale(
        domain=["0", "1", "2", "3", "sun"], range=[*own.series[:4], own.sun]))  # fmt: skip
    hover = alt.selection_point("hover", on="pointerover", clear="pointerout", fields=["key"], empty=False)
    pick = alt.selection_point(PICK, on="click", clear=False, toggle="false", fields=["key"])
    tips = [
        alt.Tooltip("name:N", title=HEADING),
        *(alt.Tooltip(f"shown{n}:N", title=name or UNNAMED) for n, name in enumerate(names)),
    ]
    strips = _of("point").mark_rect(cursor="pointer", color=own.series[0]).encode(
        x=x, x2="x2:Q", opacity=alt.condition(hover, alt.value(0.08), alt.value(0)), tooltip=tips,
    ).add_params(hover, pick)  # fmt: skip
    lines_ = (
        _of("value", "filled").mark_line(invalid="break-paths-show-domains").encode(x=x, y=y, color=colours)
    )
    area = (
        _of("filled")
        .mark_area(opacity=0.07, tooltip=None)
        .encode(x=x, y=y, y2=alt.Y2Datum(alt.ExprRef("ticks[0]")), color=colours)
    )
    return alt.layer(
        _of("reference").mark_rule(color=own.muted, strokeDash=[4, 4], strokeWidth=1.5).encode(y=y),
        area,
        lines_,
        _of("end").mark_point(filled=True, opacity=1, size=90, stroke=own.card, strokeWidth=2).encode(x=x, y=y, color=colours),
        *_names(variant, y),
        *_bracket(variant, y),
        strips,
    ).properties(padding=PADDING, width="container")  # fmt: skip


def _of(*kinds: str) -> alt.Chart:
    """The rows of some kinds."""
    return alt.Chart(DATA).transform_filter(alt.FieldOneOfPredicate(field="kind", oneOf=list(kinds)))


def _axis_below(ink: str, muted: str) -> alt.Axis:
    """The labels that `labels` names, the last of them in ink; counted from it, only so many as have room in the present width."""
    return alt.Axis(
        grid=False, values=alt.ExprRef("sequence(0, last + 1)"),
        labelExpr="(last - datum.value) % (every * max(1, ceil(room * last / (every * width)))) ? '' : labels[datum.value]",
        labelColor=alt.condition("datum.value == last", alt.value(ink), alt.value(muted)),
        labelFontWeight=alt.condition("datum.value == last", alt.value(600), alt.value(400)),
    )  # fmt: skip


def _names(variant: str, y: alt.Y) -> list[alt.Chart]:
    own = palette(variant)
    return [
        _of(kind).mark_text(align="left", dx=12, baseline="middle", fontWeight=weight, color=colour)  # type: ignore[arg-type]
        .encode(x=alt.value(alt.ExprRef("width")), y=y, text="text:N")
        for kind, weight, colour in (("strong", 600, own.ink), ("plain", 400, own.muted))
    ]  # fmt: skip


def _bracket(variant: str, y: alt.Y) -> list[alt.Chart]:
    own = palette(variant)
    at = alt.value(alt.ExprRef("width + 20"))
    span = _of("gap").encode(x=at, y=y)
    return [
        span.mark_rule(color=own.muted).encode(y2="y2:Q"),
        span.mark_tick(color=own.muted, orient="horizontal", size=8, thickness=1),
        span.mark_tick(color=own.muted, orient="horizontal", size=8, thickness=1).encode(y=alt.Y("y2:Q")),
        span.mark_text(align="left", dx=10, lineBreak="\n", lineHeight=16, color=own.muted)
        .transform_calculate(middle="(datum.y + datum.y2) / 2").encode(y=alt.Y("middle:Q"), text="text:N"),
    ]  # fmt: skip
