"""The main figures' questions put to the lens, to the ledger's SQLite and to a PostgreSQL; and to a lens of more records.

The SQL counts what the figures count, straight from the tables of the ledger: bids that were on hand at the deadline of
lots whose opening is over, by the day of the opening. PostgreSQL gets the four tables that are asked copied into a
schema of its own, with the ledger's indexes on them, which is gone afterwards. Seconds are the best of some runs.

A lens of twice or four times the records is made of copies of each Parquet file under other ids of lots and firms: the
months and their spread stay, and there are as many times more lots, participations and firms to tell apart. The ledger
is not grown.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.citymarket import Market
from records.clock import start_of, today
from sunbid.demo import home
from supervision.figures.answers import Answers
from supervision.figures.filters import Filters, Period
from supervision.lens.reader import Lens

_FROM = """
FROM bid b JOIN lot l ON l.id = b.lot_id JOIN opening o ON o.lot_id = l.id JOIN organisation g ON g.id = b.bidder_id
WHERE o.state IN ('ended', 'sealed') AND o.result = 'opened' AND b.status <> 'withdrawn'
  AND b.received_at <= l.deadline AND (b.withdrawn_at IS NULL OR b.withdrawn_at > l.deadline)
  AND coalesce(o.started_at, o.scheduled_at) >= {since} AND coalesce(o.started_at, o.scheduled_at) < {until}
"""
_OUTSIDE = f"count(CASE WHEN g.division_code NOT LIKE '{home.PLACE.prefixes[0]}%' THEN 1 END)"
QUESTIONS: dict[str, tuple[Callable[[Answers, Filters], Any], str]] = {
    "M03": (lambda answers, asked: answers.value("M03", asked), f"SELECT count(*), count(DISTINCT b.bidder_id) {_FROM}"),
    "M04": (lambda answers, asked: answers.value("M04", asked), f"SELECT {_OUTSIDE}, count(*) {_FROM}"),
    "M03/centre": (
        lambda answers, asked: answers.breakdown("M03", asked, "centre"),
        f"SELECT l.centre_id, count(*), count(DISTINCT b.bidder_id) {_FROM} GROUP BY l.centre_id",
    ),
}  # fmt: skip
"""Question → how the lens answers it, and the same as SQL."""
_COPIED = {
    "organisation": ("id", "division_code"),
    "lot": ("id", "deadline", "centre_id"),
    "opening": ("lot_id", "state", "result", "started_at", "scheduled_at"),
    "bid": ("lot_id", "bidder_id", "status", "received_at", "withdrawn_at"),
}
"""Table → its columns that are asked."""
_KEYS = {"organisation": "id", "lot": "id", "opening": "lot_id", "bid": "lot_id"}
_MOMENTS = frozenset({"deadline", "started_at", "scheduled_at", "received_at", "withdrawn_at"})
_SCHEMA = "sunbid_beside"
Ask = Callable[[str], object]


@dataclass(frozen=True)
class Beside:
    """Seconds of one question, by whom it was put to; `postgresql` is None without one."""

    question: str
    lens: float
    sqlite: float
    postgresql: float | None


def year() -> Filters:
    """The twelve months up to today."""
    return Filters(Period(today() - timedelta(days=365), today() + timedelta(days=1)))


def best(times: int, act: Callable[..., object], *given: object) -> float:
    """The least seconds of some runs of `act(*given)`."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        act(*given)
        found.append(time.perf_counter() - began)
    return min(found)


def beside(market: Market, postgres: str | None, times: int) -> Iterator[Beside]:
    """Every question put to all of them."""
    lens, asked = Lens(market.data), year()
    with _sqlite(market) as sqlite, _postgres(market, postgres) as server:
        for name, (figure, sql) in QUESTIONS.items():
            there = None if server is None else best(times, server, sql)
            yield Beside(name, best(times, figure, Answers(lens), asked), best(times, sqlite, sql), there)
    lens.close()


def _put(sql: str) -> str:
    """A question over the year, in moments as both databases have them: UTC."""
    period = year().period
    assert period is not None
    since, until = (
        f"'{start_of(day).astimezone(UTC):%Y-%m-%d %H:%M:%S}'" for day in (period.start, period.end)
    )
    return sql.format(since=since, until=until)


@contextmanager
def _sqlite(market: Market) -> Iterator[Ask]:
    path = f"file:{market.data / 'ledger.db'}?mode=ro"
    with closing(sqlite3.connect(path, uri=True)) as connection:
        yield lambda sql: connection.execute(_put(sql)).fetchall()


@contextmanager
def _postgres(market: Market, address: str | None) -> Iterator[Ask | None]:
    """A question to PostgreSQL, over a copy of what is asked; None without an address."""
    if address is None:
        yield None
        return
    import psycopg

    with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {_SCHEMA}")
        connection.execute(f"SET search_path = {_SCHEMA}")
        try:
            _copy(market, connection)
            yield lambda sql: connection.execute(_put(sql)).fetchall()
        finally:
            connection.execute(f"DROP SCHEMA {_SCHEMA} CASCADE")


def _copy(market: Market, connection: Any) -> None:
    with closing(sqlite3.connect(f"file:{market.data / 'ledger.db'}?mode=ro", uri=True)) as ledger:
        for table, columns in _COPIED.items():
            listed = ", ".join(columns)
            kinds = ", ".join(f"{c} {'timestamp' if c in _MOMENTS else 'text'}" for c in columns)
            connection.execute(f"CREATE TABLE {table} ({kinds})")
            with connection.cursor().copy(f"COPY {table} ({listed}) FROM STDIN") as copy:
                for row in ledger.execute(f"SELECT {listed} FROM {table}"):
                    copy.write_row(row)
            connection.execute(f"CREATE INDEX ON {table} ({_KEYS[table]})")
    connection.execute("ANALYZE")


# ── more records ─────────────────────────────────────────────────────────────


def at_times(market: Market, factors: Sequence[int], times: int) -> Iterator[tuple[int, str, float]]:
    """(how many times the records, question, seconds) of the lens."""
    for factor in factors:
        with _grown(market, factor) as data:
            lens = Lens(data)
            for name, (figure, _) in QUESTIONS.items():
                yield factor, name, best(times, figure, Answers(lens), year())
            lens.close()


@contextmanager
def _grown(market: Market, factor: int) -> Iterator[Path]:
    """A data folder with a lens of so many times the records."""
    if factor == 1:
        yield market.data
        return
    held = Lens(market.data)
    with tempfile.TemporaryDirectory(prefix="sunbid-bench-") as name:
        folder = Path(name) / "lens"
        shutil.copytree(held.folder, folder)
        for file in [*held.files("bids"), *held.files("lots")]:
            place = folder / file.relative_to(held.folder)
            table = pq.read_table(file, partitioning=None)
            pq.write_table(
                pa.concat_tables(_renamed(table, n) for n in range(factor)), place, compression="zstd"
            )
        yield Path(name)


def _renamed(table: pa.Table, number: int) -> pa.Table:
    """The table under other ids; as it is for the first."""
    for place, column in enumerate(table.column_names):
        if number and column in ("lot_id", "bidder_id", "winner_id"):
            ids = pc.binary_join_element_wise(table[column], f"~{number}", "")  # type: ignore[call-overload]
            table = table.set_column(place, table.schema.field(column), ids)
    return table
