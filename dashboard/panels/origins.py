"""外地企业从哪里来 Where firms from outside come from: bars of provinces, or the map, from province to city."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from dashboard import components, context, geometry
from dashboard.charts.bars import Bar, ranking
from dashboard.charts.chart import Chart
from dashboard.charts.maps import Area, areas
from dashboard.shell import choices, drill, figure_cards, layout
from dashboard.shell.screen import Page
from records.identifiers import province_name
from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.figures.openness import by_count

ORIGINS = 8
BARS, MAP = "bars", "map"
MAP_HEIGHT = 316
"""Pixels."""
Counted = tuple[str, int, str | None]
"""What a place is called, how many came from there, its digits (None: unknown)."""


def named(lang: str) -> Mapping[str, Callable[[str], str]]:
    """What marks of the panel open the lots of → their values in words."""
    return {"province": partial(province_name, lang=lang), "city": partial(geometry.city_name, lang=lang)}


def shown_as() -> str:
    """Whether the address asks for the map."""
    return choices.asked("origins", (BARS, MAP), BARS)


def panel(page: Page) -> None:
    """The panel; the map is that of the place whose lots are shown below."""
    title = page.say("openness.origins")
    names = {kind: page.say(f"openness.origins_{kind}") for kind in (BARS, MAP)}
    choose = partial(choices.segments, "origins", page.say("openness.origins_as"), names, default=BARS)
    with layout.panel_of_choice("origins", title, choose) as kind:
        if not (found := origin_counts(page.filters, page.lang)):
            layout.nothing(page.say("openness.origins_none"))
        elif kind == MAP:
            _map(page, title)
        else:
            layout.plot(_bars(page, found, title), "origins", drill.open_lots("province"))


def origin_counts(filters: Filters, lang: str) -> list[Counted]:
    """Outside participations by origin, most first; other cities of the home province apart."""
    home = context.config().home
    rest = home.rest_of_province(lang)
    found = by_count(figure_cards.breakdown("M04", filters, "province"))
    return [(rest if code == home.province else province_name(code, lang), n, code) for code, n in found]


def _bars(page: Page, found: Sequence[Counted], title: str) -> Chart:
    total, shown = sum(n for _, n, _ in found), list(found[:ORIGINS])
    if rest := total - sum(n for _, n, _ in shown):
        shown.append((page.say("openness.rest"), rest, None))
    bars = [Bar(name, n, _part(n, total), figures.number(n), code) for name, n, code in shown]
    return ranking(layout.variant(), bars, title=title)


def _part(n: int, total: int) -> str:
    return figures.percent(n / total, 1).replace("%", " %")


def _map(page: Page, title: str) -> None:
    """The provinces; the cities of the province that was picked, or of the picked city's."""
    pick = page.choice.pick
    chosen = pick.value if pick and pick.by in named(page.lang) else ""
    province = chosen[:2] if geometry.divided(chosen[:2]) else ""
    by, home = ("city" if province else "province"), context.config().home
    counts = by_count(figure_cards.breakdown("M04", page.filters, by))
    total = sum(n for _, n in counts)
    unit = page.say("openness.participations" if page.filters.unit == "participations" else "openness.firms")
    found = {code: _area(n, total, unit, code) for code, n in counts if code and code.startswith(province)}
    outlines = geometry.outlines(province or geometry.COUNTRY)
    made = areas(
        layout.variant(), outlines, f"{components.files().base}/{outlines.file}", found,
        title=f"{title} {province_name(province, page.lang)}".strip() if province else title, lang=page.lang,
        height=MAP_HEIGHT, home=home.division[:4] if province else home.province, chosen=chosen,
    )  # fmt: skip
    layout.plot(made, "origins", drill.open_lots(by))


def _area(n: int, total: int, unit: str, code: str) -> Area:
    return Area(n, f"{figures.number(n)} {unit}", _part(n, total), code)
