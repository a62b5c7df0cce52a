"""Chances of at least so much are those of SciPy's distributions, to the last digit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm, poisson

from supervision.detection import tails


@pytest.mark.parametrize("trials", [1, 7, 400])
@pytest.mark.parametrize("chance", [0.0, 1e-9, 0.3, 0.5, 1.0])
def test_the_binomial(trials: int, chance: float) -> None:
    successes = range(-1, trials + 2)
    expected = binom.sf(np.array(successes) - 1, trials, chance)
    assert [tails.binomial(k, trials, chance) for k in successes] == list(expected)


def test_the_poisson() -> None:
    number, expected = np.meshgrid(np.arange(1.0, 60.0), [0.01, 1.0, 7.5, 40.0])
    assert np.array_equal(tails.log_poisson(number, expected), poisson.logsf(number - 1, expected))


def test_the_normal() -> None:
    z = np.array([-9.0, -1.96, 0.0, 0.3, 8.0, np.nan])
    assert np.array_equal(tails.two_sided(z), 2 * norm.sf(np.abs(z)), equal_nan=True)
    assert norm.isf(0.025) == tails.NORMAL_95
