"""Turning findings into warnings: once per rule × subject set × 90 days, growing as the evidence grows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select, text
from sqlalchemy.orm import Session

from messages import DEFAULT
from records import chain
from records.clock import local_day, now
from records.tables.supervision import ShadowFinding, Silence, Warning, WarningChange
from supervision.rules.finding import Finding
from supervision.rules.switchboard import Switchboard

WINDOW = timedelta(days=90)
"""A repeated finding about the same subjects within this time is the same warning (metric M44)."""

WATCH = "watch"
"""The actor of what the watch does by itself."""

_FEED_LOCK = 0x73756E77


def subject_key(subjects: list[dict[str, str]]) -> frozenset[tuple[str, str]]:
    """The subjects as a set, in whatever order they were named."""
    return frozenset((subject["kind"], subject["id"]) for subject in subjects)


def add_change(
    session: Session,
    warning: Warning,
    actor: str,
    note: str | None = None,
    at: datetime | None = None,
    disposition: str | None = None,
) -> WarningChange:
    """Number one change for the feed, with the reason code and the note given with it. Writers queue, so that numbers appear in order on PostgreSQL too."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _FEED_LOCK})
    change = WarningChange(
        warning_id=warning.id, ts=at or now(), state=warning.state, actor=actor, disposition=disposition, note=note
    )  # fmt: skip
    session.add(change)
    session.flush()
    return change


def raise_or_count(session: Session, findings: Sequence[Finding], board: Switchboard) -> list[Warning]:
    """Raise the findings of rules that are on and count those of rules in shadow; gives the warnings that are new or grew."""
    raised = []
    for found in findings:
        if board.of(found.rule).mode == "shadow":
            count_in_shadow(session, found)
        elif (warning := raise_warning(session, found)) is not None:
            raised.append(warning)
    return raised


def count_in_shadow(session: Session, finding: Finding) -> None:
    """Keep that a rule in shadow mode found this, once for each rule and set of subjects."""
    key = _stem(finding)
    if session.get(ShadowFinding, key) is None:
        session.add(
            ShadowFinding(
                key=key, rule=finding.rule, rule_version=finding.rule_version, level=finding.level, lot_id=finding.lot_id,
                centre_id=finding.centre_id, value=finding.value, found_at=now(),
            )
        )  # fmt: skip
        session.flush()


def raise_warning(session: Session, finding: Finding, at: datetime | None = None) -> Warning | None:
    """Write the warning of a finding in the caller's transaction; None if nothing new was said.

    A finding with the subjects of an earlier one plus more (2 → 3 bidders) updates that warning;
    one that says less changes nothing. A warning already dismissed does not grow: new subjects then
    are a new warning, so that nobody's "no" hides what came later.
    """
    moment = at or now()
    subjects = [subject.as_dict() for subject in finding.subjects]
    wanted = subject_key(subjects)
    held = None
    for earlier in _recent(session, finding, moment):
        known = subject_key(earlier.subjects)
        if known >= wanted:
            return _refresh(session, earlier, finding, moment) if known == wanted else None
        if known < wanted and earlier.state != "dismissed":
            held = earlier
    if held is not None:
        return _grow(session, held, finding, subjects, moment)
    return _new(session, finding, subjects, moment)


def _recent(session: Session, finding: Finding, moment: datetime) -> list[Warning]:
    """Warnings of the rule within the window, of the same lot if the finding has one, newest first."""
    query = select(Warning).where(Warning.rule == finding.rule, Warning.raised_at > moment - WINDOW)
    query = query.where(
        Warning.lot_id.is_(None) if finding.lot_id is None else Warning.lot_id == finding.lot_id
    )
    return list(session.scalars(query.order_by(Warning.raised_at.desc(), Warning.id)))


def _dedup_key(session: Session, finding: Finding) -> str:
    """Rule and subject set by digest, numbered by the earlier windows in which they were raised."""
    stem = _stem(finding)
    query = select(Warning.dedup_key).where(Warning.dedup_key.startswith(f"{stem}:"))
    earlier = [int(key.rsplit(":", 1)[1]) for key in session.scalars(query)]
    return f"{stem}:{max(earlier, default=-1) + 1}"


def _stem(finding: Finding) -> str:
    """A digest of the rule and whom the finding is about."""
    pairs = sorted([subject.kind, subject.id] for subject in finding.subjects)
    return chain.digest([finding.rule, pairs])[:48]


def _is_silenced(session: Session, finding: Finding, moment: datetime) -> bool:
    """Whether a silence that runs covers the finding."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    Silence.rule == finding.rule, Silence.ended_at.is_(None), Silence.until > moment,
                    or_(Silence.centre_id.is_(None), Silence.centre_id == finding.centre_id),
                    or_(Silence.lot_id.is_(None), Silence.lot_id == finding.lot_id),
                )
            )
        )
    )  # fmt: skip


def _new(session: Session, finding: Finding, subjects: list[dict[str, str]], moment: datetime) -> Warning:
    key = _dedup_key(session, finding)
    warning = Warning(
        id=f"W{local_day(moment).replace('-', '')}-{chain.digest([key, chain.stamp(moment)])[:10]}",
        lot_id=finding.lot_id,
        centre_id=finding.centre_id,
        family=finding.family,
        dedup_key=key,
        raised_at=moment,
        state="silenced" if _is_silenced(session, finding, moment) else "new",
        subjects=subjects,
        **_said(finding),
    )
    session.add(warning)
    session.flush()
    add_change(session, warning, WATCH, at=moment)
    return warning


def _said(finding: Finding) -> dict[str, object]:
    """What a warning takes over from its newest finding."""
    return {
        "rule": finding.rule,
        "rule_version": finding.rule_version,
        "level": finding.level,
        "title": finding.title.text(DEFAULT),
        "title_en": finding.title.text("en"),
        "value": finding.value,
        "baseline": finding.baseline,
        "threshold": finding.threshold,
        "stratum": finding.stratum,
        "evidence": json.loads(chain.canonical(finding.evidence)),
    }


def _grow(
    session: Session,
    warning: Warning,
    finding: Finding,
    subjects: list[dict[str, str]],
    moment: datetime,
) -> Warning:
    for name, value in _said(finding).items():
        setattr(warning, name, value)
    warning.subjects = subjects
    warning.dedup_key = _dedup_key(session, finding)
    session.flush()
    add_change(session, warning, WATCH, "warning.more_subjects", moment)
    return warning


def _refresh(session: Session, warning: Warning, finding: Finding, moment: datetime) -> Warning | None:
    """Same subjects again: take over stronger evidence silently unless the level rose; None if unchanged."""
    if warning.state == "dismissed" or _same(warning, finding):
        return None
    worse = _rank(finding.level) < _rank(warning.level)
    for name, value in _said(finding).items():
        setattr(warning, name, value)
    session.flush()
    if worse:
        add_change(session, warning, WATCH, "warning.level_raised", moment)
    return warning


def _same(warning: Warning, finding: Finding) -> bool:
    """Whether the finding says nothing new. The baseline moves with the market and alone is no news."""
    said = _said(finding)
    return all(
        getattr(warning, name) == said[name] for name in ("level", "value", "evidence", "rule_version")
    )


def _rank(level: str) -> int:
    return ("red", "orange", "yellow").index(level)
