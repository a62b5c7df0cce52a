"""The drawing of who evaluates together: main sites in the middle, secondary sites on a ring for their tier."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from dashboard.charts.axis import wide
from dashboard.charts.drawing import linked, svg, text

_WIDTH, _HEIGHT = 470, 226
_CENTRE = (235, 113)
_RINGS = {"city": (88, 46), "cross_city": (152, 78), "cross_province": (200, 100)}
"""Tier → half axes of its ring in pixels."""
_OTHER = (200, 100)
_TURN = {"city": 0.4, "cross_city": 0.15, "cross_province": 0.75}
"""By how much of a step a ring is turned, so that names stand apart."""
_WIDEST = 5.0
_BESIDE = 11
"""Pixels from a mark to its name."""


Place = tuple[float, float]


@dataclass(frozen=True)
class Node:
    """A secondary site: what it is called, its tier, how many sessions with it, whether one goes on now."""

    name: str
    tier: str
    count: int
    active: bool
    tip: str = ""
    """What a pointer is told."""
    href: str = ""
    """Where its mark and its name lead."""


@dataclass(frozen=True)
class Box:
    """What a name or a mark covers."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether the two have a part in common."""
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.bottom <= other.top or other.bottom <= self.top)

    def crossed(self, end: Place) -> bool:
        """Whether the line from the middle to `end` runs through it (Liang and Barsky 1984)."""
        first, last = 0.0, 1.0
        sides = ((self.left, self.right), (self.top, self.bottom))
        for start, stop, (low, high) in zip(_CENTRE, end, sides, strict=True):
            step = stop - start
            if not step:
                first, last = (first, last) if low <= start <= high else (1.0, 0.0)
                continue
            near, far = sorted(((low - start) / step, (high - start) / step))
            first, last = max(first, near), min(last, far)
        return first < last


@dataclass(frozen=True)
class Spot:
    """A place for a name: where its text begins, is centred or ends, and what it would cover."""

    x: float
    y: float
    anchor: str
    box: Box


def ring_map(nodes: Sequence[Node], hub: str, label: str) -> str:
    """Lines as broad as sessions are many; a site that evaluates now wears the sun."""
    most = max((node.count for node in nodes), default=1)
    rings = "".join(
        f'<ellipse class="ring" cx="{_CENTRE[0]}" cy="{_CENTRE[1]}" rx="{rx}" ry="{ry}"/>'
        for tier, (rx, ry) in _RINGS.items()
        if any(node.tier == tier for node in nodes)
    )
    placed = [(node, place) for tier in _tiers(nodes) for node, place in _places(nodes, tier)]
    lines = "".join(_line(node, place, most) for node, place in placed)
    across = 16 + wide(hub)
    middle = Box(_CENTRE[0] - across / 2, _CENTRE[1] - 13, _CENTRE[0] + across / 2, _CENTRE[1] + 13)
    marks = "".join(_mark(node, place) for node, place in placed) + _names(placed, middle)
    held = f'<rect class="hub" x="{middle.left}" y="{middle.top}" width="{across}" height="26" rx="4"/>'
    return svg(_WIDTH, _HEIGHT, label, rings + lines + held + text(*_down(_CENTRE), hub, "on-hub") + marks)


def _down(place: Place) -> Place:
    return place[0], place[1] + 4


def _tiers(nodes: Sequence[Node]) -> list[str]:
    return sorted(
        {node.tier for node in nodes}, key=lambda tier: list(_RINGS).index(tier) if tier in _RINGS else 9
    )


def _places(nodes: Sequence[Node], tier: str) -> list[tuple[Node, Place]]:
    own = [node for node in nodes if node.tier == tier]
    rx, ry = _RINGS.get(tier, _OTHER)
    found = []
    for n, node in enumerate(own):
        angle = 2 * math.pi * (n + _TURN.get(tier, 0)) / len(own) - math.pi / 2
        found.append((node, (_CENTRE[0] + rx * math.cos(angle), _CENTRE[1] + ry * math.sin(angle))))
    return found


def _line(node: Node, place: Place, most: int) -> str:
    thick = 1 + (_WIDEST - 1) * node.count / most
    return (
        f'<line class="route {node.tier}" x1="{_CENTRE[0]}" y1="{_CENTRE[1]}" x2="{place[0]:.1f}" y2="{place[1]:.1f}"'
        f' stroke-width="{thick:.1f}"><title>{escape(node.tip)}</title></line>'
    )


def _mark(node: Node, place: Place) -> str:
    x, y = place
    shapes = {
        "city": f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"/>',
        "cross_province": f'<path d="M{x:.1f} {y - 6.5:.1f}l6.5 6.5-6.5 6.5-6.5-6.5z"/>',
    }
    shape = shapes.get(node.tier, f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10"/>')
    halo = f'<circle class="now" cx="{x:.1f}" cy="{y:.1f}" r="9"/>' if node.active else ""
    drawn = f'<g class="site {node.tier}"><title>{escape(node.tip)}</title>{halo}{shape}</g>'
    return linked(drawn, node.href)


# ── names ────────────────────────────────────────────────────────────────────


def _names(placed: Sequence[tuple[Node, Place]], middle: Box) -> str:
    """Each name beside its mark where it covers least: no other name, no mark, as few lines as can be."""
    ends = [place for _, place in placed]
    taken = [middle, *(_around(place) for place in ends)]
    found = []
    for node, place in placed:
        words = f"{node.name} {node.count}"
        spot = min(_spots(words, place), key=lambda spot: _covered(spot.box, taken, ends))
        taken.append(spot.box)
        found.append(linked(text(spot.x, spot.y, words, "halo", spot.anchor), node.href))
    return "".join(found)


def _spots(words: str, place: Place) -> list[Spot]:
    """Where a name may stand, the likeliest first: beside its mark on the side away from the middle, else on another."""
    x, y = place
    across, half = wide(words), wide(words) / 2
    sides = [(x + _BESIDE, y + 4, "start"), (x - _BESIDE, y + 4, "end")]
    if x < _CENTRE[0]:
        sides.reverse()
    ends = [(min(max(x, half), _WIDTH - half), y + down, "middle") for down in (-_BESIDE, _BESIDE + 9)]
    corners = [(x + to, y + down, anchor) for down in (-9, 17) for to, anchor in ((5, "start"), (-5, "end"))]
    left = {"start": 0.0, "middle": half, "end": across}
    return [
        Spot(at, down, anchor, Box(at - left[anchor], down - 11, at - left[anchor] + across, down + 3))
        for at, down, anchor in (*sides, *ends, *corners)
    ]


def _covered(box: Box, taken: Sequence[Box], ends: Sequence[Place]) -> int:
    """How bad a place for a name is: beyond the drawing, over a name or a mark, over lines."""
    beyond = box.left < 0 or box.right > _WIDTH or box.top < 0 or box.bottom > _HEIGHT
    return (
        1000 * beyond + 30 * sum(box.meets(other) for other in taken) + sum(box.crossed(end) for end in ends)
    )


def _around(place: Place) -> Box:
    return Box(place[0] - 5, place[1] - 5, place[0] + 5, place[1] + 5)
