"""The two channels, price and ring, the gate that says which of them a market supports, and the score of a tender.

Price: tight prices, from firms whose earlier tenders were tight too, and at a high price. Ring: bidders who keep meeting.
Ranks are taken over the whole market, never within year, category or number of bidders: collusion comes in eras, and
conditioning removes it. No label is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from messages import Message
from supervision.detection.market import Bools, Floats, Market
from supervision.detection.screens import Screens, screens
from supervision.detection.tails import rank_correlation, ranks
from supervision.detection.ties import CoBids, co_bids, mean_elsewhere

Channels = Literal["price", "ring", "both", "unverified"]

RING_OPENS = 5.0
"""Median over the tenders of their co-bids in all other tenders, from which the ring channel is on."""
PRICE_OPENS = 0.2
"""Rank correlation of the bidders' tightness elsewhere with the price level, from which the price channel is on."""
ENOUGH_BIDS = 3
"""Bids from which a tender is part of what others are ranked against and of the gate."""
NOTABLE = 0.9
"""Rank from which an evidence is named as a reason."""
_LEAST_TENDERS = 10
"""Tenders below which the gate says nothing."""
_LEVEL_WEIGHT = 0.5
"""The price level is half an evidence: it is dear also where the estimate was poor."""


@dataclass(frozen=True)
class Gate:
    """Which channels a market supports, and why."""

    opens: Channels
    correlation: float
    """Spearman's ρ of the bidders' tightness in other tenders with the price level; NaN: cannot be computed."""
    meetings: float
    """Median over tenders of the co-bids in all other tenders; NaN: cannot be computed."""
    tenders: int
    """Tenders with enough bids to count."""

    @property
    def price(self) -> bool:
        """Whether the price channel counts; also where nothing can be verified, as nothing better is there."""
        return self.opens != "ring"

    @property
    def ring(self) -> bool:
        """Whether the ring channel counts."""
        return self.opens in ("ring", "both")


@dataclass(frozen=True)
class Scored:
    """What is known of each tender; ranks and the score run from 0 to 1, 1 being the most suspicious."""

    screens: Screens
    price_channel: Floats
    """Rank of −CV."""
    past_tightness: Floats
    """Mean over the bidders of the tightness (1 − rank of CV) of their earlier tenders; NaN without a history."""
    past_rank: Floats
    """Rank of the past tightness."""
    level_rank: Floats
    """Rank of the price level."""
    meets: CoBids
    ring_channel: Floats
    """Rank of the co-bids in earlier tenders; NaN where bidders are not known."""
    gate: Gate
    score: Floats
    below: Mapping[str, Floats]
    """By reason, the share of the counted tenders that stand strictly below: what is said in words, as a rank of ties
    and of the tender itself would say too much."""


def rank(value: Floats, counted: Bools) -> Floats:
    """Where each value stands among those of the `counted` tenders: 0 below all, 1 above all; NaN stays."""
    ordered = _ordered(value, counted)
    place = (np.searchsorted(ordered, value, "left") + np.searchsorted(ordered, value, "right")) / 2
    found: Floats = np.where(np.isnan(value), np.nan, place / max(len(ordered), 1))
    return found


def share_below(value: Floats, counted: Bools) -> Floats:
    """The share of the `counted` tenders whose value is lower; NaN stays."""
    ordered = _ordered(value, counted)
    below = np.searchsorted(ordered, value, "left") / max(len(ordered), 1)
    found: Floats = np.where(np.isnan(value), np.nan, below)
    return found


def _ordered(value: Floats, counted: Bools) -> Floats:
    """The values of the `counted` tenders that have one, rising; of all tenders where no counted one has."""
    has = ~np.isnan(value)
    among = counted & has
    found: Floats = np.sort(value[among if among.any() else has])
    return found


def score(market: Market) -> Scored:
    """Screens, channels, gate and score of every tender of a market."""
    described, meets, counted = screens(market), co_bids(market), market.size >= ENOUGH_BIDS
    tight = 1 - _plain_rank(described.cv)
    past = np.clip(mean_elsewhere(market, tight, earlier=True), 0, 1)  # sums of shares may round beyond them
    level = price_level(market)
    gate = judge(mean_elsewhere(market, tight), level, meets.other, counted)
    evidence = {"tight": -described.cv, "past": past, "level": level, "ring": meets.past}
    ranks = [rank(each, counted) for each in evidence.values()]
    below = {name: share_below(each, counted) for name, each in evidence.items()}
    found = Scored(described, ranks[0], past, ranks[1], ranks[2], meets, ranks[3], gate, ranks[0], below)
    return replace(found, score=_mean_rank(_price_evidence(found) + _ring_evidence(market, found, counted)))


def judge(tight: Floats, level: Floats, meetings: Floats, counted: Bools) -> Gate:
    """The gate. `tight`: the bidders' mean tightness in other tenders; `meetings`: co-bids in all other tenders.

    Tightness is suspicious only where the tight are also the dear; meeting again only where bidders meet at all often.
    """
    both = counted & ~np.isnan(tight) & ~np.isnan(level)
    correlation = np.nan
    if both.sum() >= _LEAST_TENDERS and np.ptp(tight[both]) > 0 and np.ptp(level[both]) > 0:
        correlation = rank_correlation(tight[both], level[both])
    met = meetings[counted & ~np.isnan(meetings)]
    usual = float(np.median(met)) if len(met) >= _LEAST_TENDERS else np.nan
    price, ring = correlation >= PRICE_OPENS, usual >= RING_OPENS
    opens: Channels = "both" if price and ring else "price" if price else "ring" if ring else "unverified"
    return Gate(opens, correlation, usual, int(counted.sum()))


def price_level(market: Market) -> Floats:
    """Lowest bid ÷ control price; where no tender has one, ÷ the median lowest bid of the tender's year."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        level = market.lowest / np.where(market.control > 0, market.control, np.nan)
    if not np.isnan(level).all():
        return level
    found = np.full(len(level), np.nan)
    lowest = np.ldexp(
        market.lowest, -np.frexp(market.lowest.max())[1]
    )  # the median adds two: they must not overflow
    for year in np.unique(market.year):
        here = market.year == year
        if (median := np.median(lowest[here])) > 0:
            found[here] = lowest[here] / median
    return found


def _plain_rank(value: Floats) -> Floats:
    """Ranks divided by how many have one: the tightness of engineering notes and literature."""
    has = ~np.isnan(value)
    found = np.full(len(value), np.nan)
    found[has] = ranks(value[has]) / has.sum()
    return found


_Evidence = tuple[Floats, float]
"""Ranks of all tenders, and their weight in the score."""


def _price_evidence(found: Scored) -> list[_Evidence]:
    """−CV; past tightness and the price level only where the gate has verified that the tight are the dear."""
    if not found.gate.price:
        return []
    if found.gate.opens == "unverified":
        return [(found.price_channel, 1.0)]
    return [(found.price_channel, 1.0), (found.past_rank, 1.0), (found.level_rank, _LEVEL_WEIGHT)]


def _ring_evidence(market: Market, found: Scored, counted: Bools) -> list[_Evidence]:
    """Co-bids before, co-bids in the whole period, and what company the bidders keep in their other tenders."""
    if not found.gate.ring:
        return []
    other = rank(found.meets.other, counted)
    company = mean_elsewhere(market, np.where(counted, other, np.nan))
    return [(found.ring_channel, 1.0), (other, 1.0), (rank(company, counted), 1.0)]


def _mean_rank(evidence: list[_Evidence]) -> Floats:
    """The weighted mean of the evidence; what a tender lacks counts as in the middle."""
    ranks = np.stack([np.nan_to_num(each, nan=0.5) for each, _ in evidence])
    found: Floats = np.average(ranks, axis=0, weights=[weight for _, weight in evidence])
    return found


def reasons(found: Scored, tender: int) -> list[Message]:
    """Why a tender ranks high in the channels that count, in words; empty where it does not."""
    words = []
    if found.gate.price:
        words += _price_reasons(found, tender)
    if found.gate.ring and found.ring_channel[tender] >= NOTABLE:
        met, share = round(float(found.meets.past[tender]), 1), _share(found.below["ring"][tender])
        words.append(Message("collusion.reason.ring", met=met, share=share))
    return words


def _price_reasons(found: Scored, tender: int) -> list[Message]:
    words = []
    if found.price_channel[tender] >= NOTABLE:
        cv = round(100 * float(found.screens.cv[tender]), 2)
        words.append(Message("collusion.reason.tight", cv=cv, share=_share(found.below["tight"][tender])))
    if found.gate.opens == "unverified":
        return [*words, Message("collusion.reason.unverified")] if words else words
    for name, placed in (("past", found.past_rank), ("level", found.level_rank)):
        if placed[tender] >= NOTABLE:
            words.append(Message(f"collusion.reason.{name}", share=_share(found.below[name][tender])))
    return words


def _share(below: float) -> int:
    """A share as whole per cent, rounded down: no more than is so."""
    return int(round(100 * float(below), 9))
