"""Drawings of a ring: who meets whom as a network and as a matrix, who won when, and the prices of one lot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from dashboard.charts.drawing import fitted, svg, text

_SIZE, _CENTRE, _INNER, _OUTER = 420, 210, 112, 186
"""Pixels of the network: its side, its middle, and the circles on which members and others stand."""
_CELL = 26
_LEFT = 64
"""Pixels of a cell of matrix and calendar, and of the names before it."""
_STRIP = (560, 96)
"""Width and height of the price strip."""
_SIGN = 14
"""Pixels a letter of the signs above the strip."""
_STEPS = (1, 5, 10, 15)
"""Meetings from which a cell of the matrix is darker."""


@dataclass(frozen=True)
class Joint:
    """One lot in which members met: who was there, who won (−1: an outsider, None: not known)."""

    name: str
    on: str
    present: frozenset[int]
    winner: int | None


# ── network ──────────────────────────────────────────────────────────────────


def network(met: Sequence[Sequence[int]], members: int, signs: Sequence[str], label: str) -> str:
    """Members within, the bidders they meet most around them; a line is as broad as they met often."""
    places = _circle(members, _INNER, 0) + _circle(len(met) - members, _OUTER, 0.5)
    most = max((met[i][j] for i in range(members) for j in range(i)), default=1) or 1
    lines = "".join(
        _line(places[i], places[j], met[i][j], most, i < members and j < members, f"{signs[j]} – {signs[i]} {met[i][j]}")
        for i in range(len(met)) for j in range(i) if j < members and met[i][j] > (0 if i < members else most / 4)
    )  # fmt: skip
    nodes = "".join(_node(places[n], signs[n], n < members) for n in range(len(met)))
    return svg(_SIZE, _SIZE, label, lines + nodes)


def _circle(count: int, radius: float, turned: float) -> list[tuple[float, float]]:
    angles = [2 * math.pi * (n + turned) / count - math.pi / 2 for n in range(count)]
    return [(_CENTRE + radius * math.cos(a), _CENTRE + radius * math.sin(a)) for a in angles]


def _line(
    one: tuple[float, float], other: tuple[float, float], met: int, most: int, inside: bool, tip: str
) -> str:
    width, kind = 1 + 7 * met / most if inside else 1.2, "tie" if inside else "loose"
    return (
        f'<line class="{kind}" x1="{one[0]:.1f}" y1="{one[1]:.1f}" x2="{other[0]:.1f}" y2="{other[1]:.1f}"'
        f' stroke-width="{width:.1f}"><title>{escape(tip)}</title></line>'
    )


def _node(place: tuple[float, float], sign: str, member: bool) -> str:
    x, y = place
    short, kind = sign if len(sign) <= 2 else sign[:2], "member" if member else "beside"
    return (
        f'<g class="{kind}"><title>{escape(sign)}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="{17 if member else 13}"/>'
        f"{text(x, y + 5, short)}</g>"
    )


# ── matrix ───────────────────────────────────────────────────────────────────


def matrix(met: Sequence[Sequence[int]], members: int, signs: Sequence[str], label: str) -> str:
    """How often each two met, members first and framed."""
    count, side = len(met), _LEFT + len(met) * _CELL
    short = [sign if len(sign) <= 4 else sign[:4] for sign in signs]
    cells = "".join(_cell(i, j, met[i][j]) for i in range(count) for j in range(count) if i != j)
    heads = "".join(
        text(_LEFT + (n + 0.5) * _CELL, 18, short[n][:2]) + text(_LEFT - 8, 24 + (n + 0.65) * _CELL, short[n], anchor="end")
        for n in range(count)
    )  # fmt: skip
    frame = f'<rect class="frame" x="{_LEFT}" y="24" width="{members * _CELL}" height="{members * _CELL}"/>'
    return svg(side + 4, 28 + count * _CELL, label, cells + heads + frame)


def _cell(row: int, column: int, met: int) -> str:
    step = sum(met >= least for least in _STEPS)
    x, y = _LEFT + column * _CELL, 24 + row * _CELL
    words = text(x + _CELL / 2, y + 18, str(met), f"on{step}") if met else ""
    return f'<rect class="seq{step}" x="{x}" y="{y}" width="{_CELL - 1}" height="{_CELL - 1}"/>{words}'


# ── who won when ─────────────────────────────────────────────────────────────


def calendar(lots: Sequence[Joint], signs: Sequence[str], outside: str, label: str) -> str:
    """A column a joint lot, a row a member: ring bid, square won; the last row an outsider's win."""
    step = max(12.0, min(28.0, 460 / max(len(lots), 1)))
    marks = "".join(_lot(lot, _LEFT + (n + 0.5) * step, len(signs)) for n, lot in enumerate(lots))
    rows = [*(sign if len(sign) <= 4 else sign[:4] for sign in signs), fitted(outside, _LEFT - 10)]
    names = "".join(text(_LEFT - 8, _row(n) + 4, sign, anchor="end") for n, sign in enumerate(rows))
    width, low = _LEFT + len(lots) * step + 8, _row(len(rows)) + 6
    ends = text(_LEFT, low, lots[0].on[:7], "muted", "start") + text(
        width - 8, low, lots[-1].on[:7], "muted", "end"
    )
    return svg(max(width, 240), low + 8, label, names + marks + ends)  # fmt: skip


def _row(n: int) -> float:
    return 18 + 24 * n


def _lot(lot: Joint, x: float, members: int) -> str:
    rings = "".join(f'<circle class="bid" cx="{x:.1f}" cy="{_row(n)}" r="4.5"/>' for n in sorted(lot.present))
    won = ""
    if lot.winner is not None:
        row, kind = (lot.winner, "won") if lot.winner >= 0 else (members, "lost")
        won = f'<rect class="{kind}" x="{x - 5.5:.1f}" y="{_row(row) - 5.5}" width="11" height="11"/>'
    return f"<g><title>{escape(f'{lot.on} {lot.name}')}</title>{rings}{won}</g>"


# ── prices of one lot ────────────────────────────────────────────────────────


def price_strip(
    members: Sequence[tuple[str, float, bool]], others: Sequence[float], control: str, label: str
) -> str:
    """Prices as per cent of the control price: (sign, share, whether it won) of the members, shares of the others."""
    width, height = _STRIP
    shares = [share for _, share, _ in members] + list(others)
    low, high = min([*shares, 0.98]) - 0.004, max([*shares, 1.0]) + 0.004
    middle = height / 2 + 4

    def at(share: float) -> float:
        return 16 + (width - 32) * (share - low) / (high - low)

    axis = f'<line class="axis" x1="8" y1="{middle}" x2="{width - 8}" y2="{middle}"/>'
    limit = f'<line class="limit" x1="{at(1):.1f}" y1="22" x2="{at(1):.1f}" y2="{height - 18}"/>'
    hollow = "".join(
        f'<circle class="bid" cx="{at(s):.1f}" cy="{middle}" r="5"><title>{100 * s:.2f} %</title></circle>' for s in others
    )  # fmt: skip
    mine = "".join(_price(at(share), middle, sign, share, won) for sign, share, won in members)
    mine += _signs([(at(share), sign) for sign, share, _ in members], middle)
    ticks = "".join(
        text(at(share), height - 4, f"{100 * share:.1f}", "muted") for share in (min(shares), 1.0)
    )
    return svg(
        width,
        height,
        label,
        axis + limit + hollow + mine + ticks + text(at(1), 14, control, anchor="end" if at(1) > width - 90 else "middle"),
    )  # fmt: skip


def _signs(places: Sequence[tuple[float, str]], y: float) -> str:
    """Each member's sign above its price; where two would cover each other, the right one stands a line higher."""
    said, last, raised = "", -math.inf, False
    for x, sign in sorted(places):
        raised, last = x - last < _SIGN * len(sign[:2]) and not raised, x
        said += text(x, y - (26 if raised else 12), sign[:2])
    return said


def _price(x: float, y: float, sign: str, share: float, won: bool) -> str:
    mark = (
        f'<rect class="won" x="{x - 6:.1f}" y="{y - 6}" width="12" height="12">'
        if won
        else f'<circle class="member" cx="{x:.1f}" cy="{y}" r="6">'
    )
    end = "</rect>" if won else "</circle>"
    return f"{mark}<title>{escape(sign)} {100 * share:.2f} %</title>{end}"
