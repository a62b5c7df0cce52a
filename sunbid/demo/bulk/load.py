"""The bulk load: millions of records into an empty SQLite ledger, through the same checks, on all cores.

Workers judge and place pieces of the records (`sunbid.demo.bulk.piece`), this process writes them: without
secondary indexes, into a file beside the ledger that takes its place only when it is complete and on
disk. A crash at any moment leaves the old ledger and a file that the next load throws away. The journal
keeps every accepted envelope whole, as always.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from ingest.apply.envelopes import apply_batch
from ingest.apply.receipts import last_accepted
from messages import Message
from records.clock import now
from records.ledger import Ledger
from records.parent import leave_with_parent
from records.tables.supervision import WatchMark
from sunbid.demo.bulk.piece import BulkRefused, Parcel, Worker, refused

__all__ = ["BulkRefused", "Load", "bulk_load"]

Make = Callable[[Any], Iterable[Any]]
"""Piece → its envelopes; a function of a module, so that a worker can find it."""
Progress = Callable[[int], None]
"""Told how many records are in."""
Indexing = Callable[[int, int], None]
"""Told how many indexes are made, of how many."""

_BATCH = 5_000
_AHEAD = 2
"""Parcels a worker may be ahead of the writer."""
_CACHE_KIB = 256_000


@dataclass(frozen=True)
class Load:
    """What is to be loaded. `reference` comes first and in the ordinary way; then the pieces, in order."""

    source: str
    reference: Iterable[Any]
    """Records of what all pieces refer to: centres, rooms, organisations, experts."""
    pieces: Sequence[Any]
    make: Make
    starter: Callable[..., None] | None = None
    """Called once in every worker with `starter_arguments`."""
    starter_arguments: tuple[Any, ...] = ()
    finish: Callable[[Session, Sequence[int]], None] | None = None
    """Called in the last transaction with the last journal number of every piece."""


def bulk_load(
    database: Path,
    load: Load,
    *,
    key: bytes | None = None,
    workers: int = 2,
    progress: Progress = lambda _records: None,
    indexing: Indexing = lambda _made, _all: None,
) -> int:
    """Load everything into the SQLite ledger `database`, which must hold no record; how many there were.

    Nobody may have the ledger open. Raises BulkRefused when a record is refused, naming it: the ledger
    is then as it was.
    """
    building = database.with_name(database.name + ".building")
    reference = database.with_name(database.name + ".reference")
    try:
        _copy(database, building)
        done = _ordinary(building, load, key, progress)
        _copy(building, reference)
        indexes = _drop_indexes(building)
        ends, last, total = _pieces(building, reference, load, key, workers, lambda n: progress(done + n))
        _index(building, indexes, workers, indexing)
        _complete(building, load, ends, last, total)
        _take_place(building, database)
    finally:
        for path in (building, reference):
            _remove(path)
    return done + total


def _copy(database: Path, copy: Path) -> None:
    _remove(copy)
    source, target = sqlite3.connect(database), sqlite3.connect(copy)
    with source, target:
        source.backup(target)
    source.close()
    target.close()


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def _ledger(path: Path) -> Iterator[Ledger]:
    book = Ledger(f"sqlite:///{path}")
    try:
        yield book
    finally:
        book.close()


def _ordinary(building: Path, load: Load, key: bytes | None, progress: Progress) -> int:
    """What all pieces refer to, through `apply_batch`."""
    records = list(load.reference)
    with _ledger(building) as book:
        with book.read() as session:
            if last_accepted(session, load.source)["seq"]:
                raise BulkRefused(Message("bulk.not_empty"))
        for start in range(0, len(records), _BATCH):
            for answer in apply_batch(book, load.source, records[start : start + _BATCH], key=key):
                if answer.status != "accepted":
                    raise refused(answer.key, answer.path, answer.reason)
            progress(min(start + _BATCH, len(records)))
    return len(records)


# ── the pieces ───────────────────────────────────────────────────────────────

_worker: Worker | None = None


def _begin(reference: Path, load: Load, key: bytes | None) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    leave_with_parent()
    gc.disable()  # collecting every few thousand new objects costs a third; `_work` collects by the piece
    _worker = Worker(reference, load.source, key)
    if load.starter is not None:
        load.starter(*load.starter_arguments)
    gc.freeze()


def _work(make: Make, piece: Any) -> bytes:
    if _worker is None:
        raise RuntimeError("the worker was not started")
    made = _worker.parcel(make(piece)).packed()
    gc.collect()
    return made


def _parcels(reference: Path, load: Load, key: bytes | None, workers: int) -> Iterator[Parcel]:
    """The parcels in order, made by processes that are never far ahead."""
    bare = Load(load.source, (), (), load.make, load.starter, load.starter_arguments)
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (reference, bare, key))
    waiting: deque[Future[bytes]] = deque()
    try:
        for piece in load.pieces:
            waiting.append(pool.submit(_work, load.make, piece))
            if len(waiting) > workers * _AHEAD:
                yield Parcel.unpacked(waiting.popleft().result())
        while waiting:
            yield Parcel.unpacked(waiting.popleft().result())
    finally:
        pool.shutdown(cancel_futures=True)


def _pieces(
    building: Path, reference: Path, load: Load, key: bytes | None, workers: int, progress: Progress
) -> tuple[list[int], tuple[str, str, int] | None, int]:
    """Write all parcels; (last journal number of each, the last record, number of records)."""
    connection = _unguarded(building)
    base = connection.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()[0]
    ends: list[int] = []
    last, total = None, 0
    connection.execute("BEGIN")
    for parcel in _parcels(reference, load, key, workers):
        for table, (columns, rows) in parcel.tables.items():
            connection.executemany(_insert(table, columns, base + total), rows)
        total, last = total + parcel.records, parcel.last
        ends.append(base + total)
        progress(total)
    connection.execute("COMMIT")
    connection.close()
    return ends, last, total


def _unguarded(building: Path) -> sqlite3.Connection:
    """A file that is thrown away if anything goes wrong needs no journal."""
    connection = sqlite3.connect(building, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", f"cache_size=-{_CACHE_KIB}"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _index(building: Path, statements: Sequence[str], workers: int, indexing: Indexing) -> None:
    """Make the secondary indexes, each sorted on all cores, and count what they hold for the planner."""
    connection = _unguarded(building)
    connection.execute(f"PRAGMA threads={workers}")
    for done, statement in enumerate(statements):
        indexing(done, len(statements))
        connection.execute(statement)
    connection.execute("PRAGMA analysis_limit=1000")
    connection.execute("ANALYZE")
    connection.close()
    indexing(len(statements), len(statements))


def _drop_indexes(building: Path) -> list[str]:
    """Drop every secondary index; returns the statements that make them again."""
    connection = _unguarded(building)
    found = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
    ).fetchall()
    for name, _sql in found:
        connection.execute(f'DROP INDEX "{name}"')
    connection.close()
    return [sql for _name, sql in found]


def _insert(table: str, columns: Sequence[str], offset: int) -> str:
    """An INSERT of rows; those of journal and held are numbered on from `offset`."""
    numbered = table in ("journal", "held")
    marks = ", ".join(f"? + {offset}" if numbered and name == "seq" else "?" for name in columns)
    listed = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table}" ({listed}) VALUES ({marks})'


# ── the end ──────────────────────────────────────────────────────────────────


def _complete(
    building: Path, load: Load, ends: Sequence[int], last: tuple[str, str, int] | None, total: int
) -> None:
    """The count of the source's accepted records, and what the caller has to add."""
    with _ledger(building) as book, book.write() as session:
        if last is not None:
            mark = session.get_one(WatchMark, f"intake/{load.source}")
            mark.position += total
            mark.detail = dict(zip(("kind", "key", "version"), last, strict=True))
            mark.updated_at = now()
        if load.finish is not None:
            load.finish(session, ends)


def _take_place(building: Path, database: Path) -> None:
    """Everything on disk first, then the name."""
    connection = sqlite3.connect(building)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with building.open("rb+") as file:
        os.fsync(file.fileno())
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    building.replace(database)
    folder = os.open(database.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def free_space_needed(records: int) -> int:
    """Bytes that a load of so many records takes at its peak, roughly."""
    return records * 1_000


def space_left(folder: Path) -> int:
    """Bytes free where the ledger is."""
    return shutil.disk_usage(folder).free
