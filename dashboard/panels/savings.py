"""Panels of S05: deals by trade, awards against control prices, key projects by stage, small-value trading by centre."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

import messages
from dashboard import awards, context
from dashboard.charts.areas import Point, Tile, against, treemap
from dashboard.charts.axis import wide
from dashboard.charts.bars import GAP, Bar, ranking
from dashboard.charts.stages import Stage, stages
from dashboard.memo import per_ledger, per_lens
from dashboard.shell import choices, drill, figure_cards, layout, offered, places
from dashboard.shell import filters as choice
from dashboard.shell.cards import DASH
from dashboard.shell.html import draw, esc
from dashboard.shell.screen import Page
from records.clock import now
from records.states import LOT_STATES
from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.figures.lots import Priced, priced_lots
from supervision.lists import key_projects
from supervision.lists.key_projects import KeyLot

RATES = (6, 9, 12, 15)
"""Per cent of savings where the colour of a trade changes."""
BANDS: Mapping[str, tuple[int, int | None]] = {
    "small": (0, 8_000_000), "middle": (8_000_000, 80_000_000), "large": (80_000_000, None),
}  # fmt: skip
"""Control prices that are drawn together: from, and below (None: no bound)."""
POINTS = 300
PARTS = (0, 10, 20, 30, 40)
"""Per cent below the control price that have a line."""
NAMED = 1
"""Lots that are named where their saving is the least, and as many where it is the greatest."""
URGENT = 6
TALLEST, WIDEST_NAME = 12, 80.0
"""Centres that stand in one column, and pixels for the name of one."""

# ── deals by trade ───────────────────────────────────────────────────────────


def trades(page: Page) -> None:
    """The trades by award value, in the colour of what was saved."""
    title = page.say("savings.sectors")
    with layout.panel("sectors", title, page.say("savings.sectors_note")):
        if not (found := awards.grouped(page.filters, "category")):
            layout.nothing(page.say("competition.no_awards"))
            return
        saved, code = (
            figure_cards.breakdown("M29", page.filters, "category"),
            figure_cards.currency(page.filters),
        )
        valued = any(one.amount is not None for one in found)
        tiles = [_tile(page, one, saved.get(one.key), code, valued, found[0].amount) for one in found]
        classes = [
            page.say("savings.rate_below", n=RATES[0]),
            *(page.say("savings.rate_from", n=n) for n in RATES),
        ]
        made = treemap(layout.variant(), tiles, classes, title=title)
        layout.plot(made, "sectors", partial(choice.narrow, "category"))


def _tile(page: Page, one: Any, saved: Any, code: str, valued: bool, greatest: Decimal | None) -> Tile:
    name = messages.named("term", one.name, page.lang)
    rate = saved.exact if saved else None
    note = page.say("overview.lots", n=figures.number(one.lots))
    if rate is not None:
        note += " · " + page.say("savings.saved", rate=figures.percent(rate))
    step = 0 if rate is None else 1 + sum(rate * 100 >= least for least in RATES)
    figure = (
        figures.money(one.amount, code, page.lang, greatest)
        if valued
        else page.say("overview.lots", n=figures.number(one.lots))
    )
    return Tile(
        name, float(one.amount or 0) if valued else float(one.lots), step, figure, note, one.key or None
    )


# ── awards against control prices ────────────────────────────────────────────


@per_lens
def priced(filters: Filters, band: str) -> tuple[int, list[Priced]]:
    """How many lots lie in a band of control prices, and the latest of them."""
    low, high = BANDS[band]
    return priced_lots(context.lens(), filters, low, high, POINTS)


def prices(page: Page) -> None:
    """Award over control price of the latest lots, with lines of equal savings."""
    title, code = page.say("savings.prices"), figure_cards.currency(page.filters)
    bands = {name: page.say(f"savings.band_{name}") for name in BANDS}
    choose = partial(choices.segments, "band", page.say("savings.band"), bands, default="small")
    with layout.panel_of_choice("prices", title, choose) as band:
        total, found = priced(page.filters, band)
        if not found:
            layout.nothing(page.say("savings.no_prices"))
            return
        scale = figures.scale_of(page.lang, 10**4)
        points = [_point(page, lot, scale.size, code, named) for lot, named in _named(found)]
        parts = [(1 - part / 100, f"{part} %") for part in PARTS]
        unit = figures.unit(scale, code, page.lang)
        below, beside = (page.say(f"savings.prices_{side}", unit=unit) for side in ("below", "beside"))
        made = against(layout.variant(), points, parts, title=title, below=below, beside=beside)
        layout.plot(made, "prices", drill.open_lots("lot"))
        if total > len(found):
            layout.nothing(page.say("savings.prices_latest", n=len(found), all=figures.number(total)))


def _named(found: list[Priced]) -> list[tuple[Priced, bool]]:
    """Each lot, and whether its saving is among the least or the greatest."""
    by_saving = sorted(found, key=lambda lot: lot.saved)
    chosen = {lot.lot for lot in (*by_saving[:NAMED], *by_saving[-NAMED:])}
    return [(lot, lot.lot in chosen) for lot in found]


def _point(page: Page, lot: Priced, size: int, code: str, named: bool) -> Point:
    said = page.say(
        "savings.priced", award=figures.exact_money(lot.award, code, page.lang), control=figures.exact_money(lot.control, code, page.lang),
        rate=figures.percent(lot.saved),
    )  # fmt: skip
    return Point(float(lot.control / size), float(lot.award / size), lot.name, said, lot.lot, named)


# ── key projects ─────────────────────────────────────────────────────────────


@per_ledger
def _key_lots(filters: Filters) -> tuple[KeyLot, ...]:
    with context.ledger().read() as session:
        return tuple(key_projects.key_lots(session, filters))


def key_board(page: Page) -> None:
    """Key projects' lots by stage and progress, and the most urgent of those without an award."""
    lots = _key_lots(page.filters)
    title, at = page.say("savings.key_board"), now()
    with layout.panel("key", title, page.say("savings.key_board_note") if lots else ""):
        if not lots:
            layout.nothing(page.say("savings.no_key"))
            return
        words = [page.say(f"savings.progress_{part}") for part in key_projects.PARTS]
        counts = key_projects.by_state(lots, at)
        found = [_stage(page, state, counts[state], words) for state in LOT_STATES if state in counts]
        layout.plot(stages(layout.variant(), found, words, title=title), "key", drill.open_lots("key"))
        draw(_urgent(page, [lot for lot in lots if lot.awarded is None][:URGENT]))


def _stage(page: Page, state: str, counts: Mapping[str, int], words: list[str]) -> Stage:
    numbers = good, near, late, unplanned = tuple(counts[part] for part in key_projects.PARTS)
    note = " · ".join(f"{word} {n}" for word, n in zip(words, numbers, strict=True))
    lots = page.say("overview.lots", n=figures.number(sum(numbers)))
    return Stage(page.say(f"site.lot.{state}"), lots, note, good, near, late, unplanned, state)


def _urgent(page: Page, lots: list[KeyLot]) -> str:
    at, hub = now(), context.config().hub_url
    cards = "".join(
        f'<li class="{lot.progress(at)}"><a class="cut" href="{esc(f"{hub}/project/{lot.project_id}")}" target="_blank" rel="noopener">'
        f"{esc(lot.name)}</a><span>{esc(_due(page, lot))}</span></li>"
        for lot in lots
    )
    return f'<ol class="due">{cards}</ol>' if cards else ""


def _due(page: Page, lot: KeyLot) -> str:
    days = lot.late_by(now())
    word = page.say(f"savings.progress_{lot.progress(now())}")
    if lot.planned is None:
        return word
    return f"{word} " + (
        page.say("savings.late_by", n=days) if days > 0 else page.say("savings.days_left", n=-days)
    )


# ── small-value trading ──────────────────────────────────────────────────────


def small(page: Page) -> None:
    """Small-value lots and their amount: every small-value centre, those without any too, and whoever else had some."""
    found = figure_cards.breakdown("M34", page.filters, "centre")
    whole = figure_cards.values(("M30", "M34"), page.filters)["M34"]
    centres = {*found, *(id for id in offered.small_centres() if page.filters.centre in (None, id))}
    greatest = max((one.known or Decimal(0) for one in found.values()), default=Decimal(0))
    title = page.say("savings.small_centres", n=len(centres))
    with layout.panel("small", title, page.say("savings.small_note") if greatest else ""):
        if not whole.count:
            layout.nothing(page.say("savings.no_small"))
            return
        ordered = _in_order(centres, found)
        _ranked([_centre(page, id, found.get(id), whole.currency, greatest) for id in ordered], title)
        layout.nothing(_together(page, whole))


def _in_order(centres: Collection[str | None], found: Mapping[str | None, Any]) -> list[str | None]:
    """Most traded first."""

    def rank(id: str | None) -> tuple[Decimal, int, str]:
        one = found.get(id)
        return -(one.known or Decimal(0)) if one else Decimal(0), -one.count if one else 0, id or ""

    return sorted(centres, key=rank)


def _centre(page: Page, id: str | None, found: Any, currency: str, greatest: Decimal) -> Bar:
    """A centre by its amount, or where no amount is known of any by its number of lots."""
    name = places.centre(id, id, page.lang) or page.say("overview.no_centre")
    lots, amount = (found.count, found.known or Decimal(0)) if found else (0, Decimal(0))
    if not greatest:
        return Bar(name, lots, figures.number(lots), key=id)
    said = figures.money(amount, currency, page.lang, greatest) if lots else DASH
    return Bar(name, float(amount), said, figures.number(lots), id)


def _ranked(bars: Sequence[Bar], title: str) -> None:
    """One ranking, in two columns where it is long."""
    names = min(max(wide(bar.name) for bar in bars) + GAP, WIDEST_NAME)
    tall = len(bars) if len(bars) <= TALLEST else (len(bars) + 1) // 2
    columns = [st.container()] if tall == len(bars) else st.columns(2, gap="medium")
    for side, first in zip(columns, (0, tall), strict=False):
        part = bars[first : first + tall]
        words = title if tall == len(bars) else f"{title} {first + 1}–{first + len(part)}"
        with side:
            made = ranking(layout.variant(), part, title=words, name_width=names, longest=bars[0].size)
            layout.plot(made, f"small-{first}", partial(choice.narrow, "centre"))


def _together(page: Page, whole: Any) -> str:
    """ "12 · 3.40万元 · mean 0.28万元": what the centres make together."""
    priced = whole.count - whole.missing
    mean = figures.money(whole.sum / priced, whole.currency, page.lang) if priced else DASH
    total = figures.money(whole.known, whole.currency, page.lang)
    return page.say("savings.small_mean_of", n=figures.number(whole.count), total=total, mean=mean)
