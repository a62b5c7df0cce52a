"""The lots of the city, planned so that every total of the reference year comes out to the unit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np

from sunbid.demo import names
from sunbid.demo.city import money, volume
from sunbid.demo.city.basis import Basis
from sunbid.demo.city.clock import LAST, REFERENCE, SETTLED, deadlines
from sunbid.demo.city.draw import Floats, stream
from sunbid.demo.city.lot import (
    AUCTION,
    AWARDED_AFTER,
    COEFFICIENT,
    COMPREHENSIVE,
    LOWEST,
    CityLot,
    hash_free,
)
from sunbid.demo.city.targets import planted
from sunbid.demo.lots import BUSINESSES, room_ids
from supervision.figures.filters import Period

AT_LENGTH = (REFERENCE, LAST)
"""The years told at length: with notices, candidates and fees."""
LARGEST_SMALL = 60
"""Bidders above which a lot is always one of works."""


class CityPlan(Basis):
    """All lots of one seed as seen from one moment."""

    @cached_property
    def lots(self) -> list[CityLot]:
        """Every lot, in order of its deadline."""
        found: list[CityLot] = []
        for year, period in enumerate(self.clock.years()):
            opened = self.targets.lots if year == REFERENCE else self.targets.later_lots[year - 1]
            found += self._year(year, period, opened, round(opened * self.targets.failed / self.targets.lots))
        volume.fill(self, found)
        money.settle(self, found)
        return found

    def of_year(self, year: int) -> list[CityLot]:
        """The lots of a year that were opened."""
        return [lot for lot in self.lots if lot.year == year and not lot.failed]

    # ── one year ─────────────────────────────────────────────────────────────

    def _year(self, year: int, period: Period, opened: int, failed: int) -> list[CityLot]:
        rng = stream(self.seed, "year", year)
        made = self._blank(rng, year, period, opened + failed)
        order = rng.permutation(len(made))
        lost, opened_ones = order[:failed], sorted(order[failed:].tolist())
        live = [made[n] for n in opened_ones]
        share = self.targets.outside_lots / self.targets.lots
        for n in rng.choice(len(live), round(share * len(live)), replace=False):
            live[n].wide = True
        local = [lot for lot in live if not lot.wide]
        self._plant(rng, year, local)
        volume.size(self, rng, year, [lot for lot in live if lot.wide], local)
        self._subjects(rng, year, live)
        self._subjects(rng, year, [made[n] for n in lost])
        self._flags(rng, year, live)
        money.price(self, rng, year, [*live, *(made[n] for n in lost)])
        return made

    def _blank(self, rng: np.random.Generator, year: int, period: Period, count: int) -> list[CityLot]:
        made: list[CityLot] = []
        month, number = "", 0
        rooms = room_ids()
        centres = rng.choice(len(names.CENTRES), count, p=_centre_weights())
        for place, deadline in enumerate(deadlines(rng, period, count)):
            number = number + 1 if f"{deadline:%y%m}" == month else 1
            month = f"{deadline:%y%m}"
            division = names.CENTRES[centres[place]][0]
            made.append(
                CityLot(
                    key=f"HZ{month}-{number:04d}",
                    deadline=deadline,
                    notice_at=deadline - timedelta(days=int(rng.integers(20, 33)), hours=1),
                    year=year,
                    division=division,
                    room=rooms[division][int(rng.integers(len(rooms[division])))],
                )
            )
        return made

    def _plant(self, rng: np.random.Generator, year: int, local: list[CityLot]) -> None:
        """Turn small local lots into those of rings, captive tenderers and biased experts."""
        last = _end(local) - (AWARDED_AFTER if year in AT_LENGTH else timedelta())
        free = [lot for lot in local if lot.deadline <= last]
        rng.shuffle(free)
        each = planted(self.fraction)
        for what, plants in (("ring", self.firms.rings), ("captive", self.firms.captives), ("bias", (0, 1))):
            for plant in range(len(plants)):
                mine = sorted((free.pop() for _ in range(each[what])), key=lambda lot: lot.key)
                for turn, lot in enumerate(mine):
                    lot.planted, lot.plant, lot.turn = what, plant, year * each[what] + turn

    def _subjects(self, rng: np.random.Generator, year: int, lots: Sequence[CityLot]) -> None:
        """What is bought, by whom, how it is evaluated. Committees of three only outside works."""
        families, places = self._families(rng, year, lots), list(names.PLACES)
        for lot, family in zip(lots, families, strict=True):
            if lot.planted:
                self._planted_subject(rng, lot)
            else:
                options = names.SUBJECTS[family]
                subject, lot.category = options[int(rng.integers(len(options)))]
                lot.family, lot.title = family, subject
                if family == "other":
                    lot.division = names.SMALL_DISTRICT
                    lot.room = room_ids()[lot.division][hash_free(lot.key) % 2]
                lot.tenderer = int(rng.choice(self.firms.usual_tenderers[lot.division]))
                lot.agency = int(rng.integers(len(self.firms.agencies)))
                lot.evaluation_method = _method(rng, family)
            lot.trades = BUSINESSES.get(lot.category, (9, 10))
            lot.title = names.title(places[int(rng.integers(len(places)))], lot.title)
            lot.method = "open" if rng.random() < 0.94 else "selective"

    def _families(self, rng: np.random.Generator, year: int, lots: Sequence[CityLot]) -> list[str]:
        """Works for all large lots; of the small ones as many others as the committees of three need."""
        needed = self.targets.committees()[3] / self.targets.lots * len(lots) * 1.2
        small = [n for n, lot in enumerate(lots) if lot.bids <= LARGEST_SMALL and not lot.planted]
        rng.shuffle(small)
        kinds = ["procurement", "other", "land", "property"]
        found = ["works"] * len(lots)
        for n in small[: round(needed)]:
            sale = not lots[n].wide
            weights = [0.8, 0.14, 0.03, 0.03] if sale else [0.85, 0.15, 0, 0]
            found[n] = kinds[int(rng.choice(4, p=weights))]
        return found

    def _planted_subject(self, rng: np.random.Generator, lot: CityLot) -> None:
        firms = self.firms
        lot.family, lot.category = "works", "施工"
        lot.agency = int(rng.integers(len(firms.agencies)))
        lot.evaluation_method = COMPREHENSIVE
        if lot.planted == "ring":
            ring = firms.rings[lot.plant]
            lot.category, lot.evaluation_method = ring.category, LOWEST
            lot.division = ring.division if rng.random() < 0.8 else lot.division
        elif lot.planted == "captive":
            lot.division = firms.tenderers[firms.captives[lot.plant]].division
            lot.agency = lot.plant
        lot.room = room_ids()[lot.division][0]
        usual = int(rng.choice(firms.usual_tenderers[lot.division]))
        lot.tenderer = firms.captives[lot.plant] if lot.planted == "captive" else usual
        options = [s for s, category in names.SUBJECTS["works"] if category == lot.category]
        lot.title = options[int(rng.integers(len(options)))]

    # ── what stands out ──────────────────────────────────────────────────────

    def _flags(self, rng: np.random.Generator, year: int, live: list[CityLot]) -> None:
        """Key projects, remote evaluations, committees, broadcasts, scores, deals."""
        share = len(live) / self.targets.lots
        order = [live[n] for n in rng.permutation(len(live))]
        plain = [lot for lot in order if not lot.planted]
        at = 0
        for flag, count in self.targets.key.items():
            for lot in plain[at : at + round(count * share)]:
                lot.key_flag = flag
            at += round(count * share)
        at = 0
        remote = [lot for lot in reversed(order) if not lot.planted]
        for tier, count in self.targets.remote.items():
            for lot in remote[at : at + round(count * share)]:
                lot.tier = tier
            at += round(count * share)
        self._committees(live, order)
        volume.broadcasts(self, year, order)
        volume.deposits(self, year, order)
        for lot in order:
            lot.scored = lot.planted == "bias"
            lot.paid = (0,) * lot.committee if year in AT_LENGTH else ()
        if year in AT_LENGTH:
            self._at_length(rng, year, order)

    def _committees(self, live: list[CityLot], order: list[CityLot]) -> None:
        share = len(live) / self.targets.lots
        sizes = self.targets.committees()
        others = [lot for lot in order if lot.family != "works"]
        works = sorted((lot for lot in order if lot.family == "works"), key=lambda lot: -lot.bids)
        for lot in live:
            lot.committee = 5
        for lot in others[: round(sizes[3] * share)]:
            lot.committee = 3
        for lot in works[: round(sizes[7] * share)]:
            lot.committee = 7

    def _at_length(self, rng: np.random.Generator, year: int, order: list[CityLot]) -> None:
        last = _end(order) - SETTLED
        for lot in order:
            lot.candidates, lot.notices = min(3, lot.bids), 3
            lot.objected = bool(rng.random() < 0.03) and year == REFERENCE and lot.deadline < last
        small = [lot for lot in order if lot.bids <= 14 and lot.committee >= 5 and lot.family == "works"]
        for lot in small[: self.targets.scored if year == REFERENCE else 0]:
            lot.scored = True


def _method(rng: np.random.Generator, family: str) -> str:
    if family in ("land", "property"):
        return AUCTION
    return str(rng.choice([COMPREHENSIVE, LOWEST, COEFFICIENT], p=[0.5, 0.2, 0.3]))


def _centre_weights() -> Floats:
    rooms = np.array([centre[3] for centre in names.CENTRES], float)
    share: Floats = rooms / rooms.sum()
    return share


def _end(lots: Sequence[CityLot]) -> datetime:
    return max(lot.deadline for lot in lots)
