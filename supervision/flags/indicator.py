"""What every indicator is: `fold` a release in, `merge` what another process counted, `finish` with flags."""

from __future__ import annotations

import math
from abc import ABC
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, ClassVar

from supervision.flags.release import Bid, Release
from supervision.flags.settings import Settings

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

    def priced(self, bids: Iterable[Bid]) -> list[Bid]:
        """The bids with a price in it; the first price met makes its currency the main one."""
        if self.main is None:
            return [bid for bid in bids if bid.amount is not None and self.takes(bid.currency)]
        return [bid for bid in bids if bid.amount is not None and bid.currency == self.main]


class Shares:
    """Of everybody's things counted, how many are such as are looked for."""

    def __init__(self) -> None:
        self.some, self.every = defaultdict[str, int](int), defaultdict[str, int](int)

    def merge(self, other: Shares) -> None:
        """Add what was counted elsewhere."""
        for mine, theirs in ((self.some, other.some), (self.every, other.every)):
            for who, number in theirs.items():
                mine[who] += number

    def ratios(self, least: float = 1) -> dict[str, float]:
        """Who → share, of those with at least `least` things."""
        return {
            who: self.some.get(who, 0) / every for who, every in self.every.items() if every >= max(1, least)
        }


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
