"""Envelopes into the ledger, exactly once per (source, kind, key, version).

`apply_batch` is the one way in: the server, the file import and the demonstration market all use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.exc import DataError, IntegrityError, StatementError

from ingest import rejects
from ingest.batch import Answer, Batch
from ingest.envelope import Record, Refusal, read
from records.ledger import Ledger

__all__ = ["Answer", "Entry", "apply_batch", "commit", "prepare"]

log = structlog.get_logger()

_RECORD_TROUBLE = (
    DataError, IntegrityError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError,
)  # fmt: skip
"""What one bad record may cause; a lost database or a full disk is not among them."""


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


def apply_batch(
    ledger: Ledger, source: str, envelopes: Iterable[Any], *, key: bytes | None = None
) -> list[Answer]:
    """Take envelopes of one source, in order, in one durable transaction; one answer each, in order.

    `data` may hold Decimal and datetime where the caller is Python. `key` is the installation's
    signing key (`records.signing.load_key`); without it account numbers are refused. If the database
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
            answers = [_take(batch, entry) for entry in entries]
            batch.finish()
        return answers
    except StatementError as error:
        if not isinstance(error.orig or error, _RECORD_TROUBLE) and not isinstance(error, _RECORD_TROUBLE):
            raise
        return _in_halves(ledger, entries, error)
    except _RECORD_TROUBLE as error:
        return _in_halves(ledger, entries, error)


def _in_halves(ledger: Ledger, entries: Sequence[Entry], error: Exception) -> list[Answer]:
    cause = type(getattr(error, "orig", None) or error).__name__
    if len(entries) > 1:
        log.warning("intake.batch_split", records=len(entries), cause=cause)
        half = len(entries) // 2
        return commit(ledger, entries[:half]) + commit(ledger, entries[half:])
    entry = entries[0]
    if entry.record is None:
        raise error
    log.error("intake.record_failed", kind=entry.record.kind, cause=cause)
    refusal = Refusal(".", f"数据库不能接受此记录 / the database refused this record ({cause})")
    refusal.kind, refusal.key = entry.record.kind, entry.record.key
    return commit(ledger, [Entry(entry.source, entry.raw, refusal=refusal)])


def _take(batch: Batch, entry: Entry) -> Answer:
    try:
        if entry.record is None:
            raise entry.refusal or Refusal(".", "空记录 / empty record")
        return batch.take(entry.record)
    except Refusal as refusal:
        if entry.record is not None:
            refusal.kind, refusal.key = entry.record.kind, entry.record.key
        batch.rejects.append(rejects.row(entry.source, entry.raw, refusal))
        return Answer(refusal.key, "rejected", reason=refusal.reason, path=refusal.path)
