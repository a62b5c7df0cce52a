"""Rows of the ledger as columns, in the form in which the database keeps them: nothing becomes an object on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import BigInteger, Select, String, cast, type_coerce
from sqlalchemy.orm import Session

from supervision.lens.schema import BOOL, INSTANT, LISTS, MONEY

Columns = Mapping[str, pa.DataType]


def whole(column: Any) -> Any:
    """Money as it is kept: whole ten-thousandths, which `as_table` reads as decimals."""
    return type_coerce(column, BigInteger)


def as_json(column: Any) -> Any:
    """A list or an object as its JSON text."""
    return cast(column, String)


def fetched(session: Session, query: Select[*tuple[Any, ...]], columns: Columns) -> pa.Table:
    """The rows of a query, whose columns are those named, in this order."""
    found = session.connection().execute(query).cursor.fetchall()
    return as_table(found, columns)


def as_table(rows: Sequence[Sequence[Any]], columns: Columns) -> pa.Table:
    """Rows as typed columns."""
    values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    return pa.table(
        {
            name: _array(_texts(v) if name in LISTS else v, kind)
            for (name, kind), v in zip(columns.items(), values, strict=True)
        },
        schema=pa.schema(list(columns.items())),
    )


def _texts(values: Sequence[str | None]) -> list[str | None]:
    """JSON in one way of writing, whatever the database's is."""
    return [None if value is None else json.dumps(json.loads(value), ensure_ascii=False) for value in values]


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array[Any]:
    if kind == MONEY:
        return _decimals(pa.array(values, pa.int64()))
    if kind == BOOL:
        return pa.array([None if value is None else bool(value) for value in values], BOOL)
    if kind == INSTANT and any(isinstance(value, str) for value in values):
        # SQLite keeps moments as text, UTC
        return pa.array(values, pa.string()).cast(pa.timestamp("us")).cast(INSTANT)
    if kind == pa.date32() and any(isinstance(value, str) for value in values):
        return pa.array(values, pa.string()).cast(kind)
    return pa.array(values, kind)


def _decimals(whole: Any) -> pa.Array[Any]:
    """Whole ten-thousandths as decimals with four places: the same 128-bit numbers, another scale."""
    wide = whole.cast(pa.decimal128(20, 0))
    return pa.Array.from_buffers(MONEY, len(wide), wide.buffers(), null_count=wide.null_count)
