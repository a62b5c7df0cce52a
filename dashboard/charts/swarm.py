"""The drawing of one lot's prices: a swarm of dots along an axis, with the limit and the winner named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from dashboard.charts.drawing import svg, text

_SWARM = (408, 176)
_FLOOR, _DOT = 146, 9
"""Where the axis of the swarm stands, and the distance of two dots."""
_MOST = 9
"""Dots above each other; what is too many lies on the last."""


@dataclass(frozen=True)
class Priced:
    """One bid of the swarm: its price, what a pointer is told, and what became of it: valid, rejected, over or won."""

    price: float
    tip: str
    kind: str = "valid"


def swarm(
    bids: Sequence[Priced], limit: float | None, names: tuple[str, str, str], shown: Callable[[float], str], label: str
) -> str:  # fmt: skip
    """Prices along an axis, equal ones above each other; `names`: the limit, the winner, how far it lies below."""
    prices = [bid.price for bid in bids] + ([limit] if limit else [])
    low, high = min(prices), max(prices)
    pad = (high - low or high * 0.01 or 1) * 0.06
    low, high = low - pad, high + pad

    def at(price: float) -> float:
        return 12 + (_SWARM[0] - 24) * (price - low) / (high - low)

    dots = "".join(_dot(bid, x, y) for bid, x, y in _stacked(bids, at))
    axis = f'<line class="axis" x1="8" y1="{_FLOOR}" x2="{_SWARM[0] - 8}" y2="{_FLOOR}"/>'
    ends = _round_ticks(low, high)
    ticks = "".join(text(at(tick), _FLOOR + 18, shown(tick), "muted") for tick in ends)
    bound = ""
    if limit:
        x = at(limit)
        anchor = "end" if x > _SWARM[0] / 2 else "start"
        bound = f'<line class="limit" x1="{x:.1f}" y1="18" x2="{x:.1f}" y2="{_FLOOR}"/>' + text(
            x + (-6 if anchor == "end" else 6), 28, names[0], "strong halo", anchor
        )
    return svg(*_SWARM, label, axis + ticks + bound + dots + _winner(bids, at, names))


def _winner(bids: Sequence[Priced], at: Callable[[float], float], names: tuple[str, str, str]) -> str:
    won = next((bid for bid in bids if bid.kind == "won"), None)
    if won is None:
        return ""
    x = at(won.price)
    anchor = "start" if x < _SWARM[0] / 2 else "end"
    return text(x, 46, names[1], "strong halo", anchor) + text(x, 62, names[2], "muted halo", anchor)


def _stacked(bids: Sequence[Priced], at: Callable[[float], float]) -> list[tuple[Priced, float, float]]:
    """Each dot at its price, as low as no other is in its way; the winner's above all others in drawing order."""
    placed: list[tuple[Priced, float, float]] = []
    middle = (_FLOOR + 70) / 2
    heights = [middle + (n + 1) // 2 * (1 if n % 2 else -1) * (_DOT - 0.5) for n in range(_MOST)]
    for bid in sorted(bids, key=lambda bid: (bid.kind != "won", bid.price)):
        x = at(bid.price)
        free = (y for y in heights if not any(abs(x - px) < _DOT and y == py for _, px, py in placed))
        placed.append((bid, x, next(free, heights[-1])))
    return placed[::-1]


def _dot(bid: Priced, x: float, y: float) -> str:
    shapes = {
        "valid": f'<circle class="dot pale" cx="{x:.1f}" cy="{y:.1f}" r="4"/>',
        "won": f'<circle class="key" cx="{x:.1f}" cy="{y:.1f}" r="7"/>',
        "rejected": f'<path class="cross" d="M{x - 4:.1f} {y - 4:.1f}l8 8m0-8l-8 8"/>',
        "over": f'<rect class="bid" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>',
    }
    return f"<g><title>{escape(bid.tip)}</title>{shapes[bid.kind]}</g>"


def _round_ticks(low: float, high: float) -> list[float]:
    """Up to five round values within a span."""
    rough = (high - low) / 5
    size = 10 ** (len(str(int(rough))) - 1) if rough >= 1 else 10 ** -len(str(int(1 / rough)))
    step = next(size * m for m in (1, 2, 5, 10) if size * m >= rough)
    first = int(low / step) + 1
    return [n * step for n in range(first, int(high / step) + 1)]
