"""Money of one origin: deposits of different bidders from one account (B6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from records.clock import rfc3339
from supervision.rules.facts import DepositFact, LotFacts
from supervision.rules.files import masked
from supervision.rules.finding import Finding
from supervision.rules.rule import LotRule, Parameter


def by_account(facts: LotFacts) -> dict[str, dict[str, DepositFact]]:
    """Account hash → bidder → deposit, transfers only: a guarantee's fee may be paid by its issuer."""
    found: dict[str, dict[str, DepositFact]] = defaultdict(dict)
    for deposit in facts.deposits:
        if deposit.form == "transfer" and deposit.account:
            found[deposit.account].setdefault(deposit.bidder_id, deposit)
    return found


class SameAccount(LotRule):
    """B6: deposits of different bidders came from the account of one unit or person."""

    id = "B6"
    version = "1"
    family = "files"
    level = "red"
    reads = ("deposit.payer_account_hash", "deposit.form", "deposit.received_at")
    parameters = (Parameter("min_bidders", 2, 2, 10, whole=True),)

    def measure(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> float | None:
        """Most bidders behind one account, 0 if each has its own; None without transferred deposits."""
        sizes = [len(found) for found in by_account(facts).values()]
        return None if not sizes else float(max(sizes) if max(sizes) > 1 else 0)

    def evaluate(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> list[Finding]:
        """One finding an account."""
        least = self.settings(settings)["min_bidders"]
        return [
            self._about(facts, account, found, least)
            for account, found in sorted(by_account(facts).items())
            if len(found) >= least
        ]

    def _about(self, facts: LotFacts, account: str, found: dict[str, DepositFact], least: float) -> Finding:
        orders = facts.order_of
        evidence: dict[str, object] = {
            "strength": "strong",
            "account": masked(account),
            "deposits": [
                {"bidder": bidder, "order": orders.get(bidder), "amount": format(deposit.amount, "f"),
                 "received_at": rfc3339(deposit.received_at)}
                for bidder, deposit in sorted(found.items(), key=lambda pair: (orders.get(pair[0], 0), pair[0]))
            ],
            "compared": len(facts.deposits),
        }  # fmt: skip
        return self.finding(
            facts,
            list(found),
            title=self.says("found", count=len(found)),
            value=float(len(found)),
            threshold=least,
            evidence=evidence,
        )
