"""The reports of `sunbid collusion` and `sunbid bias`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from messages import clauses, language_of_environment, local
from sunbid.reports.page import Column, Report, Section, most, spread
from supervision.figures import formats as figures

LONGEST = 100
"""Rows of a table; --json has all."""
_FEATURES = ("CV", "price_channel", "past_tightness", "ring_channel", "past_co_bids")


def of_collusion(
    summary: str, tenders: Sequence[dict[str, Any]], pairs: Sequence[dict[str, Any]], source: str,
    note_on: Callable[[dict[str, Any]], str],
) -> Report:  # fmt: skip
    """Tenders as `sunbid collusion --json` prints them, and its pairs, both with the most suspicious first; `note_on` says
    what else is odd about one."""
    title = local("report.score_spread")
    scores = spread((one["score"] for one in tenders), title, local("report.unit_tenders"), (0.0, 1.0))
    tightness = local("report.cv_spread")
    cv = spread((_value(one["features"]["CV"]) for one in tenders), tightness, local("report.unit_tenders"))
    columns = [Column(local("report.tender")), Column(local("report.score"), True), *(Column(local(f"report.feature.{name}"), True) for name in _FEATURES), Column(local("report.reasons"))]  # fmt: skip
    odd = sum(bool(note_on(one)) for one in tenders)
    if odd:
        columns.append(Column(local("table.note")))
    rows = [
        (one["tender_id"], figures.significant(one["score"]), *(figures.significant(one["features"][name]) for name in _FEATURES), clauses(one["reasons"], language_of_environment()), *([note_on(one)] if odd else ()))
        for one in tenders[:LONGEST]
    ]  # fmt: skip
    return Report(
        local("report.collusion"), source, (),
        [
            Section(title, summary, scores), Section(tightness, local("report.cv_words"), cv),
            Section(local("report.tenders"), local("collusion.odd_winners", n=odd) if odd else "", None, columns, rows, max(len(tenders) - LONGEST, 0)),
            _pairs(pairs),
        ],
    )  # fmt: skip


def _pairs(pairs: Sequence[dict[str, Any]]) -> Section:
    columns = (
        Column(local("report.bidders")), Column(local("report.co_bids"), True), Column(local("report.expected"), True), Column("log₁₀ p", True),
    )  # fmt: skip
    rows = [
        (" · ".join(one["bidders"]), one["co_bids"], figures.significant(one["expected"]), figures.significant(one["log10_p"])) for one in pairs[:LONGEST]
    ]  # fmt: skip
    words = local("report.pairs_words")
    return Section(local("report.pairs"), words, None, columns, rows, max(len(pairs) - LONGEST, 0))


def of_bias(summary: str, reviewers: Sequence[dict[str, Any]], source: str) -> Report:
    """Reviewers as `sunbid bias --json` prints them, the largest effect first."""
    title = local("report.tendency_spread")
    picture = spread((_value(one["tendency"]) for one in reviewers), title, local("report.unit_reviewers"))
    flagged = [
        (one["reviewer_id"], abs(_value(one["tendency"])), figures.significant(one["tendency"])) for one in reviewers if one["flag"]
    ]  # fmt: skip
    towards = any("towards" in one for one in reviewers)
    below = any(one["flag"] and _value(one["tendency"]) < 0 for one in reviewers)
    columns = [
        Column(local("report.reviewer")), Column(local("report.tendency"), True), Column("p", True),
        Column(local("report.adjusted_p"), True), Column(local("report.sessions"), True), Column(local("report.over_gate")),
        *([Column(local("report.towards"))] if towards else ()),
    ]  # fmt: skip
    rows = [
        (
            one["reviewer_id"], figures.significant(one["tendency"]), figures.significant(one["p_value"]), figures.significant(one["adjusted_p"]), one["sessions"],
            "✓" if one["flag"] else "—", *([one.get("towards", "—")] if towards else ()),
        )
        for one in reviewers[:LONGEST]
    ]  # fmt: skip
    return Report(
        local("report.bias"), source, (),
        [
            Section(title, summary, picture), Section(local("report.flagged"), "", most(flagged, local("report.flagged"))),
            Section(local("report.reviewers"), local("bias.negative") if below else "", None, columns, rows, max(len(reviewers) - LONGEST, 0)),
        ],
    )  # fmt: skip


def _value(value: float | None) -> float:
    return np.nan if value is None else float(value)
