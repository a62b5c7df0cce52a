"""S15 线索流转: from warnings to leads (F29). A leader sees the funnel, never a name."""

from __future__ import annotations

from dataclasses import replace

import messages
from dashboard import context
from dashboard.charts.bars import Bar, ranking
from dashboard.exports import live_tables as livetables
from dashboard.exports import tables as tabledata
from dashboard.panels.warning_list import open_warning
from dashboard.shell import figure_cards as measures
from dashboard.shell import layout, tables
from dashboard.shell import screen as shell
from dashboard.shell.cards import Kpi, live_basis, show
from supervision.figures import formats as figures
from supervision.warnings import desk as warnings
from supervision.warnings.handling import STATES

SEEN = 10


def body(page: shell.Page) -> None:
    """The figures and the funnel; for supervisors the warnings that became leads."""
    answers = measures.answers()
    raised, leads, response = answers.values(("M44", "M48", "M46"), page.filters).values()
    by_state = {
        state: found.value for state, found in answers.breakdown("M44", page.filters, "state").items()
    }
    with context.ledger().read() as session:
        rehearsed = warnings.count_warnings(
            session, replace(livetables.raised(page.filters), rehearsals=True)
        )
        listed = warnings.count_warnings(session, livetables.leads(page.filters))
    show(_kpis(page, raised.value, leads.value, response, rehearsed), page.lang)
    _funnel(page, by_state)
    if page.names_visible:
        _leads(page, listed)
    shell.no_records(
        page.screen.functions[0].name(page.lang), page.say("leads.batches"), page.say("leads.batches_shows")
    )


def _kpis(page: shell.Page, raised: int, leads: int, r: warnings.Response, rehearsed: int) -> list[Kpi]:
    say, lang, shared, unit = page.say, page.lang, live_basis(page.lang), page.say("overview.records_unit")
    apart = say("leads.rehearsed", n=figures.number(rehearsed)) if rehearsed else ""
    return [
        measures.kpi("M44", lang, figures.number(raised), unit, shared, apart),
        measures.kpi("M48", lang, figures.number(leads), unit, shared, key=True),
        measures.kpi("M46", lang, figures.percent(r.disposition_rate).rstrip("%"), "%", shared, f"{r.closed} / {r.raised}"),
        measures.kpi("M47", lang, figures.percent(r.precision).rstrip("%"), "%", shared, f"{r.confirmed} / {r.closed}"),
        Kpi(say("leads.response"), figures.number(r.first_response_hours, 1), say("leads.hours"), definition=say("leads.response_definition"), basis=shared),
    ]  # fmt: skip


def _funnel(page: shell.Page, by_state: dict[str, int]) -> None:
    title, counts = page.say("leads.funnel"), {state: by_state.get(state, 0) for state in STATES}
    with layout.panel("funnel", title, page.say("leads.funnel_note") if sum(counts.values()) else ""):
        if not sum(counts.values()):
            layout.nothing(page.say("leads.none"))
            return
        bars = [
            Bar(page.say(f"state.{state}"), n, figures.number(n), key=state) for state, n in counts.items()
        ]
        made = ranking(layout.variant(), bars, title=title, name_width=96)
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


shell.show("S15", body, every=10, filters=("period",))
