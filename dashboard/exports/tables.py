"""The tables that can be exported: who may, which columns, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

import messages
from dashboard import context
from dashboard.shell import places
from dashboard.shell.filters import Choice
from dashboard.shell.memo import per_lens
from records.clock import now, start_of, today, written
from records.states import OPENING_STATES
from records.tables.money import Award
from records.tables.openings import Opening
from records.tables.organisations import Centre, Organisation, Room
from records.tables.projects import TRADE_FAMILIES, Lot, counted
from records.visibility import Standing, announced, opened, standing
from supervision.figures import formats as figures
from supervision.figures import lens_figures as metrics
from supervision.figures.filters import Filters, Period
from supervision.figures.narrow import OPENED_ON, where

MOST_ROWS = 200_000
"""Exports end here; a larger one belongs to `sunbid export`."""

Row = tuple[Any, ...]


ANALYSIS = ("period", "compare", "centre", "family", "category", "currency", "home", "unit")


@dataclass(frozen=True)
class Table:
    """One exportable table; `columns` are keys of the `column` texts."""

    name: str
    columns: tuple[str, ...]
    read: Callable[[Choice, str], Sequence[Row]]
    asks: tuple[str, ...] = ANALYSIS
    """Query parameters that narrow it, as its screen's choices do."""

    def headings(self, lang: str) -> list[str]:
        """The column headings in `lang`."""
        return [messages.say(f"column.{key}", lang) for key in self.columns]


def span(period: Period | None) -> tuple[datetime | None, datetime | None]:
    """First moment and end of a period of Beijing days."""
    if period is None:
        return None, None
    return start_of(period.start), start_of(period.end)


def stamp(moment: datetime | None) -> str | None:
    """A moment as tables show it: Beijing time to the minute, or the day alone."""
    return None if moment is None else written(moment)


def when(moment: datetime | None) -> str:
    """A moment in a narrow column: the year only where it is not the present one; a dash where it is not known."""
    text = stamp(moment)
    if text is None:
        return figures.DASH
    return text[5:] if text.startswith(f"{today().year}-") else text


def family(code: str | None, lang: str) -> str:
    """A trade family in words."""
    pair = TRADE_FAMILIES.get(code or "")
    return (code or "") if pair is None else pair[0 if lang == "zh" else 1]


LOT_SORTS = {
    "opened": "opened_at DESC NULLS LAST, lot_id", "bids": "bids DESC, lot_id", "outside": "outside DESC, lot_id",
    "share": "CASE WHEN bids > unknown THEN outside * 1.0 / (bids - unknown) ELSE -1 END DESC, lot_id",
    "award": "award_price DESC NULLS LAST, lot_id",
}  # fmt: skip
"""What a list of lots may be sorted by."""


def lot_rows(
    filters: Filters, sort: str = "opened", limit: int = MOST_ROWS, offset: int = 0
) -> list[dict[str, Any]]:
    """Opened lots of the lens with their counts; a lot enters only after its opening has ended."""
    clause, params = where(filters, OPENED_ON, "opened")
    sql = (
        "WITH l AS (SELECT *, outside_{home}_bids AS outside, unknown_{home}_bids AS unknown,"
        " winner_outside_{home} AS winner_outside FROM lots {w}),"
        " top AS (SELECT * FROM l ORDER BY {o} LIMIT {n} OFFSET {k})"
        " SELECT top.*, (SELECT count(DISTINCT bidder_province) FROM bids b"
        " WHERE b.lot_id = top.lot_id AND b.month = top.month AND b.outside_{home}) AS provinces FROM top ORDER BY {o}"
    ).format(
        home=filters.home, w=clause, o=LOT_SORTS.get(sort, LOT_SORTS["opened"]), n=int(limit), k=int(offset)
    )
    found: list[dict[str, Any]] = context.lens().query(sql, params).to_pylist()
    return found


@per_lens
def count_lots(filters: Filters) -> int:
    """How many rows `lot_rows` has without a limit."""
    clause, params = where(filters, OPENED_ON, "opened")
    return int(context.lens().one(f"SELECT count(*) FROM lots {clause}", params)[0])


def _lots(choice: Choice, lang: str) -> list[Row]:
    return [
        (
            r["lot_id"], r["lot_name"], places.centre(r["centre_id"], r["centre_name"], lang), family(r["trade_family"], lang), messages.named("term", r["category"] or "", lang),
            r["opened_at"], r["bids"], r["outside"], r["provinces"], r["control_price"],
            r["winner_name"], r["award_price"], figures.currency_name(r["award_currency"] or r["currency"], lang),
        )
        for r in lot_rows(choice.filters)
    ]  # fmt: skip


def _participations(choice: Choice, lang: str) -> list[Row]:
    clause, params = where(choice.filters)
    rows = context.lens().rows(
        "SELECT month, centre_id, centre_name, trade_family, bidder_province, count(*), count(DISTINCT bidder_id)"
        f" FROM bids {clause} GROUP BY ALL ORDER BY ALL",
        params,
    )
    index = 0 if lang == "zh" else 1
    return [
        (m, places.centre(c, name, lang), family(f, lang), metrics.province_names(p)[index], n, firms)
        for m, c, name, f, p, n, firms in rows
    ]


def _awards(choice: Choice, lang: str) -> list[Row]:
    since, until = span(choice.filters.period)
    query = (
        select(Lot.id, Lot.name, Organisation.name, Award.price, Award.currency, Award.vat, Award.awarded_at)
        .join(Lot, Lot.id == Award.lot_id)
        .join(Organisation, Organisation.id == Award.bidder_id)
        .where(
            Award.status == "awarded",
            or_(Award.awarded_at.is_(None), Award.awarded_at <= now()),
            opened(),
            counted(),
        )
        .order_by(Award.awarded_at.desc(), Award.id)
        .limit(MOST_ROWS)
    )
    if choice.filters.undated:
        query = query.where(Award.awarded_at.is_(None))
    if since and until:
        query = query.where(Award.awarded_at >= since, Award.awarded_at < until)
    if choice.filters.centre:
        query = query.where(Lot.centre_id == choice.filters.centre)
    with context.ledger().read() as session:
        return [
            (lot, name, firm, price, figures.currency_name(figures.currency(code, vat), lang), at)
            for lot, name, firm, price, code, vat, at in session.execute(query)
        ]


def _openings(choice: Choice, lang: str) -> list[Row]:
    since, until = span(choice.filters.period)
    query = (
        select(Opening, Lot.name, Room, Centre, opened())
        .join(Lot, Lot.id == Opening.lot_id)
        .outerjoin(Room, Room.id == Opening.room_id)
        .outerjoin(Centre, Centre.id == Lot.centre_id)
        .where(announced(), counted())
        .order_by(Opening.scheduled_at.desc(), Opening.id)
        .limit(MOST_ROWS)
    )
    if since and until:
        query = query.where(Opening.scheduled_at >= since, Opening.scheduled_at < until)
    for column, wanted in (
        (Lot.centre_id, choice.filters.centre),
        (Lot.trade_family, choice.filters.trade_family),
        (Lot.category, choice.filters.category),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    with context.ledger().read() as session:
        return [
            (
                o.id, o.lot_id, lot, *(places.called(at.name, at.name_en, lang) if at else None for at in (centre, room)),
                o.scheduled_at, *_progress(standing(o, bool(due)), lang),
            )
            for o, lot, room, centre, due in session.execute(query)
        ]  # fmt: skip


def _progress(told: Standing, lang: str) -> tuple[Any, ...]:
    """Begin, end, state and head of the chain, as far as they may be told."""
    return (
        told.started_at,
        told.ended_at,
        OPENING_STATES[told.state][0 if lang == "zh" else 1],
        told.head_hash,
    )


ANALYSED = (
        Table("lots", ("lot", "lot_name", "centre", "family", "category", "opened_at", "bids", "outside_bids",
              "provinces", "control_price", "winner", "award_price", "currency"), _lots),
        Table("participations", ("month", "centre", "family", "origin", "participations", "firms"), _participations),
        Table("awards", ("lot", "lot_name", "winner", "award_price", "currency", "awarded_at"), _awards),
        Table("openings", ("opening", "lot", "lot_name", "centre", "room", "scheduled_at",
              "started_at", "ended_at", "state", "hash"), _openings),
)  # fmt: skip
"""Tables of the analysis screens."""
