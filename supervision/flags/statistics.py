"""Quartiles and fences, to the last bit as Cardinal computes them (statrs: quantiles of type R-8)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

_WHISKER = Fraction(3, 2)


def quantile(values: Iterable[float], share: float) -> float:
    """The quantile of type R-8 (Hyndman & Fan 1996), nearly unbiased in the median; NaN of nothing."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    place = (len(ordered) + 1.0 / 3.0) * share + 1.0 / 3.0
    whole = int(place)
    if whole <= 0 or share == 0.0:
        return ordered[0]
    if whole >= len(ordered) or share == 1.0:
        return ordered[-1]
    below, above = ordered[whole - 1], ordered[whole]
    return below + (place - whole) * (above - below)


def _quartiles(values: Iterable[float]) -> tuple[float, float]:
    ordered = sorted(values)
    return quantile(ordered, 0.25), quantile(ordered, 0.75)


def _beyond(edge: float, reach: float) -> float:
    """edge + 1.5 · reach, rounded once (a fused multiply-add)."""
    if not (math.isfinite(edge) and math.isfinite(reach)):
        return edge + 1.5 * reach
    return float(Fraction(edge) + _WHISKER * Fraction(reach))


def upper_fence(values: Iterable[float]) -> float:
    """Q3 + 1.5 · IQR (Tukey 1977)."""
    q1, q3 = _quartiles(values)
    return _beyond(q3, q3 - q1)


def lower_fence(values: Iterable[float]) -> tuple[float, float]:
    """(Q1 − 1.5 · IQR, Q1)."""
    q1, q3 = _quartiles(values)
    return _beyond(q1, -(q3 - q1)), q1
