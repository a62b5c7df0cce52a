"""One lot of the city as planned: everything but its bids, which are drawn when they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sunbid.demo.city.clock import LAST, REFERENCE
from sunbid.demo.lots import small_centre

AWARDED_AFTER = timedelta(days=6, hours=1)
PUBLICITY_AFTER = timedelta(days=2)
CONTRACT_AFTER = timedelta(days=20)
REFUND_DUE = timedelta(days=10)
LOWEST, COMPREHENSIVE, COEFFICIENT, AUCTION = (
    "经评审的最低投标价法", "综合评估法", "合理价法（抽取系数）", "公开竞价",
)  # fmt: skip
DISPLAYED_FOR, NOT_DISPLAYED_ONE_IN = timedelta(days=5), 40
"""How long before the notice documents are on display; one lot in so many shows none."""
LONG_BIDS = 60
"""Bids of a lot of the last year up to which they are told at length: of rings and their computers, not of the crowd."""
SCORED_ITEMS = (("技术方案", "subjective", 30), ("施工组织", "subjective", 20), ("企业信用", "objective", 10))
"""Item, kind, full marks of a lot whose scores are kept."""


@dataclass(slots=True)
class CityLot:
    """A lot; firms, tenderers, agencies and experts by their numbers in CityFirms, money in whole yuan."""

    key: str
    deadline: datetime
    notice_at: datetime
    year: int
    """0–3, the reference year is 0; 3 ends today."""
    division: str = ""
    room: str = ""
    title: str = ""
    family: str = "works"
    category: str = "施工"
    trades: tuple[int, ...] = ()
    method: str = "open"
    evaluation_method: str = COMPREHENSIVE
    tenderer: int = 0
    agency: int = 0
    control: int = 0
    ratio: float = 0.95
    """Award price over control price."""
    award_cents: int = 0
    bids: int = 0
    outside: int = 0
    wide: bool = False
    """Whether firms from outside take part."""
    waits: bool = False
    """How many bid is settled last, when all else is counted."""
    key_flag: str | None = None
    deal: bool = False
    """Of the Asian Games programme."""
    broadcast: bool = False
    tier: str | None = None
    """Of a remote evaluation."""
    committee: int = 0
    paid: tuple[int, ...] = ()
    """Fee of each expert, yuan."""
    deposit: int = 0
    """Of each bidder, in cents."""
    transfers: int = 0
    """Bidders who paid the deposit by transfer, the first ones."""
    guarantees: int = 0
    """Bidders after those who gave a guarantee."""
    scored: bool = False
    planted: str | None = None
    """ring, captive or bias."""
    plant: int = 0
    """Which ring, captive tenderer or biased expert."""
    turn: int = 0
    """How many planted lots of the same kind came before."""
    candidates: int = 1
    """Award records: three at length, one in the years told shortly."""
    notices: int = 0
    objected: bool = False

    @property
    def centre(self) -> str:
        """The centre that handles it: one of the small-value centres, or its district's."""
        return small_centre(hash_free(self.key)) if self.family == "other" else self.division

    @property
    def failed(self) -> bool:
        """流标: nobody bid."""
        return self.bids == 0

    @property
    def long(self) -> bool:
        """Whether its bids are told with the analysis of their files: those of the reference year, and small lots of the last."""
        return self.year == REFERENCE or (self.year == LAST and self.bids <= LONG_BIDS)

    def records(self, now: datetime) -> int:
        """How many records it makes as it stands at `now`, its bids among them."""
        count = 3 + int(self.displayed) + self.published_notices(now) + self.bids
        if self.failed:
            return count
        count += 1 + len(self.paid) + self.transfers + self.guarantees + int(self.objected)
        count += self.score_records()
        if self.deadline + PUBLICITY_AFTER <= now:
            count += self.candidates
        return count + int(self.contract_at <= now)

    @property
    def displayed(self) -> bool:
        """招标文件公示: whether its documents were on display before the notice, as those of nearly all lots were."""
        return hash_free(self.key) % NOT_DISPLAYED_ONE_IN != 0

    def published_notices(self, now: datetime) -> int:
        """Notices published by `now`: the tender's, the candidates', the result's."""
        if not self.notices or self.failed:
            return min(1, self.notices)
        stages = (self.deadline + PUBLICITY_AFTER, self.awarded_at)
        return 1 + sum(moment <= now for moment in stages)

    def score_records(self) -> int:
        """One of every expert for every bid on every item."""
        return self.committee * self.bids * len(SCORED_ITEMS) if self.scored else 0

    @property
    def awarded_at(self) -> datetime:
        """中标结果."""
        return self.deadline + AWARDED_AFTER

    @property
    def contract_at(self) -> datetime:
        """Within thirty days of the award (招标投标法 art. 46)."""
        return self.deadline + CONTRACT_AFTER + timedelta(days=hash_free(self.key) % 9)

    def status(self, now: datetime) -> str:
        """How far it has come at `now`."""
        if self.failed:
            return "failed"
        if self.contract_at <= now:
            return "contracted"
        if self.awarded_at <= now:
            return "awarded"
        return "publicity" if self.deadline + PUBLICITY_AFTER <= now else "evaluating"


def hash_free(key: str) -> int:
    """A number that follows from a key, the same in every process (unlike `hash`)."""
    return int(key[-4:])
