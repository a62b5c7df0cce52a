"""S04 市场服务能力: rooms and broadcasts (F07), cycle time and electronic process (F08)."""

from __future__ import annotations

import streamlit as st

from dashboard import context
from dashboard.charts import gantt
from dashboard.charts import svg as charts
from dashboard.charts.svg import Bar
from dashboard.live import rooms as rooms_live
from dashboard.live import services
from dashboard.panels import room_health
from dashboard.shell import screen as shell
from dashboard.shell.cards import DASH, Kpi, lens_basis, live_basis, show
from dashboard.shell.html import card, draw, row
from dashboard.shell.memo import per_lens
from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.figures.narrow import where
from supervision.figures.results import Share

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
    with context.ledger().read() as session:
        b = services.broadcasts(session, page.filters)
        registered = services.rooms(session, page.filters.centre)
    electronic = electronic_lots(page.filters)
    days = legs(page.filters)
    live = live_basis(page.lang)
    lens = lens_basis(page.lang)
    coverage = Share(b.lots, b.opened)
    return [
        Kpi(say("service.rooms"), figures.number(registered), say("service.rooms_unit"),
            note=say("service.rooms_note"), definition=say("service.rooms_definition"), basis=live),
        Kpi(say("service.sessions"), figures.number(b.sessions), say("overview.sessions"),
            say("service.hours", n=figures.number(b.seconds / 3600, 1)), say("service.breaks", n=b.interruptions),
            say("service.sessions_definition"), key=True, basis=live),
        Kpi(say("service.coverage"), coverage.text.rstrip("%"), "%", note=f"{b.lots} / {b.opened} {say('openness.lots_unit')}",
            definition=say("service.coverage_definition"), basis=live),
        Kpi(say("service.cycle"), DASH if days["total"] is None else figures.number(days["total"], 1), say("service.days"),
            note=say("service.cycle_note"), definition=say("service.cycle_definition"), basis=lens),
        Kpi(say("service.electronic"), electronic.text.rstrip("%"), "%",
            note=f"{figures.number(electronic.numerator)} / {figures.number(electronic.denominator)} {say('openness.lots_unit')}",
            definition=say("service.electronic_definition"), basis=lens),
    ]  # fmt: skip


@per_lens
def electronic_lots(filters: Filters) -> Share:
    """M25: opened lots whose every step is electronic ÷ opened lots."""
    clause, params = where(filters, "opened_on", "opened")
    return Share(*context.lens().one(
        f"SELECT count(*) FILTER (WHERE list_contains(string_split(flags, ','), 'electronic')), count(*) FROM lots {clause}", params
    ))  # fmt: skip


def legs(filters: Filters) -> dict[str, float | None]:
    """M27, see `services.legs`."""
    with context.ledger().read() as session:
        return services.legs(session, filters)


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
    found = legs(page.filters)
    shown = [(name, days) for name, days in found.items() if days is not None]
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
