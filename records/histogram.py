"""Spans of time counted by class: a few hundred numbers at the most, added up and merged exactly, however many were measured.

A class is 5 per cent wide, so a quantile read off the classes is off by no more than that; and no single span is kept.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

SMALLEST = 0.01
"""Seconds up to which the first class reaches."""
LONGEST = 600.0
"""Seconds from which on all spans are in the last class."""
_GROWTH = math.log(1.05)


def class_of(seconds: float) -> int:
    """The class of a span: class n reaches from above 0.01 s × 1.05ⁿ⁻¹ to 0.01 s × 1.05ⁿ, class 0 begins at nought."""
    held = min(max(seconds, SMALLEST), LONGEST)
    return math.ceil(round(math.log(held / SMALLEST) / _GROWTH, 9))


def upper_end(number: int) -> float:
    """The longest span of a class, in seconds."""
    return SMALLEST * math.exp(_GROWTH * number)


def together(histograms: Iterable[Mapping[str, int]]) -> Counter[int]:
    """Several histograms as they lie in the ledger (the classes as texts, since JSON has no other keys) as one."""
    found: Counter[int] = Counter()
    for one in histograms:
        found.update({int(number): count for number, count in one.items()})
    return found


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The upper end of the class in which the span at `share` (0–1) of all lies (nearest rank); None where none was counted."""
    rank, passed = math.ceil(sum(counts.values()) * share), 0
    for number in sorted(counts):
        passed += counts[number]
        if passed >= rank > 0:
            return upper_end(number)
    return None
