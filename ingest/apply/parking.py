"""Records that wait for what they refer to, and their turn when it arrives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from ingest.apply import rejects
from ingest.apply.scoping import scope
from ingest.envelope import Record, Refusal, read
from records.bulk import chunks
from records.tables.base import table_of
from records.tables.intake import Journal, Parked

if TYPE_CHECKING:
    from ingest.apply.batch import Batch

log = structlog.get_logger()

PARKED = table_of(Parked)


@dataclass(slots=True)
class Waiting:
    """A record held under `seq`, not applied yet."""

    record: Record
    seq: int


class Parking:
    """The waiting records of one batch, together with those of the ledger."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._here: dict[tuple[str, str, str], list[Waiting]] = defaultdict(list)
        self._gone: list[int] = []
        self._any_stored: bool | None = None

    def park(self, record: Record, seq: int, wanted: tuple[str, str]) -> None:
        """Let a record wait for `wanted` = (kind, key): its source's own, where sources have keys of their own."""
        self._here[*wanted, scope(wanted[0], record.source)].append(Waiting(record, seq))

    def drop(self, seq: int) -> None:
        """A newer version has replaced the record held under `seq`: it need not wait any longer."""
        self._gone.append(seq)

    def wake(self) -> None:
        """Apply what waited for records that have come, then what waited for those, until none is left."""
        batch = self._batch
        while batch.fresh:
            arrived = {(kind, key, scope(kind, source)) for kind, key, source in batch.fresh}
            batch.fresh = set()
            ready = [waiting for wanted in arrived for waiting in self._here.pop(wanted, ())]
            ready += self._stored(arrived)
            batch.prefetch([waiting.record for waiting in ready])
            for waiting in sorted(ready, key=lambda w: (w.record.occurred_at, w.seq)):
                self._apply(waiting)

    def _stored(self, arrived: set[tuple[str, str, str]]) -> list[Waiting]:
        session = self._batch.session
        if self._any_stored is None:
            self._any_stored = session.execute(select(PARKED.c.seq).limit(1)).first() is not None
        if not self._any_stored:
            return []
        found = []
        for part in chunks(sorted(arrived), 400):
            query = select(Journal).join(Parked, Parked.seq == Journal.seq).where(_waits_for(part))
            for row in session.scalars(query).all():
                self._gone.append(row.seq)
                if waiting := self._restore(row):
                    found.append(waiting)
        return found

    def _restore(self, row: Journal) -> Waiting | None:
        """A record as it was sent; None, and refused, where the rules have become stricter meanwhile."""
        envelope = {
            "kind": row.kind, "key": row.key, "version": row.version,
            "occurred_at": row.occurred_at, "data": row.data,
        }  # fmt: skip
        try:
            return Waiting(read(envelope, row.source), row.seq)
        except Refusal as refusal:
            self._refuse(row, {"source": row.source, **envelope}, refusal)
            return None

    def _apply(self, waiting: Waiting) -> None:
        batch, record = self._batch, waiting.record
        if not self._is_held(waiting):
            return  # a newer version has come meanwhile
        if wanted := batch.missing(record):
            self.park(record, waiting.seq, wanted)
            return
        try:
            if not batch.outdated(record):
                batch.place(record)
        except Refusal as refusal:
            self._refuse(record, _as_envelope(record), refusal)
            return
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001 — its fault, not that of what it has waited for
            log.error("intake.waiting_record_failed", kind=record.kind, cause=type(error).__name__)
            words = f"此记录不能入账 / this record cannot be placed ({type(error).__name__})"
            self._refuse(record, _as_envelope(record), Refusal(".", words))
            return
        if batch.lot_of(record) is not None:
            batch.note_applied(record, waiting.seq)

    def _refuse(self, who: Record | Journal, sent: Any, refusal: Refusal) -> None:
        refusal.kind, refusal.key = who.kind, who.key
        self._batch.rejects.append(rejects.row(who.source, sent, refusal))
        self._batch.forget(who)

    def _is_held(self, waiting: Waiting) -> bool:
        marks = self._batch.held.get((waiting.record.kind, waiting.record.key), {})
        mark = marks.get(waiting.record.source)
        return mark is not None and mark.seq == waiting.seq

    def write(self) -> None:
        """Write who still waits, take out who does not."""
        connection = self._batch.session.connection()
        for part in chunks(self._gone):
            connection.execute(PARKED.delete().where(PARKED.c.seq.in_(part)))
        rows = [
            {"seq": waiting.seq, "waits_kind": kind, "waits_key": key}
            for (kind, key, _), line in self._here.items()
            for waiting in line
            if self._is_held(waiting)
        ]
        if rows:
            connection.execute(PARKED.insert(), rows)


def _waits_for(arrived: Sequence[tuple[str, str, str]]) -> ColumnElement[bool]:
    """What waits for any of (kind, key, scope)."""
    wanted = (PARKED.c.waits_kind, PARKED.c.waits_key)
    own = tuple_(*wanted, Journal.source).in_([one for one in arrived if one[2]])
    return own | tuple_(*wanted).in_([one[:2] for one in arrived if not one[2]])


def _as_envelope(record: Record) -> str:
    head = {
        "source": record.source, "kind": record.kind, "key": record.key,
        "version": record.version, "occurred_at": record.occurred_at,
    }  # fmt: skip
    return orjson.dumps(head).decode()[:-1] + f',"data":{record.body}}}'
