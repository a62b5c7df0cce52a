"""Drawings of S12: which way awarded lots went (tenderer → agency → winner), and the ways from one party to another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from dashboard.charts.drawing import fitted, svg, text

_WIDTH, _HEIGHT, _TOP = 600, 250, 34
"""Pixels of the flow, and where its columns begin below their headings."""
_COLUMNS = (150, 310, 462)
"""Where the three columns of parties stand."""
_BAR, _GAP, _WORDS = 8, 8, 14
"""Pixels of a party: how broad it is, how far from the next, and how high its words are at least."""
_ROW, _BOX, _BOX_HEIGHT, _LEG = 76, 176, 44, 140
"""Pixels of a path: its height, the width and height of a party's box, and the least between two boxes."""


@dataclass(frozen=True)
class Band:
    """Lots that went one way: the key of the party in each column, how many, and what they belong to (now, over, rest)."""

    ends: tuple[str, str, str]
    wins: int
    kind: str


@dataclass
class _Bar:
    """A party in its column: where it begins, how high it is, and how far bands have used either side."""

    top: float
    height: float
    used: list[float]


def flow(bands: Sequence[Band], names: Mapping[str, str], heads: Sequence[str], label: str) -> str:
    """Three columns with bands between them, as broad as they are lots; the pair looked at is drawn last, above all."""
    scale = _scale(bands)
    columns = [_column(bands, place, scale) for place in range(3)]
    order = {"rest": 0, "over": 1, "now": 2}
    drawn = [
        (order[band.kind], _bend(columns, band, side, scale, names))
        for side in (0, 1) for band in sorted(bands, key=lambda one: (columns[side][one.ends[side]].top, columns[side + 1][one.ends[side + 1]].top))
    ]  # fmt: skip
    paths = "".join(path for _, path in sorted(drawn, key=lambda one: one[0]))
    titles = "".join(text(_COLUMNS[n] + _BAR / 2, 16, head, "muted") for n, head in enumerate(heads))
    parties = "".join(
        _party(n, key, bar, names, bands) for n, column in enumerate(columns) for key, bar in column.items()
    )
    return svg(_WIDTH, _HEIGHT + _TOP + 6, label, f'<g class="flow">{paths}</g>{titles}{parties}')


def _scale(bands: Sequence[Band]) -> float:
    """Pixels a lot, by the column that needs most room."""
    return min(_fitting(list(_lots(bands, place).values())) for place in range(3))


def _fitting(lots: Sequence[int]) -> float:
    """Pixels a lot with which a column is as high as the drawing, when no party has less than the height of its words."""
    room, large = _HEIGHT - _GAP * (len(lots) - 1), sorted(lots, reverse=True)
    while large:
        scale = (room - _WORDS * (len(lots) - len(large))) / sum(large)
        if large[-1] * scale >= _WORDS:
            return scale
        large.pop()
    return room / max(sum(lots), 1)


def _lots(bands: Sequence[Band], place: int) -> dict[str, int]:
    """Each party of a column and how many lots it has there."""
    lots: dict[str, int] = defaultdict(int)
    for band in bands:
        lots[band.ends[place]] += band.wins
    return lots


def _column(bands: Sequence[Band], place: int, scale: float) -> dict[str, _Bar]:
    """The parties of a column, those with most lots above, the rest below."""
    lots = _lots(bands, place)
    found, top = {}, float(_TOP)
    for key in sorted(lots, key=lambda one: (one == "…", -lots[one], one)):
        height = lots[key] * scale
        found[key] = _Bar(top, height, [0.0, 0.0])
        top += max(height, _WORDS) + _GAP
    return found


def _bend(
    columns: Sequence[dict[str, _Bar]], band: Band, side: int, scale: float, names: Mapping[str, str]
) -> str:
    """One band between two neighbouring columns."""
    broad, middle = band.wins * scale, []
    for place, edge in ((side, 1), (side + 1, 0)):
        bar = columns[place][band.ends[place]]
        middle.append(bar.top + bar.used[edge] + broad / 2)
        bar.used[edge] += broad
    x1, x2 = _COLUMNS[side] + _BAR, _COLUMNS[side + 1]
    half = (x1 + x2) / 2
    said = " → ".join(names[key] for key in band.ends)
    return (
        f'<path class="{band.kind}" stroke-width="{max(broad, 1):.1f}" d="M{x1} {middle[0]:.1f}C{half} {middle[0]:.1f} {half} '
        f'{middle[1]:.1f} {x2} {middle[1]:.1f}"><title>{escape(said)} {band.wins}</title></path>'
    )  # fmt: skip


def _party(place: int, key: str, bar: _Bar, names: Mapping[str, str], bands: Sequence[Band]) -> str:
    lots = sum(band.wins for band in bands if band.ends[place] == key)
    kinds = {band.kind for band in bands if band.ends[place] == key}
    x, middle = _COLUMNS[place], bar.top + bar.height / 2 + 4
    room = (_COLUMNS[0] - 36, _COLUMNS[2] - _COLUMNS[1] - 44, _WIDTH - _COLUMNS[2] - 40)[place]
    words = f"{fitted(names[key], room)} {lots}"
    strong = "strong halo" if "now" in kinds else "halo"
    beside = (
        text(x - 8, middle, words, strong, "end")
        if place == 0
        else text(x + _BAR + 8, middle, words, strong, "start")
    )
    return (
        f'<g><title>{escape(names[key])} {lots}</title><rect class="hub" x="{x}" y="{bar.top:.1f}" width="{_BAR}"'
        f' height="{max(bar.height, 2):.1f}"/>{beside}</g>'
    )  # fmt: skip


# ── ways from one party to another ───────────────────────────────────────────


@dataclass(frozen=True)
class Stop:
    """A party on a way: its name and what it is."""

    name: str
    role: str
    end: bool


@dataclass(frozen=True)
class Leg:
    """A step between two stops: its number in the table, what links them, and whether it still holds."""

    number: int
    words: str
    holds: bool


def ways(paths: Sequence[tuple[Sequence[Stop], Sequence[Leg]]], label: str) -> str:
    """One row a path: boxes and what links them; dashed what no longer holds."""
    width = max(_BOX * len(stops) + _LEG * len(legs) for stops, legs in paths) + 4
    rows = "".join(_way(stops, legs, n * _ROW + 4, width - 4) for n, (stops, legs) in enumerate(paths))
    return svg(width, len(paths) * _ROW, label, rows)


def _way(stops: Sequence[Stop], legs: Sequence[Leg], top: float, width: float) -> str:
    step = (width - _BOX) / max(len(legs), 1)
    lines = "".join(
        _leg(leg, 2 + n * step + _BOX, 2 + (n + 1) * step, top + _BOX_HEIGHT / 2)
        for n, leg in enumerate(legs)
    )
    return lines + "".join(_stop(stop, 2 + n * step, top) for n, stop in enumerate(stops))


def _leg(leg: Leg, x1: float, x2: float, y: float) -> str:
    middle, kind = (x1 + x2) / 2, "step" if leg.holds else "step ended"
    return (
        f'<line class="{kind}" x1="{x1:.1f}" y1="{y}" x2="{x2:.1f}" y2="{y}"/><circle class="hub" cx="{middle:.1f}" cy="{y}" r="10"/>'
        f'{text(middle, y + 4, str(leg.number), "on-hub")}<g><title>{escape(leg.words)}</title>'
        f'{_under(leg.words, middle, y + 26, x2 - x1 - 4)}</g>'
    )  # fmt: skip


def _under(words: str, middle: float, y: float, room: float) -> str:
    """The words below a step; what follows a comma on a line of its own where one is too narrow."""
    first, comma, rest = words.rpartition("，" if "，" in words else ", ")
    lines = [words] if not comma or fitted(words, room) == words else [first, rest]
    return "".join(text(middle, y + 15 * n, fitted(line, room), "muted") for n, line in enumerate(lines))


def _stop(stop: Stop, x: float, y: float) -> str:
    kind = "stop end-stop" if stop.end else "stop"
    return (
        f'<g><title>{escape(stop.name)}</title><rect class="{kind}" x="{x:.1f}" y="{y}" width="{_BOX}" height="{_BOX_HEIGHT}" rx="4"/>'
        f'{text(x + _BOX / 2, y + 18, fitted(stop.name, _BOX - 12), "strong")}{text(x + _BOX / 2, y + 35, stop.role, "muted")}</g>'
    )  # fmt: skip
