"""Charts as inline SVG: coloured by the theme's variables, labelled directly, nothing to load and cheap to refresh."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashboard.shell.html import esc

Values = Sequence[float | None]


@dataclass(frozen=True)
class Line:
    """One line: its label stands at its end; `mark` is the colour of the end point."""

    label: str
    values: Values
    colour: str = "var(--s1)"
    mark: str = ""
    fill: bool = False


@dataclass(frozen=True)
class Plot:
    """Size of a plot in user units, with the room its labels need."""

    width: int = 760
    height: int = 236
    left: int = 44
    right: int = 124
    top: int = 14
    bottom: int = 32

    def x(self, index: int, count: int) -> float:
        """Where the index-th of `count` points stands."""
        return self.left + (self.width - self.left - self.right) * (index / max(count - 1, 1))

    def y(self, value: float, low: float, high: float) -> float:
        """Where a value stands between the axis' ends."""
        return (
            self.height - self.bottom - (self.height - self.top - self.bottom) * (value - low) / (high - low)
        )


def axis(values: Values, steps: int = 5, floor: float | None = None) -> list[float]:
    """Round tick values that enclose all values; at least two, apart."""
    known = [v for v in values if v is not None] or [0.0]
    low, high = min(known), max(known)
    if floor is not None:
        low = min(low, floor)
    if high - low < 1e-9:
        high = low + (abs(low) if abs(low) > 1e-6 else 1.0)
    raw = (high - low) / steps
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= raw * 0.999)
    first = math.floor(low / step)
    count = math.ceil(high / step - 1e-9) - first
    return [round((first + i) * step, 10) for i in range(max(count, 1) + 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:g}"


def _room_for(ticks: Sequence[float], plot: Plot) -> Plot:
    """The plot with a left margin that its widest tick label fits in."""
    widest = max(len(_number(tick)) for tick in ticks)
    return replace(plot, left=max(plot.left, 14 + 7 * widest))


def _path(values: Values, plot: Plot, low: float, high: float) -> str:
    parts: list[str] = []
    pen_up = True
    for i, value in enumerate(values):
        if value is None:
            pen_up = True
            continue
        parts.append(f"{'M' if pen_up else 'L'}{plot.x(i, len(values)):.1f} {plot.y(value, low, high):.1f}")
        pen_up = False
    return "".join(parts)


def lines(
    labels: Sequence[str],
    drawn: Sequence[Line],
    *,
    alt: str,
    reference: tuple[float, str] | None = None,
    bracket: str = "",
    titles: Sequence[str] = (),
    plot: Plot | None = None,
    floor: float | None = None,
) -> str:
    """Lines over labelled points with direct labels at their ends and one dashed, named reference line.

    `labels` names every point (empty = no tick); `titles` says what a point's tooltip says; `bracket`
    names the distance between the last points of the first two lines.
    """
    plot = plot or Plot()
    every = [v for line in drawn for v in line.values] + ([reference[0]] if reference else [])
    ticks = axis(every, floor=floor)
    low, high = ticks[0], ticks[-1]
    plot = _room_for(ticks, plot)
    out = [f'<svg class="plot" viewBox="0 0 {plot.width} {plot.height}" role="img" aria-label="{esc(alt)}">']
    end = plot.width - plot.right
    for tick in ticks:
        y = plot.y(tick, low, high)
        out.append(
            f'<path d="M{plot.left} {y:.1f}H{end}" stroke="var(--line)"/><text x="{plot.left - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(tick)}</text>'
        )
    for i, label in enumerate(labels):
        if label:
            last = ' class="b"' if i == len(labels) - 1 else ""
            out.append(
                f'<text{last} x="{plot.x(i, len(labels)):.1f}" y="{plot.height - 12}" text-anchor="middle">{esc(label)}</text>'
            )
    ends = _ends(drawn, plot, low, high, reference)
    if reference:
        y = plot.y(reference[0], low, high)
        out.append(
            f'<path d="M{plot.left} {y:.1f}H{end}" stroke="var(--muted)" stroke-width="1.5" stroke-dasharray="4 4"/>'
        )
    for line in drawn:
        out.append(_line(line, plot, low, high))
    for text, y, strong in ends:
        bold = ' class="b"' if strong else ""
        out.append(f'<text{bold} x="{end + 12}" y="{y + 4:.1f}">{esc(text)}</text>')
    if bracket:
        out.append(_bracket(drawn, plot, low, high, bracket))
    out.append(_hover(drawn, titles, plot))
    return "".join(out) + "</svg>"


def _line(line: Line, plot: Plot, low: float, high: float) -> str:
    path = _path(line.values, plot, low, high)
    if not path:
        return ""
    known = [i for i, v in enumerate(line.values) if v is not None]
    first, last = known[0], known[-1]
    x, y = plot.x(last, len(line.values)), plot.y(line.values[last] or 0.0, low, high)
    area = ""
    if line.fill and len(known) == last - first + 1:
        base = plot.height - plot.bottom
        area = f'<path d="{path}L{x:.1f} {base}L{plot.x(first, len(line.values)):.1f} {base}Z" fill="{line.colour}" opacity=".07"/>'
    return (
        f'{area}<path d="{path}" fill="none" stroke="{line.colour}" stroke-width="2" stroke-linejoin="round"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{5 if line.mark else 4}" fill="{line.mark or line.colour}" stroke="var(--card)" stroke-width="2"/>'
    )


def _ends(
    drawn: Sequence[Line], plot: Plot, low: float, high: float, reference: tuple[float, str] | None
) -> list[tuple[str, float, bool]]:
    """Labels at the right edge, moved apart so that none covers another."""
    wanted = [
        (plot.y(line.values[-1], low, high), line.label, True)
        for line in drawn
        if line.values and line.values[-1] is not None and line.label
    ]
    if reference:
        wanted.append((plot.y(reference[0], low, high), reference[1], False))
    placed: list[tuple[str, float, bool]] = []
    floor = float(plot.top)
    for y, text, strong in sorted(wanted):
        y = max(y, floor)
        placed.append((text, y, strong))
        floor = y + 17
    return placed


def _bracket(drawn: Sequence[Line], plot: Plot, low: float, high: float, words: str) -> str:
    last = [line.values[-1] for line in drawn[:2]]
    if len(last) < 2 or last[0] is None or last[1] is None:
        return ""
    top, bottom = sorted((plot.y(last[0], low, high), plot.y(last[1], low, high)))
    if bottom - top < 72:
        return ""
    x, a, b = plot.width - plot.right + 20, top + 38, bottom - 14
    text = "".join(
        f'<text x="{x + 10}" y="{(a + b) / 2 + 4 + 16 * (i - 0.5):.1f}">{esc(part)}</text>'
        for i, part in enumerate(words.split("\n"))
    )
    return f'<path d="M{x} {a:.1f}V{b:.1f}M{x - 4} {a:.1f}h8M{x - 4} {b:.1f}h8" stroke="var(--muted)" fill="none"/>{text}'


def _hover(drawn: Sequence[Line], titles: Sequence[str], plot: Plot) -> str:
    count = max((len(line.values) for line in drawn), default=0)
    if count < 2 or len(titles) != count:
        return ""
    step = plot.x(1, count) - plot.x(0, count)
    return "".join(
        f'<rect x="{plot.x(i, count) - step / 2:.1f}" y="{plot.top}" width="{step:.1f}" '
        f'height="{plot.height - plot.top - plot.bottom}" fill="transparent"><title>{esc(title)}</title></rect>'
        for i, title in enumerate(titles)
    )


def spark(values: Values) -> str:
    """A spark line of 64 × 26; empty without at least two values."""
    known = [v for v in values if v is not None]
    if len(known) < 2:
        return ""
    plot = Plot(72, 28, 2, 4, 3, 3)
    low, high = min(known), max(known)
    if high - low < 1e-12:
        high = low + 1
    path = _path(values, plot, low, high)
    last = next(i for i in range(len(values) - 1, -1, -1) if values[i] is not None)
    x, y = plot.x(last, len(values)), plot.y(values[last] or 0.0, low, high)
    return (
        '<svg class="spark" viewBox="0 0 72 28" preserveAspectRatio="xMaxYMid meet" aria-hidden="true">'
        f'<path d="{path}" fill="none" stroke="var(--s1)" stroke-width="1.5"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="var(--s1)"/></svg>'
    )


@dataclass(frozen=True)
class Bar:
    """One bar of a list: `size` decides its length, `figure` and `note` stand beside it."""

    name: str
    size: float
    figure: str
    note: str = ""
    colour: str = ""


def bars(items: Sequence[Bar], name_width: int = 72) -> str:
    """Horizontal bars with their figures beside them."""
    longest = max((item.size for item in items), default=0.0) or 1.0
    rows = "".join(
        f'<li><span class="cut">{esc(b.name)}</span><span class="tr"><i style="width:{100 * b.size / longest:.1f}%'
        f'{";background:" + b.colour if b.colour else ""}"></i></span>'
        f'<span class="num"><b>{esc(b.figure)}</b></span><span class="num">{esc(b.note) if b.note else ""}</span></li>'
        for b in items
    )
    return f'<ol class="bars" style="--name:{name_width}px">{rows}</ol>'


LANE = 16
"""Height of a line of labels: those that do not fit side by side stand in two, turn by turn."""
LABEL_GAP = 8.0
_HAN, _LATIN = 12.5, 7.0


def _wide(text: str) -> float:
    """About how wide a label of twelve pixels is."""
    return sum(_HAN if ord(c) > 0x2E7F else _LATIN for c in text)


def fitted(text: str, room: float) -> str:
    """A label, cut with an ellipsis where it does not fit."""
    if _wide(text) <= room:
        return text
    kept = text
    while kept and _wide(kept) + _HAN > room:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def columns(
    labels: Sequence[str], values: Sequence[float], *, alt: str, unit: str, plot: Plot | None = None
) -> str:
    """Upright bars, each with its value on top and its class below (a histogram)."""
    plot = plot or Plot(right=12)
    ticks = axis([*values, 0.0], floor=0.0)
    low, high = 0.0, ticks[-1]
    plot = _room_for(ticks, plot)
    room = (plot.width - plot.left - plot.right) / max(len(values), 1)
    lanes = 2 if any(_wide(label) > room - LABEL_GAP for label in labels) else 1
    plot = replace(plot, bottom=plot.bottom + LANE * (lanes - 1))
    base = plot.height - plot.bottom
    out = [f'<svg class="plot" viewBox="0 0 {plot.width} {plot.height}" role="img" aria-label="{esc(alt)}">']
    for tick in ticks:
        y = plot.y(tick, low, high)
        out.append(
            f'<path d="M{plot.left} {y:.1f}H{plot.width - plot.right}" stroke="var(--line)"/><text x="{plot.left - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(tick)}</text>'
        )
    for i, (label, value) in enumerate(zip(labels, values, strict=True)):
        x, y = plot.left + room * (i + 0.15), plot.y(value, low, high)
        out.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{room * 0.7:.1f}" height="{base - y:.1f}" rx="2" fill="var(--s1)"><title>{esc(label)} {unit}：{_number(value)}</title></rect>'
            f'<text class="b" x="{x + room * 0.35:.1f}" y="{y - 5:.1f}" text-anchor="middle">{_number(value)}</text>'
            f'<text x="{x + room * 0.35:.1f}" y="{plot.height - 12 - LANE * (lanes - 1 - i % lanes)}" text-anchor="middle">'
            f"<title>{esc(label)}</title>{esc(fitted(label, room * lanes - LABEL_GAP))}</text>"
        )
    return "".join(out) + "</svg>"
