"""Parameters of the city: its seed, the moment it is seen from, and how large it is; all else follows from them."""

from __future__ import annotations

from datetime import datetime

from sunbid.demo.city.clock import CityClock
from sunbid.demo.city.firms import CityFirms
from sunbid.demo.city.targets import Targets


class Basis:
    """`fraction` makes a smaller city of the same shape; 1.0 has the totals of the reference year."""

    def __init__(self, seed: int, now: datetime, fraction: float = 1.0) -> None:
        self.seed, self.fraction = seed, fraction
        self.clock = CityClock(now)
        self.targets = Targets.scaled(fraction)
        self.firms = CityFirms(seed, fraction)
