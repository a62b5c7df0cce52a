"""The eleven indicators, a class each: `fold` a release in, `merge` what another process counted, `finish` with flags.

Definitions, thresholds and exclusions are Cardinal's (https://cardinal.readthedocs.io), inclusive at the thresholds.
"""

from __future__ import annotations

import math
import re
from abc import ABC
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from supervision.flags.release import Bid, Release
from supervision.flags.settings import Settings
from supervision.flags.statistics import lower_fence, quantile, upper_fence

GROUPS = ("OCID", "Buyer", "ProcuringEntity", "Tenderer")


class Flags:
    """Group → identifier → indicator → value."""

    def __init__(self) -> None:
        self.of: dict[str, dict[str, dict[str, float]]] = {group: {} for group in GROUPS}

    def set(self, group: str, who: str, indicator: str, value: float) -> None:
        """Flag somebody or something."""
        self.of[group].setdefault(who, {})[indicator] = value

    def merge(self, other: Flags) -> None:
        """Take over the flags of a later part of the file."""
        for group, found in other.of.items():
            mine = self.of[group]
            for who, values in found.items():
                mine.setdefault(who, {}).update(values)

    def as_dict(self) -> dict[str, dict[str, dict[str, float | None]]]:
        """As Cardinal prints them, groups without flags left out. What is no number in JSON is null."""
        return {
            group: {
                who: {
                    indicator: value if math.isfinite(value) else None for indicator, value in values.items()
                }
                for who, values in found.items()
            }
            for group, found in self.of.items()
            if found
        }


class Currency:
    """The main currency: the one of the settings, else the first one met."""

    def __init__(self, chosen: str | None) -> None:
        self.chosen = chosen
        self.main: str | None = None

    def takes(self, code: str | None) -> bool:
        """Whether an amount in it counts."""
        if code is None:
            return False
        if self.main is None:
            self.main = self.chosen or code
        return code == self.main


class Indicator(ABC):
    """Something counted over releases."""

    id: ClassVar[str]

    def __init__(self, settings: Settings, currency: Currency, flags: Flags) -> None:
        self.settings, self.currency, self.flags = settings, currency, flags

    def fold(self, release: Release) -> None:  # noqa: B027 — two of them only finish
        """Count a release."""

    def merge(self, other: Any) -> None:  # noqa: B027 — those that flag at once have nothing to merge
        """Add what was counted over later releases."""

    def finish(self) -> None:  # noqa: B027 — those that flag at once have nothing left
        """Flag what can only be judged over all releases."""

    def flag(self, group: str, who: str, value: float) -> None:
        """Flag under this indicator's id."""
        self.flags.set(group, who, self.id, value)

    def compares_prices(self, release: Release) -> bool:
        """Whether prices may be compared in procedures of this kind."""
        only = self.settings.price_comparison
        if only:
            return release.details in only
        return release.details not in self.settings.no_price_comparison


_PLAIN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:[0-5]\d)", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(?:\.(\d+))?([Zz]|[+\-−]\d\d:[0-5]\d)", re.ASCII)


def instant(text: Any) -> datetime | None:
    """The moment of an RFC 3339 text, to the microsecond; None if it is none."""
    if type(text) is not str:
        return None
    try:
        return datetime.fromisoformat(text) if _PLAIN.fullmatch(text) else _unusual(text)
    except ValueError:
        return None


def _unusual(text: str) -> datetime | None:
    """Times in lower case, with fractions, a leap second or a typographic minus."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    day, minutes, second, fraction, zone = found.groups()
    leap = second == "60"
    part, offset = (fraction or "")[:6].ljust(6, "0"), zone.upper().replace("−", "-")
    moment = datetime.fromisoformat(f"{day}T{minutes}{'59' if leap else second}.{part}{offset}")
    return moment + timedelta(seconds=leap)


class ShortPeriod(Indicator):
    """R003: the submission period is shorter than 15 whole days, or than what its kind of procedure must have."""

    id = "R003"

    def fold(self, release: Release) -> None:
        """Flag the process."""
        chosen, period = self.settings, release.tender.get("tenderPeriod")
        if type(period) is not dict or (chosen.r003_methods and release.method not in chosen.r003_methods):
            return
        start, end = instant(period.get("startDate")), instant(period.get("endDate"))
        if start is None or end is None:
            return
        least = chosen.r003_details.get(release.details or "", chosen.r003_threshold)
        if int((end - start) / timedelta(days=1)) < least:
            self.flag("OCID", release.ocid, 1.0)


class SingleBid(Indicator):
    """R018: one tenderer in a competitive procedure."""

    id = "R018"

    def fold(self, release: Release) -> None:
        """Flag the process."""
        number, methods = release.tender.get("numberOfTenderers"), self.settings.r018_methods
        if type(number) is int and number == 1 and (not methods or release.method in methods):
            self.flag("OCID", release.ocid, 1.0)


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


class _OfGaps(Indicator):
    gaps: Gaps


class PriceClose(_OfGaps):
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


class HeavilyDiscounted(_OfGaps):
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


class IdenticalPrices(Indicator):
    """R028: different tenderers submitted the same price."""

    id = "R028"

    def fold(self, release: Release) -> None:
        """Flag the process and those tenderers."""
        if not self.compares_prices(release):
            return
        prices: dict[tuple[float, str], frozenset[str]] = {}
        for bid in release.submitted:
            if bid.amount is None or bid.currency is None or not bid.tenderers:
                continue
            who, price = frozenset(bid.tenderers), (bid.amount, bid.currency)
            other = prices.get(price, who)
            if other != who:
                self.flag("OCID", release.ocid, 1.0)
                for one in (*bid.tenderers, *sorted(other)):
                    self.flag("Tenderer", one, 1.0)
            prices[price] = who


class LateBid(Indicator):
    """R030: a valid bid received after the deadline belongs to somebody who was awarded."""

    id = "R030"

    def fold(self, release: Release) -> None:
        """Flag the process and those tenderers. Times are compared as they are written."""
        period = release.tender.get("tenderPeriod")
        end = period.get("endDate") if type(period) is dict else None
        if type(end) is not str:
            return
        late = [bid for bid in release.valid if bid.date is not None and bid.date > end]
        if not late:
            return
        awarded = {who for award in release.awards if award.status == "active" for who in award.suppliers}
        for who in (who for bid in late for who in bid.tenderers if who in awarded):
            self.flag("OCID", release.ocid, 1.0)
            self.flag("Tenderer", who, 1.0)


class AllOthersDisqualified(Indicator):
    """R035: every bid but those of the one winner was disqualified."""

    id = "R035"

    def fold(self, release: Release) -> None:
        """Flag the process with the number of those disqualified, and the winner."""
        if release.final is None or not release.disqualified:
            return
        awarded = {who for award in release.final for who in award.suppliers}
        valid = {who for bid in release.valid for who in bid.tenderers}
        if len(valid) != 1 or valid != awarded:
            return
        out = len({who for bid in release.disqualified for who in bid.tenderers} - valid)
        if out >= self.settings.r035_threshold:
            self.flag("OCID", release.ocid, float(out))
            self.flag("Tenderer", next(iter(valid)), 0.0)


class LowestDisqualified(Indicator):
    """R036: the lowest bid was disqualified; of equal ones the first told counts."""

    id = "R036"

    def fold(self, release: Release) -> None:
        """Flag the process if something was awarded and a valid bid has a price."""
        if not any(award.status == "active" for award in release.awards) or not self.compares_prices(release):
            return
        priced = [b for b in release.submitted if b.amount is not None and self.currency.takes(b.currency)]
        if any(bid.status == "valid" for bid in priced):
            lowest = min(priced, key=lambda bid: bid.amount or 0.0)
            if lowest.status == "disqualified":
                self.flag("OCID", release.ocid, 1.0)


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


EVERY: tuple[type[Indicator], ...] = (
    ShortPeriod, SingleBid, PriceClose, UnsuccessfulBids, IdenticalPrices, LateBid, AllOthersDisqualified,
    LowestDisqualified, DisqualifiedBids, ManyTrades, HeavilyDiscounted,
)  # fmt: skip


class Tally:
    """All indicators that were asked for, over one file or a part of it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.currency, self.flags = Currency(settings.currency), Flags()
        made = [kind(settings, self.currency, self.flags) for kind in EVERY if kind.id in settings.enabled]
        gaps = Gaps(settings, self.currency, self.flags)
        asking = [one for one in made if isinstance(one, _OfGaps)]
        for one in asking:
            one.gaps = gaps
        self.indicators: list[Indicator] = [*([gaps] if asking else ()), *made]
        self._folding = [one for one in self.indicators if type(one).fold is not Indicator.fold]

    def fold(self, release: Release) -> None:
        """Count a release, unless its kind of procedure is left out."""
        if release.details is not None and release.details in self.settings.excluded_details:
            return
        for one in self._folding:
            one.fold(release)

    def merge(self, other: Tally) -> None:
        """Add what was counted over a later part of the file."""
        self.flags.merge(other.flags)
        self.currency.main = self.currency.main or other.currency.main
        for mine, theirs in zip(self.indicators, other.indicators, strict=True):
            mine.merge(theirs)

    def finish(self) -> dict[str, dict[str, dict[str, float | None]]]:
        """The flags, as Cardinal prints them without its Meta key."""
        for one in self.indicators:
            one.finish()
        return self.flags.as_dict()
