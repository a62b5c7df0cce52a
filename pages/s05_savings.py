"""S05 规模节资与项目专题: deals and savings (F09), key projects (F10), small-value trading (F11)."""

from __future__ import annotations

from typing import Any

from dashboard import awards, context
from dashboard.charts import svg as charts
from dashboard.charts.scale import scale
from dashboard.charts.svg import Bar, Line
from dashboard.exports import tables as tabledata
from dashboard.shell import figure_cards as measures
from dashboard.shell import places, tables
from dashboard.shell import screen as shell
from dashboard.shell.cards import DASH, Kpi, lens_basis, show
from dashboard.shell.html import card, draw, esc, row
from records.states import LOT_STATES
from supervision.figures import formats as figures

ROWS = 5
SECTORS = 9


def body(page: shell.Page) -> None:
    """Five figures; deals by month and sector; key projects and small-value lots."""
    board = measures.board(page.choice, page.lang, "M02", "M29")
    show(_kpis(page, board), page.lang)
    draw(row("row2", _months(page, board), _sectors(page)))
    draw(row("row2 half", _key_projects(page), _small(page)))
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


def _months(page: shell.Page, board: measures.Board) -> str:
    size, unit = _unit(measures.currency(page.filters), page.lang)
    values = [float(figures.half_up((v or 0.0) / size)) for v in board.over_time["M02"]]
    points = scale(page.filters)
    title = page.say("savings.months", by=points.kind(page.lang))
    if not any(values):
        return card(title, f'<p class="muted">{page.say("competition.no_awards")}</p>')
    titles = [f"{name}　{v:,.2f}" for name, v in zip(points.names, values, strict=True)]
    line = Line(f"{values[-1]:,.2f}", values, mark="var(--sun)", fill=True)
    plot = charts.lines(points.labels(page.lang), [line], alt=title, titles=titles, floor=0.0)
    return card(title, plot, page.say("savings.months_note", span=points.span(page.lang), unit=unit))


def _unit(code: str, lang: str) -> tuple[int, str]:
    """What the months' money is counted in: 亿 of a currency, millions in English."""
    if lang == "zh":
        return int(figures.YI), figures.in_units("亿", code)
    return 10**6, f"{figures.currency_name(code, lang)}, million"


def _sectors(page: shell.Page) -> str:
    return awards.ranking(
        page.say("savings.sectors"),
        page.filters,
        "category",
        SECTORS,
        page.lang,
        72 if page.lang == "zh" else 104,
    )


def _key_projects(page: shell.Page) -> str:
    told = measures.answers().breakdown("M32", page.filters, "state")
    found = {state: count.value for state, count in told.items()}
    title = page.say("savings.key_board")
    if not found:
        return card(title, f'<p class="muted">{page.say("savings.no_key")}</p>')
    bars = [
        Bar(
            LOT_STATES[state] if page.lang == "zh" else state.replace("_", "-").capitalize(),
            found[state],
            figures.number(found[state]),
        )
        for state in LOT_STATES
        if state in found
    ]
    return card(title, charts.bars(bars), page.say("savings.key_board_note"))


def _small(page: shell.Page) -> str:
    small = measures.values(("M30", "M34"), page.filters)["M34"]
    count, amount, code = small.count, small.sum, small.currency
    title = page.say("savings.small_board")
    if not count:
        return card(title, f'<p class="muted">{page.say("savings.no_small")}</p>')
    lines = (
        (page.say("savings.small_count"), figures.number(count)),
        (page.say("savings.small_sum"), figures.money(amount, code, page.lang)),
        (page.say("savings.small_mean"), figures.money(amount / count, code, page.lang)),
    )
    rows = "".join(
        f'<li style="grid-template-columns:1fr auto"><span>{n}</span><span class="num"><b>{v}</b></span></li>'
        for n, v in lines
    )
    return card(title, f'<ol class="bars">{rows}</ol>')


_COLUMNS = [
    tables.Column("lot_name"), tables.Column("centre"), tables.Column("family"), tables.Column("control", True),
    tables.Column("award", True, "award"), tables.Column("savings", True), tables.Column("winner"),
]  # fmt: skip


def _lots(page: shell.Page) -> None:
    def draw_rows(shown: tables.Window) -> str:
        rows = [
            [
                tables.link(f"{context.config().hub_url}/project/{r['project_id']}", r["lot_name"]), esc(places.centre(r["centre_id"], r["centre_name"], page.lang)),
                tables.one(tabledata.family(r["trade_family"], page.lang)), figures.money(r["control_price"], r["currency"], page.lang),
                figures.money(r["award_price"], r["award_currency"] or r["currency"], page.lang), _saved(r), esc(r["winner_name"]),
            ]
            for r in tabledata.lot_rows(page.filters, "award", shown.size, shown.offset)
        ]  # fmt: skip
        return tables.markup(_COLUMNS, rows, page.lang, "award", page.say("openness.lots"))

    total = tabledata.count_lots(page.filters)
    note = page.say("openness.lots_note", n=figures.number(total))
    tables.paged(
        "lots",
        page.say("openness.lots"),
        note,
        total,
        ROWS,
        {"award": page.say("column.award")},
        page.lang,
        draw_rows,
    )


def _saved(lot: dict[str, Any]) -> str:
    """What was saved of the control price; a dash across two currencies."""
    control, award = lot["control_price"], lot["award_price"]
    if control is None or award is None or lot["currency"] != lot["award_currency"]:
        return DASH
    return figures.percent(figures.ratio(control - award, control))


shell.show(
    "S05", body, every=30, filters=("period", "compare", "centre", "family", "category", "currency"),
    as_of=lambda: context.lens().as_of(), over_lots=True,
)  # fmt: skip
