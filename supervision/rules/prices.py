"""Prices that follow a rule: an arithmetic ladder (B10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from supervision.rules.alike import about_bills
from supervision.rules.facts import BidFact, LotFacts
from supervision.rules.finding import Finding
from supervision.rules.rule import LotRule, Parameter

PLAIN = Fraction(1, 4)
"""Part of the tolerance within which a ladder is plain: orange; beyond it yellow."""
STEPS_FROM = 3
"""A ladder needs three steps (four prices): two equal steps happen by chance."""


def ladder_deviation(prices: Sequence[Decimal]) -> Fraction | None:
    """max|d_k − d̄| ÷ d̄ over the gaps of the sorted prices, exactly; None with fewer than 4 prices or d̄ = 0.

    0 is a perfect arithmetic ladder; two equal prices among different ones make it at least 1. All
    prices equal is no ladder: d̄ is zero and nothing can be said.
    """
    if len(prices) <= STEPS_FROM:
        return None
    places = max(0, *(-int(price.as_tuple().exponent) for price in prices))
    ordered = sorted(int(price.scaleb(places)) for price in prices)
    steps, span = len(ordered) - 1, ordered[-1] - ordered[0]
    if span == 0:
        return None
    worst = max(abs((b - a) * steps - span) for a, b in pairwise(ordered))
    return Fraction(worst, span)


class PriceLadder(LotRule):
    """B10: sorted prices rise by the same step."""

    id = "B10"
    share = True
    version = "3"
    family = "bidders"
    level = "orange"
    reads = ("bid.price", "bid.status", "opening_event")
    parameters = (
        Parameter("tolerance", 0.02, 0.0, 0.1),
        Parameter("min_bids", 4, 4, 20, whole=True),
    )

    def measure(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> float | None:
        """The ladder deviation; None before all prices are read or with too few."""
        deviation = ladder_deviation([p for b in self._priced(facts) if (p := b.price) is not None])
        return None if deviation is None else float(deviation)

    def _priced(self, facts: LotFacts) -> list[BidFact]:
        """Bids with their prices; none until the reading has covered every bid."""
        return [bid for bid in facts.bids if bid.price is not None] if facts.prices_read else []

    def evaluate(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> list[Finding]:
        """The ladder of all priced bids, and groups whose bills of quantities stand at one ratio."""
        return self._ladder(facts, self.settings(settings)) + about_bills(self, facts)

    def _ladder(self, facts: LotFacts, chosen: Mapping[str, float]) -> list[Finding]:
        priced = self._priced(facts)
        deviation = ladder_deviation([p for b in priced if (p := b.price) is not None])
        tolerance = Fraction(repr(chosen["tolerance"]))
        if len(priced) < chosen["min_bids"] or deviation is None or deviation > tolerance:
            return []
        ordered = sorted(priced, key=lambda bid: (bid.price or 0, bid.order))
        prices = [bid.price for bid in ordered if bid.price is not None]
        step = (prices[-1] - prices[0]) / (len(prices) - 1)
        evidence: dict[str, object] = {
            "strength": "medium",
            "prices": [
                {"bidder": b.bidder_id, "order": b.order, "price": format(b.price or 0, "f")} for b in ordered
            ],
            "gaps": [format(b - a, "f") for a, b in pairwise(prices)],
            "mean_gap": format(step.quantize(Decimal("0.0001")), "f"),
            "currency": facts.currency,
        }
        return [
            self.finding(
                facts,
                [bid.bidder_id for bid in ordered],
                title=self.says("found", count=len(ordered)),
                value=float(deviation),
                threshold=chosen["tolerance"],
                evidence=evidence,
                level="orange" if deviation <= tolerance * PLAIN else "yellow",
            )
        ]
