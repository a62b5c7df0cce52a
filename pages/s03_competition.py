"""S03 市场竞争程度: how many bid for each lot (F05) and who wins (F06)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import messages
from dashboard import awards, context
from dashboard.exports import tables as tabledata
from dashboard.panels import competition
from dashboard.shell import drill, figure_cards, layout, places, tables
from dashboard.shell import screen as shell
from dashboard.shell.cards import DASH, Kpi, lens_basis, show
from supervision.figures import formats as figures
from supervision.figures.figure import CLASSES
from supervision.figures.filters import Filters
from supervision.figures.results import Index

TOP = 8


def body(page: shell.Page) -> None:
    """Five figures; bidders per lot, new winners and who wins most; concentration of each market and prices; the lots."""
    if tabledata.count_lots(Filters()) == 0:
        shell.nothing_opened(page)
        return
    show(_kpis(page), page.lang)
    with layout.row("histogram", "three"):
        competition.bidders(page)
        competition.entrants(page)
        _winners(page)
    with layout.row("markets", "half"):
        competition.markets(page)
        competition.prices(page)
    _lots(page)


def _kpis(page: shell.Page) -> list[Kpi]:
    say, lang = page.say, page.lang
    firms = say("openness.firms")
    board = figure_cards.board(page.choice, lang, "M10", "M11", "M14", "M15")
    spread = board.present("M10")
    shared = lens_basis(page.lang)
    return [
        board.kpi("M10", lambda f: (figures.number(f.median), firms),
            delta=figure_cards.Delta(firms), key=True,
            note=lambda f: say("competition.spread", low=figures.number(f.p10), high=figures.number(f.p90))),
        Kpi(say("competition.mean"), figures.number(spread.mean, 2), firms, note=say("overview.lots", n=figures.number(spread.lots)),
            definition=say("competition.mean_definition"), basis=shared),
        board.kpi("M11", figure_cards.as_share, delta=figure_cards.points(lang),
            note=lambda f: f"{figures.number(f.numerator)} / {figures.number(f.denominator)} {say('openness.lots_unit')}",
            href=drill.address("met", "M11")),
        board.kpi("M14", lambda f: (figures.number(f.value), ""), delta=figure_cards.Delta(""),
            note=lambda f: _reading(page, f.value), href=drill.address("of", "M14")),
        board.kpi("M15", _cr4, delta=figure_cards.points(lang),
            note=lambda f: say("overview.lots", n=figures.number(f.lots)), href=drill.address("of", "M15")),
    ]  # fmt: skip


def _cr4(found: Index) -> tuple[str, str]:
    return (DASH, "") if found.value is None else (figures.percent(found.value).rstrip("%"), "%")


GRAINS_OF_A_YEAR = ("year", "rolling12", "ytd")


def _reading(page: shell.Page, hhi: float | None) -> str:
    """Which class the value falls into, and whether the selection is a market the classes are made for."""
    if hhi is None:
        return ""
    text = page.say(f"competition.hhi_{competition.HHI_WORDS[competition.hhi_class(hhi) - 1]}")
    f = page.filters
    one_market = f.category and f.centre and f.period is not None and f.grain in GRAINS_OF_A_YEAR
    return text if one_market else f"{text}<br>{page.say('competition.hhi_wider')}"


def _winners(page: shell.Page) -> None:
    awards.ranking(
        "winners",
        page.say("competition.winners"),
        page.filters,
        "winner",
        TOP,
        page.lang,
        drill.open_lots("winner"),
        104,
    )


_COLUMNS = [
    tables.Column("lot_name", width=320), tables.Column("open", tables.LINK), tables.Column("centre"), tables.Column("family"),
    tables.Column("opened_at", sort="opened"), tables.Column("bids", tables.COUNT, "bids"),
    tables.Column("control", tables.MONEY), tables.Column("award", tables.MONEY, "award"),
]  # fmt: skip


def _of_class(low: str) -> str:
    return next((competition.class_name(*edges) for edges in CLASSES if str(edges[0]) == low), low)


MARKS = ("bidders", "winner", "market", "lot", "of", "met")
"""What marks of this screen open the lots of."""


def _named(lang: str) -> Mapping[str, Callable[[str], str]]:
    """Values of MARKS in words."""
    return {
        "bidders": _of_class, "winner": figure_cards.winner_name, "lot": figure_cards.lot_name, "market": partial(_of_market, lang),
        **dict.fromkeys(("of", "met"), partial(drill.figure_name, lang=lang)),
    }  # fmt: skip


def _of_market(lang: str, market: str) -> str:
    category, _, centre = market.rpartition("/")
    return f"{messages.named('term', category, lang)} · {places.centre(centre, centre, lang)}"


def _lots(page: shell.Page) -> None:
    pick = page.choice.pick

    def rows(shown: tables.Window) -> list[tables.Row]:
        found = tabledata.lots_shown(page.filters, pick, shown.sort, shown.size, shown.offset)
        return [_row(lot, page.lang) for lot in found]

    total = tabledata.count_lots(page.filters, pick)
    drill.notice(pick, _named(page.lang), page.lang)
    note = drill.note(pick, total, page.lang)
    tables.grid("lots", page.say("openness.lots"), note, total, _COLUMNS, page.lang, rows, layout.open_lot)


def _row(lot: dict[str, Any], lang: str) -> tables.Row:
    return tables.Row([
        lot["lot_name"], f"{context.config().hub_url}/project/{lot['project_id']}",
        places.centre(lot["centre_id"], lot["centre_name"], lang), tabledata.family(lot["trade_family"], lang),
        tabledata.stamp(lot["opened_at"]), lot["bids"], (lot["control_price"], lot["currency"]),
        (lot["award_price"], lot["award_currency"] or lot["currency"]),
    ], lot["lot_id"])  # fmt: skip


shell.show(
    "S03", body, every=30, filters=("period", "compare", "centre", "family", "category", "currency"),
    as_of=lambda: context.lens().as_of(), over_lots=True, marks=MARKS,
)  # fmt: skip
