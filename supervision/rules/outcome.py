"""Rules on the outcome of a lot: who was rejected (T5, T7), when it was opened and awarded (T9, T12, O8, O10), to whom (O5), what the
contract became (T16, B20), and whether complaints were upheld (O7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from records.clock import day_of, rfc3339
from records.legal_clock import PUBLICITY, days_between, is_tendered
from supervision.rules.facts import BidFact, LotFacts
from supervision.rules.finding import Finding, Level
from supervision.rules.rule import LotRule, Parameter

Settings = Mapping[str, float] | None


def _rejected(facts: LotFacts) -> list[BidFact]:
    return [bid for bid in facts.bids if bid.status == "disqualified"]


class OnlyValidBid(LotRule):
    """T5: all bids but the winner's were rejected (Prozorro SAS 3-2; with one rejected bid, Cardinal's R035)."""

    id, family, level = "T5", "tenderers", "orange"
    reads = ("bid.status", "award.bidder_id")
    parameters = (Parameter("min_rejected", 2, 1, 20, whole=True),)

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Rejected bids beside the winner's, the only valid one; 0 where others were valid; None without an award."""
        if facts.around.award is None or not facts.bids:
            return None
        valid = [bid.bidder_id for bid in facts.bids if bid.status == "valid"]
        return float(len(_rejected(facts))) if valid == [facts.around.award.bidder_id] else 0.0

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding, about the winner."""
        value, least = self.measure(facts), self.settings(settings)["min_rejected"]
        if value is None or value < least or facts.around.award is None:
            return []
        evidence: dict[str, object] = {"strength": "medium", "bids": len(facts.bids), "rejected": int(value)}
        title, winner = self.says("found", count=int(value)), facts.around.award.bidder_id
        return [self.finding(facts, [winner], title=title, value=value, threshold=least, evidence=evidence)]


class LowestRejected(LotRule):
    """T7: the lowest bid of all was rejected (World Bank INT; Cardinal R036 asks that price alone decides)."""

    id, family, level = "T7", "tenderers", "yellow"
    share = True
    mode = "shadow"
    reads = ("bid.price", "bid.status", "award.bidder_id", "award.price")
    parameters = (Parameter("dearer", 0.05, 0.0, 1.0),)

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """(award − lowest rejected bid) ÷ lowest rejected bid; 0 where the lowest bid stood; None without both prices."""
        award, priced = facts.around.award, [bid for bid in facts.bids if bid.price]
        if award is None or not award.price or len(priced) < 2:
            return None
        lowest = min(priced, key=lambda bid: (bid.price or 0, bid.id))
        if lowest.status != "disqualified" or not lowest.price:
            return 0.0
        return float((award.price - lowest.price) / lowest.price)

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding, about the winner."""
        value, least = self.measure(facts), self.settings(settings)["dearer"]
        if not value or value < least or facts.around.award is None:
            return []
        evidence: dict[str, object] = {
            "strength": "weak",
            "rejected": len(_rejected(facts)),
            "bids": len(facts.bids),
        }
        title = self.says("found", share=f"{100 * value:.2f}")
        return [self.finding(facts, [facts.around.award.bidder_id], title=title, value=value, threshold=least, evidence=evidence)]  # fmt: skip


class OpenedAtAnotherTime(LotRule):
    """T9: the opening did not begin at the deadline (招标投标法 art. 34)."""

    id, family, level = "T9", "tenderers", "yellow"
    reads = ("opening.started_at", "lot.deadline")
    parameters = (Parameter("minutes", 60, 5, 1440, whole=True),)

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Minutes from the deadline to the beginning of the opening; negative where it began before."""
        if facts.around.opened_at is None or facts.deadline is None:
            return None
        return (facts.around.opened_at - facts.deadline) / timedelta(minutes=1)

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding; one that began before the deadline weighs more: bids were still to come."""
        minutes, most = self.measure(facts), self.settings(settings)["minutes"]
        if minutes is None or -1 < minutes <= most:
            return []
        level: Level = "orange" if minutes < 0 else self.level
        evidence: dict[str, object] = {
            "strength": "strong", "opened_at": rfc3339(facts.around.opened_at), "deadline": rfc3339(facts.deadline),
        }  # fmt: skip
        title = self.says("found", minutes=round(minutes))
        return [
            self.finding(
                facts, [], title=title, value=minutes, threshold=most, evidence=evidence, level=level
            )
        ]


class LateBidWon(LotRule):
    """T12: the winner's bid was received after the deadline (招标投标法实施条例 art. 36; Cardinal R030)."""

    id, family, level = "T12", "tenderers", "red"
    reads = ("award.bidder_id", "bid.received_at", "lot.deadline")

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Minutes that the winner's bid was late, 0 if it was in time; None where a time is not told."""
        award = facts.around.award
        if award is None or award.received_at is None or facts.deadline is None:
            return None
        return max((award.received_at - facts.deadline) / timedelta(minutes=1), 0.0)

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding, about the winner."""
        minutes = self.measure(facts)
        if not minutes or facts.around.award is None:
            return []
        evidence: dict[str, object] = {
            "strength": "strong", "received_at": rfc3339(facts.around.award.received_at), "deadline": rfc3339(facts.deadline),
        }  # fmt: skip
        title, winner = self.says("found", minutes=f"{minutes:.1f}"), facts.around.award.bidder_id
        return [self.finding(facts, [winner], title=title, value=minutes, threshold=0.0, evidence=evidence)]


class ContractGrew(LotRule):
    """T16: the contract is worth far more than was awarded, or was changed again and again (ARI-1-1; sigma high_markup)."""

    id, family, level = "T16", "tenderers", "yellow"
    reads = ("contract.value", "contract.changes", "award.price")
    parameters = (Parameter("of_award", 1.2, 1.01, 5.0), Parameter("min_changes", 3, 1, 50, whole=True))

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Value of the winner's contracts ÷ award; None where one of them is not told in the same money."""
        award = facts.around.award
        if award is None or not award.price:
            return None
        values = [one.value for one in facts.around.contracts if one.bidder_id == award.bidder_id]
        known = [value for value in values if value is not None]
        return float(sum(known) / award.price) if known and len(known) == len(values) else None

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding, about the contractor."""
        chosen, ratio = self.settings(settings), self.measure(facts)
        changes = sum(one.changes for one in facts.around.contracts)
        grew, often = ratio is not None and ratio > chosen["of_award"], changes >= chosen["min_changes"]
        if not (grew or often) or not facts.around.contracts:
            return []
        contractors = sorted({one.bidder_id for one in facts.around.contracts})
        evidence: dict[str, object] = {"strength": "medium", "changes": changes, "of_award": ratio}
        share = "—" if ratio is None else f"{100 * ratio:.1f}"
        value, threshold = (
            (ratio, chosen["of_award"]) if grew and ratio else (float(changes), chosen["min_changes"])
        )
        title = self.says("found", share=share, count=changes)
        return [
            self.finding(facts, contractors, title=title, value=value, threshold=threshold, evidence=evidence)
        ]


class NewFirmWon(LotRule):
    """O5: a firm founded shortly before the deadline won a large lot (Prozorro X007)."""

    id, family, level = "O5", "bidders", "yellow"
    reads = ("organisation.established", "award.price", "lot.deadline")
    parameters = (
        Parameter("days_old", 183, 30, 1095, whole=True),
        Parameter("least_price", 4_000_000, 0, 1e10),
    )

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Days from the winner's founding to the deadline; None where one is not told."""
        award = facts.around.award
        if award is None or award.established is None or facts.deadline is None:
            return None
        return float((day_of(facts.deadline) - award.established).days)

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding, about the winner."""
        chosen, days, award = self.settings(settings), self.measure(facts), facts.around.award
        if (
            days is None
            or days >= chosen["days_old"]
            or award is None
            or (award.price or 0) < chosen["least_price"]
        ):
            return []
        evidence: dict[str, object] = {"strength": "weak", "established": str(award.established), "price": format(award.price or 0, "f")}  # fmt: skip
        title = self.says("found", days=int(days))
        return [self.finding(facts, [award.bidder_id], title=title, value=days, threshold=chosen["days_old"], evidence=evidence)]  # fmt: skip


class ComplaintsUpheld(LotRule):
    """O7: objections or complaints against one tenderer were upheld more than once within a year."""

    id, family, level = "O7", "tenderers", "orange"
    reads = ("objection.upheld", "objection.raised_at", "lot.tenderer_id")
    parameters = (Parameter("min_upheld", 2, 2, 20, whole=True),)

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Upheld within the year before this lot's own last one; None where the tenderer is not known."""
        return float(len(facts.around.upheld)) if facts.around.tenderer_id else None

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding, at the lot that has one of them."""
        count, least = self.measure(facts), self.settings(settings)["min_upheld"]
        if count is None or count < least:
            return []
        evidence: dict[str, object] = {
            "strength": "medium",
            "raised_at": [rfc3339(at) for at in facts.around.upheld],
        }
        title = self.says("found", count=int(count))
        return [self.finding(facts, [], title=title, value=count, threshold=least, evidence=evidence)]


class AwardTooFastOrSlow(LotRule):
    """O8: the award came sooner after the opening than the law's own steps take, or after bids have usually expired
    (招标投标法实施条例 art. 54: three days of publicity; ProACT)."""

    id, family, level, version = "O8", "tenderers", "yellow", "2"
    reads = ("award.awarded_at", "lot.deadline", "lot.method")
    parameters = (
        Parameter("days_at_least", PUBLICITY, 1, 30, whole=True),
        Parameter("days_at_most", 120, 30, 730, whole=True),
    )

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Days by the Beijing calendar from the deadline to the award; None where bids were not invited, or both are the
        same moment: a register that gives one date for both says nothing of the days between them."""
        award = facts.around.award
        if (
            award is None
            or award.awarded_at is None
            or facts.deadline is None
            or award.awarded_at == facts.deadline
            or not is_tendered(facts.method, facts.trade_family)
        ):
            return None
        return float(days_between(facts.deadline, award.awarded_at))

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding."""
        chosen, days = self.settings(settings), self.measure(facts)
        if (
            days is None
            or chosen["days_at_least"] <= days <= chosen["days_at_most"]
            or facts.around.award is None
        ):
            return []
        threshold = chosen["days_at_least"] if days < chosen["days_at_least"] else chosen["days_at_most"]
        evidence: dict[str, object] = {
            "strength": "medium", "deadline": rfc3339(facts.deadline), "awarded_at": rfc3339(facts.around.award.awarded_at),
        }  # fmt: skip
        title = self.says("found", days=int(days))
        return [self.finding(facts, [], title=title, value=days, threshold=threshold, evidence=evidence)]


class PublicityTooShort(LotRule):
    """O10: candidates were published for less than three days, or not at all (招标投标法实施条例 art. 54)."""

    id, family, level = "O10", "tenderers", "yellow"
    reads = ("award.publicity_from", "award.publicity_until", "notice.type", "lot.method")
    parameters = (Parameter("days_public", PUBLICITY, 1, 30, whole=True),)

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Days of publicity; 0 where there was none though the lot's other notices are known; None where nothing is told."""
        award = facts.around.award
        if award is None or not is_tendered(facts.method, facts.trade_family):
            return None
        if award.publicity_from is not None and award.publicity_until is not None:
            return float(max(days_between(award.publicity_from, award.publicity_until), 0))
        silent = facts.around.noticed and not facts.around.results_noticed and award.publicity_from is None
        return 0.0 if silent and award.awarded_at is not None else None

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding."""
        days, least = self.measure(facts), self.settings(settings)["days_public"]
        if days is None or days >= least or facts.around.award is None:
            return []
        award = facts.around.award
        evidence: dict[str, object] = {
            "strength": "strong", "publicity_from": rfc3339(award.publicity_from), "publicity_until": rfc3339(award.publicity_until),
        }  # fmt: skip
        title = self.says("found", days=int(days))
        return [self.finding(facts, [], title=title, value=days, threshold=least, evidence=evidence)]


class LoserSubcontracts(LotRule):
    """B20: the contractor has a losing bidder of the same lot as subcontractor (OECD: compensation of losers)."""

    id, family, level = "B20", "bidders", "orange"
    reads = ("contract.subcontractors", "bid.bidder_id")

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Losing bidders among the subcontractors; None without a contract."""
        return float(len(self._losers(facts))) if facts.around.contracts else None

    def _losers(self, facts: LotFacts) -> list[str]:
        bidders = {bid.bidder_id for bid in facts.bids}
        return sorted(
            {
                one
                for c in facts.around.contracts
                for one in c.subcontractors
                if one in bidders and one != c.bidder_id
            }
        )

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding, about the contractors and the losers they pay."""
        losers = self._losers(facts)
        if not losers:
            return []
        contractors = {c.bidder_id for c in facts.around.contracts if set(c.subcontractors) & set(losers)}
        orders = facts.order_of
        evidence: dict[str, object] = {
            "strength": "medium",
            "losers": [{"bidder": one, "order": orders[one]} for one in losers],
        }
        title = self.says("found", count=len(losers))
        return [self.finding(facts, [*contractors, *losers], title=title, value=float(len(losers)), threshold=1.0, evidence=evidence)]  # fmt: skip
