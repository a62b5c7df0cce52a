"""How broadcasts reach their viewers: how soon the picture comes, how late it is, how many watch for how long (M22, M23)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from records.current import OVER, RUNNING
from records.histogram import quantile, together
from records.tables.broadcast import Viewing
from records.tables.openings import Opening
from records.tables.projects import Lot, counted
from records.visibility import Datum, visible
from supervision.figures.figure import LedgerFigure, Row
from supervision.figures.filters import Filters
from supervision.figures.narrow import of_lots, within

P95 = 0.95


@dataclass(frozen=True)
class Delays:
    """The 95th percentiles in seconds, None where nothing was measured; and how many pictures' coming was."""

    first_frame: float | None
    late: float | None
    measured: int

    @property
    def value(self) -> float | None:
        """Seconds until the picture comes."""
        return self.first_frame


@dataclass(frozen=True)
class Watched:
    """观看: how often openings were watched live, the most viewers of one opening at a time, the seconds of all."""

    viewers: int
    peak: int
    seconds: float

    @property
    def value(self) -> int:
        """How often."""
        return self.viewers


def _watched(filters: Filters) -> Select[Any]:
    """What the hub has counted of every opening that has begun: never of one before its deadline."""
    begun = func.coalesce(Opening.started_at, Opening.scheduled_at)
    query = (
        select(Viewing.first_frames, Viewing.delays, Viewing.viewers, Viewing.peak, Viewing.seconds)
        .select_from(Opening)
        .join(Lot, Lot.id == Opening.lot_id)
        .join(Viewing, Viewing.opening_id == Opening.id)
        .where(Opening.state.in_((*RUNNING, *OVER)), visible(Datum.OPENING_PROCESS), counted())
        .where(within(begun, filters))
    )
    return of_lots(query, filters)


def _delays(rows: Sequence[Row], _: Filters) -> Delays:
    first, late = together(row[0] for row in rows), together(row[1] for row in rows)
    return Delays(quantile(first, P95), quantile(late, P95), first.total())


def _viewers(rows: Sequence[Row], _: Filters) -> Watched:
    viewers, peaks, seconds = ([row[place] for row in rows] for place in (2, 3, 4))
    return Watched(sum(viewers), max(peaks, default=0), sum(seconds))


M22 = LedgerFigure("M22", _watched, _delays, aggregated=False, better="less")
M23 = LedgerFigure("M23", _watched, _viewers, aggregated=False, better="more")

FIGURES = (M22, M23)
