"""The law's spans and shares in how a lot is announced: time to bid (T8), the deposit asked for (T10)."""

from __future__ import annotations

from collections.abc import Mapping

from records.clock import rfc3339
from records.legal_clock import TO_BID, days_between, is_tendered
from supervision.rules.facts import LotFacts
from supervision.rules.finding import Finding
from supervision.rules.rule import LotRule, Parameter


class ShortTimeToBid(LotRule):
    """T8: fewer days from the notice to the deadline than the law asks for (招标投标法 art. 24)."""

    id, family, level = "T8", "tenderers", "yellow"
    reads = ("lot.notice_at", "lot.deadline", "lot.method", "lot.trade_family")
    parameters = (Parameter("days_to_bid", TO_BID, 1, 60, whole=True),)

    def measure(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> float | None:
        """Days as `records.legal_clock` counts them; None where the law sets none."""
        if facts.notice_at is None or facts.deadline is None:
            return None
        if not is_tendered(facts.method, facts.trade_family):
            return None
        days = days_between(facts.notice_at, facts.deadline)
        return float(days) if days >= 0 else None

    def evaluate(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> list[Finding]:
        """One finding, about the tenderer too."""
        days, least = self.measure(facts), self.settings(settings)["days_to_bid"]
        if days is None or days >= least:
            return []
        evidence: dict[str, object] = {
            "strength": "strong", "notice_at": rfc3339(facts.notice_at), "deadline": rfc3339(facts.deadline),
        }  # fmt: skip
        title = self.says("found", days=int(days))
        return [self.finding(facts, [], title=title, value=days, threshold=least, evidence=evidence)]


class LargeDeposit(LotRule):
    """T10: the deposit asked for exceeds its share of the estimate (招标投标法实施条例 art. 26)."""

    id, family, level = "T10", "tenderers", "yellow"
    share = True
    reads = ("lot.deposit_required", "lot.estimate")
    parameters = (Parameter("share_of_estimate", 0.02, 0.005, 0.2),)

    def measure(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> float | None:
        """Deposit ÷ estimate; None where one of them is not told."""
        if facts.deposit_required is None or not facts.estimate:
            return None
        return float(facts.deposit_required / facts.estimate)

    def evaluate(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> list[Finding]:
        """One finding."""
        share, most = self.measure(facts), self.settings(settings)["share_of_estimate"]
        if share is None or share <= most:
            return []
        evidence: dict[str, object] = {
            "strength": "strong", "deposit": format(facts.deposit_required or 0, "f"),
            "estimate": format(facts.estimate or 0, "f"), "currency": facts.currency,
        }  # fmt: skip
        title = self.says("found", share=f"{100 * share:.2f}")
        return [self.finding(facts, [], title=title, value=share, threshold=most, evidence=evidence)]
