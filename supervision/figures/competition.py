"""市场竞争程度 Competition: how many bid for each lot, and how much goes to how few (M10–M16)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from supervision.figures.figure import (
    DEALS,
    DEALS_IN_ONE_CURRENCY,
    OPENED,
    PARTICIPATIONS,
    REACHED,
    LensFigure,
    Part,
    Row,
    Rows,
    rows_where,
    share_of,
    total,
)
from supervision.figures.filters import Filters
from supervision.figures.narrow import AWARDED_ON
from supervision.figures.openness import share
from supervision.figures.results import Count, Index, Quantiles, Share

HHI_SCALE = 10_000
"""The index runs from 0 to 10000, as merger control writes it."""
LARGEST = 4
"""Winners that CR4 adds up."""
POINTS = (0.1, 0.5, 0.9)
NEW_AFTER = 24
"""Months without an award after which a winner is new."""


def _quantiles(rows: Sequence[Row], _: Filters) -> Quantiles:
    lots, *values = rows[0]
    return Quantiles(lots, *(None if v is None else float(v) for v in values))


def _shares(rows: Sequence[Row]) -> tuple[list[float], int]:
    """Winners' shares of the award value, the largest first, and of how many lots; from (winner, value, lots)."""
    valued = [(amount, n) for winner, amount, n in rows if winner is not None and amount]
    whole = sum((amount for amount, _ in valued), Decimal(0))
    shares = sorted((float(amount / whole) for amount, _ in valued), reverse=True) if whole else []
    return shares, sum(n for _, n in valued) if whole else 0


def _hhi(rows: Sequence[Row], _: Filters) -> Index:
    shares, lots = _shares(rows)
    return Index(sum(s * s for s in shares) * HHI_SCALE if shares else None, lots)


def _cr4(rows: Sequence[Row], _: Filters) -> Index:
    shares, lots = _shares(rows)
    return Index(sum(shares[:LARGEST]) if shares else None, lots)


def _single(rows: Sequence[Row], _: Filters) -> Share:
    """From (lot, valid bids, reviewed bids): lots with one valid bid among those reviewed."""
    return Share(sum(valid == 1 for _, valid, seen in rows if seen), sum(bool(seen) for *_, seen in rows))


M10 = LensFigure(
    "M10", OPENED, (Part("count(bids)"), Part("avg(bids)", empty=None), *(Part(f"quantile_cont(bids, {p})", empty=None) for p in POINTS)),
    _quantiles, better="more",
)  # fmt: skip
M11 = LensFigure(
    "M11", REACHED, share_of("bids < 3", "bids IS NOT NULL"), share, better="less", behind="bids < 3"
)
LOTS_BY_BIDDERS = LensFigure("lots_by_bidders", REACHED, (rows_where(),), lambda rows, _: Count(rows[0][0]))
"""For the histogram: its breakdown by classes of bidders."""
LOTS_OPENED = LensFigure(
    "lots_opened", OPENED, (rows_where(),), lambda rows, _: Count(rows[0][0]), better="more"
)
UNOPENED = LensFigure(
    "unopened", REACHED, (rows_where("NOT opened AND bids IS NOT NULL"),), lambda rows, _: Count(rows[0][0]),
    better="less", behind="NOT opened AND bids IS NOT NULL",
)  # fmt: skip
_REVIEWED = "status IN ('valid', 'disqualified')"
M12 = LensFigure(
    "M12", PARTICIPATIONS, (rows_where("status = 'valid'"), rows_where(_REVIEWED)), _single, each="lot_id",
    better="less", behind="valid_bids = 1",
)  # fmt: skip
M13 = LensFigure("M13", PARTICIPATIONS, share_of("status = 'disqualified'", _REVIEWED), share)
_VALUE = (total("award_price"), rows_where())
M14 = LensFigure("M14", DEALS_IN_ONE_CURRENCY, _VALUE, _hhi, each="winner_id", better="less")
M15 = LensFigure("M15", DEALS_IN_ONE_CURRENCY, _VALUE, _cr4, each="winner_id", better="less")
_BEFORE = (
    f"SELECT *, lag({AWARDED_ON}) OVER (PARTITION BY winner_id ORDER BY {AWARDED_ON}, lot_id) AS won_before,"
    f" min({AWARDED_ON}) OVER () AS first_award FROM lots WHERE winner_id IS NOT NULL"
)
_SINCE = f"{AWARDED_ON} - INTERVAL {NEW_AFTER} MONTH"
_LONG_KNOWN = f"first_award <= {_SINCE}"
"""The records reach back far enough to say that a winner is new."""
_NEW = f"(won_before IS NULL OR won_before < {_SINCE})"
_WINNERS = "count(DISTINCT winner_id)"
M16 = LensFigure(
    "M16", Rows("lots", AWARDED_ON, DEALS.where, _BEFORE),
    (Part(_WINNERS, f"{_NEW} AND {_LONG_KNOWN}"), Part(_WINNERS, _LONG_KNOWN), Part(_WINNERS, f"NOT ({_LONG_KNOWN})")),
    share, better="more",
)  # fmt: skip

FIGURES = (M10, M11, LOTS_BY_BIDDERS, LOTS_OPENED, UNOPENED, M12, M13, M14, M15, M16)
