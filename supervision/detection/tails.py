"""Chances of at least so much, and ranks, from SciPy's and NumPy's plain functions: SciPy's statistics take half a second
of every start to load."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betainc, gammaln, logsumexp, ndtr, ndtri, pdtrc


def binomial(successes: int, trials: int, chance: float) -> float:
    """P(X ≥ successes) of a binomial variable, by the incomplete beta function (Abramowitz & Stegun 26.5.24)."""
    if successes <= 0:
        return 1.0
    return float(betainc(successes, trials - successes + 1, chance)) if successes <= trials else 0.0


def log_poisson(number: Any, expected: Any) -> Any:
    """ln P(X ≥ number) of Poisson variables; `number` ≥ 1."""
    return np.log(pdtrc(number - 1, expected))


def log_hypergeometric(least: int, total: int, good: int, drawn: int) -> float:
    """ln P(at least `least` of `drawn` out of `total` are among the `good`); −∞ where it cannot be."""
    k = np.arange(max(least, drawn - (total - good), 0), min(drawn, good) + 1)
    if not len(k):
        return -np.inf
    ways = _log_choose(good, k) + _log_choose(total - good, drawn - k) - _log_choose(total, drawn)
    return min(0.0, float(logsumexp(ways)))


def hypergeometric(least: int, total: int, good: int, drawn: int) -> float:
    """P(at least `least` of `drawn` out of `total` are among the `good`)."""
    return float(np.exp(log_hypergeometric(least, total, good, drawn)))


def _log_choose(n: Any, k: Any) -> Any:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def two_sided(z: Any) -> Any:
    """P(|Z| ≥ |z|) of a standard normal variable."""
    return 2 * ndtr(-np.abs(z))


NORMAL_95 = float(-ndtri(0.025))
"""Standard errors to each side of a mean within which it lies with 95 %."""


def ranks(values: Any) -> Any:
    """The rank of each value from 1 on; equal values share the mean of theirs. None may be NaN."""
    _, place, equal = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(equal) - (equal - 1) / 2)[place]


def rank_correlation(one: Any, other: Any) -> float:
    """Spearman's ρ: the correlation of the ranks. Neither may be all the same."""
    return float(np.corrcoef(ranks(one), ranks(other))[0, 1])
