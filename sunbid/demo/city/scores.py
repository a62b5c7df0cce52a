"""Who evaluates a lot and how they score: like each other, but for the planted experts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sunbid.demo.city.draw import Floats, Ints, stream
from sunbid.demo.city.firms import BIASED
from sunbid.demo.city.lot import SCORED_ITEMS, CityLot

if TYPE_CHECKING:
    from sunbid.demo.city.firms import CityFirms

FAVOUR, DISFAVOUR = 0.11, 0.02
"""What a biased expert adds for the favoured firm and takes from all others, of full marks."""


def committee(firms: CityFirms, lot: CityLot) -> Ints:
    """The experts of a lot, by their numbers: drawn at random (实施条例 art. 46), a biased one where planted."""
    rng = stream(firms.seed, "experts", lot.key)
    usual = rng.choice(np.arange(BIASED, len(firms.experts)), lot.committee, replace=False)
    if lot.planted == "bias":
        usual[int(rng.integers(lot.committee))] = lot.plant
    return usual


def scores(firms: CityFirms, lot: CityLot, who: Ints) -> list[tuple[int, int, int, str]]:
    """(place of the expert, place of the bid, item, score) of all, in tenths of a point."""
    rng = stream(firms.seed, "scores", lot.key)
    experts = committee(firms, lot)
    quality = rng.normal(0.8, 0.05, (len(who), len(SCORED_ITEMS)))
    lenient = rng.normal(0, 0.012, len(experts))
    found = []
    for place, expert in enumerate(experts):
        leaning = _leaning(firms, lot, int(expert), who)
        for item, (_name, kind, full) in enumerate(SCORED_ITEMS):
            seen = quality[:, item]
            if kind == "subjective":
                seen = seen + lenient[place] + leaning + rng.normal(0, 0.016, len(who))
            marks = np.rint(np.clip(seen, 0.3, 1.0) * full * 10) / 10
            found += [(place, bid, item, f"{mark:.1f}") for bid, mark in enumerate(marks)]
    return found


def _leaning(firms: CityFirms, lot: CityLot, expert: int, who: Ints) -> Floats:
    if lot.planted != "bias" or expert != lot.plant:
        return np.zeros(len(who))
    return np.where(who == firms.favoured[lot.plant], FAVOUR, -DISFAVOUR)
