"""Stages below each other, each a bar of four parts: on time, near its day, late, without a planned day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from dashboard.charts.axis import wide
from dashboard.charts.bars import GAP, NAMES, STEP
from dashboard.charts.chart import NUMBER, PICK, TEXT, WHOLE, Chart, chart, columns, told, tooltips
from dashboard.charts.theme import DATA, NO_PADDING, palette, template

PARTS = ("good", "near", "late", "unplanned")
KEY = 26
"""Pixels of the key below."""


@dataclass(frozen=True)
class Stage:
    """One stage: how many are in it, how many of them on time, near their day, late and without one, in words, what a click picks."""

    name: str
    figure: str
    note: str
    good: int
    near: int
    late: int
    unplanned: int
    key: str | None = None


_COLUMNS = columns(
    place=WHOLE,
    name=TEXT,
    figure=TEXT,
    note=TEXT,
    good=NUMBER,
    near=NUMBER,
    late=NUMBER,
    unplanned=NUMBER,
    key=TEXT,
)


def stages(variant: str, found: Sequence[Stage], words: Sequence[str], *, title: str) -> Chart:
    """The stages in the order given; `words` names the four parts."""
    longest = max((one.good + one.near + one.late + one.unplanned for one in found), default=0) or 1
    room = min(max(NAMES[0], *(wide(one.name) for one in found)), NAMES[1]) if found else NAMES[0]
    figures = max((wide(one.figure) for one in found), default=0.0) + GAP
    rows = [vars(one) | {"place": n} for n, one in enumerate(found)]
    shown = told((one.name, one.figure, one.note) for one in found)
    return chart(
        _template(variant, tuple(words)), _COLUMNS, rows, title, shown, STEP * max(len(found), 1) + KEY,
        names=[one.name for one in found], longest=longest, room=room, figures=figures,
    )  # fmt: skip


@template
def _template(variant: str, words: tuple[str, ...]) -> alt.LayerChart | alt.FacetChart:
    own = palette(variant)
    y = alt.Y("place:O", scale=alt.Scale(paddingInner=0.4, paddingOuter=0.2), axis=alt.Axis(
        labelExpr="names[datum.value]", labelLimit=alt.ExprRef("room"), labelColor=own.ink, labelAlign="left",
        labelPadding=alt.ExprRef("room + 8"), minExtent=alt.ExprRef("room + 8"), maxExtent=alt.ExprRef("room + 8")))  # fmt: skip
    x = alt.X("n:Q", axis=None, stack="zero", scale=alt.Scale(
        domain=[0, alt.ExprRef("longest")], range=[0, alt.ExprRef("width - figures")], nice=False))  # fmt: skip
    labels = (
        "{"
        + ",".join(f"{part!r}:{word!r}" for part, word in zip(PARTS, words, strict=True))
        + "}[datum.value]"
    )
    colours = alt.Color("part:N", scale=alt.Scale(domain=list(PARTS), range=[own.series[1], own.series[3], own.series[4], own.muted]),
        legend=alt.Legend(direction="horizontal", orient="bottom", labelExpr=labels, offset=4))  # fmt: skip
    hover = alt.selection_point("hover", on="pointerover", clear="pointerout", fields=["place"], empty=False)
    pick = alt.selection_point(PICK, on="click", clear=False, toggle="false", fields=["key"])
    tips = tooltips(note="note")
    base = alt.Chart(DATA).encode(y=y)
    order = f"indexof({list(PARTS)}, datum.part)"
    return alt.layer(
        base.transform_fold(list(PARTS), as_=["part", "n"]).transform_calculate(order=order).mark_bar().encode(
            x=x, color=colours, order="order:Q"),
        base.mark_text(align="right", fontWeight=600).encode(x=alt.value(alt.ExprRef("width")), text="figure:N"),
        base.mark_rect(color=own.series[0], cursor="pointer", height={"band": 1.6}).encode(
            x=alt.value(0), x2=alt.value(alt.ExprRef("width")), tooltip=tips,
            opacity=alt.condition(hover, alt.value(0.06), alt.value(0))).add_params(hover, pick),
    ).properties(padding=NO_PADDING, width="container")  # fmt: skip
