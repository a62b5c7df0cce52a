"""Who bids in a lot of the city, at which price, who wins: drawn when the lot's records are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sunbid.demo.city.draw import Floats, Ints, picked, stream
from sunbid.demo.city.firms import WORKS, Ring
from sunbid.demo.city.lot import AUCTION, COEFFICIENT, LOWEST, CityLot

if TYPE_CHECKING:
    from sunbid.demo.city.firms import CityFirms

REJECTED = 0.02
"""Share of bids that are rejected."""
HONEST_WINS = 7
"""Every so many lots of a ring an honest firm wins."""
SHARED_MACHINE = 2
"""Every so many lots of the first ring its members use one computer."""
FAVOURED_WINS = 4
"""Of five lots of a captive tenderer, those its favourite wins."""
_COVER, _COVER_STEP = 0.012, 0.004
_ALL = tuple(range(12))


@dataclass(slots=True)
class Bidding:
    """The bids of a lot, in order of receipt; firms by number, prices in cents."""

    firms: Ints
    prices: Ints
    before: Ints
    """Seconds before the deadline."""
    rejected: np.ndarray
    ranking: Ints
    """Places of the valid bids, the winner first."""
    machines: Ints
    """On whose computer each file was made."""


def bidding(firms: CityFirms, lot: CityLot) -> Bidding:
    """The bids of a lot; the winner's price is the lot's award."""
    rng = stream(firms.seed, "bids", lot.key)
    who = _who(firms, lot, rng)
    winner = _winner(firms, lot, rng, who)
    ratios = _ratios(firms, lot, rng, who, winner)
    prices = np.rint(ratios * lot.control * 100).astype(np.int64)
    prices[winner] = lot.award_cents
    prices = _different(prices, winner)
    rejected = rng.random(lot.bids) < REJECTED
    rejected[winner] = False
    if lot.planted or lot.bids - rejected.sum() < 3:
        rejected[:] = False
    before = np.sort(rng.integers(900, 3 * 86_400, lot.bids))[::-1]
    return Bidding(
        who, prices, before, rejected, _ranking(lot, prices, rejected, winner), _machines(firms, lot, who)
    )


def forced(firms: CityFirms, lot: CityLot) -> tuple[int, ...]:
    """Firms that bid because the lot is planted."""
    if lot.planted == "ring":
        return firms.rings[lot.plant].members
    if lot.planted == "captive":
        return (firms.favourites[lot.plant],)
    return (firms.favoured[lot.plant],) if lot.planted == "bias" else ()


def _who(firms: CityFirms, lot: CityLot, rng: np.random.Generator) -> Ints:
    must = np.array(forced(firms, lot), np.int64)
    home = _some(firms, rng, lot, False, lot.bids - lot.outside - len(must), must)
    away = _some(firms, rng, lot, True, lot.outside, must)
    found = np.concatenate([must, home, away]).astype(np.int64)
    rng.shuffle(found)
    return found


def _some(
    firms: CityFirms, rng: np.random.Generator, lot: CityLot, outside: bool, count: int, without: Ints
) -> Ints:
    """Weighted draw from the trades of the lot; from wider trades where these are too few."""
    if count <= 0:
        return np.empty(0, np.int64)
    for trades in (lot.trades, WORKS, _ALL):
        pool = firms.pool(trades, outside)
        if 2 * count + len(without) <= len(pool) or trades is _ALL:
            break
    if len(without):
        pool = pool[~np.isin(pool, without)]
    return pool[picked(rng, firms.log_weight[pool], count)]


# ── who wins, at which price ─────────────────────────────────────────────────


def turn_of(ring: Ring, lot: CityLot) -> int | None:
    """The member whose turn it is in a ring's lot; None where an honest firm wins."""
    return None if lot.turn % HONEST_WINS == HONEST_WINS - 1 else ring.members[lot.turn % len(ring.members)]


def _winner(firms: CityFirms, lot: CityLot, rng: np.random.Generator, who: Ints) -> int:
    place = int(rng.integers(len(who)))
    if lot.planted == "ring":
        ring = firms.rings[lot.plant]
        member = turn_of(ring, lot)
        if member is not None:
            return _place(who, member)
        return int(rng.choice(np.flatnonzero(~np.isin(who, ring.members))))
    if lot.planted == "captive" and lot.turn % 5 < FAVOURED_WINS:
        return _place(who, firms.favourites[lot.plant])
    return place


def _place(who: Ints, firm: int) -> int:
    return int(np.flatnonzero(who == firm)[0])


def _ratios(firms: CityFirms, lot: CityLot, rng: np.random.Generator, who: Ints, winner: int) -> Floats:
    """Price over control price of every bid, around what the winner's is."""
    count, ratio = len(who), lot.ratio
    if lot.evaluation_method == AUCTION:
        return rng.uniform(1.0, max(1.001, ratio - 0.002), count)
    if lot.planted == "ring":
        return _ring_ratios(firms.rings[lot.plant], lot, rng, who)
    if lot.evaluation_method == COEFFICIENT:
        return np.clip(rng.normal(ratio, 0.0028, count), 0.9, 0.9995)
    if lot.evaluation_method == LOWEST:
        room = max(0.02, 0.985 - ratio)
        return ratio + 0.0008 + room * rng.beta(1.3, 1.6, count)
    return np.clip(rng.normal(ratio + 0.004, 0.021, count), 0.55, 0.9995)


def _ring_ratios(ring: Ring, lot: CityLot, rng: np.random.Generator, who: Ints) -> Floats:
    """Honest firms well above; the losing members close together just above the winner."""
    ratios = rng.uniform(max(lot.ratio + 0.012, 0.962), 0.99, len(who))
    for n, firm in enumerate(ring.members):
        place = (n - lot.turn) % len(ring.members)
        ratios[_place(who, firm)] = lot.ratio + _COVER + _COVER_STEP * place * 0.1 + rng.uniform(0, 4e-4)
    return ratios


def _different(prices: Ints, winner: int) -> Ints:
    """Move equal prices apart by a cent: equal ones are evidence, and none is planted."""
    order = np.argsort(prices, kind="stable")
    steps = np.arange(len(prices))
    spread = np.maximum.accumulate(prices[order] - steps) + steps
    moved = np.empty_like(prices)
    moved[order] = spread
    moved += prices[winner] - moved[winner]
    return moved


def _ranking(lot: CityLot, prices: Ints, rejected: np.ndarray, winner: int) -> Ints:
    keys = prices if lot.evaluation_method == LOWEST else np.abs(prices - prices[winner])
    keys = keys.astype(float) + np.where(rejected, np.inf, 0)
    keys[winner] = -1
    order = np.argsort(keys, kind="stable")
    return order[: int((~rejected).sum())]


def _machines(firms: CityFirms, lot: CityLot, who: Ints) -> Ints:
    if lot.planted != "ring" or lot.plant != 0 or lot.turn % SHARED_MACHINE != SHARED_MACHINE - 1:
        return who
    ring = firms.rings[0].members
    machines = who.copy()
    machines[np.isin(who, ring[:3])] = ring[0]
    return machines
