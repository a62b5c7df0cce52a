"""Bars: a ranking with figures beside the bars, upright columns with their values on top, a histogram, a spark line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from dashboard.charts.axis import ticks, wide
from dashboard.charts.chart import NUMBER, PICK, TEXT, WHOLE, Chart, Told, chart, told, tooltips
from dashboard.charts.chart import columns as columns_of
from dashboard.charts.theme import DATA, NO_PADDING, PADDING, VALUES, palette, template

STEP = 24
"""Pixels from one bar of a ranking to the next."""
GAP = 8.0
"""Pixels between words that stand beside each other."""
COLUMNS = 228
NAMES = (72.0, 104.0)
"""Pixels for the names of a ranking, least and most."""
CARD = 640.0
"""Pixels that columns have at least: what their labels are fitted to."""


@dataclass(frozen=True)
class Bar:
    """One bar: `size` is how long it is, `figure` what is said of it, `note` what else; `key` is what a click picks."""

    name: str
    size: float
    figure: str
    note: str = ""
    key: str | None = None


_BAR = columns_of(
    place=WHOLE, name=TEXT, size=NUMBER, whole=NUMBER, figure=TEXT, note=TEXT, key=TEXT, told=TEXT, more=TEXT
)


Units = tuple[str, str]
"""What the figures and the notes of bars count, where they do not say so themselves."""


def _worded(bars: Sequence[Bar], units: Units) -> list[dict[str, str]]:
    """Each bar's figure and note with their units, as a pointer is told."""
    return [{"told": f"{bar.figure} {units[0]}".strip(), "more": f"{bar.note} {units[1]}".strip() if bar.note else ""} for bar in bars]  # fmt: skip


def _told(bars: Sequence[Bar], units: Units) -> Told:
    words = zip(bars, _worded(bars, units), strict=True)
    return told((bar.name, said["told"], said["more"]) for bar, said in words)


def ranking(
    variant: str,
    bars: Sequence[Bar],
    *,
    title: str,
    name_width: float | None = None,
    longest: float = 0.0,
    units: Units = ("", ""),
) -> Chart:
    """Bars below each other in the order given, on a track as long as the longest (`longest`: of a ranking that goes on in
    another chart); names are cut to `name_width` pixels, by default to what the longest needs within bounds."""
    if name_width is None:
        name_width = min(max(NAMES[0], *(wide(bar.name) for bar in bars)), NAMES[1]) if bars else NAMES[0]
    longest = longest or max((bar.size for bar in bars), default=0.0) or 1.0
    words = _worded(bars, units)
    rows = [vars(bar) | words[n] | {"place": n, "whole": longest} for n, bar in enumerate(bars)]
    figures = max((wide(bar.figure) for bar in bars), default=0.0) + GAP
    notes = max((wide(bar.note) for bar in bars), default=0.0)
    noted = notes + 2 * GAP if notes else 0.0
    spec = _ranking(variant, any(bar.key for bar in bars))
    return chart(
        spec, _BAR, rows, title, _told(bars, units), STEP * max(len(bars), 1), names=[bar.name for bar in bars], longest=longest,
        name_width=name_width, figures=figures, noted=noted,
    )  # fmt: skip


@template
def _ranking(variant: str, clickable: bool) -> alt.LayerChart | alt.FacetChart:
    own = palette(variant)
    y = alt.Y(
        "place:O", axis=alt.Axis(
            labelExpr="names[datum.value]", labelLimit=alt.ExprRef("name_width"), labelColor=own.ink, labelAlign="left",
            labelPadding=alt.ExprRef("name_width + 8"), minExtent=alt.ExprRef("name_width + 8"), maxExtent=alt.ExprRef("name_width + 8"),
        ), scale=alt.Scale(paddingInner=0.5, paddingOuter=0.25),
    )  # fmt: skip
    x = alt.X("size:Q", axis=None, scale=alt.Scale(
        domain=[0, alt.ExprRef("longest")], range=[0, alt.ExprRef("width - figures - noted")], nice=False))  # fmt: skip
    tips = tooltips("told", "more")
    hover = alt.selection_point("hover", on="pointerover", clear="pointerout", fields=["place"], empty=False)
    pick = alt.selection_point(PICK, on="click", clear=False, toggle="false", fields=["key"])
    base = alt.Chart(DATA).encode(y=y)
    beside = alt.value(alt.ExprRef("width - noted"))
    return alt.layer(
        base.mark_bar(color=own.sequence[0], height={"band": 1}).encode(x=alt.X("whole:Q", axis=None)),
        base.mark_bar(height={"band": 1}).encode(x=x),
        base.mark_text(align="right", fontWeight=600).encode(x=beside, text="figure:N"),
        base.mark_text(align="right", color=own.muted).encode(x=alt.value(alt.ExprRef("width")), text="note:N"),
        base.mark_rect(color=own.series[0], cursor="pointer" if clickable else "default", height={"band": 2})
        .encode(x=alt.value(0), x2=alt.value(alt.ExprRef("width")), tooltip=tips, opacity=alt.condition(hover, alt.value(0.06), alt.value(0)))
        .add_params(hover, pick),
    ).properties(padding=NO_PADDING, width="container")  # fmt: skip


def columns(variant: str, bars: Sequence[Bar], *, title: str, unit: str, height: int = COLUMNS) -> Chart:
    """Upright bars, each with its figure on top and its name below: things side by side, or the classes of a histogram.

    Names that do not fit side by side stand in two lines, turn by turn, and are cut where that is not enough.
    """
    marks = ticks([*(bar.size for bar in bars), 0.0], floor=0.0)
    room = CARD / max(len(bars), 1)
    lanes = 2 if any(wide(bar.name) > room - GAP for bar in bars) else 1
    words = _worded(bars, (unit, ""))
    rows = [vars(bar) | words[n] | {"place": n} for n, bar in enumerate(bars)]
    spec = _columns(variant, any(bar.key for bar in bars))
    return chart(
        spec,
        _BAR,
        rows,
        title,
        _told(bars, (unit, "")),
        height,
        names=[bar.name for bar in bars],
        ticks=marks,
        lanes=lanes,
        widest=max((wide(bar.name) for bar in bars), default=0.0),
    )


_LANES = f"(lanes == 2 || widest > width / length(names) - {GAP:g} ? 2 : 1)"
"""In how many lines the names stand in the present width."""


@template
def _columns(variant: str, clickable: bool) -> alt.LayerChart | alt.FacetChart:
    own = palette(variant)
    x = alt.X(
        "place:O", scale=alt.Scale(paddingInner=0.3, paddingOuter=0.15), axis=alt.Axis(
            labelAngle=0, labelPadding=8, labelLimit=alt.ExprRef(f"{_LANES} * width / length(names) - {GAP:g}"),
            labelExpr=f"{_LANES} == 2 && datum.value % 2 ? ['', names[datum.value]] : names[datum.value]"),
    )  # fmt: skip
    y = alt.Y("size:Q", scale=alt.Scale(domain=[0, alt.ExprRef("peek(ticks)")], nice=False),
              axis=VALUES)  # fmt: skip
    hover = alt.selection_point("hover", on="pointerover", clear="pointerout", fields=["place"], empty=False)
    pick = alt.selection_point(PICK, on="click", clear=False, toggle="false", fields=["key"])
    tips = tooltips("told")
    base = alt.Chart(DATA).encode(x=x)
    return alt.layer(
        base.mark_bar().encode(y=y),
        base.mark_text(dy=-7, fontWeight=600).encode(y=y, text="figure:N"),
        base.mark_rect(color=own.series[0], cursor="pointer" if clickable else "default")
        .encode(y=alt.value(0), y2=alt.value(alt.ExprRef("height")), tooltip=tips, opacity=alt.condition(hover, alt.value(0.08), alt.value(0)))
        .add_params(hover, pick),
    ).properties(padding=PADDING, width="container")  # fmt: skip


_CLASS = columns_of(
    place=WHOLE, start=NUMBER, end=NUMBER, name=TEXT, size=NUMBER, figure=TEXT, told=TEXT, key=TEXT
)


def histogram(
    variant: str,
    bars: Sequence[Bar],
    edges: Sequence[float],
    *,
    title: str,
    unit: str,
    below: str,
    height: int = COLUMNS,
) -> Chart:
    """Classes of a number over a logarithmic axis, each from its edge up to the next; one edge more than bars, all above 0.
    `below` is what the number counts, at the axis' end."""
    marks = ticks([*(bar.size for bar in bars), 0.0], floor=0.0)
    words = _worded(bars, (unit, ""))
    rows = [
        vars(bar) | words[n] | {"place": n, "start": edges[n], "end": edges[n + 1]}
        for n, bar in enumerate(bars)
    ]
    spec = _histogram(variant)
    first, last = edges[0], edges[-1]
    return chart(
        spec,
        _CLASS,
        rows,
        title,
        _told(bars, (unit, "")),
        height,
        ticks=marks,
        edges=list(edges),
        first=first,
        last=last,
        below=below,
    )


@template
def _histogram(variant: str) -> alt.LayerChart | alt.FacetChart:
    own = palette(variant)
    scale = alt.Scale(type="log", domain=[alt.ExprRef("first"), alt.ExprRef("last")], nice=False)
    x = alt.X("start:Q", scale=scale, axis=alt.Axis(
        values=alt.ExprRef("edges"), labelExpr="datum.value == last ? below : format(datum.value, ',')", labelAngle=0, ticks=True,
        tickSize=4, tickColor=own.muted, labelPadding=4))  # fmt: skip
    y = alt.Y("size:Q", scale=alt.Scale(domain=[0, alt.ExprRef("peek(ticks)")], nice=False), axis=VALUES)
    hover = alt.selection_point("hover", on="pointerover", clear="pointerout", fields=["place"], empty=False)
    pick = alt.selection_point(PICK, on="click", clear=False, toggle="false", fields=["key"])
    tips = tooltips("told")
    base = alt.Chart(DATA)
    middle = alt.X("middle:Q", scale=scale)
    return alt.layer(
        base.mark_bar(stroke=own.card, strokeWidth=1.5, binSpacing=0).encode(x=x, x2="end:Q", y=y, y2=alt.Y2Datum(0)),
        base.transform_calculate(middle="sqrt(datum.start * datum.end)").mark_text(dy=-7, fontWeight=600)
        .encode(x=middle, y=y, text="figure:N"),
        base.mark_rect(color=own.series[0], cursor="pointer").encode(
            x=x, x2="end:Q", y=alt.value(0), y2=alt.value(alt.ExprRef("height")), tooltip=tips,
            opacity=alt.condition(hover, alt.value(0.08), alt.value(0))).add_params(hover, pick),
    ).properties(padding=PADDING, width="container")  # fmt: skip


SPARK_HEIGHT = 28
_SPARK = columns_of(x=WHOLE, y=NUMBER, kind=TEXT, name=TEXT, figure=TEXT)


def spark(
    variant: str, title: str, values: Sequence[float | None], names: Sequence[str], figures: Sequence[str]
) -> Chart | None:
    """A line as small as a word with its last point marked; nothing without at least two values."""
    known = [n for n, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return None
    rows = [
        {"x": n, "y": value, "kind": "last" if n == known[-1] else "", "name": names[n], "figure": figures[n]}
        for n, value in enumerate(values)
    ]
    ends = told((names[n], figures[n]) for n in (known[0], known[-1]))
    drawn = [value for value in values if value is not None]
    return chart(
        _spark(variant),
        _SPARK,
        rows,
        title,
        ends,
        SPARK_HEIGHT,
        low=min(drawn),
        high=max(drawn),
        last=len(values) - 1,
    )


@template
def _spark(variant: str) -> alt.LayerChart | alt.FacetChart:
    own = palette(variant)
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, alt.ExprRef("last")], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[alt.ExprRef("low"), alt.ExprRef("high")], nice=False))
    hover = alt.selection_point(
        "hover", on="pointerover", clear="pointerout", nearest=True, fields=["x"], empty=False
    )
    tips = tooltips()
    base = alt.Chart(DATA).encode(x=x, y=y)
    return alt.layer(
        base.mark_line(strokeWidth=1.5, invalid="break-paths-show-domains"),
        base.mark_point(filled=True, color=own.series[0], size=40, opacity=1).transform_filter("datum.kind == 'last'"),
        base.mark_point(filled=True, color=own.series[0], size=40).encode(
            opacity=alt.condition(hover, alt.value(1), alt.value(0)), tooltip=tips).add_params(hover),
    ).properties(padding=PADDING, width="container")  # fmt: skip
