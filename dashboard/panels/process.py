"""How the procedure goes, on S04: how many lots went through each leg, in how many days, and where the law's limit lies."""

from __future__ import annotations

import messages
from dashboard import context
from dashboard.memo import per_lens
from dashboard.shell import drill, figure_cards
from dashboard.shell.cards import DASH, facts, lens_basis
from dashboard.shell.html import draw, esc
from dashboard.shell.screen import Page
from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.figures.results import Share
from supervision.lists import process
from supervision.lists.process import AT_LEAST, AT_MOST, Leg

QUALITY = ("M25", "M26", "M28", "M52")
"""Shares of lots that were as they should be: electronic throughout, their documents on display before the notice, their
candidates long enough on public display, witnessed."""
TRACK = 100
"""Units of a bar's track."""


@per_lens
def legs(filters: Filters) -> tuple[Leg, ...]:
    """The legs of the lots awarded in the period; what they are made of comes into the lens as well."""
    with context.ledger().read() as session:
        return tuple(process.legs(session, filters))


def funnel(page: Page) -> None:
    """A row a leg, its days as a bar in which the law's limit is marked; then what was as it should be, and who watched."""
    head = "".join(
        f"<th scope='col'>{esc(page.say(f'service.funnel_{key}'))}</th>"
        for key in ("leg", "lots", "bar", "days", "law")
    )
    found = legs(page.filters)
    longest = max([leg.days or 0.0 for leg in found] + [_limit(leg) or 0 for leg in found])
    rows = "".join(_row(page, leg, longest) for leg in found)
    title = esc(page.say("service.funnel"))
    draw(
        f'<table class="funnel"><caption class="vh">{title}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )
    quality(page)


def quality(page: Page) -> None:
    """How many lots were as they should be, of those that should be; the days of the whole; how often openings were watched."""
    beside = figure_cards.beside(page.choice, page.lang, (), (*QUALITY, "M27", "M23"))
    found = beside.present
    basis, lang = lens_basis(page.lang), page.lang
    kpis = [
        figure_cards.kpi(one, lang, *figure_cards.as_share(found[one]), basis, _parts(page, one, found[one]))
        for one in QUALITY
    ]
    days, watched = found["M27"], found["M23"]
    unit = page.say("service.days")
    sooner = beside.change("M27", figure_cards.Delta(unit, places=1))
    kpis.append(
        figure_cards.kpi(
            "M27",
            lang,
            figures.number(days.total, 1),
            unit,
            basis,
            change=sooner,
            href=drill.address("of", "M27"),
        )
    )
    hours = figures.number(watched.seconds / 3600, 1)
    note = page.say("service.watched_note", peak=figures.number(watched.peak), hours=hours)
    views = page.say("service.views")
    kpis.append(
        figure_cards.kpi(
            "M23", lang, figures.number(watched.viewers), views, basis, note, href=drill.address("met", "M19")
        )
    )
    facts(kpis, page.lang)


def _parts(page: Page, figure: str, share: Share) -> str:
    """ "89 / 93 · 差 4": the lots of a share, and those that fall short, each leading to them."""
    if not share.denominator:
        return ""
    of = drill.link("of", figure, f"{figures.number(share.numerator)} / {figures.number(share.denominator)}")
    missing = int(share.denominator - share.numerator)
    if not missing:
        return of
    return f"{of} · {drill.link('short', figure, page.say('service.short', n=figures.number(missing)))}"


def _row(page: Page, leg: Leg, longest: float) -> str:
    days = DASH if leg.days is None else figures.number(leg.days, 1)
    lots = drill.link("leg", leg.key, figures.number(leg.lots)) if leg.lots else figures.number(0)
    return (
        f"<tr><th scope='row'>{esc(page.say(f'service.funnel_{leg.key}'))}</th><td class='num'>{lots}</td>"
        f"<td>{_bar(leg, longest)}</td><td class='num'><b>{days}</b></td><td class='num muted'>{esc(_law(page, leg))}</td></tr>"
    )


def leg_name(lang: str, key: str) -> str:
    """A leg in words."""
    return messages.say(f"service.funnel_{key}", lang) if key in process.LEGS else key


def _bar(leg: Leg, longest: float) -> str:
    """The days on a track as long as the longest leg, an upright line where the law's limit lies."""
    scale = TRACK / longest if longest else 0.0
    limit, wrong = _limit(leg), " class='over'" if _beyond(leg) else ""
    mark = "" if limit is None else f"<path d='M{limit * scale:.1f} 0V12'/>"
    return (
        f"<svg viewBox='-1 0 {TRACK + 2} 12' preserveAspectRatio='none' aria-hidden='true'><rect width='{TRACK}' height='12'/>"
        f"<rect{wrong} y='2' width='{(leg.days or 0.0) * scale:.1f}' height='8'/>{mark}</svg>"
    )


def _limit(leg: Leg) -> int | None:
    return AT_LEAST.get(leg.key, AT_MOST.get(leg.key))


def _beyond(leg: Leg) -> bool:
    """Whether the median is on the wrong side of the law's limit."""
    if leg.days is None:
        return False
    return leg.days < AT_LEAST.get(leg.key, 0) or leg.days > AT_MOST.get(leg.key, leg.days)


def _law(page: Page, leg: Leg) -> str:
    if leg.key in AT_LEAST:
        return page.say("service.funnel_least", n=AT_LEAST[leg.key])
    return page.say("service.funnel_most", n=AT_MOST[leg.key]) if leg.key in AT_MOST else DASH
