"""Rows as the values SQLite stores, made column by column: several times faster than one statement's own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Dialect, Table

from records.tables.base import Instant

Make = Callable[[Any], Any]


def instant(value: datetime | None) -> str | None:
    """A moment as SQLAlchemy writes it into SQLite; raises ValueError without an offset."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"time without offset: {value.isoformat()}")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _maker(column: Column[Any], dialect: Dialect) -> Make | None:
    if isinstance(column.type, Instant):
        return instant
    made: Make | None = column.type.dialect_impl(dialect).bind_processor(dialect)
    return made


def makers(table: Table, dialect: Dialect) -> dict[str, Make | None]:
    """Column → what turns a value into what is stored; None: it is stored as it is."""
    return {column.name: _maker(column, dialect) for column in table.c}


def pack(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], made: Mapping[str, Make | None]
) -> list[tuple[Any, ...]]:
    """The rows' values under `names`, in that order."""
    columns = [_column([row[name] for row in rows], made.get(name)) for name in names]
    return list(zip(*columns, strict=True))


def _column(values: list[Any], make: Make | None) -> list[Any]:
    """All values made; where a column holds one and the same value throughout, only once."""
    if make is None:
        return values
    first = values[0]
    if all(value is first for value in values):
        return [make(first)] * len(values)
    return [make(value) for value in values]
