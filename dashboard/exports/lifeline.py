"""The life line of a lot as a table: its periods of law, then what happened, lane by lane."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from dashboard import context
from dashboard.charts.lifeline import Mark
from dashboard.exports.tables import Row, Table
from dashboard.lifeline import lanes, measured_words
from dashboard.shell.address_checks import anything
from dashboard.shell.filters import Choice
from messages import Invalid, Message, Unknown, say
from records.legal_periods import Bound, Measured
from supervision.lists.lifeline import life
from supervision.lists.periods_of_law import periods


def _rows(choice: Choice, lang: str) -> list[Row]:
    """The rows of the lot that is asked for. Raises Invalid without one, Unknown for one that there is not or that is not
    announced yet: an empty file would say that nothing happened in it."""
    lot = choice.asked.get("lot", "")
    if not lot:
        raise Invalid(Message("export.which_lot"))
    with context.ledger().read() as session:
        found = life(session, lot, context.config().home)
    if found is None:
        raise Unknown(Message("lifeline.unknown", lot=lot[:40]))
    measured = periods(found, context.config().holidays)
    return [*(_period(one, lang) for one in measured), *_steps(lanes(found, measured, (), False, lang))]


def _period(one: Measured, lang: str) -> Row:
    last = one.due - timedelta(days=1) if one.period.bound is Bound.AT_MOST else one.due
    limit = say(f"lifeline.bound_{one.period.bound}", lang, n=one.period.days)
    return (
        say("lifeline.legal", lang), say(f"period.{one.period.name}", lang), one.since, one.until, limit, last,
        measured_words(one, lang), one.period.cited.text(lang),
    )  # fmt: skip


def _steps(found: list[tuple[str, list[Mark]]]) -> Iterator[Row]:
    for lane, marks in found:
        for mark in marks:
            yield lane, mark.words, mark.at, mark.until, None, None, None, None


LIFELINE = Table(
    "lifeline",
    ("lane", "what", "since", "until", "limit_of_law", "due", "verdict", "article"),
    _rows,
    {"lot": anything},
)
