"""Draws of the city market: streams that follow from seed and name alone, and totals that come out exactly."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def stream(seed: int, *names: Any) -> np.random.Generator:
    """A generator of its own for every name, so that nothing drawn here moves what is drawn there."""
    digest = hashlib.sha256("/".join(map(str, (seed, *names))).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16])))


def sized(rng: np.random.Generator, count: int, total: int, spread: float, low: int, high: int) -> Ints:
    """`count` whole numbers between `low` and `high`, log-normal with sigma `spread`, that add up to `total`.

    Raises ValueError where no such numbers exist.
    """
    if not low * count <= total <= high * count:
        raise ValueError(f"{count} numbers of {low}–{high} cannot add up to {total}")
    shape = np.exp(rng.normal(0, spread, count))
    below, above = 0.0, total * 10.0 / max(shape.min(), 1e-9) + high
    for _ in range(80):
        factor = (below + above) / 2
        if np.clip(np.rint(shape * factor), low, high).sum() < total:
            below = factor
        else:
            above = factor
    return settled(rng, np.clip(np.rint(shape * below), low, high).astype(np.int64), total, low, high)


def settled(rng: np.random.Generator, values: Ints, total: int, low: Any, high: Any) -> Ints:
    """`values` moved by ones, within their bounds, until they add up to `total`."""
    values = values.copy()
    lows, highs = np.broadcast_to(low, values.shape), np.broadcast_to(high, values.shape)
    while (rest := int(total - values.sum())) != 0:
        step = 1 if rest > 0 else -1
        room = np.flatnonzero(values < highs if step > 0 else values > lows)
        if not len(room):
            raise ValueError(f"the numbers cannot add up to {total}")
        values[rng.choice(room, min(len(room), abs(rest)), replace=False)] += step
    return values


def shared(weights: Floats, total: int) -> Ints:
    """`total` split by weights into whole numbers (largest remainders)."""
    exact = weights / weights.sum() * total
    parts: Ints = np.floor(exact).astype(np.int64)
    order = np.argsort(parts - exact, kind="stable")
    parts[order[: int(total - parts.sum())]] += 1
    return parts


def picked(rng: np.random.Generator, log_weights: Floats, count: int) -> Ints:
    """Weighted draw without replacement: the `count` largest of log weight + Gumbel noise."""
    noisy = log_weights + rng.gumbel(size=len(log_weights))
    if count >= len(noisy):
        return np.arange(len(noisy))
    largest: Ints = np.argpartition(-noisy, count - 1)[:count]
    return largest
