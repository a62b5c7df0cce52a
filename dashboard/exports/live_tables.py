"""Tables of the service and warning screens: each asks with the very question its screen asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import messages
from dashboard import context, refunds
from dashboard.exports import witness_tables
from dashboard.exports.tables import MOST_ROWS, Row, Table
from dashboard.live import warnings as warning_views
from dashboard.live import witness
from dashboard.shell import places
from dashboard.shell.address_checks import a_day, a_mark, anything, one_of
from dashboard.shell.filters import ALL, PICKED, Choice, a_period
from records import opinions
from records.states import OPENING_STATES
from records.tables.projects import TRADE_FAMILIES
from supervision.figures.filters import Filters
from supervision.figures.narrow import span
from supervision.lists import credit, evaluations, hall, market, money, names, remote
from supervision.lists.openings import EndedOpening, ended_openings
from supervision.rules.registry import RULES
from supervision.warnings import desk as warnings
from supervision.warnings.desk import WarningFilters

FAMILIES_OF = {
    "tenderer-links": ("tenderers",),
    "agency-links": ("agencies",),
    "rings": ("rings",),
    "similarity": ("bidders", "files"),
    "expert-tendency": ("experts",),
}
"""Table of S12–S14 → the families of rules whose warnings it shows."""
_WARNING = (
    "warning",
    "level",
    "rule",
    "title",
    "lot",
    "lot_name",
    "value",
    "baseline",
    "threshold",
    "state",
    "raised_at",
)
_FAMILY = ("warning", "level", "title", "lot_name", "value", "baseline", "state", "raised_at")


_OF_PERIOD = {"period": a_period, "centre": anything}
_BOARD = {"period": one_of(witness.PERIODS), "centre": anything, "who": anything}
"""What S08's board can be asked for."""


def of_families(filters: Filters, families: tuple[str, ...], levels: tuple[str, ...] = ()) -> WarningFilters:
    """What S12–S14 ask: the warnings of some families first raised in the period."""
    since, until = span(filters.period)
    return WarningFilters(levels=levels, families=families, centre=filters.centre, since=since, until=until)


def raised(filters: Filters) -> WarningFilters:
    """The warnings first raised in the period, of the centre that was chosen."""
    since, until = span(filters.period)
    return WarningFilters(centre=filters.centre, since=since, until=until)


def leads(filters: Filters) -> WarningFilters:
    """What S15's list asks: warnings of the period that became leads."""
    return replace(raised(filters), states=("lead",))


def _warnings(choice: Choice, lang: str) -> list[Row]:
    wanted = warning_views.question({"state": "all"} | dict(choice.asked), choice.viewer).filters
    with context.ledger().read() as session:
        found = warnings.list_warnings(session, wanted, limit=MOST_ROWS)
    return [
        (
            w.id, messages.say(f"level.{w.level}", lang), w.rule, w.titled(lang), w.lot_id, w.lot_name, w.value,
            w.baseline, w.threshold, messages.say(f"state.{w.state}", lang), w.raised_at,
        )
        for w in found
    ]  # fmt: skip


def _family(name: str) -> Table:
    def read(choice: Choice, lang: str) -> Sequence[Row]:
        wanted = of_families(choice.filters, FAMILIES_OF[name])
        with context.ledger().read() as session:
            found = warnings.list_warnings(session, wanted, limit=MOST_ROWS)
        return [
            (
                w.id, messages.say(f"level.{w.level}", lang), w.titled(lang), w.lot_name, w.value, w.baseline,
                messages.say(f"state.{w.state}", lang), w.raised_at,
            )
            for w in found
        ]  # fmt: skip

    return Table(name, _FAMILY, read, _OF_PERIOD)


def _leads(choice: Choice, lang: str) -> list[Row]:
    with context.ledger().read() as session:
        found = warnings.list_warnings(session, leads(choice.filters), limit=MOST_ROWS)
    return [
        (
            w.id, messages.say(f"level.{w.level}", lang), w.titled(lang), w.lot_name,
            messages.named("disposition", w.disposition, lang) if w.disposition else None, w.raised_at,
        )
        for w in found
    ]  # fmt: skip


def _fees(choice: Choice, lang: str) -> list[Row]:
    with context.ledger().read() as session:
        found = evaluations.evaluations(session, choice.filters, MOST_ROWS, mark=choice.pick)
    return [
        (
            one.lot_id, one.lot, messages.say(f"remote.mode_{one.mode}", lang), one.ended, one.attendances, one.amount, one.paid,
            one.failed,
        )
        for one in found
    ]  # fmt: skip


def _schedule(choice: Choice, lang: str) -> list[Row]:
    with context.ledger().read() as session:
        found = hall.schedule(session, hall.asked(choice.asked), lang, MOST_ROWS)
    return [
        (
            e.id, e.scheduled_at, e.title, f"{e.centre} {e.room}", messages.say(f"site.opening.{e.state}", lang), e.family,
            e.tenderer, messages.say("hall.key_yes", lang) if e.key_project else None,
        )
        for e in found
    ]  # fmt: skip


def _replays(choice: Choice, lang: str) -> list[Row]:
    with context.ledger().read() as session:
        centre, text = choice.filters.centre, choice.asked.get("q", "")
        found = ended_openings(session, centre, MOST_ROWS, text=text)
    return [
        (
            o.id, o.lot, names.of_opening(o.room, o.centre, lang), o.ended_at, messages.say(f"witness.result_{o.result or 'none'}", lang), o.events, o.head,
            chain(o, lang),
        )
        for o in found
    ]  # fmt: skip


def chain(opening: EndedOpening, lang: str) -> str:
    """In words whether an opening's chain holds; an opening without events has none."""
    if not opening.events:
        return messages.say("witness.no_events", lang)
    if opening.broken_at is None:
        return messages.say("witness.holds", lang)
    return messages.say("witness.broken", lang, n=opening.broken_at + 1)


_COUNTED_AS = ("refunded", "rate", "guarantee")
"""What S10 counts a deposit as, in the order of `figures.deposits.deposit_bases`."""


def _deposits(choice: Choice, lang: str) -> list[Row]:
    """The deposits that S10's figures are made of, each with the figures it counts in."""
    with context.ledger().read() as session:
        return [
            (
                lot, name, bidder, messages.say(f"deposit.form_{d.form}", lang), d.amount, d.received_at,
                d.due_refund_at, d.refunded_at, messages.say(f"deposit.status_{d.status}", lang), currency,
                _counted_as(bases, lang),
            )
            for lot, name, bidder, currency, d, *bases in money.deposits(session, choice.filters, MOST_ROWS)
        ]  # fmt: skip


def _counted_as(bases: Sequence[bool], lang: str) -> str:
    names = [
        messages.say(f"deposits.as_{name}", lang)
        for name, held in zip(_COUNTED_AS, bases, strict=True)
        if held
    ]
    return messages.say("overview.and", lang).join(names)


def _refunds(choice: Choice, lang: str) -> list[Row]:
    overdue = choice.asked.get("refunds") == money.OVERDUE
    with context.ledger().read() as session:
        found = money.refunds_due(session, choice.filters, MOST_ROWS, overdue=overdue)[1]
    return [
        (
            r.lot_id, r.lot, r.bidder, messages.say(f"deposit.form_{r.form}", lang), r.amount, r.currency, r.due,
            refunds.left(r, lang), refunds.borne(r),
        )
        for r in found
    ]  # fmt: skip


def _sessions(choice: Choice, lang: str) -> list[Row]:
    """The remote sessions begun in the period and those of today, or those behind the mark that was picked, as far as
    S09 tells of them: nobody's name."""
    with context.ledger().read() as session:
        behind = evaluations.behind(session, choice.filters, choice.pick) if choice.pick else ()
        found = remote.sessions(session, choice.filters, *behind)
    return [
        (
            one.lot_id, one.lot, messages.say(f"remote.tier_{one.tier}", lang), places.site(one.main, lang),
            messages.joined([places.site(name, lang) for name in one.others], lang), messages.say(f"remote.state_{one.standing}", lang, part=one.arrived, n=one.committee),
            one.scheduled, one.drawn, one.arrived_at, one.started, one.ended,
        )
        for one in found
    ]  # fmt: skip


def _agencies(choice: Choice, lang: str) -> list[Row]:
    """天秤码: a row a deduction, so that points can be added up; an agency without any has one row."""
    with context.ledger().read() as session:
        found = credit.agencies(session, choice.filters)
    return [
        (one.rank, one.organisation, one.name, one.system, one.period, one.score, one.change, reason, points)
        for one in found
        for reason, points in (one.deductions or (("", None),))
    ]


def _visits(choice: Choice, lang: str) -> list[Row]:
    """The group's visits: a row a project that was seen."""
    with context.ledger().read() as session:
        found = market.group_visits(session, choice.filters, MOST_ROWS)
    return [
        (visit.on, key, name, messages.clauses(visit.problems, lang) or messages.say("visits.no_problems", lang))
        for visit in found
        for key, name in visit.projects
    ]  # fmt: skip


def _opinions(choice: Choice, lang: str) -> list[Row]:
    with context.ledger().read() as session:
        found = opinions.listed(session, choice.filters.centre, choice.asked.get("opinions", ""), MOST_ROWS)
    return [
        (
            o.id, o.project, messages.say(f"opinions.channel_{o.channel}", lang), o.content, o.received_at, o.answered_at,
            o.public_text, o.handler,
        )
        for o in found
    ]  # fmt: skip


LIVE = (
    Table("schedule", ("opening", "scheduled_at", "lot_name", "room", "state", "family", "tenderer", "key"), _schedule,
          {"view": one_of(hall.VIEWS), "day": a_day, "centre": anything, "family": one_of((*TRADE_FAMILIES, ALL)),
           "state": one_of((*OPENING_STATES, ALL)), "q": anything, "key": one_of(("1",))}),
    Table("replays", ("opening", "lot_name", "room", "ended_at", "result", "events", "hash", "chain"), _replays, {"centre": anything, "q": anything}),
    Table("witnessing", ("task", "step", "lot_name", "scheduled_at", "state", "witness", "method", "items", "abnormal", "reports", "ended_at"),
          witness_tables.tasks, _BOARD),
    Table("witness-reports", ("report", "task", "lot_name", "name", "kind", "facts", "handling", "witness", "submitted_at"),
          witness_tables.reports, _BOARD),
    Table("looks", ("room", "viewer", "reason", "asked_at", "granted", "began_at", "ended_at", "seconds"), witness_tables.looked, {"period": _BOARD["period"]}),
    Table("deposits", ("lot", "lot_name", "bidder", "form", "amount", "received_at", "due_refund_at",
          "refunded_at", "state", "currency", "counted_as"), _deposits, _OF_PERIOD),
    Table("refunds", ("lot", "lot_name", "bidder", "form", "amount", "currency", "due_refund_at", "days_left", "interest_due"), _refunds,
          {"centre": anything, "refunds": one_of((money.DUE, money.OVERDUE))}),
    Table("remote-sessions", ("lot", "lot_name", "tier", "main_site", "secondary_sites", "state", "scheduled_at", "drawn_at", "arrived_at",
          "started_at", "ended_at"), _sessions, _OF_PERIOD | {"family": one_of((*TRADE_FAMILIES, ALL)), PICKED: a_mark(evaluations.MARKS)}),
    Table("agency-credit", ("rank", "organisation", "agency", "rating_system", "rated_in", "credit_score", "score_change", "deducted_for", "points_off"),
          _agencies, {"period": a_period}),
    Table("group-visits", ("visited_on", "project", "project_name", "problems"), _visits, {"period": a_period}),
    Table("fees", ("lot", "lot_name", "evaluation_mode", "evaluated_at", "attendances", "amount", "paid_amount", "unpaid"), _fees,
          _OF_PERIOD | {"family": one_of((*TRADE_FAMILIES, ALL)), PICKED: a_mark(evaluations.MARKS)}),
    Table("opinions", ("opinion", "project", "channel", "content", "received_at", "answered_at", "answer", "handler"),
          _opinions, {"centre": anything, "opinions": one_of((opinions.OPEN, opinions.ANSWERED))}),
    Table("warnings", _WARNING, _warnings,
          {name: one_of(words) for name, words in warning_views.WORDS.items()} | {"centre": anything, "lot": anything, "rule": one_of(RULES)}),
    *(_family(name) for name in FAMILIES_OF),
    Table("leads", ("warning", "level", "title", "lot_name", "result", "raised_at"), _leads, _OF_PERIOD),
)  # fmt: skip
"""Tables of the service and warning screens."""
