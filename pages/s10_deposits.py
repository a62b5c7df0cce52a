"""S10 保证金与社会监督: deposits and their return (F20), social supervision and the project e-ID (F21)."""

from __future__ import annotations

from dashboard import context, screens
from dashboard.exports import tables as tabledata
from dashboard.panels import opinions as opinion_panel
from dashboard.shell import figure_cards as measures
from dashboard.shell import screen as shell
from dashboard.shell import tables
from dashboard.shell.cards import DASH, Kpi, live_basis, show
from dashboard.shell.html import draw, esc
from records.clock import now
from supervision.figures import formats as figures
from supervision.figures.deposits import Deposits
from supervision.figures.results import Share
from supervision.lists import market, money

SEEN = 8
PROJECTS = 5
DAY = 86_400


def body(page: shell.Page) -> None:
    """For supervisors the deposits; for everybody opinions and projects with their public page."""
    if screens.may_use(page.user.role, page.screen, page.screen.functions[0].id):
        _deposits(page)
    opinion_panel.show(page)
    draw(_projects(page))


def _deposits(page: shell.Page) -> None:
    """Five figures, and what is still to be returned."""
    found = measures.answers().value("M40", page.filters)
    with context.ledger().read() as session:
        waiting = money.refunds_due(session, page.filters, 0)[0]
    if found.count or waiting:
        show(_kpis(page, found), page.lang)
        _due(page, waiting)
    else:
        shell.no_records(
            page.screen.functions[0].name(page.lang), page.say("deposits.kind"), page.say("deposits.shows")
        )


def _kpis(page: shell.Page, d: Deposits) -> list[Kpi]:
    say, lang = page.say, page.lang
    shared = live_basis(lang)
    returned, timely = d.returned, Share(d.on_time, d.due)
    others = say("deposits.elsewhere", n=figures.number(d.elsewhere)) if d.elsewhere else ""
    of_due = say("deposits.of_due", part=figures.number(d.due_refunded), n=figures.number(d.due))
    return [
        measures.kpi("M40", lang, *measures.split(figures.money(d.refunded_amount, d.currency, lang)), shared,
            say("deposits.count", n=figures.number(d.refunded)) + others, key=True),
        Kpi(say("deposits.rate"), returned.text.rstrip("%"), "%" if d.due else "", note=of_due,
            definition=say("deposits.rate_definition"), basis=shared),
        measures.kpi("M41", lang, timely.text.rstrip("%"), "%" if d.due else "", shared, say("deposits.of_due", part=figures.number(d.on_time), n=figures.number(d.due))),
        Kpi(say("deposits.overdue"), figures.number(d.overdue), say("deposits.unit"), note=say("deposits.by_due"), definition=say("deposits.overdue_definition"), basis=shared),
        measures.kpi("M42", lang, *measures.split(figures.money(d.guarantees, d.currency, lang)), shared, say("deposits.guarantee_note")),
    ]  # fmt: skip


_COLUMNS = [
    tables.Column("lot_name", width=320), tables.Column("bidder", width=240), tables.Column("form"), tables.Column("refund_amount", tables.MONEY),
    tables.Column("due_refund_at", sort="due"), tables.Column("days_left"),
]  # fmt: skip


def _due(page: shell.Page, waiting: int) -> None:
    def rows(shown: tables.Window) -> list[tables.Row]:
        with context.ledger().read() as session:
            found = money.refunds_due(session, page.filters, shown.size, shown.offset)[1]
        return [_row(page, refund) for refund in found]

    if waiting:
        note = page.say("deposits.due_note", n=figures.number(waiting))
        tables.grid("refunds", page.say("deposits.due"), note, waiting, _COLUMNS, page.lang, rows, seen=SEEN)
    else:
        draw(tables.card(page.say("deposits.due"), "", "", page.say("deposits.none_due")))


def _row(page: shell.Page, refund: money.Refund) -> tables.Row:
    return tables.Row([
        refund.lot, refund.bidder, page.say(f"deposit.form_{refund.form}"), (refund.amount, refund.currency),
        tabledata.stamp(refund.due), _left(page, refund),
    ])  # fmt: skip


def _left(page: shell.Page, refund: money.Refund) -> str:
    days = (refund.due - now()).total_seconds() / DAY
    late = "▲ " if days < 0 else ""
    return late + page.say("deposits.left" if days >= 0 else "deposits.late", n=figures.number(abs(days), 0))


def _projects(page: shell.Page) -> str:
    """The newest projects with their public page 项目电子身份证."""
    with context.ledger().read() as session:
        found = market.newest_projects(session, page.filters.centre, PROJECTS)
    columns = [tables.Column("project"), tables.Column("code"), tables.Column("noticed_at")]
    rows = [
        [tables.link(f"{context.config().hub_url}/project/{code}", name), esc(code), esc(tabledata.stamp(at) or DASH)]
        for code, name, at in found
    ]  # fmt: skip
    table = tables.markup(columns, rows, page.lang, caption=page.say("deposits.projects")) if rows else ""
    return tables.card(
        page.say("deposits.projects"),
        table,
        page.say("deposits.projects_note"),
        page.say("deposits.no_projects"),
    )


shell.show("S10", body, every=30, filters=("period", "centre"))
