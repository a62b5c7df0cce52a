"""The tables that can be exported: who may, which columns, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import messages
from dashboard import context
from dashboard.memo import per_lens
from dashboard.shell import places
from dashboard.shell.address_checks import Check, a_mark, one_of
from dashboard.shell.filters import ANALYSIS, LOTS_SORT, PICKED, Choice
from records.clock import written
from records.currencies import currency
from records.identifiers import province_name
from records.visibility import Progress, visible_progress
from supervision.figures import formats as figures
from supervision.figures import lots
from supervision.figures.answers import LEG, MARKS, Answers, LotsBehind, is_live
from supervision.figures.filters import Filters
from supervision.figures.lots import Mark
from supervision.lists import money, process
from supervision.lists.openings import openings

MOST_ROWS = 200_000
"""Exports end here; a larger one belongs to `sunbid export`."""

Row = tuple[Any, ...]


LOTS_ASKED = {PICKED: a_mark(MARKS), LOTS_SORT: one_of(lots.SORTS)}
"""What a table of lots can be asked for besides the filters row."""


@dataclass(frozen=True)
class Table:
    """One exportable table; `columns` are keys of the `column` texts."""

    name: str
    columns: tuple[str, ...]
    read: Callable[[Choice, str], Sequence[Row]]
    asks: Mapping[str, Check] = field(default_factory=lambda: ANALYSIS)
    """Query parameters that narrow it, as its screen's choices do, and what each may say."""

    def headings(self, lang: str) -> list[str]:
        """The column headings in `lang`."""
        return [messages.say(f"column.{key}", lang) for key in self.columns]


def stamp(moment: datetime | None) -> str | None:
    """A moment as tables show it: Beijing time to the minute, or the day alone."""
    return None if moment is None else written(moment)


def family(code: str | None, lang: str) -> str:
    """A trade family in words."""
    return messages.named("site.family", code or "", lang)


def lots_shown(
    filters: Filters, pick: Mark | None = None, sort: str = "opened", limit: int = MOST_ROWS, offset: int = 0
) -> list[dict[str, Any]]:
    """One page of a table of lots: of the opened ones, or of those behind the mark that was picked."""
    return _asked(pick)(filters, pick, sort, limit, offset).rows


def count_lots(filters: Filters, pick: Mark | None = None) -> int:
    """How many rows `lots_shown` has without a limit."""
    return _asked(pick)(filters, pick, "opened", 0, 0).total


def _asked(pick: Mark | None) -> Callable[[Filters, Mark | None, str, int, int], LotsBehind]:
    """What is read from the ledger is not remembered with the lens."""
    return _lots_behind if pick is not None and is_live(pick) else _lots_of_lens


def _lots_behind(filters: Filters, pick: Mark | None, sort: str, limit: int, offset: int) -> LotsBehind:
    answers = Answers(context.lens(), context.ledger())
    if pick is not None and pick.by == LEG:
        with context.ledger().read() as session:
            ids = process.lots_of_leg(session, filters, pick.value)
        return answers.lots_named(ids, filters, limit, offset)
    return answers.lots_of_mark(pick, filters, sort, limit, offset)


_lots_of_lens = per_lens(_lots_behind)


def _lots(choice: Choice, lang: str) -> list[Row]:
    return [
        (
            r["lot_id"], r["lot_name"], places.centre(r["centre_id"], r["centre_name"], lang), family(r["trade_family"], lang), messages.named("term", r["category"] or "", lang),
            r["opened_at"], r["bids"], r["outside"], r["provinces"], r["control_price"],
            r["winner_name"], r["award_price"], figures.currency_name(r["award_currency"] or r["currency"], lang),
        )
        for r in lots_shown(choice.filters, choice.pick, choice.asked.get(LOTS_SORT, "opened"))
    ]  # fmt: skip


def _participations(choice: Choice, lang: str) -> list[Row]:
    """By origin; of a mark that was picked its participations, or those of its lots."""
    pick = choice.pick
    of_bids = pick if pick and pick.by in lots.BID_MARKS else None
    among = None if of_bids else _picked(choice)
    rows = lots.participations_by_origin(
        context.lens(), choice.filters, of_bids, sorted(among) if among is not None else None
    )
    return [
        (m, places.centre(c, name, lang), family(f, lang), province_name(p, lang), n, outside, firms)
        for m, c, name, f, p, n, outside, firms in rows
    ]


def _picked(choice: Choice) -> set[str] | None:
    """The lots behind the mark that was picked; None where none was."""
    if choice.pick is None:
        return None
    return {row["lot_id"] for row in lots_shown(choice.filters, choice.pick)}


def _awards(choice: Choice, lang: str) -> list[Row]:
    """The awards of the period, in the currency that was chosen; of a mark those of its lots, whenever they were made."""
    shown, wanted = _picked(choice), choice.filters.currency
    with context.ledger().read() as session:
        found = [
            (lot, name, firm, price, figures.currency_name(held, lang), at)
            for lot, name, firm, price, code, vat, at in money.awards(session, _reaching(choice))
            for held in [currency(code, vat)]
            if (shown is None or lot in shown) and wanted in (None, held)
        ]
    return found[:MOST_ROWS]


def _reaching(choice: Choice) -> Filters:
    """The filters over all time where the lots are named already."""
    return choice.filters if choice.pick is None else choice.filters.over(None)


def _openings(choice: Choice, lang: str) -> list[Row]:
    shown = _picked(choice)
    with context.ledger().read() as session:
        return [
            (
                o.id, o.lot_id, lot, *(messages.called(at.name, at.name_en, lang) if at else None for at in (centre, room)),
                o.scheduled_at, *_progress(visible_progress(o, bool(due)), lang),
            )
            for o, lot, room, centre, due in openings(session, _reaching(choice), MOST_ROWS)
            if shown is None or o.lot_id in shown
        ]  # fmt: skip


def _progress(progress: Progress, lang: str) -> tuple[Any, ...]:
    """Begin, end, state and head of the chain, as far as they may be told."""
    return (
        progress.started_at,
        progress.ended_at,
        messages.say(f"site.opening.{progress.state}", lang),
        progress.head_hash,
    )


ANALYSED = (
        Table("lots", ("lot", "lot_name", "centre", "family", "category", "opened_at", "bids", "outside_bids",
              "provinces", "control_price", "winner", "award_price", "currency"), _lots, {**ANALYSIS, **LOTS_ASKED}),
        Table("participations", ("month", "centre", "family", "origin", "participations", "outside_bids", "firms"), _participations,
              {**ANALYSIS, PICKED: a_mark(MARKS)}),
        Table("awards", ("lot", "lot_name", "winner", "award_price", "currency", "awarded_at"), _awards,
              {**ANALYSIS, PICKED: a_mark(MARKS)}),
        Table("openings", ("opening", "lot", "lot_name", "centre", "room", "scheduled_at",
              "started_at", "ended_at", "state", "hash"), _openings, {**ANALYSIS, PICKED: a_mark(MARKS)}),
)  # fmt: skip
"""Tables of the analysis screens."""
