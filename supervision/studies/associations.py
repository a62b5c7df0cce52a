"""The study of associations (S12): who wins with which tenderer and through which agency, beside what is usual."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from supervision.lens.reader import Lens
from supervision.rules.buyers_winners import Pair, pairs_of
from supervision.rules.market_run import rows_of
from supervision.rules.registry import MARKET_RULES

NAME = "associations"
SIDES = {"tenderer": "T1", "agency": "T2"}
"""Whose firms are looked at, and the rule that judges them."""
MOST = 200
"""Pairs of a side that are kept, by adjusted p."""


def study(lens: Lens, at: datetime) -> dict[str, Any]:
    """Both sides: the steps from all pairs to those that pass every condition, and the pairs, as JSON values."""
    return {"as_of": at.isoformat(), **{side: _side(lens, rule) for side, rule in SIDES.items()}}


def _side(lens: Lens, rule_id: str) -> dict[str, Any]:
    rule = MARKET_RULES[rule_id]
    chosen = rule.settings()
    rows = rows_of(lens, rule.select(chosen))
    pairs = sorted(pairs_of(rows), key=lambda pair: (pair.adjusted_p, -pair.lift, pair.buyer, pair.firm))
    often = [pair for pair in pairs if pair.awards >= chosen["min_awards"]]
    lifted = [pair for pair in often if pair.lift >= chosen["lift"]]
    through = [pair for pair in lifted if pair.adjusted_p < chosen["p"]]
    return {
        "parameters": chosen,
        "met": rows[0]["tested"] if rows else 0,
        "often": len(often), "lifted": len(lifted), "through": len(through),
        "pairs": [_as_dict(pair, chosen) for pair in often[:MOST]],
    }  # fmt: skip


def _as_dict(pair: Pair, chosen: Mapping[str, float]) -> dict[str, Any]:
    through = pair.lift >= chosen["lift"] and pair.adjusted_p < chosen["p"]
    return {
        "buyer": pair.buyer, "firm": pair.firm, "awards": pair.awards, "bid": pair.bid, "wins": pair.wins,
        "expected": pair.expected, "lift": pair.lift, "adjusted_p": pair.adjusted_p, "through": through,
    }  # fmt: skip
