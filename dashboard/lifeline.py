"""The life of a lot in words: what happened, lane by lane, and how each period of law stands; for its page and its export."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from dashboard import context
from dashboard.charts.lifeline import Mark
from messages import named, say
from records.clock import BEIJING, now
from records.currencies import currency
from records.legal_clock import days_between
from records.legal_periods import Measured, Verdict
from supervision.figures import formats as figures
from supervision.lists.lifeline import Life
from supervision.warnings.desk import WarningRow

LANES = (
    "notice", "clarification", "deposit", "opening", "evaluation", "publicity", "objection", "award", "contract", "warning",
)  # fmt: skip
_SHORT = 12
"""Characters of a title beside a mark; a pointer tells the whole."""


def lanes(
    found: Life, measured: Sequence[Measured], warnings: Sequence[WarningRow], names: bool, lang: str
) -> list[tuple[str, list[Mark]]]:
    """Each lane by its name with what happened in it, in order of time; `names`: whether warnings tell their title."""
    marks = {
        "notice": _notices(found, lang, "documents", "tender", "candidates", "result", "termination"),
        "clarification": _notices(found, lang, "change"),
        "deposit": _deposits(found, lang), "opening": _openings(found, lang), "evaluation": _evaluations(found, lang),
        "publicity": _publicity(found, lang, measured), "objection": _objections(found, lang),
        "award": _award(found, lang), "contract": _contract(found, lang), "warning": _warnings(lang, warnings, names),
    }  # fmt: skip
    return [(say(f"lifeline.lane_{name}", lang), marks[name]) for name in LANES]


# ── how a period stands ──────────────────────────────────────────────────────


def measured_words(one: Measured, lang: str) -> str:
    """How a period stands in words: "22 日 ✓", "余 3 日", "仅 2 日，少 1 日", "逾期 4 日"."""
    days = one.days
    if one.verdict is Verdict.KEPT:
        return say("lifeline.kept", lang, n=days)
    if one.verdict is Verdict.SHORT:
        return say("lifeline.short", lang, n=days, less=one.period.days - (days or 0))
    if one.verdict is Verdict.RUNNING:
        return say("lifeline.running", lang, left=left(one.due, lang))
    return say(f"lifeline.{one.verdict}", lang, n=days_past(one.due, one.until or now()))


def days_past(due: datetime, at: datetime) -> int:
    """Days since the last day of a period that ended at the moment `due`, 24:00 of that day."""
    return max(1, days_between(due, at) + 1)


def left(due: datetime, lang: str) -> str:
    """The time that is left, in days and hours, below an hour in minutes."""
    seconds = max(int((due - now()).total_seconds()), 0)
    days, rest = divmod(seconds, 86_400)
    if days:
        return say("lifeline.days_hours", lang, days=days, hours=rest // 3600)
    hours, rest = divmod(rest, 3600)
    return say("lifeline.hours_minutes", lang, hours=hours, minutes=rest // 60)


# ── the lanes ────────────────────────────────────────────────────────────────


def _notices(found: Life, lang: str, *kinds: str) -> list[Mark]:
    """Published papers; the announced time stands in for a notice of tender that was not sent."""
    marks = []
    if "tender" in kinds and found.notice_at and not any(n.type == "tender" for n in found.notices):
        marks.append(Mark(found.notice_at, named("site.notice", "tender", lang)))
    for one in found.notices:
        if one.type in kinds:
            words = named("site.notice", one.type, lang)
            if one.type == "change":
                words = one.title if len(one.title) <= _SHORT else f"{words} {one.title[-_SHORT:]}"
            marks.append(
                Mark(one.published_at, words, "point" if one.type in ("tender", "change") else "ring")
            )
    return sorted(marks, key=lambda mark: mark.at)


def _deposits(found: Life, lang: str) -> list[Mark]:
    held = found.refunds
    if held is None or held.first is None or held.last is None:
        return []
    marks = [Mark(held.first, say("lifeline.paid", lang, n=held.count), "pale", found.deadline or held.last)]
    if held.began and held.ended:
        words = say("lifeline.returned", lang, part=held.returned, n=held.returned + held.waiting)
        marks.append(Mark(held.began, words, "bar", held.ended))
    return marks


def _openings(found: Life, lang: str) -> list[Mark]:
    marks = []
    for opening, progress in found.openings:
        if progress.state == "cancelled":
            continue
        begun = progress.started_at or opening.scheduled_at
        words = say(
            f"lifeline.opening_{progress.result or progress.state}",
            lang,
            at=f"{begun.astimezone(BEIJING):%H:%M}",
        )
        href = f"{context.config().hub_url}/opening/{quote(opening.id)}"
        marks.append(Mark(begun, words, "square", None, href))
    if found.winner_read and found.opening:
        at = found.winner_read.astimezone(BEIJING)
        href = f"{context.config().hub_url}/opening/{quote(found.opening[0].id)}#ts={quote(at.isoformat())}"
        marks.append(
            Mark(
                found.winner_read, say("lifeline.winner_read", lang, at=f"{at:%H:%M:%S}"), "play", None, href
            )
        )
    return marks


def _evaluations(found: Life, lang: str) -> list[Mark]:
    marks = []
    for one in found.evaluations:
        begun = one.started_at or one.scheduled_at
        if begun is None:
            continue
        words = say(f"lifeline.evaluation_{one.state}", lang)
        if one.state == "ended" and found.rejected:
            words = say("lifeline.evaluation_rejected", lang, n=found.rejected)
        marks.append(Mark(begun, words, "bar", one.ended_at or max(begun, now())))
    return marks


def _publicity(found: Life, lang: str, measured: Sequence[Measured]) -> list[Mark]:
    shown = [award for award, _ in found.awards if award.publicity_from]
    if not shown:
        return []
    begin = min(award.publicity_from for award in shown if award.publicity_from)
    end = max((award.publicity_until for award in shown if award.publicity_until), default=begin)
    broken = any(one.broken and one.period.name == "publicity" for one in measured)
    words = say("lifeline.candidates", lang, n=len(found.awards))
    return [Mark(begin, words, "broken" if broken else "bar", end)]


def _objections(found: Life, lang: str) -> list[Mark]:
    return [
        Mark(
            one.raised_at,
            say(
                f"lifeline.{one.kind}_{'answered' if one.answered_at else 'open'}",
                lang,
                stage=say(f"lifeline.stage_{one.stage}", lang),
                n=(one.answered_at - one.raised_at).days if one.answered_at else 0,
            ),
            "point" if one.answered_at else "ring",
        )
        for one in found.objections
    ]


def _award(found: Life, lang: str) -> list[Mark]:
    if found.won is None or found.won[0].awarded_at is None:
        return []
    award, name = found.won
    words = say("lifeline.awarded", lang, rank=award.rank, name=name)
    return [Mark(award.awarded_at, words)] if award.awarded_at else []


def _contract(found: Life, lang: str) -> list[Mark]:
    one = found.contract
    if one is None or one.signed_at is None:
        return []
    value = (
        figures.exact_money(one.value, currency(one.currency, one.vat), lang) if one.value is not None else ""
    )
    return [Mark(one.signed_at, say("lifeline.signed", lang, value=value), "square")]


def _warnings(lang: str, warnings: Sequence[WarningRow], names: bool) -> list[Mark]:
    """Each warning by its level and title; without names by its level alone."""
    return [
        Mark(one.raised_at, one.titled(lang) if names else say(f"level.{one.level}", lang), one.level)
        for one in sorted(warnings, key=lambda one: one.raised_at)
    ]
