"""One transaction of the intake: judge every record, place it in the ledger, park what must wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ingest.apply import consequences, openings, ownership, rejects
from ingest.apply.parking import Parking, Waiting
from ingest.apply.receipts import Receipts
from ingest.apply.rows import append_journal
from ingest.apply.state import HELD, Mark, State
from ingest.envelope import Record
from ingest.kinds.registry import ROWS
from ingest.refusal import Refusal
from messages import DEFAULT, Message
from records.bulk import upsert
from records.tables.base import table_of
from records.tables.intake import Journal, Reject

log = structlog.get_logger()

REJECT = table_of(Reject)
_LOCK = 0x73756E63
"""PostgreSQL's advisory lock of the intake: its transactions go one after the other."""


@dataclass(slots=True)
class Answer:
    """What the sender is told of one record; `accepted` only after the commit."""

    key: str | None
    status: str
    seq: int | None = None
    refusal: Refusal | None = None
    doubts: tuple[Message, ...] = ()
    """What looks doubtful in an accepted record."""

    @property
    def reason(self) -> str | None:
        """Why it is not taken, in every language."""
        return self.refusal.reason if self.refusal else None

    @property
    def path(self) -> str | None:
        """The place in the record that is at fault."""
        return self.refusal.path if self.refusal else None

    def as_dict(self, lang: str = DEFAULT) -> dict[str, Any]:
        """The answer as it goes over the wire, in the sender's language: only what is known. `type` is the same in all."""
        answer: dict[str, Any] = {"key": self.key, "status": self.status}
        if self.seq is not None:
            answer["seq"] = self.seq
        if self.refusal is not None:
            answer |= {"type": self.refusal.message.key, "reason": self.refusal.text(lang), "path": self.path}
        if self.doubts:
            answer["note"] = "\n".join(doubt.text(lang) for doubt in self.doubts)
        return answer


class Batch:
    """One transaction: `prefetch` all records, `decide` about each in order, then `finish`."""

    def __init__(self, session: Session, state: State | None = None) -> None:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        self._last = self._first = session.scalar(select(func.max(Journal.seq))) or 0
        self.state = state or State(session)
        self.parking = Parking(self.state)
        self._receipts = Receipts(session)

    def prefetch(self, records: Sequence[Record]) -> None:
        """Fetch what must be known of everything the records name."""
        self.state.prefetch(records)

    def decide(self, record: Record) -> Answer:
        """Decide about one record; raises Refusal."""
        if self._is_held(record):
            return Answer(record.key, "duplicate")
        self._judge(record)  # before anything may wait: the answer hangs on no record of others but its lot
        seq = self._last + 1
        if wanted := self.state.missing(record):
            self.parking.park(record, seq, wanted)
        elif not self.state.outdated(record):
            self._place(record)
        self._last = seq
        self._keep(record, seq)
        return Answer(record.key, "accepted", self._receipts.next(record), doubts=record.doubts)

    def refuse(self, source: str, raw: Any, refusal: Refusal) -> Answer:
        """Keep a refused record as it was sent."""
        self.state.refused.append(rejects.row(source, raw, refusal))
        return Answer(refusal.key, "rejected", refusal=refusal)

    def _is_held(self, record: Record) -> bool:
        """Whether this or a newer version is held already; raises Refusal."""
        mine = self.state.held.get((record.kind, record.key), {}).get(record.source)
        if mine is None:
            return False
        if record.version > mine.version:
            if record.kind == "opening_event":
                raise Refusal("version", Message("refused.event_again"))
            return False
        if record.version == mine.version and record.digest != mine.digest:
            raise Refusal("version", Message("refused.other_data", version=record.version))
        return True

    def _judge(self, record: Record) -> None:
        """Raise Refusal where, as far as is known, it is not its source's to say or contradicts itself."""
        ownership.check(self.state, record)
        consequences.check_bid(self.state, record)

    def _place(self, record: Record) -> None:
        """Apply a record whose references are all there; raises Refusal."""
        self._judge(record)
        if record.kind == "opening_event":
            openings.place_event(self.state, record)
        elif record.kind == "opening":
            openings.place_opening(self.state, record)
        else:
            row = consequences.row_of(self.state, record)
            self.state.put(record, row, {name: row[name] for name in ROWS[record.kind].known})

    def _keep(self, record: Record, seq: int) -> None:
        state = self.state
        marks = state.held[record.kind, record.key]
        if record.source in marks:
            self.parking.drop(marks[record.source].seq)
        if state.refused:
            rejects.overtaken(state.refused, record)
        marks[record.source] = Mark(
            record.version, record.digest, seq, min(record.occurred_at, state.moment)
        )  # fmt: skip
        state.marks[record.kind, record.key, record.source] = {
            "kind": record.kind, "key": record.key, "source": record.source,
            "version": record.version, "digest": record.digest, "seq": seq,
        }  # fmt: skip
        state.journal.append(self._entry(record, seq, record.body))

    def _entry(self, record: Record, seq: int, body: str) -> dict[str, Any]:
        return {
            "seq": seq, "source": record.source, "kind": record.kind, "key": record.key,
            "version": record.version, "occurred_at": record.occurred_at, "received_at": self.state.moment,
            "lot_id": self.state.lot_of(record), "body": body,
        }  # fmt: skip

    # ── the end ──────────────────────────────────────────────────────────────

    def finish(self) -> None:
        """Apply what was waiting, then write everything; the caller commits."""
        state = self.state
        while state.fresh:  # then what waited for those, until none is left
            ready = self.parking.arrived()
            self.prefetch([waiting.record for waiting in ready])
            for waiting in ready:
                self._apply(waiting)
        state.flush()
        connection = state.session.connection()
        append_journal(connection, state.journal)
        upsert(connection, HELD, list(state.marks.values()))
        self.parking.write()
        self._receipts.write(connection)
        rejects.resolve(connection, state.marks)
        if state.refused:
            connection.execute(REJECT.insert(), state.refused)
        if connection.dialect.name == "postgresql" and self._last > self._first:
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence('journal', 'seq'), :seq)"), {"seq": self._last}
            )

    def _apply(self, waiting: Waiting) -> None:
        """The turn of a record that waited."""
        state, record = self.state, waiting.record
        if not state.is_held(record, waiting.seq):
            return  # a newer version has come meanwhile
        if wanted := state.missing(record):
            self.parking.park(record, waiting.seq, wanted)
            return
        try:
            if not state.outdated(record):
                self._place(record)
        except Refusal as refusal:
            self.parking.refuse(record, refusal)
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001 — its fault, not that of what it has waited for
            log.error("intake.waiting_record_failed", kind=record.kind, cause=type(error).__name__)
            why = Message("refused.cannot_be_placed", cause=type(error).__name__)
            self.parking.refuse(record, Refusal(".", why))
        else:
            if state.lot_of(record) is not None:
                self._note_applied(record, waiting.seq)

    def _note_applied(self, record: Record, seq: int) -> None:
        """Tell readers of the journal that a parked record has now reached its lot."""
        self._last += 1
        entry = self._entry(record, self._last, f'{{"seq":{seq}}}')
        self.state.journal.append({**entry, "kind": "applied", "key": f"{record.kind}/{record.key}"[:200]})
