"""市场服务能力 Service: rooms and broadcasts, how long a procedure takes, how much of it is open and electronic (M17–M28, M52)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    func,
    or_,
    select,
)

from records.clock import bounds, now, today
from records.legal_clock import PUBLICITY, days_between
from records.lots import centre_of_lot
from records.tables.broadcast import BroadcastSession
from records.tables.money import Award
from records.tables.openings import Opening, OpeningEvent
from records.tables.procedure import Notice
from records.tables.projects import Lot, counted
from records.tables.witnessing import WitnessItem, WitnessTask
from records.visibility import Datum, announced, visible, visible_state
from supervision.figures.figure import (
    OF_LOTS,
    OPENED,
    LedgerFigure,
    LensFigure,
    LotByLot,
    Part,
    Row,
    Rows,
    rows_where,
    share_of,
)  # fmt: skip
from supervision.figures.filters import Filters
from supervision.figures.narrow import of_lots, within
from supervision.figures.openness import share
from supervision.figures.results import Participations, Share
from supervision.figures.room_count import M17
from supervision.figures.room_use import M24
from supervision.figures.savings import count, flagged
from supervision.figures.watching import M22, M23

LIVE_SECONDS = 60.0
"""A broadcast counts from a minute on air (M18)."""
DAY = 86_400
_OVER = ("ended", "sealed")


@dataclass(frozen=True)
class Broadcasts:
    """Broadcasts of a period."""

    sessions: int
    seconds: float
    interruptions: int

    @property
    def value(self) -> int:
        """How many there were."""
        return self.sessions


@dataclass(frozen=True)
class Legs:
    """Median days notice → opening, opening → award, notice → award; None where no lot tells."""

    notice: float | None
    award: float | None
    total: float | None

    @property
    def value(self) -> float | None:
        """Days of the whole."""
        return self.total


# ── openings ─────────────────────────────────────────────────────────────────


def _today(which: ColumnElement[bool]) -> Any:
    """Today's openings; those called off are none, and what the law keeps secret is not told."""

    def query(filters: Filters) -> Select[Any]:
        start, after = bounds(today(), today())
        found = (
            select(func.count())
            .select_from(Opening)
            .join(Lot, Lot.id == Opening.lot_id)
            .where(Opening.scheduled_at >= start, Opening.scheduled_at < after, Opening.state != "cancelled")
            .where(announced(), which)
        )
        return of_lots(found, filters)

    return query


def _ended(*which: ColumnElement[bool]) -> Any:
    """Openings that are over, of a centre."""

    def query(filters: Filters) -> Select[Any]:
        found = (
            select(func.count(Opening.id))
            .join(Lot, Lot.id == Opening.lot_id)
            .where(Opening.state.in_(_OVER), visible(Datum.OPENING_PROCESS), *which)
        )
        return found if filters.centre is None else found.where(centre_of_lot() == filters.centre)

    return query


_BY_STATE = {**OF_LOTS, "state": visible_state}

# ── broadcasts ───────────────────────────────────────────────────────────────


_WAS_OPENED = or_(Opening.result == "opened", Opening.result.is_(None))


def _broadcasts(filters: Filters) -> Select[Any]:
    """Openings that are over, each with its broadcasts of a minute or more."""
    at = func.coalesce(Opening.started_at, Opening.scheduled_at)
    shown = and_(BroadcastSession.opening_id == Opening.id, BroadcastSession.seconds_live >= LIVE_SECONDS)
    query = (
        select(
            func.count(BroadcastSession.id), func.coalesce(func.sum(BroadcastSession.seconds_live), 0.0),
            func.coalesce(func.sum(BroadcastSession.interruptions), 0),
            func.count(func.distinct(case((and_(_WAS_OPENED, BroadcastSession.id.is_not(None)), Lot.id)))),
            func.count(func.distinct(case((_WAS_OPENED, Lot.id)))),
        )
        .select_from(Opening)
        .join(Lot, Lot.id == Opening.lot_id)
        .outerjoin(BroadcastSession, shown)
        .where(Opening.state.in_(_OVER), visible(Datum.OPENING_PROCESS), counted(), within(at, filters))
    )  # fmt: skip
    return of_lots(query, filters)


_SERVED = Rows(
    "bids",
    source=f"""SELECT * FROM bids WHERE lot_id IN (
        SELECT o.lot_id FROM openings o JOIN broadcasts b ON b.opening_id = o.opening_id
        WHERE o.state IN {_OVER} AND b.seconds_live >= {LIVE_SECONDS})""",
)
"""参与家次 of lots of which an opening was broadcast, by the day of the lot's opening."""


def _firms(rows: Sequence[Row], _: Filters) -> Participations:
    return Participations(*rows[0])


def _sessions(rows: Sequence[Row], _: Filters) -> Broadcasts:
    sessions, seconds, interruptions, *_lots = rows[0]
    return Broadcasts(sessions, float(seconds), int(interruptions))


def _coverage(rows: Sequence[Row], _: Filters) -> Share:
    *_sessions, lots, all_lots = rows[0]
    return Share(lots, all_lots)


def _opened(filters: Filters) -> Select[Any]:
    """The openings that M19 asks to have been broadcast."""
    return _broadcasts(filters).where(_WAS_OPENED)


def _some(row: Row) -> bool:
    """Whether there is at least one of what was counted of a lot."""
    return bool(row[1])


_SEEN = (
    select(WitnessItem.task_id)
    .join(WitnessTask, WitnessTask.id == WitnessItem.task_id)
    .where(WitnessTask.lot_id == Lot.id)
    .correlate(Lot)
    .exists()
)
"""Something was witnessed of a lot."""


def _witnessed(filters: Filters) -> Select[Any]:
    """Lots whose opening is over, and those of them of which something was witnessed, of the opening or the evaluation."""
    at = func.coalesce(Opening.started_at, Opening.scheduled_at)
    query = (
        select(func.count(func.distinct(case((_SEEN, Lot.id)))), func.count(func.distinct(Lot.id)))
        .select_from(Opening)
        .join(Lot, Lot.id == Opening.lot_id)
        .where(Opening.state.in_(_OVER), visible(Datum.OPENING_PROCESS), counted(), within(at, filters))
    )
    return of_lots(query, filters)


def _witnessed_share(rows: Sequence[Row], _: Filters) -> Share:
    return Share(*rows[0])


# ── how much of it was on air (M21) ──────────────────────────────────────────


def _on_air(filters: Filters) -> Select[Any]:
    """Openings that are over and were broadcast: begin, end, seconds with pictures; a row for each pause and resumption."""
    begun = func.coalesce(Opening.started_at, Opening.scheduled_at)
    held = and_(OpeningEvent.opening_id == Opening.id, OpeningEvent.type.in_(("paused", "resumed")))
    query = (
        select(
            Opening.id, begun, BroadcastSession.ended_at, BroadcastSession.seconds_live, OpeningEvent.type, OpeningEvent.ts,
        )
        .select_from(Opening)
        .join(Lot, Lot.id == Opening.lot_id)
        .join(BroadcastSession, BroadcastSession.opening_id == Opening.id)
        .outerjoin(OpeningEvent, held)
        .where(Opening.state.in_(_OVER), visible(Datum.OPENING_PROCESS), counted(), within(begun, filters))
        .where(BroadcastSession.ended_at > begun)
        .order_by(Opening.id, OpeningEvent.seq)
    )  # fmt: skip
    return of_lots(query, filters)


def _available(rows: Sequence[Row], _: Filters) -> Share:
    """Seconds with pictures among those that should have had some; a pause asks for none."""
    shown = due = Decimal(0)
    for (_id, begun, ended, seconds), marks in _by_opening(rows):
        asked = (ended - begun).total_seconds() - _paused(marks, ended)
        shown += Decimal(repr(min(seconds, asked)))
        due += Decimal(repr(asked))
    return Share(shown, due)


def _by_opening(rows: Sequence[Row]) -> Iterable[tuple[Row, list[Row]]]:
    found: dict[Row, list[Row]] = defaultdict(list)
    for *opening, kind, at in rows:
        found[tuple(opening)].append((kind, at))
    return found.items()


def _paused(marks: Iterable[Row], ended: datetime) -> float:
    """Seconds an opening stood still; a pause without a resumption lasts until its end."""
    seconds, since = 0.0, None
    for kind, at in marks:
        if kind == "paused":
            since = since or at
        elif since is not None:
            seconds, since = seconds + (at - since).total_seconds(), None
    return seconds + ((ended - since).total_seconds() if since is not None else 0.0)


# ── the time a procedure takes ───────────────────────────────────────────────


def _legs(filters: Filters) -> Select[Any]:
    """Notice, opening and award of every lot awarded in the period."""
    held = (
        select(Opening.lot_id, func.max(Opening.scheduled_at).label("at"))
        .where(Opening.state != "cancelled").group_by(Opening.lot_id).subquery()
    )  # fmt: skip
    won = (
        select(Award.lot_id, func.min(Award.awarded_at).label("at"))
        .where(Award.status == "awarded", within(Award.awarded_at, filters))
        .group_by(Award.lot_id).subquery()
    )  # fmt: skip
    query = (
        select(Lot.notice_at, held.c.at, won.c.at)
        .join(won, won.c.lot_id == Lot.id)
        .join(held, held.c.lot_id == Lot.id)
        .where(Lot.notice_at.is_not(None), counted(), visible(Datum.AWARD, dated=won.c.at))
    )
    return of_lots(query, filters)


def _medians(rows: Sequence[Row], _: Filters) -> Legs:
    spans = ((0, 1), (1, 2), (0, 2))
    days = [[(row[end] - row[start]).total_seconds() / DAY for row in rows] for start, end in spans]
    return Legs(*(median(found) if found else None for found in days))


def _publicity(filters: Filters) -> Select[Any]:
    """From when to when the candidates of lots awarded in the period were on public display 公示."""
    query = (
        select(func.min(Award.publicity_from), func.max(Award.publicity_until))
        .join(Lot, Lot.id == Award.lot_id)
        .where(Award.status == "awarded", within(Award.awarded_at, filters))
        .where(visible(Datum.AWARD, dated=Award.awarded_at), counted())
        .group_by(Lot.id)
    )
    return of_lots(query, filters)


def _long_enough(rows: Sequence[Row], _: Filters) -> Share:
    told = [met for since, until in rows if (met := _displayed(since, until)) is not None]
    return Share(sum(told), len(told), len(rows) - len(told))


def _displayed(since: datetime | None, until: datetime | None) -> bool | None:
    """Whether candidates were on display for long enough; None where it is not told."""
    return days_between(since, until) >= PUBLICITY if since and until else None


# ── documents shown before the notice (M26) ──────────────────────────────────

_CALLED_FOR = ("open", "selective")
"""Methods with a call for tenders, whose documents are to be shown before it."""


_SHOWN = (
    select(Notice.id)
    .where(Notice.lot_id == Lot.id, Notice.type == "documents", Notice.published_at <= Lot.notice_at)
    .correlate(Lot)
    .exists()
)
"""The documents of a lot were on display before its notice."""
_EVER_SHOWN = select(Notice.id).where(Notice.type == "documents").exists()


def _noticed(filters: Filters) -> Select[Any]:
    """Lots called for in the period, those of them whose documents had been on display, and whether any ever were."""
    query = (
        select(func.count(case((_SHOWN, Lot.id))), func.count(Lot.id), case((_EVER_SHOWN, 1), else_=0))
        .select_from(Lot)
        .where(Lot.notice_at <= now(), Lot.method.in_(_CALLED_FOR), counted(), within(Lot.notice_at, filters))
    )
    return of_lots(query, filters)


def _documents(rows: Sequence[Row], _: Filters) -> Share:
    """Where nobody tells of documents on display, how many were is unknown, not nought."""
    shown, due, noticed = rows[0]
    return Share(shown, due) if noticed else Share(0, 0, due)


OPENINGS_TODAY = LedgerFigure("openings_today", _today(counted()), count, by=_BY_STATE)
REHEARSALS_TODAY = LedgerFigure("rehearsals_today", _today(~counted()), count, by=_BY_STATE)
OPENINGS_ENDED = LedgerFigure("openings_ended", _ended(), count)
REHEARSALS_ENDED = LedgerFigure("rehearsals_ended", _ended(~counted()), count)
M18 = LedgerFigure("M18", _broadcasts, _sessions, better="more")
M19 = LedgerFigure(
    "M19", _broadcasts, _coverage, better="more", lot_by_lot=LotByLot.of(_opened, _some, func.count(BroadcastSession.id))
)  # fmt: skip
M20 = LensFigure("M20", _SERVED, (rows_where(), Part("count(DISTINCT bidder_id)")), _firms, better="more")
M21 = LedgerFigure("M21", _on_air, _available, aggregated=False, better="more")
M25 = LensFigure(
    "M25", OPENED, share_of(flagged("electronic")), share, better="more", behind=flagged("electronic")
)
M26 = LedgerFigure(
    "M26", _noticed, _documents, better="more",
    lot_by_lot=LotByLot.of(
        _noticed, lambda row: bool(row[1]) if row[2] else None, func.max(case((_SHOWN, 1), else_=0)),
        func.max(case((_EVER_SHOWN, 1), else_=0)),
    ),
)  # fmt: skip
M27 = LedgerFigure(
    "M27", _legs, _medians, aggregated=False, better="less", lot_by_lot=LotByLot.of(_legs, lambda row: True)
)
M28 = LedgerFigure(
    "M28", _publicity, _long_enough, aggregated=False, better="more",
    lot_by_lot=LotByLot.of(
        _publicity, lambda row: _displayed(row[1], row[2]), func.min(Award.publicity_from), func.max(Award.publicity_until)
    ),
)  # fmt: skip
M52 = LedgerFigure(
    "M52", _witnessed, _witnessed_share, better="more",
    lot_by_lot=LotByLot.of(_witnessed, _some, func.max(case((_SEEN, 1), else_=0))),
)  # fmt: skip

FIGURES = (
    M17, OPENINGS_TODAY, REHEARSALS_TODAY, OPENINGS_ENDED, REHEARSALS_ENDED, M18, M19, M20, M21, M22, M23, M24, M25,
    M26, M27, M28, M52,
)  # fmt: skip
