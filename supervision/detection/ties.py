"""Ties: how often the bidders of a tender meet elsewhere, and which pairs meet more often than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from supervision.detection.market import Floats, Ints, Market
from supervision.detection.tails import log_hypergeometric

_BLOCK = 256
"""Tenders whose overlaps with all others are held at once."""


@dataclass(frozen=True)
class CoBids:
    """Co-bids 同场次数 of each tender: the mean over its pairs of bidders of the tenders in which both bid.

    NaN where the tender has no pair of known bidders.
    """

    past: Floats
    """Tenders earlier in time."""
    other: Floats
    """All tenders but this one."""


def co_bids(market: Market) -> CoBids:
    """Co-bids of every tender.

    Σ over pairs of the tenders both bid in = Σ over tenders s of C(bidders shared with s, 2): tenders are compared
    with tenders, so that memory does not grow with the pairs.
    """
    made = market.incidence
    known = np.asarray(made.sum(axis=1)).ravel()
    pairs = known * (known - 1) / 2
    past, every = np.zeros(len(known)), np.zeros(len(known))
    turned = made.T.tocsr()
    for begin in range(0, len(known), _BLOCK):
        shared = (made[begin : begin + _BLOCK] @ turned).tocoo()
        row, both = shared.row + begin, shared.data.astype(np.float64)
        both = both * (both - 1) / 2
        every += np.bincount(row, both, len(known))
        earlier = shared.col < row
        past += np.bincount(row[earlier], both[earlier], len(known))
    with np.errstate(invalid="ignore", divide="ignore"):
        return CoBids(*(np.where(pairs > 0, s / pairs, np.nan) for s in (past, every - pairs)))


def mean_elsewhere(market: Market, value: Floats, *, earlier: bool = False) -> Floats:
    """Mean over a tender's bidders of what each one's other tenders have as `value` (or its earlier ones alone).

    Only bidders with such a tender count; NaN where there is none. Tenders with NaN give nothing.
    """
    made = market.incidence.tocoo()
    order = np.lexsort((made.row, made.col))
    tender, firm = made.row[order].astype(np.int64), made.col[order]
    has = ~np.isnan(value[tender])
    given = np.where(has, value[tender], 0.0)
    total, count = _others(firm, given, earlier), _others(firm, has.astype(np.float64), earlier)
    counts = count > 0
    mean = total[counts] / count[counts]
    firms = np.bincount(tender[counts], minlength=len(market.tenders))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.bincount(tender[counts], mean, len(market.tenders)) / firms
    return found


def _others(firm: Ints, given: Floats, earlier: bool) -> Floats:
    """For each entry (sorted by firm, then time) the sum over the firm's other entries, or its earlier ones."""
    so_far = np.cumsum(given)
    first = np.searchsorted(firm, firm, side="left")
    before: Floats = so_far - given - np.where(first > 0, so_far[first - 1], 0.0)
    if earlier:
        return before
    last = np.searchsorted(firm, firm, side="right") - 1
    return before + (so_far[last] - so_far)


@dataclass(frozen=True)
class Pairs:
    """Pairs of bidders that met, `one` < `other`, with what is usual for two that bid as often as they."""

    one: Ints
    other: Ints
    met: Ints
    """Tenders in which both bid."""
    expected: Floats
    """The tenders of one × those of the other ÷ the tenders, summed over strata."""
    variance: Floats
    """Variance of the same under the hypergeometric distribution, summed over strata."""


def pairs(market: Market, stratum: Ints | None = None, least: int = 2) -> Pairs:
    """Pairs that met in at least `least` tenders; the expectation is taken within each `stratum` of tenders.

    A segment of the market in which everyone meets everyone is then no ring.
    """
    group = np.zeros(len(market.tenders), np.int64) if stratum is None else stratum
    made = market.incidence
    met = sp.triu(made.T @ made, k=1).tocoo()
    often = met.data >= least
    one, other = met.row[often].astype(np.int64), met.col[often].astype(np.int64)
    expected, variance = np.zeros(len(one)), np.zeros(len(one))
    for each in np.unique(group):
        here = made[group == each]
        tenders, bids = here.shape[0], np.asarray(here.sum(axis=0)).ravel().astype(np.float64)
        usual = bids[one] * bids[other] / tenders
        expected += usual
        if tenders > 1:
            variance += usual * (1 - bids[one] / tenders) * (tenders - bids[other]) / (tenders - 1)
    return Pairs(one, other, met.data[often].astype(np.int64), expected, variance)


def log_chance(market: Market, found: Pairs) -> Floats:
    """ln of the hypergeometric probability that a pair meets as often by chance or more often, market as one stratum."""
    bids = np.asarray(market.incidence.sum(axis=0)).ravel().astype(np.int64)
    total = len(market.tenders)
    met, which = np.unique(
        np.column_stack((found.met, bids[found.one], bids[found.other])), axis=0, return_inverse=True
    )
    chance = np.array([log_hypergeometric(int(n), total, int(one), int(other)) for n, one, other in met])
    return chance[which.ravel()]
