"""How many bid, how many from outside, what is broadcast and who pays a deposit: the totals exact."""

from __future__ import annotations

import numpy as np

from sunbid.demo.city import other_records
from sunbid.demo.city.basis import Basis
from sunbid.demo.city.clock import REFERENCE, YEARS
from sunbid.demo.city.draw import settled, shared, sized, stream
from sunbid.demo.city.firms import WORKS
from sunbid.demo.city.lot import REFUND_DUE, CityLot

MOST = 1_900
WAITING = 61
"""Bidders a lot is taken to have until `fill`: so many that it is one of works."""
_WIDE_SPREAD, _LATER_SPREAD, _LOCAL_SPREAD = 2.3, 1.3, 0.45
_LOCAL_MEDIAN = 6.6
_RING_EXTRA = (4, 9)
_PLANTED = (6, 14)
_MORE_BROADCASTS = 0.05
"""By how much the share of lots that are broadcast grows from year to year."""
_REFUNDS_LATER = 0.75
"""Refunds of a later year, relative to the reference year."""


def most(basis: Basis) -> int:
    """The most bidders a lot may have: there must be firms enough."""
    return min(MOST, int(0.55 * len(basis.firms.pool(WORKS, False))))


def size(
    basis: Basis, rng: np.random.Generator, year: int, wide: list[CityLot], local: list[CityLot]
) -> None:
    """Bidders of a year's lots; most of the wide lots of later years wait for `fill`."""
    for lot in local:
        lot.bids = max(3, min(40, round(float(rng.lognormal(np.log(_LOCAL_MEDIAN), _LOCAL_SPREAD)))))
        if lot.planted == "ring":
            lot.bids = len(basis.firms.rings[lot.plant].members) + int(rng.integers(*_RING_EXTRA))
        elif lot.planted:
            lot.bids = int(rng.integers(*_PLANTED))
    if year != REFERENCE:
        small = set(rng.choice(len(wide), len(wide) * 2 // 5, replace=False).tolist())
        for n, lot in enumerate(wide):
            lot.waits = n not in small
            lot.bids = WAITING if lot.waits else int(rng.integers(3, 40))
        return
    total = basis.targets.participations - sum(lot.bids for lot in local)
    _spread(basis, rng, wide, total, _WIDE_SPREAD, 3)
    _outside(rng, wide, basis.targets.outside)


def _spread(
    basis: Basis, rng: np.random.Generator, lots: list[CityLot], total: int, spread: float, low: int
) -> None:
    for lot, count in zip(lots, sized(rng, len(lots), total, spread, low, most(basis)), strict=True):
        lot.bids = int(count)


def _outside(rng: np.random.Generator, wide: list[CityLot], total: int) -> None:
    """At least one in every wide lot and `total` in all, about the same share everywhere."""
    bids = np.array([lot.bids for lot in wide])
    share = np.clip(rng.normal(total / bids.sum(), 0.07, len(wide)), 0.05, 0.75)
    parts = np.clip(np.rint(share * bids), 1, bids - 1).astype(np.int64)
    for lot, count in zip(wide, settled(rng, parts, total, 1, bids - 1), strict=True):
        lot.outside = int(count)


def fill(basis: Basis, lots: list[CityLot]) -> None:
    """Give the lots that wait what is left of the records, growing from year to year.

    Raises ValueError where nothing sensible is left: the targets then contradict each other.
    """
    rng = stream(basis.seed, "fill")
    later = [year for year in range(YEARS) if year != REFERENCE]
    waiting = [[lot for lot in lots if lot.waits and lot.year == year] for year in later]
    records = sum(lot.records(basis.clock.now) - (lot.bids if lot.waits else 0) for lot in lots)
    totals = shared(
        np.array(basis.targets.later_weights), basis.targets.records - records - other_records.count(basis)
    )
    for place, (year, mine) in enumerate(zip(later, waiting, strict=True)):
        _spread(basis, rng, mine, int(totals[place]), _LATER_SPREAD, 25)
        whole = [lot for lot in lots if lot.year == year]
        outside = round(sum(lot.bids for lot in whole) * basis.targets.later_shares[place])
        _outside(rng, [lot for lot in whole if lot.wide], outside)


def broadcasts(basis: Basis, year: int, order: list[CityLot]) -> None:
    """Mark the lots that were broadcast; in the reference year `served` participations in all."""
    share = (1.0 + _MORE_BROADCASTS * year) * len(order) / basis.targets.lots
    count = round(basis.targets.broadcasts * share)
    wide = [lot for lot in order if lot.wide]
    chosen = wide[:count]
    if year == REFERENCE:
        chosen = _adding_up(chosen, order, basis.targets.served)
    for lot in chosen:
        lot.broadcast = True


def _adding_up(chosen: list[CityLot], others: list[CityLot], total: int) -> list[CityLot]:
    """Swap lots one for one until the bidders of the chosen ones add up to `total`, as nearly as can be: every `step`th of
    them is tried, and where none of these helps any more the ones beside them."""
    held = {id(lot) for lot in chosen}
    free = sorted((lot for lot in others if id(lot) not in held), key=lambda lot: (lot.bids, lot.key))
    chosen = sorted(chosen, key=lambda lot: (lot.bids, lot.key))
    first, step = 0, max(1, len(chosen) // 200)
    for _round in range(5 * len(chosen)):
        rest = total - sum(lot.bids for lot in chosen)
        if rest == 0 or not free or first == step:
            break
        bids = np.array([lot.bids for lot in free])
        best, swap = abs(rest), None
        for n in range(first, len(chosen), step):
            gain = np.abs(rest - (bids - chosen[n].bids))
            m = int(gain.argmin())
            if gain[m] < best:
                best, swap = int(gain[m]), (n, m)
        if swap is None:
            first += 1
            continue
        n, m = swap
        chosen[n], free[m] = free[m], chosen[n]
    _settle(chosen, free, total)
    return chosen


def _settle(chosen: list[CityLot], others: list[CityLot], total: int) -> None:
    """What is still missing is moved from the largest of the others to the largest of the chosen."""
    rest = total - sum(lot.bids for lot in chosen)
    if rest and others:
        one, two = (max(lots, key=lambda lot: (lot.bids, lot.key)) for lots in (chosen, others))
        one.bids += rest
        two.bids -= rest


def deposits(basis: Basis, year: int, order: list[CityLot]) -> None:
    """Who pays by transfer and who gives a guarantee: whole small lots; refunds exact in the reference year."""
    wanted = basis.targets.refunds
    guarantees = basis.targets.guarantees if year == REFERENCE else 0
    if year != REFERENCE:
        wanted = round(wanted * _REFUNDS_LATER)
    last = max(lot.deadline for lot in order) - 1.5 * REFUND_DUE
    usable = [lot for lot in order if lot.deadline < last and not lot.planted and not lot.waits]
    for lot in usable:
        if lot.bids <= 40 and wanted > 0 and lot.family in ("works", "procurement"):
            lot.transfers = min(lot.bids, wanted)
            wanted -= lot.transfers
        elif guarantees > 0 and lot.bids > 40:
            lot.guarantees = min(lot.bids, guarantees, 200)
            guarantees -= lot.guarantees
    if wanted:
        raise ValueError(f"{wanted} deposits found no lot")
