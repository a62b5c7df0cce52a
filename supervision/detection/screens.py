"""Screens: numbers that describe the bids of a tender, as García Rodríguez et al. (2022) compute them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from supervision.detection.market import Floats, Market


@dataclass(frozen=True)
class Screens:
    """One value a tender; NaN where it is not defined."""

    cv: Floats
    """Coefficient of variation 离散系数: sample standard deviation (n − 1) ÷ mean; n ≥ 2."""
    spd: Floats
    """Spread 极差比: (highest − lowest) ÷ lowest; n ≥ 2."""
    kurt: Floats
    """Excess kurtosis 峰度, bias-corrected (G2); n ≥ 4, prices not all equal."""
    skew: Floats
    """Skewness 偏度, bias-corrected (G1); n ≥ 3, prices not all equal."""
    ks: Floats
    """Kolmogorov–Smirnov distance 均匀性距离 of (b − lowest) ÷ (highest − lowest) from U(0, 1); n ≥ 2, not all equal."""


def screens(market: Market) -> Screens:
    """The five screens of every tender (Imhof 2017; Huber & Imhof 2019; García Rodríguez et al. 2022)."""
    n, start = market.size.astype(np.float64), market.start
    value, lowest = _scaled(market)
    mean = np.add.reduceat(value, start) / n
    off = value - np.repeat(mean, market.size)
    m2, m3, m4 = (np.add.reduceat(off**power, start) for power in (2, 3, 4))
    span = np.maximum.reduceat(value, start) - lowest
    with np.errstate(all="ignore"):
        varied = span > 0
        found = Screens(
            cv=np.sqrt(m2 / (n - 1)) / mean,
            spd=span / lowest,
            kurt=np.where(varied & (n >= 4), _g2(n, m2, m4), np.nan),
            skew=np.where(varied & (n >= 3), _g1(n, m2, m3), np.nan),
            ks=np.where(varied, _uniform_distance(market, value, lowest, span), np.nan),
        )
    return Screens(*(_defined(each, n) for each in (found.cv, found.spd, found.kurt, found.skew, found.ks)))


def _defined(values: Floats, n: Floats) -> Floats:
    return np.where((n >= 2) & np.isfinite(values), values, np.nan)


def _g1(n: Floats, m2: Floats, m3: Floats) -> Floats:
    """Adjusted Fisher–Pearson skewness from sums of powers of the deviations."""
    g1: Floats = (m3 / n) / (m2 / n) ** 1.5 * np.sqrt(n * (n - 1)) / (n - 2)
    return g1


def _g2(n: Floats, m2: Floats, m4: Floats) -> Floats:
    """Bias-corrected excess kurtosis from sums of powers of the deviations."""
    plain = (m4 / n) / (m2 / n) ** 2 - 3
    g2: Floats = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * plain + 6)
    return g2


def _scaled(market: Market) -> tuple[Floats, Floats]:
    """(bids, lowest bid of each tender), times a power of two that puts the tender's highest bid between ½ and 1.

    No screen depends on the unit of money, but fourth powers of very large or very small prices do not fit into a float;
    a power of two changes no digit.
    """
    _, exponent = np.frexp(np.maximum.reduceat(market.value, market.start))
    value: Floats = np.ldexp(market.value, -np.repeat(exponent, market.size))
    lowest: Floats = np.ldexp(market.lowest, -exponent)
    return value, lowest


def _uniform_distance(market: Market, value: Floats, lowest: Floats, span: Floats) -> Floats:
    """Largest gap, on either side of each step, between the bids' distribution and the straight line."""
    order = np.lexsort((value, market.tender))
    placed = (value[order] - np.repeat(lowest, market.size)) / np.repeat(span, market.size)
    rank = np.arange(len(placed)) - np.repeat(market.start, market.size)
    n = np.repeat(market.size, market.size)
    gap = np.maximum((rank + 1) / n - placed, placed - rank / n)
    found: Floats = np.maximum.reduceat(gap, market.start)
    return found
