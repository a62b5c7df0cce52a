"""Running market rules: on the lens, with DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
from sqlalchemy import Select
from sqlalchemy.dialects import postgresql

from supervision.lens.reader import Lens
from supervision.rules.finding import Finding
from supervision.rules.lots_behind import with_lots
from supervision.rules.market_rule import KEPT, Ask, MarketRule, Row


def sql_of(query: Select[*tuple[Any, ...]]) -> str:
    """The select as PostgreSQL writes it, values in place: DuckDB reads it as it is."""
    return str(query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))  # type: ignore[no-untyped-call]


@contextmanager
def on_lens(lens: Lens) -> Iterator[Ask]:
    """Ask the lens; what several rules need is worked out once."""
    connection = lens.cursor()
    try:
        yield on_duckdb(connection)
    finally:
        connection.close()


def rows_of(lens: Lens, query: Select[*tuple[Any, ...]]) -> list[Row]:
    """The answer to one select that needs nothing but `bids` and `lots`."""
    connection = lens.cursor()
    try:
        return list(_table(connection, query).to_pylist())
    finally:
        connection.close()


def on_duckdb(connection: duckdb.DuckDBPyConnection) -> Ask:
    """Ask an engine that has the lens' tables."""
    for table, made in KEPT:
        connection.execute(f"CREATE TEMP TABLE {table.name} AS {sql_of(made())}")
    return Ask(lambda query: _table(connection, query))


def _table(connection: duckdb.DuckDBPyConnection, query: Select[*tuple[Any, ...]]) -> pa.Table:
    found: pa.Table = connection.sql(sql_of(query)).to_arrow_table()
    return found


def lots_opened_since(lens: Lens, moment: datetime) -> frozenset[str]:
    """The lots opened from a moment on."""
    rows = lens.rows("SELECT lot_id FROM lots WHERE opened_at >= $since", {"since": moment})
    return frozenset(lot for (lot,) in rows)


def findings_of_market(
    ask: Ask, rules: Sequence[MarketRule], settings: Mapping[str, Mapping[str, float]] | None = None
) -> Iterator[Finding]:
    """What the rules find, rule by rule, with the lots behind it; `settings` are {rule: {parameter: value}}."""
    for rule in rules:
        chosen = rule.settings((settings or {}).get(rule.id))
        yield from with_lots(ask, rule, rule.capped(ask, chosen), chosen)
