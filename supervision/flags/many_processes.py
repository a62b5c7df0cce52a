"""Indicators that only many contracting processes together decide: R024, R025, R038, R048, R058.

Definitions, thresholds and exclusions are Cardinal's (https://cardinal.readthedocs.io), inclusive at the thresholds.
"""

from __future__ import annotations

import math
from collections import defaultdict

from supervision.flags.indicator import Currency, Flags, Indicator, Shares
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
        for bid in self.currency.priced([bid for bid in release.valid if bid.sole is not None]):
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


class UnsuccessfulBids(Indicator):
    """R025: one of those who bid most often wins unusually rarely."""

    id = "R025"

    def __init__(self, settings: Settings, currency: Currency, flags: Flags) -> None:
        super().__init__(settings, currency, flags)
        self.wins = Shares()

    def fold(self, release: Release) -> None:
        """Count each bidder once a process that one bidder won alone."""
        if release.winner is not None:
            bids, bidders = self.wins.every, dict.fromkeys([bid.sole for bid in release.valid])
            for who in bidders:
                if who is not None:
                    bids[who] += 1
            if release.winner in bidders:
                self.wins.some[release.winner] += 1

    def merge(self, other: UnsuccessfulBids) -> None:
        """Add wins and bids."""
        self.wins.merge(other.wins)

    def finish(self) -> None:
        """Flag tenderers; nothing where three quarters never win."""
        bids = self.wins.every
        often = quantile(map(float, bids.values()), self.settings.r025_percentile / 100.0)
        given, ratios = self.settings.r025_threshold, self.wins.ratios()
        fence, q1 = lower_fence(ratios.values()) if given is None else (given, 1.0)
        if q1 > 0.0 and fence > 0.0:
            for who, ratio in ratios.items():
                if bids[who] >= often and ratio <= fence:
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
        gone, tenderers = release.disqualified, self.shares["Tenderer"]
        for bids, counted in ((submitted, tenderers.every), (gone, tenderers.some)):
            for bid in bids:
                for who in bid.tenderers:
                    counted[who] += 1
        for group, body in (("Buyer", release.buyer), ("ProcuringEntity", release.procuring_entity)):
            if body is not None:
                self.shares[group].every[body] += len(submitted)
                self.shares[group].some[body] += len(gone)

    def merge(self, other: DisqualifiedBids) -> None:
        """Add bids submitted and disqualified."""
        for group, shares in self.shares.items():
            shares.merge(other.shares[group])

    def finish(self) -> None:
        """Flag in each group against its own fence; nothing where three quarters have nothing disqualified."""
        for group, shares in self.shares.items():
            ratios = shares.ratios(self._least(group))
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
        self.processes = defaultdict[str, int](int)
        self.trades: dict[str, set[str]] = {}

    def fold(self, release: Release) -> None:
        """Note the trades of active awards to one supplier."""
        digits, suppliers = self.settings.r048_digits, set[str]()
        for award in release.active:
            if award.sole is not None and award.codes:
                suppliers.add(award.sole)
                self.trades.setdefault(award.sole, set()).update([code[:digits] for code in award.codes])
        for who in suppliers:
            self.processes[who] += 1

    def merge(self, other: ManyTrades) -> None:
        """Add processes and trades."""
        for who, processes in other.processes.items():
            self.processes[who] += processes
        for who, trades in other.trades.items():
            self.trades.setdefault(who, set()).update(trades)

    def finish(self) -> None:
        """Flag suppliers with enough processes."""
        least, given = self.settings.r048_minimum_contracting_processes, self.settings.r048_threshold
        variety = {
            who: float(len(trades)) for who, trades in self.trades.items() if self.processes[who] >= least
        }
        fence = upper_fence(variety.values()) if given is None else float(given)
        for who, number in variety.items():
            if number >= fence:
                self.flag("Tenderer", who, number)
