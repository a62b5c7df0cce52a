"""Warnings that an earlier version of a rule raised, told in the terms of today's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supervision.rules.alike import MEASURE

AT_RATIO, BIDDERS = "at_ratio", "bidders"


def in_terms_of_today(
    rule: str, value: float | None, threshold: float | None, evidence: Mapping[str, Any]
) -> tuple[float | None, float | None, dict[str, Any]]:
    """Value, threshold and evidence of a warning as they read now.

    B10 of bills of quantities told the number of bidders at one ratio, against two, then the share of items that are not at
    it; neither named its measure as today's finding does, which is the share that is.
    """
    told = dict(evidence)
    of_bills = rule == "B10" and told.get("files") == "compared" and told.get(MEASURE) != AT_RATIO
    if not of_bills or value is None or threshold is None:
        return value, threshold, told
    if threshold >= 1:
        return value, threshold, told | {MEASURE: BIDDERS}
    return round(1 - value, 4), round(1 - threshold, 4), told | {MEASURE: AT_RATIO}
