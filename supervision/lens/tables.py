"""The lens' tables as SQLAlchemy Core knows them, so that one select runs on DuckDB, SQLite, PostgreSQL and Spark."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from sqlalchemy import Boolean, Column, Date, DateTime, Integer, MetaData, Numeric, String, Table
from sqlalchemy.types import TypeEngine

from supervision.lens.reader import BIDS, INSTANT, LOTS, MONEY

_TYPES: dict[object, TypeEngine[Any]] = {
    pa.string(): String(), INSTANT: DateTime(timezone=True), pa.date32(): Date(), pa.int32(): Integer(),
    pa.bool_(): Boolean(), MONEY: Numeric(20, 4),
}  # fmt: skip

metadata = MetaData()


def _table(name: str, schema: pa.Schema) -> Table:
    return Table(name, metadata, *(Column(field.name, _TYPES[field.type]) for field in schema))


bids = _table("bids", BIDS)
lots = _table("lots", LOTS)
