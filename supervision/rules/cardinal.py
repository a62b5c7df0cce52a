"""Cardinal's indicators over the lens, with its definitions, beside our variants; they warn nobody (mode shadow).

R003 and R030 look at single lots (T8, T12 are their kin there); the others stand here. Fences and quantiles are those of
`supervision.flags`, so that a release counts alike in a file and in the ledger.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import Select, case, func, literal_column, select, union_all

from supervision.flags.statistics import lower_fence, quantile, upper_fence
from supervision.lens.tables import bids, lots
from supervision.rules.finding import Finding, Level
from supervision.rules.market_rule import Row, RowRule, count_if, lot_prices, real, stratum_of
from supervision.rules.rule import Mode, Parameter
from supervision.rules.tenderers import rejections

P = lot_prices.c


class Indicator(RowRule):
    """One of them. The parameters are those of its settings file; a fence is drawn where there is none."""

    family = "cardinal"
    level: ClassVar[Level] = "yellow"
    mode: ClassVar[Mode] = "shadow"

    def lot(self, row: Row, value: float, threshold: float, **evidence: object) -> Finding:
        """A finding about a lot."""
        sentence = self.says("found", value=f"{value:.4g}")
        return self.about([("lot", row["lot_id"])], sentence, value, threshold, stratum=row.get("stratum"), evidence=evidence, row=row)  # fmt: skip

    def organisation(self, kind: str, who: str, value: float, threshold: float) -> Finding:
        """A finding about a tenderer or bidder."""
        return self.about([(kind, who)], self.says("found", value=f"{value:.4g}"), value, threshold)


class R018(Indicator):
    """R018: one tenderer in open or selective."""

    id = "R018"
    reads = ("lot.method", "bid.id")

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Lots with one bid."""
        columns = (lots.c.lot_id, lots.c.centre_id, stratum_of(lots).label("stratum"))
        return select(*columns).where(lots.c.bids == 1, lots.c.method.in_(["open", "selective"])).order_by(lots.c.lot_id)  # fmt: skip

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """Each."""
        return [self.lot(row, 1.0, 1.0) for row in rows]


class OfGaps(Indicator):
    """R024 and R058: the gap between the winning bid and the lowest other."""

    reads = ("bid.price", "bid.status", "award.bidder_id")

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Gaps of lots that the lowest valid bid won."""
        valid = (bids.c.status == "valid") & (bids.c.price > 0)
        price = real(bids.c.price)
        won = func.min(case((valid & bids.c.is_winner, price)))
        other = func.min(case((valid & ~bids.c.is_winner, price)))
        return (
            select(bids.c.lot_id, bids.c.centre_id, stratum_of(bids).label("stratum"), won.label("won"), other.label("other"))
            .group_by(bids.c.lot_id, bids.c.centre_id, stratum_of(bids))
            .having(other >= won).order_by(bids.c.lot_id)
        )  # fmt: skip

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """Those beyond the fence."""
        gaps = [(row["other"] - row["won"]) / row["won"] for row in rows]
        fence = self.fence(gaps)
        return [self.lot(r, gap, fence) for r, gap in zip(rows, gaps, strict=True) if self.beyond(gap, fence)]

    @abstractmethod
    def fence(self, gaps: list[float]) -> float:
        """Where outliers begin; not above zero where there is none."""

    @abstractmethod
    def beyond(self, gap: float, fence: float) -> bool:
        """Whether a gap is one."""


class R024(OfGaps):
    """R024: at or below Q1 − 1.5·IQR."""

    id = "R024"
    share = True

    def fence(self, gaps: list[float]) -> float:
        """Nothing where three quarters have no gap."""
        fence, q1 = lower_fence(gaps)
        return fence if q1 > 0 else 0.0

    def beyond(self, gap: float, fence: float) -> bool:
        """Low."""
        return fence > 0 and gap <= fence


class R058(OfGaps):
    """R058: at or above Q3 + 1.5·IQR."""

    id = "R058"
    share = True

    def fence(self, gaps: list[float]) -> float:
        """The upper fence."""
        return upper_fence(gaps)

    def beyond(self, gap: float, fence: float) -> bool:
        """High."""
        return 0 < fence <= gap


class R025(Indicator):
    """R025: a top bidder whose share of wins is a low outlier."""

    id = "R025"
    share = True
    reads = ("bid.bidder_id", "bid.status", "award.bidder_id")
    parameters = (Parameter("percentile", 75, 1, 99, whole=True),)

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Valid bids and wins in awarded lots, by firm."""
        awarded = select(lots.c.lot_id).where(lots.c.winner_id.is_not(None))
        wins = count_if(bids.c.is_winner)
        return (
            select(bids.c.bidder_id, func.count().label("bids"), wins.label("wins"))
            .where(bids.c.status == "valid", bids.c.lot_id.in_(awarded))
            .group_by(bids.c.bidder_id).order_by(bids.c.bidder_id)
        )  # fmt: skip

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """The awarded lots in which it bid."""
        b, awarded = bids.c, select(lots.c.lot_id).where(lots.c.winner_id.is_not(None))
        bid = (b.status == "valid") & b.lot_id.in_(awarded)
        return select(b.bidder_id.label("one"), b.lot_id, b.opened_at).where(bid)

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """Those with many bids and a ratio at or below the fence."""
        often = quantile((float(row["bids"]) for row in rows), chosen["percentile"] / 100)
        ratios = [row["wins"] / row["bids"] for row in rows]
        fence, q1 = lower_fence(ratios)
        if not (q1 > 0 and fence > 0):
            return []
        return [
            self.organisation("bidder", row["bidder_id"], ratio, fence)
            for row, ratio in zip(rows, ratios, strict=True)
            if row["bids"] >= often and ratio <= fence
        ]


class R028(Indicator):
    """R028: different tenderers, the same price."""

    id = "R028"
    reads = ("bid.price", "bid.bidder_id")

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Lots with the largest number of bids at one price."""
        same = (
            select(bids.c.lot_id, bids.c.centre_id, stratum_of(bids).label("stratum"), func.count().label("n"))
            .where(bids.c.price.is_not(None), bids.c.status != "withdrawn")
            .group_by(bids.c.lot_id, bids.c.centre_id, stratum_of(bids), bids.c.price, bids.c.currency)
            .having(func.count() > 1).subquery("same")
        )  # fmt: skip
        keys = (same.c.lot_id, same.c.centre_id, same.c.stratum)
        return select(*keys, func.max(same.c.n).label("n")).group_by(*keys).order_by(same.c.lot_id)

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """Each."""
        return [self.lot(row, 1.0, 1.0, bidders=row["n"]) for row in rows]


class R035(Indicator):
    """R035: all but the one winner disqualified."""

    id = "R035"
    level = "orange"
    reads = ("bid.status", "award.bidder_id")
    parameters = (Parameter("threshold", 1, 1, 50, whole=True),)

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Awarded lots with exactly one valid bid, the winner's."""
        valid, out = bids.c.status == "valid", bids.c.status == "disqualified"
        return (
            select(bids.c.lot_id, bids.c.centre_id, stratum_of(bids).label("stratum"), count_if(out).label("out"))
            .group_by(bids.c.lot_id, bids.c.centre_id, stratum_of(bids))
            .having(count_if(valid) == 1, count_if(valid & bids.c.is_winner) == 1, count_if(bids.c.is_winner) == 1)
            .having(count_if(out) >= chosen["threshold"]).order_by(bids.c.lot_id)
        )  # fmt: skip

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """Each, with how many were disqualified."""
        return [self.lot(row, float(row["out"]), chosen["threshold"]) for row in rows]


class R036(Indicator):
    """R036: the lowest bid disqualified."""

    id = "R036"
    level = "orange"
    reads = ("bid.price", "bid.status", "award.bidder_id")

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Awarded lots in which a disqualified bid is below every other."""
        awarded = select(lots.c.lot_id).where(lots.c.winner_id.is_not(None))
        out, price = bids.c.status == "disqualified", real(bids.c.price)
        low, others = func.min(case((out, price))), func.min(case((~out, price)))
        return (
            select(bids.c.lot_id, bids.c.centre_id, stratum_of(bids).label("stratum"), low.label("low"))
            .where(bids.c.price.is_not(None), bids.c.lot_id.in_(awarded))
            .group_by(bids.c.lot_id, bids.c.centre_id, stratum_of(bids))
            .having(count_if(bids.c.status == "valid") > 0, low < others).order_by(bids.c.lot_id)
        )  # fmt: skip

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """Each."""
        return [self.lot(row, 1.0, 1.0) for row in rows]


class R038(Indicator):
    """R038: an unusual share of bids disqualified, by tenderer (buyer) and by bidder."""

    id = "R038"
    share = True
    reads = ("bid.status", "bid.bidder_id", "lot.tenderer_id")
    parameters = (
        Parameter("minimum_submitted_bids", 2, 2, 1000, whole=True),
        Parameter("minimum_contracting_processes", 2, 2, 1000, whole=True),
    )

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Tenderers and bidders with their bids disqualified and in all."""
        out = count_if(bids.c.status == "disqualified").label("some")
        buyers = select(bids.c.tenderer_id.label("who"), func.max("tenderer").label("kind"), out, func.count().label("every")).where(bids.c.tenderer_id.is_not(None)).group_by(bids.c.tenderer_id)  # fmt: skip
        bidders = select(bids.c.bidder_id.label("who"), func.max("bidder").label("kind"), out, func.count().label("every")).group_by(bids.c.bidder_id)  # fmt: skip
        both = buyers.union_all(bidders).subquery("both")
        return select(*both.c).order_by(both.c.kind, both.c.who)

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Those in which a bid of the bidder, or to the tenderer, was disqualified."""
        both = (
            rejections(who).add_columns(literal_column(f"'{kind}'").label("kind"))
            for kind, who in (("tenderer", bids.c.tenderer_id), ("bidder", bids.c.bidder_id))
        )
        every = union_all(*both).subquery("every")
        return select(*every.c)

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """Each group against its own fence."""
        least = {
            "tenderer": chosen["minimum_contracting_processes"], "bidder": chosen["minimum_submitted_bids"],
        }  # fmt: skip
        return [f for kind, few in least.items() for f in self._of(kind, few, rows)]

    def _of(self, kind: str, few: float, rows: Sequence[Row]) -> list[Finding]:
        ratios = {r["who"]: r["some"] / r["every"] for r in rows if r["kind"] == kind and r["every"] >= few}
        fence = upper_fence(ratios.values())
        if not fence > 0:
            return []
        return [self.organisation(kind, who, ratio, fence) for who, ratio in ratios.items() if ratio >= fence]


class R048(Indicator):
    """R048: a firm wins in an unusual variety of categories (the ledger has a category a lot, not codes of items)."""

    id = "R048"
    reads = ("award.bidder_id", "lot.category")
    parameters = (Parameter("minimum_contracting_processes", 20, 1, 1000, whole=True),)

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Firms with enough awards and the number of their categories."""
        w = lots.c.winner_id
        return (
            select(w.label("who"), func.count(func.distinct(lots.c.category)).label("variety"))
            .where(w.is_not(None), lots.c.category.is_not(None)).group_by(w)
            .having(func.count() >= chosen["minimum_contracting_processes"]).order_by(w)
        )  # fmt: skip

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Those it won."""
        l = lots.c  # noqa: E741
        return select(l.winner_id.label("one"), l.lot_id, l.opened_at).where(l.category.is_not(None))

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """Those at or above the fence."""
        fence = upper_fence(float(row["variety"]) for row in rows)
        return [self.organisation("bidder", r["who"], float(r["variety"]), fence) for r in rows if r["variety"] >= fence]  # fmt: skip


CARDINAL: tuple[RowRule, ...] = (
    R018(), R024(), R025(), R028(), R035(), R036(), R038(), R048(), R058(),
)  # fmt: skip
