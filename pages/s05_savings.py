"""S05 规模节资与项目专题: deals and savings (F09), key projects (F10), small-value trading (F11)."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import func, select

from dashboard import charts, context, measures, shell, tabledata, tables
from dashboard.cards import DASH, Kpi, lens_basis, show
from dashboard.charts import Bar, Line
from dashboard.html import card, draw, esc, row
from dashboard.memo import per_lens
from records.projects import Lot, Project
from records.states import LOT_STATES
from supervision import figures, metrics
from supervision.filters import Filters, add_months
from supervision.narrow import AWARDED_ON, where

MONTHS = 12
ROWS = 5
YI = 100_000_000


def body(page: shell.Page) -> None:
    """Five figures; deals by month and sector; key projects and small-value lots."""
    show(_kpis(page), page.lang)
    draw(row("row2", _months(page), _sectors(page)))
    draw(row("row2 half", _key_projects(page), _small(page)))
    _lots(page)


def _kpis(page: shell.Page) -> list[Kpi]:
    say, choice, lang = page.say, page.choice, page.lang
    points = measures.points(lang)
    count, amount = small_value(page.filters)
    mean = measures.comparison("M30", page.filters).present
    shared = lens_basis(page.lang)
    return [
        measures.kpi("M02", say("overview.deals"), choice, lang, lambda f: measures.split(figures.yuan(f.yuan, lang)),
            note=lambda f: say("overview.lots", n=figures.number(f.count)), key=True),
        measures.kpi("M29", say("overview.saved"), choice, lang, measures.as_share, note=lambda f: say("overview.weighted"), delta=points),
        Kpi(say("savings.mean"), figures.percent(mean.value).rstrip("%"), "%", note=say("overview.lots", n=figures.number(mean.denominator)),
            definition=metrics.definition("M30", lang), basis=shared),
        Kpi(say("savings.key"), figures.number(sum(key_projects().values())), say("openness.provinces_unit"),
            note=say("savings.key_note"), definition=say("savings.key_definition"), basis=shared),
        Kpi(say("savings.small"), figures.number(count), say("openness.provinces_unit"), note=figures.yuan(amount, lang),
            definition=say("savings.small_definition"), basis=shared),
    ]  # fmt: skip


def _months(page: shell.Page) -> str:
    values = [float(figures.half_up((v or 0.0) / YI)) for v in measures.trend("M02", page.filters, MONTHS)]
    if not any(values):
        return card(page.say("savings.months"), f'<p class="muted">{page.say("competition.no_awards")}</p>')
    last = measures.last_month(page.filters)
    firsts = [add_months(last, n) for n in range(1 - MONTHS, 1)]
    labels = [f"{m.month}月" if page.lang == "zh" else f"{m:%b}" for m in firsts]
    titles = [f"{m:%Y-%m}　{v:.2f}" for m, v in zip(firsts, values, strict=True)]
    line = Line(f"{values[-1]:.2f}", values, mark="var(--sun)", fill=True)
    plot = charts.lines(labels, [line], alt=page.say("savings.months"), titles=titles, floor=0.0)
    return card(page.say("savings.months"), plot, page.say("savings.months_note", n=MONTHS))


@per_lens
def sectors(filters: Filters) -> tuple[tuple[str, int, Decimal], ...]:
    """(category, lots, award value) of the period, greatest first."""
    clause, params = where(
        filters, AWARDED_ON, "winner_id IS NOT NULL", "currency = 'CNY'", "award_price IS NOT NULL"
    )
    rows = context.lens().rows(
        f"SELECT coalesce(category, '—'), count(*), sum(award_price) FROM lots {clause} GROUP BY 1 ORDER BY 3 DESC, 1",
        params,
    )
    return tuple((str(name), int(n), Decimal(amount)) for name, n, amount in rows)


def _sectors(page: shell.Page) -> str:
    found = sectors(page.filters)[:9]
    if not found:
        return card(page.say("savings.sectors"), f'<p class="muted">{page.say("competition.no_awards")}</p>')
    bars = [Bar(name, float(amount), figures.yuan(amount, page.lang), str(n)) for name, n, amount in found]
    return card(page.say("savings.sectors"), charts.bars(bars), page.say("competition.winners_note"))


def key_projects() -> dict[str, int]:
    """Lots of key projects by state of the lot."""
    query = (
        select(Lot.status, func.count()).join(Project, Project.id == Lot.project_id)
        .where(Project.key_flag.is_not(None)).group_by(Lot.status)
    )  # fmt: skip
    with context.ledger().read() as session:
        return {row[0]: row[1] for row in session.execute(query)}


def _key_projects(page: shell.Page) -> str:
    found = key_projects()
    title = page.say("savings.key_board")
    if not found:
        return card(title, f'<p class="muted">{page.say("savings.no_key")}</p>')
    bars = [
        Bar(LOT_STATES[state] if page.lang == "zh" else state, found[state], figures.number(found[state]))
        for state in LOT_STATES
        if state in found
    ]
    return card(title, charts.bars(bars), page.say("savings.key_board_note"))


@per_lens
def small_value(filters: Filters) -> tuple[int, Decimal]:
    """M34: small-value lots with a result, and their award value in yuan."""
    flag = "list_contains(string_split(flags, ','), 'small_value')"
    clause, params = where(filters, AWARDED_ON, "winner_id IS NOT NULL", "currency = 'CNY'", flag)
    count, amount = context.lens().one(
        f"SELECT count(*), coalesce(sum(award_price), 0) FROM lots {clause}", params
    )
    return int(count), Decimal(amount)


def _small(page: shell.Page) -> str:
    count, amount = small_value(page.filters)
    title = page.say("savings.small_board")
    if not count:
        return card(title, f'<p class="muted">{page.say("savings.no_small")}</p>')
    lines = (
        (page.say("savings.small_count"), figures.number(count)),
        (page.say("savings.small_sum"), figures.yuan(amount, page.lang)),
        (page.say("savings.small_mean"), figures.yuan(amount / count, page.lang)),
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
                tables.link(f"{context.config().hub_url}/project/{r['project_id']}", r["lot_name"]), esc(r["centre_name"]),
                esc(tabledata.family(r["trade_family"], page.lang)), figures.yuan(r["control_price"], page.lang),
                figures.yuan(r["award_price"], page.lang), _saved(r["control_price"], r["award_price"]), esc(r["winner_name"]),
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


def _saved(control: Decimal | None, award: Decimal | None) -> str:
    return (
        DASH if control is None or award is None else figures.percent(figures.ratio(control - award, control))
    )


shell.show(
    "S05", body, every=30, filters=("period", "compare", "centre", "family", "category"), tables=("lots", "awards"),
    as_of=lambda: context.lens().as_of(),
)  # fmt: skip
