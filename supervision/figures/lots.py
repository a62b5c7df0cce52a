"""The lots 标段 behind the figures: lists of the lens' lots, and how far its data reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from supervision.figures.currencies import in_currency
from supervision.figures.figure import (
    DEALS_IN_ONE_CURRENCY,
    DIMENSIONS,
    OPENED,
    REACHED,
    LensFigure,
    Rows,
    filled,
)
from supervision.figures.filters import Filters, Home
from supervision.figures.narrow import AWARDED_ON, OPENED_ON, where
from supervision.figures.savings import PURCHASES
from supervision.lens.reader import Lens
from supervision.lens.schema import LOTS

SORTS = {
    "opened": "opened_at DESC NULLS LAST, lot_id", "bids": "bids DESC, lot_id", "outside": "outside DESC, lot_id",
    "share": "CASE WHEN bids > unknown THEN outside * 1.0 / (bids - unknown) ELSE -1 END DESC, lot_id",
    "award": "award_price DESC NULLS LAST, lot_id",
}  # fmt: skip
"""What a list of lots may be sorted by; the first where nothing else is asked for."""

Lots = list[dict[str, Any]]
"""Rows of the lens' lots with `outside`, `unknown`, `provinces` and `winner_outside` as the filters' home sees them."""


@dataclass(frozen=True)
class Mark:
    """One mark of a chart of lots: the value of a dimension, as `winner` and the winner's id."""

    by: str
    value: str


def lots_of(
    lens: Lens, filters: Filters, rows: Rows = OPENED, sort: str = "opened", limit: int = 50, offset: int = 0
) -> Lots:
    """Some of the lots that `rows` of the table of lots names, sorted by one of SORTS."""
    home, order = filters.home, SORTS.get(sort, SORTS["opened"])
    clause, params = where(filters, rows.day, *filled(rows.where, filters))
    sql = (
        f"WITH l AS (SELECT *, outside_{home}_bids AS outside, unknown_{home}_bids AS unknown,"
        f" winner_outside_{home} AS winner_outside FROM lots {clause}),"
        f" top AS (SELECT * FROM l ORDER BY {order} LIMIT {int(limit)} OFFSET {int(offset)})"
        f" SELECT top.*, (SELECT count(DISTINCT bidder_province) FROM bids b"
        f" WHERE b.lot_id = top.lot_id AND b.month = top.month AND b.outside_{home}) AS provinces FROM top ORDER BY {order}"
    )
    found: Lots = lens.query(sql, params).to_pylist()
    return found


def count_lots(lens: Lens, filters: Filters, rows: Rows = OPENED) -> int:
    """How many `lots_of` gives without a limit."""
    clause, params = where(filters, rows.day, *filled(rows.where, filters))
    return int(lens.one(f"SELECT count(*) FROM lots {clause}", params)[0])


def settled_for(lens: Lens, filters: Filters, rows: Rows) -> Filters:
    """The filters with a currency where the rows ask for one."""
    return in_currency(lens, filters) if "{currency}" in str(rows.where) else filters


def rows_behind(figure: LensFigure) -> Rows:
    """The lots a reader means who asks what a figure is made of; of participations those lots that have some."""
    behind = (figure.behind,) if figure.behind else ()
    if figure.rows.table == "bids":
        return OPENED.that("bids > 0", *behind)
    return Rows("lots", figure.rows.day, (*figure.rows.where, *behind))


def rows_of_mark(mark: Mark) -> Rows:
    """The lots behind one mark of a breakdown, as its figure counts them: a class of bidders (its lower end), a winner or
    a category at a centre (deals in one currency, by the day of the award), one lot (by its opening), a province or city
    whose firms came from outside, or a province whose certificates were used. KeyError for another dimension; a value
    that nothing has gives no lots."""
    text = "'" + mark.value.replace("'", "''") + "'"
    found = {
        "bidders": REACHED.that(f"CAST({DIMENSIONS['bidders']['lots']} AS VARCHAR) = {text}"),
        **{
            by: DEALS_IN_ONE_CURRENCY.that(f"{DIMENSIONS[by]['lots']} = {text}")
            for by in ("winner", "market")
        },
        "lot": REACHED.that(f"lot_id = {text}"),
        "certificate": OPENED.that(
            f"lot_id IN (SELECT lot_id FROM bids WHERE {DIMENSIONS['certificate']['bids']} = {text})"
        ),
        **{place: OPENED.that(_came_from(place, text)) for place in ("province", "city")},
    }
    return found[mark.by]


def rows_of_part(figure: LensFigure, part: str) -> Rows | None:
    """The lots that a figure is `of`, those that are as it asks (`met`), or those that are not (`short`); None where it
    does not tell one lot from another."""
    if figure.behind:
        known = f"({figure.behind}) IS NOT NULL"
        return figure.rows.that({"of": known, "met": figure.behind, "short": f"NOT ({figure.behind})"}[part])
    return figure.rows if part == "of" and figure.rows.table == "lots" else None


UNKNOWN: dict[str, Any] = dict.fromkeys((*LOTS.names, "outside", "unknown", "provinces", "winner_outside"))
"""A row of `Lots` of which nothing is known: that of a lot whose opening has not ended."""


def known(lens: Lens, ids: Sequence[str], home: Home) -> dict[str, dict[str, Any]]:
    """Lot → its row of the lens, whatever its period and place, of those whose opening has ended."""
    if not ids:
        return {}
    named = ", ".join("'" + one.replace("'", "''") + "'" for one in ids)
    rows = REACHED.that(f"lot_id IN ({named})")
    return {row["lot_id"]: row for row in lots_of(lens, Filters(home=home), rows, limit=len(ids))}


def _came_from(place: str, text: str) -> str:
    return (
        f"lot_id IN (SELECT lot_id FROM bids WHERE {DIMENSIONS[place]['bids']} = {text} AND outside_{{home}})"
    )


def winner_names(lens: Lens, winners: list[str]) -> dict[str, str]:
    """Winner → its name as the awards tell it."""
    rows = lens.rows(
        "SELECT winner_id, any_value(winner_name) FROM lots WHERE winner_id IN (SELECT unnest($winners)) GROUP BY 1",
        {"winners": winners},
    )
    return {winner: str(name) for winner, name in rows}


@dataclass(frozen=True)
class PriceStrip:
    """The prices bid for one lot, each over its control price, in per cent with two decimals: value → how many bid it."""

    lot: str
    name: str
    bids: int
    prices: dict[float, int]
    award: float | None
    """The amount of the award over the control price, in per cent; None: not known, or in another currency."""


def price_strips(lens: Lens, filters: Filters, rows: Rows, limit: int) -> list[PriceStrip]:
    """The last lots of `rows` that have a control price and told prices, the newest first. Sales of land and property,
    whose price is to rise, are none of them."""
    filters = settled_for(lens, filters, rows)
    clause, params = where(filters, rows.day, *filled(rows.where, filters), "opened", *_WITH_PRICES)
    found: dict[str, PriceStrip] = {}
    for lot, name, award, at, count in lens.rows(
        f"WITH top AS (SELECT lot_id, month, lot_name, opened_at, control_price,"
        f" CASE WHEN currency = award_currency THEN award_price END AS award FROM lots {clause}"
        f" ORDER BY opened_at DESC NULLS LAST, lot_id LIMIT {int(limit)})"
        f" SELECT top.lot_id, top.lot_name, {_over('top.award', 'top.control_price')},"
        f" {_over('b.price', 'b.control_price')} AS at, count(*) FROM top JOIN bids b ON b.lot_id = top.lot_id AND b.month = top.month"
        " WHERE b.price IS NOT NULL AND b.control_price > 0 GROUP BY ALL ORDER BY max(top.opened_at) DESC, 1, 3",
        params,
    ):
        held = found.setdefault(lot, PriceStrip(lot, name, 0, {}, award))
        held.prices[at] = count
        found[lot] = replace(held, bids=held.bids + count)
    return list(found.values())


def _over(price: str, control: str) -> str:
    """SQL: a price over the control price, in per cent with two decimals."""
    return f"CAST(round({price} * 100.0 / {control}, 2) AS DOUBLE)"


_WITH_PRICES = (
    "control_price > 0", "bids > 0", "trade_family NOT IN ('land', 'property')",
    "EXISTS (SELECT 1 FROM bids p WHERE p.lot_id = lots.lot_id AND p.month = lots.month AND p.price IS NOT NULL)",
)  # fmt: skip


@dataclass(frozen=True)
class Priced:
    """A lot that was bought: its control price and its award, in one currency."""

    lot: str
    name: str
    control: Decimal
    award: Decimal

    @property
    def saved(self) -> Decimal:
        """What was saved of the control price, as a fraction."""
        return (self.control - self.award) / self.control


def priced_lots(
    lens: Lens, filters: Filters, low: int, high: int | None, limit: int
) -> tuple[int, list[Priced]]:
    """How many of the lots that M29 counts have a control price from `low` to below `high`, and the latest of them."""
    within = [f"control_price >= {low}", *([f"control_price < {high}"] if high is not None else [])]
    settled = in_currency(lens, filters)
    clause, params = where(settled, PURCHASES.day, *filled(PURCHASES.where, settled), *within)
    rows = lens.rows(
        f"SELECT count(*) OVER (), lot_id, lot_name, control_price, award_price FROM lots {clause}"
        f" ORDER BY {AWARDED_ON} DESC NULLS LAST, lot_id LIMIT {limit}",
        params,
    )
    return (rows[0][0] if rows else 0), [Priced(*row) for _, *row in rows]


def participations_by_origin(
    lens: Lens, filters: Filters, mark: Mark | None = None, among: Sequence[str] | None = None
) -> list[tuple[Any, ...]]:
    """(month, centre id, centre, trade family, province, participations, those from outside the home, firms), in this
    order; `mark`: only those behind a mark of BID_MARKS; `among`: those of these lots, whenever they were opened."""
    text = "'" + mark.value.replace("'", "''") + "'" if mark else ""
    also = [condition.replace("{text}", text) for condition in (BID_MARKS[mark.by] if mark else ())]
    clause, params = where(filters, OPENED_ON, *filled(also, filters))
    if among is not None:
        clause, params = "WHERE lot_id IN (SELECT unnest(?))", [list(among)]
    return lens.rows(
        "SELECT month, centre_id, centre_name, trade_family, bidder_province, count(*),"
        f" count(*) FILTER (WHERE outside_{filters.home}), count(DISTINCT bidder_id)"
        f" FROM bids {clause} GROUP BY ALL ORDER BY ALL",
        params,
    )


BID_MARKS = {
    "certificate": (f"{DIMENSIONS['certificate']['bids']} = {{text}}",),
    **{
        place: (f"{DIMENSIONS[place]['bids']} = {{text}}", "outside_{home}") for place in ("province", "city")
    },
}
"""Marks of participations, not of lots → which participations are behind them."""


# ── how far the data reach ───────────────────────────────────────────────────


@dataclass(frozen=True)
class Reach:
    """Of opened and awarded lots: first and last day (None without any), lots without a date, currencies."""

    first: date | None
    last: date | None
    undated: int
    currencies: tuple[str, ...]


def reach(lens: Lens, filters: Filters) -> Reach:
    """The reach of the lots of the filters, whatever their period; the currencies of all lots, the commonest first."""
    clause, params = where(filters.over(None))
    first, last, undated = lens.one(
        f"SELECT least(min({OPENED_ON}), min({AWARDED_ON})), greatest(max({OPENED_ON}), max({AWARDED_ON})),"
        f" count(*) FILTER (WHERE {OPENED_ON} IS NULL) FROM lots {clause}",
        params,
    )
    rows = lens.rows(
        "SELECT award_currency, count(*) FROM lots WHERE award_currency IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    return Reach(first, last, int(undated), tuple(code for code, _ in rows))


def lots_in(lens: Lens, filters: Filters) -> int:
    """Lots whose opening or award falls into the period."""
    conditions = [where(filters, day) for day in (OPENED_ON, AWARDED_ON)]
    union = " UNION ".join(f"SELECT lot_id FROM lots {clause}" for clause, _ in conditions)
    return int(
        lens.one(f"SELECT count(*) FROM ({union})", [v for _, values in conditions for v in values])[0]
    )
