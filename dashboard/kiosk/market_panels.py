"""Panels of the wall whose figures come from the lens: openness, competition, savings, and how good the service is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import messages
from dashboard import awards, context
from dashboard.charts.scale import scale
from dashboard.kiosk.panel import Ask, Panel, bars, figure, named, pair, panel, plain, total
from dashboard.panels import process
from dashboard.panels.origins import certificates as certificate_regions
from dashboard.shell import figure_cards
from dashboard.shell.cards import DASH
from records.identifiers import PROVINCES, province_name
from records.states import LOT_STATES
from records.tables.projects import TRADE_FAMILIES
from supervision.figures import formats as figures
from supervision.figures.figure import CLASSES
from supervision.figures.filters import Filters
from supervision.figures.openness import by_count
from supervision.figures.results import Amount

ORIGINS, CATEGORIES, SECTORS = 8, 8, 12
"""Bars of a ranking, and rectangles of the sectors."""


def _percent(value: float | None) -> str:
    return DASH if value is None else figures.number(value * 100, 2)


def _ranking(title: str, note: str, rows: Sequence[tuple[str, float, str]], empty: str, **more: Any) -> Panel:
    return {"kind": "ranking", "title": title, "note": note, "bars": bars(rows), "empty": empty, **more}


# ── openness ─────────────────────────────────────────────────────────────────


def openness(ask: Ask) -> Panel:
    """The share of participations from elsewhere, its course, and the share the city published."""
    kpi = figure(ask, "M04", figure_cards.as_share, delta=figure_cards.points(ask.lang), key=True)
    published = context.config().reference
    reference = published and {
        "value": published.share / 100,
        "name": ask.say("openness.reference", value=published.share, year=published.year),
    }
    return panel(kpi, ask.period, reference=reference)


def open_gap(ask: Ask) -> Panel:
    """Who comes and who wins, by trade family: the share of participations beside the share of awards from elsewhere."""
    came, won = (figure_cards.breakdown(one, ask.filters, "family") for one in ("M04", "M05"))
    whole = figure_cards.values(("M04", "M05", "M06", "M04b", "M08", "M09"), ask.filters)
    rows = [(ask.say("filters.all"), whole["M04"], whole["M05"])]
    rows += [
        (ask.say(f"site.family.{code}"), came[code], won[code]) for code in TRADE_FAMILIES if code in came and code in won
    ]  # fmt: skip
    centres = [
        {"name": name, "first": float(a.value) * 100, "second": float(b.value) * 100, "figure": figures.number((a.value - b.value) * 100, 2)}
        for name, a, b in rows
        if a.value is not None and b.value is not None
    ]  # fmt: skip
    gap, origins = whole["M06"], whole["M09"]
    return {
        "kind": "dumbbell", "title": ask.say("wall.come_and_win"), "note": ask.period, "rows": centres,
        "first": ask.say("openness.line_bids"), "second": ask.say("openness.line_wins"), "third": ask.say("wall.gap"),
        "empty": ask.say("openness.no_months"),
        "pairs": [
            pair(named(ask, "M06"), gap.text.removeprefix("+"), ask.say("openness.points")),
            pair(named(ask, "M04b"), _percent(whole["M04b"].value), "%"),
            pair(named(ask, "M08"), whole["M08"].text, ask.say("openness.participations")),
            pair(ask.say("wall.concentration"), DASH if origins.concentration is None else f"{figures.half_up(origins.concentration)}"),
        ],
    }  # fmt: skip


def outside_totals(ask: Ask) -> Panel:
    """Participations from elsewhere, the lots they bid for, the provinces they come from."""
    found = figure_cards.values(("M04", "M07", "M09"), ask.filters)
    share, lots, origins = found["M04"], found["M07"], found["M09"]
    unit = ask.say("openness.participations")
    value, scaled = figure_cards.split(figures.big_count(int(share.numerator), unit, ask.lang))
    of = ask.say("wall.of", n=figures.number(lots.denominator))
    return {"kind": "totals", "title": "", "totals": [
        total(ask.say("wall.outside_participations"), value, scaled),
        total(named(ask, "M07"), figures.number(lots.numerator), ask.say("openness.lots_unit"), of),
        total(named(ask, "M09"), figures.number(origins.provinces), ask.say("openness.provinces_unit")),
    ]}  # fmt: skip


def provinces(ask: Ask) -> Panel:
    """Participations from elsewhere by province, as a tile a province; other cities of the home province on its own tile."""
    home, found = context.config().home, by_count(figure_cards.breakdown("M04", ask.filters, "province"))
    return {
        "kind": "provinces", "title": "", "home": home.province, "unit": ask.say("openness.participations"),
        "tiles": {code: n for code, n in found if code}, "names": _province_names(ask.lang),
        "home_name": messages.called(home.name, home.name_en, ask.lang), "home_rest": home.rest_of_province(ask.lang) if home.province else "",
        "legend": ask.say("wall.line_width"), "caption": ask.say("wall.tile_map"), "into": ask.say("wall.into"),
    }  # fmt: skip


def _province_names(lang: str) -> dict[str, str]:
    return {code: province_name(code, lang) for code in sorted(PROVINCES)}


def origins(ask: Ask) -> Panel:
    """Where firms from elsewhere come from, most first, as shares of all of them."""
    home = context.config().home
    found = by_count(figure_cards.breakdown("M04", ask.filters, "province"))
    whole = sum(n for _, n in found)
    rest = sum(n for _, n in found[ORIGINS:])
    names = [
        home.rest_of_province(ask.lang) if code == home.province else province_name(code, ask.lang)
        for code, _ in found
    ]
    rows = [
        (name, n, f"{_percent(n / whole)} %") for name, (_, n) in zip(names[:ORIGINS], found, strict=False)
    ]
    if rest:
        rows.append((ask.say("openness.rest"), rest, f"{_percent(rest / whole)} %"))
    return _ranking(ask.say("openness.origins"), ask.say("wall.share_of_outside"), rows, ask.say("openness.origins_none"))  # fmt: skip


def certificates(ask: Ask) -> Panel:
    """Regions whose certificates are recognised, each with its state, as S02 lists them."""
    found = certificate_regions(ask.filters)
    counted = "wall.certificates_state" if found.listed else "openness.certificates_note"
    return {
        "kind": "marks", "title": found.title(ask.lang), "note": ask.say(counted, n=found.recognised),
        "marks": [{"name": one.name(ask.lang), "state": one.state} for one in found.regions],
        "empty": ask.say("openness.certificates_none"),
    }  # fmt: skip


# ── competition ──────────────────────────────────────────────────────────────


def _classes(filters: Filters) -> list[tuple[str, float, str]]:
    """Lots by how many bid for them: the classes of M11's basis."""
    found = figure_cards.breakdown("lots_by_bidders", filters, "bidders")
    counted = [(low, high, found[low].value if low in found else 0) for low, high in CLASSES]
    return [(f"{low}–{high}" if high else f">{low - 1}", n, figures.number(n)) for low, high, n in counted]


def competition(ask: Ask) -> Panel:
    """How many bid for a lot: the median, and the lots by class."""
    kpi = _bidders(ask)
    found = figure_cards.values(("M11", "M16"), ask.filters)
    pairs = [pair(named(ask, one), _percent(found[one].value), "%") for one in ("M11", "M16")]
    return panel(kpi, ask.period, bars=bars(_classes(ask.filters)), pairs=pairs) | {"trend": None}


def _bidders(ask: Ask) -> Any:
    firms = ask.say("openness.firms")
    return figure(ask, "M10", lambda f: (figures.number(f.median), firms), delta=figure_cards.Delta(firms), key=True,
        note=lambda f: ask.say("competition.spread", low=figures.number(f.p10), high=figures.number(f.p90)))  # fmt: skip


def bidders(ask: Ask) -> Panel:
    """The median of bidders per lot and its course."""
    return panel(_bidders(ask), ask.period)


def failures(ask: Ask) -> Panel:
    """The share of lots that failed for want of bidders, and its course."""
    kpi = figure(ask, "M11", figure_cards.as_share, delta=figure_cards.points(ask.lang),
        note=lambda f: f"{figures.number(f.numerator)} / {figures.number(f.denominator)} {ask.say('openness.lots_unit')}")  # fmt: skip
    return panel(kpi, ask.period)


def competition_totals(ask: Ask) -> Panel:
    """Lots opened, participations, distinct firms."""
    found = figure_cards.values(("lots_opened", "M03"), ask.filters)
    unit, taken = ask.say("openness.participations"), found["M03"]
    firms = figure_cards.split(figures.big_count(taken.firms, ask.say("openness.firms"), ask.lang))
    return {"kind": "totals", "title": "", "totals": [
        total(named(ask, "lots_opened"), figures.number(found["lots_opened"].value), ask.say("openness.lots_unit")),
        total(named(ask, "M03"), *figure_cards.split(figures.big_count(taken.participations, unit, ask.lang))),
        total(ask.say("wall.firms"), *firms),
    ]}  # fmt: skip


def classes(ask: Ask) -> Panel:
    """The lots by how many bid for them, large."""
    rows = _classes(ask.filters)
    return {
        "kind": "columns", "title": ask.say("competition.histogram"), "note": ask.period, "bars": bars(rows),
        "unit": ask.say("openness.lots_unit"), "empty": "" if any(n for _, n, _ in rows) else ask.say("competition.no_lots"),
    }  # fmt: skip


def by_category(ask: Ask) -> Panel:
    """The median of bidders in the categories with the most lots."""
    found = figure_cards.breakdown("M10", ask.filters, "category")
    most = sorted(
        ((k, v) for k, v in found.items() if k and v.median is not None), key=lambda kv: -kv[1].lots
    )[:CATEGORIES]
    rows = [
        (messages.named("term", k, ask.lang), float(v.median), f"{figures.number(v.median)} {ask.say('openness.firms')}")
        for k, v in sorted(most, key=lambda kv: -kv[1].median)
    ]  # fmt: skip
    return _ranking(ask.say("wall.bidders_by_category"), ask.period, rows, ask.say("competition.no_lots"))


def concentration(ask: Ask) -> Panel:
    """How much of the market the greatest have: index and share, no names."""
    hhi, cr4, new = figure_cards.values(("M14", "M15", "M16"), ask.filters).values()
    return {"kind": "pairs", "title": ask.say("wall.market_concentration"), "note": ask.period, "pairs": [
        pair(named(ask, "M14"), figures.number(hhi.value)), pair(named(ask, "M15"), _percent(cr4.value), "%"),
        pair(named(ask, "M16"), _percent(new.value), "%"),
    ]}  # fmt: skip


# ── deals and savings ────────────────────────────────────────────────────────


def market_totals(ask: Ask) -> Panel:
    """Openings, participations and the sum of the awards."""
    found = figure_cards.values(("lots_opened", "M03", "M02"), ask.filters)
    unit = ask.say("openness.participations")
    return {"kind": "totals", "title": "", "totals": [
        total(named(ask, "lots_opened"), figures.number(found["lots_opened"].value), ask.say("openness.lots_unit")),
        total(named(ask, "M03"), *figure_cards.split(figures.big_count(found["M03"].participations, unit, ask.lang))),
        total(named(ask, "M02"), *figure_cards.split(found["M02"].shown(ask.lang)), _in_others(ask, found["M02"])),
    ]}  # fmt: skip


def _in_others(ask: Ask, found: Amount) -> str:
    return ask.say("overview.other_currencies", n=figures.number(found.elsewhere)) if found.elsewhere else ""


def deals(ask: Ask) -> Panel:
    """The sum of the awards and its course."""
    kpi = figure(
        ask, "M02", figure_cards.amount(ask.lang), note=lambda f: figure_cards.deals(f, ask.lang), key=True
    )
    return panel(kpi, ask.period, floor=0)


def savings(ask: Ask) -> Panel:
    """What was saved of the control prices, weighted by them, and its course; the plain mean beside it."""
    kpi = figure(
        ask,
        "M29",
        figure_cards.as_share,
        delta=figure_cards.points(ask.lang),
        note=lambda _: ask.say("overview.weighted"),
    )
    mean = figure_cards.values(("M30",), ask.filters)["M30"]
    return panel(kpi, ask.period, pairs=[pair(named(ask, "M30"), _percent(mean.value), "%")])


def deal_totals(ask: Ask) -> Panel:
    """Lots awarded, key projects, small-value lots."""
    keys = figure_cards.values(("M32",), ask.filters)["M32"]
    found = figure_cards.values(("M01", "M34"), ask.filters)
    return {"kind": "totals", "title": "", "totals": [
        total(named(ask, "M01"), figures.number(found["M01"].value), ask.say("openness.lots_unit")),
        total(named(ask, "M32"), figures.number(keys.value), ask.say("openness.provinces_unit")),
        total(named(ask, "M34"), figures.number(found["M34"].count), ask.say("openness.provinces_unit")),
    ]}  # fmt: skip


def sectors(ask: Ask) -> Panel:
    """What was bought: the sum of the awards by category as areas."""
    found = [one for one in awards.grouped(ask.filters, "category") if one.amount][:SECTORS]
    unit, greatest = figure_cards.currency(ask.filters), found[0].amount if found else None
    rows = [
        (messages.named("term", one.name, ask.lang), float(one.amount or 0), figures.money(one.amount, unit, ask.lang, greatest))
        for one in found
    ]  # fmt: skip
    return {
        "kind": "treemap", "title": ask.say("savings.sectors"), "note": ask.period, "bars": bars(rows),
        "empty": "" if rows else ask.say("competition.no_awards"),
    }  # fmt: skip


def key_projects(ask: Ask) -> Panel:
    """Key projects by how far they have come."""
    found = figure_cards.breakdown("M32", ask.filters, "state")
    counts = {state: found[state].value for state in LOT_STATES if state in found}
    rows = [(ask.say(f"site.lot.{state}"), n, figures.number(n)) for state, n in counts.items()]
    return _ranking(ask.say("savings.key_board"), ask.period, rows, ask.say("savings.no_key"))


def small_value(ask: Ask) -> Panel:
    """Small-value trading: lots, their sum, their mean."""
    small = figure_cards.values(("M30", "M34"), ask.filters)["M34"]
    money = (
        figure_cards.split(figures.money(small.sum, small.currency, ask.lang)) if small.count else (DASH, "")
    )
    mean = (
        figure_cards.split(figures.money(small.sum / small.count, small.currency, ask.lang))
        if small.count
        else (DASH, "")
    )
    return {"kind": "pairs", "title": ask.say("savings.small_board"), "note": ask.period, "pairs": [
        pair(ask.say("savings.small_count"), figures.number(small.count)), pair(ask.say("savings.small_sum"), *money),
        pair(ask.say("savings.small_mean"), *mean),
    ]}  # fmt: skip


# ── service ──────────────────────────────────────────────────────────────────


def broadcasts(ask: Ask) -> Panel:
    """How many openings were broadcast, and what share of all."""
    found = figure_cards.values(("M18", "M19", "M20"), ask.filters)
    sessions, coverage, served = found["M18"], found["M19"], found["M20"]
    hours = figures.number(sessions.seconds / 3600, 1)
    return {
        "kind": "figure", "title": named(ask, "M18"), "note": ask.period, "value": figures.number(sessions.sessions),
        "unit": ask.say("overview.sessions"), "change": plain(ask.say("service.hours", n=hours)), "small": "", "trend": None, "key": True,
        "gauge": {"name": named(ask, "M19"), "value": coverage.value, "said": f"{_percent(coverage.value)} %"},
        "pairs": [
            pair(named(ask, "M20"), figures.number(served.firms), ask.say("openness.firms")),
            pair(ask.say("wall.breaks"), figures.number(sessions.interruptions), ask.say("wall.times")),
        ],
    }  # fmt: skip


def cycle(ask: Ask) -> Panel:
    """The median days a lot takes, leg by leg, and the whole."""
    unit, whole = ask.say("service.days"), figure_cards.values(("M27",), ask.filters)["M27"].total
    days = [(ask.say(f"service.funnel_{leg.key}"), leg.days) for leg in process.legs(ask.filters)]
    days.append((ask.say("service.whole"), whole))
    rows = [(name, took, f"{figures.number(took, 1)} {unit}") for name, took in days if took is not None]
    return _ranking(ask.say("service.legs"), ask.period, rows, ask.say("competition.no_awards"))


def quality(ask: Ask) -> Panel:
    """How much of the process is electronic, public for long enough, remote."""
    found = figure_cards.values(("M25", "M28", "M36"), ask.filters)
    pairs = [pair(named(ask, one), _percent(found[one].value), "%") for one in ("M25", "M28", "M36")]
    return {"kind": "pairs", "title": ask.say("wall.quality"), "note": ask.period, "pairs": pairs}


# ── warnings ─────────────────────────────────────────────────────────────────


def warned_months(ask: Ask) -> Panel:
    """Warnings raised in each of the last months."""
    points = scale(ask.filters)
    found = figure_cards.series_of("M44", ask.filters, lambda one: float(one.value))
    trend = {"names": points.names, "values": found, "said": [figures.number(value) for value in found]}
    return {"kind": "course", "title": ask.say("wall.warnings_by", by=points.kind(ask.lang)), "note": points.span(ask.lang), "trend": trend, "floor": 0}  # fmt: skip
