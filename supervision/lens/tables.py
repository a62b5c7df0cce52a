"""The lens' tables as SQLAlchemy Core knows them, so that one select runs on DuckDB, SQLite, PostgreSQL and Spark."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from sqlalchemy import Boolean, Column, Date, DateTime, Double, Integer, MetaData, Numeric, String, Table
from sqlalchemy.types import TypeEngine

from supervision.lens.schema import FLOAT, INSTANT, MONEY, TABLES

_TYPES: dict[object, TypeEngine[Any]] = {
    pa.string(): String(), INSTANT: DateTime(timezone=True), pa.date32(): Date(), pa.int32(): Integer(),
    pa.bool_(): Boolean(), MONEY: Numeric(20, 4), FLOAT: Double(),
}  # fmt: skip

metadata = MetaData()


def _table(name: str, schema: pa.Schema) -> Table:
    return Table(name, metadata, *(Column(field.name, _TYPES[field.type]) for field in schema))


BY_NAME = {name: _table(name, schema) for name, schema in TABLES.items()}
"""Every table of the lens."""
bids, lots = BY_NAME["bids"], BY_NAME["lots"]
evaluations, scores, fees = BY_NAME["evaluations"], BY_NAME["scores"], BY_NAME["fees"]
