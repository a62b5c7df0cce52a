"""S15 线索流转: from warnings to leads (F29). A leader sees the funnel, never a name."""

from __future__ import annotations

from dashboard import context
from dashboard.charts import svg as charts
from dashboard.charts.svg import Bar
from dashboard.exports import tables as tabledata
from dashboard.live import tables as livetables
from dashboard.live.warnings import address
from dashboard.shell import screen as shell
from dashboard.shell import tables
from dashboard.shell.cards import DASH, Kpi, live_basis, show
from dashboard.shell.html import card, draw, esc, level
from supervision.figures import formats as figures
from supervision.warnings import desk as warnings
from supervision.warnings.handling import DISPOSITIONS, STATES

ROWS = 10


def body(page: shell.Page) -> None:
    """The figures and the funnel; for supervisors the warnings that became leads."""
    since, until = tabledata.span(page.filters.period)
    with context.ledger().read() as session:
        response = warnings.response(session, since, until)
        by_state = {
            state: warnings.count_warnings(
                session,
                warnings.WarningFilters(states=(state,), since=since, until=until, rehearsals=False),
            )
            for state in STATES
        }
        rehearsed = warnings.count_warnings(
            session, warnings.WarningFilters(since=since, until=until, rehearsals=True)
        )
        listed = warnings.count_warnings(session, livetables.leads(page.filters))
    show(_kpis(page, response, by_state["lead"], rehearsed), page.lang)
    draw(_funnel(page, by_state))
    if page.names_visible:
        _leads(page, listed)
    shell.no_records(
        page.screen.functions[0].name(page.lang), page.say("leads.batches"), page.say("leads.batches_shows")
    )


def _kpis(page: shell.Page, r: warnings.Response, leads: int, rehearsed: int) -> list[Kpi]:
    say = page.say
    shared = live_basis(page.lang)
    hours = DASH if r.first_response_hours is None else figures.number(r.first_response_hours, 1)
    return [
        Kpi(say("leads.raised"), figures.number(r.raised), say("overview.records_unit"), note=say("leads.rehearsed", n=figures.number(rehearsed)) if rehearsed else "", definition=say("leads.raised_definition"), basis=shared),
        Kpi(say("leads.leads"), figures.number(leads), say("overview.records_unit"), definition=say("leads.leads_definition"), key=True, basis=shared),
        Kpi(say("leads.rate"), figures.percent(r.disposition_rate).rstrip("%"), "%", note=f"{r.closed} / {r.raised}", definition=say("leads.rate_definition"), basis=shared),
        Kpi(say("leads.precision"), figures.percent(r.precision).rstrip("%"), "%", note=f"{r.confirmed} / {r.closed}", definition=say("leads.precision_definition"), basis=shared),
        Kpi(say("leads.response"), hours, say("leads.hours"), definition=say("leads.response_definition"), basis=shared),
    ]  # fmt: skip


def _funnel(page: shell.Page, by_state: dict[str, int]) -> str:
    if not sum(by_state.values()):
        return card(page.say("leads.funnel"), f'<p class="muted">{page.say("leads.none")}</p>')
    index = 0 if page.lang == "zh" else 1
    bars = [
        Bar(names[index], by_state[state], figures.number(by_state[state])) for state, names in STATES.items()
    ]
    return card(page.say("leads.funnel"), charts.bars(bars, 96), page.say("leads.funnel_note"))


_COLUMNS = [
    tables.Column("level"), tables.Column("title"), tables.Column("lot_name"), tables.Column("result"),
    tables.Column("raised_at", sort="raised"),
]  # fmt: skip


def _leads(page: shell.Page, total: int) -> None:
    wanted = livetables.leads(page.filters)
    zh = page.lang == "zh"

    def rows(shown: tables.Window) -> str:
        with context.ledger().read() as session:
            found = warnings.list_warnings(session, wanted, shown.size, shown.offset)
        cells = [
            [
                level(w.level, page.say(f"level.{w.level}")),
                f'<a href="{esc(address(w.id))}" target="_self">{esc(w.title if zh else w.title_en)}</a>', esc(w.lot_name),
                DISPOSITIONS[w.disposition][0 if zh else 1] if w.disposition else DASH, esc(tabledata.stamp(w.raised_at)),
            ]
            for w in found
        ]  # fmt: skip
        return tables.markup(_COLUMNS, cells, page.lang, "raised", page.say("leads.list"))

    if total:
        tables.paged("leads", page.say("leads.list"), page.say("family.note", n=figures.number(total)), total, ROWS,
            {"raised": page.say("column.raised_at")}, page.lang, rows)  # fmt: skip


shell.show("S15", body, every=10, filters=("period",))
