"""S04 市场服务能力: rooms and broadcasts (F07), cycle time and electronic process (F08)."""

from __future__ import annotations

import streamlit as st

from dashboard import context
from dashboard.charts.gantt import KINDS, Span, gantt
from dashboard.live import rooms as rooms_live
from dashboard.panels import process, room_health, room_matrix
from dashboard.shell import figure_cards, layout
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


def _kpis(page: shell.Page) -> list[Kpi]:
    say = page.say
    rooms, broadcasts, coverage = figure_cards.live(("M17", "M18", "M19"), page.filters).values()
    served, available, delays, use = figure_cards.values(("M20", "M21", "M22", "M24"), page.filters).values()
    hours, breaks = figures.number(broadcasts.seconds / 3600, 1), broadcasts.interruptions
    live = live_basis(page.lang)
    lens, lang, lots = lens_basis(page.lang), page.lang, say("openness.lots_unit")
    return [
        figure_cards.kpi("M17", lang, figures.number(rooms.value), say("service.rooms_unit"), live, say("service.rooms_note", n=figures.number(rooms.registered))),
        figure_cards.kpi("M18", lang, figures.number(broadcasts.sessions), say("overview.sessions"), live,
            _served(page, served), f"{say('service.hours', n=hours)} {say('service.breaks', n=breaks)}", key=True),
        figure_cards.kpi("M19", lang, *figure_cards.as_share(coverage), live, f"{coverage.numerator} / {coverage.denominator} {lots}"),
        figure_cards.kpi("M21", lang, *figure_cards.as_share(available), lens, _lost(page, available)),
        figure_cards.kpi("M22", lang, figures.number(delays.first_frame, 2), say("service.seconds"), lens, _late(page, delays)),
        figure_cards.kpi("M24", lang, *figure_cards.as_share(use.whole), lens,
            say("service.use_note", opening=use.opening.text, evaluation=use.evaluation.text)),
    ]  # fmt: skip


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


shell.show(
    "S04",
    body,
    every=5,
    filters=("period", "centre", "family", "category"),
    over_lots=True,
)
