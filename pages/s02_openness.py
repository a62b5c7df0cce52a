"""S02 市场开放程度: whether firms from elsewhere come (F03), from where and with which certificates (F04)."""

from __future__ import annotations

from functools import partial
from typing import Any

from dashboard import context
from dashboard.charts.bars import Bar, ranking
from dashboard.charts.scale import scale
from dashboard.charts.series import Series, lines
from dashboard.exports import tables as tabledata
from dashboard.shell import drill, layout, places, tables
from dashboard.shell import figure_cards as measures
from dashboard.shell import filters as choice
from dashboard.shell import screen as shell
from dashboard.shell.cards import DASH, Kpi, show
from dashboard.shell.html import draw, esc, icon
from records.identifiers import province_name
from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.figures.openness import by_count
from supervision.figures.results import Origins, Share

MONTHS = 24
ORIGINS = 8


def body(page: shell.Page) -> None:
    """Five figures, 24 months, origins, certificates, and the lots behind them."""
    if tabledata.count_lots(Filters()) == 0:
        shell.empty(page.say("openness.empty"), page.say("openness.empty_what"))
        return
    show(_kpis(page), page.lang)
    with layout.row("months"):
        _months(page)
        _origins(page)
    draw(_certificates(page))
    _lots(page)


def _kpis(page: shell.Page) -> list[Kpi]:
    say, lang = page.say, page.lang
    board = measures.board(page.choice, lang, "M04", "M04b", "M05", "M06", "M09")
    points = measures.points(lang)
    count = say("openness.participations" if page.filters.unit == "participations" else "openness.firms")
    provinces = say("openness.provinces_unit")

    def of(found: Share, unit: str) -> str:
        return measures.placed(found, unit, lang)

    def concentration(found: Origins) -> str:
        value = found.concentration
        return say("openness.concentration", value=DASH if value is None else figures.half_up(value))

    return [
        board.kpi("M04", measures.as_share, delta=points, note=lambda f: of(f, count), key=True),
        board.kpi("M04b", measures.as_share, delta=points,
            note=lambda f: of(f, count)),
        board.kpi("M05", measures.as_share, delta=points,
            note=lambda f: of(f, say("openness.lots_unit"))),
        board.kpi("M06", lambda f: (f.text.removeprefix("+"), points.unit), delta=points,
            note=lambda _: say("openness.gap_note")),
        board.kpi("M09", lambda f: (figures.number(f.provinces), provinces),
            delta=measures.Delta(provinces), note=concentration),
    ]  # fmt: skip


def _months(page: shell.Page) -> None:
    found = measures.series(("M04", "M05"), page.filters, MONTHS)
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
        )
        layout.plot(made, "months", partial(choice.narrow, "period"))


def _line(name: str, values: list[float | None], key: bool) -> Series:
    return Series(name, values, [_shown(v) for v in values], f"{name} {_shown(values[-1])}", key, key)


def _gap(page: shell.Page, bids: float | None, wins: float | None) -> str:
    return "" if bids is None or wins is None else page.say("openness.bracket", gap=f"{bids - wins:.2f}")


def _reference(page: shell.Page) -> tuple[float, str] | None:
    """The share that the city published for a year."""
    published = context.config().reference
    if published is None:
        return None
    return published.share, page.say("openness.reference", value=published.share, year=published.year)


def _percent(value: float | None) -> float | None:
    return None if value is None else float(figures.half_up(value * 100))


def _shown(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f} %"


def origin_counts(filters: Filters, lang: str) -> list[tuple[str, int, str | None]]:
    """(name, count, province) of outside participations by origin, most first; other cities of the home province apart."""
    home = context.config().home
    rest = home.rest_of_province(lang)
    found = by_count(measures.breakdown("M04", filters, "province"))
    return [(rest if code == home.province else province_name(code, lang), n, code) for code, n in found]


def _origins(page: shell.Page) -> None:
    found = origin_counts(page.filters, page.lang)
    total, title = sum(n for _, n, _ in found), page.say("openness.origins")
    with layout.panel("origins", title):
        if not total:
            layout.nothing(page.say("openness.origins_none"))
            return
        shown = found[:ORIGINS]
        if rest := total - sum(n for _, n, _ in shown):
            shown.append((page.say("openness.rest"), rest, None))
        bars = [
            Bar(name, n, figures.percent(n / total, 1).replace("%", " %"), figures.number(n), code)
            for name, n, code in shown
        ]
        layout.plot(
            ranking(layout.variant(), bars, title=title),
            "origins",
            drill.open_lots("province"),
        )


def certificate_regions(filters: Filters) -> list[tuple[str, int]]:
    """(province prefix, participations in the period) of every region whose certificates were ever used here, most first."""
    ever = by_count(measures.breakdown("M04b", Filters(), "certificate"))
    used = measures.breakdown("M03", filters, "certificate")
    found = [(code, used[code].participations if code in used else 0) for code, _ in ever if code]
    return sorted(found, key=lambda one: -one[1])


def _certificates(page: shell.Page) -> str:
    regions = certificate_regions(page.filters)
    used = sum(1 for _, n in regions if n)
    items = "".join(
        f"<li>{icon('check' if n else 'clock')}{esc(province_name(code, page.lang))} <b>{figures.number(n)}</b></li>"
        for code, n in regions
    )
    title = page.say("openness.certificates", n=len(regions))
    note = (
        page.say("openness.certificates_note", n=used) if regions else page.say("openness.certificates_none")
    )
    return f'<section class="card strip"><h2>{title}<small>{note}</small></h2><ol>{items}</ol></section>'


_COLUMNS = [
    tables.Column("lot_name", width=288), tables.Column("open", tables.LINK), tables.Column("centre"), tables.Column("family"),
    tables.Column("opened_at", sort="opened"), tables.Column("bids", tables.COUNT, "bids"),
    tables.Column("outside_bids", tables.COUNT, "outside"), tables.Column("outside_share", tables.SHARE, "share"),
    tables.Column("provinces", tables.COUNT), tables.Column("winner"),
]  # fmt: skip


def _lots(page: shell.Page) -> None:
    named = {"province": partial(province_name, lang=page.lang)}
    pick = page.choice.pick

    def rows(shown: tables.Window) -> list[tables.Row]:
        found = tabledata.lots_shown(page.filters, pick, shown.sort, shown.size, shown.offset)
        return [_row(page, lot) for lot in found]

    total = tabledata.count_lots(page.filters, pick)
    drill.notice(pick, named, page.lang)
    note = page.say("openness.lots_note", n=figures.number(total))
    tables.grid("lots", page.say("openness.lots"), note, total, _COLUMNS, page.lang, rows)


def _row(page: shell.Page, lot: dict[str, Any]) -> tables.Row:
    """One lot; what is outside of it is unknown where no bidder's place is known."""
    outside, known = lot["outside"], lot["bids"] - lot["unknown"]
    return tables.Row([
        lot["lot_name"], f"{context.config().hub_url}/project/{lot['project_id']}",
        places.centre(lot["centre_id"], lot["centre_name"], page.lang), tabledata.family(lot["trade_family"], page.lang),
        tabledata.stamp(lot["opened_at"]), lot["bids"], outside if known else None, figures.ratio(outside, known),
        lot["provinces"] if known else None, _winner(page, lot["winner_id"], lot["winner_outside"]),
    ])  # fmt: skip


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
    as_of=lambda: context.lens().as_of(), over_lots=True, marks=("province",),
)  # fmt: skip
