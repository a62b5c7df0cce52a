"""远程异地评标: which sites evaluate together, and how far today's remote sessions have come. Nothing here tells who evaluates."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from records.clock import now, start_of, today
from records.tables.evaluation import Evaluation
from records.tables.projects import Lot
from records.visibility import Datum, visible
from supervision.figures.filters import Filters
from supervision.figures.narrow import of_lots
from supervision.figures.remote import begun

TIERS = ("city", "cross_city", "cross_province")
RUNNING = ("in_progress", "paused")
_SHARED = re.compile("市?公共资源交易(?:中心)?|交易中心|分中心")
"""What the names of centres have in common."""


def held(session: Session) -> bool:
    """Whether the ledger holds any evaluation."""
    return session.scalar(select(Evaluation.id).limit(1)) is not None


@dataclass(frozen=True)
class Site:
    """A secondary site 副场: its name as it is known, its tier, how many sessions with it, whether one goes on now."""

    name: str
    tier: str
    sessions: int
    active: bool


def short(site: str) -> str:
    """A site without "…市公共资源交易中心"."""
    return bare(site) or site


def bare(name: str) -> str:
    """A centre's name without what all of them share; nothing where it has no more than that."""
    return _SHARED.sub("", name)


def sessions_with(session: Session, filters: Filters, site: str) -> list[str]:
    """Evaluations with a secondary site of that name."""
    query = select(Evaluation.id, Evaluation.secondary_sites).join(Lot, Lot.id == Evaluation.lot_id)
    rows = session.execute(of_lots(query.where(*begun(filters)), filters))
    return [key for key, others in rows if site in map(short, others)]


def sites(session: Session, filters: Filters) -> tuple[Counter[str], list[Site]]:
    """Main site → how many remote sessions, and the secondary sites, the busiest of each tier first."""
    query = (
        select(Evaluation.main_site, Evaluation.tier, Evaluation.secondary_sites, Evaluation.state)
        .join(Lot, Lot.id == Evaluation.lot_id)
        .where(*begun(filters))
    )
    mains, found, active = Counter[str](), Counter[tuple[str, str]](), set[str]()
    for main, tier, others, state in session.execute(of_lots(query, filters)):
        mains[main or ""] += 1
        for site in others:
            found[short(site), tier or ""] += 1
            if state in RUNNING:
                active.add(short(site))
    listed = [Site(name, tier, n, name in active) for (name, tier), n in found.items()]
    order = {tier: place for place, tier in enumerate(TIERS)}
    return mains, sorted(listed, key=lambda s: (order.get(s.tier, len(TIERS)), -s.sessions, s.name))


@dataclass(frozen=True)
class Course:
    """One remote session of today: when it was drawn for, all had arrived, it began and ended."""

    lot_id: str
    lot: str
    tier: str
    main: str
    others: Sequence[str]
    state: str
    scheduled: datetime | None
    drawn: datetime | None
    arrived_at: datetime | None
    started: datetime | None
    ended: datetime | None
    arrived: int | None
    committee: int | None

    @property
    def standing(self) -> str:
        """How it stands: its state, and of one that has not begun what has been done for it."""
        if self.state != "scheduled":
            return self.state
        if self.drawn is None:
            return "waiting"
        return "drawn" if self.arrived is None or self.committee is None else "arrived"


_ORDER = {"in_progress": 0, "paused": 0, "scheduled": 1, "ended": 2, "failed": 3}


def today_sessions(session: Session, filters: Filters) -> list[Course]:
    """Today's remote sessions, those that go on first, then those to come, then those that are over."""
    found = _courses(session, filters, on_day(start_of(today())))
    return sorted(found, key=lambda c: (_ORDER.get(c.state, 4), c.started or c.scheduled or now(), c.lot_id))


def sessions(session: Session, filters: Filters, *behind: ColumnElement[bool]) -> list[Course]:
    """The remote sessions begun in the period and those of today, or those for which conditions hold; the newest first."""
    which = and_(*behind) if behind else or_(and_(*begun(filters)), on_day(start_of(today())))
    found = _courses(session, filters, which)
    return sorted(found, key=lambda c: (c.started or c.scheduled or now(), c.lot_id), reverse=True)


def _courses(session: Session, filters: Filters, which: ColumnElement[bool]) -> list[Course]:
    query = (
        select(Evaluation, Lot.name)
        .join(Lot, Lot.id == Evaluation.lot_id)
        .where(Evaluation.mode == "remote", visible(Datum.EVALUATION), which)
    )
    return [_course(one, lot) for one, lot in session.execute(of_lots(query, filters))]


def on_day(start: datetime) -> ColumnElement[bool]:
    """SQL over `Evaluation`: it is planned for, or was begun on, the day that begins at `start`."""
    until = start + timedelta(days=1)
    return or_(
        (Evaluation.scheduled_at >= start) & (Evaluation.scheduled_at < until),
        (Evaluation.started_at >= start) & (Evaluation.started_at < until),
    )


def _course(one: Evaluation, lot: str) -> Course:
    return Course(
        one.lot_id, lot, one.tier or "", short(one.main_site or ""), [short(site) for site in one.secondary_sites],
        one.state, one.scheduled_at, one.drawn_at, one.arrived_at, one.started_at, one.ended_at, one.arrived, one.experts,
    )  # fmt: skip
