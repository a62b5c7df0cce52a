"""Panels of S03: bidders per lot over a logarithmic axis, who is new among the winners, how concentrated each market is,
how near to the control price was bid."""

from __future__ import annotations

from functools import partial
from typing import Any

import messages
from dashboard import context
from dashboard.charts.bars import Bar
from dashboard.charts.bars import histogram as draw_histogram
from dashboard.charts.grid import Cell, Dot, heat, strips
from dashboard.charts.scale import scale
from dashboard.charts.series import Series, lines
from dashboard.memo import per_lens
from dashboard.shell import drill, figure_cards, layout, offered
from dashboard.shell import filters as choice
from dashboard.shell.cards import DASH, Kpi, facts, lens_basis
from dashboard.shell.screen import Page
from supervision.figures import formats as figures
from supervision.figures.dictionary import FIGURES
from supervision.figures.figure import CLASSES, OPENED
from supervision.figures.filters import Filters
from supervision.figures.lots import Mark, PriceStrip, price_strips, rows_of_mark

HHI_LOW, HHI_HIGH = 1500, 2500
"""HHI below the first is low, above the second high: practice of merger control, for one market."""
FEWEST = 5
"""Awards below which a market's HHI says nothing: with one it is 10000 whoever wins."""
CATEGORIES, CENTRES = 8, 14
STRIPS = 9
CHART_HEIGHT, FACTS_HEIGHT = 228, 52
"""Pixels; the second of the line of figures below a chart."""
WIDEST = 1000
"""Where the last class of bidders ends on the axis."""


def hhi_class(hhi: float) -> int:
    """1 low, 2 medium, 3 high."""
    return 1 if hhi < HHI_LOW else 2 if hhi <= HHI_HIGH else 3


HHI_WORDS = ("low", "medium", "high")

# ── bidders per lot ──────────────────────────────────────────────────────────


def histogram(filters: Filters) -> list[int]:
    """Lots whose opening is over by class of bidders, those that failed too: the basis of M11."""
    found = figure_cards.breakdown("lots_by_bidders", filters, "bidders")
    return [found[low].value if low in found else 0 for low, _ in CLASSES]


def bidders(page: Page) -> None:
    """How many lots have how many bidders; below it how many of the bids were valid."""
    found = histogram(page.filters)
    title, note = page.say("competition.histogram"), ""
    if sum(found):
        failed = figures.number(figure_cards.values(("unopened",), page.filters)["unopened"].value)
        note = page.say("competition.histogram_note", n=figures.number(sum(found)), failed=failed)
    with layout.panel("histogram", title, note):
        if not sum(found):
            layout.nothing(page.say("competition.no_lots"))
            return
        bars = [
            Bar(class_name(*edges), n, figures.number(n), key=str(edges[0]) if n else None)
            for edges, n in zip(CLASSES, found, strict=True)
        ]
        edges = [max(low, 1) for low, _ in CLASSES] + [WIDEST]
        made = draw_histogram(
            layout.variant(), bars, edges, title=title, unit=page.say("openness.lots_unit"),
            below=page.say("openness.firms"),
            height=CHART_HEIGHT - FACTS_HEIGHT,
        )  # fmt: skip
        layout.plot(made, "histogram", drill.open_lots("bidders"))
        facts(_validity(page), page.lang)


def class_name(low: int, high: int | None) -> str:
    """ "3–5", ">300"."""
    return f"{low}–{high}" if high else f">{low - 1}"


def _validity(page: Page) -> list[Kpi]:
    single, rejected = figure_cards.values(("M12", "M13"), page.filters).values()
    return [_share(page, "M12", single), _share(page, "M13", rejected)]


def _share(page: Page, figure: str, found: Any) -> Kpi:
    value, unit = figure_cards.as_share(found)
    note = f"{figures.number(found.numerator)} / {figures.number(found.denominator)}" if value != DASH else ""
    return figure_cards.kpi(figure, page.lang, value, unit, lens_basis(page.lang), note)


# ── who is new ───────────────────────────────────────────────────────────────


def entrants(page: Page) -> None:
    """M16 over the points of the period: a click narrows the period."""
    points, name = scale(page.filters), FIGURES["M16"].name.text(page.lang)
    shares = figure_cards.series(("M16",), page.filters)["M16"]
    values = [None if v is None else float(figures.half_up(v * 100)) for v in shares]
    title = page.say("competition.entrants", by=points.kind(page.lang))
    with layout.panel("entrants", title, page.say("competition.entrants_note")):
        if not any(v is not None for v in values):
            layout.nothing(page.say("competition.no_entrants"))
            return
        said = [DASH if v is None else f"{v:.2f} %" for v in values]
        line = Series(name, values, said, said[-1], True, True)
        made = lines(
            layout.variant(),
            points.axis(page.lang, narrow=True),
            [line],
            title=title,
            floor=0.0,
            height=CHART_HEIGHT,
        )
        layout.plot(made, "entrants", partial(choice.narrow, "period"))


# ── how concentrated ─────────────────────────────────────────────────────────


def markets(page: Page) -> None:
    """HHI of every category at every centre with awards enough to say something."""
    title = page.say("competition.markets")
    rows, heads, cells = _markets(page.filters, page.lang)
    with layout.panel("markets", title, page.say("competition.markets_note", n=FEWEST) if cells else ""):
        if not cells:
            layout.nothing(page.say("competition.no_awards"))
            return
        classes = [page.say(f"competition.hhi_{word}") for word in HHI_WORDS]
        layout.plot(
            heat(layout.variant(), rows, heads, cells, classes, title=title, measure="HHI"),
            "markets",
            drill.open_lots("market"),
        )


def _markets(filters: Filters, lang: str) -> tuple[list[str], list[str], list[Cell]]:
    """Names of categories and centres, those with most awards first, and the cells between them."""
    found = {
        tuple(key.rsplit("/", 1)): one
        for key, one in figure_cards.breakdown("M14", filters, "market").items()
        if key
    }
    awards = {key: one.lots for key, one in found.items()}
    categories = _most(awards, 0, CATEGORIES)
    centres = [id for id, _, _ in offered.centres() if any(centre == id for _, centre in awards)][:CENTRES]
    called = {id: messages.called(zh, en, lang) for id, zh, en in offered.centres()}
    cells = [
        _cell(found[one, two], row, column, f"{one}/{two}", lang)
        for row, one in enumerate(categories)
        for column, two in enumerate(centres)
        if (one, two) in found
    ]
    names = [messages.named("term", one, lang) for one in categories]
    return names, [called[id] for id in centres], cells


def _most(counts: dict[Any, int], place: int, limit: int) -> list[str]:
    sums: dict[str, int] = {}
    for key, n in counts.items():
        sums[key[place]] = sums.get(key[place], 0) + n
    return sorted(sums, key=lambda one: (-sums[one], one))[:limit]


def _cell(found: Any, row: int, column: int, key: str, lang: str) -> Cell:
    note = messages.say("overview.lots", lang, n=figures.number(found.lots))
    if found.value is None or found.lots < FEWEST:
        return Cell(row, column, 0, DASH, note, key)
    return Cell(row, column, hhi_class(found.value), figures.number(found.value), note, key)


# ── how near to the control price ────────────────────────────────────────────


@per_lens
def strips_of(filters: Filters, pick: Mark | None, limit: int) -> list[PriceStrip]:
    """The price strips of the last lots of a choice."""
    rows = rows_of_mark(pick) if pick else OPENED
    return price_strips(context.lens(), filters, rows, limit)


def prices(page: Page) -> None:
    """Where the bids of the last lots lie below their control price, the award marked."""
    pick = page.choice.pick if page.choice.pick and page.choice.pick.by != "lot" else None
    found, title = strips_of(page.filters, pick, STRIPS), page.say("competition.prices")
    with layout.panel("prices", title, page.say(_prices_note(found)) if found else ""):
        if not found:
            layout.nothing(page.say("competition.no_prices"))
            return
        dots = [dot for row, one in enumerate(found) for dot in _dots(page, row, one)]
        notes = [_span_of(page, one) for one in found]
        made = strips(
            layout.variant(), [one.name for one in found], [one.lot for one in found], notes, dots, limit=100.0, title=title
        )  # fmt: skip
        layout.plot(made, "prices", drill.open_lots("lot"))


def _dots(page: Page, row: int, one: PriceStrip) -> list[Dot]:
    """A tick a price that was bid, and a dot for the award: its own amount, whatever the winner bid."""
    bids = [
        Dot(row, at, count, page.say("competition.priced", value=f"{at:.2f}", n=count))
        for at, count in one.prices.items()
    ]
    if one.award is None:
        return bids
    return [
        *bids,
        Dot(row, one.award, 1, page.say("competition.price_award", value=f"{one.award:.2f}"), True),
    ]


def _prices_note(found: list[PriceStrip]) -> str:
    """A dot is promised only where a lot has one."""
    any_won = any(one.award is not None for one in found)
    return "competition.prices_note" if any_won else "competition.prices_none_won"


def _span_of(page: Page, one: PriceStrip) -> str:
    """ "12 bids, 91.50–98.25 %, awarded at 94.00 %"."""
    low, high = min(one.prices), max(one.prices)
    span = page.say("competition.price_span", n=one.bids, low=f"{low:.2f}", high=f"{high:.2f}")
    return span + (
        page.say("competition.price_won", value=f"{one.award:.2f}") if one.award is not None else ""
    )
