"""Tenderers and agencies beside their peers: whom they let win, whom they reject, how they buy (T1–T3, T6, T11, T15, O2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from statistics import median
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Select, func, select

from supervision.detection import tails
from supervision.lens.tables import bids, lots
from supervision.rules.buyers_winners import (
    Pair,
    benjamini_hochberg,
    pairs_of,
    pairs_select,
    wins_of_pairs,
)
from supervision.rules.finding import Finding
from supervision.rules.market_rule import (
    CAP,
    Row,
    RowRule,
    count_if,
    percent,
    share,
)
from supervision.rules.rule import Parameter

LIFT = Parameter("lift", 2.0, 1.2, 20.0)
P_VALUE = Parameter("p", 0.01, 0.0001, 0.1)
MIN_AWARDS = Parameter("min_awards", 5, 3, 100, whole=True)
MIN_WINS = Parameter("min_wins", 3, 2, 50, whole=True)
MIN_LOTS = Parameter("min_lots", 10, 3, 200, whole=True)
MULTIPLE = Parameter("multiple", 3.0, 1.5, 20.0)


def rejections(who: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    """The lots in which a bid of somebody, or to somebody, was rejected."""
    b = bids.c
    return select(who.label("one"), b.lot_id, b.opened_at).where(b.status == "disqualified").distinct()


class FavouredWinner(RowRule):
    """T1: a firm wins with one tenderer far more often than with others of the same kind, place and year."""

    id, family, level = "T1", "tenderers", "orange"
    reads = ("lot.tenderer_id", "bid.bidder_id", "award.bidder_id", "lot.category", "lot.division_code")
    parameters = (LIFT, P_VALUE, MIN_AWARDS, MIN_WINS, CAP)
    kind: ClassVar[str] = "tenderer"

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Pairs by stratum."""
        return pairs_select(bids.c.tenderer_id, chosen["min_wins"])

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Those that the firm won there."""
        return wins_of_pairs(bids.c.tenderer_id)

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a pair, by adjusted p."""
        found = [
            pair
            for pair in pairs_of(rows)
            if pair.awards >= chosen["min_awards"] and pair.lift >= chosen["lift"] and pair.adjusted_p < chosen["p"]
        ]  # fmt: skip
        return [
            self._about(pair, chosen) for pair in sorted(found, key=lambda p: (p.adjusted_p, p.buyer, p.firm))
        ]

    def _about(self, pair: Pair, chosen: Mapping[str, float]) -> Finding:
        title = self.says(
            "found", wins=pair.wins, bid=pair.bid, lift=f"{pair.lift:.1f}", expected=f"{pair.expected:.1f}"
        )
        evidence = {
            "wins": pair.wins, "bid": pair.bid, "awards": pair.awards, "expected": pair.expected, "p": pair.p,
            "adjusted_p": pair.adjusted_p,
        }  # fmt: skip
        subjects = [(self.kind, pair.buyer), ("bidder", pair.firm)]
        return self.about(subjects, title, pair.lift, chosen["lift"], baseline=1.0, evidence=evidence)


class AgencysWinner(FavouredWinner):
    """T2: the same of an agency."""

    id, family, kind = "T2", "agencies", "agency"
    reads = ("lot.agency_id", "bid.bidder_id", "award.bidder_id", "lot.category", "lot.division_code")

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Pairs by stratum."""
        return pairs_select(bids.c.agency_id, chosen["min_wins"])

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Those that the firm won there."""
        return wins_of_pairs(bids.c.agency_id)


class FixedAgency(RowRule):
    """T3: a tenderer nearly always takes the same agency, which mostly lives on it."""

    id, family, level = "T3", "agencies", "yellow"
    share = True
    reads = ("lot.tenderer_id", "lot.agency_id")
    parameters = (
        Parameter("share", 0.8, 0.5, 1.0), Parameter("back_share", 0.5, 0.1, 1.0), MIN_LOTS, CAP,
    )  # fmt: skip

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Every tenderer with enough lots and its agencies, with both totals."""
        both = (
            select(lots.c.tenderer_id.label("tenderer"), lots.c.agency_id.label("agency"), func.count().label("lots"))
            .where(lots.c.tenderer_id.is_not(None), lots.c.agency_id.is_not(None))
            .group_by(lots.c.tenderer_id, lots.c.agency_id).subquery("both")
        )  # fmt: skip
        c = both.c
        totals = select(
            c.tenderer, c.agency, c.lots, func.sum(c.lots).over(partition_by=c.tenderer).label("of_tenderer"),
            func.sum(c.lots).over(partition_by=c.agency).label("of_agency"),
        ).subquery("totals")  # fmt: skip
        t = totals.c
        return (
            select(*t, share(t.lots, t.of_tenderer).label("share"), share(t.lots, t.of_agency).label("back"))
            .where(t.of_tenderer >= chosen["min_lots"])
            .order_by(t.tenderer, t.agency)
        )

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """The tenderer's that the agency handled."""
        l = lots.c  # noqa: E741
        return select(l.tenderer_id.label("one"), l.agency_id.label("two"), l.lot_id, l.opened_at)

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a pair; usual is the share of a tenderer's lots that its first agency has."""
        first: dict[str, float] = defaultdict(float)
        for row in rows:
            first[row["tenderer"]] = max(first[row["tenderer"]], row["share"])
        usual = median(first.values()) if first else None
        return [
            self.about(
                [("tenderer", row["tenderer"]), ("agency", row["agency"])],
                self.says("found", lots=int(row["lots"]), share=percent(row["share"]), back=percent(row["back"])),
                row["share"], chosen["share"], baseline=usual,
                evidence={"of_lots": int(row["lots"]), "of_tenderer": int(row["of_tenderer"]), "of_agency": int(row["of_agency"])},
            )
            for row in rows
            if row["share"] >= chosen["share"] and row["back"] >= chosen["back_share"]
        ]  # fmt: skip


class OftenMore(RowRule):
    """A tenderer of whose lots (or bids) a share is so, many times its peers': exact binomial test, adjusted."""

    family, level = "tenderers", "yellow"
    parameters = (MULTIPLE, P_VALUE, MIN_LOTS, CAP)

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """Rows are (who, some, every); the baseline is the share of all others."""
        some, every = sum(r["some"] for r in rows), sum(r["every"] for r in rows)
        tested = [r for r in rows if r["every"] >= chosen["min_lots"]]
        rates = [(some - r["some"]) / (every - r["every"]) if every > r["every"] else 1.0 for r in tested]
        p = [tails.hypergeometric(r["some"], every, some, r["every"]) for r in tested]
        adjusted = benjamini_hochberg(p) if p else []
        return [
            self._about(row, rate, chosen, q)
            for row, rate, q in zip(tested, rates, adjusted, strict=True)
            if q < chosen["p"] and row["some"] > chosen["multiple"] * rate * row["every"]
        ]

    def _about(self, row: Row, rate: float, chosen: Mapping[str, float], adjusted_p: float) -> Finding:
        value = row["some"] / row["every"]
        sentence = self.says("found", some=int(row["some"]), every=int(row["every"]), share=percent(value))
        return self.about(
            [("tenderer", row["who"])], sentence, value, chosen["multiple"] * rate, baseline=rate,
            evidence={"some": int(row["some"]), "every": int(row["every"]), "adjusted_p": adjusted_p},
        )  # fmt: skip


class OftenRejects(OftenMore):
    """T6: a tenderer's bids are rejected unusually often."""

    id = "T6"
    share = True
    reads = ("lot.tenderer_id", "bid.status")

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Bids rejected and in all, by tenderer."""
        who, rejected = bids.c.tenderer_id, count_if(bids.c.status == "disqualified")
        return (
            select(who.label("who"), rejected.label("some"), func.count().label("every"))
            .where(who.is_not(None)).group_by(who).order_by(who)
        )  # fmt: skip

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Those in which a bid was rejected."""
        return rejections(bids.c.tenderer_id)


class OftenNotOpen(OftenMore):
    """T15: a tenderer buys without open competition unusually often."""

    id = "T15"
    share = True
    reads = ("lot.tenderer_id", "lot.method")

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Lots not open and in all, by tenderer."""
        who, closed = lots.c.tenderer_id, count_if(lots.c.method != "open")
        return (
            select(who.label("who"), closed.label("some"), func.count().label("every"))
            .where(who.is_not(None)).group_by(who).order_by(who)
        )  # fmt: skip

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Those that were not open."""
        return select(lots.c.tenderer_id.label("one"), lots.c.lot_id, lots.c.opened_at).where(
            lots.c.method != "open"
        )


class OftenFails(OftenMore):
    """O2: a tenderer's lots fail for want of bidders unusually often."""

    id = "O2"
    share = True
    family = "process"
    reads = ("lot.tenderer_id", "lot.status", "opening.result")

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Lots that failed and in all, by tenderer."""
        who, failed = lots.c.tenderer_id, count_if(~lots.c.opened)
        return (
            select(who.label("who"), failed.label("some"), func.count().label("every"))
            .where(who.is_not(None)).group_by(who).order_by(who)
        )  # fmt: skip

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Those that failed."""
        return select(lots.c.tenderer_id.label("one"), lots.c.lot_id, lots.c.opened_at).where(~lots.c.opened)


LIMITS = {"works": Decimal(4_000_000), "procurement": Decimal(2_000_000), "other": Decimal(1_000_000)}
"""Amounts from which a tender is mandatory, yuan: works, goods, services (发展改革委令 2018 第 16 号)."""


class SplitAwards(RowRule):
    """T11: one tenderer, one category, several awards just below the limit within 90 days that together exceed it."""

    id, family, level = "T11", "tenderers", "orange"
    reads = ("lot.tenderer_id", "lot.category", "award.price", "award.awarded_at")
    parameters = (
        Parameter("days", 90, 30, 365, whole=True), Parameter("near_limit", 0.9, 0.5, 0.98),
        Parameter("min_awards", 2, 2, 10, whole=True),
    )  # fmt: skip

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Awards below a limit, in the order of their days."""
        return (
            select(lots.c.tenderer_id, lots.c.trade_family, lots.c.category, lots.c.lot_id, lots.c.awarded_on, lots.c.award_price)
            .where(lots.c.tenderer_id.is_not(None), lots.c.category.is_not(None), lots.c.award_currency == "CNY")
            .where(lots.c.award_price < max(LIMITS.values()), lots.c.trade_family.in_(list(LIMITS)))
            .order_by(lots.c.tenderer_id, lots.c.trade_family, lots.c.category, lots.c.awarded_on, lots.c.lot_id)
        )  # fmt: skip

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a run of awards."""
        groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
        for row in rows:
            limit = LIMITS[row["trade_family"]]
            if Decimal(str(chosen["near_limit"])) * limit <= row["award_price"] < limit:
                groups[row["tenderer_id"], row["trade_family"], row["category"]].append(row)
        return [
            self._about(key, run, chosen)
            for key, found in groups.items()
            for run in self._runs(found, chosen)
        ]

    def _runs(self, rows: list[Row], chosen: Mapping[str, float]) -> Iterator[list[Row]]:
        """Runs of awards within the days, each begun after the last."""
        run: list[Row] = []
        for row in [*rows, None]:
            if run and (
                row is None or row["awarded_on"] - run[0]["awarded_on"] > timedelta(days=chosen["days"])
            ):
                if len(run) >= chosen["min_awards"]:
                    yield run
                run = []
            if row is not None:
                run.append(row)

    def _about(self, key: tuple[str, str, str], run: list[Row], chosen: Mapping[str, float]) -> Finding:
        tenderer, family, category = key
        limit, total = LIMITS[family], sum((row["award_price"] for row in run), Decimal(0))
        evidence = {
            "category": category, "limit": f"{limit}", "total": f"{total}",
            "lots": [{"lot": row["lot_id"], "price": f"{row['award_price']}"} for row in run],
        }  # fmt: skip
        lots_of_run = [("lot", row["lot_id"]) for row in run]
        title = self.says("found", count=len(run), category=category)
        subjects = [("tenderer", tenderer), *lots_of_run]
        return self.about(subjects, title, float(total / limit), 1.0, stratum=category, evidence=evidence)
