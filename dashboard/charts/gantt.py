"""A gantt chart: what each of some rooms is doing over the hours of a day, and where the day stands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from dashboard.charts.axis import wide
from dashboard.charts.chart import HEADING, NUMBER, PICK, TEXT, UNNAMED, WHOLE, Chart, chart, columns, told
from dashboard.charts.theme import DATA, NO_PADDING, palette, template

STEP = 24
ABOVE, BELOW = 20, 26
"""Pixels for the hours and for the legend."""
NAME, MOST_NAME = 150, 230
"""Pixels of the rooms' names: at least, at most."""
SHORTEST = 0.06
"""Hours a bar is long at least, so that it can be seen and hit."""
KINDS = ("preparing", "planned", "done", "used", "live")
"""Kinds of bars, the later drawn over the earlier."""


@dataclass(frozen=True)
class Span:
    """A bar: from and until in hours of the day, one of KINDS, what a pointer is told, what a click picks."""

    row: int
    start: float
    end: float
    kind: str
    title: str
    key: str | None = None


_COLUMNS = columns(
    row=WHOLE, start=NUMBER, end=NUMBER, kind=TEXT, order=WHOLE, room=TEXT, title=TEXT, key=TEXT
)


def gantt(
    variant: str, rooms: Sequence[str], busy: Sequence[int], spans: Sequence[Span], hours: tuple[int, int], now: float,
    words: Mapping[str, str], *, title: str,
) -> Chart:  # fmt: skip
    """Rooms below each other; those in `busy` in bold. The axis runs over `hours`, `now` is a line in the sun colour;
    `words` names every kind."""
    rows = [
        {
            **vars(span),
            "end": max(span.end, span.start + SHORTEST),
            "order": KINDS.index(span.kind),
            "room": rooms[span.row],
        }
        for span in sorted(spans, key=lambda span: KINDS.index(span.kind))
    ]
    first, last = hours
    figures = told((rooms[span.row], span.title) for span in spans)
    return chart(
        _template(variant, tuple(words[kind] for kind in KINDS), _name_width(rooms)), _COLUMNS, rows, title, figures,
        ABOVE + STEP * len(rooms) + BELOW, rooms=list(rooms), busy=list(busy), first=first, last=last, now=now,
        step=1 if last - first <= 12 else 2,
    )  # fmt: skip


def _name_width(rooms: Sequence[str]) -> int:
    """Pixels that hold the longest name, in steps of ten so that few templates are made."""
    longest = max((wide(room) for room in rooms), default=0)
    return min(max(NAME, math.ceil(longest / 10) * 10), MOST_NAME)


@template
def _template(variant: str, words: tuple[str, ...], names: int) -> alt.LayerChart | alt.FacetChart:
    own = palette(variant)
    y = alt.Y("row:O", scale=alt.Scale(paddingInner=0.375, paddingOuter=0.19), axis=alt.Axis(
        labelExpr="rooms[datum.value]", labelLimit=names, labelAlign="left", labelPadding=names + 8, minExtent=names + 8, maxExtent=names + 8,
        labelColor=alt.condition("indexof(busy, datum.value) >= 0", alt.value(own.ink), alt.value(own.muted)),
        labelFontWeight=alt.condition("indexof(busy, datum.value) >= 0", alt.value(600), alt.value(400))))  # fmt: skip
    x = alt.X("start:Q", scale=alt.Scale(domain=[alt.ExprRef("first"), alt.ExprRef("last")], nice=False, clamp=True), axis=alt.Axis(
        orient="top", grid=True, values=alt.ExprRef("sequence(first, last + 1, step)"), labelExpr="format(datum.value, '02')", labelPadding=4))  # fmt: skip
    colours = alt.Color("kind:N", scale=alt.Scale(domain=list(KINDS), range=_colours(variant)), legend=alt.Legend(
        symbolStrokeWidth=0, labelExpr="{" + ",".join(f"{k!r}:{w!r}" for k, w in zip(KINDS, words, strict=True)) + "}[datum.value]", columns=5, offset=8))  # fmt: skip
    hover = alt.selection_point(
        "hover", on="pointerover", clear="pointerout", fields=["row", "start", "kind"], empty=False
    )
    pick = alt.selection_point(PICK, on="click", clear=False, toggle="false", fields=["key"])
    tips = [alt.Tooltip("room:N", title=HEADING), alt.Tooltip("title:N", title=UNNAMED)]
    bars = alt.Chart(DATA).mark_bar(cornerRadius=3, stroke=own.ink).encode(
        x=x, x2="end:Q", y=y, color=colours, tooltip=tips, order="order:O",
        strokeWidth=alt.condition(hover, alt.value(1), alt.value(0)),
    ).add_params(hover, pick)  # fmt: skip
    line = alt.Chart(DATA).transform_aggregate(n="count()").mark_rule(color=own.sun, strokeWidth=2)
    return alt.layer(bars, line.encode(x=alt.XDatum(alt.ExprRef("now"), type="quantitative"))).properties(
        padding=NO_PADDING, width="container"
    )


def _colours(variant: str) -> list[str]:
    own = palette(variant)
    return [own.sequence[0], own.sequence[1], own.done, own.series[3], own.series[0]]
