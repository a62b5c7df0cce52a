"""S03 市场竞争程度: how many bid for each lot (F05) and who wins (F06)."""

from __future__ import annotations

from decimal import Decimal

from dashboard import awards, context
from dashboard.charts import svg as charts
from dashboard.exports import tables as tabledata
from dashboard.shell import figure_cards as measures
from dashboard.shell import places, tables
from dashboard.shell import screen as shell
from dashboard.shell.cards import DASH, Kpi, lens_basis, show
from dashboard.shell.html import card, draw, esc, row
from dashboard.shell.memo import per_lens
from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.figures.narrow import OPENED_ON, where

CLASSES = ((0, 2), (3, 5), (6, 10), (11, 20), (21, 50), (51, 100), (101, 300), (301, None))
"""Classes of bidders per lot; the first is below the legal minimum of three (招标投标法 art. 28)."""
TOP = 8
ROWS = 6
HHI_SCALE = 10_000


def body(page: shell.Page) -> None:
    """Five figures; the distribution of bidders and the concentration of awards; the lots."""
    if tabledata.count_lots(Filters()) == 0:
        shell.empty(page.say("openness.empty"), page.say("openness.empty_what"))
        return
    show(_kpis(page), page.lang)
    draw(row("row2", _histogram(page), _winners(page)))
    _lots(page)


def _kpis(page: shell.Page) -> list[Kpi]:
    say, choice, lang = page.say, page.choice, page.lang
    firms = say("openness.firms")
    spread = measures.comparison("M10", page.filters).present
    hhi, cr4, lots = concentration(page.filters)
    concentrated = _reading(page, hhi)
    shared = lens_basis(page.lang)
    return [
        measures.kpi("M10", say("competition.median"), choice, lang, lambda f: (figures.number(f.median), firms),
            delta=measures.Delta(firms), key=True,
            note=lambda f: say("competition.spread", low=figures.number(f.p10), high=figures.number(f.p90))),
        Kpi(say("competition.mean"), figures.number(spread.mean, 2), firms, note=say("overview.lots", n=figures.number(spread.lots)),
            definition=say("competition.mean_definition"), basis=shared),
        measures.kpi("M11", say("competition.failed"), choice, lang, measures.as_share, delta=measures.points(lang),
            note=lambda f: f"{figures.number(f.numerator)} / {figures.number(f.denominator)} {say('openness.lots_unit')}"),
        Kpi(say("competition.hhi"), figures.number(hhi), note=concentrated,
            definition=say("competition.hhi_definition"), basis=shared),
        Kpi(say("competition.cr4"), figures.percent(cr4).rstrip("%") if cr4 is not None else DASH, "%",
            note=say("overview.lots", n=figures.number(lots)), definition=say("competition.cr4_definition"), basis=shared),
    ]  # fmt: skip


LOW, HIGH = 1500, 2500
"""HHI below the first is low, above the second high: practice of merger control, for one market."""
GRAINS_OF_A_YEAR = ("year", "rolling12", "ytd")


def _reading(page: shell.Page, hhi: float | None) -> str:
    """Which class the value falls into, and whether the selection is a market the classes are made for."""
    if hhi is None:
        return ""
    level = "low" if hhi < LOW else "medium" if hhi <= HIGH else "high"
    text = page.say(f"competition.hhi_{level}")
    f = page.filters
    one_market = f.category and f.centre and f.period is not None and f.grain in GRAINS_OF_A_YEAR
    return text if one_market else f"{text}<br>{page.say('competition.hhi_wider')}"


@per_lens
def concentration(filters: Filters) -> tuple[float | None, float | None, int]:
    """M14 HHI (0–10000) and M15 CR4 (fraction) over winners' shares of award value in one currency, and the lots counted."""
    found = awards.grouped(filters, "winner")
    amounts = [amount for *_, amount in found if amount]
    total = sum(amounts, Decimal(0))
    if not total:
        return None, None, 0
    parts = [float(amount / total) for amount in amounts]
    return sum(p * p for p in parts) * HHI_SCALE, sum(parts[:4]), sum(n for _, n, amount in found if amount)


@per_lens
def histogram(filters: Filters) -> tuple[int, ...]:
    """Lots whose opening is over by class of bidders, those that failed too: the basis of M11."""
    clause, params = where(filters, OPENED_ON)
    cases = ", ".join(
        f"count(*) FILTER (WHERE bids >= {low}{f' AND bids <= {high}' if high else ''})"
        for low, high in CLASSES
    )
    return tuple(int(n) for n in context.lens().one(f"SELECT {cases} FROM lots {clause}", params))


@per_lens
def unopened(filters: Filters) -> int:
    """Lots of the histogram whose bids were not opened: they failed, and are in none of the figures of opened lots."""
    clause, params = where(filters, OPENED_ON, "NOT opened", "bids IS NOT NULL")
    return int(context.lens().one(f"SELECT count(*) FROM lots {clause}", params)[0])


def _histogram(page: shell.Page) -> str:
    labels = [f"{low}–{high}" if high else f">{low - 1}" for low, high in CLASSES]
    values = [float(n) for n in histogram(page.filters)]
    if not sum(values):
        return card(
            page.say("competition.histogram"), f'<p class="muted">{page.say("competition.no_lots")}</p>'
        )
    failed = figures.number(unopened(page.filters))
    note = page.say("competition.histogram_note", n=figures.number(sum(values)), failed=failed)
    plot = charts.columns(
        labels, values, alt=page.say("competition.histogram"), unit=page.say("openness.firms")
    )
    return card(page.say("competition.histogram"), plot, note)


def _winners(page: shell.Page) -> str:
    return awards.ranking(page.say("competition.winners"), page.filters, "winner", TOP, page.lang, 120)


_COLUMNS = [
    tables.Column("lot_name"), tables.Column("centre"), tables.Column("family"), tables.Column("opened_at", sort="opened"),
    tables.Column("bids", True, "bids"), tables.Column("control", True), tables.Column("award", True, "award"),
]  # fmt: skip


def _lots(page: shell.Page) -> None:
    def draw_rows(shown: tables.Window) -> str:
        rows = [
            [
                tables.link(f"{context.config().hub_url}/project/{r['project_id']}", r["lot_name"]), esc(places.centre(r["centre_id"], r["centre_name"], page.lang)),
                tables.one(tabledata.family(r["trade_family"], page.lang)), tables.one(tabledata.when(r["opened_at"])),
                figures.number(r["bids"]), figures.money(r["control_price"], r["currency"], page.lang),
                figures.money(r["award_price"], r["award_currency"] or r["currency"], page.lang),
            ]
            for r in tabledata.lot_rows(page.filters, shown.sort, shown.size, shown.offset)
        ]  # fmt: skip
        return tables.markup(_COLUMNS, rows, page.lang, shown.sort, page.say("openness.lots"))

    total = tabledata.count_lots(page.filters)
    sorts = {c.sort: page.say(f"column.{c.key}") for c in _COLUMNS if c.sort}
    note = page.say("openness.lots_note", n=figures.number(total))
    tables.paged("lots", page.say("openness.lots"), note, total, ROWS, sorts, page.lang, draw_rows)


shell.show(
    "S03", body, every=30, filters=("period", "compare", "centre", "family", "category", "currency"),
    as_of=lambda: context.lens().as_of(), over_lots=True,
)  # fmt: skip
