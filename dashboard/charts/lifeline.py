"""The drawing of one lot's life: the periods of law as brackets over lanes of what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape

from dashboard.charts.drawing import fitted, svg, text
from records.clock import BEIJING, start_of

_WIDTH, _LEFT, _RIGHT = 1160, 96, 1144
"""Pixels of the drawing, and where its time begins and ends."""
_TOP, _BRACKET, _LANE = 28, 30, 24
"""Pixels of the dates, of a row of brackets, of a lane."""
_TICK = 92
"""Pixels between two dates at the least."""
_STEPS = (1, 2, 7, 14, 28, 56, 112, 224, 448)
"""Days between two dates on the axis."""
_EM, _NARROW = 12.0, 6.7
"""Pixels of a full-width and of another character."""
_GAP = 10
_LEAST_SAID = 3
"""Characters of a mark's words below which their beginning says nothing."""
_AFTER = 0.14
"""Share of the life's length that is left free behind its last moment, for words."""
_NEAR = 0.35
"""So much of its length after the last moment the present is still drawn."""


@dataclass(frozen=True)
class Bracket:
    """A period of law: from when, done when, bound until when, how it stands, and what it says."""

    since: datetime
    until: datetime | None
    due: datetime
    at_most: bool
    broken: bool
    limit: str
    value: str
    tip: str


@dataclass(frozen=True)
class Mark:
    """Something that happened, in its lane. `kind`: point, ring, square, bar, pale (a bar in a light tone), broken (a
    bar that broke the law), or a level of warning."""

    at: datetime
    words: str
    kind: str = "point"
    until: datetime | None = None
    href: str = ""


@dataclass(frozen=True)
class Scale:
    """Moments as pixels."""

    first: datetime
    last: datetime

    def x(self, at: datetime) -> float:
        """Where a moment stands, never outside the drawing."""
        share = (at - self.first) / (self.last - self.first)
        return _LEFT + (_RIGHT - _LEFT) * min(max(share, 0.0), 1.0)


def lifeline(
    brackets: Sequence[Bracket], lanes: Sequence[tuple[str, Sequence[Mark]]], at: datetime, holidays: Iterable[date],
    legal: str, present: str, dated: Callable[[date], str], label: str,
) -> str:  # fmt: skip
    """The whole drawing; `legal` heads the brackets, `present` names now, `dated` puts a day on the axis."""
    scale = _scale(brackets, [mark for _, marks in lanes for mark in marks], at)
    rows = _rows(brackets, scale)
    below = _TOP + max(len(rows), 1) * _BRACKET + 8
    height = below + len(lanes) * _LANE + 4
    now = _now(scale, at, present, height) if scale.first <= at <= scale.last else ""
    drawn = "".join(
        _bracket(one, _TOP + row * _BRACKET, scale) for row, held in enumerate(rows) for one in held
    )
    heading = text(0, _TOP + max(len(rows), 1) * _BRACKET / 2 + 4, legal, "strong", "start")
    rule = f'<line class="axis" x1="0" y1="{below - 4}" x2="{_WIDTH}" y2="{below - 4}"/>'
    tracks = "".join(
        _lane(name, marks, below + n * _LANE, scale, n + 1 < len(lanes))
        for n, (name, marks) in enumerate(lanes)
    )
    return svg(
        _WIDTH,
        height,
        label,
        _free_days(scale, holidays, height)
        + _axis(scale, height, dated)
        + heading
        + rule
        + drawn
        + tracks
        + now,
    )


def _scale(brackets: Sequence[Bracket], marks: Sequence[Mark], at: datetime) -> Scale:
    moments = [one.since for one in brackets] + [mark.at for mark in marks]
    moments += [one.until or one.due for one in brackets] + [mark.until for mark in marks if mark.until]
    first, last = min(moments, default=at), max(moments, default=at)
    length = max(last - first, timedelta(days=2))
    if last < at <= last + _NEAR * length:
        last = at
    return Scale(first - 0.03 * length, last + _AFTER * length)


def _axis(scale: Scale, height: float, dated: Callable[[date], str]) -> str:
    days = (scale.last - scale.first) / timedelta(days=1)
    step = next((s for s in _STEPS if (_RIGHT - _LEFT) * s / days >= _TICK), _STEPS[-1])
    day = (scale.first + timedelta(days=1)).astimezone(BEIJING).date()
    drawn = []
    while (moment := start_of(day)) < scale.last:
        x = scale.x(moment)
        drawn.append(f'<line class="grid" x1="{x:.1f}" y1="{_TOP - 4}" x2="{x:.1f}" y2="{height}"/>')
        if _LEFT + 16 < x < _RIGHT - 24:
            drawn.append(text(x, 14, dated(day), "muted"))
        day += timedelta(days=step)
    return "".join(drawn)


def _free_days(scale: Scale, holidays: Iterable[date], height: float) -> str:
    found = [start_of(day) for day in holidays if scale.first < start_of(day) < scale.last]
    return "".join(
        f'<rect class="free" x="{scale.x(day):.1f}" y="{_TOP - 4}" width="{scale.x(day + timedelta(days=1)) - scale.x(day):.1f}" height="{height}"/>'
        for day in found
    )


def _now(scale: Scale, at: datetime, present: str, height: float) -> str:
    x, wide = scale.x(at), _wide(present) + 16
    left = min(max(x - wide / 2, _LEFT), _WIDTH - wide)
    return (
        f'<line class="mean" x1="{x:.1f}" y1="20" x2="{x:.1f}" y2="{height}"/><rect class="now" x="{left:.1f}" y="0" width="{wide:.0f}" height="20" rx="3"/>'
        + text(left + wide / 2, 14, present, "on-sun")
    )


def _wide(words: str) -> float:
    """About how many pixels words take."""
    return sum(_EM if ord(c) > 0x2E80 else _NARROW for c in words)


# ── brackets ─────────────────────────────────────────────────────────────────


def _rows(brackets: Sequence[Bracket], scale: Scale) -> list[list[Bracket]]:
    """Brackets in as few rows as their words allow, in order of time."""
    rows: list[list[Bracket]] = []
    ends: list[float] = []
    for one in brackets:
        left, right = _extent(one, scale)
        row = next((n for n, end in enumerate(ends) if end + _GAP <= left), len(rows))
        if row == len(rows):
            rows.append([])
            ends.append(0.0)
        rows[row].append(one)
        ends[row] = right
    return rows


def _words(one: Bracket) -> float:
    return _wide(one.limit) + 8 + _wide(one.value) * 1.06


def _ends(one: Bracket, scale: Scale) -> tuple[float, float]:
    """Where its line begins and ends."""
    return scale.x(one.since), scale.x(max(one.due, one.until or one.due))


def _side(one: Bracket, scale: Scale) -> tuple[float, str]:
    """Where its words stand: above a line that is long enough, else behind it, else before it."""
    begin, end = _ends(one, scale)
    wide = _words(one)
    if end - begin >= wide:
        return (begin + end) / 2, "middle"
    if end + 8 + wide <= _WIDTH:
        return end + 8, "start"
    return begin - 8, "end"


def _extent(one: Bracket, scale: Scale) -> tuple[float, float]:
    begin, end = _ends(one, scale)
    place, anchor = _side(one, scale)
    wide = _words(one)
    if anchor == "start":
        return begin, place + wide
    return (place - wide, end) if anchor == "end" else (begin, end)


def _bracket(one: Bracket, y: float, scale: Scale) -> str:
    line = y + 20
    kind = "broken" if one.broken else "most" if one.at_most else "least"
    begin, due = scale.x(one.since), scale.x(one.due)
    done = scale.x(one.until) if one.until else None
    solid = done if done is not None else begin
    parts = [f'<path d="M{begin:.1f} {line - 6}v12M{begin:.1f} {line}H{max(solid, begin):.1f}"/>']
    if due > solid:
        parts.append(f'<path class="left" d="M{solid:.1f} {line}H{due:.1f}"/>')
    if one.at_most:
        parts.append(
            f'<path d="M{due:.1f} {line - 6}v12"/><path class="flag" d="M{due:.1f} {line - 6}l-6 3.5 6 3.5z"/>'
        )
    if done is not None:
        parts.append(
            f'<circle cx="{done:.1f}" cy="{line}" r="3.5"/>'
            if one.at_most
            else f'<path d="M{done:.1f} {line - 6}v12"/>'
        )
    x, anchor = _side(one, scale)
    height = line - 7 if anchor == "middle" else line + 4
    words = (
        f'<text class="halo" x="{x:.1f}" y="{height:.1f}" text-anchor="{anchor}"><tspan class="soft">{escape(one.limit)}</tspan>'
        f'<tspan class="strong" dx="6">{escape(one.value)}</tspan></text>'
    )
    return f'<g class="span {kind}"><title>{escape(one.tip)}</title>{"".join(parts)}{words}</g>'


# ── lanes ────────────────────────────────────────────────────────────────────


def _lane(name: str, marks: Sequence[Mark], y: float, scale: Scale, ruled: bool) -> str:
    middle = y + _LANE / 2
    rule = f'<line class="axis" x1="0" y1="{y + _LANE}" x2="{_WIDTH}" y2="{y + _LANE}"/>' if ruled else ""
    taken = [(scale.x(m.at) - 6, scale.x(m.until or m.at) + 6) for m in marks]
    drawn = []
    for n, mark in enumerate(marks):
        others = taken[:n] + taken[n + 1 :]
        place = _beside(mark, taken[n], others)
        drawn.append(_mark(mark, middle, scale, place))
        if place is not None:
            x, anchor, words = place
            wide = _wide(words)
            taken.append((x, x + wide) if anchor == "start" else (x - wide, x))
    return text(0, middle + 4, name, "", "start") + rule + "".join(drawn)


def _beside(
    mark: Mark, own: tuple[float, float], others: Sequence[tuple[float, float]]
) -> tuple[float, str, str] | None:
    """Where a mark's words stand: behind it, before it, their beginning up to the next mark, or nowhere, then a pointer
    alone tells."""
    wide = _wide(mark.words)
    for x, anchor, left, right in (
        (own[1] + 4, "start", own[1] + 4, own[1] + 4 + wide),
        (own[0] - 4, "end", own[0] - 4 - wide, own[0] - 4),
    ):
        free = all(right + 4 <= a or left - 4 >= b for a, b in others)
        if free and left >= _LEFT - 8 and right <= _WIDTH:
            return x, anchor, mark.words
    start = own[1] + 4
    if any(a < start < b for a, b in others):
        return None
    begun = fitted(mark.words, min((a for a, _ in others if a >= start), default=_WIDTH) - 4 - start)
    return (start, "start", begun) if len(begun) > _LEAST_SAID else None


def _mark(mark: Mark, y: float, scale: Scale, place: tuple[float, str, str] | None) -> str:
    words = ""
    if place is not None:
        kind = "link halo" if mark.href else "halo"
        words = text(place[0], y + 4, place[2], kind, place[1])
    inner = f"<title>{escape(mark.words)}</title>{_shape(mark, y, scale)}{words}"
    if mark.href:
        return f'<a href="{escape(mark.href)}" target="_blank" rel="noopener">{inner}</a>'
    return f"<g>{inner}</g>"


def _shape(mark: Mark, y: float, scale: Scale) -> str:
    x = scale.x(mark.at)
    if mark.kind in ("bar", "pale", "broken"):
        wide = max(scale.x(mark.until or mark.at) - x, 3)
        return f'<rect class="{mark.kind}" x="{x:.1f}" y="{y - 6}" width="{wide:.1f}" height="12" rx="2"/>'
    if mark.kind == "square":
        return f'<rect class="dot" x="{x - 4.5:.1f}" y="{y - 4.5}" width="9" height="9" rx="1"/>'
    if mark.kind == "play":
        return f'<path class="dot" d="M{x - 4:.1f} {y - 5}l9 5-9 5z"/>'
    if mark.kind == "red":
        return f'<path class="red" d="M{x:.1f} {y - 6}l6.5 12h-13z"/>'
    if mark.kind == "orange":
        return f'<path class="orange" d="M{x:.1f} {y - 6.5}l6.5 6.5-6.5 6.5-6.5-6.5z"/>'
    kind = {"ring": "hollow", "yellow": "yellow"}.get(mark.kind, "dot")
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y}" r="{6 if kind == "yellow" else 4.5}"/>'
