"""The drawing of who evaluates together: main sites in the middle, secondary sites on a ring for their tier."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.charts.axis import wide
from dashboard.charts.drawing import svg, text

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


@dataclass(frozen=True)
class Node:
    """A secondary site: what it is called, its tier, how many sessions with it, whether one goes on now."""

    name: str
    tier: str
    count: int
    active: bool


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
    marks = "".join(_node(node, place) for node, place in placed)
    across = 16 + wide(hub)
    middle = f'<rect class="hub" x="{_CENTRE[0] - across / 2}" y="{_CENTRE[1] - 13}" width="{across}" height="26" rx="4"/>'
    return svg(_WIDTH, _HEIGHT, label, rings + lines + middle + text(*_down(_CENTRE), hub, "on-hub") + marks)


def _down(place: tuple[float, float]) -> tuple[float, float]:
    return place[0], place[1] + 4


def _tiers(nodes: Sequence[Node]) -> list[str]:
    return sorted(
        {node.tier for node in nodes}, key=lambda tier: list(_RINGS).index(tier) if tier in _RINGS else 9
    )


def _places(nodes: Sequence[Node], tier: str) -> list[tuple[Node, tuple[float, float]]]:
    own = [node for node in nodes if node.tier == tier]
    rx, ry = _RINGS.get(tier, _OTHER)
    found = []
    for n, node in enumerate(own):
        angle = 2 * math.pi * (n + _TURN.get(tier, 0)) / len(own) - math.pi / 2
        found.append((node, (_CENTRE[0] + rx * math.cos(angle), _CENTRE[1] + ry * math.sin(angle))))
    return found


def _line(node: Node, place: tuple[float, float], most: int) -> str:
    thick = 1 + (_WIDEST - 1) * node.count / most
    return (
        f'<line class="route {node.tier}" x1="{_CENTRE[0]}" y1="{_CENTRE[1]}" x2="{place[0]:.1f}" y2="{place[1]:.1f}"'
        f' stroke-width="{thick:.1f}"/>'
    )


def _node(node: Node, place: tuple[float, float]) -> str:
    x, y = place
    shapes = {
        "city": f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"/>',
        "cross_province": f'<path d="M{x:.1f} {y - 6.5:.1f}l6.5 6.5-6.5 6.5-6.5-6.5z"/>',
    }
    shape = shapes.get(node.tier, f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10"/>')
    halo = f'<circle class="now" cx="{x:.1f}" cy="{y:.1f}" r="9"/>' if node.active else ""
    return f'<g class="site {node.tier}">{halo}{shape}</g>{_name(node, x, y)}'


def _name(node: Node, x: float, y: float) -> str:
    """On the side away from the middle; above the mark where that side has no room."""
    words, right = f"{node.name} {node.count}", x >= _CENTRE[0]
    room = (_WIDTH - x if right else x) - _BESIDE
    if wide(words) <= room:
        return text(x + (_BESIDE if right else -_BESIDE), y + 4, words, "halo", "start" if right else "end")
    half = wide(words) / 2
    return text(min(max(x, half), _WIDTH - half), y - _BESIDE, words, "halo", "middle")
