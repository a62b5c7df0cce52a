"""S15 线索流转: from warnings to leads and batches, handed on and answered (F29). A leader sees the funnel, never a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st
from sqlalchemy.orm import Session

import messages
from dashboard import components, context
from dashboard.charts.bars import Bar, ranking
from dashboard.exports import live_tables as livetables
from dashboard.exports import tables as tabledata
from dashboard.live.leads import OPEN
from dashboard.panels.warning_list import open_warning
from dashboard.shell import choices, figure_cards, layout, tables
from dashboard.shell import screen as shell
from dashboard.shell.address_checks import one_held, one_of
from dashboard.shell.cards import DASH, Kpi, live_basis, show
from supervision.figures import formats as figures
from supervision.figures.narrow import span
from supervision.leads import desk
from supervision.leads.funnel import Funnel, funnel
from supervision.leads.states import STATES as BATCH_STATES
from supervision.leads.states import TARGETS
from supervision.warnings import desk as warnings
from supervision.warnings.handling import STATES
from supervision.warnings.tally import Response

SEEN = 10


def _asked(ask: Callable[[Session], bool]) -> bool:
    with context.ledger().read() as session:
        return ask(session)


KNOWN = {
    "batch": one_held(lambda batch: _asked(lambda session: desk.is_batch(session, batch))),
    "warning": one_held(lambda warning: _asked(lambda session: warnings.is_warning(session, warning))),
    "target": one_of(TARGETS),
    "batch_state": one_of((*BATCH_STATES, OPEN)),
}
"""What the list of batches takes from the address itself."""


def body(page: shell.Page) -> None:
    """The funnel; for supervisors the batches with what may be done, then the warnings that became leads."""
    answers = figure_cards.answers()
    response: Response = answers.values(("M46",), page.filters)["M46"]
    by_level = {key: found.value for key, found in answers.breakdown("M44", page.filters, "level").items()}
    by_state = {key: found.value for key, found in answers.breakdown("M44", page.filters, "state").items()}
    since, until = span(page.filters.period)
    with context.ledger().read() as session:
        steps = funnel(session, since, until, page.filters.centre)
        rehearsed = warnings.count_warnings(
            session, replace(livetables.raised(page.filters), rehearsals=True)
        )
        listed = warnings.count_warnings(session, livetables.leads(page.filters))
        anything = desk.any_batch(session) or bool(desk.pool(session))
    show(_kpis(page, steps, response, by_level, rehearsed), page.lang)
    if page.names_visible:
        for name, known in KNOWN.items():
            choices.check(name, known)
    if page.names_visible and anything:
        components.lead_desk(page.lang, page.choice.as_query(), paused=bool(st.session_state.get("paused")))
    _funnel(page, by_state)
    if page.names_visible:
        _leads(page, listed)
    if not anything:
        shell.no_records(
            page.screen.functions[0].name(page.lang),
            page.say("leads.batches"),
            page.say("leads.batches_shows"),
        )


def _kpis(page: shell.Page, f: Funnel, r: Response, by_level: dict[str, int], rehearsed: int) -> list[Kpi]:
    """One card a step: how many came so far, out of how many of the step before, and how long it took."""
    say, number, days = page.say, figures.number, page.say("leads.days")
    shared, unit = live_basis(page.lang), page.say("overview.records_unit")
    levels = " · ".join(f"{say(f'level.{level}')} {number(by_level.get(level, 0))}" for level in ("red", "orange", "yellow"))  # fmt: skip
    apart = f" · {say('leads.rehearsed', n=number(rehearsed))}" if rehearsed else ""
    hours = say("leads.first", hours=number(r.first_response_hours, 1) if r.first_response_hours is not None else DASH)  # fmt: skip

    def step(
        name: str, count: int, before: int, took: float | None, more: str = "", key: bool = False
    ) -> Kpi:
        part = say("leads.of_before", share=figures.percent(figures.ratio(count, before)))
        took_days = "" if took is None else f"{say('leads.median')} {number(took, 1)} {days}"
        note = " · ".join(text for text in (part, more, took_days) if text)
        return Kpi(say(f"leads.funnel_{name}"), number(count), unit, note=note, definition=say(f"leads.funnel_{name}_means"), basis=shared, key=key)  # fmt: skip

    return [
        figure_cards.kpi("M44", page.lang, number(f.raised), unit, shared, f"{levels}{apart}"),
        step("taken", f.taken_up, f.raised, None, hours),
        step("leads", f.leads, f.taken_up, f.days_to_lead, key=True),
        step("sent", f.sent, f.leads, f.days_to_send, say("leads.in_batches", n=f.batches)),
        step("valid", f.valid, f.sent, f.days_to_answer, say("leads.unanswered", n=f.sent - f.answered)),
        step("closed", f.closed, f.valid, f.days_to_close),
    ]


def _funnel(page: shell.Page, by_state: dict[str, int]) -> None:
    title, counts = page.say("leads.funnel"), {state: by_state.get(state, 0) for state in STATES}
    with layout.panel("funnel", title, page.say("leads.funnel_note") if sum(counts.values()) else ""):
        if not sum(counts.values()):
            layout.nothing(page.say("leads.none"))
            return
        bars = [
            Bar(page.say(f"state.{state}"), n, figures.number(n), key=state) for state, n in counts.items()
        ]
        made = ranking(
            layout.variant(), bars, title=title, name_width=96, units=(page.say("chart.warnings"), "")
        )
        layout.plot(made, "funnel", _open_warnings if page.names_visible else None)


def _open_warnings(state: str) -> None:
    """Show the warnings of the state that was clicked."""
    layout.go_to("S11", state=state)


_COLUMNS = [
    tables.Column("level", tables.LEVEL), tables.Column("title", width=360), tables.Column("lot_name", width=320), tables.Column("result"),
    tables.Column("raised_at", sort="raised"),
]  # fmt: skip


def _leads(page: shell.Page, total: int) -> None:
    wanted = livetables.leads(page.filters)

    def rows(shown: tables.Window) -> list[tables.Row]:
        with context.ledger().read() as session:
            found = warnings.list_warnings(session, wanted, shown.size, shown.offset)
        return [_row(w, page.lang) for w in found]

    if total:
        note = f"{page.say('family.note', n=figures.number(total))} · {page.say('table.pick')}"
        tables.grid(
            "leads", page.say("leads.list"), note, total, _COLUMNS, page.lang, rows, open_warning, seen=SEEN
        )


def _row(w: warnings.WarningRow, lang: str) -> tables.Row:
    result = messages.named("disposition", w.disposition, lang) if w.disposition else None
    return tables.Row([w.level, w.titled(lang), w.lot_name, result, tabledata.stamp(w.raised_at)], w.id)


shell.show("S15", body, every=10, filters=("period", "centre"))
