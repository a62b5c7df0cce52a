"""Rows of the ledger as the envelopes that would make them again: the way back of `rows.entity`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ingest.files.pieces import EPOCH
from ingest.kinds.registry import KINDS, TABLES
from records.bulk import chunks
from records.clock import BEIJING
from records.keys import key_of
from records.tables.base import table_of
from records.tables.intake import Held, Journal

Json = dict[str, Any]
Row = Mapping[Any, Any]
_HELD, _JOURNAL = table_of(Held), table_of(Journal)


def plain(value: Any) -> Any:
    """A column's value as JSON: times in RFC 3339 (Beijing), money as a decimal string."""
    if isinstance(value, datetime):
        return value.astimezone(BEIJING).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return money(value) if isinstance(value, Decimal) else value


def money(value: Decimal) -> str:
    """A decimal string without trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@cache
def columns(kind: str) -> tuple[tuple[str, str, Any], ...]:
    """(column, name on the wire, default) of every field of a kind that its table holds."""
    fields = KINDS[kind].data.model_fields.items()
    return tuple(
        (name, field.alias or name, field.get_default(call_default_factory=True))
        for name, field in fields
        if name in TABLES[kind].c
    )


def data_of(kind: str, row: Row) -> Json:
    """The `data` of the record that makes this row: only what differs from the defaults."""
    data = {
        wire: key_of(row[column]) if column in _REFERRING else plain(row[column])
        for column, wire, default in columns(kind)
        if row[column] is not None and row[column] != default
    }
    if kind == "lot" and row.get("organise_form"):
        data["organise_form"] = row["organise_form"]
    return data


def selection(kind: str) -> Select[Any]:
    """The rows of a kind; a lot with what it says of its 招标项目."""
    if kind != "lot":
        return select(TABLES[kind])
    lot, call = TABLES["lot"], TABLES["tender_project"]
    return select(lot, call.c.organise_form).outerjoin(call, call.c.id == lot.c.tender_project_id)


_REFERRING = {"tender_project_id", *(column for kind in KINDS.values() for column, _ in kind.references)}
"""Columns that hold the id of another row."""

Key = tuple[str, str, str]
"""(kind, key, source)."""


def stamps(session: Session, kind: str, ids: Sequence[str]) -> dict[Key, tuple[int, str]]:
    """(version, occurred_at) under which the ledger holds the records of rows, so that a copy goes on from there."""
    keys = [key_of(row_id) for row_id in ids]
    query = select(_HELD.c.key, _HELD.c.source, _HELD.c.version, _JOURNAL.c.occurred_at).join(
        _JOURNAL, _JOURNAL.c.seq == _HELD.c.seq
    )
    found: dict[Key, tuple[int, str]] = {}
    for part in chunks(keys):
        for key, source, version, at in session.execute(
            query.where(_HELD.c.kind == kind, _HELD.c.key.in_(part))
        ):
            found[kind, key, source] = version, at.isoformat()
    return found


def envelope(kind: str, row: Row, held: Mapping[Key, tuple[int, str]]) -> Json:
    """The envelope of a row; what never came through the intake is version 1 of an unknown time."""
    key = key_of(row["id"])
    version, at = held.get((kind, key, row["source"]), (1, EPOCH))
    return {
        "source": row["source"], "kind": kind, "key": key, "version": version, "occurred_at": at,
        "data": data_of(kind, row),
    }  # fmt: skip


def rows_where(session: Session, kind: str, column: str, keys: Sequence[str]) -> Iterator[Row]:
    """Rows of a kind whose `column` is one of `keys`, in order of their ids."""
    table = TABLES[kind]
    for part in chunks(keys):
        query = select(table).where(table.c[column].in_(part)).order_by(table.c.id)
        yield from session.execute(query).mappings()
