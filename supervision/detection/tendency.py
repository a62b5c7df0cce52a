"""Tendency of reviewers 评审倾向: whom a reviewer marks higher than the rest of the panel does, in points.

Each score is compared with the mean of the other reviewers of the same (session, subject, item); what remains is
compared within the reviewer, so that the generous and the strict are treated alike.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from messages import Invalid, Message
from supervision.detection.csv_tables import Report, Row, read_rows
from supervision.detection.market import Bools, Floats, Ints
from supervision.detection.tails import two_sided

FALSE_DISCOVERIES = 0.05
"""Share of wrong reviewers accepted among the flagged (Benjamini–Hochberg)."""
LEAST_SCORES = 4
"""Scores a reviewer must have given a subject before the two are looked at."""
LARGEST_SCORE = 1e12
"""No scale of marks goes beyond; sums of squares of larger ones would leave the range of doubles, and every tendency with them."""
_ROUNDS, _STILL = 500, 1e-10
"""Most rounds of removing the two fixed effects in turn, and the change in points at which it ends."""


@dataclass(frozen=True)
class Scores:
    """Scores as arrays; names are numbered in order of appearance."""

    reviewers: Sequence[str]
    subjects: Sequence[str]
    reviewer: Ints
    subject: Ints
    session: Ints
    panel: Ints
    """Which (session, subject, item) a score belongs to."""
    kind: Ints
    """Stratum within which the permutation shuffles."""
    own: Bools | None
    """Whether reviewer and subject share their affiliation; None: the table has no affiliations."""
    score: Floats

    @cached_property
    def deviation(self) -> Floats:
        """Score − mean of the other reviewers of the panel, in points; NaN where there is no other."""
        size = np.bincount(self.panel)[self.panel]
        total = np.bincount(self.panel, self.score)[self.panel]
        with np.errstate(invalid="ignore", divide="ignore"):
            others = (total - self.score) / (size - 1)
        found: Floats = np.where(size > 1, self.score - others, np.nan)
        return found


@dataclass(frozen=True)
class Tendency:
    """One reviewer. `effect` in points of the score's scale; NaN where there is nothing to compare."""

    reviewer: int
    subject: int
    """The subject of the strongest tendency; −1: own affiliation."""
    effect: float
    p: float
    adjusted_p: float
    sessions: int

    @property
    def flag(self) -> bool:
        """Whether it passes the gate of false discoveries."""
        return bool(self.adjusted_p <= FALSE_DISCOVERIES)


def tendencies(scores: Scores) -> list[Tendency]:
    """Every reviewer's tendency, largest effect first: towards its own affiliation, else towards one subject."""
    order = np.argsort(scores.reviewer, kind="stable")
    order = order[~np.isnan(scores.deviation[order])]
    ends = np.searchsorted(scores.reviewer[order], np.arange(len(scores.reviewers) + 1))
    raw = [_of_reviewer(scores, n, order[ends[n] : ends[n + 1]]) for n in range(len(scores.reviewers))]
    adjusted = benjamini_hochberg(np.array([p for *_, p, _ in raw]))
    found = [Tendency(n, s, e, p, float(q), k) for (n, s, e, p, k), q in zip(raw, adjusted, strict=True)]
    return sorted(found, key=lambda t: (np.isnan(t.effect), -abs(t.effect)))


def _of_reviewer(scores: Scores, reviewer: int, rows: Ints) -> tuple[int, int, float, float, int]:
    """(reviewer, subject, effect, p, sessions) from the rows of one reviewer."""
    deviation, kind = scores.deviation[rows], scores.kind[rows]
    sessions = len(np.unique(scores.session[rows]))
    if scores.own is not None:
        return reviewer, -1, *compare(deviation, scores.own[rows], kind), sessions
    subject = scores.subject[rows]
    names, counts = np.unique(subject, return_counts=True)
    tested = [n for n, count in zip(names, counts, strict=True) if count >= LEAST_SCORES]
    results = [(int(n), *compare(deviation, subject == n, kind)) for n in tested]
    results = [result for result in results if not np.isnan(result[2])]
    if not results:
        return reviewer, -1, np.nan, np.nan, sessions
    who, effect, p = min(results, key=lambda result: (result[2], -abs(result[1])))
    return reviewer, who, effect, float(-np.expm1(len(results) * np.log1p(-min(p, 1 - 1e-16)))), sessions


def compare(deviation: Floats, chosen: Bools, kind: Ints) -> tuple[float, float]:
    """(effect, p): mean deviation of the `chosen` scores − mean of the others, and its permutation p, two-sided.

    p is the closed form of shuffling `chosen` within each kind: the sum over the chosen has mean Σ m·x̄ and variance
    Σ m(n − m)/n · s² over the kinds (n scores, m of them chosen); NaN where no kind has both.
    """
    if chosen.all() or not chosen.any():
        return np.nan, np.nan
    effect = float(deviation[chosen].mean() - deviation[~chosen].mean())
    kinds, at = np.unique(kind, return_inverse=True)
    n, m = np.bincount(at, minlength=len(kinds)), np.bincount(at, chosen, len(kinds))
    mean = np.bincount(at, deviation, len(kinds)) / n
    spread = np.bincount(at, (deviation - mean[at]) ** 2, len(kinds)) / np.maximum(n - 1, 1)
    variance = float((m * (n - m) / n * spread).sum())
    if variance <= 0:
        return effect, np.nan
    z = (deviation[chosen].sum() - (m * mean).sum()) / np.sqrt(variance)
    return effect, float(two_sided(z))


def benjamini_hochberg(p: Floats) -> Floats:
    """p adjusted for the number of tests (Benjamini & Hochberg 1995); NaN stays and is no test."""
    found = np.full(len(p), np.nan)
    has = np.flatnonzero(~np.isnan(p))
    order = has[np.argsort(p[has])]
    raised = p[order] * len(order) / np.arange(1, len(order) + 1)
    found[order] = np.minimum(1.0, np.minimum.accumulate(raised[::-1])[::-1])
    return found


@dataclass(frozen=True)
class OwnAffiliation:
    """Points a reviewer adds for its own affiliation, over all reviewers; NaN where there is nothing to compare."""

    within_panel: float
    """With a fixed effect for every panel (who is judged, when, on what)."""
    within_panel_and_reviewer: float
    """With one for every reviewer too."""


def own_affiliation(scores: Scores) -> OwnAffiliation:
    """Least squares of the score on "own affiliation" with fixed effects (Lyngstad & Rønneberg 2020, table 2)."""
    if scores.own is None or not scores.own.any() or scores.own.all():
        return OwnAffiliation(np.nan, np.nan)
    y, x = scores.score, scores.own.astype(np.float64)
    one = _centred(y, scores.panel), _centred(x, scores.panel)
    two = (_twice_centred(y, scores), _twice_centred(x, scores))
    return OwnAffiliation(*(_slope(*pair) for pair in (one, two)))


def _centred(value: Floats, group: Ints) -> Floats:
    found: Floats = value - (np.bincount(group, value) / np.maximum(np.bincount(group), 1))[group]
    return found


def _twice_centred(value: Floats, scores: Scores) -> Floats:
    """Without the means of panel and reviewer, taken off in turn until nothing changes."""
    for _ in range(_ROUNDS):
        after = _centred(_centred(value, scores.panel), scores.reviewer)
        if np.abs(after - value).max() < _STILL:
            break
        value = after
    return after


def _slope(y: Floats, x: Floats) -> float:
    spread = float(x @ x)
    return float(x @ y) / spread if spread > 0 else np.nan


_REQUIRED = ("session_id", "reviewer_id", "subject_id", "score")
_AFFILIATIONS = ("affiliation_reviewer", "affiliation_subject")
COLUMNS = (*_REQUIRED, *_AFFILIATIONS, "item", "kind")
"""Columns of the score table (contracts §5)."""


def read_scores(path: Path, report: Report) -> Scores:
    """The score table of contracts §5; rows that cannot be used are reported and left out.

    Raises Invalid for a file that is no such table or has no row, OSError where it cannot be read.
    """
    rows: list[tuple[Row, float]] = []
    for row in read_rows(path, _REQUIRED, report):
        try:
            for column in _REQUIRED[:3]:
                row.text(column)
            rows.append((row, row.number("score", -LARGEST_SCORE, LARGEST_SCORE)))
        except Invalid as error:
            report(error.message)
    if not rows:
        raise Invalid(Message("table.no_rows"))
    affiliated = all(column in rows[0][0].fields for column in _AFFILIATIONS)
    return _arrange([row.fields for row, _ in rows], np.array([score for _, score in rows]), affiliated)


def _arrange(rows: Sequence[dict[str, str]], score: Floats, affiliated: bool) -> Scores:
    reviewers, reviewer = _numbered([row["reviewer_id"] for row in rows])
    subjects, subject = _numbered([row["subject_id"] for row in rows])
    panels = [(row["session_id"], row["subject_id"], row.get("item", "")) for row in rows]
    of_reviewer, of_subject = _AFFILIATIONS
    own = [affiliated and bool(row[of_reviewer]) and row[of_reviewer] == row[of_subject] for row in rows]
    return Scores(
        reviewers, subjects, reviewer, subject, _numbered([row["session_id"] for row in rows])[1],
        _numbered(panels)[1], _numbered([row.get("kind", "") for row in rows])[1],
        np.array(own, np.bool_) if affiliated else None, score,
    )  # fmt: skip


def _numbered(names: Sequence[Hashable]) -> tuple[list[Any], Ints]:
    """The distinct names in order of appearance, and the number of each."""
    seen: dict[Hashable, int] = {}
    numbers = [seen.setdefault(name, len(seen)) for name in names]
    return list(seen), np.array(numbers, dtype=np.int64)
