"""Pictures that several reports have: how values are spread, and what is most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from dashboard.charts.bars import Bar, columns, ranking
from dashboard.charts.chart import Chart
from dashboard.charts.theme import DAY
from supervision.figures.formats import significant

CLASSES = 10
"""Columns of a histogram."""
MOST = 20
"""Bars of a ranking."""


def spread(
    values: Iterable[float], title: str, unit: str, ends: tuple[float, float] | None = None
) -> Chart | None:
    """A histogram of the values that are numbers, between `ends` or the least and the greatest; None without any."""
    numbers = np.array([value for value in values if np.isfinite(value)], dtype=float)
    if not len(numbers):
        return None
    counts, edges = np.histogram(numbers, CLASSES, ends)
    bars = [
        Bar(f"{significant(low)} … {significant(high)}", float(count), f"{count:,}")
        for count, low, high in zip(counts, edges, edges[1:], strict=False)
    ]
    return columns(DAY, bars, title=title, unit=unit)


def most(found: Sequence[tuple[str, float, str]], title: str) -> Chart | None:
    """A ranking of (name, value, value in words), as ordered, cut after twenty; None without any."""
    bars = [Bar(name, max(value, 0.0), said) for name, value, said in found[:MOST]]
    return ranking(DAY, bars, title=title, name_width=260) if bars else None
