"""What a firm wins with a tenderer or agency beside what it would win there as elsewhere: the rows, the expected wins, the
chance of as many (hypergeometric tail, Fisher 1922), and how chances of many pairs are judged together (Benjamini and Hochberg 1995)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import betainc
from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, select

from supervision.lens.tables import bids, lots
from supervision.rules.market_rule import Row, count_if, district_and_year_of, share


@dataclass(frozen=True)
class Pair:
    """A tenderer (or agency) and a firm: what the firm won there beside what it would have won as elsewhere."""

    buyer: str
    firm: str
    awards: int
    """Lots of the buyer with a winner."""
    bid: int
    """Of them those in which the firm bid."""
    wins: int
    expected: float
    p: float
    adjusted_p: float

    @property
    def lift(self) -> float:
        """Wins ÷ expected wins."""
        return self.wins / self.expected


def wins_tail(wins: int, usual: float, won_elsewhere: int, usual_elsewhere: float) -> float:
    """P(at least `wins`) of a firm that elsewhere won `won_elsewhere` where a usual firm wins `usual_elsewhere`, in lots in
    which a usual firm wins `usual`.

    Wins are Poisson with the firm's strength times what is usual; the strength is not known but Gamma-distributed by what
    was seen elsewhere (half a win of each kind beforehand): negative binomial. Few lots elsewhere say little, and p says so.
    """
    known = won_elsewhere + 0.5, usual_elsewhere + 0.5
    return float(betainc(wins, known[0], usual / (usual + known[1])))


def benjamini_hochberg(p: Sequence[float], tested: int = 0) -> list[float]:
    """p adjusted for the false discovery rate (Benjamini & Hochberg 1995) over all that were tested, of whom `p` may be
    but the smallest: those left out count as well."""
    order = np.argsort(p)
    scaled = np.asarray(p)[order] * max(tested, len(p)) / np.arange(1, len(p) + 1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return [float(min(1.0, value)) for value in adjusted]


def pairs_select(buyer: ColumnElement[Any], least_wins: float) -> Select[*tuple[Any, ...]]:
    """A row a buyer and firm with enough wins; only lots that somebody won, as others say nothing about chances.

    `usual` is what a usual firm would have won in the same lots: Σ over strata (category × district × year) of lots bid in
    × wins per bid in the stratum; `all_…` are the firm's with every buyer.
    """
    own = lots.c.tenderer_id if buyer is bids.c.tenderer_id else lots.c.agency_id
    chances = _chances(own).cte("chances")
    b, chance = bids.c, chances.c
    pairs = (
        select(
            chance.buyer, b.bidder_id.label("firm"), func.count().label("bid"), count_if(b.is_winner).label("wins"),
            func.sum(chance.rate).label("usual"),
        )
        .join(chances, chance.lot_id == b.lot_id).group_by(chance.buyer, b.bidder_id).cte("pairs")
    )  # fmt: skip
    p = pairs.c
    firms = select(
        p.firm, cast(func.sum(p.bid), BigInteger).label("bid"), cast(func.sum(p.wins), BigInteger).label("wins"),
        func.sum(p.usual).label("usual"),
    ).group_by(p.firm).subquery("firms")  # fmt: skip
    sizes = (
        select(own.label("buyer"), func.count().label("awards"))
        .where(lots.c.winner_id.is_not(None)).group_by(own).subquery("sizes")
    )  # fmt: skip
    tested = select(func.count()).where(p.buyer.is_not(None), p.bid >= least_wins).scalar_subquery()
    everywhere = (
        firms.c.bid.label("all_bid"),
        firms.c.wins.label("all_wins"),
        firms.c.usual.label("all_usual"),
    )
    return (
        select(*pairs.c, *everywhere, sizes.c.awards, tested.label("tested"))
        .join(firms, firms.c.firm == pairs.c.firm)
        .join(sizes, sizes.c.buyer == pairs.c.buyer)
        .where(pairs.c.wins >= least_wins)
        .order_by(pairs.c.buyer, pairs.c.firm)
    )


def _chances(buyer: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    """A row a lot that somebody won: its buyer, and wins per bid in its stratum. Strata are told by lot, not by bid, as bids
    are a hundred times as many."""
    bid = bids.c
    each = select(bid.lot_id, func.count().label("bids"), count_if(bid.is_winner).label("wins")).group_by(bid.lot_id).subquery("each")  # fmt: skip
    stratum = district_and_year_of(lots)
    won = (
        select(lots.c.lot_id, buyer.label("buyer"), stratum.label("stratum"), each.c.bids, each.c.wins)
        .join(each, each.c.lot_id == lots.c.lot_id).where(lots.c.winner_id.is_not(None)).cte("won")
    )  # fmt: skip
    rate = share(func.sum(won.c.wins), func.sum(won.c.bids)).label("rate")
    rates = select(won.c.stratum, rate).group_by(won.c.stratum).subquery("rates")
    return select(won.c.lot_id, won.c.buyer, rates.c.rate).join(rates, rates.c.stratum == won.c.stratum)


def wins_of_pairs(buyer: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    """The lots that a firm won with a tenderer or agency."""
    b = bids.c
    return select(buyer.label("one"), b.bidder_id.label("two"), b.lot_id, b.opened_at).where(b.is_winner)


def pairs_of(rows: Sequence[Row]) -> list[Pair]:
    """The pairs in rows of `pairs_select`, p adjusted over all pairs that met often enough to be tested.

    Expected wins are what is usual in those lots × the firm's strength elsewhere (its wins ÷ what is usual there), with
    half a win added to both: in each stratum thus lots bid in × the firm's rate of winning elsewhere.
    """
    pairs = [_pair(row) for row in rows]
    adjusted = benjamini_hochberg([pair.p for pair in pairs], rows[0]["tested"]) if pairs else []
    return [replace(pair, adjusted_p=p) for pair, p in zip(pairs, adjusted, strict=True)]


def _pair(row: Row) -> Pair:
    won_elsewhere, usual_elsewhere = row["all_wins"] - row["wins"], row["all_usual"] - row["usual"]
    expected = row["usual"] * (won_elsewhere + 0.5) / (usual_elsewhere + 0.5)
    p = wins_tail(row["wins"], row["usual"], won_elsewhere, usual_elsewhere)
    return Pair(row["buyer"], row["firm"], row["awards"], row["bid"], row["wins"], expected, p, 1.0)
