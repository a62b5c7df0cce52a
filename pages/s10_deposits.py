"""S10 保证金与社会监督: deposits and their return (F20), social supervision and the project e-ID (F21)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import messages
from dashboard import context, refunds, screens
from dashboard.exports import tables as tabledata
from dashboard.panels import agency_credit
from dashboard.panels import opinions as opinion_panel
from dashboard.shell import choices, figure_cards, layout, tables
from dashboard.shell import screen as shell
from dashboard.shell.cards import DASH, Kpi, live_basis, show
from dashboard.shell.html import draw, esc
from records.clock import written
from supervision.figures import formats as figures
from supervision.figures.data import Inspections
from supervision.figures.deposits import Deposits, Opinions
from supervision.figures.dictionary import FIGURES
from supervision.figures.results import Share
from supervision.lists import market, money
from supervision.warnings.desk import WarningFilters, count_warnings

SEEN = 6
PROJECTS, VISITS = 5, 5
SAME_ACCOUNT = "B6"
"""The rule that two bidders paid their deposits from one account."""


def body(page: shell.Page) -> None:
    """For supervisors the deposits; for everybody opinions, the group's visits and projects with their public page."""
    if screens.may_use(page.user.role, page.screen, page.screen.functions[0].id):
        _deposits(page)
    show(_society(page), page.lang, "society")
    _board(page)
    opinion_panel.show(page)
    agency_credit.show(page)
    with layout.row("society", "half"):
        _visits(page)
        _projects(page)


def _deposits(page: shell.Page) -> None:
    """Five figures, and what is still to be returned."""
    beside = figure_cards.beside(page.choice, page.lang, ("M40", "M41", "guarantee_share"))
    found: Deposits = beside.present["M40"]
    with context.ledger().read() as session:
        waiting = {
            which: money.refunds_due(session, page.filters, 0, overdue=which == money.OVERDUE)[0]
            for which in (money.DUE, money.OVERDUE)
        }
    if found.count or waiting[money.DUE]:
        show(_kpis(page, beside), page.lang)
        _due(page, waiting)
    else:
        shell.no_records(
            page.screen.functions[0].name(page.lang), page.say("deposits.kind"), page.say("deposits.shows")
        )


def _kpis(page: shell.Page, beside: figure_cards.Beside) -> list[Kpi]:
    say, lang = page.say, page.lang
    shared, points = live_basis(lang), figure_cards.points(lang)
    d: Deposits = beside.present["M40"]
    returned, timely = d.returned, Share(d.on_time, d.due)
    given: Share = beside.present["guarantee_share"]
    others = say("deposits.elsewhere", n=figures.number(d.elsewhere)) if d.elsewhere else ""
    unit = say("deposits.unit")
    of_due = say("deposits.of_due", part=figures.number(d.due_refunded), n=figures.number(d.due))
    return [
        figure_cards.kpi("M40", lang, *figure_cards.split(figures.money(d.refunded_amount, d.currency, lang)), shared,
            say("deposits.count", n=figures.number(d.refunded)) + others,
            beside.change("M40", of=lambda one: one.refunded_amount), key=True),
        Kpi(say("deposits.rate"), returned.text.rstrip("%"), "%" if d.due else "",
            beside.change("M40", points, lambda one: one.returned.value), of_due, definition=say("deposits.rate_definition"), basis=shared),
        figure_cards.kpi("M41", lang, timely.text.rstrip("%"), "%" if d.due else "", shared,
            say("deposits.of_due", part=figures.number(d.on_time), n=figures.number(d.due)), beside.change("M41", points)),
        Kpi(say("deposits.overdue"), figures.number(d.overdue), unit,
            beside.change("M40", figure_cards.Delta(unit), lambda one: one.overdue), say("deposits.by_due"), definition=say("deposits.overdue_definition"), basis=shared),
        figure_cards.kpi("M42", lang, *figure_cards.split(figures.money(d.guarantees, d.currency, lang)), shared,
            say("deposits.guarantee_share", share=given.text, part=figures.number(given.numerator), n=figures.number(given.denominator)),
            beside.change("M40", of=lambda one: one.guarantees)),
    ]  # fmt: skip


_COLUMNS = [
    tables.Column("lot_name", width=270), tables.Column("bidder", width=210), tables.Column("form"), tables.Column("refund_amount", tables.MONEY),
    tables.Column("due_refund_at", sort="due"), tables.Column("days_left", width=210), tables.Column("interest_due"),
]  # fmt: skip


def _due(page: shell.Page, waiting: Mapping[str, int]) -> None:
    """What is still to go back, the most overdue first; ticking a row opens the lot."""
    names = {which: page.say(f"deposits.list_{which}", n=figures.number(n)) for which, n in waiting.items()}
    which = choices.segments("refunds", page.say("deposits.list"), names, default=money.DUE)

    def rows(shown: tables.Window) -> list[tables.Row]:
        with context.ledger().read() as session:
            found = money.refunds_due(
                session, page.filters, shown.size, shown.offset, overdue=which == money.OVERDUE
            )[1]
        return [_row(page, refund) for refund in found]

    total, title = waiting[which], page.say(f"deposits.{which}_title")
    if total:
        rate = context.config().deposit_rate
        interest = (
            page.say("deposits.interest_note", rate=f"{rate:f}") if rate else page.say("deposits.no_rate")
        )
        note = f"{page.say('deposits.counting')} · {interest} · {page.say('table.pick_lot')}"
        tables.grid("refunds", title, note, total, _COLUMNS, page.lang, rows, layout.open_lot, seen=SEEN)
    else:
        draw(tables.card(title, "", "", page.say(f"deposits.none_{which}")))
    _same_account(page)


def _row(page: shell.Page, refund: money.Refund) -> tables.Row:
    return tables.Row([
        refund.lot, refund.bidder, page.say(f"deposit.form_{refund.form}"), (refund.amount, refund.currency),
        written(refund.due, "%Y-%m-%d"), refunds.left(refund, page.lang), _interest(page, refund),
    ], refund.lot_id)  # fmt: skip


def _interest(page: shell.Page, refund: money.Refund) -> str | None:
    """What it has borne by now, with its unit."""
    amount = refunds.borne(refund)
    return None if amount is None else f"{amount:,.2f} {figures.heading_unit(refund.currency, page.lang)}"


def _same_account(page: shell.Page) -> None:
    """Where two bidders paid from one account: a warning of its own, which S11 has."""
    with context.ledger().read() as session:
        n = count_warnings(session, WarningFilters(rules=(SAME_ACCOUNT,), open_only=True))
    words = page.say("deposits.same_account", n=n)
    draw(
        f'<p class="muted"><a href="/warnings?state=open&rule={SAME_ACCOUNT}" target="_self">{esc(words)}</a></p>'
        if n
        else ""
    )


# ── society ──────────────────────────────────────────────────────────────────


def _society(page: shell.Page) -> list[Kpi]:
    """Opinions of the period: how many came, how many are answered, how long that took; and the group's visits."""
    say, shared = page.say, live_basis(page.lang)
    beside = figure_cards.beside(page.choice, page.lang, ("M43",))
    found: Opinions = beside.present["M43"]
    answered = Share(found.answered, found.received)
    before = page.choice.before
    with context.ledger().read() as session:
        visits, problems = market.visit_totals(session, page.filters)
        earlier = market.visit_totals(session, page.filters.over(before))[0] if before else None
    joint: Inspections = figure_cards.live(("M51",), page.filters)["M51"]
    hours = figures.number(found.hours, 1) if found.hours is not None else figures.DASH
    received, spent, times = say("opinions.unit"), say("opinions.hours_unit"), say("visits.unit")
    return [
        figure_cards.kpi("M43", page.lang, figures.number(found.received), received, shared,
            change=beside.change("M43", figure_cards.Delta(received))),
        Kpi(say("opinions.rate"), *figure_cards.as_share(answered),
            beside.change("M43", figure_cards.points(page.lang), lambda one: Share(one.answered, one.received).value),
            f"{figures.number(found.answered)} / {figures.number(found.received)}",
            definition=FIGURES["M43"].definition.text(page.lang), basis=shared),
        Kpi(say("opinions.hours"), hours, spent,
            beside.change("M43", figure_cards.Delta(spent, places=1), lambda one: one.hours), say("opinions.hours_note"),
            definition=FIGURES["M43"].definition.text(page.lang), basis=shared),
        Kpi(say("visits.count"), figures.number(visits), times,
            figure_cards.changed(page.choice, page.lang, visits, earlier, figure_cards.Delta(times)), f"{say('visits.problems', n=problems)}<br>{say('visits.joint', n=joint.visits, projects=joint.projects, problems=joint.problems)}",
            definition=f"{say('visits.definition')} {FIGURES['M51'].definition.text(page.lang)}", basis=shared),
    ]  # fmt: skip


def _board(page: shell.Page) -> None:
    """The status of opinions by the way they came."""
    found = figure_cards.live_breakdown("M43", page.filters, "channel")
    rows = [
        [
            esc(page.say(f"opinions.channel_{channel}")), figures.number(one.received), figures.number(one.answered),
            figures.number(one.received - one.answered), figures.number(one.hours, 1) if one.hours is not None else DASH,
        ]
        for channel, one in sorted(found.items(), key=lambda pair: -pair[1].received)
    ]  # fmt: skip
    columns = [
        tables.Column(key) for key in ("channel", "received", "answered_count", "waiting", "median_hours")
    ]
    title = page.say("opinions.board")
    table = tables.markup(columns, rows, page.lang, title) if rows else ""
    draw(tables.card(title, table, page.say("opinions.board_note"), page.say("opinions.board_none")))


def _visits(page: shell.Page) -> None:
    """The supervision group's visits: when, where, and what was found."""

    def turn() -> tables.Window:
        with context.ledger().read() as session:
            total, _ = market.visit_totals(session, page.filters)
        return tables.paged("visits", total, VISITS, page.lang)

    title = page.say("visits.title")
    with layout.panel_of_choice("visits", title, turn, page.say("visits.note")) as shown:
        with context.ledger().read() as session:
            found = market.group_visits(session, page.filters, shown.size, shown.offset)
        rows = [
            [
                esc(f"{visit.on:%Y-%m-%d}"), "<br>".join(_identity(code, name) for code, name in visit.projects),
                esc(messages.clauses(visit.problems, page.lang) or page.say("visits.no_problems")),
            ]
            for visit in found
        ]  # fmt: skip
        columns = [tables.Column("visited_on"), tables.Column("visited"), tables.Column("problems")]
        _list(columns, rows, page, title, page.say("visits.none"))


def _list(
    columns: Sequence[tables.Column], rows: Sequence[Sequence[str]], page: shell.Page, title: str, empty: str
) -> None:
    if rows:
        draw(f'<div class="tab bled">{tables.markup(columns, rows, page.lang, title)}</div>')
    else:
        layout.nothing(empty)


def _identity(code: str, name: str) -> str:
    """A project's public page, its e-ID."""
    return tables.link(f"{context.config().hub_url}/project/{code}", name)


def _projects(page: shell.Page) -> None:
    """The projects with their public page 项目电子身份证, newest first, searched by name or code."""

    def ask() -> tuple[str, tables.Window]:
        text = choices.text("project", page.say("deposits.find_project"), width=152)
        with context.ledger().read() as session:
            total = market.count_projects(session, page.filters.centre, text)
        return text, tables.paged("projects", total, PROJECTS, page.lang)

    title = page.say("deposits.projects")
    with layout.panel_of_choice("projects", title, ask, page.say("deposits.projects_note")) as (text, shown):
        with context.ledger().read() as session:
            found = market.projects(session, page.filters.centre, text, shown.size, shown.offset)
        rows = [
            [_identity(code, name), esc(code), esc(tabledata.stamp(at) or DASH)] for code, name, at in found
        ]
        columns = [tables.Column("project"), tables.Column("code"), tables.Column("noticed_at")]
        empty = page.say("deposits.no_such_project", text=text) if text else page.say("deposits.no_projects")
        _list(columns, rows, page, title, empty)


shell.show("S10", body, every=30, filters=("period", "compare", "centre"))
