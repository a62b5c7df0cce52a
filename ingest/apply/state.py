"""State of one transaction of the intake: the rows it has read and those it has still to write.

What the records need to know is fetched together (`prefetch`), decided in memory and written together (`flush`);
only openings and their events go one by one through the state machine (`orm`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, case, select, update
from sqlalchemy.orm import Session

from ingest.apply.scoping import SCOPED, ids, named
from ingest.envelope import Record
from ingest.kinds.registry import KINDS, ROWS, TABLES
from records import against_bids
from records.bulk import chunks, upsert
from records.clock import now
from records.keys import second_id
from records.public.rows import demo_sources
from records.public.written import publish_written
from records.tables.base import table_of
from records.tables.intake import Held, Journal

HELD, JOURNAL = table_of(Held), table_of(Journal)
THROUGH = frozenset(
    kind.lot_through[1] for kind in KINDS.values() if kind.lot_through and kind.owner.under == "lot"
)
"""Kinds through which others reach their lot: fetched first, their lots with them."""
BY_LOT = tuple(kind for kind, table in TABLES.items() if {"lot_id", "division_code"} <= set(table.c.keys()))
BY_EVALUATION = tuple(kind for kind in ROWS if ROWS[kind].lot_through and "lot_id" not in TABLES[kind].c)
"""Kinds that take the division of their lot where they name none: they name the lot, or an evaluation of it."""

Row = dict[str, Any]


@dataclass(slots=True)
class Mark:
    """What is held of one (kind, key) from one source."""

    version: int
    digest: bytes
    seq: int
    said_at: datetime | None = None
    """When it was said: `occurred_at`, but never later than we have heard of it."""


class State:
    """The state of one transaction."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.moment = now()
        self.demo = demo_sources(session)
        # known
        self.held: dict[tuple[str, str], dict[str, Mark]] = defaultdict(dict)
        """(kind, key) → source → what is held of it."""
        self.facts: dict[str, dict[str, Row]] = defaultdict(dict)
        """Kind → id → what is worth knowing of the row."""
        self.fresh: set[tuple[str, str, str]] = set()
        """(kind, key, source) of what has come: somebody may have waited for it."""
        # to be written
        self.rows: dict[str, dict[str, Row]] = {kind: {} for kind in ROWS}
        """Kind → id → row."""
        self.marks: dict[tuple[str, str, str], Row] = {}
        """(kind, key, source) → row of `held`."""
        self.journal: list[Row] = []
        self.refused: list[Row] = []
        """Rows of `reject`."""
        self.past_openings: set[str] = set()
        """Openings told as a whole, without events."""
        self.kept_status: set[str] = set()
        """Lots whose status was not reported: it stays whatever the desk may have made it."""
        self.moved: dict[str, set[str | None]] = {}
        """Lot → divisions it had before."""
        self._alive: set[Any] = set()

    # ── what must be known ───────────────────────────────────────────────────

    def prefetch(self, records: Sequence[Record]) -> None:
        """Fetch what is held and what exists of everything the records name."""
        sent: dict[str, set[str]] = defaultdict(set)
        wanted: dict[str, set[str]] = defaultdict(set)
        for record in records:
            sent[record.kind].add(record.key)
            for kind, row_id in named(record):
                wanted[kind].add(row_id)
        for kind, keys in sent.items():
            self._fetch_held(kind, sorted(keys))
        for kind in THROUGH:
            keys = wanted.pop(kind, set())
            self._fetch_facts(kind, keys)
            wanted["lot"].update(self.facts[kind][key]["lot_id"] for key in keys & self.facts[kind].keys())
        for kind in wanted.keys() & ROWS.keys():
            self._fetch_facts(kind, wanted[kind])

    def _fetch_held(self, kind: str, keys: list[str]) -> None:
        keys = [key for key in keys if (kind, key) not in self.held]
        columns = [HELD.c.key, HELD.c.source, HELD.c.version, HELD.c.digest, HELD.c.seq]
        query = select(*columns)
        if KINDS[kind].owner.shared:
            said, heard = JOURNAL.c.occurred_at, JOURNAL.c.received_at
            query = select(*columns, case((heard < said, heard), else_=said)).join(
                JOURNAL, JOURNAL.c.seq == HELD.c.seq
            )
        for part in chunks(keys):
            found = self.session.execute(query.where(HELD.c.kind == kind, HELD.c.key.in_(part)))
            for key, source, *mark in found:
                self.held[kind, key][source] = Mark(*mark)

    def _fetch_facts(self, kind: str, wanted: set[str]) -> None:
        table, columns = TABLES[kind], ROWS[kind].known
        keys = sorted(wanted - self.facts[kind].keys())
        query = select(table.c.id, *(table.c[name] for name in columns))
        for part in chunks(keys):
            for key, *values in self.session.execute(query.where(table.c.id.in_(part))):
                self.facts[kind][key] = dict(zip(columns, values, strict=True))

    # ── what is known ────────────────────────────────────────────────────────

    def held_id(self, kind: str, key: str, source: str) -> str | None:
        """The id of the row that a source means by a key; None while there is none."""
        facts = self.facts[kind]
        if kind not in SCOPED:
            return key if key in facts else None
        return next(
            (one for one in ids(kind, key, source) if facts.get(one, {}).get("source") == source), None
        )

    def id_of(self, kind: str, key: str, source: str) -> str:
        """The id of a source's row, be it there already or new."""
        found = self.held_id(kind, key, source)
        taken = kind in SCOPED and key in self.facts[kind]
        return found or (second_id(key, source) if taken else key)

    def missing(self, record: Record) -> tuple[str, str] | None:
        """(kind, key) of the first record that this one refers to and that has not arrived."""
        for attribute, kind in KINDS[record.kind].references:
            key = getattr(record.data, attribute)
            if key is not None and self.held_id(kind, key, record.source) is None:
                return kind, key
        return None

    def outdated(self, record: Record) -> bool:
        """Whether another source has said something newer of a shared record."""
        if not KINDS[record.kind].newest_counts:
            return False
        marks = self.held.get((record.kind, record.key), {})
        return any(
            m.said_at and m.said_at > record.occurred_at for s, m in marks.items() if s != record.source
        )

    def is_held(self, record: Record, seq: int) -> bool:
        """Whether what is held of a record is what came under `seq`, and nothing newer."""
        mark = self.held.get((record.kind, record.key), {}).get(record.source)
        return mark is not None and mark.seq == seq

    def lot_of(self, record: Record) -> str | None:
        """The lot a record speaks about, as far as is known."""
        if record.kind == "lot":
            return record.key
        lot: str | None = record.data.__dict__.get("lot_id")
        if lot is None and (through := KINDS[record.kind].lot_through):
            attribute, kind = through
            row = self.held_id(kind, getattr(record.data, attribute), record.source)
            lot = self.facts[kind][row]["lot_id"] if row else None
        return lot

    def division_of(self, given: str | None, lot: str | None) -> str | None:
        """The division of what belongs to a lot: its own, else the lot's."""
        if given is not None or lot is None:
            return given
        division: str | None = self.facts["lot"].get(lot, {}).get("division_code")
        return division

    # ── what is to be written ────────────────────────────────────────────────

    def put(self, record: Record, row: Row, facts: Row) -> None:
        """Remember a row to be written and what others may ask about it."""
        self.put_row(record.kind, row, facts)
        self.fresh.add((record.kind, record.key, record.source))

    def put_row(self, kind: str, row: Row, facts: Row) -> None:
        """Like `put`, for a row that comes along with a record; nobody waits for it."""
        self.rows[kind][row["id"]] = row
        self.facts[kind][row["id"]] = facts

    def forget(self, record: Record | Journal) -> None:
        """Nothing more is held of a record: let a corrected one in."""
        self.held.get((record.kind, record.key), {}).pop(record.source, None)
        self.marks.pop((record.kind, record.key, record.source), None)
        where = (HELD.c.kind == record.kind, HELD.c.key == record.key, HELD.c.source == record.source)
        self.session.connection().execute(HELD.delete().where(*where))

    def orm(self) -> Session:
        """The session for the state machine, with everything pending written first."""
        if self.flush() and self._alive:
            self.session.expire_all()
        return self.session

    def hold(self) -> None:
        """Keep what the state machine loaded, so that the next event does not load it again."""
        self._alive.update(self.session.identity_map.values())

    def flush(self) -> bool:
        """Write pending rows and their public rows; whether there were any."""
        pending = {kind: rows for kind, rows in self.rows.items() if rows}
        if not pending:
            return False
        connection = self.session.connection()
        for kind, rows in pending.items():
            if kind == "lot":
                self._write_lots(rows)
            else:
                upsert(connection, TABLES[kind], list(rows.values()))
        self.rows = {kind: {} for kind in ROWS}
        self._follow_lots()
        openings, self.past_openings = self.past_openings, set()
        publish_written(self.session, pending, self.demo, openings)
        against_bids.publish_of_lots(self.session, {row["lot_id"] for row in pending.get("bid", {}).values()})
        return True

    def _write_lots(self, rows: dict[str, Row]) -> None:
        """The status of a lot that was not reported stays whatever the desk may just have made it."""
        connection = self.session.connection()
        upsert(connection, TABLES["lot"], [row for key, row in rows.items() if key not in self.kept_status])
        kept = [row for key, row in rows.items() if key in self.kept_status]
        upsert(connection, TABLES["lot"], kept, keep=frozenset({"status"}))
        self.kept_status.clear()

    def _follow_lots(self) -> None:
        """What took its division from a lot follows when the lot's division changes; the lots are written."""
        moved, self.moved = self.moved, {}
        for lot, divisions in moved.items():
            division = self.facts["lot"][lot]["division_code"]
            for kind in (*BY_LOT, *BY_EVALUATION):
                table = TABLES[kind]
                old: ColumnElement[bool] = table.c.division_code.in_(
                    [one for one in divisions if one is not None]
                )
                if None in divisions:
                    old = old | table.c.division_code.is_(None)
                self.session.execute(
                    update(table).where(_of_lot(table, lot), old).values(division_code=division)
                )


def _of_lot(table: Table, lot: str) -> ColumnElement[bool]:
    if "lot_id" in table.c:
        return table.c.lot_id == lot
    sessions = TABLES["evaluation"]
    return table.c.evaluation_id.in_(select(sessions.c.id).where(sessions.c.lot_id == lot))
