"""Running market rules: on the lens with DuckDB, or on any engine that SQLAlchemy knows and that holds its tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import duckdb
from sqlalchemy import Connection, Insert, Select
from sqlalchemy.dialects import postgresql

from supervision.lens.reader import Lens
from supervision.rules.finding import Finding
from supervision.rules.market_rule import KEPT, MarketRule, Row

Ask = Callable[[Select[*tuple[Any, ...]]], list[Row]]
"""Answers a select over `bids`, `lots` and the tables that are kept."""


def sql_of(query: Select[*tuple[Any, ...]]) -> str:
    """The select as PostgreSQL writes it, values in place: DuckDB reads it as it is."""
    return str(query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))  # type: ignore[no-untyped-call]


@contextmanager
def on_lens(lens: Lens) -> Iterator[Ask]:
    """Ask the lens; its lots' prices are worked out once."""
    connection = lens.cursor()
    try:
        yield on_duckdb(connection)
    finally:
        connection.close()


def rows_of(lens: Lens, query: Select[*tuple[Any, ...]]) -> list[Row]:
    """The answer to one select that needs nothing but `bids` and `lots`."""
    connection = lens.cursor()
    try:
        return _rows(connection, query)
    finally:
        connection.close()


def on_duckdb(connection: duckdb.DuckDBPyConnection) -> Ask:
    """Ask an engine that has tables `bids` and `lots`."""
    for table, made in KEPT:
        connection.execute(f"CREATE TEMP TABLE {table.name} AS {sql_of(made())}")
    return lambda query: _rows(connection, query)


def _rows(connection: duckdb.DuckDBPyConnection, query: Select[*tuple[Any, ...]]) -> list[Row]:
    rows: list[Row] = connection.sql(sql_of(query)).to_arrow_table().to_pylist()
    return rows


def on_connection(connection: Connection) -> Ask:
    """Ask a database that holds the tables `bids` and `lots` of `supervision.lens.tables`."""
    for table, made in KEPT:
        table.create(connection)
        wanted = made()
        connection.execute(Insert(table).from_select([c.name for c in wanted.selected_columns], wanted))
    return lambda query: [dict(row) for row in connection.execute(query).mappings()]


def lots_opened_since(lens: Lens, moment: datetime) -> frozenset[str]:
    """The lots opened from a moment on."""
    rows = lens.rows("SELECT lot_id FROM lots WHERE opened_at >= $since", {"since": moment})
    return frozenset(lot for (lot,) in rows)


def findings_of_market(
    ask: Ask, rules: Sequence[MarketRule], settings: Mapping[str, Mapping[str, float]] | None = None
) -> Iterator[Finding]:
    """What the rules find, rule by rule; `settings` are {rule: {parameter: value}}."""
    for rule in rules:
        chosen = rule.settings((settings or {}).get(rule.id))
        yield from rule.judge(ask(rule.select(chosen)), chosen)
