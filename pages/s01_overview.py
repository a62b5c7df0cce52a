"""S01 阳光交易总览: the totals (F01) and what is happening now (F02)."""

from __future__ import annotations

from functools import partial

import messages
from dashboard import components, context
from dashboard.charts.bars import Bar, columns
from dashboard.charts.scale import scale
from dashboard.charts.series import Series, lines
from dashboard.live import ticker
from dashboard.shell import figure_cards, layout, offered
from dashboard.shell import filters as choice
from dashboard.shell import screen as shell
from dashboard.shell.cards import Change, Kpi, live_basis, show
from dashboard.shell.html import draw, level
from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.warnings import desk as warnings

CENTRES = 14
MONTHS_HEIGHT, CENTRES_HEIGHT = 280, 196
"""Pixels."""


def body(page: shell.Page) -> None:
    """Six figures; twelve months and the ticker; centres and warnings by level."""
    board = figure_cards.board(page.choice, page.lang, "M03", "M04", "M02", "M29")
    show(_kpis(page, board), page.lang)
    with layout.row("months"):
        _months(page, board)
        _ticker(page)
    with layout.row("centres"):
        _centres(page)
        _warnings(page)


def _kpis(page: shell.Page, board: figure_cards.Board) -> list[Kpi]:
    say, lang = page.say, page.lang
    count = say("openness.participations")
    held = figure_cards.live(("M50",), page.filters)["M50"].value
    return [
        _today(page),
        board.kpi("M03", lambda f: figure_cards.split(figures.big_count(f.participations, count, lang)),
            note=lambda f: say("overview.firms", n=figures.number(f.firms)), href=choice.carried_to("/competition")),
        board.kpi("M04", figure_cards.as_share, delta=figure_cards.points(lang), note=lambda f: figure_cards.placed(f, count, lang), href=choice.carried_to("/openness")),
        board.kpi("M02", figure_cards.amount(lang), note=lambda f: figure_cards.deals(f, lang), href=choice.carried_to("/savings")),
        board.kpi("M29", figure_cards.as_share, delta=figure_cards.points(lang), note=lambda f: say("overview.weighted"), href=choice.carried_to("/savings")),
        figure_cards.kpi("M50", lang, *figure_cards.split(figures.big_count(held, say("overview.records_unit"), lang)),
            live_basis(lang), note=say("overview.records_note")),
    ]  # fmt: skip


def _today(page: shell.Page) -> Kpi:
    day = ticker.today(page.filters)
    note = page.say("overview.done", done=day.over, waiting=day.waiting)
    if day.rehearsals:
        note += page.say("overview.rehearsals", n=figures.number(day.rehearsals))
    return figure_cards.kpi(
        "openings_today", page.lang, figures.number(day.all), page.say("overview.sessions"),
        live_basis(page.lang), note, Change(page.say("overview.live", n=day.running)), href=choice.carried_to("/hall"), key=True,
    )  # fmt: skip


def _months(page: shell.Page, board: figure_cards.Board) -> None:
    points = scale(page.filters)
    title = page.say("overview.months", by=points.kind(page.lang))
    values = [v or 0.0 for v in board.over_time["M03"]]
    with layout.panel("months", title, page.say("overview.months_note", span=points.span(page.lang))):
        if not any(values):
            layout.nothing(page.say("overview.no_months"))
            return
        count = page.say("openness.participations")
        line = Series(
            count,
            values,
            [figures.number(v) for v in values],
            figures.big_count(values[-1], count, page.lang),
            True,
            True,
        )
        made = lines(
            layout.variant(), points.axis(page.lang), [line], title=title, floor=0.0, height=MONTHS_HEIGHT
        )
        layout.plot(made, "months", partial(choice.narrow, "period"))


def _ticker(page: shell.Page) -> None:
    with layout.panel("ticker", page.say("overview.ticker"), page.say("overview.ticker_note")):
        components.ticker(page.lang, page.choice.as_query(), paused=page.paused)


def centre_columns(filters: Filters, lang: str) -> list[tuple[str, int, str]]:
    """(centre, participations, id), most first: every centre there is, those without any too."""
    by_centre = figure_cards.breakdown("M03", filters, "centre")
    counted = {centre: found.participations for centre, found in by_centre.items()}
    found = [
        (messages.called(zh, en, lang), counted.get(centre, 0), centre)
        for centre, zh, en in offered.centres()
        if filters.centre in (None, centre)
    ]
    if counted.get(None):
        found.append((messages.say("overview.no_centre", lang), counted[None], ""))
    return sorted(found, key=lambda one: (-one[1], one[2]))


def _centres(page: shell.Page) -> None:
    found = centre_columns(page.filters, page.lang)
    shown, rest = found[:CENTRES], found[CENTRES:]
    title, note = page.say("overview.centres"), page.say("overview.centres_note")
    if rest:
        note += page.say("overview.centres_rest", n=len(rest), sum=figures.number(sum(n for _, n, _ in rest)))
    with layout.panel("centres", title, note):
        if not any(n for _, n, _ in found):
            layout.nothing(page.say("overview.no_centres"))
            return
        bars = [Bar(name, n, figures.number(n), key=centre) for name, n, centre in shown]
        made = columns(
            layout.variant(),
            bars,
            title=title,
            unit=page.say("openness.participations"),
            height=CENTRES_HEIGHT,
        )
        layout.plot(made, "centres", partial(choice.narrow, "centre"))


def _warnings(page: shell.Page) -> None:
    """Counts by colour only: no lot, no name."""
    with context.ledger().read() as session:
        counts = warnings.counts(session, page.filters.centre)
    rows = "".join(
        f'<li style="grid-template-columns:1fr auto">{level(name, page.say(f"level.{name}"))}'
        f'<span class="num"><b style="font-size:28px;line-height:48px">{figures.number(n)}</b></span></li>'
        for name, n in counts.items()
    )
    with layout.panel("warnings", page.say("overview.warnings"), page.say("overview.warnings_note")):
        draw(f'<ol class="bars">{rows}</ol>')
        if not sum(counts.values()):
            layout.nothing(page.say("overview.calm"))


shell.show(
    "S01", body, every=10, filters=("period", "compare", "centre", "family", "currency"),
    as_of=lambda: context.lens().as_of(), over_lots=True,
)  # fmt: skip
