"""Deposits still to be returned, in words: how long is left, and what interest they have borne; for S10 and its export."""

from __future__ import annotations

from decimal import Decimal

from dashboard import context
from dashboard.lifeline import days_past
from messages import say
from records.clock import now
from records.legal_clock import days_between
from records.legal_periods import Verdict, last_moment, owed
from supervision.figures import formats as figures
from supervision.figures.deposits import interest_due
from supervision.lists.money import Refund


def borne(refund: Refund) -> Decimal | None:
    """应计利息: what it has borne by now, to a hundredth; nothing for a guarantee, and nothing is known without a rate."""
    rate = context.config().deposit_rate
    if not rate or refund.form != "transfer" or refund.received is None:
        return None
    return interest_due(refund.amount, refund.received, now(), rate)


def left(refund: Refund, lang: str) -> str:
    """剩余: the countdown to the last day of the refund, or by how many days it is late."""
    known, at = context.config().holidays, now()
    end, verdict = last_moment(refund.due, 0, known), owed(refund.due, None, at, known)
    if verdict is Verdict.RUNNING:
        days = days_between(at, end) - 1
        return say("deposits.left", lang, n=figures.number(days)) if days else say("deposits.today", lang)
    past = figures.number(days_past(end, at))
    sign = "▲ " if verdict is Verdict.OVERDUE else ""
    return sign + say("deposits.late" if sign else "lifeline.over", lang, n=past)
