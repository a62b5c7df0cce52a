"""Below a lot's life line: its prices, its deposits, its warnings, its papers, and the periods of law as a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import quote

from dashboard import context
from dashboard.charts.swarm import Priced, swarm
from dashboard.lifeline import days_past, left, measured_words
from dashboard.panels.lifeline import shown
from dashboard.shell import screen as shell
from dashboard.shell import tables
from dashboard.shell.html import card, esc, level
from messages import named
from records.clock import now, written
from records.currencies import currency
from records.legal_periods import Bound, Measured, Verdict, last_moment, owed
from records.visibility import Datum
from supervision.figures import formats as figures
from supervision.lists.lifeline import Life, Offer, Refunds
from supervision.quantities import measured, quantity
from supervision.rules.finding import LEVELS
from supervision.warnings.desk import WarningRow

SEEN = 4
"""Warnings on the card; the rest stands on the warning screen."""


def cards(page: shell.Page, found: Life, warnings: Sequence[WarningRow], names: bool) -> str:
    """The four cards beside each other."""
    return (
        f'<div class="life-cards">{_prices(page, found)}{_deposits(page, found)}'
        f"{_warnings(page, warnings, names)}{_papers(page, found)}</div>"
    )


# ── prices ───────────────────────────────────────────────────────────────────


def _prices(page: shell.Page, found: Life) -> str:
    say = page.say
    priced = [offer for offer in found.offers if offer.price is not None]
    title = say("lifeline.prices")
    if Datum.BID_PRICES not in found.seen:
        return card(title, f'<p class="muted">{say("lifeline.prices_secret")}</p>')
    if not priced:
        return card(title, f'<p class="muted">{say("lifeline.prices_none")}</p>')
    won = found.won[0] if found.won else None
    bids = [_priced(page, found, offer, won.bidder_id if won else "") for offer in priced]
    limit = float(found.control_price) if found.control_price else None
    names = (
        say("lifeline.limit", price=shown(found.control_price, found, page.lang)) if limit else "",
        say("lifeline.won", price=shown(won.price, found, page.lang))
        if won and won.price is not None
        else "",
        _below(page, found),
    )
    label = say(
        "lifeline.prices_said", n=len(bids), limit=names[0] or figures.DASH, won=names[1] or figures.DASH,
        low=shown(min(o.price for o in priced if o.price is not None), found, page.lang),
        high=shown(max(o.price for o in priced if o.price is not None), found, page.lang),
    )  # fmt: skip
    drawn = swarm(bids, limit, names, lambda price: _tick(price, page.lang), label)
    note = say("lifeline.prices_note", n=len(bids), unit=_unit(found, page.lang))
    return card(title, _legend(page, bids) + drawn, note)


def _priced(page: shell.Page, found: Life, offer: Offer, winner: str) -> Priced:
    price = offer.price or 0
    over = bool(found.control_price) and offer.price is not None and offer.price > (found.control_price or 0)
    won = bool(winner) and offer.bidder_id == winner
    kind = "won" if won else "over" if over else "rejected" if offer.rejected else "valid"
    who = offer.bidder or page.say("lifeline.bidder_no", n=offer.number or figures.DASH)
    tip = " · ".join(part for part in (who, shown(price, found, page.lang), offer.reason or "") if part)
    return Priced(float(price), tip, kind)


def _below(page: shell.Page, found: Life) -> str:
    won = found.won[0] if found.won else None
    if won is None or won.price is None or not found.control_price or won.currency != found.currency:
        return ""
    share = (found.control_price - won.price) / found.control_price
    return page.say("lifeline.below_limit", share=figures.percent(share))


def _legend(page: shell.Page, bids: Sequence[Priced]) -> str:
    counts = {kind: sum(bid.kind == kind for bid in bids) for kind in ("valid", "rejected", "over")}
    counts["valid"] += sum(bid.kind == "won" for bid in bids)
    signs = {"valid": "●", "rejected": "✕", "over": "□"}
    entries = [
        f"<span>{signs[kind]} {page.say(f'lifeline.bids_{kind}', n=n)}</span>"
        for kind, n in counts.items()
        if n
    ]
    return f'<p class="muted signs">{"".join(entries)}</p>'


def _unit(found: Life, lang: str) -> str:
    scale = figures.scales(lang)[0]
    return figures.unit(scale, currency(found.currency, found.vat), lang)


def _tick(price: float, lang: str) -> str:
    """A price on the axis in the smallest unit of amounts."""
    value = price / figures.scales(lang)[0].size
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


# ── deposits ─────────────────────────────────────────────────────────────────


def _deposits(page: shell.Page, found: Life) -> str:
    say = page.say
    title = say("lifeline.refunds")
    if Datum.DEPOSITS not in found.seen:
        return card(title, f'<p class="muted">{say("lifeline.deposits_secret")}</p>')
    held = found.refunds
    if held is None:
        return card(title, f'<p class="muted">{say("lifeline.deposits_none")}</p>')
    note = say("lifeline.due_by", day=_last_day(held.due)) if held.due else ""
    rows = (
        ("returned", held.returned, held.returned_amount), ("waiting", held.waiting, held.waiting_amount),
    )  # fmt: skip
    lines = "".join(
        f'<li class="{key}"><i></i>{say(f"lifeline.deposit_{key}")}<b>{say("lifeline.firms", n=n)} · {shown(amount, found, page.lang)}</b></li>'
        for key, n, amount in rows
    )
    if held.guarantees:
        lines += f'<li class="given"><i></i>{say("lifeline.deposit_given")}<b>{say("lifeline.firms", n=held.guarantees)}</b></li>'
    borne = (
        say("lifeline.interest", amount=interest(held.interest, found, page.lang)) if held.interest else ""
    )
    return card(
        title,
        _countdown(page, held)
        + _bar(page, held)
        + f'<ul class="held">{lines}</ul><p class="muted">{borne}</p>',
        note,
    )


WAN = 10_000
"""Below it an amount is told in the currency itself: 139.80 元, which nobody reads as 0.01398 万元."""


def interest(amount: Decimal, found: Life, lang: str) -> str:
    """An amount that may be small, in the lot's currency."""
    if amount >= WAN:
        return shown(amount, found, lang)
    return f"{figures.half_up(amount):,} {figures.heading_unit(currency(found.currency, found.vat), lang)}"


def _last_day(due: datetime) -> str:
    """The day by whose end a deposit is due, moved past days of rest: the same that the countdown runs to."""
    end = last_moment(due, 0, context.config().holidays)
    return written(end - timedelta(seconds=1), "%Y-%m-%d")


def _countdown(page: shell.Page, held: Refunds) -> str:
    """How long until the next deposit is due, or that all are back, or by how much one is late."""
    if not held.waiting:
        words = page.say("lifeline.all_back") if held.returned else page.say("lifeline.nothing_back")
        return f'<p class="big"><strong>{words}</strong></p>'
    if held.due is None:
        return f'<p class="big"><strong>{page.say("lifeline.no_due")}</strong></p>'
    known = context.config().holidays
    end, verdict = last_moment(held.due, 0, known), owed(held.due, None, now(), known)
    if verdict is Verdict.RUNNING:
        return f'<p class="big"><small>{page.say("lifeline.left")}</small><strong>{left(end, page.lang)}</strong></p>'
    past = days_past(end, now())
    if verdict is Verdict.OVER:
        return f'<p class="big"><small>{page.say("lifeline.over", n=past)}</small></p>'
    late = page.say("lifeline.days", n=past)
    return f'<p class="big late"><small>{page.say("lifeline.late_by")}</small><strong>{late}</strong></p>'


def _bar(page: shell.Page, held: Refunds) -> str:
    said = page.say("lifeline.bar", part=held.returned, waiting=held.waiting)
    parts = "".join(
        f'<i class="{key}" style="flex:{n}"></i>'
        for key, n in (("returned", held.returned), ("waiting", held.waiting), ("given", held.guarantees))
        if n
    )
    return f'<div class="held-bar" role="img" aria-label="{esc(said)}">{parts}</div>'


# ── warnings and papers ──────────────────────────────────────────────────────


def _warnings(page: shell.Page, warnings: Sequence[WarningRow], names: bool) -> str:
    say = page.say
    note = say("lifeline.warnings_note")
    if not warnings:
        return card(say("lifeline.warnings"), f'<p class="muted">{say("lifeline.warnings_none")}</p>', note)
    if not names:
        counts = {name: sum(one.level == name for one in warnings) for name in LEVELS}
        inner = "".join(
            f"<p>{level(name, say(f'level.{name}'))} <b>{n}</b></p>" for name, n in counts.items() if n
        )
        return card(say("lifeline.warnings"), inner, note)
    rows = "".join(_warning(page, one) for one in warnings[:SEEN])
    more = len(warnings) - SEEN
    rest = f'<p class="muted">{say("lifeline.warnings_more", n=more)}</p>' if more > 0 else ""
    foot = f'<p class="muted foot">{say("common.footer_warning")}</p>'
    return card(say("lifeline.warnings"), f'<div class="warned">{rows}</div>{rest}{foot}', note)


def _warning(page: shell.Page, one: WarningRow) -> str:
    value = quantity(measured(one.rule, one.evidence), one.value, page.lang)
    state = page.say(f"state.{one.state}")
    facts = " · ".join(part for part in (value, state) if part)
    return (
        f'<a class="w {one.level}" href="/warnings?warning={quote(one.id)}&state=all" target="_self"><span>{level(one.level, page.say(f"level.{one.level}"))}'
        f"<small>{written(one.raised_at, '%m-%d %H:%M')}</small></span><b>{esc(one.titled(page.lang))}</b><small>{esc(facts)}</small></a>"
    )


def _papers(page: shell.Page, found: Life) -> str:
    hub, say = context.config().hub_url, page.say
    rows: list[tuple[str, str, str]] = []
    for one in found.notices:
        safe = one.url if one.url and one.url.startswith(("https://", "http://")) else ""
        rows.append((named("site.notice", one.type, page.lang), safe, written(one.published_at, "%m-%d")))
    opening = found.opening
    if opening and Datum.OPENING_PROCESS in found.seen:
        href = f"{hub}/opening/{quote(opening[0].id)}"
        rows += [
            (
                say("lifeline.paper_record"),
                href,
                say(f"lifeline.has_{'log' if opening[0].head_seq else 'no_log'}"),
            ),
            (say("lifeline.paper_replay"), href, say(f"site.opening.{opening[1].state}")),
        ]
    if found.contract and found.contract.signed_at:
        rows.append((say("lifeline.paper_contract"), "", written(found.contract.signed_at, "%m-%d")))
    rows.append((say("lifeline.paper_identity"), f"{hub}/project/{quote(found.project_id)}", "✓"))
    items = "".join(
        f"<li>{tables.link(href, name) if href else esc(name)}<span>{esc(more)}</span></li>"
        for name, href, more in rows
    )
    return card(say("lifeline.papers"), f'<ul class="papers">{items}</ul>')


# ── the periods as a table ───────────────────────────────────────────────────

_COLUMNS = ("period", "limit_of_law", "since", "until", "due", "took", "verdict", "article")


def periods(page: shell.Page, measured: Sequence[Measured]) -> str:
    """Every period with its begin, its end, its last day, how it stands and its article, which opens the law's text."""
    say = page.say
    rows = [_period(page, one) for one in measured]
    table = (
        tables.markup([tables.Column(key) for key in _COLUMNS], rows, page.lang, say("lifeline.legal"))
        if rows
        else ""
    )
    counting = say("lifeline.counting" if context.config().holidays else "lifeline.counting_no_holidays")
    return tables.card(say("lifeline.periods"), table, counting, say("lifeline.no_periods"))


def _period(page: shell.Page, one: Measured) -> list[str]:
    at_most = one.period.bound is Bound.AT_MOST
    last = one.due - timedelta(days=1) if at_most else one.due
    article = tables.link(one.period.law.address, one.period.cited.text(page.lang))
    mark = "▲ " if one.broken else ""
    days = figures.DASH if one.days is None else page.say("lifeline.days", n=one.days)
    return [
        esc(page.say(f"period.{one.period.name}")), esc(page.say(f"lifeline.bound_{one.period.bound}", n=one.period.days)),
        _at(one.since), _at(one.until), esc(last.strftime("%Y-%m-%d")), esc(days),
        esc(mark + measured_words(one, page.lang)), article,
    ]  # fmt: skip


def _at(moment: datetime | None) -> str:
    return esc(None if moment is None else written(moment))
