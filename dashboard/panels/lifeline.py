"""The life line of a lot: who and how much, then the periods of law over what happened, lane by lane."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

import streamlit as st

import messages
from dashboard import context
from dashboard.charts.lifeline import Bracket, Mark, lifeline
from dashboard.lifeline import lanes, measured_words
from dashboard.shell import screen as shell
from dashboard.shell.html import esc
from messages import dated, named, say
from records.clock import BEIJING, now
from records.currencies import currency
from records.legal_clock import days_between
from records.legal_periods import Bound, Measured, Verdict
from records.visibility import Datum
from supervision.figures import formats as figures
from supervision.lists.lifeline import Life, place_of
from supervision.warnings.desk import WarningRow


def shown(amount: object, found: Life, lang: str) -> str:
    """An amount of the lot in its own currency, exactly."""
    return figures.exact_money(amount, currency(found.currency, found.vat), lang)  # type: ignore[arg-type]


# ── who and how much ─────────────────────────────────────────────────────────


def facts(page: shell.Page, found: Life) -> str:
    """The seven facts above the line; what may not be told yet is a dash."""
    lang, won = page.lang, found.won
    count, away = figures.DASH, ""
    if Datum.BIDDER_COUNT in found.seen:
        count = page.say("lifeline.firms", n=figures.number(len(found.offers)))
        away = "" if found.outside is None else page.say("lifeline.outside", n=figures.number(found.outside))
    price, below = _winning(found, lang) if won else (figures.DASH, "")
    took = figures.DASH
    if won and won[0].awarded_at and found.notice_at:
        took = page.say("lifeline.days", n=days_between(found.notice_at, won[0].awarded_at))
    limit = figures.DASH if found.control_price is None else shown(found.control_price, found, lang)
    lines = (
        ("tenderer", found.tenderer, ""), ("agency", found.agency, ""), ("control_price", limit, ""),
        ("bidders", count, away), ("winner", won[1] if won else None, ""), ("price", price, below), ("took", took, ""),
    )  # fmt: skip
    return f'<dl class="card lot-facts">{"".join(_fact(page.say(f"lifeline.{key}"), words, more) for key, words, more in lines)}</dl>'


def _fact(name: str, words: str | None, more: str) -> str:
    small = f"<small>{esc(more)}</small>" if more else ""
    return f'<div><dt>{esc(name)}</dt><dd title="{esc(words)}"><span class="cut">{esc(words)}</span>{small}</dd></div>'


def _winning(found: Life, lang: str) -> tuple[str, str]:
    """The winning price, and how far it lies below the limit where both are in one currency."""
    award = found.won[0] if found.won else None
    if award is None or award.price is None:
        return figures.DASH, ""
    own = currency(award.currency, award.vat)
    words = figures.exact_money(award.price, own, lang)
    if not found.control_price or own != currency(found.currency, found.vat):
        return words, ""
    share = figures.percent((found.control_price - award.price) / found.control_price)
    return words, say("lifeline.below", lang, share=share)


# ── the drawing ──────────────────────────────────────────────────────────────


def drawing(
    page: shell.Page, found: Life, measured: Sequence[Measured], warnings: Sequence[WarningRow], names: bool
) -> str:
    """The card with the legend, the counted verdicts and the drawing."""
    lang = page.lang
    marks = lanes(found, measured, warnings, names, lang)
    day = now().astimezone(BEIJING)
    made = lifeline(
        [bracket(page, one) for one in measured], marks, now(), context.config().holidays, page.say("lifeline.legal"),
        page.say("lifeline.now", day=_dated(day.date(), lang)), lambda one: _dated(one, lang), spoken(page, measured, marks),
    )  # fmt: skip
    legend = "".join(
        f'<span class="leg {kind}"><svg viewBox="0 0 32 14" aria-hidden="true"><path d="M1 1v12M1 7h30M31 1v12"/></svg>{page.say(f"lifeline.legend_{kind}")}</span>'
        for kind in ("least", "most", "broken")
    )
    return (
        f'<section class="card ch line"><div class="hd"><h2>{page.say("lifeline.title")}</h2><span class="chip">{esc(tally(page, measured))}</span>'
        f'<span class="legend">{legend}</span></div>{made}</section>'
    )


def tally(page: shell.Page, measured: Sequence[Measured]) -> str:
    """How many periods there are and how they stand; past the last day by no more than a holiday is a state of its own."""
    if not measured:
        return page.say("lifeline.no_periods")
    running, over = (
        sum(one.verdict is verdict for one in measured) for verdict in (Verdict.RUNNING, Verdict.OVER)
    )
    broken = sum(one.broken for one in measured)
    kept = len(measured) - running - over - broken
    told = page.say("lifeline.tally", n=len(measured), kept=kept, broken=broken, running=running)
    return told + (page.say("lifeline.tally_over", n=over) if over else "")


def _dated(day: date, lang: str) -> str:
    return dated(day, lang, "lifeline.day")


def bracket(page: shell.Page, one: Measured) -> Bracket:
    """A measured period as the drawing takes it."""
    at_most = one.period.bound is Bound.AT_MOST
    limit = page.say(
        f"lifeline.{one.period.bound}", what=page.say(f"period.{one.period.name}"), n=one.period.days
    )
    tip = f"{limit} · {measured_words(one, page.lang)} · {one.period.cited.text(page.lang)}"
    end = one.until if one.verdict is not Verdict.OVERDUE else now()
    due = one.due - timedelta(seconds=1) if at_most else one.due
    return Bracket(one.since, end, due, at_most, one.broken, limit, measured_words(one, page.lang), tip)


def spoken(
    page: shell.Page, measured: Sequence[Measured], by_lane: Sequence[tuple[str, Sequence[Mark]]]
) -> str:
    """The drawing in words, for who does not see it."""
    spans = [f"{(b := bracket(page, one)).limit} {b.value}" for one in measured]
    steps = [f"{name} {_stamp(mark.at)} {mark.words}" for name, marks in by_lane for mark in marks]
    return messages.clauses([*spans, *steps], page.lang) or page.say("lifeline.no_periods")


def _stamp(at: datetime) -> str:
    return at.astimezone(BEIJING).strftime("%m-%d %H:%M")


def _way(page: shell.Page, where: str, lot: tuple[str, str] | None) -> str:
    """A link to the lot before or after; its name stands in the tooltip."""
    if lot is None:
        return ""
    key, name = lot
    words = page.say(f"lifeline.{where}")
    return f'<a class="btn way" href="?{esc(urlencode(st.query_params.to_dict() | {"lot": key}))}" target="_self" title="{esc(name)}">{esc(words)}</a>'


def heading(
    page: shell.Page, found: Life, before: tuple[str, str] | None = None, after: tuple[str, str] | None = None
) -> str:
    """The lot's name, its status, where it belongs and its number; the ways to the lots of its centre before and after it."""
    where = " · ".join(
        part
        for part in (place_of(found, page.lang), named("site.family", found.family, page.lang), found.id)
        if part
    )
    status = named("site.lot", found.status, page.lang)
    return (
        f'<div class="lot-head"><h2>{esc(found.name)}</h2><span class="chip on">{esc(status)}</span>'
        f'<span class="muted cut">{esc(where)}</span>'
        f"{_way(page, 'before', before)}{_way(page, 'after', after)}"
        f'<a class="btn printing" role="button" href="#">{page.say("lifeline.print")}</a></div>'
    )
