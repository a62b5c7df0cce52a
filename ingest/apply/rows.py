"""Records as rows of the ledger and of its journal."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, String, bindparam
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql

from ingest.envelope import Record
from ingest.kinds.registry import ROWS
from records.bulk import execute
from records.tables.base import table_of
from records.tables.intake import Journal

_JOURNAL = table_of(Journal)


def entity(record: Record, moment: datetime) -> dict[str, Any]:
    """The row of a record whose attributes are columns."""
    kind = ROWS[record.kind]
    row = {**record.data.__dict__, "id": record.key, "source": record.source}
    if kind.dated:
        row["updated_at"] = moment
    for name in kind.aside:
        del row[name]
    if kind.parts and row[kind.parts] is not None:
        # warnings off: pydantic cannot see that a plainly validated time is a datetime
        row[kind.parts] = [
            part.model_dump(mode="json", exclude_none=True, warnings=False) for part in row[kind.parts]
        ]
    if kind.inferred:
        row |= kind.inferred(record.key, record.data)
    return row


def append_journal(connection: Connection, entries: list[dict[str, Any]]) -> None:
    """Append to the journal; `body` is JSON already and is not encoded a second time."""
    if entries:
        execute(connection, _journal_insert(connection.dialect.name), _JOURNAL, entries)


@cache
def _journal_insert(dialect: str) -> Insert:
    body: Any = bindparam("body", type_=String())
    data = body if dialect == "sqlite" else sql_cast(body, postgresql.JSONB)
    plain: dict[str, Any] = {
        column.name: bindparam(column.name, type_=column.type)
        for column in _JOURNAL.c
        if column.name != "data"
    }
    return _JOURNAL.insert().values(**plain, data=data)
