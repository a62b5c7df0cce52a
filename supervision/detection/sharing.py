"""How the members of a group share the wins among themselves: in turns (B2 轮流中标), or by district (B18 地域分割)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import comb, factorial, prod
from typing import NamedTuple

import numpy as np

SHUFFLES = 2000
"""Orders tried where the exact chance cannot be counted; the same at every run."""


class Rotation(NamedTuple):
    """The members' wins in order of time; NaN without wins."""

    evenness: float
    """H = −Σ p ln p ÷ ln k over the members' shares of their wins, 1: all win alike (OECD bid rotation)."""
    repeats: int
    """How often the same member wins twice in a row."""
    expected: float
    """The same in random order: Σ w(w − 1) ÷ number of wins."""
    p: float
    """Chance of so few repeats in random order (Wald & Wolfowitz, for more than two kinds counted exactly)."""


def rotation(winners: Sequence[int], members: int) -> Rotation:
    """Whether members (0 … members − 1) take turns; `winners` in order of time."""
    wins = np.bincount(winners, minlength=members) if len(winners) else np.zeros(members, np.int64)
    total = int(wins.sum())
    if not total:
        return Rotation(float("nan"), 0, float("nan"), float("nan"))
    shares = wins[wins > 0] / total
    evenness = float(-(shares * np.log(shares)).sum() / np.log(members))
    repeats = sum(one == following for one, following in pairwise(winners))
    counts = [int(n) for n in wins if n]
    return Rotation(
        evenness, repeats, float((wins * (wins - 1)).sum() / total), chance_of_repeats(counts, repeats)
    )


def chance_of_repeats(counts: Sequence[int], most: int) -> float:
    """P(at most so many neighbours of one kind) when `counts` things of each kind stand in random order.

    A kind of n things falls into k runs in C(n − 1, k − 1) ways; inclusion and exclusion over the runs gives the orders
    with exactly r repeats: Σ_K (−1)^(n − K − r) C(n − K, r) K! [x^K] Π Σ_k C(n_i − 1, k − 1) x^k ÷ k!.
    """
    total = sum(counts)
    runs = [Fraction(1)]
    for n in counts:
        runs = _times(
            runs, [Fraction(comb(n - 1, k - 1), factorial(k)) if k else Fraction(0) for k in range(n + 1)]
        )
    ways = [factorial(k) * coefficient for k, coefficient in enumerate(runs)]
    orders = sum(
        (-1) ** (total - k - r) * comb(total - k, r) * ways[k]
        for r in range(most + 1) for k in range(total - r + 1)
    )  # fmt: skip
    return float(orders / Fraction(factorial(total), prod(factorial(n) for n in counts)))


def _times(one: list[Fraction], other: list[Fraction]) -> list[Fraction]:
    """The product of two polynomials by their coefficients."""
    found = [Fraction(0)] * (len(one) + len(other) - 1)
    for i, left in enumerate(one):
        if left:
            for j, right in enumerate(other):
                found[i + j] += left * right
    return found


class Territories(NamedTuple):
    """The members' wins by district; NaN without wins."""

    share: float
    """Σ over districts of the wins of the member that wins most there ÷ all wins (OECD market sharing)."""
    alone: float
    """The same if there were but one district: the share of the member that wins most."""
    masters: int
    """Members that win most in some district."""
    p: float
    """Chance of so large a share if the wins were dealt out to the districts at random."""


def territories(winners: Sequence[int], districts: Sequence[str], members: int) -> Territories:
    """Whether each member wins in a district of its own; `winners` and `districts` lot by lot."""
    if not len(winners):
        return Territories(float("nan"), float("nan"), 0, float("nan"))
    who = np.asarray(winners, np.int64)
    _, place = np.unique(np.asarray(districts), return_inverse=True)
    table = _table(who, place, members)
    most = int(table.max(axis=1).sum())
    rng = np.random.default_rng(1)
    shuffled = [int(_table(rng.permutation(who), place, members).max(axis=1).sum()) for _ in range(SHUFFLES)]
    as_large = sum(one >= most for one in shuffled)
    return Territories(
        most / len(who), float(table.sum(axis=0).max() / len(who)), len(set(table.argmax(axis=1).tolist())),
        (as_large + 1) / (SHUFFLES + 1),
    )  # fmt: skip


def _table(who: np.ndarray, place: np.ndarray, members: int) -> np.ndarray:
    """Wins by district and member."""
    cells: np.ndarray = np.bincount(place * members + who, minlength=(int(place.max()) + 1) * members)
    return cells.reshape(-1, members)
