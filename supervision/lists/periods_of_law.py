"""The legal clock of a lot: every period of law that its life has come to, and how it stands."""

from __future__ import annotations

from collections.abc import Iterator, Set
from datetime import date, datetime

from records import legal_periods as law
from records.clock import now
from records.legal_clock import is_tendered
from records.legal_periods import NO_HOLIDAYS, LegalPeriod, Measured, measure
from records.visibility import Datum
from supervision.lists.lifeline import Life

_Step = tuple[LegalPeriod, datetime | None, datetime | None]
"""A period with its begin and its end as the records tell them."""


def periods(found: Life, holidays: Set[date] = NO_HOLIDAYS) -> list[Measured]:
    """The periods of a lot in order of their begin; one whose begin is not known, or still ahead, has not begun."""
    at = now()
    steps = (*_before(found), *_after(found), *_answers(found))
    begun = [(period, since, until) for period, since, until in steps if since is not None and since <= at]
    measured = [measure(period, since, until, at, holidays) for period, since, until in begun]
    return sorted(measured, key=lambda one: (one.since, one.due))


def _before(found: Life) -> Iterator[_Step]:
    """Up to the deadline."""
    if found.deadline is None:
        return
    if is_tendered(found.method, found.family):
        yield law.BIDDING, found.notice_at, found.deadline
    changes = [
        n.published_at for n in found.notices if n.type == "change" and n.published_at < found.deadline
    ]
    yield law.CLARIFICATION, max(changes, default=None), found.deadline


def _after(found: Life) -> Iterator[_Step]:
    """From the report of the evaluation to the return of the deposits."""
    if found.status in ("failed", "terminated", "void"):
        return
    reports = [one.ended_at for one in found.evaluations if one.state == "ended" and one.ended_at]
    shown = [award.publicity_from for award, _ in found.awards if award.publicity_from]
    ends = [award.publicity_until for award, _ in found.awards if award.publicity_until]
    begin = min(shown, default=None)
    yield law.PUBLICITY_BEGINS, max(reports, default=None), begin
    yield law.PUBLICITY, begin, max(ends, default=None)
    results = [n.published_at for n in found.notices if n.type == "result"]
    notified = min(results, default=None) or (found.won[0].awarded_at if found.won else None)
    signed = found.contract.signed_at if found.contract else None
    if Datum.CONTRACT in found.seen:
        yield law.CONTRACT, notified, signed
    if found.refunds and (found.refunds.returned or found.refunds.waiting):
        yield law.REFUND, signed, None if found.refunds.waiting else found.refunds.ended


def _answers(found: Life) -> Iterator[_Step]:
    """Objections to the documents and to the candidates, each with its answer; on the spot no day is given."""
    spans = {"documents": law.DOCUMENTS_ANSWER, "candidates": law.CANDIDATES_ANSWER}
    for one in found.objections:
        if one.kind == "objection" and one.stage in spans:
            yield spans[one.stage], one.raised_at, one.answered_at
