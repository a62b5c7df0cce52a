"""Prices of a lot beside each other: how close they lie, how far the lowest is from the next (B11–B14, O3, T14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, case, func, literal_column, select

from supervision.lens.tables import bids, lots
from supervision.rules.finding import Finding
from supervision.rules.market_rule import (
    CAP,
    STRATUM,
    Row,
    RowRule,
    UnusualLots,
    count_if,
    lot_prices,
    percent,
    priced,
    real,
    share,
    stratum_of,
    unusual,
)
from supervision.rules.rule import Parameter

P = lot_prices.c
_KEYS = (P.lot_id, P.centre_id, P.stratum)
_GAP = share(P.next_low - P.low, P.low)
MIN_BIDS = Parameter("min_bids", 4, 3, 20, whole=True)


class TightPrices(UnusualLots):
    """B11: prices lie unusually close, and the two lowest have met before.

    Closeness alone alerts at its percentile by construction, hence the second condition.
    """

    id, family, level, low = "B11", "bidders", "yellow", True
    share = True
    reads = ("bid.price", "bid.bidder_id", "lot.category", "lot.method")
    parameters = (CAP, STRATUM, MIN_BIDS, Parameter("met_before", 3, 0, 20, whole=True))
    keep = ("first_bidder", "second_bidder", "n", "opened_at")

    def values(self, chosen: Mapping[str, float]) -> FromClause:
        """Coefficient of variation: sample standard deviation ÷ mean."""
        cv = share(func.sqrt(share(P.squares, P.n - 1)), P.mean)
        columns = (*_KEYS, P.first_bidder, P.second_bidder, P.n, P.opened_at, cv.label("value"))
        return select(*columns).where(P.n >= chosen["min_bids"], P.squares > 0).subquery("spread")

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """The tightest lots with how often their two lowest bidders met in earlier lots."""
        tight = super().select(chosen).order_by(None).subquery("tight")
        one, two = bids.alias("one"), bids.alias("two")
        met = (
            select(tight.c.lot_id, func.count().label("met"))
            .join(one, one.c.bidder_id == tight.c.first_bidder)
            .join(two, (two.c.lot_id == one.c.lot_id) & (two.c.bidder_id == tight.c.second_bidder))
            .where(one.c.opened_at < tight.c.opened_at)
            .group_by(tight.c.lot_id)
            .subquery("met")
        )
        times = func.coalesce(met.c.met, 0)
        return (
            select(*tight.c, times.label("met"))
            .outerjoin(met, met.c.lot_id == tight.c.lot_id)
            .where(times >= chosen["met_before"])
            .order_by(tight.c.lot_id)
        )

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a lot, with how often they had met."""
        return [self._tight(row) for row in rows]

    def _tight(self, row: Row) -> Finding:
        both = [("bidder", row["first_bidder"]), ("bidder", row["second_bidder"])]
        title = self.says("found", count=row["n"], share=percent(row["value"]), met=row["met"])
        return self.about(
            [("lot", row["lot_id"]), *both], title, row["value"], row["threshold"], baseline=row["baseline"],
            stratum=row["stratum"], evidence={"of": row["of"], "met_before": row["met"], "n": row["n"]}, row=row,
        )  # fmt: skip


class CoverPrices(UnusualLots):
    """B12: the lowest price is far below losing prices that lie close together."""

    id, family, level, low = "B12", "bidders", "yellow", False
    reads = ("bid.price", "lot.category", "lot.method")
    parameters = (CAP, STRATUM, MIN_BIDS)
    keep = ("first_bidder", "n")

    def values(self, chosen: Mapping[str, float]) -> FromClause:
        """RD = (second − lowest) ÷ standard deviation of the losing prices (Imhof)."""
        losers = P.n - 1
        variance = share(P.losing_squares - P.losing_off * share(P.losing_off, losers), losers - 1)
        near = func.sqrt(case((variance > 0, variance)))
        value = share(P.next_low - P.low, near)
        clustered = near <= share(P.losing, losers) * 0.02
        return (
            select(*_KEYS, P.first_bidder, P.n, value.label("value"))
            .where(P.n >= chosen["min_bids"], clustered)
            .subquery("cover")
        )


class SmallGap(UnusualLots):
    """B13: the second price is unusually near the lowest (Cardinal's R024 by percentile: its fence is negative)."""

    id, family, level, low = "B13", "bidders", "yellow", True
    share = True
    reads = ("bid.price", "lot.category", "lot.method")
    keep = ("first_bidder", "second_bidder", "n")
    parameters = (Parameter("cap", 0.01, 0.001, 0.1), STRATUM)

    def values(self, chosen: Mapping[str, float]) -> FromClause:
        """(second − lowest) ÷ lowest of lots that the lowest won."""
        columns = (*_KEYS, P.first_bidder, P.second_bidder, P.n, _GAP.label("value"))
        return select(*columns).where(P.n >= 2, P.winner == P.first_bidder).subquery("gaps")


class LargeGap(SmallGap):
    """B13b: the second price is unusually far from the lowest (Cardinal's R058 by percentile)."""

    id, low = "B13b", False
    share = True


class DearWinner(UnusualLots):
    """T14: the winner's price is unusually far above the lowest."""

    id, family, level, low = "T14", "tenderers", "yellow", False
    share = True
    reads = ("bid.price", "award.bidder_id", "lot.method")
    keep = ("winner", "n")

    def values(self, chosen: Mapping[str, float]) -> FromClause:
        """(winning − lowest) ÷ lowest."""
        above = share(P.won - P.low, P.low)
        return select(*_KEYS, P.winner, P.n, above.label("value")).where(P.won > P.low).subquery("above")

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Against the lots in which another than the lowest won."""
        return unusual(
            self.values(chosen), low=False, cap=chosen["cap"], least=chosen["stratum"], keep=self.keep
        )


class LowPrice(UnusualLots):
    """O3: the lowest price is unusually far below the others."""

    id, family, level, low = "O3", "process", "yellow", True
    reads = ("bid.price", "lot.category", "lot.method")
    parameters = (CAP, STRATUM, MIN_BIDS, Parameter("of_others", 0.85, 0.5, 0.98))
    keep = ("first_bidder", "n")

    def values(self, chosen: Mapping[str, float]) -> FromClause:
        """Lowest price ÷ mean of the others."""
        ratio = share(P.low, share(P.losing, P.n - 1))
        columns = (*_KEYS, P.first_bidder, P.n, ratio.label("value"))
        return select(*columns).where(P.n >= chosen["min_bids"]).subquery("ratios")

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Of the lowest of their stratum those below the given share of the others' mean."""
        low = super().select(chosen).order_by(None).subquery("low")
        return select(*low.c).where(low.c.value < chosen["of_others"]).order_by(low.c.lot_id)


class SingleNearLimit(UnusualLots):
    """T13: one valid bid, at a price next to the limit, and nearer than the cap's share of the market's lots."""

    id, family, level, low, version = "T13", "tenderers", "yellow", True, "2"
    share = True
    reads = ("bid.price", "bid.status", "lot.control_price", "lot.category", "lot.method")
    parameters = (Parameter("below_limit", 0.02, 0.001, 0.2), CAP, STRATUM)
    keep = ("winner", "n")

    def values(self, chosen: Mapping[str, float]) -> FromClause:
        """(limit − award) ÷ limit of every awarded lot; `apart` is that of lots with one valid bid and far for all others."""
        control = real(lots.c.control_price)
        below = share(control - real(lots.c.award_price), control)
        alone = (lots.c.valid_bids == 1) & (below >= 0)
        return (
            select(
                lots.c.lot_id, lots.c.centre_id, stratum_of(lots).label("stratum"), lots.c.winner_id.label("winner"),
                lots.c.bids.label("n"), below.label("value"), case((alone, below), else_=_FAR).label("apart"),
            )
            .where(lots.c.opened, lots.c.control_price > 0, lots.c.winner_id.is_not(None))
            .where(lots.c.award_price.is_not(None), lots.c.award_currency == lots.c.currency)
            .subquery("below")
        )  # fmt: skip

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Of the lots with one valid bid those nearest to the limit, at most the cap's share of all lots of the stratum."""
        near = unusual(
            self.values(chosen), low=True, cap=chosen["cap"], least=chosen["stratum"], keep=self.keep, ranked="apart"
        ).order_by(None).subquery("near")  # fmt: skip
        return select(*near.c).where(near.c.value < chosen["below_limit"]).order_by(near.c.lot_id)

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a lot, by whichever threshold is nearer to the limit."""
        limit = chosen["below_limit"]
        return [self._about({**row, "threshold": min(row["threshold"], limit)}) for row in rows]


_FAR = real(literal_column("1000000"))
"""Farther from the limit than any price: the place of lots in which others competed."""


def _missing_and_beside(near: float) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Whether a bid lies at zero, or beside it: its distance from the best other bid in parts of the limit."""
    other = case((priced.c.place == 1, P.next_low), else_=P.low)
    off = share(priced.c.price - other, P.control)
    beside = ((off >= 4 * near) & (off <= 6 * near)) | ((off >= -6 * near) & (off <= -4 * near))
    return (off >= -near) & (off <= near), beside


class MissingBids(RowRule):
    """B14: hardly any bids just miss or just make it, though many come a little less near: a market, not a lot."""

    id, family, level = "B14", "bidders", "yellow"
    reads = ("bid.price", "lot.control_price", "lot.category", "lot.method")
    parameters = (
        Parameter("ratio", 0.3, 0.05, 0.9), Parameter("near", 0.001, 0.0005, 0.01),
        Parameter("min_bids_beside", 100, 30, 10_000, whole=True), CAP,
    )  # fmt: skip

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Bids by distance from the best other bid, in parts of the limit: at zero and beside it, a row a stratum."""
        at, beside = (count_if(where) for where in _missing_and_beside(chosen["near"]))
        return (
            select(P.stratum, at.label("at"), beside.label("beside"))
            .join(priced, P.lot_id == priced.c.lot_id)
            .where(P.n >= 2)
            .group_by(P.stratum)
            .order_by(P.stratum)
        )

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """The market's lots with bids beside zero: those that show what is missing at zero."""
        _, beside = _missing_and_beside(chosen["near"])
        return (
            select(P.stratum.label("one"), P.lot_id, P.opened_at).join(priced, P.lot_id == priced.c.lot_id)
            .where(P.n >= 2, beside).distinct()
        )  # fmt: skip

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a market; the bids beside zero fill twice the width of those at zero."""
        found = []
        for row in rows:
            at, beside = row["at"] or 0, (row["beside"] or 0) / 2
            if beside >= chosen["min_bids_beside"] and at < chosen["ratio"] * beside:
                found.append(
                    self.about(
                        [("group", row["stratum"])], self.says("found", market=row["stratum"], share=percent(at / beside)),
                        at / beside, chosen["ratio"], baseline=1.0, stratum=row["stratum"],
                        evidence={"at_zero": at, "beside": beside},
                    )
                )  # fmt: skip
        return found
