"""S04 市场服务能力: rooms and broadcasts (F07), cycle time and electronic process (F08)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

import messages
from dashboard import context
from dashboard.charts.gantt import KINDS, Span, gantt
from dashboard.exports import tables as tabledata
from dashboard.live import rooms as rooms_live
from dashboard.panels import process, room_health, room_matrix
from dashboard.shell import drill, figure_cards, layout, places, tables
from dashboard.shell import screen as shell
from dashboard.shell.cards import Kpi, lens_basis, live_basis, show
from dashboard.shell.html import draw
from records.clock import now
from supervision.figures import formats as figures
from supervision.figures.results import Participations, Share
from supervision.figures.watching import Delays
from supervision.lists import room_day

STRIP_EVERY = 3.0
"""Seconds between two looks at the streams."""


def body(page: shell.Page) -> None:
    """Six figures; how each room's stream does; the rooms' day, the days per leg of the process and how open it is."""
    room_health.banner(page.lang)
    show(_kpis(page), page.lang)
    st.fragment(run_every=None if page.paused else STRIP_EVERY)(_strip)(page)
    with layout.row("day"):
        _gantt(page)
        _legs(page)
    _lots(page)


def _kpis(page: shell.Page) -> list[Kpi]:
    say = page.say
    rooms = figure_cards.live(("M17",), page.filters)["M17"]
    beside = figure_cards.beside(page.choice, page.lang, ("M18", "M19"), ("M20", "M21", "M22", "M24"))
    broadcasts, coverage, served, available, delays, use = (
        beside.present[one] for one in ("M18", "M19", "M20", "M21", "M22", "M24")
    )
    hours, breaks = figures.number(broadcasts.seconds / 3600, 1), broadcasts.interruptions
    live = live_basis(page.lang)
    lens, lang, shown = lens_basis(page.lang), page.lang, drill.address("met", "M19")
    points = figure_cards.points(lang)
    return [
        figure_cards.kpi("M17", lang, figures.number(rooms.value), say("service.rooms_unit"), live, say("service.rooms_note", n=figures.number(rooms.registered))),
        figure_cards.kpi("M18", lang, figures.number(broadcasts.sessions), say("overview.sessions"), live,
            f"{_served(page, served)}<br>{say('service.hours', n=hours)} {say('service.breaks', n=breaks)}",
            beside.change("M18", figure_cards.Delta(say("overview.sessions"))), shown, key=True),
        figure_cards.kpi("M19", lang, *figure_cards.as_share(coverage), live, _broadcast(page, coverage),
            beside.change("M19", points)),
        figure_cards.kpi("M21", lang, *figure_cards.as_share(available), lens, _lost(page, available), beside.change("M21", points), shown),
        figure_cards.kpi("M22", lang, figures.number(delays.first_frame, 2), say("service.seconds"), lens, _late(page, delays),
            beside.change("M22", figure_cards.Delta(say("service.seconds"), places=2)), shown),
        figure_cards.kpi("M24", lang, *figure_cards.as_share(use.whole), lens,
            say("service.use_note", opening=use.opening.text, evaluation=use.evaluation.text), beside.change("M24", points),
            drill.address("of", "M19")),
    ]  # fmt: skip


def _broadcast(page: shell.Page, found: Share) -> str:
    """M19 in lots: those that were broadcast, and those that were not, each leading to them."""
    lots = f"{figures.number(found.numerator)} / {figures.number(found.denominator)} {page.say('openness.lots_unit')}"
    missing = int(found.denominator - found.numerator)
    without = (
        drill.link("short", "M19", page.say("service.not_broadcast", n=figures.number(missing)))
        if missing
        else ""
    )
    return "<br>".join(filter(None, (drill.link("of", "M19", lots), without)))


def _lost(page: shell.Page, found: Share) -> str:
    """M21 in hours: how long there should have been a picture and was none."""
    lost, due = ((value / 3600) for value in (found.denominator - found.numerator, found.denominator))
    return page.say("service.available_note", lost=figures.number(lost, 2), due=figures.number(due, 1))


def _late(page: shell.Page, found: Delays) -> str:
    """The other half of M22: how late the pictures are, and how many viewers' pages told."""
    if not found.measured:
        return page.say("service.not_measured")
    late = figures.number(found.late, 2)
    return page.say("service.late_note", late=late, n=figures.number(found.measured))


def _served(page: shell.Page, found: Participations) -> str:
    """M20: how often firms bid for lots that were broadcast, and how many firms they are."""
    bids = figures.big_count(found.participations, page.say("openness.participations"), page.lang)
    return page.say("service.served", bids=bids, firms=figures.number(found.firms))


def _strip(page: shell.Page) -> None:
    """Every room's stream."""
    seen = rooms_live.snapshot()
    with context.ledger().read() as session:
        found = room_matrix.columns(session, seen, page.lang)
    draw(room_matrix.matrix(found, seen, page.lang))


def _gantt(page: shell.Page) -> None:
    with context.ledger().read() as session:
        every = room_day.day(session, page.lang)
    lines = room_day.chosen(every)
    title, note = page.say("service.gantt"), page.say("service.gantt_note", shown=len(lines), n=len(every))
    with layout.panel("gantt", title, note if lines else ""):
        if not lines:
            layout.nothing(page.say("service.gantt_none"))
            return
        spans = [_span(row, bar) for row, line in enumerate(lines) for bar in line.bars]
        busy = [row for row, line in enumerate(lines) if line.busy]
        words = {kind: page.say(f"service.gantt_{kind}") for kind in KINDS}
        at = room_day.hour(now().replace(second=0, microsecond=0))
        made = gantt(
            layout.variant(),
            [line.name for line in lines],
            busy,
            spans,
            room_day.hours(lines),
            at,
            words,
            title=title,
        )
        layout.plot(made, "gantt", layout.open_opening, as_of=now())


def _span(row: int, bar: room_day.Bar) -> Span:
    return Span(row, room_day.hour(bar.start), room_day.hour(bar.end), bar.kind, bar.title, bar.opening)


def _legs(page: shell.Page) -> None:
    with layout.panel("legs", page.say("service.funnel"), page.say("service.funnel_note")):
        process.funnel(page)


_COLUMNS = [
    tables.Column("lot_name", width=360), tables.Column("open", tables.LINK), tables.Column("centre"), tables.Column("family"),
    tables.Column("category"), tables.Column("opened_at", sort="opened"), tables.Column("awarded_at"),
]  # fmt: skip
LEG = "leg"
MARKS = ("of", "met", "short", LEG)
"""What marks of this screen open the lots of: shares, and legs of the procedure."""


def _lots(page: shell.Page) -> None:
    """The lots behind what was clicked above, else all that were opened."""
    pick, lang = page.choice.pick, page.lang

    def rows(shown: tables.Window) -> list[tables.Row]:
        found = tabledata.lots_shown(page.filters, pick, "opened", shown.size, shown.offset)
        return [_row(lot, lang) for lot in found]

    total = tabledata.count_lots(page.filters, pick)
    named: dict[str, Callable[[str], str]] = {
        by: partial(drill.figure_name, lang=lang) for by in MARKS if by != LEG
    }
    named[LEG] = partial(process.leg_name, lang)
    drill.notice(pick, named, lang)
    note = drill.note(pick, total, page.lang)
    tables.grid("lots", page.say("openness.lots"), note, total, _COLUMNS, lang, rows, layout.open_lot)


def _row(lot: dict[str, Any], lang: str) -> tables.Row:
    return tables.Row([
        lot["lot_name"], f"{context.config().hub_url}/project/{lot['project_id']}",
        places.centre(lot["centre_id"], lot["centre_name"], lang), tabledata.family(lot["trade_family"], lang),
        messages.named("term", lot["category"] or "", lang), tabledata.stamp(lot["opened_at"]), tabledata.stamp(lot["awarded_at"]),
    ], lot["lot_id"])  # fmt: skip


shell.show(
    "S04",
    body,
    every=5,
    filters=("period", "compare", "centre", "family", "category"),
    over_lots=True,
    marks=MARKS,
)
