"""Rings: groups of bidders that meet again and again in small company, far above what their activity explains.

A meeting in a tender of n bidders weighs 1 / (n − 1) (Newman 2001): with hundreds of bidders everybody meets everybody.
The expectation of a pair is that of the configuration model, k_i · k_j / M (tenders of each, bids of the market).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import igraph
import numpy as np
import scipy.sparse as sp

from supervision.detection.market import Floats, Ints, Market
from supervision.detection.tails import log_poisson

LEAST_MEETINGS = 3.5
"""Effective meetings (Σw)² ÷ Σw² a pair must have: one tender of three bidders and many crowded ones are about one."""
CHANCE = 0.01
"""Share of markets without rings in which any pair would pass (Bonferroni over all pairs of bidders)."""
PAIRS = 10_000_000
"""Meetings of two in one tender that are looked at in a trade, the least crowded tenders first: in a tender of hundreds a
meeting weighs next to nothing, and there are the most of them."""
SMALLEST, LARGEST = 3, 15
"""Members of a group (domain B1)."""
TOP = 0.9
"""Both measures of a group reach this quantile of the usual company in its trade: the top decile (domain B1)."""
_USUAL, _FEWEST = 400, 20
"""Bidders whose company is looked at for what is usual, and below how many no decile can be told."""


@dataclass(frozen=True)
class Links:
    """Pairs that meet more often than their activity explains."""

    one: Ints
    other: Ints
    weight: Floats
    """Σ 1 / (n − 1) over the tenders in which both bid."""
    expected: Floats
    """The same if bidders chose their tenders independently."""
    met: Ints
    """Tenders in which both bid."""
    log_p: Floats
    """ln of the chance to meet as often."""
    company: sp.csr_matrix
    """Σ 1 / (n − 1) of all pairs of the market (upper triangle)."""
    tenders: Floats
    """Tenders of each bidder that were looked at."""

    @property
    def expected_meetings(self) -> Floats:
        """The expectation as a number of tenders of the company they meet in."""
        found: Floats = self.met * self.expected / self.weight
        return found


@dataclass(frozen=True)
class Group:
    """A ring: its members by number, and how they hang together."""

    members: Ints
    met: float
    """Tenders in which both bid, mean over the pairs."""
    expected: float
    """The expectation of that."""
    cohesion: float
    """凝聚度: geometric ÷ arithmetic mean of the pairs' weights (Wachs & Kertész 2019); 0 where a pair never met."""
    exclusivity: float
    """排他度: weight among the members ÷ all weight of the members."""
    log_p: float
    """ln of the chance of its least likely pair."""


def links(market: Market, chance: float = CHANCE) -> Links:
    """The pairs of one market (one trade: firms of two trades do not compete) that meet beyond chance."""
    weighted, squared, made = _company(market)
    pairs = weighted.tocoo()
    effective = pairs.data**2 / squared.data
    often = effective >= LEAST_MEETINGS
    one, other, weight = pairs.row[often], pairs.col[often], pairs.data[often]
    per_meeting = squared.data[often] / weight
    tenders = np.asarray(made.sum(axis=0)).ravel()
    expected = tenders[one] * tenders[other] / max(tenders.sum(), 1)
    log_p = log_poisson(np.ceil(weight / per_meeting - 1e-9), expected / per_meeting)
    bidders = int((tenders > 0).sum())
    strange = log_p < np.log(chance / max(bidders * (bidders - 1) / 2, 1))
    one, other = one[strange].astype(np.int64), other[strange].astype(np.int64)
    met = np.array([made[:, i].multiply(made[:, j]).sum() for i, j in zip(one, other, strict=True)], np.int64)
    return Links(one, other, weight[strange], expected[strange], met, log_p[strange], weighted, tenders)


def _company(market: Market) -> tuple[sp.csr_matrix, sp.csr_matrix, sp.csc_matrix]:
    """Σ 1/(n − 1) and Σ 1/(n − 1)² of all pairs (upper triangle, same places), and who bid where."""
    made = market.incidence.astype(np.float64)
    made = made[_least_crowded(np.asarray(made.sum(axis=1)).ravel())]
    known = np.asarray(made.sum(axis=1)).ravel()
    share = np.where(known > 1, 1 / np.maximum(known - 1, 1), 0)
    # one product for both: Σ w in the real, Σ w² in the imaginary part
    both = sp.triu(made.T.tocsr() @ (sp.diags(share + 1j * share**2) @ made), 1).tocsr()
    both.sort_indices()
    weighted, squared = (
        sp.csr_matrix((part.copy(), both.indices, both.indptr), both.shape)
        for part in (both.data.real, both.data.imag)
    )
    return weighted, squared, made.tocsc()


def _least_crowded(known: Floats) -> Ints:
    """The tenders looked at, in order of time; tenders of one size are all looked at or none of them."""
    order = np.argsort(known, kind="stable")
    met = np.cumsum(known[order] ** 2 / 2)
    within = int(np.searchsorted(met, PAIRS, side="right"))
    if within == len(known):
        return np.arange(len(known), dtype=np.int64)
    return np.flatnonzero(known < known[order[within]]).astype(np.int64)


def groups(market: Market, found: Links) -> list[Group]:
    """Communities (Leiden, modularity) of the linked bidders, weighted by what lies above expectation, whose cohesion and
    exclusivity are both in the top decile of their trade; the densest first."""
    if not len(found.one):
        return []
    graph = igraph.Graph(
        n=len(market.bidders), edges=np.column_stack([found.one, found.other]).tolist(),
        edge_attrs={"weight": np.maximum(found.weight - found.expected, 1e-9).tolist()},
    )  # fmt: skip
    igraph.set_random_number_generator(random.Random(1))
    parts = graph.community_leiden(objective_function="modularity", weights="weight", n_iterations=-1)
    made = [
        _group(market, found, np.array(sorted(part))) for part in parts if SMALLEST <= len(part) <= LARGEST
    ]
    made = _unusual(found, made)
    return sorted(made, key=lambda group: (-group.met / max(group.expected, 1e-9), group.members[0]))  # fmt: skip


def _group(market: Market, found: Links, members: Ints) -> Group:
    made = market.incidence[:, members].astype(np.float64)
    met = np.asarray((made.T @ made).todense())
    known = np.asarray(market.incidence.sum(axis=1)).ravel()
    share = np.where(known > 1, 1 / np.maximum(known - 1, 1), 0)
    weights = np.asarray((made.T @ sp.diags(share) @ made).todense())
    upper = np.triu_indices(len(members), 1)
    within, inside = weights[upper], np.isin(found.one, members) & np.isin(found.other, members)
    alone = (made.T @ (known > 1)).sum()
    cohesion, exclusivity = _measures(within, alone)
    return Group(
        members, float(met[upper].mean()), float(found.expected_meetings[inside].mean()), cohesion, exclusivity,
        float(found.log_p[inside].min()),
    )  # fmt: skip


def _measures(within: Floats, alone: float) -> tuple[float, float]:
    """Cohesion and exclusivity of a group of the weights of its pairs and the tenders of its members in company."""
    geometric = np.exp(np.log(within).mean()) if within.min() > 0 else 0.0
    return float(geometric / within.mean()), float(within.sum() / (alone - within.sum()))


def _unusual(found: Links, made: list[Group]) -> list[Group]:
    """The groups that hang together and keep apart as one in ten of the bidders outside them does with its closest
    companions, as many as the group has members."""
    if not made:
        return []
    company, tenders = (found.company + found.company.T).tocsr(), found.tenders
    outside = np.setdiff1d(
        np.flatnonzero(tenders >= LEAST_MEETINGS), np.concatenate([one.members for one in made])
    )
    looked_at = outside[:: max(1, -(-len(outside) // _USUAL))]
    least = {size: _usual(company, tenders, looked_at, size) for size in {len(one.members) for one in made}}
    return [
        one for one in made
        if one.cohesion >= least[len(one.members)][0] - 1e-9 and one.exclusivity >= least[len(one.members)][1] - 1e-9
    ]  # fmt: skip


def _usual(company: sp.csr_matrix, tenders: Floats, bidders: Ints, size: int) -> tuple[float, float]:
    """The quantiles of cohesion and exclusivity of these bidders, each with its closest companions; 0 where too few."""
    measured = []
    for bidder in bidders:
        row = company[bidder]
        if row.nnz < size - 1:
            continue
        closest = row.indices[np.argsort(-row.data, kind="stable")[: size - 1]]
        members = np.append(closest, bidder)
        within = company[members][:, members].toarray()[np.triu_indices(size, 1)]
        measured.append(_measures(within, float(tenders[members].sum())))
    if len(measured) < _FEWEST:
        return 0.0, 0.0
    cohesion, exclusivity = np.quantile(np.array(measured), TOP, axis=0)
    return float(cohesion), float(exclusivity)
