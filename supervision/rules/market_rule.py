"""A market rule: one select over the lens whose rows are judged against each other, and the tools such selects share.

Selects are SQLAlchemy Core and run unchanged on DuckDB, SQLite, PostgreSQL and, through sqlglot, Spark: divisors are cast
to Double, ties are broken by id, no function is used that one of them lacks.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeVar

import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Double,
    FromClause,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    case,
    cast,
    func,
    literal_column,
    select,
    type_coerce,
    union,
)

from messages import Message
from supervision.lens.tables import bids, fees, lots, scores
from supervision.rules.finding import Finding, Level, Subject
from supervision.rules.rule import Parameter, Rule

Row = Mapping[str, Any]
Made = TypeVar("Made")


@dataclass(frozen=True)
class Ask:
    """Answers selects over the lens' tables and those that are kept, for the time of one run of rules."""

    table: Callable[[Select[*tuple[Any, ...]]], pa.Table]
    """The answer by columns."""
    _made: dict[Hashable, Any] = field(default_factory=dict)

    def __call__(self, query: Select[*tuple[Any, ...]]) -> list[Row]:
        """The answer by rows."""
        return list(self.table(query).to_pylist())

    def once(self, name: Hashable, make: Callable[[Ask], Made]) -> Made:
        """What several rules of the run need, made by the first that asks."""
        if name not in self._made:
            self._made[name] = make(self)
        made: Made = self._made[name]
        return made


CAP = Parameter("cap", 0.02, 0.001, 0.1)
"""Highest alert rate. Of a rule about lots: the share of a stratum's lots that may be alerted, the threshold is the value
there. Of a rule about parties: findings a lot opened in a year, as the switchboard counts them."""
AT_LEAST = 5
"""Findings about parties that no cap holds back: so few can be looked at in the smallest market."""
STRATUM = Parameter("stratum", 50, 20, 1000, whole=True)
"""Lots a stratum must have before anything in it is called unusual."""


class MarketRule(Rule):
    """A rule about lots or organisations beside all others."""

    @abstractmethod
    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """What is asked of the lens, with the parameters in force."""

    @abstractmethod
    def findings(self, ask: Ask, chosen: Mapping[str, float]) -> list[Finding]:
        """What it finds."""

    def capped(self, ask: Ask, chosen: Mapping[str, float]) -> list[Finding]:
        """What it finds within its alert rate, if it has one: the most extreme."""
        found = self.findings(ask, chosen)
        if "cap" not in chosen or len(found) <= AT_LEAST:
            return found
        every, of_year = ask.once("lots opened", lots_opened)
        return most_extreme(found, int(chosen["cap"] * (every if found[0].lot_id else of_year)))

    lots_listed: ClassVar[str] = "lots"
    """The evidence under which `lots_behind` is told."""

    def lots_behind(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]] | None:
        """A row a lot that findings about parties rest on: their first subjects as `one` (and `two`; `kind` of the first
        where it varies), `lot_id`, `opened_at`, and what else is told of it. None of a rule whose findings are each of one
        lot or list their lots themselves."""
        return None

    def lot_told(self, row: Row) -> object:
        """A row of `lots_behind` as evidence tells it: the lot's id."""
        return row["lot_id"]

    def about(
        self, subjects: Sequence[tuple[str, str]], title: Message, value: float, threshold: float, *,
        baseline: float | None = None, stratum: str | None = None, evidence: Mapping[str, object] | None = None,
        level: Level | None = None, row: Row | None = None,
    ) -> Finding:  # fmt: skip
        """A finding; of one lot where the row has its id."""
        place = row or {}
        return Finding(
            rule=self.id, rule_version=self.version, family=self.family, level=level or self.level, title=title,
            subjects=tuple(Subject(kind, who) for kind, who in subjects),  # type: ignore[arg-type]
            value=value, threshold=threshold, baseline=baseline, stratum=stratum,
            evidence={**self.grounds(), **(evidence or {})}, lot_id=place.get("lot_id"),
            centre_id=place.get("centre_id"),
        )  # fmt: skip


class RowRule(MarketRule):
    """A market rule that judges the rows of its select."""

    @abstractmethod
    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """The findings in what was answered."""

    def findings(self, ask: Ask, chosen: Mapping[str, float]) -> list[Finding]:
        """What it finds in the answer to its select."""
        return self.judge(ask(self.select(chosen)), chosen)


def real(value: ColumnElement[Any]) -> ColumnElement[float]:
    """The value as a double: exact decimals overflow or round silently when divided."""
    return cast(value, Double)


def share(some: ColumnElement[Any], every: ColumnElement[Any]) -> ColumnElement[float]:
    """some ÷ every as a double; null of nothing."""
    return real(some) / real(func.nullif(every, 0))


def count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """How many rows are so."""
    return cast(func.sum(case((condition, 1), else_=0)), BigInteger)


def stratum_of(table: FromClause) -> ColumnElement[str]:
    """What a lot is compared with: trade family, category and method, as lot rules name it."""
    c = table.c
    return c.trade_family + _SLASH + func.coalesce(c.category, _DASH) + _SLASH + c.method


def year_of(table: FromClause) -> ColumnElement[str]:
    """The year of a lot's opening, YYYY."""
    return func.substr(table.c.month, literal_column("1"), literal_column("4"))


def district_and_year_of(table: FromClause) -> ColumnElement[str]:
    """Category × district × year: what a firm's chances are compared within."""
    c = table.c
    return (
        func.coalesce(c.category, _DASH)
        + _SLASH
        + func.coalesce(c.division_code, _DASH)
        + _SLASH
        + year_of(table)
    )


_SLASH: ColumnElement[str] = literal_column("'/'")
_DASH: ColumnElement[str] = literal_column("'-'")
"""Written out, not bound: PostgreSQL does not see that two bound expressions to group by are the same."""


def priced_select() -> Select[*tuple[Any, ...]]:
    """Bids with a price, cheapest first within each lot (`place` 1, 2, …)."""
    place = func.row_number().over(partition_by=bids.c.lot_id, order_by=(bids.c.price, bids.c.bidder_id))
    return select(
        bids.c.lot_id, bids.c.bidder_id, real(bids.c.price).label("price"), bids.c.is_winner, place.label("place")
    ).where(bids.c.price > 0)  # fmt: skip


priced = Table(
    "priced", MetaData(), Column("lot_id", String), Column("bidder_id", String), Column("price", Double),
    Column("is_winner", Boolean), Column("place", Integer),
)  # fmt: skip
"""What `priced_select` gives, kept for the time of a run so that every rule reads it ready-made."""


def lot_prices_select() -> Select[*tuple[Any, ...]]:
    """A row a lot: its prices in the figures that rules look at."""
    b = priced.c
    means = select(b.lot_id, func.avg(b.price).label("mean")).group_by(b.lot_id).subquery("means")
    first, second, off = b.place == 1, b.place == 2, b.price - means.c.mean
    losing, losing_off = case((b.place > 1, b.price)), case((b.place > 1, off))
    figures = select(
        b.lot_id, func.count().label("n"),
        func.max(case((first, b.price))).label("low"), func.max(case((second, b.price))).label("next_low"),
        func.max(b.price).label("high"), func.max(means.c.mean).label("mean"), func.sum(off * off).label("squares"),
        func.sum(losing).label("losing"), func.sum(losing_off).label("losing_off"),
        func.sum(losing_off * losing_off).label("losing_squares"),
        func.max(case((first, b.bidder_id))).label("first_bidder"),
        func.max(case((second, b.bidder_id))).label("second_bidder"),
        func.max(case((b.is_winner, b.price))).label("won"), func.max(case((b.is_winner, b.bidder_id))).label("winner"),
    ).join(means, means.c.lot_id == b.lot_id).group_by(b.lot_id).subquery("figures")  # fmt: skip
    about = (lots.c.centre_id, lots.c.opened_at, stratum_of(lots).label("stratum"), real(lots.c.control_price).label("control"))  # fmt: skip
    return select(*figures.c, *about).join(lots, lots.c.lot_id == figures.c.lot_id)


_TEXT = ("lot_id", "centre_id", "stratum", "first_bidder", "second_bidder", "winner")
_TYPES: dict[str, Any] = {"n": Integer, "opened_at": DateTime(timezone=True), **dict.fromkeys(_TEXT, String)}
lot_prices: Table = Table(
    "lot_prices", MetaData(),
    *(Column(c.name, _TYPES.get(c.name, Double)) for c in lot_prices_select().selected_columns),
)  # fmt: skip
"""What `lot_prices_select` gives, kept likewise."""


def marks_select() -> Select[*tuple[Any, ...]]:
    """A row an evaluation, expert and bidder: subjective points and their full marks, and all points and theirs."""
    s = scores.c
    subjective = s.kind == "subjective"
    return select(
        s.lot_id, func.max(s.centre_id).label("centre_id"), func.max(stratum_of(scores)).label("stratum"),
        s.evaluation_id, s.expert_id, s.bidder_id,
        _exact(case((subjective, s.score), else_=0)).label("points"),
        _exact(case((subjective, s.full_marks), else_=0)).label("full"),
        _exact(s.score).label("total"), _exact(s.full_marks).label("total_full"),
    ).group_by(s.lot_id, s.evaluation_id, s.expert_id, s.bidder_id)  # fmt: skip


def _exact(points: ColumnElement[Any]) -> ColumnElement[float]:
    """The sum of points in ten-thousandths, whole: the same whatever the engine adds up first."""
    return real(func.round(real(func.sum(points)) * 10_000)) / 10_000.0


marks = Table(
    "marks", MetaData(), *(Column(name, String) for name in ("lot_id", "centre_id", "stratum", "evaluation_id", "expert_id", "bidder_id")),
    *(Column(name, Double) for name in ("points", "full", "total", "total_full")),
)  # fmt: skip
"""What `marks_select` gives, kept likewise."""


def sittings_select() -> Select[*tuple[Any, ...]]:
    """A row an expert and lot, by category × district × year: who sat is told by scores and by fees."""
    sittings = union(*(
        select(t.c.lot_id, t.c.expert_id, district_and_year_of(t).label("stratum")) for t in (scores, fees)
    )).subquery("told")  # fmt: skip
    return select(*sittings.c)


sittings = Table(
    "sittings", MetaData(), *(Column(name, String) for name in ("lot_id", "expert_id", "stratum"))
)
"""What `sittings_select` gives, kept likewise."""

KEPT = (
    (priced, priced_select), (lot_prices, lot_prices_select), (marks, marks_select), (sittings, sittings_select),
)  # fmt: skip
"""Tables made before the rules run, in this order, with what fills them."""


def unusual(
    values: FromClause,
    *,
    low: bool,
    cap: float,
    least: float,
    keep: Sequence[str] = (),
    ranked: str = "value",
) -> Select[*tuple[Any, ...]]:
    """The rows of `values` (lot_id, centre_id, stratum, value, …) at one end of their stratum, at most `cap` of it.

    Each with its stratum's median as `baseline`, the value at the cap as `threshold` and the stratum's size as `of`. A
    value that more rows share than the cap allows is usual and not among them. `ranked` names the column that says how
    near its end a row is, where that is not the value.
    """
    c = values.c
    by = c[ranked] if low else c[ranked].desc()
    placed = select(
        c.lot_id, c.centre_id, c.stratum, c.value, *(c[name] for name in keep),
        type_coerce(func.cume_dist().over(partition_by=c.stratum, order_by=by), Double).label("tail"),
        func.row_number().over(partition_by=c.stratum, order_by=(c.value, c.lot_id)).label("place"),
        func.count().over(partition_by=c.stratum).label("of"),
    ).where(c.value.is_not(None)).subquery("placed")  # fmt: skip
    p = placed.c
    middle = case(((2 * p.place >= p.of) & (2 * p.place <= p.of + 2), p.value))
    edge = case((p.tail <= cap, p.value))
    marked = select(
        *placed.c, func.avg(middle).over(partition_by=p.stratum).label("baseline"),
        (func.max(edge) if low else func.min(edge)).over(partition_by=p.stratum).label("threshold"),
    ).subquery("marked")  # fmt: skip
    m = marked.c
    return select(*marked.c).where(m.tail <= cap, m.of >= least).order_by(m.lot_id)


def lots_opened(ask: Ask) -> tuple[int, int]:
    """Lots that were opened: all, and those of the last twelve months that the lens holds."""
    query = select(lots.c.month, func.count().label("n")).where(lots.c.opened).group_by(lots.c.month)
    months = {row["month"]: row["n"] for row in ask(query) if row["month"][:1].isdigit()}
    last = max(months, default="")
    first = f"{int(last[:4]) - 1}{last[4:]}" if last else ""
    return sum(months.values()), sum(n for month, n in months.items() if month > first)


def most_extreme(found: Sequence[Finding], most: int) -> list[Finding]:
    """The findings farthest beyond their thresholds, `most` of them but never fewer than `AT_LEAST`, in their order; the
    thresholds are moved to where the last of them lies, so that they say what it took."""
    most = max(most, AT_LEAST)
    if len(found) <= most:
        return list(found)
    beyond = sorted((_beyond(one) for one in found), reverse=True)[most - 1]
    return [_moved(one, beyond) for one in found if _beyond(one) >= beyond][:most]


def _beyond(one: Finding) -> float:
    """How many times the threshold the value is, or is below it."""
    low, high = sorted((abs(one.value), abs(one.threshold)))
    return high / low if low else high


def _moved(one: Finding, beyond: float) -> Finding:
    """The finding with the threshold that is in force where only those so far beyond theirs are told."""
    by = beyond if one.value >= one.threshold else 1 / beyond
    return replace(one, threshold=one.threshold * by)


class UnusualLots(RowRule):
    """A rule about lots whose value lies at one end of their stratum; the alert rate is capped by construction."""

    low: ClassVar[bool]
    keep: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[tuple[Parameter, ...]] = (CAP, STRATUM)

    @abstractmethod
    def values(self, chosen: Mapping[str, float]) -> FromClause:
        """lot_id, centre_id, stratum, value and what `keep` names."""

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """The lots at the rule's end of their strata."""
        return unusual(
            self.values(chosen), low=self.low, cap=chosen["cap"], least=chosen["stratum"], keep=self.keep
        )

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a lot."""
        return [self._about(row) for row in rows]

    def capped(self, ask: Ask, chosen: Mapping[str, float]) -> list[Finding]:
        """What it finds: its select holds every stratum to the cap."""
        return self.findings(ask, chosen)

    def _about(self, row: Row) -> Finding:
        evidence = {"of": row["of"], **{name: row[name] for name in self.keep}}
        bidders = [("bidder", row[name]) for name in self.keep if name.endswith("bidder") or name == "winner"]
        experts = [("expert", row[name]) for name in self.keep if name == "expert"]
        return self.about(
            [("lot", row["lot_id"]), *experts, *bidders], self.says("found", share=percent(row["value"])), row["value"],
            row["threshold"], baseline=row["baseline"], stratum=row["stratum"], evidence=evidence, row=row,
        )  # fmt: skip


def percent(value: float) -> str:
    """A share in words: 0.1234 → 12.34."""
    return f"{100 * value:.2f}"
