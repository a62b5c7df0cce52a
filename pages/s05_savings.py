"""S05 规模节资与项目专题: deals and savings (F09), key projects (F10), small-value trading (F11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import messages
from dashboard import context
from dashboard.charts.scale import scale
from dashboard.charts.series import Series, lines
from dashboard.exports import tables as tabledata
from dashboard.panels import savings
from dashboard.shell import drill, figure_cards, layout, places, tables
from dashboard.shell import filters as choice
from dashboard.shell import screen as shell
from dashboard.shell.cards import Kpi, lens_basis, live_basis, show
from supervision.figures import formats as figures
from supervision.figures.answers import DEALS_MADE
from supervision.figures.dictionary import FIGURES
from supervision.figures.results import Count, Share

SEEN = 5


def body(page: shell.Page) -> None:
    """Six figures; deals by trade and how far below their control prices; key projects and small-value lots; the months."""
    board = figure_cards.board(page.choice, page.lang, "M02", "M29", "M30")
    show(_kpis(page, board), page.lang)
    with layout.row("trades", "half"):
        savings.trades(page)
        savings.prices(page)
    with layout.row("topics", "half"):
        savings.key_board(page)
        savings.small(page)
    _months(page, board)
    _lots(page)


def _kpis(page: shell.Page, board: figure_cards.Board) -> list[Kpi]:
    say, lang = page.say, page.lang
    points = figure_cards.points(lang)
    kinds = figure_cards.live_breakdown("M32", page.filters, "kind")
    keys, timely = sum(one.value for one in kinds.values()), figure_cards.live(("M33",), page.filters)["M33"]
    found = figure_cards.values(("M31", "M34", "M37"), page.filters)
    gain, small = found["M31"], found["M34"]
    gained = figures.money(gain.numerator, small.currency, lang) if gain.denominator else ""
    apart = "<br>" + say("savings.separate_award", n=figures.number(found["M37"].value))
    shared = lens_basis(page.lang)
    return [
        board.kpi("M02", figure_cards.amount(lang), note=lambda f: figure_cards.deals(f, lang) + apart, key=True),
        board.kpi("M29", figure_cards.as_share, note=lambda f: say("overview.weighted"), delta=points, href=drill.address("of", "M29")),
        board.kpi("M30", figure_cards.as_share, note=lambda f: say("overview.lots", n=figures.number(f.denominator)), delta=points, href=drill.address("of", "M30")),
        figure_cards.kpi("M31", lang, *figure_cards.as_share(gain), shared, say("savings.gained", amount=gained) if gained else ""),
        figure_cards.kpi("M32", lang, figures.number(keys), say("openness.provinces_unit"), live_basis(lang), _key_note(page, kinds, timely)),
        figure_cards.kpi("M34", lang, figures.number(small.count), say("openness.provinces_unit"), shared, figures.money(small.sum, small.currency, lang), href=drill.address("of", "M34")),
    ]  # fmt: skip


def _key_note(page: shell.Page, kinds: Mapping[str, Count], timely: Share) -> str:
    """How many of the key lots are of the city's plan and how many are safeguarded, and how many were awarded in time."""
    parts = [
        f"{messages.named('key_flag', kind, page.lang)} {figures.number(one.value)}"
        for kind, one in sorted(kinds.items())
    ]
    return " + ".join(parts) + "<br>" + page.say("savings.timely", rate=timely.text)


def _months(page: shell.Page, board: figure_cards.Board) -> None:
    size, unit = _unit(figure_cards.currency(page.filters), page.lang)
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


_COLUMNS = [
    tables.Column("lot_name", width=288), tables.Column("open", tables.LINK), tables.Column("centre"), tables.Column("family"),
    tables.Column("control", tables.MONEY), tables.Column("award", tables.MONEY, "award"),
    tables.Column("savings", tables.SHARE), tables.Column("winner"),
]  # fmt: skip


def _lots(page: shell.Page) -> None:
    """The lots behind what was clicked above, else those of the deals."""
    pick = page.choice.pick
    behind = pick or DEALS_MADE

    def rows(shown: tables.Window) -> list[tables.Row]:
        found = tabledata.lots_shown(page.filters, behind, "award", shown.size, shown.offset)
        return [_row(lot, page.lang) for lot in found]

    total = tabledata.count_lots(page.filters, behind)
    named: dict[str, Callable[[str], str]] = {
        "key": partial(messages.named, "site.lot", lang=page.lang),
        "lot": figure_cards.lot_name, "of": partial(drill.figure_name, lang=page.lang),
    }  # fmt: skip
    drill.notice(pick, named, page.lang)
    note = drill.note(behind, total, page.lang)
    if pick and pick.by == "key":
        note = f"{page.say('savings.key_lots_note', n=figures.number(total))} · {page.say('table.pick_lot')}"
    tables.grid(
        "lots", page.say("openness.lots"), note, total, _COLUMNS, page.lang, rows, layout.open_lot, seen=SEEN
    )


def _row(lot: dict[str, Any], lang: str) -> tables.Row:
    return tables.Row([
        lot["lot_name"], f"{context.config().hub_url}/project/{lot['project_id']}",
        places.centre(lot["centre_id"], lot["centre_name"], lang), tabledata.family(lot["trade_family"], lang),
        (lot["control_price"], lot["currency"]), (lot["award_price"], lot["award_currency"] or lot["currency"]),
        _saved(lot), lot["winner_name"],
    ], lot["lot_id"])  # fmt: skip


def _saved(lot: dict[str, Any]) -> Decimal | None:
    """What was saved of the control price, as a fraction; unknown across two currencies."""
    control, award = lot["control_price"], lot["award_price"]
    if control is None or award is None or lot["currency"] != lot["award_currency"]:
        return None
    return figures.ratio(control - award, control)


shell.show(
    "S05", body, every=30, filters=("period", "compare", "centre", "family", "category", "topic", "currency"),
    as_of=lambda: context.lens().as_of(), over_lots=True, marks=("key", "lot", "of"),
)  # fmt: skip
