"""The hot loop: from a committed record to a committed warning in a fraction of a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import and_, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from records.clock import now
from records.ledger import Ledger
from records.tables.broadcast import PublicEvent
from records.tables.intake import Journal
from records.tables.projects import Lot
from records.tables.supervision import WatchMark
from records.tail import Tail, keep_mark
from supervision.lens.changes import lots_of_openings
from supervision.lens.months import chunks
from supervision.lens.writer import OPENING_TOPICS
from supervision.rules.baseline import Baselines, ready_facts
from supervision.rules.facts import LotFacts
from supervision.rules.finding import Finding
from supervision.rules.registry import LOT_RULES
from supervision.rules.rule import LotRule
from supervision.rules.switchboard import AS_WRITTEN, Switchboard, in_force
from supervision.warnings.raising import raise_or_count

DEADLINE_MARK = "watch:deadline"
BATCH = 2000
"""Journal rows read at once."""
CHUNK = 25
"""Lots evaluated per transaction: a burst of imports delays a live lot by one chunk at most."""
BACKLOG = 10
"""Lots whose deadline has passed that are taken up per round when nothing touched them."""
_MARK_EVERY = 1.0

log = structlog.get_logger()

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Touched:
    """A lot to look at: what touched it first, by the numbers of both followed tables."""

    journal: int
    public: int
    distance: float
    """Seconds between its deadline and now: what is happening now goes before history."""


class HotLoop:
    """State of one run. After any failure it is thrown away and begun again from the marks."""

    def __init__(self, ledger: Ledger, baselines: Callable[[], Baselines]) -> None:
        self.ledger = ledger
        self.baselines = baselines
        self.board = AS_WRITTEN
        self.journal = Tail("watch:journal", select(Journal.seq, Journal.lot_id), Journal.seq)
        self.public = Tail(
            "watch:public", select(PublicEvent.seq, PublicEvent.topic, PublicEvent.subject), PublicEvent.seq
        )
        self.pending: dict[str, Touched] = {}
        self.passed: tuple[datetime, str] = (_EPOCH, "")
        self._kept: tuple[Any, ...] = ()
        self._kept_at = 0.0

    def resume(self) -> None:
        """Continue from the marks. On the very first run every lot whose deadline has passed is history to see."""
        with self.ledger.read() as session:
            known = self.journal.resume(session)
            self.public.resume(session)
            mark = session.get(WatchMark, DEADLINE_MARK)
            if mark is not None:
                moment = _EPOCH + timedelta(microseconds=mark.position)
                self.passed = (moment, (mark.detail or {}).get("lot", ""))
            if not known:
                timeless = session.scalars(select(Lot.id).where(Lot.deadline.is_(None)))
                self._add(session, timeless, now())

    def tick(self) -> bool:
        """One round: read news, look at some lots, commit. True if there is more to do at once."""
        at = now()
        with self.ledger.read() as session:
            more = self._read_news(session, at)
            lots = self._next()
            backlog = [] if lots else self._passed(session, at)
            wanted = list(dict.fromkeys([*lots, *(lot for lot, _ in backlog)]))
            self.board = in_force(session, self.board)
            findings = findings_of(session, wanted, at, self.board)
        self._commit(findings, lots, backlog)
        return more or bool(self.pending) or len(backlog) == BACKLOG

    def finish(self) -> None:
        """Keep how far it came, at a clean stop."""
        with self.ledger.write() as session:
            self._keep(session)

    # ── reading ──────────────────────────────────────────────────────────────

    def _read_news(self, session: Session, at: datetime) -> bool:
        rows = self.journal.poll(session, BATCH)
        for row in rows:
            if row.lot_id and row.lot_id not in self.pending:
                self.pending[row.lot_id] = Touched(row.seq, _LATER, 0.0)
        fresh = {row.lot_id for row in rows if row.lot_id}
        events = self.public.poll(session, BATCH)
        moved = [row for row in events if row.topic in OPENING_TOPICS]
        first = min((row.seq for row in moved), default=_LATER)
        for lot in lots_of_openings(session, {row.subject for row in moved}):
            held = self.pending.get(lot)
            self.pending[lot] = Touched(
                held.journal if held else _LATER, min(first, held.public if held else first), 0.0
            )
            fresh.add(lot)
        self._rank(session, fresh, at)
        return len(rows) == BATCH or len(events) == BATCH

    def _add(self, session: Session, lots: Iterable[str], at: datetime) -> None:
        found = set(lots)
        for lot in found:
            self.pending.setdefault(lot, Touched(_LATER, _LATER, 0.0))
        self._rank(session, found, at)

    def _rank(self, session: Session, lots: set[str], at: datetime) -> None:
        for part in chunks(sorted(lots)):
            for lot, deadline in session.execute(select(Lot.id, Lot.deadline).where(Lot.id.in_(part))):
                held = self.pending[lot]
                distance = abs((at - deadline).total_seconds()) if deadline else float("inf")
                self.pending[lot] = Touched(held.journal, held.public, distance)

    def _next(self) -> list[str]:
        """The lots to look at now: nearest to their deadline first."""
        return sorted(self.pending, key=lambda lot: (self.pending[lot].distance, lot))[:CHUNK]

    def _passed(self, session: Session, at: datetime) -> list[tuple[str, datetime]]:
        """Lots whose deadline passed since the last one taken up, in order."""
        moment, lot = self.passed
        after = or_(Lot.deadline > moment, and_(Lot.deadline == moment, Lot.id > lot))
        query = select(Lot.id, Lot.deadline).where(after, Lot.deadline <= at).order_by(Lot.deadline, Lot.id)
        return [(i, deadline) for i, deadline in session.execute(query.limit(BACKLOG)) if deadline]

    # ── writing ──────────────────────────────────────────────────────────────

    def _commit(self, findings: list[Finding], lots: list[str], backlog: list[tuple[str, datetime]]) -> None:
        """Warnings and marks in one transaction; without a finding the marks may wait a second."""
        for lot in lots:
            del self.pending[lot]
        if backlog:
            self.passed = (backlog[-1][1], backlog[-1][0])
        due = time.monotonic() - self._kept_at >= _MARK_EVERY and self._marks() != self._kept
        if not findings and not due:
            return
        usual = self.baselines()
        with self.ledger.write() as session:
            raised = raise_or_count(session, [usual.of(finding) for finding in findings], self.board)
            self._keep(session)
        for warning in raised:
            log.info(
                "warning raised", id=warning.id, rule=warning.rule, severity=warning.level, lot=warning.lot_id
            )

    def _marks(self) -> tuple[int, int, datetime, str]:
        """How far everything is done: no further than before the first touch of any lot still waiting."""
        waiting = self.pending.values()
        journal = min([self.journal.position, *(t.journal - 1 for t in waiting)])
        public = min([self.public.position, *(t.public - 1 for t in waiting)])
        return journal, public, *self.passed

    def _keep(self, session: Session) -> None:
        journal, public, moment, lot = self._kept = self._marks()
        self._kept_at = time.monotonic()
        keep_mark(session, self.journal.name, journal)
        keep_mark(session, self.public.name, public)
        keep_mark(session, DEADLINE_MARK, (moment - _EPOCH) // timedelta(microseconds=1), {"lot": lot})


_LATER = 2**62
"""The number of a row that does not exist: this table did not touch the lot."""


def findings_of(session: Session, lots: list[str], at: datetime, board: Switchboard) -> list[Finding]:
    """What the rules find in lots that are ready. A lot that cannot be read is logged and left; the others are not."""
    try:
        return [found for facts in ready_facts(session, lots, at) for found in evaluate(facts, board)]
    except SQLAlchemyError:
        raise
    except Exception as error:  # noqa: BLE001 — whatever one lot holds, warnings for the others must come
        if len(lots) == 1:
            log.error("lot cannot be read", lot=lots[0], error=type(error).__name__)
            return []
        return [found for lot in lots for found in findings_of(session, [lot], at, board)]


def evaluate(facts: LotFacts, board: Switchboard) -> list[Finding]:
    """All lot rules that run, with the settings in force. A rule that fails is logged with its lot and skipped."""
    rules: list[LotRule] = [rule for rule in LOT_RULES.values() if board.of(rule.id).mode != "off"]
    found: list[Finding] = []
    for rule in rules:
        try:
            found += board.admitted(rule.evaluate(facts, board.of(rule.id).parameters))
        except Exception as error:  # noqa: BLE001 — one rule's failure must not keep the others' warnings back
            log.error("rule failed", rule=rule.id, lot=facts.lot_id, error=type(error).__name__)
    return found
