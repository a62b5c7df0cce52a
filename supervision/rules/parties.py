"""Rules on ties among the parties of a lot: tenderer and bidder (T4), bidders under one control (B16), one manager (B7) or
one author (B8), a consortium's member twice (B17), and those who leave together (B15)."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from string import ascii_lowercase, ascii_uppercase

from records.clock import rfc3339
from supervision.rules.alike import about_files
from supervision.rules.facts import BidFact, LotFacts
from supervision.rules.finding import Finding
from supervision.rules.rule import LotRule, Parameter
from supervision.rules.surroundings import Tie
from supervision.unnamed import says_nothing

Settings = Mapping[str, float] | None


_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase, " \u3000")


def plain(name: str) -> str:
    """A name without spaces, its Latin letters small: every database can compare it so."""
    return name.translate(_SMALL)


def _evidence(tie: Tie) -> dict[str, object]:
    """A tie for the evidence: what kind, never which person or account."""
    return {
        "between": [tie.one, tie.other], "types": list(tie.types), "through": tie.through,
        "share": None if tie.ratio is None else format(tie.ratio, "f"),
    }  # fmt: skip


class RelatedToTenderer(LotRule):
    """T4: a bidder is related to the tenderer or its agency, directly or by one other (招标投标法实施条例 art. 34, 13)."""

    id, family, level = "T4", "tenderers", "orange"
    reads = ("relation.type", "relation.ratio", "organisation.legal_rep", "lot.tenderer_id", "lot.agency_id")
    parameters = (Parameter("share_held", 25, 5, 50),)

    def _ties(self, facts: LotFacts, least: float) -> list[Tie]:
        inviting = {facts.around.tenderer_id, facts.around.agency_id}
        ties = [tie for tie in facts.around.ties if tie.one in inviting]
        return [tie for tie in ties if tie.types != ("shareholding",) or float(tie.ratio or 0) >= least]

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Bidders related to who invites; None where neither is known."""
        if facts.around.tenderer_id is None and facts.around.agency_id is None:
            return None
        return float(len({tie.other for tie in self._ties(facts, self.settings(settings)["share_held"])}))

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding, about the related bidders."""
        ties = self._ties(facts, self.settings(settings)["share_held"])
        if not ties:
            return []
        bidders = {tie.other for tie in ties}
        evidence: dict[str, object] = {"strength": "medium", "ties": [_evidence(tie) for tie in ties]}
        title = self.says("found", count=len(bidders))
        return [self.finding(facts, sorted(bidders), title=title, value=float(len(bidders)), threshold=1.0, evidence=evidence)]  # fmt: skip


class OneControl(LotRule):
    """B16: bidders with one legal representative, or of which one controls the other, or a third both
    (招标投标法实施条例 art. 34 (2): all their bids are void)."""

    id, family, level = "B16", "bidders", "red"
    reads = ("relation.type", "relation.ratio", "organisation.legal_rep")
    parameters = (Parameter("share_held", 50, 25, 100),)

    def _ties(self, facts: LotFacts, least: float) -> list[Tie]:
        bidders = set(facts.order_of)
        ties = [tie for tie in facts.around.ties if tie.one in bidders and tie.other in bidders]
        return [tie for tie in ties if self._controls(tie, least)]

    def _controls(self, tie: Tie, least: float) -> bool:
        if "legal_rep" in tie.types:
            return True
        holding = (
            set(tie.types) <= {"control", "shareholding"}
            if tie.through
            else bool({"control", "shareholding"} & set(tie.types))
        )
        return holding and ("shareholding" not in tie.types or float(tie.ratio or 0) >= least)

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Bidders under one control with another; None with fewer than two bidders."""
        if len(facts.bids) < 2:
            return None
        ties = self._ties(facts, self.settings(settings)["share_held"])
        return float(len({one for tie in ties for one in (tie.one, tie.other)}))

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding, about all of them."""
        ties = self._ties(facts, self.settings(settings)["share_held"])
        if not ties:
            return []
        bidders = sorted({one for tie in ties for one in (tie.one, tie.other)})
        evidence: dict[str, object] = {"strength": "strong", "ties": [_evidence(tie) for tie in ties]}
        title = self.says("found", count=len(bidders))
        return [
            self.finding(
                facts, bidders, title=title, value=float(len(bidders)), threshold=2.0, evidence=evidence
            )
        ]


class _SharedName(LotRule):
    """A name that stands in bids of different bidders."""

    family = "files"

    @abstractmethod
    def name(self, bid: BidFact) -> str | None:
        """The name in a bid."""

    def _groups(self, facts: LotFacts) -> dict[str, list[BidFact]]:
        found: dict[str, list[BidFact]] = defaultdict(list)
        for bid in facts.bids:
            name = self.name(bid) or ""
            if not says_nothing(name):
                found[plain(name)].append(bid)
        return found

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Most bidders that share a name, 0 if each has its own; None where no name is told."""
        sizes = [len(found) for found in self._groups(facts).values()]
        return None if not sizes else float(max(sizes) if max(sizes) > 1 else 0)

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding a name. The name itself stays in the ledger: the evidence has its first character."""
        return [
            self._about(facts, name, bids)
            for name, bids in sorted(self._groups(facts).items())
            if len(bids) > 1
        ]

    def _about(self, facts: LotFacts, name: str, bids: list[BidFact]) -> Finding:
        evidence: dict[str, object] = {
            "strength": "medium", "name": f"{name[0]}…", "bids": [{"bidder": bid.bidder_id, "order": bid.order} for bid in bids],
        }  # fmt: skip
        title = self.says("found", count=len(bids))
        return self.finding(
            facts,
            [bid.bidder_id for bid in bids],
            title=title,
            value=float(len(bids)),
            threshold=2.0,
            evidence=evidence,
        )


class OneManager(_SharedName):
    """B7: bids of different bidders name the same project manager (招标投标法实施条例 art. 40 (3))."""

    id, level = "B7", "orange"
    reads = ("bid.manager",)

    def name(self, bid: BidFact) -> str | None:
        """The project manager."""
        return bid.manager


class OneAuthor(_SharedName):
    """B8: files of different bidders have the same author (招标投标法实施条例 art. 40 (1))."""

    id, level = "B8", "orange"
    reads = ("bid.author",)

    def name(self, bid: BidFact) -> str | None:
        """The author in the file's properties."""
        return bid.author

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding a name the platform tells, and one a group whose files themselves share origin or contacts."""
        return super().evaluate(facts, settings) + about_files(self, facts, ("origin", "contacts"))


class MemberTwice(LotRule):
    """B17: a member of a consortium bids alone too, or in another consortium (招标投标法实施条例 art. 37)."""

    id, family, level = "B17", "bidders", "red"
    reads = ("bid.consortium", "bid.bidder_id")

    def _twice(self, facts: LotFacts) -> dict[str, list[BidFact]]:
        found: dict[str, list[BidFact]] = defaultdict(list)
        for bid in facts.bids:
            for one in {bid.bidder_id, *bid.consortium}:
                found[one].append(bid)
        return {one: bids for one, bids in found.items() if len(bids) > 1}

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Firms that stand in two bids; None where no consortium bids."""
        return float(len(self._twice(facts))) if any(bid.consortium for bid in facts.bids) else None

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding, about the firms and the leads of their bids."""
        twice = self._twice(facts)
        if not twice:
            return []
        evidence: dict[str, object] = {
            "strength": "strong",
            "firms": [{"firm": one, "bids": [{"bidder": bid.bidder_id, "order": bid.order} for bid in bids]} for one, bids in sorted(twice.items())],
        }  # fmt: skip
        bidders = {*twice, *(bid.bidder_id for bids in twice.values() for bid in bids)}
        title = self.says("found", count=len(twice))
        return [
            self.finding(
                facts, sorted(bidders), title=title, value=float(len(twice)), threshold=1.0, evidence=evidence
            )
        ]


class LeftTogether(LotRule):
    """B15: several bidders took their bids back in the last hours, or their files would not be decrypted
    (招标投标法 art. 29, 实施条例 art. 35; 电子招标投标办法 art. 31)."""

    id, family, level = "B15", "bidders", "yellow"
    reads = ("bid.withdrawn_at", "bid.decrypt_status", "lot.deadline")
    parameters = (Parameter("min_bidders", 2, 2, 50, whole=True), Parameter("hours", 24, 1, 168, whole=True))

    def _left(self, facts: LotFacts, hours: float) -> dict[str, str]:
        """Bidder → how it left."""
        left = {bid.bidder_id: "undecrypted" for bid in facts.bids if bid.decrypt_status == "failed"}
        back = {bid.bidder_id for bid in facts.bids}
        for bidder, at in facts.withdrawn:
            late = facts.deadline is not None and timedelta(0) <= facts.deadline - at <= timedelta(
                hours=hours
            )
            if late and bidder not in back:
                left[bidder] = "withdrawn"
        return left

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Bidders that left; None without any bid."""
        known = facts.bids or facts.withdrawn
        return float(len(self._left(facts, self.settings(settings)["hours"]))) if known else None

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding, about all who left."""
        chosen = self.settings(settings)
        left = self._left(facts, chosen["hours"])
        if len(left) < chosen["min_bidders"]:
            return []
        evidence: dict[str, object] = {
            "strength": "weak", "deadline": rfc3339(facts.deadline),
            "left": [{"bidder": bidder, "how": how} for bidder, how in sorted(left.items())],
        }  # fmt: skip
        title = self.says("found", count=len(left))
        return [
            self.finding(facts, sorted(left), title=title, value=float(len(left)), threshold=chosen["min_bidders"], evidence=evidence)
        ]  # fmt: skip
