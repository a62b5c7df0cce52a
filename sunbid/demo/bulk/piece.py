"""One piece of a bulk load: judged and placed by the intake's own code, handed over as rows ready to insert.

A piece is what one `apply_batch` of the same records would make of an empty ledger. Only the way to the
disk differs: rows that nothing else of the piece reads go around the database, as plain tuples.
"""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Column, Table
from sqlalchemy.orm import Session

from ingest.apply.batch import HELD, JOURNAL, Batch
from ingest.apply.public_rows import PUBLIC
from ingest.envelope import Record, Refusal, read
from ingest.kinds.registry import TABLES
from records.ledger import Ledger
from records.tables.base import MONEY_SCALE, Instant, Yuan

REFERENCE = ("centre", "organisation", "room", "expert")
"""Kinds that pieces only refer to; they are loaded before, in the ordinary way."""
ASIDE = frozenset({"bid", "deposit", "score", "fee", "relation", "credit", "control_price"})
"""Kinds whose rows need not be read again: they go straight to the load."""

_PUBLIC_COLUMNS = tuple(column.name for column in PUBLIC.c if column.name != "seq")
_EXACT = Decimal(1)

Row = tuple[Any, ...]


class BulkRefused(Exception):
    """What the bulk load cannot take, and why; nothing of the load remains."""


class Parcel(NamedTuple):
    """A piece ready to insert: table → (columns, rows), journal and held numbered from 1."""

    tables: dict[str, tuple[tuple[str, ...], list[Row]]]
    records: int
    last: tuple[str, str, int]
    """(kind, key, version) of the last record."""

    def packed(self) -> bytes:
        """For the way to another process: only plain values are in it."""
        return marshal.dumps(tuple(self))

    @staticmethod
    def unpacked(data: bytes) -> Parcel:
        """The parcel of `packed`."""
        return Parcel(*marshal.loads(data))


class BulkBatch(Batch):
    """A batch over an empty ledger: nothing is held, nothing may wait, nothing is looked up."""

    def __init__(self, session: Session, known: Mapping[str, Mapping[str, dict[str, Any]]]) -> None:
        super().__init__(session)
        for kind, facts in known.items():
            self.facts[kind] = dict(facts)
        self.aside: dict[str, dict[str, dict[str, Any]]] = {}

    def prefetch(self, records: Sequence[Record]) -> None:
        """There is nothing to fetch."""

    def missing(self, record: Record) -> tuple[str, str] | None:
        """Parents come first; raises BulkRefused where they do not."""
        wanted = super().missing(record)
        if wanted is not None:
            raise BulkRefused(
                f"{record.kind} {record.key} 所引用的 {wanted[0]} {wanted[1]} 不在其前 / its parent does not come before it"
            )
        return None

    def orm(self) -> Session:
        """An opening with a log of its events is moved by the state machine, one by one: not here."""
        raise BulkRefused("批量装载只接受已结束的开标 / a bulk load takes only openings that are over")

    def flush(self) -> bool:
        """Put aside what nobody reads, write the rest and its public rows."""
        for kind in ASIDE:
            self.aside[kind] = self._rows[kind]
            if kind != "bid":  # the public record of an opening is made of its bids
                self._rows[kind] = {}
        return super().flush()

    def parcel(self, records: int, last: tuple[str, str, int]) -> Parcel:
        """Write, and collect everything this piece adds to a ledger."""
        self.flush()
        connection = self.session.connection()
        tables: dict[str, tuple[tuple[str, ...], list[Row]]] = {}
        for kind, table in TABLES.items():
            if kind in ASIDE:
                if self.aside[kind]:
                    tables[str(table.name)] = packed(table, self.aside[kind].values())
            elif kind not in REFERENCE:
                tables[str(table.name)] = _stored(connection, table.name, table.c.keys())
        tables["public_event"] = _stored(connection, "public_event", _PUBLIC_COLUMNS, "ORDER BY seq")
        tables["journal"] = packed(JOURNAL, self._journal, {"data": "body"})
        tables["held"] = packed(HELD, self._marks.values())
        return Parcel({name: part for name, part in tables.items() if part[1]}, records, last)


def _stored(
    connection: Any, table: str, columns: Iterable[str], order: str = ""
) -> tuple[tuple[str, ...], list[Row]]:
    names = tuple(map(str, columns))
    listed = ", ".join(f'"{name}"' for name in names)
    found = connection.exec_driver_sql(f'SELECT {listed} FROM "{table}" {order}')
    return names, [tuple(row) for row in found]


# ── rows as SQLite holds them ────────────────────────────────────────────────


def _instant(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"time without offset: {value.isoformat()}")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _yuan(value: Decimal | None) -> int | None:
    return None if value is None else int((value * MONEY_SCALE).quantize(_EXACT, ROUND_HALF_UP))


def _processor(column: Column[Any], dialect: Any) -> Callable[[Any], Any] | None:
    if isinstance(column.type, Instant):
        return _instant
    if isinstance(column.type, Yuan):
        return _yuan
    made: Callable[[Any], Any] | None = column.type.dialect_impl(dialect).bind_processor(dialect)
    return made


def _default(column: Column[Any]) -> Any:
    default = column.default
    if default is None:
        return None
    return default.arg(None) if default.is_callable else default.arg  # type: ignore[attr-defined]


def packed(
    table: Table, rows: Iterable[Mapping[str, Any]], written: Mapping[str, str] | None = None
) -> tuple[tuple[str, ...], list[Row]]:
    """Rows as tuples of what SQLite stores. `written`: column → the field that holds its JSON text already."""
    listed = list(rows)
    first = listed[0]
    columns: list[Sequence[Any]] = []
    for column in table.c:
        name = (written or {}).get(column.name, column.name)
        if name not in first:
            columns.append([_default(column)] * len(listed))
            continue
        values = [row[name] for row in listed]
        made = None if name != column.name else _processor(column, _DIALECT)
        columns.append(values if made is None else _each(made, values))
    return tuple(map(str, table.c.keys())), list(zip(*columns, strict=True))


def _each(made: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    """All values made; where the whole column holds one and the same, only once."""
    first = values[0]
    if all(value is first for value in values):
        return [made(first)] * len(values)
    return [made(value) for value in values]


_DIALECT = Ledger("sqlite://").engine.dialect


# ── the worker ───────────────────────────────────────────────────────────────


class Worker:
    """Makes parcels of pieces over a copy in memory of what was loaded before."""

    def __init__(self, reference: Path, source: str, key: bytes | None) -> None:
        self.source, self.key = source, key
        self.ledger = Ledger("sqlite://")
        with self.ledger.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            held = sqlite3.connect(f"file:{reference}?mode=ro", uri=True)
            held.backup(driver)
            held.close()
            for name in ("journal", "held", "public_event", "relation", "credit"):
                driver.execute(f"DELETE FROM {name}")
            self.known: dict[str, dict[str, dict[str, Any]]] = {
                kind: {
                    key: {"source": by}
                    for key, by in driver.execute(f"SELECT id, source FROM {TABLES[kind].name}")
                }
                for kind in REFERENCE
            }

    def parcel(self, envelopes: Iterable[Any]) -> Parcel:
        """The rows of a piece; raises BulkRefused with the record and the reason."""
        with self.ledger.engine.connect() as connection, Session(bind=connection) as session:
            batch = BulkBatch(session, self.known)
            count, record = 0, None
            for envelope in envelopes:
                record = self._take(batch, envelope)
                count += 1
            if record is None:
                raise BulkRefused("空批次 / an empty piece")
            made = batch.parcel(count, (record.kind, record.key, record.version))
            session.rollback()
        return made

    def _take(self, batch: BulkBatch, envelope: Any) -> Record:
        try:
            record = read(envelope, self.source, self.key)
            if record.kind in REFERENCE:
                raise BulkRefused(
                    f"{record.kind} {record.key} 须先于各批次装载 / must be loaded before the pieces"
                )
            if batch.take(record).status != "accepted":
                raise BulkRefused(f"{record.kind} {record.key} 重复 / comes twice")
        except Refusal as refusal:
            raise BulkRefused(f"{refusal.key} {refusal.path}: {refusal.reason}") from None
        return record
