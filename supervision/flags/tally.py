"""All indicators that were asked for, counted over one file or a part of it."""

from __future__ import annotations

from supervision.flags.indicator import Currency, Flags, Indicator
from supervision.flags.many_processes import (
    DisqualifiedBids,
    Gaps,
    HeavilyDiscounted,
    ManyTrades,
    OfGaps,
    PriceClose,
    UnsuccessfulBids,
)
from supervision.flags.one_process import (
    AllOthersDisqualified,
    IdenticalPrices,
    LateBid,
    LowestDisqualified,
    ShortPeriod,
    SingleBid,
)
from supervision.flags.release import Release
from supervision.flags.settings import Settings

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
        asking = [one for one in made if isinstance(one, OfGaps)]
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
