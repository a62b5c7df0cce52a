"""A figure 指标 of the market: what it counts, declared once.

From the declaration the engine (`supervision.figures.answers`) makes the figure itself, its comparison, its months, its
breakdown and the lots behind it. A figure of the lens is made of `Part`s, aggregates over `Rows`; a figure of the
ledger of one SQLAlchemy query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select

from messages import Message
from records.lots import centre_of_lot
from records.tables.projects import Lot
from supervision.figures.filters import Filters
from supervision.figures.formats import CNY
from supervision.figures.narrow import AWARDED_ON, OPENED_ON

Better = Literal["more", "less"]
"""Which way a figure moves when the market does well; None: neither, it only says how much there is."""
Row = tuple[Any, ...]
Result = Callable[[Sequence[Row], Filters], Any]


@dataclass(frozen=True)
class Figure:
    """What every figure has. Its words are messages: `figure.<id>` its name, beside it its unit and its definition."""

    id: str
    """M01 … M52 of the dictionary of figures, or a plain name where the dictionary has none."""
    better: Better | None = field(default=None, kw_only=True)

    @property
    def name(self) -> Message:
        """What it is called."""
        return Message(f"figure.{self.id}")

    @property
    def unit(self) -> Message:
        """What it is counted in."""
        return Message(f"figure.{self.id}_unit")

    @property
    def definition(self) -> Message:
        """Its 口径: what is counted, over what, by which time."""
        return Message(f"figure.{self.id}_definition")


# ── figures of the lens ──────────────────────────────────────────────────────


@dataclass(frozen=True)
class Rows:
    """Which rows of the lens a figure counts. Conditions are SQL in which {home} and {currency} are the filters'."""

    table: Literal["bids", "lots"]
    day: str = OPENED_ON
    """What a row's time is (§5.2)."""
    where: tuple[str, ...] = ()
    source: str = ""
    """The table with columns of its own added, as a SELECT; empty: the table as it is."""

    def that(self, *conditions: str) -> Rows:
        """Those of the rows for which the conditions hold too."""
        return Rows(self.table, self.day, (*self.where, *conditions), self.source)

    @property
    def relation(self) -> str:
        """What stands after FROM."""
        return f"({self.source})" if self.source else self.table


PARTICIPATIONS = Rows("bids")
"""参与家次 of lots whose opening has ended."""
REACHED = Rows("lots")
"""Lots that have reached their deadline, those that failed too."""
OPENED = REACHED.that("opened")
DEALS = Rows("lots", AWARDED_ON, ("winner_id IS NOT NULL",))
"""Lots with a result, by the day of the award."""
ONE_CURRENCY = "award_currency = {currency}"
DEALS_IN_ONE_CURRENCY = DEALS.that(ONE_CURRENCY)


@dataclass(frozen=True)
class Part:
    """One aggregate over the rows of a figure, in SQL; {who} counts participations or firms, as the filters' unit says."""

    aggregate: str
    condition: str = ""
    empty: int | None = 0
    """Its value where there is no row."""


def rows_where(condition: str = "") -> Part:
    """How many rows there are."""
    return Part("count(*)", condition)


def counted(condition: str = "") -> Part:
    """How many participations 家次, or firms 家."""
    return Part("count({who})", condition)


def total(expression: str, condition: str = "") -> Part:
    """The sum of an expression; nought over no rows."""
    return Part(f"sum({expression})", condition)


def exact_total(expression: str, condition: str = "") -> Part:
    """The sum of fractions, the same to the last digit in whatever order they come (Kahan)."""
    return Part(f"fsum({expression})", condition)


def share_of(condition: str, known: str = "", count: Callable[[str], Part] = rows_where) -> tuple[Part, ...]:
    """Numerator, denominator and what is unknown: `condition` among the rows where `known` (default: it is not null)."""
    counted_in = known or f"({condition}) IS NOT NULL"
    return count(condition), count(counted_in), count(f"NOT ({counted_in})")


@dataclass(frozen=True)
class LensFigure(Figure):
    """A figure over months and years, from the columnar copy of the ledger."""

    rows: Rows
    parts: tuple[Part, ...]
    result: Result
    each: str = field(default="", kw_only=True)
    """A column by which the parts are taken apart; `result` gets a row for each, its value first."""
    behind: str = field(default="", kw_only=True)
    """Which of its rows a reader means who asks for the lots behind the figure; empty: all."""

    @property
    def in_money(self) -> bool:
        """Whether it adds up amounts, which can be done in one currency only."""
        return "{currency}" in str((self.rows.where, self.parts))

    @property
    def nothing(self) -> list[Row]:
        """What `result` gets where there are no rows."""
        return [] if self.each else [tuple(part.empty for part in self.parts)]


def filled(texts: Iterable[str], filters: Filters) -> list[str]:
    """Pieces of SQL with the filters' unit, home and currency in their {places}."""
    who = "DISTINCT bidder_id" if filters.unit == "firms" else "*"
    code = "'" + (filters.currency or CNY).replace("'", "''") + "'"
    return [
        t.replace("{who}", who).replace("{home}", filters.home).replace("{currency}", code) for t in texts
    ]


# ── figures of the ledger ────────────────────────────────────────────────────

OF_LOTS: Mapping[str, Callable[[], ColumnElement[Any]]] = {
    "centre": centre_of_lot,
    "family": lambda: Lot.trade_family.expression,
    "category": lambda: Lot.category.expression,
    "district": lambda: Lot.division_code.expression,
}
"""What a query that has joined `Lot` can be broken down by."""


@dataclass(frozen=True)
class LotByLot:
    """Whether each lot is as the share of a figure asks, so that those which are not can be named."""

    query: Callable[[Filters], Select[Any]]
    """A row a lot, the lot's id first, the newest lot first."""
    met: Callable[[Row], bool | None]
    """What a row says of its lot; None: it is not known."""

    @classmethod
    def of(
        cls, query: Callable[[Filters], Select[Any]], met: Callable[[Row], bool | None], *columns: ColumnElement[Any]
    ) -> LotByLot:  # fmt: skip
        """From a query that has joined `Lot`, with these aggregates of each lot's rows."""

        def lot_by_lot(filters: Filters) -> Select[Any]:
            asked = query(filters).with_only_columns(Lot.id, *columns).group_by(None).order_by(None)
            return asked.group_by(Lot.id, Lot.deadline).order_by(Lot.deadline.desc(), Lot.id)

        return cls(lot_by_lot, met)


@dataclass(frozen=True)
class LedgerFigure(Figure):
    """A figure that is read from the ledger at once, by an indexed query."""

    query: Callable[[Filters], Select[Any]]
    """Its rows; figures with the same query are answered by running it once."""
    result: Result
    by: Mapping[str, Callable[[], ColumnElement[Any]]] = field(default_factory=lambda: OF_LOTS, kw_only=True)
    """What it can be broken down by."""
    aggregated: bool = field(default=True, kw_only=True)
    """Whether the query adds up by itself, so that a breakdown has to group it."""
    of_lots: bool = field(default=True, kw_only=True)
    """Whether the query has joined `Lot`, so that lots can be named behind it."""
    lot_by_lot: LotByLot | None = field(default=None, kw_only=True)
    """How a share of lots stands lot by lot."""


# ── others ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Derived(Figure):
    """A figure made of others."""

    of: tuple[Figure, ...]
    result: Callable[..., Any]


# ── what rows of the lens can be broken down by ──────────────────────────────

CLASSES: tuple[tuple[int, int | None], ...] = (
    (0, 2), (3, 5), (6, 10), (11, 20), (21, 50), (51, 100), (101, 300), (301, None),
)  # fmt: skip
"""Classes of bidders per lot; the first is below the legal minimum of three (招标投标法 art. 28)."""
_CLASS_OF = "CASE " + " ".join(f"WHEN bids <= {high} THEN {low}" for low, high in CLASSES if high)

_CITY_OF = "left({0}, CASE WHEN substr({0}, 3, 2) = '90' THEN 6 ELSE 4 END)"
"""Four digits of a division code name its city; counties of no city (digits 90) stand by themselves (GB/T 2260)."""

DIMENSIONS: Mapping[str, Mapping[str, str]] = {
    "centre": {"bids": "centre_id", "lots": "centre_id"},
    "family": {"bids": "trade_family", "lots": "trade_family"},
    "category": {"bids": "category", "lots": "category"},
    "district": {"bids": "division_code", "lots": "division_code"},
    "tenderer": {"bids": "tenderer_id", "lots": "tenderer_id"},
    "province": {"bids": "bidder_province", "lots": "winner_province"},
    "city": {"bids": _CITY_OF.format("bidder_division"), "lots": _CITY_OF.format("winner_division")},
    "certificate": {"bids": "left(ca_region, 2)"},
    "winner": {"lots": "winner_id"},
    "market": {"lots": "category || '/' || centre_id"},
    "bidders": {"lots": f"{_CLASS_OF} WHEN bids > {CLASSES[-1][0] - 1} THEN {CLASSES[-1][0]} END"},
}
"""Dimension → table of the lens → SQL; `bidders` is the lower end of a class of CLASSES, `market` a category at a centre,
what HHI is meant for."""
