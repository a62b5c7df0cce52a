"""Figures about the intake itself, for Prometheus, coarse enough to be read by anyone.

Before the deadline the number of bids is secret (招标投标法 art. 22): no figure tells kinds or sources,
and counts move only in whole thousands, at moments nobody can foresee.
"""

from __future__ import annotations

import secrets
from collections import Counter as Tally

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from ingest.apply.envelopes import Answer
from ingest.apply.writer import Committed

STEP = 1_000
"""Counts are shown in whole steps of this many records."""


class IntakeMetrics:
    """One registry a process, so that tests and several apps in one process do not meet."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._records = Counter(
            "sunbid_intake_records",
            f"Records answered, in steps of {STEP}",
            ("path", "status"),
            registry=self._registry,
        )
        self._rate = Gauge(
            "sunbid_intake_commit_rate",
            "Records a second while writing, over the last step",
            registry=self._registry,
        )
        self._failed = Counter(
            "sunbid_intake_database_failures", "Transactions the database failed", registry=self._registry
        )
        self._queue = Gauge(
            "sunbid_intake_queue_full", "Share of the queue that is taken, in tenths", registry=self._registry
        )
        self.connections = Gauge(
            "sunbid_intake_connections", "Open WebSocket connections", registry=self._registry
        )
        self._hidden: Tally[tuple[str, str]] = Tally()
        self._until = STEP
        self._written, self._seconds = 0, 0.0

    def answered(self, source: str, path: str, answers: list[Answer]) -> None:
        """Count answers by path (http, websocket) and status; `source` is counted nowhere."""
        for status, count in Tally(answer.status for answer in answers).items():
            self._hidden[path, status] += count
        if self._hidden.total() >= self._until:
            self._show()

    def _show(self) -> None:
        for labels, count in self._hidden.items():
            whole = count - count % STEP
            if whole:
                self._records.labels(*labels).inc(whole)
            self._hidden[labels] = count % STEP
        if self._seconds:
            self._rate.set(round(self._written / self._seconds, -2))
        self._written, self._seconds = 0, 0.0
        self._until = self._hidden.total() + STEP + secrets.randbelow(STEP)

    def committed(self, done: Committed) -> None:
        """Count one transaction."""
        if done.failed:
            self._failed.inc()
        else:
            self._written, self._seconds = self._written + done.records, self._seconds + done.seconds

    def waiting(self, records: int, limit: int) -> None:
        """How full the queue is: a few records do not show."""
        self._queue.set(min(10, records * 10 // limit) / 10)

    def render(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self._registry)
