"""Favour of an expert for a bidder: points above what the rest of the panel gives, beyond the expert's own generosity.

Deviations are divided by the spread that panels usually have at that level of performance before p is computed: where
the best bids are all near full marks, half a point is much. The effect is told in points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from supervision.detection.market import Floats, Ints
from supervision.detection.tails import NORMAL_95, two_sided
from supervision.detection.tendency import FALSE_DISCOVERIES, benjamini_hochberg

LEAST_SESSIONS = 4
"""Sessions an expert and a bidder must have shared (domain E2)."""
LEAST_TESTED = 10
"""Pairs below which the share of them that is found says nothing."""
_LEVELS = 10
"""Levels of performance whose usual spread is measured apart."""
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True)
class Marks:
    """One row = what one expert gave one bid of one session in all; experts, bidders, sessions by number."""

    session: Ints
    expert: Ints
    bidder: Ints
    points: Floats
    full: Floats
    """Full marks."""


@dataclass(frozen=True)
class Deviations:
    """Of each row, in points above the mean of the other experts."""

    points: Floats
    """Less what the expert gave the session's other bids above the mean of the others."""
    scaled: Floats
    """Less the expert's own mean in the session, in units of the usual spread at that level."""
    others: Floats
    """Mean of the other experts, in points."""
    usual: Floats
    """The usual spread at that level, in points."""


@dataclass(frozen=True)
class Favours:
    """Pairs of an expert and a bidder that shared enough sessions."""

    expert: Ints
    bidder: Ints
    sessions: Ints
    effect: Floats
    """Points for this bidder above those for the others of the session, mean over the sessions."""
    low: Floats
    high: Floats
    """95 % interval of the effect."""
    p: Floats
    adjusted_p: Floats


def deviations(marks: Marks) -> Deviations:
    """What remains of each mark; NaN where no other expert marked the bid."""
    panel = _number(marks.session, marks.bidder)
    size, total = np.bincount(panel)[panel], np.bincount(panel, marks.points)[panel]
    with np.errstate(invalid="ignore", divide="ignore"):
        others = np.where(size > 1, (total - marks.points) / (size - 1), np.nan)
    seat = _number(marks.session, marks.expert)
    raw = _centred(marks.points - others, seat)
    usual = _usual_spread(raw / marks.full, others / marks.full) * marks.full
    n = np.bincount(seat, ~np.isnan(raw))[seat]
    return Deviations(raw * n / np.maximum(n - 1, 1), _centred(raw / usual, seat), others, usual)


def _usual_spread(raw: Floats, level: Floats) -> Floats:
    """Median absolute deviation (as a standard deviation) among the rows of about the same level; all ÷ full marks."""
    known = ~np.isnan(level) & ~np.isnan(raw)
    found = np.full(len(level), np.nan)
    if not known.any():
        return found
    edges = np.quantile(level[known], np.linspace(0, 1, _LEVELS + 1)[1:-1])
    at = np.digitize(level, edges)
    for one in np.unique(at[known]):
        rows = known & (at == one)
        found[rows] = max(1.4826 * float(np.median(np.abs(raw[rows]))), _LEAST_SPREAD)
    return found


def favours(marks: Marks, found: Deviations) -> Favours:
    """All pairs, largest effect first.

    p, two-sided: which of the session's bids was this bidder's is shuffled within each session. With n bids and
    sample variance s² of the expert's deviations there, the sum has mean 0 and variance Σ (n − 1)/n · s².
    """
    rows = np.flatnonzero(~np.isnan(found.scaled))
    pair, expert, bidder = _pairs(marks, rows)
    count = np.bincount(pair)
    own, variance, effect, spread = _sums(marks, found, rows, pair)
    kept = (count >= LEAST_SESSIONS) & (variance > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = two_sided(own / np.sqrt(variance))
        half = NORMAL_95 * spread / np.sqrt(count)
    order = np.flatnonzero(kept)[np.argsort(-np.abs(effect[kept]), kind="stable")]
    return Favours(
        expert[order], bidder[order], count[order].astype(np.int64), effect[order], (effect - half)[order],
        (effect + half)[order], p[order], benjamini_hochberg(p[order]),
    )  # fmt: skip


def _sums(marks: Marks, found: Deviations, rows: Ints, pair: Ints) -> tuple[Floats, Floats, Floats, Floats]:
    """Of each pair: Σ scaled deviations and their variance when shuffled; mean and standard deviation in points."""
    seat = _number(marks.session, marks.expert)[rows]
    n = np.bincount(seat)[seat]
    scaled, points = found.scaled[rows], found.points[rows]
    s2 = (np.bincount(seat, scaled**2) / np.maximum(np.bincount(seat) - 1, 1))[seat]
    count = np.bincount(pair)
    effect = np.bincount(pair, points) / count
    spread = np.sqrt(np.bincount(pair, (points - effect[pair]) ** 2) / np.maximum(count - 1, 1))
    variance = np.bincount(pair, (n - 1) / n * s2)
    return np.bincount(pair, scaled).astype(np.float64), variance.astype(np.float64), effect, spread


def _pairs(marks: Marks, rows: Ints) -> tuple[Ints, Ints, Ints]:
    """(pair of each row, expert of each pair, bidder of each pair)."""
    base = int(marks.bidder.max(initial=0)) + 1
    keys, pair = np.unique(marks.expert[rows] * base + marks.bidder[rows], return_inverse=True)
    return pair.astype(np.int64), keys // base, keys % base


def measurable(marks: Marks, found: Deviations, every: Favours) -> tuple[Marks, Favours]:
    """What the power is measured on: the market's own pairs, where enough of them do not pass.

    In a large pool experts seldom meet a bidder often enough. There the bids of `LEAST_SESSIONS` sessions of each expert,
    drawn at random, are given to owners who bid in each of them.
    """
    if int((every.adjusted_p > FALSE_DISCOVERIES).sum()) >= LEAST_TESTED:
        return marks, every
    bidder, rng = marks.bidder.copy(), np.random.default_rng(0)
    stranger = int(bidder.max(initial=0)) + 1
    for expert in np.unique(marks.expert):
        rows = rng.permutation(np.flatnonzero((marks.expert == expert) & ~np.isnan(found.scaled)))
        sessions = rng.permutation(np.unique(marks.session[rows]))[:LEAST_SESSIONS]
        bids = [rows[marks.session[rows] == session] for session in sessions]
        if len(bids) == LEAST_SESSIONS:
            for owned in zip(*bids, strict=False):
                bidder[list(owned)] = stranger
                stranger += 1
    drawn = replace(marks, bidder=bidder)
    return drawn, favours(drawn, found)


def power(marks: Marks, found: Deviations, every: Favours, bias: float) -> float:
    """Share of the unsuspected pairs that would pass at 5 % false discoveries had the expert added `bias` points.

    Each pair that does not pass is tested in turn with the bias added in its sessions, against the threshold of all;
    NaN where there are fewer than `LEAST_TESTED` such pairs.
    """
    rows = np.flatnonzero(~np.isnan(found.scaled))
    pair, expert, bidder = _pairs(marks, rows)
    seat = _number(marks.session, marks.expert)[rows]
    n, scaled = np.bincount(seat)[seat], found.scaled[rows]
    added = bias / found.usual[rows]
    squares = np.bincount(seat, scaled**2)[seat] + 2 * added * scaled + added**2 * (n - 1) / n
    own = np.bincount(pair, scaled + added * (n - 1) / n)
    variance = np.bincount(pair, squares / np.maximum(n, 1))
    innocent = every.adjusted_p > FALSE_DISCOVERIES
    tested = _key(every.expert[innocent], every.bidder[innocent])
    kept = np.isin(_key(expert, bidder), tested) & (variance > 0)
    if int(kept.sum()) < LEAST_TESTED:
        return float("nan")
    p = two_sided(own[kept] / np.sqrt(variance[kept]))
    passed = int((every.adjusted_p <= FALSE_DISCOVERIES).sum())
    return float((p <= FALSE_DISCOVERIES * (passed + 1) / len(every.p)).mean())


def _key(expert: Ints, bidder: Ints) -> Ints:
    return expert * (1 << 31) + bidder


def _number(one: Ints, other: Ints) -> Ints:
    """A number for every pair of values."""
    found: Ints = np.unique(one * (int(other.max(initial=0)) + 1) + other, return_inverse=True)[1].astype(
        np.int64
    )
    return found


def _centred(value: Floats, group: Ints) -> Floats:
    """Less the mean of its group; NaN stays and counts for nothing."""
    has = ~np.isnan(value)
    total, count = np.bincount(group, np.where(has, value, 0)), np.bincount(group, has)
    found: Floats = value - (total / np.maximum(count, 1))[group]
    return found
