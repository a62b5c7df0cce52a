"""Indicators that one contracting process decides by itself: R003, R018, R028, R030, R035, R036.

Definitions, thresholds and exclusions are Cardinal's (https://cardinal.readthedocs.io), inclusive at the thresholds.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from supervision.flags.indicator import Indicator
from supervision.flags.release import Release

_DAY = timedelta(days=1)
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
        if int((end - start) / _DAY) < least:
            self.flag("OCID", release.ocid, 1.0)


class SingleBid(Indicator):
    """R018: one tenderer in a competitive procedure."""

    id = "R018"

    def fold(self, release: Release) -> None:
        """Flag the process."""
        number, methods = release.tender.get("numberOfTenderers"), self.settings.r018_methods
        if type(number) is int and number == 1 and (not methods or release.method in methods):
            self.flag("OCID", release.ocid, 1.0)


class IdenticalPrices(Indicator):
    """R028: different tenderers submitted the same price."""

    id = "R028"

    def fold(self, release: Release) -> None:
        """Flag the process and those tenderers."""
        if not self.compares_prices(release):
            return
        priced = [
            b for b in release.submitted if b.amount is not None and b.currency is not None and b.tenderers
        ]
        if len({(bid.amount, bid.currency) for bid in priced}) == len(priced):
            return
        prices: dict[tuple[float | None, str | None], frozenset[str]] = {}
        for bid in priced:
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
        awarded = {who for award in release.active for who in award.suppliers}
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
        if not release.active or not self.compares_prices(release):
            return
        priced = self.currency.priced(
            release.submitted
        )  # before the next line: it may settle the main currency
        if not release.disqualified:
            return
        if any(bid.status == "valid" for bid in priced):
            lowest = min(priced, key=lambda bid: bid.amount or 0.0)
            if lowest.status == "disqualified":
                self.flag("OCID", release.ocid, 1.0)
