"""What supervisors' verdicts teach about one market: a logistic regression over the evidence of its tenders, tested forward in
time beside the score that reads no label.

Off unless asked for. Verdicts are few and chosen (only what was warned of is judged), so the model stays small: six ranks
that are there anyway, weights held near 0 (ridge), no other market's data. Models learned elsewhere do worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from supervision.detection.channels import ENOUGH_BIDS, Scored, rank
from supervision.detection.market import Bools, Floats, Ints, Market
from supervision.detection.tails import ranks

EVIDENCE = ("tight", "past_tightness", "level", "co_bids_before", "co_bids", "bids")
"""What the model weighs, each as a rank over the market: −CV, the bidders' past tightness, price level, co-bids in earlier
and in all other tenders, number of bids."""
LEAST_VERDICTS, LEAST_OF_A_KIND = 40, 10
"""Verdicts, and those that confirmed or refuted, below which nothing is learned."""
_RIDGE = 1.0
_ROUNDS = 5
"""Times the model is fitted anew on what came before, over the later half of the verdicts."""
_STEPS, _CLOSE = 50, 1e-8


@dataclass(frozen=True)
class Learned:
    """A market's model and how well it forecast the verdicts that came after those it was fitted on."""

    verdicts: int
    confirmed: int
    forecast: int
    """Verdicts that were forecast from earlier ones alone."""
    auc: float
    """Probability that a confirmed tender was forecast above a refuted one."""
    label_free: float
    """The same of the score that reads no label, on the same tenders."""
    weights: dict[str, float]
    """Log odds from the lowest to the highest rank of each evidence."""
    score: Floats
    """Probability of being confirmed for every tender, by the model of all verdicts."""

    @property
    def better(self) -> bool:
        """Whether the forecasts beat the score without labels: only then is the model worth looking at."""
        return self.auc > self.label_free


def evidence(market: Market, scored: Scored) -> Floats:
    """A row a tender, a column an evidence of `EVIDENCE`, from −½ to ½; what is not known counts as in the middle."""
    counted = market.size >= ENOUGH_BIDS
    ranks = (
        scored.price_channel, scored.past_rank, scored.level_rank, scored.ring_channel, rank(scored.meets.other, counted),
        rank(market.size.astype(np.float64), counted),
    )  # fmt: skip
    found: Floats = np.nan_to_num(np.column_stack(ranks), nan=0.5) - 0.5
    return found


def fit(rows: Floats, confirmed: Bools) -> Floats:
    """Weights of a ridge logistic regression by Newton's method (Hastie, Tibshirani & Friedman 2009, §4.4), the constant
    first and free of the ridge."""
    x = np.column_stack([np.ones(len(rows)), rows])
    held = _RIDGE * np.diag([0.0, *np.ones(rows.shape[1])])
    weights = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        chance = _chance(x @ weights)
        slope = x.T @ (confirmed - chance) - held @ weights
        curve = x.T @ (x * (chance * (1 - chance))[:, None]) + held
        step = np.linalg.solve(curve + 1e-9 * np.eye(len(curve)), slope)
        weights = weights + step
        if np.abs(step).max() < _CLOSE:
            break
    return weights


def _chance(odds: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
    return found


def _forecast(weights: Floats, rows: Floats) -> Floats:
    return _chance(weights[0] + rows @ weights[1:])


def learn(market: Market, scored: Scored, verdicts: Mapping[int, bool]) -> Learned | None:
    """The model of a market from verdicts on its tenders (number → confirmed); None where there are too few of a kind."""
    judged: Ints = np.array(sorted(verdicts), dtype=np.int64)
    confirmed = np.array([verdicts[int(n)] for n in judged], dtype=bool)
    kinds = int(confirmed.sum()), int((~confirmed).sum())
    if len(judged) < LEAST_VERDICTS or min(kinds) < LEAST_OF_A_KIND:
        return None
    rows = evidence(market, scored)
    later, forecast = _forward(rows[judged], confirmed)
    if not 0 < confirmed[later].sum() < len(later):
        return None
    weights = fit(rows[judged], confirmed)
    return Learned(
        len(judged), kinds[0], len(later), auc(confirmed[later], forecast), auc(confirmed[later], scored.score[judged[later]]),
        dict(zip(EVIDENCE, weights[1:].tolist(), strict=True)), _forecast(weights, rows),
    )  # fmt: skip


def _forward(rows: Floats, confirmed: Bools) -> tuple[Ints, Floats]:
    """Places of the later half of the verdicts, and what models of the verdicts before each part say of it."""
    places, said = [], []
    half = len(rows) // 2
    for part in np.array_split(np.arange(half, len(rows)), _ROUNDS):
        before = slice(0, int(part[0])) if len(part) else slice(0)
        if 0 < confirmed[before].sum() < len(confirmed[before]):
            places.append(part)
            said.append(_forecast(fit(rows[before], confirmed[before]), rows[part]))
    if not places:
        return np.array([], dtype=np.int64), np.array([])
    return np.concatenate(places).astype(np.int64), np.concatenate(said)


def auc(guilty: Bools, value: Floats) -> float:
    """Probability that a guilty tender ranks above an innocent one (ties half); what has no value counts as middling."""
    place = ranks(np.where(np.isnan(value), np.nanmedian(value), value))
    ones = int(guilty.sum())
    return float((place[guilty].sum() - ones * (ones + 1) / 2) / (ones * (len(guilty) - ones)))
