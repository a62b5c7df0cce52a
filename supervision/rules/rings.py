"""Groups of bidders that keep company (B1), take turns in winning (B2), or win each in a district of its own (B18).

The groups are those of the study of rings on S13 (`supervision.detection.groups`); one run of rules looks for them once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from sqlalchemy import Select, func, select

from records.clock import add_months
from supervision.detection.groups import CHANCE, Group, groups, links
from supervision.detection.market import Bools, Floats, Market, numbered
from supervision.detection.sharing import rotation, territories
from supervision.lens.tables import bids
from supervision.rules.finding import Finding
from supervision.rules.market_rule import CAP, Ask, MarketRule, percent
from supervision.rules.rule import Parameter

_TRADE = func.coalesce(bids.c.category, "")
_SHOWN = 30
"""Joint lots named in the evidence."""


@dataclass(frozen=True)
class Ring:
    """A group, and the lots in which at least two of its members bid, in order of time."""

    category: str
    members: tuple[str, ...]
    group: Group
    lots: tuple[str, ...]
    winners: tuple[int, ...]
    """Lot by lot the place of the member that won; −1 where none of them did."""
    districts: tuple[str, ...]

    @property
    def won(self) -> list[int]:
        """The places of the lots that a member won."""
        return [n for n, winner in enumerate(self.winners) if winner >= 0]


class RingRule(MarketRule):
    """A rule about groups of bidders."""

    family, level, version = "rings", "orange", "2"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("chance", CHANCE, 0.0001, 0.1), Parameter("months", 48, 12, 120, whole=True),
    )  # fmt: skip

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Who bid where and won, by trade, district and month, in order of time."""
        b = bids.c
        return (
            select(
                _TRADE.label("category"), b.lot_id, b.bidder_id, b.is_winner, b.month,
                func.coalesce(b.division_code, "").label("district"),
            )
            .where(b.status != "withdrawn")
            .order_by(b.opened_at, b.lot_id, b.bidder_id)
        )  # fmt: skip

    def rings(self, ask: Ask, chosen: Mapping[str, float]) -> list[Ring]:
        """The groups of the months before the lens' last."""
        chance, months = chosen["chance"], int(chosen["months"])

        def look(asked: Ask) -> list[Ring]:
            return list(_rings(asked, self.select(chosen), chance, months))

        return ask.once(("rings", chance, months), look)

    def of(self, ring: Ring, key: str, value: float, threshold: float, more: Mapping[str, object], **words: str | int) -> Finding:  # fmt: skip
        """A finding about the members of a ring."""
        evidence = {
            "strength": "medium", "category": ring.category, "joint_lots": len(ring.lots),
            "lots": list(ring.lots[-_SHOWN:]), **more,
        }  # fmt: skip
        return self.about(
            [("bidder", one) for one in ring.members], self.says(key, n=len(ring.members), **words), value, threshold,
            baseline=_float(more.get("usual")), stratum=ring.category or None, evidence=evidence,
        )  # fmt: skip


def _float(value: object) -> float | None:
    return value if isinstance(value, float) and math.isfinite(value) else None


# ── the groups of a market ───────────────────────────────────────────────────


def _rings(ask: Ask, query: Select[*tuple[Any, ...]], chance: float, months: int) -> Iterator[Ring]:
    """Trade by trade: firms of two trades do not compete, and the bids of one are little memory."""
    wanted = _recent([row["month"] for row in ask(select(bids.c.month).distinct())], months)
    if wanted:
        query = query.where(bids.c.month.in_(wanted))
    trades = [row["category"] for row in ask(select(_TRADE.label("category")).distinct())]
    for category in sorted(trades):
        part = ask.table(query.where(category == _TRADE))
        if not part.num_rows:
            continue
        market, won = _market(part)
        for group in groups(market, links(market, chance)):
            yield _ring(category, market, group, won, part["district"])


def _recent(told: Iterable[str | None], months: int) -> list[str]:
    """The last of the months; undated lots are in none of them. Empty where no lot has a date: then all are looked at."""
    dated = [month for month in told if month and month[0].isdigit()]
    if not dated:
        return []
    year, month = map(int, max(dated).split("-"))
    first = add_months(date(year, month, 1), 1 - months)
    return sorted(one for one in dated if one >= f"{first:%Y-%m}")


def _market(part: pa.Table) -> tuple[Market, Bools]:
    """The trade as arrays, tenders in the order of their rows, and which bids won."""
    tender, tenders = numbered(part["lot_id"])
    bidder, bidders = numbered(part["bidder_id"])
    nothing: Floats = np.full(len(tenders), np.nan)
    market = Market(tenders, bidders, tender, bidder, np.zeros(len(tender)), nothing, nothing)
    return market, np.array([bool(one) for one in part["is_winner"].to_pylist()])


def _ring(category: str, market: Market, group: Group, won: Bools, district: Any) -> Ring:
    present = np.asarray(market.incidence[:, group.members].sum(axis=1)).ravel()
    joint = np.flatnonzero(present >= 2)
    place = {int(member): n for n, member in enumerate(group.members)}
    winner = {int(market.tender[n]): place.get(int(market.bidder[n]), -1) for n in np.flatnonzero(won)}
    first = np.searchsorted(market.tender, joint)
    return Ring(
        category, tuple(market.bidders[int(n)] for n in group.members), group, tuple(market.tenders[int(n)] for n in joint),
        tuple(winner.get(int(n), -1) for n in joint), tuple(district[int(n)].as_py() for n in first),
    )  # fmt: skip


# ── the rules ────────────────────────────────────────────────────────────────


class KeepCompany(RingRule):
    """B1: bidders that meet in small company far more often than their activity explains (Wachs & Kertész 2019)."""

    id = "B1"
    reads = ("bid.bidder_id", "lot.category")
    parameters = (
        *RingRule.parameters,
        Parameter("lift", 3.0, 1.5, 50.0),
        Parameter("cohesion", 0.5, 0.0, 1.0),
        CAP,
    )

    def findings(self, ask: Ask, chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a group."""
        return [
            self._about(ring, chosen) for ring in self.rings(ask, chosen)
            if ring.group.met >= chosen["lift"] * ring.group.expected and ring.group.cohesion >= chosen["cohesion"]
        ]  # fmt: skip

    def _about(self, ring: Ring, chosen: Mapping[str, float]) -> Finding:
        group = ring.group
        evidence = {
            "usual": group.expected, "cohesion": group.cohesion, "exclusivity": group.exclusivity,
            "log10_p": group.log_p / math.log(10),
        }  # fmt: skip
        words = {
            "met": f"{group.met:.1f}",
            "expected": f"{group.expected:.2f}",
            "cohesion": f"{group.cohesion:.2f}",
        }
        return self.of(ring, "found", group.met, chosen["lift"] * group.expected, evidence, **words)


class TakeTurns(RingRule):
    """B2: the members of a group win in turns (OECD bid rotation, OCP R057)."""

    id = "B2"
    reads = ("bid.bidder_id", "award.bidder_id", "opening.started_at", "lot.category")
    parameters = (
        Parameter("evenness", 0.9, 0.5, 1.0), Parameter("p_turns", 0.05, 0.001, 0.2),
        Parameter("min_joint", 6, 4, 100, whole=True), *RingRule.parameters, CAP,
    )  # fmt: skip

    def findings(self, ask: Ask, chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a group that wins evenly and repeats less often than chance."""
        return [found for ring in self.rings(ask, chosen) if (found := self._about(ring, chosen)) is not None]

    def _about(self, ring: Ring, chosen: Mapping[str, float]) -> Finding | None:
        won = [ring.winners[n] for n in ring.won]
        if len(won) < chosen["min_joint"]:
            return None
        turns = rotation(won, len(ring.members))
        if turns.evenness < chosen["evenness"] or turns.p >= chosen["p_turns"]:
            return None
        evidence = {"wins": len(won), "repeats": turns.repeats, "usual_repeats": turns.expected, "p": turns.p}
        return self.of(
            ring, "found", turns.evenness, chosen["evenness"], evidence, wins=len(won), repeats=turns.repeats,
            usual=f"{turns.expected:.1f}",
        )  # fmt: skip


class DivideTerritory(RingRule):
    """B18: each member of a group wins in a district of its own (OECD market sharing)."""

    id = "B18"
    share = True
    reads = ("bid.bidder_id", "award.bidder_id", "lot.division_code", "lot.category")
    parameters = (
        Parameter("share", 0.9, 0.5, 1.0), Parameter("p_turns", 0.05, 0.001, 0.2),
        Parameter("min_joint", 6, 4, 100, whole=True), *RingRule.parameters, CAP,
    )  # fmt: skip

    def findings(self, ask: Ask, chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a group of which at least two have districts of their own, beyond chance."""
        return [found for ring in self.rings(ask, chosen) if (found := self._about(ring, chosen)) is not None]

    def _about(self, ring: Ring, chosen: Mapping[str, float]) -> Finding | None:
        won = [n for n in ring.won if ring.districts[n]]
        if len(won) < chosen["min_joint"]:
            return None
        held = territories(
            [ring.winners[n] for n in won], [ring.districts[n] for n in won], len(ring.members)
        )
        if held.masters < 2 or held.share < chosen["share"] or held.p >= chosen["p_turns"]:
            return None
        evidence = {"usual": held.alone, "wins": len(won), "members_with_district": held.masters, "p": held.p}
        return self.of(
            ring, "found", held.share, chosen["share"], evidence, wins=len(won), share=percent(held.share),
            masters=held.masters,
        )  # fmt: skip
