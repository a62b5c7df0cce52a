"""Figures about the intake itself, for Prometheus."""

from __future__ import annotations

from collections import Counter as Tally

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ingest.apply import Answer
from ingest.writer import Committed


class Measures:
    """One registry a process, so that tests and several apps in one process do not meet."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._records = Counter(
            "sunbid_intake_records", "Records answered", ("source", "path", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "sunbid_intake_commit_seconds", "Seconds of one transaction", registry=self._registry
        )
        self._size = Histogram(
            "sunbid_intake_commit_records", "Records in one transaction",
            buckets=(1, 2, 5, 10, 50, 100, 500, 1000, 2000), registry=self._registry,
        )  # fmt: skip
        self._failed = Counter(
            "sunbid_intake_database_failures", "Transactions the database failed", registry=self._registry
        )
        self.queue = Gauge("sunbid_intake_queue", "Records waiting for the writer", registry=self._registry)
        self.connections = Gauge(
            "sunbid_intake_connections", "Open WebSocket connections", registry=self._registry
        )

    def answered(self, source: str, path: str, answers: list[Answer]) -> None:
        """Count answers by source, path (http, websocket) and status."""
        for status, count in Tally(answer.status for answer in answers).items():
            self._records.labels(source, path, status).inc(count)

    def committed(self, done: Committed) -> None:
        """Count one transaction."""
        self._seconds.observe(done.seconds)
        self._size.observe(done.records)
        if done.failed:
            self._failed.inc()

    def render(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self._registry)
