"""Scores 评分 of the demonstration market: of the ring's lots, whose bidders the same specialists judge again and again.

Everybody sees the same merit, each expert a little kindlier or sterner and not quite exactly; one of them leans to one
firm. All follows from the lot alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from random import Random

from sunbid.demo.envelopes import Envelope, envelope
from sunbid.demo.lots import LotPlan

ITEMS = (("技术方案", "subjective", 30), ("施工组织", "subjective", 20), ("企业信用", "objective", 10))
"""Item, kind, full marks."""
LEANING = 7
"""The number of the expert who leans to `LotPlan.liked`."""
MERIT, MERITS, KINDNESS, DOUBT, LEANS = 0.8, 0.05, 0.012, 0.016, 0.06
"""Of full marks: the usual merit and its spread, the spread of kindness, of each mark, and what the leaning adds."""


def scores(
    plan: LotPlan, evaluation: str, experts: Sequence[tuple[int, str]], at: datetime
) -> Iterator[Envelope]:
    """Every mark of the experts (number, pseudonym) for every valid bid, given by `at`."""
    rng = Random(f"scores/{plan.key}")
    merit = {bid.key: [rng.gauss(MERIT, MERITS) for _ in ITEMS] for bid in plan.valid}
    for place, (number, expert) in enumerate(experts, 1):
        kindness = rng.gauss(0, KINDNESS)
        for order, bid in enumerate(plan.valid, 1):
            leans = LEANS if number == LEANING and bid.firm == plan.liked else 0.0
            for item, (name, kind, full) in enumerate(ITEMS):
                own = kindness + leans + rng.gauss(0, DOUBT) if kind == "subjective" else 0.0
                mark = min(1.0, max(0.3, merit[bid.key][item] + own)) * full
                data = {
                    "evaluation": evaluation, "expert": expert, "bid": bid.key, "item": name, "kind": kind,
                    "full_marks": str(full), "score": f"{mark:.1f}", "submitted_at": at.isoformat(timespec="milliseconds"),
                }  # fmt: skip
                yield envelope("score", f"PF-{plan.key}-{place}-{order}-{item + 1}", 1, at, data)
