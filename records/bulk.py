"""Statements for many rows at once: one statement a table and set of columns, kept compiled.

SQLite gets its values made column by column, which is several times faster than one statement's own way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Dialect, Insert, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from records.tables.base import Instant

T = TypeVar("T")
Make = Callable[[Any], Any]
"""What turns a value into what the database stores."""


def chunks(items: Sequence[T], size: int = 5_000) -> Iterator[Sequence[T]]:
    """`items` in pieces small enough for the bound parameters of one statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def upsert(
    connection: Connection, table: Table, rows: list[dict[str, Any]], keep: frozenset[str] = frozenset()
) -> None:
    """Insert rows or overwrite those with the same primary key, except the columns in `keep`."""
    if rows:
        execute(connection, _upsert(connection.dialect.name, table, tuple(rows[0]), keep), table, rows)


@cache
def _upsert(dialect: str, table: Table, names: tuple[str, ...], keep: frozenset[str]) -> Insert:
    insert: Any = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    primary = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in names if name not in primary and name not in keep}
    values = insert.values({name: bindparam(name, type_=table.c[name].type) for name in names})
    statement: Insert = values.on_conflict_do_update(index_elements=primary, set_=changed)
    return statement


def insert_rows(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows that name every column but an automatic key."""
    if rows:
        execute(connection, _insert(table, tuple(rows[0])), table, rows)


@cache
def _insert(table: Table, names: tuple[str, ...]) -> Insert:
    return table.insert().values({name: bindparam(name, type_=table.c[name].type) for name in names})


def execute(connection: Connection, statement: Insert, table: Table, rows: list[dict[str, Any]]) -> None:
    """Run an insert into `table` for all rows; `statement` must be one and the same object each time."""
    if connection.dialect.name != "sqlite":
        connection.execute(statement, rows)
        return
    text, order, made = _compiled(statement, table, connection.dialect)
    connection.exec_driver_sql(text, pack(rows, order, made))


@cache
def _compiled(
    statement: Insert, table: Table, dialect: Dialect
) -> tuple[str, tuple[str, ...], dict[str, Make | None]]:
    compiled: Any = statement.compile(dialect=dialect)
    return str(compiled), tuple(compiled.positiontup), makers(table, dialect)


# ── rows as the values SQLite stores ─────────────────────────────────────────


def _instant(value: datetime | None) -> str | None:
    """A moment as SQLAlchemy writes it into SQLite; raises ValueError without an offset."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"time without offset: {value.isoformat()}")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _maker(column: Column[Any], dialect: Dialect) -> Make | None:
    if isinstance(column.type, Instant):
        return _instant
    made: Make | None = column.type.dialect_impl(dialect).bind_processor(dialect)
    return made


def makers(table: Table, dialect: Dialect) -> dict[str, Make | None]:
    """Column → what turns a value into what is stored; None: it is stored as it is."""
    return {column.name: _maker(column, dialect) for column in table.c}


def pack(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], made: Mapping[str, Make | None]
) -> list[tuple[Any, ...]]:
    """The rows' values under `names`, in that order."""
    columns = [made_column([row[name] for row in rows], made.get(name)) for name in names]
    return list(zip(*columns, strict=True))


def made_column(values: list[Any], make: Make | None) -> list[Any]:
    """All values made; where a column holds one and the same value throughout, only once."""
    if make is None:
        return values
    first = values[0]
    if all(value is first for value in values):
        return [make(first)] * len(values)
    return [make(value) for value in values]
