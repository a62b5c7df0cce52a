"""One transaction of the intake: judge every record, place it in the ledger, park what must wait.

What the records of a batch need to know is fetched together, decided in memory and written together;
only openings and their events go one by one through the state machine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select, text
from sqlalchemy.orm import Session

from ingest.apply import consequences as placing
from ingest.apply import openings, ownership, rejects
from ingest.apply import public_papers as publicpapers
from ingest.apply import public_rows as publicrows
from ingest.apply.parking import Parking
from ingest.apply.receipts import Receipts
from ingest.apply.rows import append_journal
from ingest.apply.scoping import held_id, id_of, named
from ingest.envelope import Record, Refusal
from ingest.kinds.registry import KINDS, ROWS, TABLES
from records.bulk import chunks, upsert
from records.clock import now
from records.tables.base import table_of
from records.tables.intake import Held, Journal, Reject, Source
from records.tables.openings import Opening

HELD, JOURNAL, REJECT = table_of(Held), table_of(Journal), table_of(Reject)
_LOCK = 0x73756E63
_THROUGH = frozenset(
    kind.lot_through[1] for kind in KINDS.values() if kind.lot_through and kind.owner.under == "lot"
)
"""Kinds through which others reach their lot: fetched first, their lots with them."""
_TOLD_TOGETHER = ("award", "evaluation", "contract", "objection")
"""Kinds whose public rows depend on each other: all of a lot are written anew when one changes."""


@dataclass(slots=True)
class Mark:
    """What is held of one (kind, key) from one source."""

    version: int
    digest: bytes
    seq: int
    said_at: datetime | None = None
    """When it was said: `occurred_at`, but never later than we have heard of it."""


@dataclass(slots=True)
class Answer:
    """What the sender is told of one record; `accepted` only after the commit."""

    key: str | None
    status: str
    seq: int | None = None
    reason: str | None = None
    path: str | None = None
    note: str | None = None
    """What looks doubtful in an accepted record."""

    def as_dict(self) -> dict[str, Any]:
        """The answer as it goes over the wire: only what is known."""
        told: dict[str, Any] = {"key": self.key, "status": self.status}
        if self.seq is not None:
            told["seq"] = self.seq
        if self.reason is not None:
            told["reason"] = self.reason
            told["path"] = self.path
        if self.note is not None:
            told["note"] = self.note
        return told


class Batch:
    """The state of one transaction. `take` each record in order, then `finish`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.moment = now()
        self.held: dict[tuple[str, str], dict[str, Mark]] = defaultdict(dict)
        self.facts: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.fresh: set[tuple[str, str, str]] = set()
        """(kind, key, source) of what has come: somebody may have waited for it."""
        self.past_openings: set[str] = set()
        self.rejects: list[dict[str, Any]] = []
        self.kept_status: set[str] = set()
        """Lots whose status was not reported: it stays whatever the desk may have made it."""
        self.moved: dict[str, set[str | None]] = {}
        """Lot → divisions it had before this batch."""
        self._rows: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in ROWS}
        self._journal: list[dict[str, Any]] = []
        self._marks: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._alive: set[Any] = set()
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        self._last = self._first = session.scalar(select(func.max(Journal.seq))) or 0
        self.receipts = Receipts(session)
        self.demo = frozenset(session.scalars(select(Source.name).where(Source.demo)))
        self.parking = Parking(self)

    # ── what must be known ───────────────────────────────────────────────────

    def prefetch(self, records: Sequence[Record]) -> None:
        """Fetch what is held and what exists of everything the records name."""
        sent: dict[str, set[str]] = defaultdict(set)
        wanted: dict[str, set[str]] = defaultdict(set)
        for record in records:
            sent[record.kind].add(record.key)
            for kind, row_id in named(record):
                wanted[kind].add(row_id)
        wanted.pop("opening_event", None)  # it is no row of its own
        for kind, keys in sent.items():
            self._fetch_held(kind, sorted(keys))
        for kind in _THROUGH:
            keys = wanted.pop(kind, set())
            self._fetch_facts(kind, keys)
            wanted["lot"].update(self.facts[kind][key]["lot_id"] for key in keys & self.facts[kind].keys())
        for kind, keys in wanted.items():
            self._fetch_facts(kind, keys)

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

    # ── one record ───────────────────────────────────────────────────────────

    def take(self, record: Record) -> Answer:
        """Decide about one record; raises Refusal."""
        if self._is_held(record):
            return Answer(record.key, "duplicate")
        self.judge(record)  # before anything may wait: the answer hangs on no record of others but its lot
        seq = self._last + 1
        if wanted := self.missing(record):
            self.parking.park(record, seq, wanted)
        elif not self.outdated(record):
            self.place(record)
        self._last = seq
        self._keep(record, seq)
        return Answer(record.key, "accepted", self.receipts.next(record), note=record.note)

    def _is_held(self, record: Record) -> bool:
        """Whether this or a newer version is held already; raises Refusal."""
        mine = self.held.get((record.kind, record.key), {}).get(record.source)
        if mine is None:
            return False
        if record.version > mine.version:
            if record.kind == "opening_event":
                raise Refusal("version", "开标事件不可更改 / an opening event cannot be changed")
            return False
        if record.version == mine.version and record.digest != mine.digest:
            raise Refusal(
                "version",
                f"版本 {record.version} 已收且内容不同，改动须用更高的版本 / version held with other data, send a higher version",
            )
        return True

    def judge(self, record: Record) -> None:
        """Raise Refusal where, as far as is known, it is not its source's to say or contradicts itself."""
        ownership.check(self, record)
        placing.check_bid(self, record)

    def missing(self, record: Record) -> tuple[str, str] | None:
        """The first record that this one refers to and that has not arrived."""
        for attribute, kind in KINDS[record.kind].references:
            key = getattr(record.data, attribute)
            if key is not None and held_id(self, kind, key, record.source) is None:
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

    def place(self, record: Record) -> None:
        """Apply a record whose references are all there; raises Refusal."""
        self.judge(record)
        if record.kind == "opening_event":
            openings.place_event(self, record)
        elif record.kind == "opening":
            openings.place_opening(self, record)
        else:
            row = placing.row_of(self, record)
            self.put(record, row, {name: row[name] for name in ROWS[record.kind].known})

    def put(self, record: Record, row: dict[str, Any], facts: dict[str, Any]) -> None:
        """Remember a row to be written and what others may ask about it."""
        self.put_row(record.kind, row, facts)
        self.fresh.add((record.kind, record.key, record.source))

    def put_row(self, kind: str, row: dict[str, Any], facts: dict[str, Any]) -> None:
        """Like `put`, for a row that comes along with a record; nobody waits for it."""
        self._rows[kind][row["id"]] = row
        self.facts[kind][row["id"]] = facts

    def held_id(self, kind: str, key: str, source: str) -> str | None:
        """The id of the row that a source means by a key; None while there is none."""
        return held_id(self, kind, key, source)

    def id_of(self, kind: str, key: str, source: str) -> str:
        """The id of a source's row, be it there already or new."""
        return id_of(self, kind, key, source)

    def pending(self, kind: str, key: str) -> bool:
        """Whether a row is still to be written."""
        return key in self._rows[kind]

    def lot_of(self, record: Record) -> str | None:
        """The lot a record speaks about, as far as is known."""
        return placing.lot_of(self, record)

    def _keep(self, record: Record, seq: int) -> None:
        marks = self.held[record.kind, record.key]
        if record.source in marks:
            self.parking.drop(marks[record.source].seq)
        if self.rejects:
            rejects.overtaken(self.rejects, record)
        marks[record.source] = Mark(
            record.version, record.digest, seq, min(record.occurred_at, self.moment)
        )  # fmt: skip
        self._marks[record.kind, record.key, record.source] = {
            "kind": record.kind, "key": record.key, "source": record.source,
            "version": record.version, "digest": record.digest, "seq": seq,
        }  # fmt: skip
        self._journal.append(self._entry(record, seq, record.body))

    def _entry(self, record: Record, seq: int, body: str) -> dict[str, Any]:
        return {
            "seq": seq, "source": record.source, "kind": record.kind, "key": record.key,
            "version": record.version, "occurred_at": record.occurred_at, "received_at": self.moment,
            "lot_id": self.lot_of(record), "body": body,
        }  # fmt: skip

    def note_applied(self, record: Record, seq: int) -> None:
        """Tell readers of the journal that a parked record has now reached its lot."""
        self._last += 1
        entry = self._entry(record, self._last, f'{{"seq":{seq}}}')
        self._journal.append({**entry, "kind": "applied", "key": f"{record.kind}/{record.key}"[:200]})

    def forget(self, record: Record | Journal) -> None:
        """A parked record was refused when its turn came: let a corrected one in."""
        self.held.get((record.kind, record.key), {}).pop(record.source, None)
        self._marks.pop((record.kind, record.key, record.source), None)
        where = (HELD.c.kind == record.kind, HELD.c.key == record.key, HELD.c.source == record.source)
        self.session.connection().execute(HELD.delete().where(*where))

    # ── writing ──────────────────────────────────────────────────────────────

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
        pending = {kind: rows for kind, rows in self._rows.items() if rows}
        if not pending:
            return False
        connection = self.session.connection()
        for kind, rows in pending.items():
            if kind == "lot":
                self._flush_lots(rows)
            else:
                upsert(connection, TABLES[kind], list(rows.values()))
        self._rows = {kind: {} for kind in ROWS}
        placing.follow_lots(self)
        self._publish(pending)
        return True

    def _flush_lots(self, rows: dict[str, dict[str, Any]]) -> None:
        """The status of a lot that was not reported stays whatever the desk may just have made it."""
        connection = self.session.connection()
        upsert(connection, TABLES["lot"], [row for key, row in rows.items() if key not in self.kept_status])
        kept = [row for key, row in rows.items() if key in self.kept_status]
        upsert(connection, TABLES["lot"], kept, keep=frozenset({"status"}))
        self.kept_status.clear()

    def _publish(self, pending: dict[str, dict[str, dict[str, Any]]]) -> None:
        session = self.session
        lots = pending.get("lot", {})
        projects = {*pending.get("project", {}), *(row["project_id"] for row in lots.values())}
        touched = {*lots, *_lots_of(pending, *_TOLD_TOGETHER)}
        rows = publicrows.projects(session, projects, self.demo)
        rows += publicrows.lots(session, lots, self.demo)
        rows += publicrows.awards(session, touched, self.demo)
        rows += publicrows.past_records(session, {*lots, *_lots_of(pending, "bid", "opening")}, self.demo)
        rows += publicpapers.contracts(session, touched, self.demo)
        rows += publicpapers.decisions(session, touched, self.demo)
        rows += publicpapers.notices(session, pending.get("notice", {}), lots, self.demo)
        rows += publicpapers.opinions(session, pending.get("opinion", {}), self.demo)
        publicrows.write(session, rows)
        publicrows.openings(session, self._openings_to_publish(lots))

    def _openings_to_publish(self, lots: Iterable[str]) -> set[str]:
        """Openings of the past just written, and announced ones whose lot has changed."""
        ids, self.past_openings = self.past_openings, set()
        for part in chunks(sorted(lots)):
            ids.update(self.session.scalars(select(Opening.id).where(Opening.lot_id.in_(part))))
        return ids

    def finish(self) -> None:
        """Apply what was waiting, then write everything; the caller commits."""
        self.parking.wake()
        self.flush()
        connection = self.session.connection()
        append_journal(connection, self._journal)
        upsert(connection, HELD, list(self._marks.values()))
        self.parking.write()
        self.receipts.write(connection)
        rejects.resolve(connection, self._marks)
        if self.rejects:
            connection.execute(REJECT.insert(), self.rejects)
        if connection.dialect.name == "postgresql" and self._last > self._first:
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence('journal', 'seq'), :seq)"), {"seq": self._last}
            )


def _lots_of(pending: dict[str, dict[str, dict[str, Any]]], *kinds: str) -> set[str]:
    """Lots of the rows of some kinds that are about to be written."""
    return {row["lot_id"] for kind in kinds for row in pending.get(kind, {}).values()}
