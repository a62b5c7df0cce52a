"""The one look of all charts: colours from the tokens by day and by night; fonts, axes and grid as an Altair theme."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import altair as alt

from web import tokens

FONT = "Noto Sans CJK SC, PingFang SC, Microsoft YaHei, sans-serif"
DAY, NIGHT = "day", "night"
"""The two variants: on white cards and on navy cards. The wall draws for itself (components/kiosk-charts.js)."""
LABEL = 12
"""Pixels of the words on a chart."""

DATA = alt.NamedData("source")
"""Where Streamlit puts the rows of a chart."""
PADDING = {"left": 0, "top": 4, "right": 4, "bottom": 4}
VALUES = alt.Axis(values=alt.ExprRef("ticks"), tickCount=20, grid=True, labelExpr="format(datum.value, ',')")
"""The axis of values: a grid line at each of `ticks`, numbers with thousands apart."""
NO_PADDING = dict.fromkeys(PADDING, 0)

Spec = dict[str, Any]
"""A Vega-Lite specification as `to_dict()` makes it, without data."""


@dataclass(frozen=True)
class Palette:
    """Colours by what they are for; see the tokens of the same names."""

    card: str
    line: str
    ink: str
    muted: str
    sun: str
    done: str
    """What is over."""
    series: tuple[str, ...]
    """Series in their order."""
    sequence: tuple[str, ...]
    """Little to much."""


@cache
def palette(variant: str) -> Palette:
    """The colours of a variant, from the tokens."""
    colour = partial(tokens.colour, night=variant != DAY)
    return Palette(
        card=colour("card"), line=colour("line"), ink=colour("ink"), muted=colour("muted"), sun=colour("sun"),
        done=colour("done"), series=tuple(colour(f"s{n}") for n in range(1, 7)),
        sequence=tuple(colour(f"seq{n}") for n in range(1, 6)),
    )  # fmt: skip


def config(variant: str) -> Any:
    """What Vega-Lite calls config: type, axes, grid and marks of a variant."""
    own, label = palette(variant), LABEL
    words = {"labelFont": FONT, "labelFontSize": label, "labelColor": own.muted, "labelFontWeight": 400}
    return {
        "config": {
            "background": "transparent",
            "font": FONT,
            "aria": False,
            "mark": {"aria": False},
            "autosize": {"type": "fit", "contains": "padding"},
            "view": {"stroke": None},
            "axis": {
                "aria": False,
                **words, "title": None, "domain": False, "ticks": False, "gridColor": own.line,
                "labelPadding": 8, "labelOverlap": False, "labelFlush": False,
            },
            "axisX": {"grid": False, "labelPadding": 12},
            "legend": {"aria": False, **words, "title": None, "symbolType": "square", "symbolSize": 140, "orient": "bottom"},
            "text": {"font": FONT, "fontSize": label, "color": own.ink},
            "line": {"strokeWidth": 2, "strokeJoin": "round"},
            "rule": {"color": own.line},
            "range": {"category": list(own.series), "ordinal": list(own.sequence), "heatmap": list(own.sequence)},
            "bar": {"color": own.series[0], "cornerRadius": 2},
        }
    }  # fmt: skip


for _variant in (DAY, NIGHT):
    alt.theme.register(f"sunbid-{_variant}", enable=False)(partial(config, _variant))

_building = threading.Lock()
"""Altair has one theme at a time for the whole process: whoever builds a spec holds it."""


def template(build: Callable[..., alt.LayerChart | alt.FacetChart]) -> Callable[..., Spec]:
    """A function that builds an Altair chart of a shape becomes one that returns its spec, built once a variant and shape.

    The spec has no data and is never to be changed: charts put their data beside it (`dashboard.charts.chart`).
    """

    @cache
    def built(variant: str, *shape: Hashable) -> Spec:
        with _building, alt.theme.enable(f"sunbid-{variant}"):
            return build(variant, *shape).to_dict()

    return built
