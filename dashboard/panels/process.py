"""How the procedure goes, on S04: how many lots went through each leg, in how many days, and what the law allows."""

from __future__ import annotations

from dashboard import context
from dashboard.memo import per_lens
from dashboard.shell import figure_cards
from dashboard.shell.cards import DASH, facts, lens_basis
from dashboard.shell.html import draw, esc
from dashboard.shell.screen import Page
from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.figures.results import Share
from supervision.lists import process
from supervision.lists.process import AT_LEAST, AT_MOST, Leg

QUALITY = ("M25", "M28", "M52")
"""Shares of lots that were as they should be: electronic throughout, long enough on public display, witnessed."""


@per_lens
def legs(filters: Filters) -> tuple[Leg, ...]:
    """The legs of the lots awarded in the period; what they are made of comes into the lens as well."""
    with context.ledger().read() as session:
        return tuple(process.legs(session, filters))


def funnel(page: Page) -> None:
    """A row a leg, then what share of the lots was as it should be."""
    head = "".join(
        f"<th scope='col'>{esc(page.say(f'service.funnel_{key}'))}</th>"
        for key in ("leg", "lots", "days", "law")
    )
    rows = "".join(_row(page, leg) for leg in legs(page.filters))
    title = esc(page.say("service.funnel"))
    draw(
        f'<table class="funnel"><caption class="vh">{title}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )
    quality(page)


def quality(page: Page) -> None:
    """How many lots were electronic throughout, on public display long enough, witnessed: each of those that should be."""
    found = figure_cards.values(QUALITY, page.filters)
    kpis = [
        figure_cards.kpi(one, page.lang, *figure_cards.as_share(share), lens_basis(page.lang), _parts(share))
        for one, share in found.items()
    ]
    facts(kpis, page.lang)


def _parts(share: Share) -> str:
    if not share.denominator:
        return ""
    return f"{figures.number(share.numerator)} / {figures.number(share.denominator)}"


def _row(page: Page, leg: Leg) -> str:
    days = DASH if leg.days is None else figures.number(leg.days, 1)
    return (
        f"<tr><th scope='row'>{esc(page.say(f'service.funnel_{leg.key}'))}</th><td class='num'>{figures.number(leg.lots)}</td>"
        f"<td class='num'><b>{days}</b></td><td class='num muted'>{esc(_law(page, leg))}</td></tr>"
    )


def _law(page: Page, leg: Leg) -> str:
    if leg.key in AT_LEAST:
        return page.say("service.funnel_least", n=AT_LEAST[leg.key])
    return page.say("service.funnel_most", n=AT_MOST[leg.key]) if leg.key in AT_MOST else DASH
