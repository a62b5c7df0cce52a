"""外地企业从哪里来 Where firms from outside come from: bars of provinces, or the map, from province to city; and the
regions whose certificates are recognised."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import messages
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
    note = page.say("openness.origins_note", unit=_unit(page))
    with layout.panel_of_choice("origins", title, choose, note) as kind:
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
    return ranking(layout.variant(), bars, title=title, units=("", _unit(page)))


def _unit(page: Page) -> str:
    return page.say("openness.participations" if page.filters.unit == "participations" else "openness.firms")


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
    unit = _unit(page)
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


@dataclass(frozen=True)
class Region:
    """A province whose digital certificates may be used here; its state one of recognised, pilot, suspended."""

    province: str
    state: str
    participations: int
    """With its certificates in the period."""
    listed: bool

    def name(self, lang: str) -> str:
        """The province, and its state where it is not simply recognised."""
        name = province_name(self.province, lang)
        if self.state == "recognised" or not self.listed:
            return name
        return name + messages.say(f"openness.certificate_{self.state}", lang)


@dataclass(frozen=True)
class Certificates:
    """The regions of certificates: as the city lists them, or those whose certificates were ever used here."""

    regions: Sequence[Region]
    listed: bool

    def title(self, lang: str) -> str:
        """How many there are."""
        title = "openness.certificates_listed" if self.listed else "openness.certificates"
        return messages.say(title, lang, n=len(self.regions))

    @property
    def recognised(self) -> int:
        """How many are in force: neither on trial nor suspended; of regions that are not listed, those used in the period."""
        return sum(one.state == "recognised" for one in self.regions)


def certificates(filters: Filters) -> Certificates:
    """The regions that recognise our certificates, as they are listed; where none is, those whose certificates were
    ever used here, most first."""
    used = figure_cards.breakdown("M03", filters, "certificate")
    counts = {code: found.participations for code, found in used.items()}
    if listed := context.config().certificates:
        regions = [Region(one.province, one.state, counts.get(one.province, 0), True) for one in listed]
        return Certificates(regions, True)
    ever = [code for code, _ in by_count(figure_cards.breakdown("M04b", Filters(), "certificate")) if code]
    found = [
        Region(code, "recognised" if counts.get(code) else "pilot", counts.get(code, 0), False)
        for code in ever
    ]
    return Certificates(sorted(found, key=lambda one: -one.participations), False)
