"""Totals of the city's reference year, exact to the unit (domain: Hangzhou 2023, derived figures).

How 915,373 participations a year and 3.66 million records in four years fit: the reference year, 2023, is told at
length, with notices, candidates, deposits, fees and files' analysis; the time since is told more shortly, one record a
participation, and fills what is left of 3,661,492 records of all kinds. M50 counts records, not participations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Targets:
    """Totals of the reference year; money in whole yuan. `records` is of all kinds and years."""

    fraction: float = 1.0
    records: int = 3_661_492
    participations: int = 915_373
    outside: int = 312_600
    """34.15 % of the participations, 31.26万家次."""
    lots: int = 4_944
    """Opened and evaluated: 4,944 evaluations."""
    failed: int = 206
    """流标 besides, nobody having bid: so M03 is the same whether it counts them or not."""
    outside_lots: int = 2_954
    broadcasts: int = 1_420
    served: int = 398_000
    """Participations of the broadcast lots: 39.8万."""
    remote: Mapping[str, int] = field(
        default_factory=lambda: {"city": 62, "cross_city": 292, "cross_province": 6}
    )
    attendances: int = 22_396
    """4.53 experts an evaluation, 2.24万人次."""
    fees: int = 23_233_400
    refunds: int = 4_032
    refunded: int = 446_000_000
    guarantees: int = 6_000
    key: Mapping[str, int] = field(default_factory=lambda: {"city_plan": 134, "safeguard": 379})
    deals: int = 3_031
    """Of the Asian Games programme 亚运项目."""
    deal_amount: int = 70_850_000_000
    savings: float = 0.1634
    """Mean and weighted savings of those deals (M29, M30)."""
    batches: int = 13
    rated: Mapping[str, int] = field(default_factory=lambda: {"works": 5_000, "监理": 600, "agency": 300})
    """Firms rated every month of the reference year (domain: Yuhang 2024)."""
    opinions: int = 42
    inspections: int = 12
    scored: int = 520
    """Evaluations of the reference year whose scores are kept."""
    later_lots: tuple[int, int, int] = (4_700, 4_800, 4_900)
    later_shares: tuple[float, float, float] = (0.346, 0.353, 0.361)
    later_weights: tuple[float, float, float] = (0.32, 0.333, 0.347)

    @staticmethod
    def scaled(fraction: float) -> Targets:
        """The same market at a fraction of its size; 1 is the city."""
        full = Targets()
        if fraction == 1:
            return full
        lots = _part(full.lots, fraction)
        attendances = _part(full.attendances, fraction)
        return Targets(
            fraction=fraction,
            records=_part(full.records, fraction),
            participations=_part(full.participations, fraction),
            outside=_part(full.outside, fraction),
            lots=lots,
            failed=_part(full.failed, fraction),
            outside_lots=_part(full.outside_lots, fraction),
            broadcasts=_part(full.broadcasts, fraction),
            served=_part(full.served, fraction),
            remote={tier: _part(count, fraction) for tier, count in full.remote.items()},
            attendances=attendances + (attendances - lots) % 2,
            fees=_part(full.fees, fraction),
            refunds=_part(full.refunds, fraction),
            refunded=_part(full.refunded, fraction),
            guarantees=_part(full.guarantees, fraction),
            key={flag: _part(count, fraction) for flag, count in full.key.items()},
            deals=_part(full.deals, fraction),
            deal_amount=_part(full.deal_amount, fraction),
            rated={role: _part(count, fraction) for role, count in full.rated.items()},
            scored=_part(full.scored, fraction),
            later_lots=tuple(_part(n, fraction) for n in full.later_lots),  # type: ignore[arg-type]
        )

    def committees(self) -> dict[int, int]:
        """Size of the evaluation committee → evaluations: sizes are odd, and the sum is `attendances`.

        Seven for the largest; three only where the law on tendering does not ask for five (art. 37).
        """
        seven = round(self.lots * 0.0607)
        five = (self.attendances - 3 * self.lots - 4 * seven) // 2
        return {7: seven, 5: five, 3: self.lots - seven - five}


def _part(count: int, fraction: float) -> int:
    return max(1, round(count * fraction))


PLANTED_A_YEAR = {"ring": 12, "captive": 14, "bias": 8}
"""Planted lots of each ring, captive tenderer and biased expert in a year of the whole city."""


def planted(fraction: float) -> dict[str, int]:
    """Planted lots a year at a fraction of the city: enough to be found in four years."""
    return {what: max(2, round(count * fraction)) for what, count in PLANTED_A_YEAR.items()}
