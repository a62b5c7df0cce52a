"""Files of one origin: the same machine, disk, dongle or file behind different bidders (B4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from messages import Message
from records.clock import rfc3339
from records.keys import key_of
from supervision.rules.alike import about_files, groups
from supervision.rules.facts import BidFact, LotFacts
from supervision.rules.finding import Finding
from supervision.rules.rule import LotRule, Parameter
from supervision.rules.serials import normal


@dataclass(frozen=True)
class Datum:
    """One thing a file's analysis tells about where it was made."""

    field: str
    strength: str
    """strong: shared by chance never; medium: supports a strong one, proves nothing alone."""
    on_upload: bool
    """Taken from the machine that sent the file: says nothing when that was the centre's terminal."""

    @property
    def name(self) -> Message:
        """What it is called."""
        return Message(f"rule.datum.{self.field}")


DATA: tuple[Datum, ...] = (
    Datum("mac", "strong", on_upload=True),
    Datum("disk_serial", "strong", on_upload=True),
    Datum("cpu_serial", "medium", on_upload=True),
    Datum("dongle_serial", "strong", on_upload=False),
    Datum("file_id", "strong", on_upload=False),
)


def masked(value: str) -> str:
    """What may be shown of a serial: 3C…7E."""
    return f"{value[:2]}…{value[-2:]}"


@dataclass(frozen=True)
class Shared:
    """One value found with several bidders."""

    datum: Datum
    value: str
    bids: tuple[BidFact, ...]

    @property
    def bidders(self) -> frozenset[str]:
        """Who has it."""
        return frozenset(bid.bidder_id for bid in self.bids)

    def as_evidence(self) -> dict[str, object]:
        """Structured and masked."""
        return {
            "datum": self.datum.field,
            "zh": self.datum.name.text("zh"),
            "en": self.datum.name.text("en"),
            "masked": masked(self.value),
            "strength": self.datum.strength,
            "bids": [{"bidder": bid.bidder_id, "order": bid.order} for bid in self.bids],
        }


def shared_data(bids: Iterable[BidFact]) -> list[Shared]:
    """Every value that different bidders have in common, leaving out uploads from the centre's terminal."""
    holders: dict[tuple[int, str], dict[str, BidFact]] = defaultdict(dict)
    for bid in bids:
        for place, datum in enumerate(DATA):
            value = normal(getattr(bid, datum.field))
            if value is not None and not (datum.on_upload and bid.on_site):
                holders[place, value].setdefault(bid.bidder_id, bid)
    return [
        Shared(DATA[place], value, tuple(sorted(found.values(), key=lambda bid: bid.order)))
        for (place, value), found in sorted(holders.items())
        if len(found) > 1
    ]


class SameMachine(LotRule):
    """B4: bidders who should not know each other used one machine, disk, dongle or file."""

    id = "B4"
    version = "1"
    family = "files"
    level = "red"
    reads = (
        "bid.mac",
        "bid.disk_serial",
        "bid.cpu_serial",
        "bid.dongle_serial",
        "bid.file_id",
        "bid.on_site",
    )
    parameters = (Parameter("min_bidders", 2, 2, 10, whole=True),)

    def measure(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> float | None:
        """Size of the largest group; 0 if nobody shares anything; None without any file data."""
        if not any(normal(getattr(bid, datum.field)) for bid in facts.bids for datum in DATA):
            return None
        found = groups(s.bidders for s in shared_data(facts.bids) if s.datum.strength == "strong")
        return float(max((len(group) for group in found), default=0))

    def evaluate(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> list[Finding]:
        """One finding a group of bidders tied together by strong data, as the platform tells it or as the files do."""
        least = self.settings(settings)["min_bidders"]
        shared = shared_data(facts.bids)
        found = groups(s.bidders for s in shared if s.datum.strength == "strong")
        findings = [self._about(facts, shared, group, least) for group in found if len(group) >= least]
        return findings + about_files(self, facts, ("lock",))

    def _about(self, facts: LotFacts, shared: list[Shared], group: frozenset[str], least: float) -> Finding:
        common = [s for s in shared if len(s.bidders & group) > 1]
        strong = [s.datum for s in common if s.datum.strength == "strong"]
        evidence: dict[str, object] = {
            "strength": "strong",
            "shared": [s.as_evidence() for s in common],
            "bids": [
                {"bidder": b.bidder_id, "order": b.order, "bid": key_of(b.id), "received_at": rfc3339(b.received_at),
                 "on_site": b.on_site}
                for b in facts.bids if b.bidder_id in group
            ],
            "compared": len(facts.bids),
        }  # fmt: skip
        return self.finding(
            facts,
            list(group),
            title=self.says("found", count=len(group), shared=[d.name for d in dict.fromkeys(strong)]),
            value=float(len(group)),
            threshold=least,
            evidence=evidence,
        )
