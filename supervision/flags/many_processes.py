"""Indicators that only many contracting processes together decide: R024, R025, R038, R048, R058.

Definitions, thresholds and exclusions are Cardinal's (https://cardinal.readthedocs.io), inclusive at the thresholds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from supervision.flags.indicator import Currency, Flags, Indicator
from supervision.flags.release import Bid, Release
from supervision.flags.settings import Settings
from supervision.flags.statistics import lower_fence, quantile, upper_fence


class Gaps(Indicator):
    """What R024 and R058 share: by how much the lowest valid bid of somebody else exceeds the winning one."""

    id = "gaps"

    def __init__(self, settings: Settings, currency: Currency, flags: Flags) -> None:
        super().__init__(settings, currency, flags)
        self.of: dict[str, tuple[float, str, str]] = {}
        """Process → gap as a share of the winning price, its winner, the lowest other bidder."""

    def fold(self, release: Release) -> None:
        """Note the gap where one bidder won alone with the lowest bid."""
        if release.winner is None or not self.compares_prices(release):
            return
        won: Bid | None = None
        other: Bid | None = None
        for bid in release.valid:
            if bid.sole is None or bid.amount is None or not self.currency.takes(bid.currency):
                continue
            if bid.sole == release.winner:
                won = _lower(won, bid)
            else:
                other = _lower(other, bid)
        if won and other:
            self._note(release.ocid, won, other)

    def _note(self, ocid: str, won: Bid, other: Bid) -> None:
        low, next_low = won.amount or 0.0, other.amount or 0.0
        if next_low < low:
            return  # the lowest bid did not win: price is not the only criterion
        self.of[ocid] = (_ratio(next_low - low, low), won.sole or "", other.sole or "")

    def ratios(self) -> list[float]:
        """All gaps."""
        return [ratio for ratio, _, _ in self.of.values()]

    def merge(self, other: Gaps) -> None:
        """A process told again counts as told last."""
        self.of.update(other.of)


def _lower(held: Bid | None, bid: Bid) -> Bid:
    """The lower of two bids, the earlier where they are equal."""
    return bid if held is None or (bid.amount or 0.0) < (held.amount or 0.0) else held


def _ratio(gap: float, price: float) -> float:
    if price:
        return gap / price
    return math.nan if gap == 0 else math.inf


class OfGaps(Indicator):
    gaps: Gaps


class PriceClose(OfGaps):
    """R024: the gap to the second-lowest bid is a low outlier."""

    id = "R024"

    def finish(self) -> None:
        """Flag processes, their winners and the second-lowest bidders; nothing where three quarters have no gap."""
        given = self.settings.r024_threshold
        fence, q1 = lower_fence(self.gaps.ratios()) if given is None else (given, 1.0)
        if not (q1 > 0.0 and fence > 0.0):
            return
        for ocid, (ratio, *pair) in self.gaps.of.items():
            if ratio <= fence:
                self.flag("OCID", ocid, ratio)
                for who in pair:
                    self.flag("Tenderer", who, 0.0)


class HeavilyDiscounted(OfGaps):
    """R058: the gap to the second-lowest bid is a high outlier."""

    id = "R058"

    def finish(self) -> None:
        """Flag processes and their winners."""
        given = self.settings.r058_threshold
        fence = upper_fence(self.gaps.ratios()) if given is None else given
        if not fence > 0.0:
            return
        for ocid, (ratio, winner, _) in self.gaps.of.items():
            if ratio >= fence:
                self.flag("OCID", ocid, ratio)
                self.flag("Tenderer", winner, 0.0)


class Shares(dict[str, tuple[int, int]]):
    """Who → (some of, all of) what was counted."""

    def count(self, who: str, some: int, every: int = 1) -> None:
        """Add to both."""
        held = self.get(who, (0, 0))
        self[who] = (held[0] + some, held[1] + every)

    def merge(self, other: Shares) -> None:
        """Add what was counted elsewhere."""
        for who, (some, every) in other.items():
            self.count(who, some, every)


class UnsuccessfulBids(Indicator):
    """R025: one of those who bid most often wins unusually rarely."""

    id = "R025"

    def __init__(self, settings: Settings, currency: Currency, flags: Flags) -> None:
        super().__init__(settings, currency, flags)
        self.wins = Shares()

    def fold(self, release: Release) -> None:
        """Count each bidder once a process that one bidder won alone."""
        if release.winner is not None:
            for who in dict.fromkeys([bid.sole for bid in release.valid]):
                if who is not None:
                    self.wins.count(who, who == release.winner)

    def merge(self, other: UnsuccessfulBids) -> None:
        """Add wins and bids."""
        self.wins.merge(other.wins)

    def finish(self) -> None:
        """Flag tenderers; nothing where three quarters never win."""
        often = quantile(
            (float(bids) for _, bids in self.wins.values()), self.settings.r025_percentile / 100.0
        )
        given = self.settings.r025_threshold
        ratios = {who: won / bids for who, (won, bids) in self.wins.items()}
        fence, q1 = lower_fence(ratios.values()) if given is None else (given, 1.0)
        if q1 > 0.0 and fence > 0.0:
            for who, ratio in ratios.items():
                if self.wins[who][1] >= often and ratio <= fence:
                    self.flag("Tenderer", who, ratio)


class DisqualifiedBids(Indicator):
    """R038: an unusual share of the bids was disqualified, by buyer, procuring entity, tenderer."""

    id = "R038"

    def __init__(self, settings: Settings, currency: Currency, flags: Flags) -> None:
        super().__init__(settings, currency, flags)
        self.shares = {group: Shares() for group in ("Buyer", "ProcuringEntity", "Tenderer")}

    def fold(self, release: Release) -> None:
        """Count bids submitted and disqualified."""
        submitted = release.submitted
        if not submitted:
            return
        tenderers, gone = self.shares["Tenderer"], len(release.disqualified)
        for bid in submitted:
            out = bid.status == "disqualified"
            for who in bid.tenderers:
                tenderers.count(who, out)
        for group, body in (("Buyer", release.buyer), ("ProcuringEntity", release.procuring_entity)):
            if body is not None:
                self.shares[group].count(body, gone, len(submitted))

    def merge(self, other: DisqualifiedBids) -> None:
        """Add bids submitted and disqualified."""
        for group, shares in self.shares.items():
            shares.merge(other.shares[group])

    def finish(self) -> None:
        """Flag in each group against its own fence; nothing where three quarters have nothing disqualified."""
        for group, shares in self.shares.items():
            few = self._least(group)
            ratios = {who: some / every for who, (some, every) in shares.items() if every and every >= few}
            given = self.settings.r038_threshold
            fence = upper_fence(ratios.values()) if given is None else given
            for who, ratio in ratios.items():
                if fence > 0.0 and ratio >= fence:
                    self.flag(group, who, ratio)

    def _least(self, group: str) -> int:
        """Bids below which nobody is judged. (Cardinal counts bids under the name of processes for bodies, too.)"""
        chosen = self.settings
        of_bodies = chosen.r038_minimum_contracting_processes
        return chosen.r038_minimum_submitted_bids if group == "Tenderer" else of_bodies


class ManyTrades(Indicator):
    """R048: a supplier delivers an unusual variety of goods, works and services."""

    id = "R048"

    def __init__(self, settings: Settings, currency: Currency, flags: Flags) -> None:
        super().__init__(settings, currency, flags)
        self.supplied: dict[str, tuple[int, set[str]]] = {}
        """Supplier → number of its processes, the trades in them."""

    def fold(self, release: Release) -> None:
        """Note the trades of active awards to one supplier."""
        digits, seen = self.settings.r048_digits, set[str]()
        for award in release.awards:
            if award.status == "active" and award.sole is not None and award.codes:
                codes = (code[:digits] for code in award.codes)
                self._note(award.sole, int(award.sole not in seen), codes)
                seen.add(award.sole)

    def _note(self, who: str, processes: int, codes: Iterable[str]) -> None:
        held, trades = self.supplied.get(who, (0, set()))
        trades.update(codes)
        self.supplied[who] = (held + processes, trades)

    def merge(self, other: ManyTrades) -> None:
        """Add processes and trades."""
        for who, (processes, trades) in other.supplied.items():
            self._note(who, processes, trades)

    def finish(self) -> None:
        """Flag suppliers with enough processes."""
        least, given = self.settings.r048_minimum_contracting_processes, self.settings.r048_threshold
        variety = {who: float(len(trades)) for who, (n, trades) in self.supplied.items() if n >= least}
        fence = upper_fence(variety.values()) if given is None else float(given)
        for who, number in variety.items():
            if number >= fence:
                self.flag("Tenderer", who, number)
