"""Money of one origin: deposits of different bidders from one account (B6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from records.clock import rfc3339
from supervision.rules.facts import DepositFact, LotFacts
from supervision.rules.files import masked
from supervision.rules.finding import Finding
from supervision.rules.rule import LotRule, Parameter, Words


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
    name = Words("保证金同一账户转出", "Deposits from one account")
    law = Words("招标投标法实施条例第四十条（六）", "Regulations on the Bidding Law, art. 40 (6)")
    formula = Words(
        "同一标段两家及以上投标人的转账保证金来自同一付款账户",
        "deposits of two or more bidders of a lot were transferred from one account",
    )
    unit = Words("家", "bidders")
    reads = ("deposit.payer_account_hash", "deposit.form", "deposit.received_at")
    cannot_know = Words(
        "只能比对付款账户的摘要，不能识别同一控制人名下的不同账户；银行归集或代付户可能造成误报。",
        "Compares digests of the paying account: cannot see different accounts of one owner; a bank's pooling account may raise it wrongly.",
    )
    parameters = (
        Parameter("min_bidders", 2, 2, 10, "至少涉及投标人数", "Bidders that must share it", whole=True),
    )

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
            title=Words(
                f"疑似保证金同源：{len(found)}家投标人同一账户转出", f"{len(found)} deposits from one account"
            ),
            value=float(len(found)),
            threshold=least,
            evidence=evidence,
        )
