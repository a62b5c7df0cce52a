"""Who watched the past openings of the demonstration, as a hub would have counted them: nobody's name, only numbers."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime
from random import Random
from typing import Any

from records.histogram import class_of

MEASURED = 60
"""Pages at the most that were opened while the opening went on; the others waited for it to begin."""
FIRST_FRAME, LATE = 0.7, 0.18
"""Median seconds until the picture comes, and between camera's picture at the hub and the viewer's."""
SPREAD = 0.4
"""Of the logarithm of both."""


def audience(opening: str, bids: int, seconds: float, ended_at: datetime) -> dict[str, Any]:
    """A row of `viewing`: some three viewers a bid, the longer watching the longer the opening."""
    rng = Random(f"audience/{opening}")
    viewers = 12 + round(bids * rng.uniform(2.0, 3.5))
    measured = min(viewers, MEASURED)
    return {
        "opening_id": opening, "viewers": viewers, "peak": round(viewers * rng.uniform(0.4, 0.7)),
        "seconds": round(viewers * seconds * rng.uniform(0.3, 0.6), 1),
        "first_frames": _spans(rng, FIRST_FRAME, measured), "delays": _spans(rng, LATE, 2 * measured), "updated_at": ended_at,
    }  # fmt: skip


def _spans(rng: Random, median: float, count: int) -> dict[str, int]:
    classes = Counter(class_of(rng.lognormvariate(math.log(median), SPREAD)) for _ in range(count))
    return {str(number): times for number, times in sorted(classes.items())}
