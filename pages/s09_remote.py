"""S09 远程异地评标: remote evaluations, their sites, sessions, rooms and seats (F18), and the experts' fees (F19)."""

from __future__ import annotations

from dashboard import context
from dashboard.panels import fees, remote
from dashboard.shell import figure_cards, layout
from dashboard.shell import screen as shell
from dashboard.shell.cards import Kpi, lens_basis, live_basis, show
from supervision.figures import formats as figures
from supervision.figures.dictionary import FIGURES
from supervision.figures.remote import Fees
from supervision.figures.results import Share
from supervision.lists.remote import TIERS, held


def body(page: shell.Page) -> None:
    """Five figures; sites and today's sessions; rooms and seats, the register of fees, the appraisals."""
    with context.ledger().read() as session:
        any_held = held(session)
    if not any_held:
        for function, kind in zip(page.screen.functions, ("session", "fee"), strict=True):
            shell.no_records(
                function.name(page.lang), page.say(f"remote.{kind}_kind"), page.say(f"remote.{kind}_shows")
            )
        return
    show(_kpis(page), page.lang)
    with layout.row("sites", "half"):
        remote.sites(page)
        remote.sessions(page)
    with layout.row("dispatch", "wide"):
        remote.rooms(page)
        fees.register(page)
        fees.appraisals(page)


def _kpis(page: shell.Page) -> list[Kpi]:
    say, lang = page.say, page.lang
    live = live_basis(lang)
    share: Share = figure_cards.values(("M36",), page.filters)["M36"]
    found = figure_cards.live(("M38", "M39"), page.filters)
    paid: Fees = found["M38"]
    covered: Share = found["M39"]
    tiers = figure_cards.live_breakdown("remote_sessions", page.filters, "tier")
    by_tier = " · ".join(
        f"{say(f'remote.tier_{tier}')} {figures.number(tiers[tier].value if tier in tiers else 0)}"
        for tier in (*TIERS, "")
        if tier or "" in tiers
    )
    of_sessions = f"{figures.number(covered.numerator)} / {figures.number(covered.denominator)} {say('remote.sessions_unit')}"
    mean = figures.number(paid.mean, 2) if paid.mean is not None else figures.DASH
    return [
        Kpi(say("remote.count"), figures.number(share.numerator), say("openness.lots_unit"),
            note=f"{by_tier}<br>{say('remote.of', n=figures.number(share.denominator), share=share.text)}",
            definition=FIGURES["M36"].definition.text(lang), key=True, basis=lens_basis(lang)),
        figure_cards.kpi("M38", lang, *figure_cards.split(figures.big_count(paid.attendances, say("remote.attendances"), lang)), live,
            say("remote.sessions_paid", n=figures.number(covered.numerator))),
        Kpi(say("remote.paid"), *figure_cards.split(figures.money(paid.amount, figures.CNY, lang)), note=say("remote.paid_note"),
            definition=FIGURES["M38"].definition.text(lang), basis=live),
        Kpi(say("remote.mean"), mean, say("remote.yuan"), note=say("remote.mean_note"),
            definition=FIGURES["M38"].definition.text(lang), basis=live),
        figure_cards.kpi("M39", lang, *figure_cards.as_share(covered), live, of_sessions),
    ]  # fmt: skip


shell.show("S09", body, every=10, filters=("period", "centre", "family"), over_lots=True)
