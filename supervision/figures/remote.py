"""远程异地评标 Remote evaluation and what its experts are paid (M36, M38, M39). Nothing of a lot before its award (招标投标法 art. 38)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, String, case, cast, exists, func, select

from records.tables.evaluation import Evaluation, ExpertDraw, Fee
from records.tables.projects import Lot, counted
from records.visibility import Datum, visible
from supervision.figures.figure import OF_LOTS, OPENED, LedgerFigure, LensFigure, Row, share_of
from supervision.figures.filters import Filters
from supervision.figures.narrow import of_lots, within
from supervision.figures.openness import share
from supervision.figures.results import Share
from supervision.figures.savings import count, flagged


@dataclass(frozen=True)
class Fees:
    """专家评审费 paid in a period: attendances 人次 and yuan."""

    attendances: int
    amount: Decimal

    @property
    def value(self) -> int:
        """How often experts attended."""
        return self.attendances

    @property
    def mean(self) -> Decimal | None:
        """Yuan an attendance; None without any."""
        return self.amount / self.attendances if self.attendances else None


def _awarded() -> Any:
    """Whether the lot's award may be known: before it evaluation is secret."""
    return visible(Datum.EXPERTS) & counted()


def _fees(filters: Filters) -> Select[Any]:
    query = (
        select(func.count(Fee.id), func.coalesce(func.sum(Fee.amount), 0))
        .select_from(Fee)
        .join(Evaluation, Evaluation.id == Fee.evaluation_id)
        .join(Lot, Lot.id == Evaluation.lot_id)
        .where(Fee.status == "paid", within(Fee.paid_at, filters), _awarded())
    )
    return of_lots(query, filters)


def _paid(rows: Sequence[Row], _: Filters) -> Fees:
    attendances, amount = rows[0]
    return Fees(attendances, Decimal(amount))


def _transfers(filters: Filters) -> Select[Any]:
    """Evaluations that ended in the period, and those of them of which a fee was transferred."""
    paid = exists().where(Fee.evaluation_id == Evaluation.id, Fee.status == "paid")
    query = (
        select(func.coalesce(func.sum(case((paid, 1), else_=0)), 0), func.count(Evaluation.id))
        .select_from(Evaluation)
        .join(Lot, Lot.id == Evaluation.lot_id)
        .where(Evaluation.state == "ended", within(Evaluation.ended_at, filters), _awarded())
    )
    return of_lots(query, filters)


def _covered(rows: Sequence[Row], _: Filters) -> Share:
    paid, evaluated = rows[0]
    return Share(int(paid), evaluated)


# ── sessions by tier ─────────────────────────────────────────────────────────


def begun(filters: Filters) -> tuple[ColumnElement[bool], ...]:
    """SQL over `Evaluation` and its `Lot`: remote sessions begun in the period."""
    return (
        Evaluation.mode == "remote", Evaluation.started_at.is_not(None), within(Evaluation.started_at, filters),
        visible(Datum.EVALUATION), counted(),
    )  # fmt: skip


def _sessions(filters: Filters) -> Select[Any]:
    query = select(func.count(Evaluation.id)).select_from(Evaluation).join(Lot, Lot.id == Evaluation.lot_id)
    return of_lots(query.where(*begun(filters)), filters)


# ── the register of fees ─────────────────────────────────────────────────────

BANDS = (500, 800, 1100, 1400, 1700)
"""Yuan an attendance up to which a band of the distribution reaches; the last is open."""


@dataclass(frozen=True)
class Register:
    """评审费登记: the fees of a period by status, why some have not arrived, and how many attendances a band."""

    payable: int
    payable_amount: Decimal
    """All that is owed, paid or not."""
    paid: int
    paid_amount: Decimal
    failed: int
    failed_amount: Decimal
    reasons: Mapping[str, int]
    bands: Sequence[int]
    """Attendances up to each of BANDS, and above the last."""

    @property
    def value(self) -> int:
        """How many are owed."""
        return self.payable


def _register(filters: Filters) -> Select[Any]:
    """Fees of awarded lots by the time of their transfer, else by the end of their session; a row a status, reason and band."""
    band = case(*((Fee.amount <= most, n) for n, most in enumerate(BANDS)), else_=len(BANDS))
    query = (
        select(Fee.status, Fee.reason, band, func.count(), func.sum(Fee.amount))
        .select_from(Fee)
        .join(Evaluation, Evaluation.id == Fee.evaluation_id)
        .join(Lot, Lot.id == Evaluation.lot_id)
        .where(within(func.coalesce(Fee.paid_at, Evaluation.ended_at), filters), _awarded())
        .group_by(Fee.status, Fee.reason, band)
    )
    return of_lots(query, filters)


def _registered(rows: Sequence[Row], _: Filters) -> Register:
    counts, amounts = Counter[str](), dict.fromkeys(("payable", "paid", "failed"), Decimal(0))
    reasons, bands = Counter[str](), [0] * (len(BANDS) + 1)
    for status, reason, band, number, amount in rows:
        counts[status] += number
        amounts[status] += Decimal(amount)
        bands[band] += number
        if status != "paid":
            reasons[reason or "none"] += number
    return Register(
        counts.total(), sum(amounts.values(), Decimal(0)), counts["paid"], amounts["paid"], counts["failed"],
        amounts["failed"], dict(reasons), bands,
    )  # fmt: skip


# ── 一标一评 ─────────────────────────────────────────────────────────────────

GRADES = ("excellent", "good", "fair", "poor")
LAPSES = ("late", "unexplained", "left", "other")


@dataclass(frozen=True)
class Appraised:
    """一标一评 of a period: sessions appraised among those that are over, attendances by grade, and by what was deducted for."""

    sessions: Share
    grades: Mapping[str, int]
    lapses: Mapping[str, int]

    @property
    def value(self) -> float | None:
        """The share of sessions that are appraised."""
        return self.sessions.value


def _appraisals(filters: Filters) -> Select[Any]:
    """Every session of an awarded lot that ended in the period: a row a session, grade and deductions."""
    query = (
        select(Evaluation.id, Fee.grade, cast(Fee.deductions, String), func.count(Fee.id))
        .select_from(Evaluation)
        .join(Lot, Lot.id == Evaluation.lot_id)
        .outerjoin(Fee, Fee.evaluation_id == Evaluation.id)
        .where(Evaluation.state == "ended", within(Evaluation.ended_at, filters), _awarded())
        .group_by(Evaluation.id, Fee.grade, cast(Fee.deductions, String))
    )
    return of_lots(query, filters)


def _graded(rows: Sequence[Row], _: Filters) -> Appraised:
    grades, lapses, done = Counter[str](), Counter[str](), set[str]()
    for session, grade, deductions, number in rows:
        if grade is None:
            continue
        done.add(session)
        grades[grade] += number
        for lapse in json.loads(deductions or "[]"):
            lapses[lapse] += number
    return Appraised(Share(len(done), len({row[0] for row in rows})), dict(grades), dict(lapses))


# ── the draw of the experts ──────────────────────────────────────────────────


@dataclass(frozen=True)
class Draws:
    """专家抽取 of a period: how many draws, experts asked for, drawn and who declined, and how many results are sealed."""

    draws: int
    requested: int
    drawn: int
    declined: int
    sealed: int

    @property
    def value(self) -> int:
        """How many draws there were."""
        return self.draws

    @property
    def declining(self) -> Share:
        """Those who declined among those who were drawn."""
        return Share(self.declined, self.drawn)


def _draws(filters: Filters) -> Select[Any]:
    """Draws for lots whose award is known, by when they were sealed; never who was drawn (招标投标法 art. 37)."""
    sums = [
        func.coalesce(func.sum(column), 0)
        for column in (ExpertDraw.requested, ExpertDraw.drawn, ExpertDraw.declined)
    ]
    query = (
        select(func.count(ExpertDraw.id), *sums, func.count(ExpertDraw.sealed_at))
        .select_from(ExpertDraw)
        .join(Lot, Lot.id == ExpertDraw.lot_id)
        .where(within(ExpertDraw.sealed_at, filters), _awarded())
    )
    return of_lots(query, filters)


def _drawn(rows: Sequence[Row], _: Filters) -> Draws:
    return Draws(*map(int, rows[0]))


M36 = LensFigure("M36", OPENED, share_of(flagged("remote")), share, behind=flagged("remote"))
M38 = LedgerFigure("M38", _fees, _paid)
M39 = LedgerFigure(
    "M39", _transfers, _covered, by={**OF_LOTS, "tier": lambda: Evaluation.tier.expression}, better="more"
)  # fmt: skip

REMOTE_SESSIONS = LedgerFigure(
    "remote_sessions", _sessions, count, by={**OF_LOTS, "tier": lambda: Evaluation.tier.expression}
)
FEE_REGISTER = LedgerFigure("fee_register", _register, _registered)
EXPERT_DRAWS = LedgerFigure("expert_draws", _draws, _drawn)
APPRAISALS = LedgerFigure("appraisals", _appraisals, _graded, better="more")

FIGURES = (M36, M38, M39, REMOTE_SESSIONS, FEE_REGISTER, EXPERT_DRAWS, APPRAISALS)
