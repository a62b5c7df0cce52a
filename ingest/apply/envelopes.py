"""Envelopes into the ledger, exactly once per (source, kind, key, version).

`apply_batch` is the one way in: the server, the file import and the demonstration market all use it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ingest.apply import rejects
from ingest.apply.batch import Answer, Batch
from ingest.envelope import Record, read
from ingest.refusal import Refusal
from messages import Message
from records.ledger import Ledger

__all__ = ["Answer", "Entry", "apply_batch", "commit", "prepare"]

log = structlog.get_logger()


@dataclass(slots=True)
class Entry:
    """One record on its way in: what was sent, and what could be read of it."""

    source: str
    raw: Any
    record: Record | None = None
    refusal: Refusal | None = None


def prepare(source: str, raw: Any, key: bytes | None = None) -> Entry:
    """Read one envelope (mapping, text or bytes); never raises for what was sent."""
    try:
        return Entry(source, raw, record=read(raw, source, key))
    except Refusal as refusal:
        return Entry(source, raw, refusal=refusal)
    except Exception as error:  # noqa: BLE001 — whatever it is: this one is refused, the next is read
        log.error("intake.record_unreadable", cause=type(error).__name__)
        why = Message("refused.cannot_be_read", cause=type(error).__name__)
        return Entry(source, raw, refusal=Refusal(".", why))


def apply_batch(
    ledger: Ledger, source: str, envelopes: Iterable[Any], *, key: bytes | None = None
) -> list[Answer]:
    """Take envelopes of one source, in order, in one durable transaction; one answer each, in order.

    `data` may hold Decimal and datetime where the caller is Python. `key` is the installation's
    signing key (`records.serving.signing.load_key`); without it account numbers are refused. If the database
    refuses the batch it is tried in halves, so that one bad record never takes others with it.
    Raises sqlalchemy.exc.OperationalError when the database itself fails: nothing is answered then.
    """
    return commit(ledger, [prepare(source, envelope, key) for envelope in envelopes])


def commit(ledger: Ledger, entries: Sequence[Entry]) -> list[Answer]:
    """Commit prepared entries of any sources together; see `apply_batch`."""
    if not entries:
        return []
    try:
        with ledger.write() as session:
            batch = Batch(session)
            batch.prefetch([entry.record for entry in entries if entry.record])
            answers = [_decide(batch, entry) for entry in entries]
            batch.finish()
        return answers
    except Exception as error:
        if _is_outage(error):
            raise
        return _in_halves(ledger, entries, error)


def _in_halves(ledger: Ledger, entries: Sequence[Entry], error: Exception) -> list[Answer]:
    cause = type(getattr(error, "orig", None) or error).__name__
    if len(entries) > 1:
        log.warning("intake.batch_split", records=len(entries), cause=cause)
        half = len(entries) // 2
        return commit(ledger, entries[:half]) + commit(ledger, entries[half:])
    entry = entries[0]
    log.error("intake.record_failed", kind=entry.record and entry.record.kind, cause=cause)
    if entry.record is None:
        return [_kept_as_far_as_possible(ledger, entry)]
    refusal = Refusal(".", Message("refused.by_database", cause=cause))
    refusal.kind, refusal.key = entry.record.kind, entry.record.key
    return commit(ledger, [Entry(entry.source, entry.raw, refusal=refusal)])


def _kept_as_far_as_possible(ledger: Ledger, entry: Entry) -> Answer:
    """A refused record that cannot be written as it is: kept in plain ASCII, and the others go on."""
    refusal = entry.refusal or Refusal(".", Message("refused.empty"))
    plain = Refusal(refusal.path, refusal.message)
    try:
        with ledger.write() as session:
            batch = Batch(session)
            batch.refuse(entry.source, ascii(rejects.as_sent(entry.raw)), plain)
            batch.finish()
    except Exception as error:
        if _is_outage(error):
            raise
        log.error("intake.reject_not_kept", cause=type(error).__name__)
    return Answer(refusal.key, "rejected", refusal=refusal)


def _decide(batch: Batch, entry: Entry) -> Answer:
    try:
        if entry.record is None:
            raise entry.refusal or Refusal(".", Message("refused.empty"))
        return batch.decide(entry.record)
    except Refusal as refusal:
        if entry.record is not None:
            refusal.kind, refusal.key = entry.record.kind, entry.record.key
        return batch.refuse(entry.source, entry.raw, refusal)


# ── the database's failures ──────────────────────────────────────────────────

_RECORDS_FAULT = frozenset(
    {sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE}
)
"""What SQLite says of a value it cannot take; anything else (locked, full, no such table) is its own trouble."""
_RECORDS_CLASS = frozenset({"22", "23", "54"})
"""PostgreSQL's classes of errors of which the same is true: data, constraints, limits such as an index row's size."""


def _is_outage(error: Exception) -> bool:
    """Whether nothing can be written now, whatever the records: they are to be sent again later."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or not _of_a_record(error)
    return isinstance(error, (PoolTimeout, OSError, MemoryError))


def _of_a_record(error: DBAPIError) -> bool:
    if isinstance(error, (DataError, IntegrityError)):
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _RECORDS_FAULT
    return (getattr(error.orig, "sqlstate", None) or "")[:2] in _RECORDS_CLASS
