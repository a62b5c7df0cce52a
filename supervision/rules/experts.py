"""Experts over many panels: who marks a bidder high (E2), with whom a bidder wins (E4), who is drawn too often (E7); and
an expert who is tied to a bidder (E9).

Who sat, and the marks, are confidential until the award (招标投标法 art. 37, 44): these rules know nothing before. Experts
are pseudonyms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Select, func, select

from supervision.detection import tails
from supervision.detection.favour import LEAST_SESSIONS, Deviations, Favours, Marks, deviations, favours
from supervision.detection.market import numbered
from supervision.detection.tendency import FALSE_DISCOVERIES
from supervision.lens.tables import lots
from supervision.rules.buyers_winners import benjamini_hochberg
from supervision.rules.facts import LotFacts
from supervision.rules.finding import Finding, Level, Subject
from supervision.rules.market_rule import CAP, Ask, MarketRule, Row, RowRule, count_if, marks, share, sittings
from supervision.rules.panels import mean_of_others
from supervision.rules.rule import LotRule, Parameter
from supervision.rules.surroundings import PanelFact

M = marks.c
Settings = Mapping[str, float] | None


class FavoursBidder(MarketRule):
    """E2: an expert marks one bidder higher than the others do, session after session (`supervision.detection.favour`, as
    S14's study). Lower is left to the study: whoever sits beside an expert that favours seems to lean the other way."""

    id, family, level = "E2", "experts", "orange"
    share = True
    reads = ("score.score", "score.kind", "score.full_marks", "award.bidder_id")
    parameters = (
        Parameter("effect", 0.05, 0.01, 0.5), Parameter("p_found", FALSE_DISCOVERIES, 0.001, 0.2),
        Parameter("min_sessions", LEAST_SESSIONS, LEAST_SESSIONS, 50, whole=True), CAP,
    )  # fmt: skip

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """The subjective points of every expert for every bidder, session by session."""
        order = (M.evaluation_id, M.expert_id, M.bidder_id)
        return select(*order, M.lot_id, M.points, M.full).where(M.full > 0).order_by(*order)

    def findings(self, ask: Ask, chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a pair past the gate with a large enough effect, the largest first."""
        table = ask.table(self.select(chosen))
        if not table.num_rows:
            return []
        given, names = _marks(table)
        deviating = deviations(given)
        found = favours(given, deviating)
        passed = (found.adjusted_p <= chosen["p_found"]) & (found.sessions >= chosen["min_sessions"])
        parts = {n: float(found.effect[n]) / _full(given, found, n) for n in np.flatnonzero(passed).tolist()}
        return [
            self._about(found, n, part, names, chosen, _sheets(table, given, deviating, found, n))
            for n, part in parts.items()
            if part >= chosen["effect"]
        ]

    def _about(self, found: Favours, n: int, part: float, names: tuple[list[str], list[str]], chosen: Mapping[str, float], sheets: list[Row]) -> Finding:  # fmt: skip
        effect, sessions = float(found.effect[n]), int(found.sessions[n])
        evidence = {
            "strength": "medium", "sessions": sessions, "points": effect, "low": float(found.low[n]),
            "high": float(found.high[n]), "p": float(found.p[n]), "adjusted_p": float(found.adjusted_p[n]), "marks": sheets,
        }  # fmt: skip
        subjects = [("expert", names[0][found.expert[n]]), ("bidder", names[1][found.bidder[n]])]
        title = self.says("found", sessions=sessions, points=f"{effect:.1f}")
        return self.about(subjects, title, part, chosen["effect"], baseline=0.0, evidence=evidence)


def _marks(table: pa.Table) -> tuple[Marks, tuple[list[str], list[str]]]:
    """The marks as arrays, with the experts and bidders by number."""
    (session, _), (expert, experts), (bidder, bidders) = (
        numbered(table[name]) for name in ("evaluation_id", "expert_id", "bidder_id")
    )
    points, full = (table[name].to_numpy().astype(np.float64) for name in ("points", "full"))
    return Marks(session, expert, bidder, points, full), (experts, bidders)


def _sheets(table: pa.Table, given: Marks, deviating: Deviations, found: Favours, n: int) -> list[Row]:
    """A pair's sessions: the lot, what the expert gave, the mean of the others of the panel and full marks, in points."""
    own = (given.expert == found.expert[n]) & (given.bidder == found.bidder[n]) & ~np.isnan(deviating.others)
    return [
        {"lot": table["lot_id"][row].as_py(), "points": float(given.points[row]), "others": float(deviating.others[row]),
         "full": float(given.full[row])}
        for row in np.flatnonzero(own).tolist()
    ]  # fmt: skip


def _full(given: Marks, found: Favours, n: int) -> float:
    """Mean full marks of a pair's sessions."""
    rows = (given.expert == found.expert[n]) & (given.bidder == found.bidder[n])
    return float(given.full[rows].mean())


class WinsWithExpert(RowRule):
    """E4: a bidder wins far more often where one expert sits (发改法规〔2026〕195号 item 17)."""

    id, family, level = "E4", "experts", "orange"
    reads = ("score.expert_id", "bid.bidder_id", "award.bidder_id")
    lots_listed = "marks"
    parameters = (
        Parameter("lift", 3.0, 1.5, 20.0), Parameter("p", 0.001, 0.00001, 0.1), Parameter("min_wins", 4, 2, 50, whole=True), CAP,
    )  # fmt: skip

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Pairs with enough wins: lots and wins together, and the bidder's lots and wins before any panel."""
        won = lots.c.winner_id == M.bidder_id
        each = (
            select(M.lot_id, M.expert_id, M.bidder_id, won.label("won")).join(lots, lots.c.lot_id == M.lot_id)
            .where(lots.c.winner_id.is_not(None)).distinct().subquery("each")
        )  # fmt: skip
        e = each.c
        pairs = (
            select(e.expert_id, e.bidder_id, func.count().label("sat"), count_if(e.won).label("wins"))
            .group_by(e.expert_id, e.bidder_id).subquery("pairs")
        )  # fmt: skip
        bid = select(e.lot_id, e.bidder_id, e.won).distinct().subquery("bid")
        firms = (
            select(bid.c.bidder_id, func.count().label("every"), count_if(bid.c.won).label("all_wins"))
            .group_by(bid.c.bidder_id).subquery("firms")
        )  # fmt: skip
        least = chosen["min_wins"]
        tested = select(func.count()).select_from(pairs).where(pairs.c.sat >= least).scalar_subquery()
        return (
            select(*pairs.c, firms.c.every, firms.c.all_wins, tested.label("tested"))
            .join(firms, firms.c.bidder_id == pairs.c.bidder_id).where(pairs.c.wins >= least)
            .order_by(pairs.c.expert_id, pairs.c.bidder_id)
        )  # fmt: skip

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Every session of the two: all points the expert gave, the mean of the rest of the panel, and whether it won."""
        each = select(
            M.expert_id, M.bidder_id, M.lot_id, M.total, mean_of_others(M.total).label("others"), M.total_full
        ).subquery("each")  # fmt: skip
        e = each.c
        return select(
            e.expert_id.label("one"), e.bidder_id.label("two"), e.lot_id, lots.c.opened_at, e.total, e.others, e.total_full,
            (lots.c.winner_id == e.bidder_id).label("won"),
        ).join(lots, lots.c.lot_id == e.lot_id).where(lots.c.winner_id.is_not(None))  # fmt: skip

    def lot_told(self, row: Row) -> object:
        """The lot with the points and who won, as E2 tells it."""
        return {
            "lot": row["lot_id"], "points": row["total"], "others": row["others"], "full": row["total_full"], "won": bool(row["won"]),
        }  # fmt: skip

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a pair, p adjusted over all pairs that met often enough."""
        p = [tails.hypergeometric(int(r["wins"]), r["every"], int(r["all_wins"]), r["sat"]) for r in rows]
        adjusted = benjamini_hochberg(p, rows[0]["tested"]) if rows else []
        return [
            found for row, q in zip(rows, adjusted, strict=True) if (found := self._about(row, q, chosen)) is not None
        ]  # fmt: skip

    def _about(self, row: Row, adjusted_p: float, chosen: Mapping[str, float]) -> Finding | None:
        wins, expected = int(row["wins"]), row["sat"] * int(row["all_wins"]) / row["every"]
        if wins < chosen["lift"] * expected or adjusted_p >= chosen["p"]:
            return None
        evidence = {
            "strength": "medium", "wins": wins, "sat": row["sat"], "every": row["every"], "all_wins": int(row["all_wins"]),
            "expected": expected, "adjusted_p": adjusted_p,
        }  # fmt: skip
        title = self.says("found", sat=row["sat"], wins=wins, expected=f"{expected:.1f}")
        subjects = [("expert", row["expert_id"]), ("bidder", row["bidder_id"])]
        return self.about(subjects, title, wins / expected, chosen["lift"], baseline=1.0, evidence=evidence)


class DrawnTooOften(RowRule):
    """E7: an expert sat far more often than others of the same category and district in a year
    (招标投标法实施条例 art. 46: experts are drawn at random)."""

    id, family, level = "E7", "experts", "yellow"
    reads = ("score.expert_id", "fee.expert_id", "lot.category", "lot.division_code", "award.bidder_id")
    parameters = (
        Parameter("multiple", 2.0, 1.2, 20.0), Parameter("p", 0.001, 0.00001, 0.1),
        Parameter("min_sittings", 5, 3, 100, whole=True), Parameter("min_pool", 15, 5, 500, whole=True), CAP,
    )  # fmt: skip

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Experts with their sittings in a stratum, and the stratum's lots, sittings and experts."""
        s = sittings.c
        own = (
            select(s.stratum, s.expert_id, func.count().label("sat")).group_by(s.stratum, s.expert_id).subquery("own")
        )  # fmt: skip
        whole = (
            select(s.stratum, func.count(func.distinct(s.lot_id)).label("lots"), func.count().label("seats"),
                   func.count(func.distinct(s.expert_id)).label("pool"))
            .group_by(s.stratum).subquery("whole")
        )  # fmt: skip
        tested = select(func.count()).select_from(own).scalar_subquery()
        usual = share(whole.c.seats, whole.c.pool)
        return (
            select(*own.c, whole.c.lots, whole.c.seats, whole.c.pool, tested.label("tested"))
            .join(whole, whole.c.stratum == own.c.stratum)
            .where(own.c.sat >= chosen["min_sittings"], whole.c.pool >= chosen["min_pool"])
            .where(own.c.sat >= chosen["multiple"] * usual).order_by(own.c.stratum, own.c.expert_id)
        )  # fmt: skip

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Those in which the expert sat."""
        s = sittings.c
        return (
            select(s.expert_id.label("one"), s.stratum.label("two"), s.lot_id, lots.c.opened_at)
            .join(lots, lots.c.lot_id == s.lot_id)
        )  # fmt: skip

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """One finding an expert and stratum: binomial, every lot's seats dealt out among the pool, adjusted."""
        p = [tails.binomial(r["sat"], r["lots"], min(1.0, r["seats"] / r["pool"] / r["lots"])) for r in rows]
        adjusted = benjamini_hochberg(p, rows[0]["tested"]) if rows else []
        return [
            self._about(row, q, chosen) for row, q in zip(rows, adjusted, strict=True) if q < chosen["p"]
        ]  # fmt: skip

    def _about(self, row: Row, adjusted_p: float, chosen: Mapping[str, float]) -> Finding:
        usual = row["seats"] / row["pool"]
        evidence = {
            "strength": "weak", "sat": row["sat"], "of_lots": row["lots"], "pool": row["pool"], "adjusted_p": adjusted_p,
        }  # fmt: skip
        title = self.says("found", sat=row["sat"], lots=row["lots"], usual=f"{usual:.1f}")
        return self.about(
            [("expert", row["expert_id"]), ("group", row["stratum"])], title, float(row["sat"]), chosen["multiple"] * usual,
            baseline=usual, stratum=row["stratum"], evidence=evidence,
        )  # fmt: skip


class TiedToBidder(LotRule):
    """E9: an expert works or worked for a bidder, or for who controls or holds part of one
    (招标投标法实施条例 art. 46, 浙江省条例 art. 31)."""

    id, family, level = "E9", "experts", "orange"
    reads = (
        "expert.employer_id", "expert.former_employers", "score.expert_id", "fee.expert_id", "relation.type", "award.bidder_id",
    )  # fmt: skip
    parameters = (Parameter("share_held", 25, 5, 50),)

    def _ties(self, facts: LotFacts, least: float) -> dict[str, list[tuple[str, str]]]:
        """Bidder → (expert, how): employed, formerly, related."""
        bidders, found = set(facts.order_of), defaultdict(list)
        for one in facts.around.panel:
            for bidder, how in _held(one, bidders, least):
                found[bidder].append((one.expert_id, how))
        return found

    def measure(self, facts: LotFacts, settings: Settings = None) -> float | None:
        """Bidders to whom an expert of the panel is tied; None where no employer is known."""
        if not facts.around.panel:
            return None
        return float(len(self._ties(facts, self.settings(settings)["share_held"])))

    def evaluate(self, facts: LotFacts, settings: Settings = None) -> list[Finding]:
        """One finding a bidder; red where the expert works for it."""
        ties = self._ties(facts, self.settings(settings)["share_held"])
        return [self._about(facts, bidder, tied) for bidder, tied in sorted(ties.items())]

    def _about(self, facts: LotFacts, bidder: str, tied: list[tuple[str, str]]) -> Finding:
        employed = any(how == "employed" for _, how in tied)
        level: Level = "red" if employed else self.level
        evidence: dict[str, object] = {
            "strength": "strong" if employed else "medium", "experts": [{"expert": who, "how": how} for who, how in tied],
        }  # fmt: skip
        title = self.says("found_employed" if employed else "found", count=len(tied))
        found = self.finding(
            facts,
            [bidder],
            title=title,
            value=float(len(tied)),
            threshold=1.0,
            evidence=evidence,
            level=level,
        )
        experts = tuple(Subject("expert", who) for who in sorted({who for who, _ in tied}))
        return replace(found, subjects=(found.subjects[0], *experts, *found.subjects[1:]))


def _held(one: PanelFact, bidders: set[str], least: float) -> list[tuple[str, str]]:
    found = [(one.employer_id, "employed")] if one.employer_id in bidders else []
    found += [
        (former, "formerly") for former in one.former if former in bidders and former != one.employer_id
    ]
    for tie in one.ties:
        holding = "control" in tie.types or ("shareholding" in tie.types and float(tie.ratio or 0) >= least)
        if holding and tie.other in bidders and tie.other != one.employer_id:
            found.append((tie.other, "related"))
    return [(bidder, how) for bidder, how in found if bidder is not None]
