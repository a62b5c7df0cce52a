"""Warnings counted: by level, by centre, by lot, and how they were dealt with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import Session

from records.tables.organisations import Centre
from records.tables.projects import Lot, counted
from records.tables.supervision import ShadowFinding, Warning, WarningChange
from supervision.rules.finding import LEVELS
from supervision.warnings.handling import CLOSED_STATES, OPEN_STATES, VERDICTS
from supervision.warnings.raising import WATCH

NEWEST = 1000
"""Warnings of a rule that are looked at for what is usual."""


def in_statistics() -> ColumnElement[bool]:
    """Whether a warning counts in rates and frequencies: one about a rehearsal 演练 does not."""
    return ~_rehearsed(Warning)


def _rehearsed(table: type[Warning | ShadowFinding]) -> ColumnElement[bool]:
    return select(Lot.id).where(Lot.id == table.lot_id, ~counted()).correlate(table).exists()


def counts(session: Session, centre: str | None = None) -> dict[str, int]:
    """Open warnings by level, every level named: {"red": n, "orange": n, "yellow": n}."""
    query = select(Warning.level, func.count()).where(Warning.state.in_(OPEN_STATES)).group_by(Warning.level)
    if centre:
        query = query.where(Warning.centre_id == centre)
    found = {row[0]: row[1] for row in session.execute(query)}
    return {level: found.get(level, 0) for level in LEVELS}


_SEVERITY = case({level: n for n, level in enumerate(LEVELS)}, value=Warning.level, else_=len(LEVELS))


@dataclass(frozen=True)
class Lamp:
    """预警灯: the worst open level of one centre; None: nothing open."""

    centre_id: str
    centre_name: str
    centre_name_en: str | None
    level: str | None
    open: int


def lamps(session: Session) -> list[Lamp]:
    """One lamp per centre, in order of centre id; one of small value 小额 has a lamp while something is open there."""
    rows = session.execute(
        select(Centre.id, Centre.name, Centre.name_en, func.min(_SEVERITY), func.count(Warning.id))
        .outerjoin(Warning, (Warning.centre_id == Centre.id) & Warning.state.in_(OPEN_STATES))
        .group_by(Centre.id, Centre.name, Centre.name_en, Centre.level)
        .having(or_(Centre.level != "small", func.count(Warning.id) > 0))
        .order_by(Centre.level == "small", Centre.id)
    )
    return [Lamp(i, zh, en, LEVELS[worst] if n else None, n) for i, zh, en, worst, n in rows]


@dataclass(frozen=True)
class LotWarnings:
    """How many open warnings one lot has, by level."""

    lot_id: str
    lot_name: str
    red: int
    orange: int
    yellow: int


def top_lots(session: Session, n: int = 10) -> list[LotWarnings]:
    """The lots with the worst and most open warnings."""
    by_level = [func.sum(case((Warning.level == level, 1), else_=0)) for level in LEVELS]
    rows = session.execute(
        select(Lot.id, Lot.name, *by_level)
        .join(Warning, Warning.lot_id == Lot.id)
        .where(Warning.state.in_(OPEN_STATES))
        .group_by(Lot.id, Lot.name)
        .order_by(*(column.desc() for column in by_level), Lot.id)
        .limit(n)
    )
    return [LotWarnings(i, name, int(r), int(o), int(y)) for i, name, r, o, y in rows]


@dataclass(frozen=True)
class Response:
    """How warnings are dealt with (M46, M47); rates are fractions, None where nothing can be said."""

    raised: int
    closed: int
    confirmed: int
    first_response_hours: float | None
    """Median hours from raising to the first action."""

    @property
    def value(self) -> float | None:
        """预警处置率, for comparisons."""
        return self.disposition_rate

    @property
    def disposition_rate(self) -> float | None:
        """预警处置率: disposed ÷ raised."""
        return self.closed / self.raised if self.raised else None


def handled(since: datetime | None = None, until: datetime | None = None) -> Select[Any]:
    """When each warning of a period was raised, how it stands, why, and when somebody first dealt with it; rehearsals aside."""
    first = (
        select(WarningChange.warning_id, func.min(WarningChange.ts).label("at"))
        .where(WarningChange.actor != WATCH).group_by(WarningChange.warning_id).subquery()
    )  # fmt: skip
    query = (
        select(Warning.raised_at, Warning.state, Warning.disposition, first.c.at)
        .outerjoin(first, first.c.warning_id == Warning.id)
        .where(in_statistics())
    )
    if since:
        query = query.where(Warning.raised_at >= since)
    return query.where(Warning.raised_at < until) if until else query


def responded(rows: Sequence[Any]) -> Response:
    """First response and disposition from the rows of `handled`."""
    hours = [(acted - raised).total_seconds() / 3600 for raised, *_, acted in rows if acted]
    closed = [disposition for _, state, disposition, _ in rows if state in CLOSED_STATES]
    return Response(len(rows), len(closed), closed.count("confirmed"), median(hours) if hours else None)


def response(session: Session, since: datetime | None = None, until: datetime | None = None) -> Response:
    """How the warnings raised in a period were dealt with (M46, M47), rehearsals aside."""
    return responded(session.execute(handled(since, until)).all())


def in_shadow(session: Session, since: datetime) -> dict[str, int]:
    """Rule → what it found in shadow mode since then, rehearsals aside."""
    query = select(ShadowFinding.rule, func.count())
    query = query.where(ShadowFinding.found_at >= since, ~_rehearsed(ShadowFinding))
    return dict(session.execute(query.group_by(ShadowFinding.rule)).all())


@dataclass(frozen=True)
class Usual:
    """What is usual in one market by the newest warning of a rule there, and how many warnings say so."""

    stratum: str | None
    baseline: float
    threshold: float | None
    raised_at: datetime
    warnings: int


def usual(session: Session, rule: str, most: int = 6) -> list[Usual]:
    """The markets about which a rule warned most, rehearsals aside, with the baseline and threshold of its newest warning
    there."""
    columns = (Warning.stratum, Warning.baseline, Warning.threshold, Warning.raised_at)
    query = (
        select(*columns)
        .where(Warning.rule == rule, Warning.baseline.is_not(None), in_statistics())
        .order_by(Warning.raised_at.desc())
    )
    found: dict[str | None, list[Any]] = {}
    for row in session.execute(query.limit(NEWEST)):
        found.setdefault(row.stratum, []).append(row)
    largest = sorted(found.values(), key=lambda rows: -len(rows))[:most]
    return [_usual(rows) for rows in largest]


def _usual(rows: Sequence[Any]) -> Usual:
    newest = rows[0]
    return Usual(newest.stratum, newest.baseline, newest.threshold, newest.raised_at, len(rows))


@dataclass(frozen=True)
class Judged:
    """属实／已判: how many of a rule's warnings were confirmed, of those on which a verdict was given."""

    confirmed: int
    judged: int


def judged(dispositions: Iterable[str | None]) -> Judged:
    """The precision of closed warnings by how each was closed. A lead nobody has answered, and what was closed for
    another reason, are no verdict."""
    given = Counter(one for one in dispositions if one in VERDICTS)
    return Judged(given["confirmed"], given.total())


def by_rule(session: Session, since: datetime) -> tuple[Mapping[str, int], Mapping[str, Judged]]:
    """Rule → warnings raised since then; rule → verdicts of all time. Rehearsals aside."""
    raised = select(Warning.rule, func.count()).where(Warning.raised_at >= since, in_statistics())
    done = select(Warning.rule, Warning.disposition).where(Warning.state.in_(CLOSED_STATES), in_statistics())
    closed: dict[str, list[str | None]] = defaultdict(list)
    for rule, disposition in session.execute(done):
        closed[rule].append(disposition)
    found = {rule: judged(dispositions) for rule, dispositions in closed.items()}
    return dict(session.execute(raised.group_by(Warning.rule)).all()), found
