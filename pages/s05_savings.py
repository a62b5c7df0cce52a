"""S05 规模节资与项目专题: deals and savings (F09), key projects (F10), small-value trading (F11)."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import messages
from dashboard import awards, context
from dashboard.charts.bars import Bar, ranking
from dashboard.charts.scale import scale
from dashboard.charts.series import Series, lines
from dashboard.exports import tables as tabledata
from dashboard.shell import drill, layout, places, tables
from dashboard.shell import figure_cards as measures
from dashboard.shell import filters as choice
from dashboard.shell import screen as shell
from dashboard.shell.cards import Kpi, lens_basis, show
from dashboard.shell.html import draw
from records.states import LOT_STATES
from supervision.figures import formats as figures
from supervision.figures.dictionary import FIGURES

SEEN = 5
SECTORS = 9


def body(page: shell.Page) -> None:
    """Five figures; deals by month and sector; key projects and small-value lots."""
    board = measures.board(page.choice, page.lang, "M02", "M29")
    show(_kpis(page, board), page.lang)
    with layout.row("months"):
        _months(page, board)
        _sectors(page)
    with layout.row("topics", "half"):
        _key_projects(page)
        _small(page)
    _lots(page)


def _kpis(page: shell.Page, board: measures.Board) -> list[Kpi]:
    say, lang = page.say, page.lang
    points, keys = measures.points(lang), measures.answers().value("M32", page.filters)
    mean, small = measures.values(("M30", "M34"), page.filters).values()
    shared = lens_basis(page.lang)
    return [
        board.kpi("M02", measures.amount(lang), note=lambda f: measures.deals(f, lang), key=True),
        board.kpi("M29", measures.as_share, note=lambda f: say("overview.weighted"), delta=points),
        measures.kpi("M30", lang, figures.percent(mean.value).rstrip("%"), "%", shared, say("overview.lots", n=figures.number(mean.denominator))),
        measures.kpi("M32", lang, figures.number(keys.value), say("openness.provinces_unit"), shared, say("savings.key_note")),
        measures.kpi("M34", lang, figures.number(small.count), say("openness.provinces_unit"), shared, figures.money(small.sum, small.currency, lang)),
    ]  # fmt: skip


def _months(page: shell.Page, board: measures.Board) -> None:
    size, unit = _unit(measures.currency(page.filters), page.lang)
    values = [float(figures.half_up((v or 0.0) / size)) for v in board.over_time["M02"]]
    points = scale(page.filters)
    title = page.say("savings.months", by=points.kind(page.lang))
    note = page.say("savings.months_note", span=points.span(page.lang), unit=unit)
    with layout.panel("months", title, note):
        if not any(values):
            layout.nothing(page.say("competition.no_awards"))
            return
        said = [f"{v:,.2f} {unit}" for v in values]
        line = Series(FIGURES["M02"].name.text(page.lang), values, said, f"{values[-1]:,.2f}", True, True)
        made = lines(layout.variant(), points.axis(page.lang), [line], title=title, floor=0.0)
        layout.plot(made, "months", partial(choice.narrow, "period"))


def _unit(code: str, lang: str) -> tuple[int, str]:
    """What the months' money is counted in: 亿 of a currency, millions in English."""
    scale = figures.scale_of(lang, 10**6)
    return scale.size, figures.unit(scale, code, lang)


def _sectors(page: shell.Page) -> None:
    awards.ranking(
        "sectors", page.say("savings.sectors"), page.filters, "category", SECTORS, page.lang,
        partial(choice.narrow, "category"),
    )  # fmt: skip


def _key_projects(page: shell.Page) -> None:
    found = measures.answers().breakdown("M32", page.filters, "state")
    title = page.say("savings.key_board")
    with layout.panel("key", title, page.say("savings.key_board_note") if found else ""):
        if not found:
            layout.nothing(page.say("savings.no_key"))
            return
        counts = {state: found[state].value for state in LOT_STATES if state in found}
        bars = [
            Bar(page.say(f"site.lot.{state}"), n, figures.number(n), key=state) for state, n in counts.items()
        ]
        layout.plot(ranking(layout.variant(), bars, title=title), "key", drill.open_lots("key"))


def _small(page: shell.Page) -> None:
    small = measures.values(("M30", "M34"), page.filters)["M34"]
    count, amount, code = small.count, small.sum, small.currency
    with layout.panel("small", page.say("savings.small_board")):
        if not count:
            layout.nothing(page.say("savings.no_small"))
            return
        lines = (
            (page.say("savings.small_count"), figures.number(count)),
            (page.say("savings.small_sum"), figures.money(amount, code, page.lang)),
            (page.say("savings.small_mean"), figures.money(amount / count, code, page.lang)),
        )
        rows = "".join(
            f'<li style="grid-template-columns:1fr auto"><span>{n}</span><span class="num"><b>{v}</b></span></li>'
            for n, v in lines
        )
        draw(f'<ol class="bars">{rows}</ol>')


_COLUMNS = [
    tables.Column("lot_name", width=288), tables.Column("open", tables.LINK), tables.Column("centre"), tables.Column("family"),
    tables.Column("control", tables.MONEY), tables.Column("award", tables.MONEY, "award"),
    tables.Column("savings", tables.SHARE), tables.Column("winner"),
]  # fmt: skip


def _lots(page: shell.Page) -> None:
    pick = page.choice.pick

    def rows(shown: tables.Window) -> list[tables.Row]:
        found = tabledata.lots_shown(page.filters, pick, "award", shown.size, shown.offset)
        return [_row(lot, page.lang) for lot in found]

    total = tabledata.count_lots(page.filters, pick)
    drill.notice(pick, {"key": partial(messages.named, "site.lot", lang=page.lang)}, page.lang)
    note = page.say("savings.key_lots_note" if pick else "openness.lots_note", n=figures.number(total))
    tables.grid("lots", page.say("openness.lots"), note, total, _COLUMNS, page.lang, rows, seen=SEEN)


def _row(lot: dict[str, Any], lang: str) -> tables.Row:
    return tables.Row([
        lot["lot_name"], f"{context.config().hub_url}/project/{lot['project_id']}",
        places.centre(lot["centre_id"], lot["centre_name"], lang), tabledata.family(lot["trade_family"], lang),
        (lot["control_price"], lot["currency"]), (lot["award_price"], lot["award_currency"] or lot["currency"]),
        _saved(lot), lot["winner_name"],
    ])  # fmt: skip


def _saved(lot: dict[str, Any]) -> Decimal | None:
    """What was saved of the control price, as a fraction; unknown across two currencies."""
    control, award = lot["control_price"], lot["award_price"]
    if control is None or award is None or lot["currency"] != lot["award_currency"]:
        return None
    return figures.ratio(control - award, control)


shell.show(
    "S05", body, every=30, filters=("period", "compare", "centre", "family", "category", "currency"),
    as_of=lambda: context.lens().as_of(), over_lots=True, marks=("key",),
)  # fmt: skip
