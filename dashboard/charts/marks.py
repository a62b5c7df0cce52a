"""Drawings of experts' marks: the heat map of who marks whom higher, and the marks of one session bid by bid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from dashboard.charts.drawing import svg, text
from supervision.figures import formats as figures

_CELL, _LEFT, _HIGH = (34, 24), 72, 26
"""Pixels of a cell, of the names before it and of the heading: twelve cells stand in half a page without shrinking."""
_WIDTH, _LINE = 640, 28
"""Pixels of the dot plot and of its rows."""
_PLOT = (120, 470)
"""Where its axis begins and ends."""
_STEPS = (0.5, 1.0, 2.0)
"""Points from which a cell of the heat map is darker."""


@dataclass(frozen=True)
class BidMarks:
    """One bid: its sign, the expert's points, the others', their mean, the usual spread, the deviation."""

    sign: str
    points: float
    others: Sequence[float]
    mean: float
    usual: float
    deviation: float
    chosen: bool


def heat(
    experts: Sequence[str], bidders: Sequence[str], cells: Sequence[Mapping[str, Any]], label: str
) -> str:
    """A row an expert, a column a bidder: points above the panel orange, below blue; framed where past the gate."""
    wide, high = _CELL
    heads = "".join(text(_LEFT + (n + 0.5) * wide, 18, name) for n, name in enumerate(bidders))
    names = "".join(
        text(_LEFT - 8, _HIGH + n * high + 17, name, anchor="end") for n, name in enumerate(experts)
    )
    return svg(_LEFT + len(bidders) * wide + 4, _HIGH + len(experts) * high + 4, label, heads + names + "".join(_cell(cell, experts, bidders) for cell in cells))  # fmt: skip


def _cell(cell: Mapping[str, Any], experts: Sequence[str], bidders: Sequence[str]) -> str:
    wide, high = _CELL
    x, y, points = _LEFT + cell["bidder"] * wide, _HIGH + cell["expert"] * high, cell["points"]
    if cell.get("few"):
        return text(x + wide / 2, y + 17, "·", "muted")
    step = sum(abs(points) >= least for least in _STEPS)
    kind = f"{'high' if points > 0 else 'low'}{step}{' listed' if cell['listed'] else ''}"
    shown = figures.signed(points, 1)
    words = text(x + wide / 2, y + 17, shown, f"on-{kind.split()[0]}")
    said = f"{experts[cell['expert']]} · {bidders[cell['bidder']]} {shown} ({cell['sessions']})"
    return f'<g><title>{escape(said)}</title><rect class="{kind}" x="{x + 1}" y="{y + 1}" width="{wide - 3}" height="{high - 3}"/>{words}</g>'


def session(bids: Sequence[BidMarks], heads: tuple[str, str], label: str) -> str:
    """Bids by the others' mean: the others' marks hollow, their mean a line in its usual spread, this expert's filled."""
    marks = [mark for bid in bids for mark in (bid.points, *bid.others)]
    low, high = min(marks) - 0.6, max(marks) + 0.6

    def at(points: float) -> float:
        return _PLOT[0] + (_PLOT[1] - _PLOT[0]) * (points - low) / (high - low)

    rows = "".join(_bid(bid, 34 + n * _LINE, at) for n, bid in enumerate(bids))
    bottom = 34 + len(bids) * _LINE
    ticks = "".join(text(at(tick), bottom + 8, f"{tick:g}", "muted") for tick in _ticks(low, high))
    columns = text(535, 14, heads[0], "muted") + text(595, 14, heads[1], "muted")
    return svg(_WIDTH, bottom + 14, label, rows + ticks + columns)


def _ticks(low: float, high: float) -> list[int]:
    step = max(1, round((high - low) / 6))
    return [tick for tick in range(int(low), int(high) + 1) if tick >= low and tick % step == 0]


def _bid(bid: BidMarks, y: float, at: Any) -> str:
    line = f'<line class="axis" x1="{_PLOT[0]}" y1="{y}" x2="{_PLOT[1]}" y2="{y}"/>'
    band = f'<rect class="band" x="{at(bid.mean - bid.usual):.1f}" y="{y - 8}" width="{at(bid.usual) - at(-bid.usual):.1f}" height="16"/>'
    rings = "".join(f'<circle class="bid" cx="{at(points):.1f}" cy="{y}" r="5"/>' for points in bid.others)
    mean = f'<line class="mean" x1="{at(bid.mean):.1f}" y1="{y - 9}" x2="{at(bid.mean):.1f}" y2="{y + 9}"/>'
    mine = f'<circle class="{"key" if bid.chosen else "self"}" cx="{at(bid.points):.1f}" cy="{y}" r="6"><title>{bid.points:g}</title></circle>'
    ratio = abs(bid.deviation) / bid.usual if bid.usual else 0.0
    words = (
        text(_PLOT[0] - 10, y + 4, bid.sign[:9], anchor="end")
        + text(535, y + 4, figures.signed(bid.deviation))
        + text(595, y + 4, f"{ratio:.1f}")
    )
    return line + band + rings + mean + mine + words  # fmt: skip
