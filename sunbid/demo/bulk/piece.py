"""One piece of a bulk load: judged and placed by the intake's own code, handed over as rows ready to insert.

A piece is what one `apply_batch` of the same records would make of an empty ledger. Only the way to the
disk differs: rows that nothing else of the piece reads go around the database, as plain tuples.
"""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Column, Table
from sqlalchemy.orm import Session

from ingest.apply.batch import Batch
from ingest.apply.state import HELD, JOURNAL, State
from ingest.envelope import Record, read
from ingest.kinds.registry import TABLES
from ingest.refusal import Refusal
from messages import Fault, Message
from records.bulk import made_column, makers
from records.ledger import Ledger
from records.tables.base import table_of
from records.tables.broadcast import PublicEvent

REFERENCE = ("centre", "organisation", "room", "expert")
"""Kinds that pieces only refer to; they are loaded before, in the ordinary way."""
ASIDE = frozenset({"bid", "deposit", "score", "fee", "relation", "credit", "control_price"})
"""Kinds whose rows need not be read again: they go straight to the load."""

_PUBLIC_COLUMNS = tuple(column.name for column in table_of(PublicEvent).c if column.name != "seq")

Row = tuple[Any, ...]
Part = tuple[tuple[str, ...], list[Row]]
"""The columns of a table and rows of them."""


class BulkRefused(Fault):
    """What the bulk load cannot take, and why; nothing of the load remains."""


def refused(key: str | None, path: str | None, reason: str | None) -> BulkRefused:
    """What to raise for a record that the intake refuses."""
    return BulkRefused(Message("bulk.refused", key=key, path=path, why=reason))


class Parcel(NamedTuple):
    """A piece ready to insert: table → (columns, rows), journal and held numbered from 1."""

    tables: dict[str, Part]
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


class PieceState(State):
    """The state of a piece over an empty ledger: nothing is held and nothing is looked up."""

    def __init__(self, session: Session, known: Mapping[str, Mapping[str, dict[str, Any]]]) -> None:
        super().__init__(session)
        for kind, facts in known.items():
            self.facts[kind] = dict(facts)
        self.aside: dict[str, dict[str, dict[str, Any]]] = {}

    def orm(self) -> Session:
        """An opening with a log of its events is moved by the state machine, one by one: not here."""
        raise BulkRefused(Message("bulk.openings_over"))

    def flush(self) -> bool:
        """Put aside what nobody reads, write the rest and its public rows."""
        for kind in ASIDE:
            self.aside[kind] = self.rows[kind]
            if kind != "bid":  # the public record of an opening is made of its bids
                self.rows[kind] = {}
        return super().flush()

    def parcel(self, records: int, last: tuple[str, str, int]) -> Parcel:
        """Write, and collect everything this piece adds to a ledger."""
        self.flush()
        tables = {str(TABLES[kind].name): part for kind, part in self._parts()}
        tables["public_event"] = _stored(self.session, "public_event", _PUBLIC_COLUMNS, "ORDER BY seq")
        tables["journal"] = _packed(JOURNAL, self.journal, {"data": "body"})
        tables["held"] = _packed(HELD, self.marks.values())
        return Parcel({name: part for name, part in tables.items() if part[1]}, records, last)

    def _parts(self) -> Iterator[tuple[str, Part]]:
        for kind, table in TABLES.items():
            if kind not in ASIDE and kind not in REFERENCE:
                yield kind, _stored(self.session, table.name, table.c.keys())
            elif rows := self.aside.get(kind):
                yield kind, _packed(table, rows.values())


def _stored(session: Session, table: str, columns: Iterable[str], order: str = "") -> Part:
    names = tuple(map(str, columns))
    listed = ", ".join(f'"{name}"' for name in names)
    found = session.connection().exec_driver_sql(f'SELECT {listed} FROM "{table}" {order}')
    return names, [tuple(row) for row in found]


# ── rows as SQLite holds them ────────────────────────────────────────────────


def _default(column: Column[Any]) -> Any:
    default = column.default
    if default is None:
        return None
    return default.arg(None) if default.is_callable else default.arg  # type: ignore[attr-defined]


def _packed(
    table: Table, rows: Iterable[Mapping[str, Any]], written: Mapping[str, str] | None = None
) -> Part:
    """Rows as tuples of what SQLite stores. `written`: column → the field that holds its JSON text already."""
    listed = list(rows)
    first, made = listed[0], makers(table, _DIALECT)
    columns: list[Sequence[Any]] = []
    for column in table.c:
        name = (written or {}).get(column.name, column.name)
        if name in first:
            values = [row[name] for row in listed]
            columns.append(made_column(values, made[column.name] if name == column.name else None))
        else:
            columns.append([_default(column)] * len(listed))
    return tuple(map(str, table.c.keys())), list(zip(*columns, strict=True))


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
            state = PieceState(session, self.known)
            batch = Batch(session, state)
            count, record = 0, None
            for envelope in envelopes:
                record = self._decided(batch, envelope)
                count += 1
            if record is None:
                raise BulkRefused(Message("bulk.empty_piece"))
            _refuse_waiting(batch)
            made = state.parcel(count, (record.kind, record.key, record.version))
            session.rollback()
        return made

    def _decided(self, batch: Batch, envelope: Any) -> Record:
        try:
            record = read(envelope, self.source, self.key)
            if record.kind in REFERENCE:
                raise BulkRefused(Message("bulk.reference_first", kind=record.kind, key=record.key))
            if batch.decide(record).status != "accepted":
                raise BulkRefused(Message("bulk.twice", kind=record.kind, key=record.key))
        except Refusal as refusal:
            raise refused(refusal.key, refusal.path, refusal.reason) from None
        return record


def _refuse_waiting(batch: Batch) -> None:
    """Parents come first; raises BulkRefused where they do not."""
    for (kind, key, _), waiting in batch.parking.waiting():
        record = waiting.record
        raise BulkRefused(
            Message("bulk.parent_first", kind=record.kind, key=record.key, parent=kind, parent_key=key)
        )
