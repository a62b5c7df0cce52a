"""The engine of the figures: from one declaration the value, its comparison, its months, its breakdown, the lots behind.

Figures that count the same rows of the lens are answered by one query, whatever is asked of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from messages import Invalid, Message
from records.clock import add_months
from records.ledger import Ledger
from records.lots import centre_of_lot
from records.tables.projects import Lot
from supervision.figures import lots
from supervision.figures.currencies import in_currency
from supervision.figures.dictionary import FIGURES, figure
from supervision.figures.figure import (
    OPENED,
    Derived,
    Figure,
    LedgerFigure,
    LensFigure,
    Rows,
)
from supervision.figures.filters import Filters, Period
from supervision.figures.formats import DASH
from supervision.figures.lens_questions import Values, ask, grouped, nothing
from supervision.figures.lots import Mark
from supervision.figures.narrow import AWARDED_ON
from supervision.figures.results import Comparison
from supervision.lens.reader import Lens

YEAR, MONTH = 4, 7
"""How much of "2014-05" names a point of a series."""

F = TypeVar("F", bound=Figure)


@dataclass(frozen=True)
class Ranked:
    """Who won, or what was bought: in how many lots, and for how much in one currency (None: not one amount is known)."""

    name: str
    lots: int
    amount: Decimal | None
    key: str = ""
    """The winner's id, or the category; empty where it is not known."""


_LOT = (
    Lot.id.label("lot_id"), Lot.name.label("lot_name"), Lot.project_id, centre_of_lot().label("centre_id"), Lot.trade_family, Lot.category,
    Lot.deadline, Lot.currency,
)  # fmt: skip
LIVE_MARKS = {"key": ("M32", "state")}
"""Marks of figures of the ledger, which are never remembered with the lens → figure and dimension."""
PARTS = ("of", "met", "short")
"""Marks of a share of lots, whose value is the figure: all that it is of, those that are as it asks, those that are not."""
AT_ONCE = 5_000
"""Lots that one query of the ledger names."""
LEG = "leg"
"""Mark of a leg of the procedure, which is asked of `supervision.lists.process`."""
MARKS = frozenset(
    {"bidders", "winner", "province", "city", "certificate", "market", "lot", *LIVE_MARKS, *PARTS, LEG}
)
"""What marks of charts can be asked for the lots behind them."""
DEALS_MADE = Mark("met", "M02")
"""The lots of the deals that the award value adds up: by the day of the award, in one currency."""


def by_award(mark: Mark | None) -> bool:
    """Whether the lots behind a mark are those of a figure that goes by the day of the award."""
    if mark is None or mark.by not in PARTS:
        return mark is not None and mark.by in ("winner", "market")
    found = FIGURES.get(mark.value)
    return isinstance(found, LensFigure) and found.rows.day == AWARDED_ON


def is_live(mark: Mark) -> bool:
    """Whether the lots behind a mark are read from the ledger, so that they must not be remembered with the lens."""
    if mark.by in PARTS:
        return not isinstance(FIGURES.get(mark.value), LensFigure)
    return mark.by in LIVE_MARKS or mark.by == LEG


@dataclass(frozen=True)
class LotsBehind:
    """How many lots are behind a figure, and one page of them by column."""

    total: int
    rows: lots.Lots


@dataclass(frozen=True)
class Answers:
    """What figures are asked of: the lens, and the ledger where live figures are asked for."""

    lens: Lens
    ledger: Ledger | None = None

    def values(self, ids: Sequence[str], filters: Filters) -> Values:
        """The figures over the filters' period. Raises messages.Unknown for an unknown id, messages.Invalid without the ledger it needs."""
        asked = _resolved(ids)
        settled = self._settled(asked, filters)
        found = ask(self.lens, _of(LensFigure, asked), [settled])[0][None]
        found |= self._live(_of(LedgerFigure, asked), settled)
        return _completed(asked, found)

    def value(self, id: str, filters: Filters) -> Any:
        """One figure over the filters' period."""
        return self.values([id], filters)[id]

    def compare(self, ids: Sequence[str], filters: Filters) -> dict[str, Comparison[Any]]:
        """Figures over the period, the one before (环比) and a year before (同比), all in one currency."""
        asked = _resolved(ids)
        spans = _spans(self._settled(asked, filters))
        found = ask(self.lens, _of(LensFigure, asked), spans)
        periods = [
            _completed(asked, keyed[None] | self._live(_of(LedgerFigure, asked), span))
            for keyed, span in zip(found, spans, strict=True)
        ]
        return {one: Comparison(*_padded([values[one] for values in periods])) for one in ids}

    def series(
        self, ids: Sequence[str], filters: Filters, points: Sequence[date], years: bool = False
    ) -> dict[str, tuple[Any, ...]]:
        """Figures in each of the months, or years, that begin with `points`, one after the other."""
        asked = _resolved(ids)
        settled, step = self._settled(asked, filters), 12 if years else 1
        span = settled.over(Period(points[0], add_months(points[-1], step)))
        width = YEAR if years else MONTH
        lens = _of(LensFigure, asked)
        held = ask(self.lens, lens, [span], f"month:{width}")[0]
        months = []
        for point in points:
            values = held.get(f"{point:%Y-%m}"[:width]) or nothing(lens, span)
            alone = settled.over(Period(point, add_months(point, step)))
            months.append(_completed(asked, values | self._live(_of(LedgerFigure, asked), alone)))
        return {one: tuple(values[one] for values in months) for one in ids}

    def breakdown(self, id: str, filters: Filters, by: str) -> dict[Any, Any]:
        """One figure for every value of a dimension that has rows, None among them. KeyError for an unknown dimension."""
        asked = _resolved([id])
        settled = self._settled(asked, filters)
        lens, live = _of(LensFigure, asked), _of(LedgerFigure, asked)
        found = ask(self.lens, lens, [settled], by)[0] if lens else {}
        for one in live:
            for key, value in self._live_by(one, settled, by).items():
                found.setdefault(key, {})[one.id] = value
        return {key: _completed(asked, values)[id] for key, values in found.items()}

    def lots(
        self, id: str, filters: Filters, sort: str = "opened", limit: int = 50, offset: int = 0
    ) -> LotsBehind:
        """The lots behind a figure: how many, and one page of them. Unknown id: messages.Unknown; no lot behind it: messages.Invalid."""
        one = figure(id)
        while isinstance(one, Derived):
            one = one.of[0]
        if isinstance(one, LensFigure):
            settled, rows = self._settled([one], filters), lots.rows_behind(one)
            total = lots.count_lots(self.lens, settled, rows)
            return LotsBehind(total, lots.lots_of(self.lens, settled, rows, sort, limit, offset))
        if not isinstance(one, LedgerFigure) or not one.of_lots:
            raise Invalid(Message("figure.without_lots", figure=one.name))
        return self._live_lots(one, filters, limit, offset)

    def lots_of_mark(
        self, mark: Mark | None, filters: Filters, sort: str = "opened", limit: int = 50, offset: int = 0
    ) -> LotsBehind:
        """The opened lots, or those behind a mark of a chart: how many, and one page of them. KeyError for a mark not of MARKS."""
        if mark is None:
            return self._lots_of_rows(OPENED, filters, sort, limit, offset)
        if mark.by in PARTS:
            return self._lots_of_part(mark, filters, sort, limit, offset)
        if mark.by not in LIVE_MARKS:
            return self._lots_of_rows(self._rows_of_mark(mark, filters), filters, sort, limit, offset)
        id, by = LIVE_MARKS[mark.by]
        figure = FIGURES[id]
        assert isinstance(figure, LedgerFigure)
        found = self._live_lots(figure, filters, limit, offset, figure.by[by]() == mark.value)
        return replace(found, rows=self._completed_lots(found.rows, filters))

    def _rows_of_mark(self, mark: Mark, filters: Filters) -> Rows:
        """A lot that was not opened in the period is that of a figure which goes by the day of the award."""
        rows = lots.rows_of_mark(mark)
        if mark.by != "lot" or lots.count_lots(self.lens, filters, rows):
            return rows
        return replace(rows, day=AWARDED_ON)

    def lots_named(self, ids: Sequence[str], filters: Filters, limit: int, offset: int = 0) -> LotsBehind:
        """One page of these lots, in this order, whether or not their opening has ended."""
        page = ids[offset : offset + limit]
        found: dict[str, dict[str, Any]] = {}
        with self.reading() as session:
            for start in range(0, len(page), AT_ONCE):
                query = select(*_LOT).where(Lot.id.in_(page[start : start + AT_ONCE]))
                found |= {row.lot_id: dict(row._mapping) for row in session.execute(query)}
        return LotsBehind(
            len(ids), self._completed_lots([found[one] for one in page if one in found], filters)
        )

    def _completed_lots(self, rows: list[dict[str, Any]], filters: Filters) -> list[dict[str, Any]]:
        """Rows of the ledger with what the lens knows of the same lots."""
        known = lots.known(self.lens, [row["lot_id"] for row in rows], filters.home)
        return [lots.UNKNOWN | row | known.get(row["lot_id"], {}) for row in rows]

    def _lots_of_rows(self, rows: Rows, filters: Filters, sort: str, limit: int, offset: int) -> LotsBehind:
        settled = lots.settled_for(self.lens, filters, rows)
        page = lots.lots_of(self.lens, settled, rows, sort, limit, offset)
        return LotsBehind(lots.count_lots(self.lens, settled, rows), page)

    def _lots_of_part(self, mark: Mark, filters: Filters, sort: str, limit: int, offset: int) -> LotsBehind:
        """The lots of a share, or those that are, or are not, as it asks; none of what is no share of lots."""
        share = FIGURES.get(mark.value)
        if isinstance(share, LensFigure):
            part = lots.rows_of_part(share, mark.by)
            return self._lots_of_rows(part, filters, sort, limit, offset) if part else LotsBehind(0, [])
        if not isinstance(share, LedgerFigure) or share.lot_by_lot is None:
            return LotsBehind(0, [])
        wanted = {"of": (True, False), "met": (True,), "short": (False,)}[mark.by]
        with self.reading() as session:
            rows = [tuple(row) for row in session.execute(share.lot_by_lot.query(filters))]
        ids = [row[0] for row in rows if share.lot_by_lot.met(row) in wanted]
        return self.lots_named(ids, filters, limit, offset)

    def _live_lots(
        self, figure: LedgerFigure, filters: Filters, limit: int, offset: int, *only: ColumnElement[bool]
    ) -> LotsBehind:
        query = figure.query(filters).with_only_columns(*_LOT).group_by(None).order_by(None).distinct()
        query = query.where(*only)
        with self.reading() as session:
            total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
            rows = session.execute(query.order_by(Lot.deadline.desc(), Lot.id).limit(limit).offset(offset))
            return LotsBehind(total, [dict(row._mapping) for row in rows])

    def ranking(self, filters: Filters, by: str) -> list[Ranked]:
        """Deals (M02) by winner or category, the greatest award value first; no value where none of the lots has one."""
        found = self.breakdown("M02", filters, by)
        rows = [
            Ranked(DASH if key is None else str(key), one.count, one.known, key or "")
            for key, one in found.items()
            if one.count
        ]
        rows.sort(key=lambda row: (row.amount is None, -(row.amount or 0), -row.lots, row.name))
        if by != "winner":
            return rows
        names = lots.winner_names(self.lens, [row.name for row in rows])
        return [replace(row, name=names[row.name]) for row in rows]

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A reading session of the ledger. Raises messages.Invalid where none was given."""
        if self.ledger is None:
            raise Invalid(Message("figure.without_ledger"))
        with self.ledger.read() as session:
            yield session

    def _settled(self, asked: Sequence[Figure], filters: Filters) -> Filters:
        money = any(one.in_money for one in _of(LensFigure, asked))
        return in_currency(self.lens, filters) if money else filters

    def _live(self, figures: Sequence[LedgerFigure], filters: Filters) -> Values:
        """Figures of the ledger; a query that several share is run once."""
        found: Values = {}
        for query, group in grouped(figures, lambda one: one.query):
            with self.reading() as session:
                rows = [tuple(row) for row in session.execute(query(filters))]
            found |= {one.id: one.result(rows, filters) for one in group}
        return found

    def _live_by(self, figure: LedgerFigure, filters: Filters, by: str) -> dict[Any, Any]:
        key = figure.by[by]().label("key")
        query = figure.query(filters).add_columns(key)
        with self.reading() as session:
            rows = session.execute(query.group_by(key) if figure.aggregated else query)
            parts: dict[Any, list[tuple[Any, ...]]] = defaultdict(list)
            for *row, held in rows:
                parts[held].append(tuple(row))
        return {held: figure.result(found, filters) for held, found in parts.items()}


def _resolved(ids: Iterable[str]) -> list[Figure]:
    """The figures of the ids and those they are made of, each once."""
    found: dict[str, Figure] = {}
    for one in map(figure, ids):
        found[one.id] = one
        found |= {part.id: part for part in (one.of if isinstance(one, Derived) else ())}
    return list(found.values())


def _completed(asked: Sequence[Figure], found: Values) -> Values:
    """The values with those made of others."""
    for one in asked:
        if isinstance(one, Derived):
            found[one.id] = one.result(*(found[part.id] for part in one.of))
    return found


def _of(kind: type[F], asked: Sequence[Figure]) -> list[F]:
    return [one for one in asked if isinstance(one, kind)]


def _spans(filters: Filters) -> list[Filters]:
    period = filters.period
    if period is None:
        return [filters]
    return [
        filters,
        *(
            filters.over(one)
            for one in (period.previous(filters.grain, filters.today), period.year_before(filters.today))
        ),
    ]


def _padded(values: list[Any]) -> list[Any]:
    return values + [None] * (3 - len(values))
