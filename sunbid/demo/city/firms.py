"""The organisations and experts of the city, a pure function of the seed; those of the small market among them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from random import Random

import numpy as np

from sunbid.demo import names
from sunbid.demo.city.draw import Floats, Ints, stream
from sunbid.demo.people import Firm, People, uscc

HOME_PREFIXES = ("杭州", *(zh for _division, zh, _en, _rooms in names.CENTRES[1:]))
OUTSIDE_PREFIXES = (
    "宁波", "温州", "嘉兴", "绍兴", "金华", "台州", "浦东", "闵行", "南京", "苏州", "南通", "合肥", "芜湖", "福州", "南昌",
    "济南", "烟台", "郑州", "武汉", "长沙", "广州", "深圳", "成都", "重庆", "西安", "朝阳", "海淀", "天津", "石家庄", "长春",
)  # fmt: skip
"""The place of each of names.OUTSIDE_DIVISIONS."""
WORKS = (0, 1, 2, 3, 4, 5, 6, 7)
EXPERTS = 3_000
RINGS = ((0, 5, "330109"), (7, 4, "330122"), (1, 6, "330106"), (6, 5, "330111"))
"""Business of the members, their number, the district of their lots."""
CAPTIVES = ("330127", "330112")
"""Districts of the captive tenderers."""
BIASED = 2
_RARE = 0.002
"""How often a ring's member bids outside the ring's lots, relative to a usual firm."""


@dataclass(frozen=True)
class Ring:
    """A planted ring: firms (by index) that bid together in one category and take turns."""

    members: tuple[int, ...]
    category: str
    division: str


class CityFirms:
    """Who takes part. Bidders are numbered; `division`, `business` and `log_weight` run by that number."""

    def __init__(self, seed: int, fraction: float = 1.0) -> None:
        self.seed, self.fraction = seed, fraction
        self.small = People(seed)

    @cached_property
    def bidders(self) -> tuple[Firm, ...]:
        """Some 22,000 at full size, a third of them of the city."""
        rng = Random(f"{self.seed}/city/bidders")
        home = self._some(len(HOME_PREFIXES))
        outside = self._some(len(OUTSIDE_PREFIXES))
        places = [(HOME_PREFIXES[n], names.HOME_DIVISIONS[max(0, n - 1)]) for n in range(home)]
        places += [(OUTSIDE_PREFIXES[n], names.OUTSIDE_DIVISIONS[n]) for n in range(outside)]
        made = list(self.small.bidders)
        for place, division in places:
            for business, trade in enumerate(names.BUSINESSES):
                for first in names.FIRST:
                    name = f"{place}{first}示例{trade}"
                    weight = min(rng.paretovariate(1.2), 60.0)
                    made.append(Firm(uscc(rng, "91", division), name, division, "bidder", business, weight))
        return tuple(made)

    def _some(self, count: int) -> int:
        """Of so many places those that a part of the city has; a greater city has more lots, not more places."""
        return min(count, max(3, round(count * max(self.fraction, 0.1))))

    @cached_property
    def outside(self) -> np.ndarray:
        """Whether each bidder is registered outside the city."""
        return np.array([firm.outside for firm in self.bidders])

    @cached_property
    def business(self) -> Ints:
        """The trade of each bidder."""
        return np.array([firm.business for firm in self.bidders])

    @cached_property
    def log_weight(self) -> Floats:
        """How often each bids; members of rings hardly ever outside their lots."""
        weights = np.array([firm.weight for firm in self.bidders])
        for ring in self.rings:
            weights[list(ring.members)] = _RARE
        for firm in (*self.favourites, *self.favoured):
            weights[firm] = 3.0
        found: Floats = np.log(weights)
        return found

    def pool(self, trades: tuple[int, ...], outside: bool) -> Ints:
        """Numbers of the bidders of some trades, from outside or of the city."""
        key = (trades, outside)
        if key not in self._pools:
            self._pools[key] = np.flatnonzero((self.outside == outside) & np.isin(self.business, trades))
        return self._pools[key]

    @cached_property
    def _pools(self) -> dict[tuple[tuple[int, ...], bool], Ints]:
        return {}

    def _reserved(self, business: int, skip: int, count: int) -> tuple[int, ...]:
        """Home firms of a trade, none of the small market's."""
        home = self.pool((business,), False)
        return tuple(int(n) for n in home[home >= len(self.small.bidders)][skip : skip + count])

    @cached_property
    def rings(self) -> tuple[Ring, ...]:
        """The planted rings."""
        categories = {0: "施工", 7: "水利", 1: "装修", 6: "机电"}
        return tuple(
            Ring(self._reserved(business, 10, size), categories[business], division)
            for business, size, division in RINGS
        )

    @cached_property
    def favourites(self) -> tuple[int, ...]:
        """The firm each captive tenderer prefers."""
        return self._reserved(0, 30, len(CAPTIVES))

    @cached_property
    def favoured(self) -> tuple[int, ...]:
        """The firm each biased expert prefers."""
        return self._reserved(4, 10, BIASED)

    @cached_property
    def tenderers(self) -> tuple[Firm, ...]:
        """Twenty a centre, after those of the small market."""
        rng = Random(f"{self.seed}/city/tenderers")
        made = list(self.small.tenderers)
        for division, zh, _en, _rooms in names.CENTRES:
            for name in names.TENDERERS:
                made.append(Firm(uscc(rng, "12", division), f"示例{zh}{name}", division, "tenderer"))
        return tuple(made)

    @cached_property
    def captives(self) -> tuple[int, ...]:
        """Numbers of the captive tenderers; they have no other lots than the planted ones."""
        return tuple(
            max(n for n, firm in enumerate(self.tenderers) if firm.division == division)
            for division in CAPTIVES
        )

    @cached_property
    def usual_tenderers(self) -> dict[str, Ints]:
        """Division → numbers of its tenderers that are not captive."""
        return {
            centre[0]: np.array([
                n
                for n, firm in enumerate(self.tenderers)
                if firm.division == centre[0] and n not in self.captives
            ])
            for centre in names.CENTRES
        }  # fmt: skip

    @cached_property
    def agencies(self) -> tuple[Firm, ...]:
        """Three hundred at full size, after those of the small market."""
        rng = Random(f"{self.seed}/city/agencies")
        made = list(self.small.agencies)
        wanted = max(20, round(300 * self.fraction))
        for number in range(wanted):
            division = names.HOME_DIVISIONS[number % len(names.HOME_DIVISIONS)]
            first = names.FIRST[number % len(names.FIRST)]
            trade = names.AGENCIES[number // len(names.FIRST) % len(names.AGENCIES)]
            made.append(Firm(uscc(rng, "91", division), f"杭州{first}示例{trade}", division, "agency"))
        return tuple(made)

    @cached_property
    def experts(self) -> tuple[str, ...]:
        """Pseudonyms; the first BIASED of them are the biased ones."""
        count = max(120, round(EXPERTS * self.fraction))
        return tuple(
            "ZJ" + hashlib.sha256(f"{self.seed}/expert/{n}".encode()).hexdigest()[:10].upper()
            for n in range(count)
        )

    @cached_property
    def speciality(self) -> Ints:
        """The trade each expert knows best."""
        return stream(self.seed, "specialities").integers(0, len(names.BUSINESSES), len(self.experts))

    def mac(self, firm: int) -> str:
        """The network address of a firm's computer."""
        if firm not in self._macs:
            self._macs[firm] = self.bidders[firm].mac
        return self._macs[firm]

    @cached_property
    def _macs(self) -> dict[int, str]:
        return {}
