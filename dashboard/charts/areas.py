"""Two charts of amounts: a treemap, and points of one amount over another with lines of equal parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from dashboard.charts.axis import ticks, wide
from dashboard.charts.chart import NUMBER, PICK, TEXT, WHOLE, Chart, Row, chart, columns, told, tooltips
from dashboard.charts.drawing import fitted
from dashboard.charts.theme import DATA, NO_PADDING, PADDING, VALUES, palette, template

HEIGHT = 252
NOMINAL = 540.0
"""Pixels a treemap is taken to be wide when it is laid out: what its words are fitted to."""
KEY = 26
"""Pixels of the key below it."""
LINE = 16.0
EDGE = 8.0
"""Pixels of a line of words, and between words and the edge of their tile."""
SHORTEST = 36.0
"""Pixels below which a name is not cut but left out."""

# ── treemap ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Tile:
    """One part: its name, its size, its class (0: none), what is said of it and what a click picks."""

    name: str
    size: float
    step: int
    figure: str
    note: str = ""
    key: str | None = None


Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
_TILES = columns(
    place=WHOLE, name=TEXT, figure=TEXT, note=TEXT, step=WHOLE, words=TEXT, key=TEXT, x=NUMBER, x2=NUMBER, y=NUMBER, y2=NUMBER
)  # fmt: skip


def treemap(
    variant: str, tiles: Sequence[Tile], classes: Sequence[str], *, title: str, height: int = HEIGHT
) -> Chart:
    """Tiles whose areas are their sizes, the greatest first; `classes` words the classes from 1 on, as the key below."""
    shown = sorted((tile for tile in tiles if tile.size > 0), key=lambda tile: -tile.size)
    plot = height - KEY
    boxes = squarified([tile.size for tile in shown], (0.0, 0.0, NOMINAL, float(plot)))
    rows = [_tile(n, tile, box, plot) for n, (tile, box) in enumerate(zip(shown, boxes, strict=True))]
    figures = told((tile.name, tile.figure, tile.note) for tile in shown)
    return chart(
        _treemap(variant, len(classes)), _TILES, rows, title, figures, height, classes=["", *classes]
    )


def _tile(place: int, tile: Tile, box: Box, height: int) -> Row:
    left, top, right, bottom = box
    return {
        "place": place, "name": tile.name, "figure": tile.figure, "note": tile.note, "step": tile.step, "key": tile.key,
        "words": _fitting([tile.name, tile.figure, tile.note], right - left - EDGE, bottom - top - EDGE),
        "x": left / NOMINAL, "x2": right / NOMINAL, "y": top / height, "y2": bottom / height,
    }  # fmt: skip


def _fitting(words: Sequence[str], across: float, down: float) -> str:
    """As many of the lines as there is room for. A name that is too long is cut where enough of it is left to know it
    by; figures are never cut, and what does not fit stands in the tooltip."""
    name, *others = words
    if down < LINE or (wide(name) > across and across < SHORTEST):
        return ""
    lines = [fitted(name, across)]
    for word in others:
        if wide(word) > across or (len(lines) + 1) * LINE > down:
            break
        lines.append(word)
    return "\n".join(lines)


def squarified(sizes: Sequence[float], box: Box) -> list[Box]:
    """Boxes within `box` whose areas are as the sizes, which fall, and which are as near to squares as can be (Bruls,
    Huizing and van Wijk, Squarified Treemaps, 2000)."""
    left, top, right, bottom = box
    found: list[Box] = []
    rest = list(sizes)
    while rest:
        across, down = right - left, bottom - top
        scale = across * down / sum(rest)
        short = min(across, down)
        count = _best(rest, scale, short)
        thick = sum(rest[:count]) * scale / short
        at = 0.0
        for size in rest[:count]:
            long = size * scale / thick
            found.append(
                (left, top + at, left + thick, top + at + long) if across >= down
                else (left + at, top, left + at + long, top + thick)
            )  # fmt: skip
            at += long
        left, top = (left + thick, top) if across >= down else (left, top + thick)
        rest = rest[count:]
    return found


def _best(sizes: Sequence[float], scale: float, short: float) -> int:
    """How many of the first sizes make the row whose worst tile is nearest to a square."""
    best, count = float("inf"), 1
    for n in range(1, len(sizes) + 1):
        whole = sum(sizes[:n]) * scale
        greatest, least = sizes[0] * scale, sizes[n - 1] * scale
        worst = max(short**2 * greatest / whole**2, whole**2 / (short**2 * least))
        if worst > best:
            break
        best, count = worst, n
    return count


@template
def _treemap(variant: str, classes: int) -> alt.LayerChart | alt.FacetChart:
    own = palette(variant)
    steps = list(range(1, classes + 1))
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[1, 0], nice=False))
    colours = alt.Color("step:O", scale=alt.Scale(domain=steps, range=list(own.sequence[:classes])), legend=alt.Legend(
        direction="horizontal", orient="bottom", values=steps, labelExpr="classes[datum.value]", offset=4))  # fmt: skip
    hover = alt.selection_point("hover", on="pointerover", clear="pointerout", fields=["place"], empty=False)
    pick = alt.selection_point(PICK, on="click", clear=False, toggle="false", fields=["key"])
    tips = tooltips(note="note")
    base = alt.Chart(DATA)
    tiles = base.mark_rect(cursor="pointer", cornerRadius=2).encode(
        x=x, x2="x2:Q", y=y, y2="y2:Q", tooltip=tips,
        color=alt.condition("datum.step > 0", colours, alt.value(own.line)),
        stroke=alt.condition(hover, alt.value(own.ink), alt.value(own.card)), strokeWidth=alt.value(2),
    ).add_params(hover, pick)  # fmt: skip
    words = base.mark_text(align="left", baseline="top", dx=6, dy=6, lineBreak="\n", lineHeight=LINE).encode(
        x=x,
        y=y,
        text="words:N",
        color=alt.condition("datum.step > 3", alt.value(own.card), alt.value(own.ink)),
    )
    return alt.layer(tiles, words).properties(padding=NO_PADDING, width="container")


# ── one amount over another ──────────────────────────────────────────────────

NAME, NAME_ACROSS, BELOW = 9, 160.0, 48
"""Pixels by which a name stands above or below its point, that a name takes at most, and below the plot."""


@dataclass(frozen=True)
class Point:
    """One thing: both amounts, what it is called and what is said of it, what a click picks, whether its name is shown."""

    x: float
    y: float
    name: str
    figure: str
    key: str
    named: bool = False


_POINTS = columns(
    kind=TEXT, x=NUMBER, y=NUMBER, x2=NUMBER, y2=NUMBER, name=TEXT, figure=TEXT, key=TEXT, above=NUMBER
)


def against(
    variant: str, points: Sequence[Point], parts: Sequence[tuple[float, str]], *, title: str, below: str, beside: str = "",
    height: int = HEIGHT,
) -> Chart:  # fmt: skip
    """Points of y over x; a line from nought for each part (0.9: y is nine tenths of x) with its name; `below` says what x is, under its
    axis, `beside` what y is, at the head of its."""
    across = ticks([*(point.x for point in points), 0.0], floor=0.0)
    down = ticks([*(point.y for point in points), *(point.x for point in points)], floor=0.0)
    right = across[-1]
    shares = [point.y / point.x for point in points if point.named and point.x > 0]
    middle = sum(shares) / max(len(shares), 1)
    named = _apart(points, right, down[-1], middle, height)
    rows: list[Row] = [{"kind": "line", "x": 0, "y": 0, "x2": right, "y2": right * part} for part, _ in parts]
    rows += [{"kind": "part", "x": right, "y": right * part, "name": word} for part, word in parts]
    rows.append({"kind": "below", "x": right / 2, "y": 0, "name": below})
    rows.append({"kind": "beside", "x": 0, "y": down[-1], "name": beside})
    rows += [
        {
            "kind": "named" if point in named else "point",
            **{k: getattr(point, k) for k in ("x", "y", "name", "figure", "key")},
            "above": int(point.x > 0 and point.y / point.x > middle),
        }
        for point in points
    ]
    figures = told((point.name, point.figure) for point in points)
    return chart(
        _against(variant),
        _POINTS,
        rows,
        title,
        figures,
        height,
        ticks=down,
        across=across,
        right=right,
    )


def _apart(points: Sequence[Point], right: float, top: float, middle: float, height: int) -> list[Point]:
    """The points whose names can stand beside each other: of two that would meet, the one further from the middle."""
    kept: list[tuple[float, float, Point]] = []
    shares = [(point, point.y / point.x) for point in points if point.named and point.x > 0]
    for point, share in sorted(shares, key=lambda one: -abs(one[1] - middle)):
        x = NOMINAL * point.x / right
        y = (height - BELOW) * (1 - point.y / top) + (-NAME if share > middle else NAME)
        if all(abs(x - at) > NAME_ACROSS or abs(y - level) > LINE for at, level, _ in kept):
            kept.append((x, y, point))
    return [point for *_, point in kept]


@template
def _against(variant: str) -> alt.LayerChart | alt.FacetChart:
    own = palette(variant)
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, alt.ExprRef("right")], nice=False), axis=alt.Axis(
        values=alt.ExprRef("across"), grid=False, labelExpr="format(datum.value, ',')", tickCount=20))  # fmt: skip
    y = alt.Y("y:Q", scale=alt.Scale(domain=[0, alt.ExprRef("peek(ticks)")], nice=False), axis=VALUES)
    hover = alt.selection_point("hover", on="pointerover", clear="pointerout", fields=["key"], empty=False)
    pick = alt.selection_point(PICK, on="click", clear=False, toggle="false", fields=["key"])
    tips = tooltips()
    dots = _of("point", "named").mark_point(filled=True, cursor="pointer", color=own.series[0]).encode(
        x=x, y=y, tooltip=tips, size=alt.condition("datum.kind == 'named'", alt.value(90), alt.value(36)),
        opacity=alt.condition(hover, alt.value(1), alt.value(0.5)), stroke=alt.condition("datum.kind == 'named'", alt.value(own.ink), alt.value(own.card)),
        strokeWidth=alt.condition("datum.kind == 'named'", alt.value(1.5), alt.value(0.5)),
    ).add_params(hover, pick)  # fmt: skip
    return alt.layer(
        _of("line").mark_rule(color=own.muted, strokeDash=[3, 4]).encode(x=x, y=y, x2="x2:Q", y2="y2:Q"),
        _of("part").mark_text(align="left", dx=6, color=own.muted).encode(x=x, y=y, text="name:N"),
        _of("below").mark_text(baseline="top", dy=30, color=own.muted).encode(x=x, y=y, text="name:N"),
        _of("beside").mark_text(align="left", baseline="top", dx=6, dy=4, color=own.muted).encode(x=x, y=y, text="name:N"),
        dots,
        *_names(x, y),
    ).properties(padding={**PADDING, "right": 30}, width="container")  # fmt: skip


def _names(x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Names beside their points, on the side where there is room; the greater share's above, the lesser's below, lest they meet."""
    sides = (("datum.x > right * 0.4", "right", -10), ("datum.x <= right * 0.4", "left", 10))
    return [
        _of("named").transform_filter(f"{side} && datum.above == {above}")
        .mark_text(align=align, dx=dx, dy=-NAME if above else NAME, fontWeight=600, limit=150).encode(x=x, y=y, text="name:N")  # type: ignore[arg-type]
        for side, align, dx in sides for above in (1, 0)
    ]  # fmt: skip


def _of(*kinds: str) -> alt.Chart:
    return alt.Chart(DATA).transform_filter(alt.FieldOneOfPredicate(field="kind", oneOf=list(kinds)))
