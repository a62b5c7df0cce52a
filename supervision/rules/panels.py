"""The marks of one panel beside each other: one far from the others (E1), one that decides (E3), objective marks that differ
(E5), marks that are the same (E6), and how long the panel took (E8).

Marks are confidential until the award (招标投标法 art. 44): the lens, which these rules read, holds none before. Experts are
pseudonyms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, case, func, select

from supervision.detection import tails
from supervision.lens.tables import evaluations, lots, scores
from supervision.rules.finding import Finding
from supervision.rules.market_rule import (
    CAP,
    STRATUM,
    Row,
    RowRule,
    UnusualLots,
    count_if,
    marks,
    percent,
    real,
    share,
    stratum_of,
)
from supervision.rules.rule import Parameter

M = marks.c
_OF_PANEL = (M.evaluation_id, M.bidder_id)


def _steady(value: ColumnElement[Any]) -> ColumnElement[float]:
    """To nine decimals: what differs only by the order in which an engine adds up is the same."""
    return real(func.round(real(value) * 1e9)) / 1e9


def mean_of_others(mine: ColumnElement[Any]) -> ColumnElement[float]:
    """The mean of the rest of the panel for the same bid; null where there is no rest."""
    total, size = (found.over(partition_by=_OF_PANEL) for found in (func.sum(mine), func.count()))
    return _steady(share(total - mine, size - 1))


class FarFromPanel(UnusualLots):
    """E1: an expert's subjective mark lies far from the mean of the others
    (山东省招标投标协会 2023: 30 % is the critical value of a study of six months)."""

    id, family, level, low = "E1", "experts", "yellow", False
    reads = ("score.score", "score.kind", "award.bidder_id")
    parameters = (CAP, STRATUM, Parameter("apart", 0.3, 0.05, 2.0))
    keep = ("expert", "bidder", "points", "others")

    def values(self, chosen: Mapping[str, float]) -> FromClause:
        """|mark − mean of the others| ÷ that mean, of each lot the largest."""
        each = select(
            M.lot_id, M.centre_id, M.stratum, M.expert_id.label("expert"), M.bidder_id.label("bidder"), M.points,
            mean_of_others(M.points).label("others"),
        ).where(M.full > 0).subquery("each")  # fmt: skip
        e = each.c
        apart = _steady(share(func.abs(e.points - e.others), e.others))
        place = func.row_number().over(partition_by=e.lot_id, order_by=(apart.desc(), e.expert, e.bidder))
        ranked = select(*e, apart.label("value"), place.label("place")).where(e.others > 0).subquery("ranked")
        return (
            select(*(c for c in ranked.c if c.name != "place")).where(ranked.c.place == 1).subquery("apart")
        )

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Of the farthest of their stratum those beyond the given share."""
        far = super().select(chosen).order_by(None).subquery("far")
        return select(*far.c).where(far.c.value >= chosen["apart"]).order_by(far.c.lot_id)


def outcomes_select() -> Select[*tuple[Any, ...]]:
    """A row an evaluation and expert: who is first by the mean total of all experts, who by that of the others.

    `first`, `other`; `first_with`, `first_without`, `other_with`, `other_without` are their mean totals with and without
    the expert; `lead` is by how much, in parts of full marks, the other leads without; 0 where both are the same bidder.
    """
    size = func.count().over(partition_by=_OF_PANEL)
    mean = _steady(share(func.sum(M.total).over(partition_by=_OF_PANEL), size))
    each = select(
        M.lot_id, M.centre_id, M.stratum, M.evaluation_id, M.expert_id, M.bidder_id, M.total_full,
        mean.label("mean"), mean_of_others(M.total).label("rest"),
    ).subquery("each")  # fmt: skip
    e = each.c
    seat = (e.evaluation_id, e.expert_id)
    ranked = select(
        *e, func.row_number().over(partition_by=seat, order_by=(e.mean.desc(), e.bidder_id)).label("place"),
        func.row_number().over(partition_by=seat, order_by=(e.rest.desc(), e.bidder_id)).label("rest_place"),
    ).where(e.rest.is_not(None)).subquery("ranked")  # fmt: skip
    r = ranked.c
    first, other = r.place == 1, r.rest_place == 1
    seats = select(
        r.lot_id, r.centre_id, r.stratum, r.evaluation_id, r.expert_id, func.max(r.total_full).label("full"),
        func.max(case((first, r.bidder_id))).label("first"), func.max(case((other, r.bidder_id))).label("other"),
        func.max(case((first, r.mean))).label("first_with"), func.max(case((first, r.rest))).label("first_without"),
        func.max(case((other, r.mean))).label("other_with"), func.max(case((other, r.rest))).label("other_without"),
    ).group_by(r.lot_id, r.centre_id, r.stratum, r.evaluation_id, r.expert_id).subquery("seats")  # fmt: skip
    s = seats.c
    lead = case((s.first == s.other, 0.0), else_=share(s.other_without - s.first_without, s.full))
    return select(*s, _steady(lead).label("lead")).order_by(s.evaluation_id, s.expert_id)


class DecidingExpert(UnusualLots):
    """E3: without one expert another bidder would be first."""

    id, family, level, low = "E3", "experts", "yellow", False
    share = True
    reads = ("score.score", "award.bidder_id")
    parameters = (Parameter("cap", 0.01, 0.001, 0.1), STRATUM)
    keep = ("expert", "first_bidder", "other_bidder")

    def values(self, chosen: Mapping[str, float]) -> FromClause:
        """By how much another leads without the expert, in parts of full marks; 0 where nobody's going changes the first."""
        seats = outcomes_select().order_by(None).subquery("outcomes")
        s = seats.c
        place = func.row_number().over(partition_by=s.lot_id, order_by=(s.lead.desc(), s.expert_id))
        ranked = select(
            s.lot_id, s.centre_id, s.stratum, s.expert_id.label("expert"), s.first.label("first_bidder"),
            s.other.label("other_bidder"), s.lead.label("value"), place.label("place"),
        ).subquery("ranked")  # fmt: skip
        return (
            select(*(c for c in ranked.c if c.name != "place")).where(ranked.c.place == 1).subquery("leads")
        )

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Of the clearest of their stratum those in which the first would change."""
        clear = super().select(chosen).order_by(None).subquery("clear")
        return select(*clear.c).where(clear.c.value > 0).order_by(clear.c.lot_id)


class ObjectiveMarksDiffer(RowRule):
    """E5: experts gave different marks on an objective item of one bid (发改法规〔2026〕195号 item 9)."""

    id, family, level = "E5", "experts", "orange"
    reads = ("score.score", "score.kind", "score.item", "award.bidder_id")
    parameters = (Parameter("points_apart", 0.0, 0.0, 20.0), Parameter("min_items", 1, 1, 50, whole=True))

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Bids and objective items whose highest and lowest mark differ."""
        s = scores.c
        low, high = real(func.min(s.score)), real(func.max(s.score))
        return (
            select(s.lot_id, func.max(s.centre_id).label("centre_id"), s.bidder_id, s.item, low.label("low"), high.label("high"))
            .where(s.kind == "objective").group_by(s.lot_id, s.evaluation_id, s.bidder_id, s.item)
            .having(high - low > chosen["points_apart"]).order_by(s.lot_id, s.bidder_id, s.item)
        )  # fmt: skip

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a lot."""
        lots = ((lot, list(found)) for lot, found in groupby(rows, key=lambda row: row["lot_id"]))
        return [self._of_lot(lot, found, chosen) for lot, found in lots if len(found) >= chosen["min_items"]]

    def _of_lot(self, lot: str, rows: list[Row], chosen: Mapping[str, float]) -> Finding:
        bidders = sorted({row["bidder_id"] for row in rows})
        items = [
            {"bidder": r["bidder_id"], "item": r["item"], "low": r["low"], "high": r["high"]}
            for r in rows[:30]
        ]
        return self.about(
            [("lot", lot), *(("bidder", one) for one in bidders)], self.says("found", count=len(rows)), float(len(rows)),
            chosen["min_items"], baseline=0.0, evidence={"strength": "strong", "items": items}, row=rows[0],
        )  # fmt: skip


class SameMarks(RowRule):
    """E6: two experts gave the same subjective marks, bid by bid and item by item, more often than two usually agree."""

    id, family, level = "E6", "experts", "yellow"
    share = True
    reads = ("score.score", "score.kind", "score.item", "award.bidder_id")
    parameters = (
        Parameter("alike", 1.0, 0.8, 1.0), Parameter("min_bidders", 3, 2, 20, whole=True),
        Parameter("min_items", 3, 1, 20, whole=True), Parameter("p", 0.01, 0.0001, 0.1), CAP,
    )  # fmt: skip

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Pairs of experts alike enough; `usual` is the share of marks on which two experts of the market agree."""
        one, two = scores.alias("one"), scores.alias("two")
        together = (
            (two.c.evaluation_id == one.c.evaluation_id) & (two.c.bidder_id == one.c.bidder_id)
            & (two.c.item == one.c.item) & (two.c.expert_id > one.c.expert_id) & (two.c.kind == "subjective")
        )  # fmt: skip
        pairs = (
            select(
                one.c.lot_id, func.max(one.c.centre_id).label("centre_id"), one.c.expert_id.label("one"),
                two.c.expert_id.label("two"), func.count().label("marks"), count_if(one.c.score == two.c.score).label("same"),
                func.count(func.distinct(one.c.bidder_id)).label("bidders"), func.count(func.distinct(one.c.item)).label("items"),
            )
            .join(two, together).where(one.c.kind == "subjective")
            .group_by(one.c.lot_id, one.c.evaluation_id, one.c.expert_id, two.c.expert_id).subquery("pairs")
        )  # fmt: skip
        every = select(
            *pairs.c, share(func.sum(pairs.c.same).over(), func.sum(pairs.c.marks).over()).label("usual"),
            func.count().over().label("pairs"),
        ).subquery("every")  # fmt: skip
        e = every.c
        return (
            select(*e).where(share(e.same, e.marks) >= chosen["alike"])
            .where(e.bidders >= chosen["min_bidders"], e["items"] >= chosen["min_items"])
            .order_by(e.lot_id, e.one, e.two)
        )  # fmt: skip

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a pair whose likeness is no chance, all pairs of the market counted (Bonferroni)."""
        found = []
        for row in rows:
            chance = min(1.0, row["pairs"] * tails.binomial(int(row["same"]), row["marks"], row["usual"]))
            if chance < chosen["p"]:
                found.append(self._about(row, chance, chosen))
        return found

    def _about(self, row: Row, chance: float, chosen: Mapping[str, float]) -> Finding:
        alike, same, marked = int(row["same"]) / row["marks"], int(row["same"]), row["marks"]
        return self.about(
            [("lot", row["lot_id"]), ("expert", row["one"]), ("expert", row["two"])],
            self.says("found", same=same, marks=marked, usual=percent(row["usual"])), alike, chosen["alike"],
            baseline=row["usual"], row=row,
            evidence={"strength": "medium", "same": same, "marks": marked, "bidders": row["bidders"], "items": row["items"], "p": chance},
        )  # fmt: skip


class ShortReview(UnusualLots):
    """E8: the panel took unusually little time for each bid (招标投标法实施条例 art. 48: a reasonable time)."""

    id, family, level, low = "E8", "experts", "yellow", True
    reads = ("evaluation.started_at", "evaluation.ended_at", "bid.id")
    keep = ("minutes", "n")

    def values(self, chosen: Mapping[str, float]) -> FromClause:
        """Minutes of a lot's evaluation ÷ its bids."""
        e = evaluations.c
        sittings = (
            select(e.lot_id, func.max(e.centre_id).label("centre_id"), func.max(stratum_of(evaluations)).label("stratum"),
                   func.sum(e.minutes).label("minutes"))
            .where(e.minutes > 0).group_by(e.lot_id).subquery("sittings")
        )  # fmt: skip
        s = sittings.c
        return (
            select(*s, lots.c.bids.label("n"), _steady(share(s.minutes, lots.c.bids)).label("value"))
            .join(lots, lots.c.lot_id == s.lot_id).where(lots.c.bids > 0).subquery("paces")
        )  # fmt: skip
