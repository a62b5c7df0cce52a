"""S03 市场竞争程度: how many bid for each lot (F05) and who wins (F06)."""

from __future__ import annotations

from typing import Any

from dashboard import awards, context
from dashboard.charts.bars import Bar, columns
from dashboard.exports import tables as tabledata
from dashboard.shell import drill, layout, places, tables
from dashboard.shell import figure_cards as measures
from dashboard.shell import screen as shell
from dashboard.shell.cards import DASH, Kpi, lens_basis, show
from supervision.figures import formats as figures
from supervision.figures.figure import CLASSES
from supervision.figures.filters import Filters

TOP = 8


def body(page: shell.Page) -> None:
    """Five figures; the distribution of bidders and the concentration of awards; the lots."""
    if tabledata.count_lots(Filters()) == 0:
        shell.empty(page.say("openness.empty"), page.say("openness.empty_what"))
        return
    show(_kpis(page), page.lang)
    with layout.row("histogram"):
        _histogram(page)
        _winners(page)
    _lots(page)


def _kpis(page: shell.Page) -> list[Kpi]:
    say, lang = page.say, page.lang
    firms = say("openness.firms")
    board = measures.board(page.choice, lang, "M10", "M11")
    spread = board.present("M10")
    hhi, cr4 = measures.values(("M14", "M15"), page.filters).values()
    shared = lens_basis(page.lang)
    return [
        board.kpi("M10", lambda f: (figures.number(f.median), firms),
            delta=measures.Delta(firms), key=True,
            note=lambda f: say("competition.spread", low=figures.number(f.p10), high=figures.number(f.p90))),
        Kpi(say("competition.mean"), figures.number(spread.mean, 2), firms, note=say("overview.lots", n=figures.number(spread.lots)),
            definition=say("competition.mean_definition"), basis=shared),
        board.kpi("M11", measures.as_share, delta=measures.points(lang),
            note=lambda f: f"{figures.number(f.numerator)} / {figures.number(f.denominator)} {say('openness.lots_unit')}"),
        measures.kpi("M14", lang, figures.number(hhi.value), "", shared, _reading(page, hhi.value)),
        measures.kpi("M15", lang, DASH if cr4.value is None else figures.percent(cr4.value).rstrip("%"), "%", shared,
            say("overview.lots", n=figures.number(cr4.lots))),
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


def histogram(filters: Filters) -> list[int]:
    """Lots whose opening is over by class of bidders, those that failed too: the basis of M11."""
    found = measures.breakdown("lots_by_bidders", filters, "bidders")
    return [found[low].value if low in found else 0 for low, _ in CLASSES]


def _histogram(page: shell.Page) -> None:
    found = histogram(page.filters)
    title, note = page.say("competition.histogram"), ""
    if sum(found):
        failed = figures.number(measures.values(("unopened",), page.filters)["unopened"].value)
        note = page.say("competition.histogram_note", n=figures.number(sum(found)), failed=failed)
    with layout.panel("histogram", title, note):
        if not sum(found):
            layout.nothing(page.say("competition.no_lots"))
            return
        bars = [
            Bar(_class(*edges), n, figures.number(n), key=str(edges[0]) if n else None)
            for edges, n in zip(CLASSES, found, strict=True)
        ]
        layout.plot(
            columns(layout.variant(), bars, title=title, unit=page.say("openness.lots_unit")),
            "histogram",
            drill.open_lots("bidders"),
        )


def _class(low: int, high: int | None) -> str:
    return f"{low}–{high}" if high else f">{low - 1}"


def _winners(page: shell.Page) -> None:
    awards.ranking(
        "winners",
        page.say("competition.winners"),
        page.filters,
        "winner",
        TOP,
        page.lang,
        drill.open_lots("winner"),
        144,
    )


_COLUMNS = [
    tables.Column("lot_name", width=320), tables.Column("open", tables.LINK), tables.Column("centre"), tables.Column("family"),
    tables.Column("opened_at", sort="opened"), tables.Column("bids", tables.COUNT, "bids"),
    tables.Column("control", tables.MONEY), tables.Column("award", tables.MONEY, "award"),
]  # fmt: skip


def _of_class(low: str) -> str:
    return next((_class(*edges) for edges in CLASSES if str(edges[0]) == low), low)


NAMED = {"bidders": _of_class, "winner": measures.winner_name}
"""What marks of this screen open the lots of → their values in words."""


def _lots(page: shell.Page) -> None:
    pick = page.choice.pick

    def rows(shown: tables.Window) -> list[tables.Row]:
        found = tabledata.lots_shown(page.filters, pick, shown.sort, shown.size, shown.offset)
        return [_row(lot, page.lang) for lot in found]

    total = tabledata.count_lots(page.filters, pick)
    drill.notice(pick, NAMED, page.lang)
    note = page.say("openness.lots_note", n=figures.number(total))
    tables.grid("lots", page.say("openness.lots"), note, total, _COLUMNS, page.lang, rows)


def _row(lot: dict[str, Any], lang: str) -> tables.Row:
    return tables.Row([
        lot["lot_name"], f"{context.config().hub_url}/project/{lot['project_id']}",
        places.centre(lot["centre_id"], lot["centre_name"], lang), tabledata.family(lot["trade_family"], lang),
        tabledata.stamp(lot["opened_at"]), lot["bids"], (lot["control_price"], lot["currency"]),
        (lot["award_price"], lot["award_currency"] or lot["currency"]),
    ])  # fmt: skip


shell.show(
    "S03", body, every=30, filters=("period", "compare", "centre", "family", "category", "currency"),
    as_of=lambda: context.lens().as_of(), over_lots=True, marks=NAMED,
)  # fmt: skip
