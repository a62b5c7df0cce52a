"""Chances of at least so much, from SciPy's plain functions: its distributions take half a second of every start to load."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betainc, ndtr, ndtri, pdtrc


def binomial(successes: int, trials: int, chance: float) -> float:
    """P(X ≥ successes) of a binomial variable, by the incomplete beta function (Abramowitz & Stegun 26.5.24)."""
    if successes <= 0:
        return 1.0
    return float(betainc(successes, trials - successes + 1, chance)) if successes <= trials else 0.0


def log_poisson(number: Any, expected: Any) -> Any:
    """ln P(X ≥ number) of Poisson variables; `number` ≥ 1."""
    return np.log(pdtrc(number - 1, expected))


def two_sided(z: Any) -> Any:
    """P(|Z| ≥ |z|) of a standard normal variable."""
    return 2 * ndtr(-np.abs(z))


NORMAL_95 = float(-ndtri(0.025))
"""Standard errors to each side of a mean within which it lies with 95 %."""
