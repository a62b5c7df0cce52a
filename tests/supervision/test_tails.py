"""Chances of at least so much are those of SciPy's distributions, to the last digit."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import binom, hypergeom, norm, poisson, rankdata, spearmanr

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


@pytest.mark.parametrize(
    ("total", "good", "drawn"), [(5, 2, 2), (10, 9, 8), (400, 31, 17), (20_000, 900, 1200)]
)
def test_the_hypergeometric(total: int, good: int, drawn: int) -> None:
    least = range(-1, min(good, drawn) + 2)
    found = [tails.log_hypergeometric(k, total, good, drawn) for k in least]
    assert found == pytest.approx(
        [hypergeom.logsf(k - 1, total, good, drawn) for k in least], rel=1e-8, abs=1e-9
    )
    assert tails.hypergeometric(3, total, good, drawn) == pytest.approx(
        hypergeom.sf(2, total, good, drawn), rel=1e-8
    )


def test_ranks_and_their_correlation() -> None:
    chance = np.random.default_rng(3)
    one, other = chance.integers(0, 9, 60), chance.normal(size=60)
    assert np.array_equal(tails.ranks(one), rankdata(one)) and np.array_equal(
        tails.ranks(other), rankdata(other)
    )
    assert tails.rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic)


def test_scipys_statistics_are_not_loaded_at_a_start() -> None:
    """They take half a second, of the watch and of every command."""
    asked = "import sys, supervision.watch, dashboard.serve; raise SystemExit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked]).returncode == 0
