"""Records that wait for what they refer to, those of this transaction together with those of the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, select, tuple_

from ingest.apply import rejects
from ingest.apply.scoping import scope
from ingest.apply.state import State
from ingest.envelope import Record, read
from ingest.refusal import Refusal
from records.bulk import chunks
from records.tables.base import table_of
from records.tables.intake import Journal, Parked

PARKED = table_of(Parked)

Wanted = tuple[str, str, str]
"""(kind, key, whose keys) of what is waited for: its source's own, where sources have keys of their own."""


@dataclass(slots=True)
class Waiting:
    """A record held under `seq`, not applied yet."""

    record: Record
    seq: int


class Parking:
    """The waiting records of one transaction."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._here: dict[Wanted, list[Waiting]] = defaultdict(list)
        self._gone: list[int] = []
        self._any_stored: bool | None = None

    def park(self, record: Record, seq: int, wanted: tuple[str, str]) -> None:
        """Let a record wait for `wanted` = (kind, key)."""
        self._here[*wanted, scope(wanted[0], record.source)].append(Waiting(record, seq))

    def waiting(self) -> Iterator[tuple[Wanted, Waiting]]:
        """What waits in this transaction, and for what."""
        return ((wanted, one) for wanted, line in self._here.items() for one in line)

    def drop(self, seq: int) -> None:
        """A newer version has replaced the record held under `seq`: it need not wait any longer."""
        self._gone.append(seq)

    def arrived(self) -> list[Waiting]:
        """What waited for the records that have come since the last call, in the order it was said."""
        state = self._state
        arrived = {(kind, key, scope(kind, source)) for kind, key, source in state.fresh}
        state.fresh = set()
        ready = [waiting for wanted in arrived for waiting in self._here.pop(wanted, ())]
        ready += self._stored(arrived)
        return sorted(ready, key=lambda one: (one.record.occurred_at, one.seq))

    def _stored(self, arrived: set[Wanted]) -> list[Waiting]:
        session = self._state.session
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

    def refuse(self, record: Record, refusal: Refusal) -> None:
        """Refuse a record whose turn has come."""
        self._refuse(record, _as_envelope(record), refusal)

    def _refuse(self, who: Record | Journal, sent: Any, refusal: Refusal) -> None:
        refusal.kind, refusal.key = who.kind, who.key
        self._state.refused.append(rejects.row(who.source, sent, refusal))
        self._state.forget(who)

    def write(self) -> None:
        """Write who still waits, take out who does not."""
        connection = self._state.session.connection()
        for part in chunks(self._gone):
            connection.execute(PARKED.delete().where(PARKED.c.seq.in_(part)))
        rows = [
            {"seq": one.seq, "waits_kind": kind, "waits_key": key}
            for (kind, key, _), one in self.waiting()
            if self._state.is_held(one.record, one.seq)
        ]
        if rows:
            connection.execute(PARKED.insert(), rows)


def _waits_for(arrived: Sequence[Wanted]) -> ColumnElement[bool]:
    """What waits for any of these."""
    wanted = (PARKED.c.waits_kind, PARKED.c.waits_key)
    own = tuple_(*wanted, Journal.source).in_([one for one in arrived if one[2]])
    return own | tuple_(*wanted).in_([one[:2] for one in arrived if not one[2]])


def _as_envelope(record: Record) -> str:
    head = {
        "source": record.source, "kind": record.kind, "key": record.key,
        "version": record.version, "occurred_at": record.occurred_at,
    }  # fmt: skip
    return orjson.dumps(head).decode()[:-1] + f',"data":{record.body}}}'
