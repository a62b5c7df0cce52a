"""S09 远程异地评标: remote evaluations, their sites, sessions, rooms and seats (F18), and the experts' fees (F19)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from dashboard import context
from dashboard.charts.bars import Bar, columns
from dashboard.exports import tables as tabledata
from dashboard.panels import remote
from dashboard.shell import drill, figure_cards, layout, places, tables
from dashboard.shell import screen as shell
from dashboard.shell.cards import Kpi, lens_basis, live_basis, show
from dashboard.shell.html import draw, esc
from supervision.figures import formats as figures
from supervision.figures.dictionary import FIGURES
from supervision.figures.remote import BANDS, GRADES, LAPSES, Appraised, Fees, Register
from supervision.figures.results import Share
from supervision.lists import evaluations
from supervision.lists.remote import TIERS, held

HEIGHT = 132
"""Pixels of the bars of what an attendance is paid."""


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
        _register(page)
        _appraisals(page)
    _fees(page)


def _kpis(page: shell.Page) -> list[Kpi]:
    say, lang = page.say, page.lang
    live, lots, yuan = live_basis(lang), say("openness.lots_unit"), say("remote.yuan")
    beside = figure_cards.beside(page.choice, lang, ("M38", "M39"), ("M36",))
    paid: Fees = beside.present["M38"]
    covered: Share = beside.present["M39"]
    share: Share = beside.present["M36"]
    tiers = figure_cards.live_breakdown("remote_sessions", page.filters, "tier")
    counts = {tier: figures.number(tiers[tier].value if tier in tiers else 0) for tier in (*TIERS, "")}
    words = {tier: f"{say(f'remote.tier_{tier}')} {n}" for tier, n in counts.items() if tier or "" in tiers}
    by_tier = " · ".join(
        drill.link("tier", tier, said) if tier else esc(said) for tier, said in words.items()
    )
    all_paid, remote_ones = drill.address("fee", "paid"), drill.address("mode", "remote")
    mean = figures.number(paid.mean, 2) if paid.mean is not None else figures.DASH
    return [
        Kpi(say("remote.count"), figures.number(share.numerator), lots,
            beside.change("M36", figure_cards.Delta(lots), lambda one: one.numerator),
            note=f"{by_tier}<br>{say('remote.of', n=figures.number(share.denominator), share=share.text)}",
            definition=FIGURES["M36"].definition.text(lang), href=remote_ones, key=True, basis=lens_basis(lang)),
        figure_cards.kpi("M38", lang, *figure_cards.split(figures.big_count(paid.attendances, say("remote.attendances"), lang)), live,
            say("remote.sessions_paid", n=figures.number(covered.numerator)), beside.change("M38"), all_paid),
        Kpi(say("remote.paid"), *figure_cards.split(figures.money(paid.amount, figures.CNY, lang)),
            beside.change("M38", of=lambda one: one.amount), say("remote.paid_note"),
            definition=FIGURES["M38"].definition.text(lang), basis=live, href=all_paid),
        Kpi(say("remote.mean"), mean, yuan, beside.change("M38", figure_cards.Delta(yuan, places=2), lambda one: one.mean),
            say("remote.mean_note"),
            definition=FIGURES["M38"].definition.text(lang), basis=live, href=all_paid),
        figure_cards.kpi("M39", lang, *figure_cards.as_share(covered), live, _covered(page, covered),
            beside.change("M39", figure_cards.points(lang))),
    ]  # fmt: skip


def _covered(page: shell.Page, found: Share) -> str:
    """M39 in evaluations: of which a fee was transferred, and of which none was, each leading to them."""
    paid, every = figures.number(found.numerator), figures.number(found.denominator)
    missing = int(found.denominator - found.numerator)
    lots = drill.link("covered", "yes", f"{paid} / {every} {page.say('remote.sessions_unit')}")
    none = page.say("remote.not_covered", n=figures.number(missing))
    return f"{lots}<br>{drill.link('covered', 'no', none)}" if missing else lots


def _register(page: shell.Page) -> None:
    """What is owed, what has arrived and what has not, and how much an attendance is paid."""
    found: Register = figure_cards.live(("fee_register",), page.filters)["fee_register"]
    say = page.say
    with layout.panel("fees", say("remote.register"), say("remote.register_note")):
        if not found.payable:
            layout.nothing(say("remote.register_none"))
            return
        sums = (
            ("payable", found.payable, found.payable_amount), ("paid", found.paid, found.paid_amount),
            ("failed", found.failed, found.failed_amount),
        )  # fmt: skip
        draw(f'<dl class="register">{"".join(_sum(page, *one) for one in sums)}</dl>')
        bars = [
            Bar(name, n, figures.number(n), key=str(place) if n else None)
            for place, (name, n) in enumerate(zip(_bands(page), found.bands, strict=True))
        ]
        title = say("remote.bands")
        draw(f"<h3>{esc(title)}</h3>")
        layout.plot(
            columns(layout.variant(), bars, title=title, unit=say("remote.attendances"), height=HEIGHT),
            "bands",
            drill.open_lots("band"),
        )
        draw(_reasons(page, found))


_COLUMNS = [
    tables.Column("lot_name", width=360), tables.Column("evaluation_mode"), tables.Column("evaluated_at", sort="ended"),
    tables.Column("attendances", tables.COUNT), tables.Column("amount", tables.MONEY),
    tables.Column("paid_amount", tables.MONEY), tables.Column("unpaid", tables.COUNT, sort="failed"),
]  # fmt: skip


def _fees(page: shell.Page) -> None:
    """The evaluations behind what was clicked above, else all that are over, with what is owed and what has failed; ticking a
    row opens the lot."""
    pick = page.choice.pick

    def rows(shown: tables.Window) -> list[tables.Row]:
        with context.ledger().read() as session:
            found = evaluations.evaluations(session, page.filters, shown.size, shown.offset, shown.sort, pick)
        return [_fees_row(page, one) for one in found]

    with context.ledger().read() as session:
        total = evaluations.count_evaluations(session, page.filters, pick)
    drill.notice(pick, {by: partial(_value, page, by) for by in evaluations.MARKS}, page.lang)
    note = page.say("table.pick_lot")
    tables.grid("fees", page.say("tables.fees"), note, total, _COLUMNS, page.lang, rows, layout.open_lot)


def _value(page: shell.Page, by: str, value: str) -> str:
    """A picked mark in words; what nothing is called stands as it is."""
    if by == "site":
        return places.site(value, page.lang)
    if by == "band":
        names = dict(enumerate(_bands(page)))
        return names.get(int(value), value) if value.isdecimal() else value
    return page.say(f"remote.{by}_{value}") if value in evaluations.values(by) else value


def _fees_row(page: shell.Page, one: evaluations.Held) -> tables.Row:
    return tables.Row([
        one.lot, page.say(f"remote.mode_{one.mode}"), tabledata.stamp(one.ended), one.attendances, (one.amount, figures.CNY),
        (one.paid, figures.CNY), one.failed,
    ], one.lot_id)  # fmt: skip


def _sum(page: shell.Page, name: str, count: int, amount: object) -> str:
    words = figures.money(amount, figures.CNY, page.lang)  # type: ignore[arg-type]
    sign = {"paid": "✓ ", "failed": "◆ "}.get(name, "")
    shown = drill.link("fee", name, figures.number(count)) if count else figures.number(0)
    return f"<div><dt>{sign}{page.say(f'remote.fee_{name}')}</dt><dd><b>{shown}</b><small>{page.say('remote.fees_unit')}</small></dd><dd>{esc(words)}</dd></div>"


def _bands(page: shell.Page) -> list[str]:
    first, *rest = BANDS
    named = [
        page.say("remote.band_first", most=first),
        *(page.say("remote.band", most=f"{most:,}") for most in rest),
    ]
    return [*named, page.say("remote.band_last")]


def _reasons(page: shell.Page, found: Register) -> str:
    """Why some have not arrived; a failed transfer with what to do about it."""
    if not found.reasons:
        return f'<p class="muted">✓ {page.say("remote.all_arrived")}</p>'
    rows = "".join(
        f"<li>{esc(page.say(f'remote.reason_{reason}'))}<b>{drill.link('reason', reason, page.say('remote.fees', n=n))}</b><span>{esc(page.say(f'remote.reason_{reason}_what'))}</span></li>"
        for reason, n in sorted(found.reasons.items(), key=lambda one: (-one[1], one[0]))
    )
    return f'<ul class="reasons">{rows}</ul>'


def _appraisals(page: shell.Page) -> None:
    """一标一评: the share of sessions appraised, attendances by grade, and what was deducted for."""
    found: Appraised = figure_cards.live(("appraisals",), page.filters)["appraisals"]
    say, share = page.say, found.sessions
    with layout.panel("appraisals", say("remote.appraisals"), say("remote.appraisals_note")):
        if not share.numerator:
            layout.nothing(say("remote.appraisals_none"))
            return
        of = say(
            "remote.appraised_of", part=figures.number(share.numerator), n=figures.number(share.denominator)
        )
        lots = drill.link("appraised", "yes", of)
        if missing := int(share.denominator - share.numerator):
            lots += (
                f" · {drill.link('appraised', 'no', say('remote.not_appraised', n=figures.number(missing)))}"
            )
        draw(f'<p class="big"><strong>{share.text}</strong></p><p class="muted">{lots}</p>')
        draw(_graded(page, found.grades))
        lapses = [(name, found.lapses.get(name, 0)) for name in LAPSES if found.lapses.get(name)]
        rows = "".join(
            f"<li>{say(f'remote.lapse_{name}')}<b>{drill.link('lapse', name, say('remote.times', n=n))}</b></li>"
            for name, n in lapses
        )
        inner = (
            f'<ul class="reasons">{rows}</ul>' if rows else f'<p class="muted">{say("remote.no_lapses")}</p>'
        )
        draw(f"<h3>{say('remote.lapses')}</h3>{inner}")


def _grade(page: shell.Page, name: str, count: int) -> str:
    """A grade; where somebody was given it, as a link to the evaluations."""
    said = page.say(f"remote.grade_{name}")
    return drill.link("grade", name, said) if count else esc(said)


def _graded(page: shell.Page, grades: Mapping[str, int]) -> str:
    total = sum(grades.values())
    rows = "".join(
        f'<li><span>{_grade(page, name, grades.get(name, 0))}</span><span class="tr"><i style="width:{100 * grades.get(name, 0) / total:.2f}%"></i></span>'
        f'<span class="num">{figures.percent(figures.ratio(grades.get(name, 0), total))}</span></li>'
        for name in GRADES
    )
    return f'<ol class="bars grades">{rows}</ol>'


shell.show(
    "S09",
    body,
    every=10,
    filters=("period", "compare", "centre", "family"),
    over_lots=True,
    marks=evaluations.MARKS,
)
