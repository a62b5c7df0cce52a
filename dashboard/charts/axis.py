"""Axes: round tick values, and whether words fit side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

FULL_WIDTH, HALF_WIDTH = 12.5, 7.0
"""About how many pixels a Chinese and a Latin character of 12 pixels take."""


def ticks(values: Sequence[float | None], steps: int = 5, floor: float | None = None) -> list[float]:
    """Round values that enclose all the values, and `floor`; at least two, apart."""
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


def wide(text: str) -> float:
    """About how many pixels a label takes."""
    return sum(FULL_WIDTH if ord(c) > 0x2E7F else HALF_WIDTH for c in text)
