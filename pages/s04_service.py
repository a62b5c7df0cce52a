"""S04 市场服务能力: rooms and broadcasts (F07), cycle time and electronic process (F08)."""

from __future__ import annotations

import streamlit as st

from dashboard import context
from dashboard.charts import gantt
from dashboard.charts import svg as charts
from dashboard.charts.svg import Bar
from dashboard.live import rooms as rooms_live
from dashboard.panels import room_health
from dashboard.shell import figure_cards as measures
from dashboard.shell import screen as shell
from dashboard.shell.cards import Kpi, lens_basis, live_basis, show
from dashboard.shell.html import card, draw, row
from supervision.figures import formats as figures

STRIP_EVERY = 3.0
"""Seconds between two looks at the streams."""


def body(page: shell.Page) -> None:
    """Five figures; how each room's stream does; the rooms' day and the days per leg of the process."""
    room_health.banner(page.lang)
    show(_kpis(page), page.lang)
    every = None if st.session_state.get("paused") else STRIP_EVERY
    st.fragment(run_every=every)(_strip)(page)
    draw(row("row2", _gantt(page), _legs(page)))


def _kpis(page: shell.Page) -> list[Kpi]:
    say = page.say
    rooms, broadcasts, coverage, days = (
        measures.answers().values(("M17", "M18", "M19", "M27"), page.filters).values()
    )
    electronic = measures.values(("M25",), page.filters)["M25"]
    hours, breaks = figures.number(broadcasts.seconds / 3600, 1), broadcasts.interruptions
    live = live_basis(page.lang)
    lens, lang, lots = lens_basis(page.lang), page.lang, say("openness.lots_unit")
    return [
        measures.kpi("M17", lang, figures.number(rooms.value), say("service.rooms_unit"), live, say("service.rooms_note")),
        measures.kpi("M18", lang, figures.number(broadcasts.sessions), say("overview.sessions"), live, say("service.breaks", n=breaks),
            say("service.hours", n=hours), key=True),
        measures.kpi("M19", lang, coverage.text.rstrip("%"), "%", live, f"{coverage.numerator} / {coverage.denominator} {lots}"),
        measures.kpi("M27", lang, figures.number(days.total, 1), say("service.days"), lens, say("service.cycle_note")),
        measures.kpi("M25", lang, electronic.text.rstrip("%"), "%", lens,
            f"{figures.number(electronic.numerator)} / {figures.number(electronic.denominator)} {lots}"),
    ]  # fmt: skip


def _strip(page: shell.Page) -> None:
    """Every room's stream, worst first."""
    with context.ledger().read() as session:
        named = room_health.names(session, page.lang)
    draw(room_health.strip(rooms_live.snapshot(), named, page.lang))


def _gantt(page: shell.Page) -> str:
    with context.ledger().read() as session:
        lines = gantt.day(session, page.lang)
    if not lines:
        return card(page.say("service.gantt"), f'<p class="muted">{page.say("service.gantt_none")}</p>')
    note = page.say("service.gantt_note", shown=len(gantt.chosen(lines)), n=len(lines))
    return card(page.say("service.gantt"), gantt.svg(lines, page.lang) + gantt.legend(page.lang), note)


def _legs(page: shell.Page) -> str:
    found = measures.answers().value("M27", page.filters)
    shown = [(name, days) for name, days in vars(found).items() if days is not None]
    if not shown:
        return card(page.say("service.legs"), f'<p class="muted">{page.say("competition.no_awards")}</p>')
    bars = [
        Bar(page.say(f"service.leg_{name}"), days, figures.number(days, 1), page.say("service.days"))
        for name, days in shown
    ]
    return card(page.say("service.legs"), charts.bars(bars, 120), page.say("service.legs_note"))


shell.show(
    "S04",
    body,
    every=5,
    filters=("period", "centre", "family", "category"),
    over_lots=True,
)
