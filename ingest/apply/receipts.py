"""How many records of each source have been accepted: the `seq` of an answer, and where a sender stands.

Each source has a count of its own, without gaps: the journal's numbers would tell one platform how many
records, say bids before the deadline, the others have sent in between (招标投标法 art. 22).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from ingest.envelope import Record
from records.bulk import upsert
from records.clock import now
from records.tables.base import table_of
from records.tables.supervision import WatchMark

_MARK = table_of(WatchMark)


def _name(source: str) -> str:
    return f"intake/{source}"


class Receipts:
    """The counts of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._counts: dict[str, int] = {}
        self._last: dict[str, dict[str, Any]] = {}

    def next(self, record: Record) -> int:
        """The number of a record just accepted, from 1 for the first of its source."""
        count = self._counts.get(record.source)
        if count is None:
            query = select(_MARK.c.position).where(_MARK.c.name == _name(record.source))
            count = self._session.scalar(query) or 0
        self._counts[record.source] = count + 1
        self._last[record.source] = {"kind": record.kind, "key": record.key, "version": record.version}
        return count + 1

    def write(self, connection: Connection) -> None:
        """Write the counts down."""
        rows = [
            {"name": _name(source), "position": count, "detail": self._last[source], "updated_at": now()}
            for source, count in self._counts.items()
        ]
        upsert(connection, _MARK, rows)


def last_accepted(session: Session, source: str) -> dict[str, Any]:
    """Where a source stands: `seq` of its last accepted record, and that record's kind, key and version."""
    mark = session.get(WatchMark, _name(source))
    return {"seq": 0} if mark is None else {"seq": mark.position, **(mark.detail or {})}
