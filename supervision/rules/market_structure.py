"""How competition is shaped: losers for company, single bids again, concentration (B3, O1, O4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from supervision.lens.tables import bids, lots
from supervision.rules.finding import Finding
from supervision.rules.market_rule import (
    CAP,
    Row,
    RowRule,
    count_if,
    district_and_year_of,
    real,
    share,
    stratum_of,
    year_of,
)
from supervision.rules.rule import Parameter


class LosersForCompany(RowRule):
    """B3: a firm bids often, hardly ever wins, and where it bids the same other firm wins."""

    id, family, level = "B3", "bidders", "orange"
    reads = ("bid.bidder_id", "award.bidder_id")
    parameters = (
        Parameter("often", 0.75, 0.5, 0.99), Parameter("rarely", 0.05, 0.0, 0.3), Parameter("lift", 3.0, 1.5, 50.0),
        Parameter("min_wins", 5, 2, 50, whole=True), CAP,
    )  # fmt: skip

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Firms that bid often and rarely win, with each firm that wins beside them, its lots and wins in all."""
        won = count_if(bids.c.is_winner)
        tally = (
            select(bids.c.bidder_id.label("firm"), func.count().label("bids"), won.label("wins"))
            .group_by(bids.c.bidder_id).subquery("tally")
        )  # fmt: skip
        t = tally.c
        ranked = select(*t, func.percent_rank().over(order_by=t.bids).label("often")).subquery("ranked")
        r = ranked.c
        rare = select(r.firm, r.bids, r.wins).where(r.often >= chosen["often"], share(r.wins, r.bids) <= chosen["rarely"]).subquery("rare")  # fmt: skip
        beside, winning = bids.alias("beside"), bids.alias("winning")
        together = (
            select(rare.c.firm, winning.c.bidder_id.label("partner"), rare.c.bids, rare.c.wins, func.count().label("partner_wins"))
            .join(beside, beside.c.bidder_id == rare.c.firm)
            .join(winning, (winning.c.lot_id == beside.c.lot_id) & winning.c.is_winner)
            .where(winning.c.bidder_id != rare.c.firm)
            .group_by(rare.c.firm, winning.c.bidder_id, rare.c.bids, rare.c.wins)
            .having(func.count() >= chosen["min_wins"]).subquery("together")
        )  # fmt: skip
        partner = tally.alias("partner")
        return (
            select(
                *together.c, partner.c.bids.label("partner_bids"), partner.c.wins.label("all_partner_wins")
            )
            .join(partner, partner.c.firm == together.c.partner)
            .where(together.c.partner_wins * 2 > together.c.bids)
            .order_by(together.c.firm, together.c.partner)
        )

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Those in which the firm bid and the partner won."""
        beside, winning = bids.alias("beside"), bids.alias("winning")
        return (
            select(beside.c.bidder_id.label("one"), winning.c.bidder_id.label("two"), beside.c.lot_id, beside.c.opened_at)
            .join(winning, (winning.c.lot_id == beside.c.lot_id) & winning.c.is_winner)
            .where(winning.c.bidder_id != beside.c.bidder_id)
        )  # fmt: skip

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """Where the partner wins with the firm present far more often than its own usual rate of winning."""
        return [found for row in rows if (found := self._about(row, chosen)) is not None]

    def _about(self, row: Row, chosen: Mapping[str, float]) -> Finding | None:
        beside = row["partner_wins"] / row["bids"]
        elsewhere = (row["all_partner_wins"] - row["partner_wins"] + 1) / (row["partner_bids"] - row["partner_wins"] + 2)  # fmt: skip
        lift = beside / elsewhere
        if lift < chosen["lift"]:
            return None
        title = self.says("found", bids=row["bids"], wins=row["wins"], partner=row["partner_wins"])
        evidence = {name: row[name] for name in ("bids", "wins", "partner_wins", "partner_bids")}
        subjects = [("bidder", row["firm"]), ("bidder", row["partner"])]
        return self.about(subjects, title, lift, chosen["lift"], baseline=1.0, evidence=evidence)


class SingleAgain(RowRule):
    """O1: a lot tendered again has one bid again."""

    id, family, level = "O1", "process", "yellow"
    reads = ("lot.round", "lot.method", "bid.id")

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Lots of a later round with one bid, in a competitive method."""
        columns = (lots.c.lot_id, lots.c.centre_id, lots.c.round, stratum_of(lots).label("stratum"))
        competitive = lots.c.method.in_(["open", "selective"])
        return select(*columns).where(lots.c.round > 1, lots.c.bids == 1, competitive).order_by(lots.c.lot_id)

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a lot."""
        return [
            self.about([("lot", r["lot_id"])], self.says("found", round=r["round"]), 1.0, 1.0, stratum=r["stratum"], row=r)
            for r in rows
        ]  # fmt: skip


def _awarded() -> tuple[ColumnElement[bool], ...]:
    """Lots whose award value counts for concentration."""
    l = lots.c  # noqa: E741
    return l.winner_id.is_not(None), l.award_price > 0, l.category.is_not(None), l.award_currency == "CNY"


class Concentration(RowRule):
    """O4: the awards of a category in a district go to few firms."""

    id, family, level = "O4", "process", "yellow"
    reads = ("award.bidder_id", "award.price", "lot.category", "lot.division_code")
    parameters = (Parameter("hhi", 2500, 1000, 9000), Parameter("min_lots", 20, 5, 500, whole=True), CAP)

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Category × district × year with the Herfindahl index of the firms' shares of the award value, 0–10000."""
        l = lots.c  # noqa: E741
        year = year_of(lots)
        firms = (
            select(l.category, l.division_code, year.label("year"), l.winner_id, func.sum(real(l.award_price)).label("value"),
                   func.count().label("lots"))
            .where(*_awarded()).group_by(l.category, l.division_code, year, l.winner_id).subquery("firms")
        )  # fmt: skip
        f = firms.c
        total = func.sum(f.value)
        index = 10_000.0 * share(func.sum(f.value * f.value), total * total)
        size = func.sum(f.lots)
        return (
            select(f.category, f.division_code, f.year, index.label("hhi"), size.label("lots"), func.count().label("firms"))
            .group_by(f.category, f.division_code, f.year).having(size >= chosen["min_lots"])
            .order_by(f.category, f.division_code, f.year)
        )  # fmt: skip

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """The awarded lots of the market and year."""
        market = district_and_year_of(lots)
        return select(market.label("one"), lots.c.lot_id, lots.c.opened_at).where(*_awarded())

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a market and year; usual is the median of all markets and years."""
        usual = median(row["hhi"] for row in rows) if rows else None
        found = []
        for row in rows:
            if row["hhi"] <= chosen["hhi"]:
                continue
            market = f"{row['category']}/{row['division_code'] or '-'}/{row['year']}"
            title = self.says("found", market=market, lots=int(row["lots"]), firms=row["firms"])
            evidence = {"of_lots": int(row["lots"]), "firms": row["firms"]}
            found.append(
                self.about(
                    [("group", market)], title, row["hhi"], chosen["hhi"], baseline=usual, stratum=market, evidence=evidence
                )
            )  # fmt: skip
        return found
