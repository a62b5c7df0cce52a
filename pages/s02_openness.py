"""S02 市场开放程度: whether firms from elsewhere come (F03), from where and with which certificates (F04)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from dashboard import context
from dashboard.charts.scale import scale
from dashboard.charts.series import HEIGHT, Series, lines
from dashboard.exports import tables as tabledata
from dashboard.panels import origins
from dashboard.shell import drill, figure_cards, layout, places, tables
from dashboard.shell import filters as choice
from dashboard.shell import screen as shell
from dashboard.shell.cards import DASH, Kpi, lens_basis, show
from dashboard.shell.html import draw, esc, icon
from records.identifiers import province_name
from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.figures.results import Origins, Share

MONTHS = 24


def body(page: shell.Page) -> None:
    """Five figures, 24 months, origins, certificates, and the lots behind them."""
    if tabledata.count_lots(Filters()) == 0:
        shell.nothing_opened(page)
        return
    show(_kpis(page), page.lang)
    with layout.row("months"):
        _months(page)
        origins.panel(page)
    draw(_certificates(page))
    _lots(page)


def _named(lang: str) -> Mapping[str, Callable[[str], str]]:
    """What marks of this screen open the lots of → their values in words."""
    return {
        **origins.named(lang),
        "certificate": partial(province_name, lang=lang),
        "of": partial(drill.figure_name, lang=lang),
    }


def _kpis(page: shell.Page) -> list[Kpi]:
    say, lang = page.say, page.lang
    board = figure_cards.board(page.choice, lang, "M04", "M04b", "M05", "M06", "M09")
    points = figure_cards.points(lang)
    count = say("openness.participations" if page.filters.unit == "participations" else "openness.firms")
    provinces = say("openness.provinces_unit")

    def of(found: Share, unit: str) -> str:
        return figure_cards.placed(found, unit, lang)

    def concentration(found: Origins) -> str:
        value = found.concentration
        return say("openness.concentration", value=DASH if value is None else figures.half_up(value))

    won: Share = figure_cards.values(("M05_amount",), page.filters)["M05_amount"]
    by_amount = "<br>" + say("openness.won_by_amount", rate=won.text)
    return [
        board.kpi("M04", figure_cards.as_share, delta=points, note=lambda f: of(f, count), key=True),
        board.kpi("M04b", figure_cards.as_share, delta=points,
            note=lambda f: of(f, count)),
        board.kpi("M05", figure_cards.as_share, delta=points,
            note=lambda f: of(f, say("openness.lots_unit")) + by_amount, href=drill.address("of", "M05")),
        board.kpi("M06", lambda f: (f.text.removeprefix("+"), points.unit), delta=points,
            note=lambda _: say("openness.gap_note")),
        _came(page),
        board.kpi("M09", lambda f: (figures.number(f.provinces), provinces),
            delta=figure_cards.Delta(provinces), note=concentration),
    ]  # fmt: skip


def _came(page: shell.Page) -> Kpi:
    """Lots for which firms from outside bid, and how many of them each."""
    came, each = figure_cards.values(("M07", "M08"), page.filters).values()
    note = f"{came.text}<br>" + page.say("openness.each", n=each.text)
    lots = page.say("openness.lots_unit")
    return figure_cards.kpi(
        "M07", page.lang, figures.number(came.numerator), lots, lens_basis(page.lang), note
    )


def _months(page: shell.Page) -> None:
    found = figure_cards.series(("M04", "M05"), page.filters, MONTHS)
    bids, wins = ([_percent(v) for v in found[one]] for one in ("M04", "M05"))
    points = scale(page.filters, MONTHS)
    title = page.say("openness.months", by=points.kind(page.lang))
    with layout.panel("months", title, page.say("openness.months_note", span=points.span(page.lang))):
        if not any(v is not None for v in (*bids, *wins)):
            layout.nothing(page.say("openness.no_months"))
            return
        drawn = [
            _line(page.say("openness.line_bids"), bids, True),
            _line(page.say("openness.line_wins"), wins, False),
        ]
        made = lines(
            layout.variant(),
            points.axis(page.lang),
            drawn,
            title=title,
            reference=_reference(page),
            gap=_gap(page, bids[-1], wins[-1]),
            height=origins.MAP_HEIGHT if origins.shown_as() == origins.MAP else HEIGHT,
        )
        layout.plot(made, "months", partial(choice.narrow, "period"))


def _line(name: str, values: list[float | None], key: bool) -> Series:
    return Series(name, values, [_shown(v) for v in values], f"{name} {_shown(values[-1])}", key, key)


def _gap(page: shell.Page, bids: float | None, wins: float | None) -> str:
    return (
        ""
        if bids is None or wins is None
        else page.say("openness.bracket", gap=figures.minus(f"{bids - wins:.2f}"))
    )


def _reference(page: shell.Page) -> tuple[float, str] | None:
    """The share that the city published for a year."""
    published = context.config().reference
    if published is None:
        return None
    return published.share, page.say("openness.reference", value=published.share, year=published.year)


def _percent(value: float | None) -> float | None:
    return None if value is None else float(figures.half_up(value * 100))


def _shown(value: float | None) -> str:
    return DASH if value is None else figures.minus(f"{value:.2f} %")


REGION_ICONS = {"recognised": "check", "pilot": "clock", "suspended": "cross"}


def _certificates(page: shell.Page) -> str:
    """A chip a region: its state as shape and word, and how many bid with its certificates."""
    found = origins.certificates(page.filters)
    counted = "openness.certificates_state" if found.listed else "openness.certificates_note"
    note = page.say(counted if found.regions else "openness.certificates_none", n=found.recognised)
    items = "".join(_region(page, one) for one in found.regions)
    return f'<section class="card strip"><h2>{found.title(page.lang)}<small>{note}</small></h2><ol>{items}</ol></section>'


def _region(page: shell.Page, region: origins.Region) -> str:
    link = drill.address("certificate", region.province)
    return (
        f'<li class="ca {region.state}"><a href="{esc(link)}" target="_self">{icon(REGION_ICONS[region.state])}'
        f"{esc(region.name(page.lang))} <b>{figures.number(region.participations)}</b></a></li>"
    )


_COLUMNS = [
    tables.Column("lot_name", width=288), tables.Column("open", tables.LINK), tables.Column("centre"), tables.Column("family"),
    tables.Column("opened_at", sort="opened"), tables.Column("bids", tables.COUNT, "bids"),
    tables.Column("outside_bids", tables.COUNT, "outside"), tables.Column("outside_share", tables.SHARE, "share"),
    tables.Column("provinces", tables.COUNT), tables.Column("winner"),
]  # fmt: skip


def _lots(page: shell.Page) -> None:
    pick = page.choice.pick

    def rows(shown: tables.Window) -> list[tables.Row]:
        found = tabledata.lots_shown(page.filters, pick, shown.sort, shown.size, shown.offset)
        return [_row(page, lot) for lot in found]

    total = tabledata.count_lots(page.filters, pick)
    drill.notice(pick, _named(page.lang), page.lang)
    note = drill.note(pick, total, page.lang)
    tables.grid("lots", page.say("openness.lots"), note, total, _COLUMNS, page.lang, rows, layout.open_lot)


def _row(page: shell.Page, lot: dict[str, Any]) -> tables.Row:
    """One lot; what is outside of it is unknown where no bidder's place is known."""
    outside, known = lot["outside"], lot["bids"] - lot["unknown"]
    return tables.Row([
        lot["lot_name"], f"{context.config().hub_url}/project/{lot['project_id']}",
        places.centre(lot["centre_id"], lot["centre_name"], page.lang), tabledata.family(lot["trade_family"], page.lang),
        tabledata.stamp(lot["opened_at"]), lot["bids"], outside if known else None, figures.ratio(outside, known),
        lot["provinces"] if known else None, _winner(page, lot["winner_id"], lot["winner_outside"]),
    ], lot["lot_id"])  # fmt: skip


def _winner(page: shell.Page, winner: str | None, outside: bool | None) -> str:
    if winner is None:
        return page.say("openness.evaluating")
    return page.say(
        {True: "openness.winner_outside", False: "openness.winner_home", None: "openness.winner_unknown"}[
            outside
        ]
    )


shell.show(
    "S02", body, every=10, filters=("period", "compare", "centre", "family", "category", "space", "unit", "home"),
    as_of=lambda: context.lens().as_of(), over_lots=True, marks=("province", "city", "certificate", "of"),
)  # fmt: skip
