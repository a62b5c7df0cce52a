"""A map: divisions coloured by a number, lines that flow from the greatest of them to home, and the names of the greatest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from dashboard.charts.chart import NUMBER, PICK, TEXT, WHOLE, Chart, Row, chart, columns, told, tooltips
from dashboard.charts.theme import DATA, NO_PADDING, palette, template
from dashboard.geometry import WIDTH, Division, Outlines

FLOWS, NAMES = 8, 5
"""How many divisions have a line, and how many their name."""
WIDEST, THINNEST = 5.0, 1.0
"""Pixels of a line."""
BEND = 0.16
"""How far a line bends off the straight one, as a part of its length."""
PIECES = 14
EDGES = (0.01, 0.03, 0.1, 0.3)
"""Where the colours change, as parts of the greatest number; below the first, and above the last, is one more each."""
SEA = ("sea", "dashes", "frame")
"""What stands in the frame of the South China Sea."""


@dataclass(frozen=True)
class Area:
    """What is said of a division: how many, in words, and what a click picks."""

    size: float
    figure: str
    note: str = ""
    key: str | None = None


_COLUMNS = columns(
    kind=TEXT, id=TEXT, step=WHOLE, name=TEXT, figure=TEXT, note=TEXT, key=TEXT, line=TEXT, x=NUMBER, y=NUMBER, n=WHOLE, size=NUMBER
)  # fmt: skip


def areas(
    variant: str, outlines: Outlines, address: str, found: Mapping[str, Area], *, title: str, lang: str, height: int,
    home: str = "", chosen: str = "", edge: str = "≥ {}",
) -> Chart:  # fmt: skip
    """The divisions of `outlines`, which browsers load from `address`, in the colour of what `found` says of them.

    `home` is the division that lines flow to, `chosen` one that is framed; `edge` words a class by its lower end.
    """
    ordered = sorted(((id, area) for id, area in found.items() if area.size), key=lambda one: -one[1].size)
    edges = _edges(ordered[0][1].size if ordered else 0.0)
    rows = [_place(one, found.get(id), edges, lang, id == chosen) for id, one in outlines.divisions.items()]
    placed = [
        (outlines.divisions[id], area) for id, area in ordered if id in outlines.divisions and id != home
    ]
    if home in outlines.divisions:
        rows += _flows(placed[:FLOWS], outlines.divisions[home])
    rows += [{"kind": "name", "name": one.name(lang), "x": one.x, "y": one.y} for one, _ in placed[:NAMES]]
    figures = told((one.name(lang), area.figure, area.note) for one, area in placed)
    words = ["", *(edge.format(f"{least:,}") for least in edges)]
    return chart(
        _template(variant, address), _COLUMNS, rows, title, figures, height, tall=outlines.height, edges=words,
    )  # fmt: skip


def _edges(greatest: float) -> list[int]:
    """The least number of each class, rounded to one digit."""
    found = {1}
    for part in EDGES:
        value = greatest * part
        if value >= 1:
            unit = 10 ** math.floor(math.log10(value))
            found.add(int(round(value / unit) * unit))
    return sorted(found)


def _place(one: Division, area: Area | None, edges: Sequence[int], lang: str, chosen: bool) -> Row:
    size = area.size if area else 0.0
    return {
        "kind": "place", "id": one.id, "name": one.name(lang), "x": one.x, "y": one.y, "step": sum(size >= e for e in edges),
        "figure": area.figure if area else "", "note": area.note if area else "", "key": area.key if area else None,
        "n": int(chosen),
    }  # fmt: skip


def _flows(placed: Sequence[tuple[Division, Area]], home: Division) -> list[Row]:
    """A bent line for each, as wide as its number, and a point at home."""
    greatest = placed[0][1].size if placed else 1.0
    rows: list[Row] = [{"kind": "home", "x": home.x, "y": home.y}]
    for one, area in placed:
        wide = max(THINNEST, WIDEST * math.sqrt(area.size / greatest))
        rows += [
            {"kind": "flow", "line": one.id, "n": n, "x": x, "y": y, "size": wide}
            for n, (x, y) in enumerate(_bent(one, home))
        ]
    return rows


def _bent(start: Division, end: Division) -> list[tuple[float, float]]:
    """Points of a curve that bends to one side (a parabola)."""
    across, down = end.x - start.x, end.y - start.y
    middle = ((start.x + end.x) / 2 + down * BEND, (start.y + end.y) / 2 - across * BEND)
    steps = [n / PIECES for n in range(PIECES + 1)]
    return [
        (
            (1 - t) ** 2 * start.x + 2 * t * (1 - t) * middle[0] + t * t * end.x,
            (1 - t) ** 2 * start.y + 2 * t * (1 - t) * middle[1] + t * t * end.y,
        )
        for t in steps
    ]


_SCALE = f"min(width / {WIDTH:g}, height / tall)"
_MIDDLE = f"[(width - {WIDTH:g} * {_SCALE}) / 2, (height - tall * {_SCALE}) / 2]"


@template
def _template(variant: str, address: str) -> alt.LayerChart | alt.FacetChart:
    own = palette(variant)
    outlines = alt.UrlData(address, format=alt.TopoDataFormat(feature="divisions", type="topojson"))
    colours = alt.Color("step:O", scale=alt.Scale(domain=[1, 2, 3, 4, 5], range=list(own.sequence)), legend=alt.Legend(
        direction="horizontal", orient="bottom", values=alt.ExprRef("sequence(1, length(edges))"), labelExpr="edges[datum.value]",
        offset=2, padding=0))  # fmt: skip
    fill = alt.condition("datum.step > 0", colours, alt.value(own.line))
    hover = alt.selection_point("hover", on="pointerover", clear="pointerout", fields=["id"], empty=False)
    pick = alt.selection_point(PICK, on="click", clear=False, toggle="false", fields=["key"])
    tips = tooltips(note="note")
    rows = alt.LookupData(data=DATA, key="id", fields=["step", "name", "figure", "note", "key", "n"])
    beside = f"indexof({list(SEA)}, datum.id) >= 0"
    places = alt.Chart(outlines).transform_filter(f"!({beside})").transform_lookup(
        lookup="id", from_=rows
    ).mark_geoshape(cursor="pointer").encode(
        color=fill, tooltip=tips,
        stroke=alt.condition("datum.n > 0", alt.value(own.ink), alt.value(own.card)),
        strokeWidth=alt.condition(hover, alt.value(2.0), alt.value(0.8)),
    ).add_params(hover, pick)  # fmt: skip
    sea = alt.Chart(outlines).transform_filter(beside)
    return alt.layer(
        places.project(**_plane()),
        sea.mark_geoshape(filled=False, stroke=own.muted, strokeWidth=0.8).project(**_plane()),
        _of("flow").mark_line(interpolate="linear", opacity=0.75, color=own.series[1], strokeCap="round").encode(
            longitude="x:Q", latitude="y:Q", detail="line:N", order="n:Q", strokeWidth=alt.StrokeWidth("size:Q", scale=None)
        ).project(**_plane()),
        _of("home").mark_point(filled=True, opacity=1, size=90, color=own.sun, stroke=own.card, strokeWidth=1.5)
        .encode(longitude="x:Q", latitude="y:Q").project(**_plane()),
        *_names(variant),
    ).properties(padding=NO_PADDING, width="container")  # fmt: skip


def _plane() -> dict[str, Any]:
    """The map's plane, as large as fits and in the middle."""
    return {"type": "identity", "scale": alt.ExprRef(_SCALE), "translate": alt.ExprRef(_MIDDLE)}


def _of(kind: str) -> alt.Chart:
    """The rows of a kind."""
    return alt.Chart(DATA).transform_filter(alt.datum.kind == kind)


def _names(variant: str) -> list[alt.Chart]:
    """Names over a halo of the card's colour, so that they are read on any ground."""
    own, base = palette(variant), _of("name").encode(longitude="x:Q", latitude="y:Q", text="name:N")
    return [
        base.mark_text(stroke=own.card, strokeWidth=3, strokeJoin="round", fontWeight=600).project(
            **_plane()
        ),
        base.mark_text(fontWeight=600).project(**_plane()),
    ]
