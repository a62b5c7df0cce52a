"""The lens: a columnar copy of the ledger for questions over months and years, read with DuckDB.

Parquet under `data_dir/lens/<table>/month=YYYY-MM/data.parquet`, by month of opening (Beijing time), lots
without any date under month=undated; written by the watch (`supervision.lens.writer`), read by everyone. A lot enters only after its opening
has ended: before that who bids is secret (招标投标法 art. 22, 52).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from messages import Invalid, Message

if TYPE_CHECKING:
    import pandas as pd

MONEY = pa.decimal128(20, 4)
INSTANT = pa.timestamp("us", tz="UTC")

_PLACE: list[tuple[str, pa.DataType]] = [
    ("month", pa.string()),
    ("opened_at", INSTANT),
    ("opened_on", pa.date32()),
    ("lot_id", pa.string()),
    ("lot_name", pa.string()),
    ("round", pa.int32()),
    ("centre_id", pa.string()),
    ("centre_name", pa.string()),
    ("division_code", pa.string()),
    ("trade_family", pa.string()),
    ("category", pa.string()),
    ("method", pa.string()),
    ("tenderer_id", pa.string()),
    ("agency_id", pa.string()),
]

_BID: list[tuple[str, pa.DataType]] = [
    ("bidder_id", pa.string()),
    ("bidder_division", pa.string()),
    ("bidder_province", pa.string()),
    ("outside_city", pa.bool_()),
    ("outside_province", pa.bool_()),
    ("division_source", pa.string()),
    ("ca_region", pa.string()),
    ("ca_outside", pa.bool_()),
    ("price", MONEY),
    ("control_price", MONEY),
    ("status", pa.string()),
    ("rank", pa.int32()),
    ("is_winner", pa.bool_()),
    ("currency", pa.string()),
    ("source", pa.string()),
    ("demo", pa.bool_()),
    ("mac", pa.string()),
    ("disk_serial", pa.string()),
    ("dongle_serial", pa.string()),
    ("file_id", pa.string()),
    ("upload_ip", pa.string()),
    ("received_at", INSTANT),
]
BIDS = pa.schema([*_PLACE, *_BID])
"""One row = one participation 参与家次 of an opened lot (§5.2). Null in outside_* = place unknown."""

_LOT: list[tuple[str, pa.DataType]] = [
    ("title", pa.string()),
    ("project_id", pa.string()),
    ("project_name", pa.string()),
    ("key_flag", pa.string()),
    ("flags", pa.string()),
    ("status", pa.string()),
    ("opened", pa.bool_()),
    ("bids", pa.int32()),
    ("valid_bids", pa.int32()),
    ("outside_city_bids", pa.int32()),
    ("outside_province_bids", pa.int32()),
    ("unknown_city_bids", pa.int32()),
    ("unknown_province_bids", pa.int32()),
    ("estimate", MONEY),
    ("control_price", MONEY),
    ("winner_id", pa.string()),
    ("winner_name", pa.string()),
    ("winner_division", pa.string()),
    ("winner_province", pa.string()),
    ("winner_outside_city", pa.bool_()),
    ("winner_outside_province", pa.bool_()),
    ("award_price", MONEY),
    ("award_currency", pa.string()),
    ("awarded_at", INSTANT),
    ("awarded_on", pa.date32()),
    ("currency", pa.string()),
    ("source", pa.string()),
    ("demo", pa.bool_()),
]
LOTS = pa.schema([*_PLACE, *_LOT])
"""One row = one lot whose opening has ended; `opened` is false where it failed (流标) or was broken off."""

FORMAT = 4
"""Raised when the tables' columns change: a lens of another format counts as none until it is built anew."""

TABLES: dict[str, pa.Schema] = {"bids": BIDS, "lots": LOTS}

"""bidder_province of a firm from outside China; no division code begins with it."""

_SQL_TYPES = {
    pa.string(): "VARCHAR",
    INSTANT: "TIMESTAMPTZ",
    pa.date32(): "DATE",
    pa.int32(): "INTEGER",
    pa.bool_(): "BOOLEAN",
    MONEY: "DECIMAL(20,4)",
}

Params = Sequence[Any] | dict[str, Any]
Stamp = tuple[int, int, int]
"""Time of change, inode and size of a file."""


def _is_manifest(found: Any) -> bool:
    """Whether a manifest has its parts in their form: a torn or edited file may be valid JSON and still be none."""
    if not isinstance(found, dict) or not isinstance(found.get("version"), int):
        return False
    months, stamp = found.get("months"), found.get("as_of")
    try:
        whole = isinstance(stamp, str) and datetime.fromisoformat(stamp).tzinfo is not None
    except ValueError:
        return False
    return whole and isinstance(months, dict) and all(isinstance(month, dict) for month in months.values())


def _opened(memory_limit: str) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    return duckdb.connect(":memory:", config=config)


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if _is_manifest(found) else {}


def lens_folder(data_dir: Path) -> Path:
    """Where the lens of a data folder lies."""
    return Path(data_dir) / "lens"


def sql_columns(schema: pa.Schema) -> str:
    """A select list of typed nulls: an empty table with the right columns."""
    return ", ".join(f'CAST(NULL AS {_SQL_TYPES[f.type]}) AS "{f.name}"' for f in schema)


class Lens:
    """A reader of the lens; one object may be shared by any number of threads."""

    def __init__(self, data_dir: Path | str, memory_limit: str = "1GB") -> None:
        self.folder = lens_folder(Path(data_dir))
        self._lock = threading.Lock()
        self._seen: Stamp | None = (-1, 0, 0)
        self._manifest: tuple[Stamp | None, dict[str, Any]] = (None, {})
        self._memory_limit = memory_limit
        self._engine: duckdb.DuckDBPyConnection | None = None

    @property
    def manifest_path(self) -> Path:
        """The file that tells as of when the lens holds and how many rows each month has."""
        return self.folder / "manifest.json"

    def manifest(self) -> dict[str, Any]:
        """The manifest; empty while nothing was written, and if it is damaged: the writer then builds anew."""
        stamp = self._stamp()
        if stamp is None:
            return {}
        read, found = self._manifest
        if read != stamp:
            found = _read_manifest(self.manifest_path)
            self._manifest = stamp, found
        return found

    def _stamp(self) -> Stamp | None:
        """What tells one manifest from the next; None while there is none."""
        try:
            found = self.manifest_path.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def as_of(self) -> datetime | None:
        """截至时间: the ledger's state the lens shows; None while there is no lens."""
        stamp = self.manifest().get("as_of")
        return None if stamp is None else datetime.fromisoformat(stamp)

    def version(self) -> str:
        """Changes when the data of the lens change (not with every as-of time); use it as a cache key."""
        return str(self.manifest().get("version", 0))

    def query(self, sql: str, params: Params = ()) -> pa.Table:
        """Run one SELECT over the tables `bids` and `lots`; an absent lens gives no rows, not an error."""
        with self._bound().cursor() as cursor:
            found: pa.Table | None = cursor.sql(sql, params=params).to_arrow_table()
        if found is None:
            raise Invalid(Message("figure.only_select"))
        return found

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own over the tables, for who builds temporary tables on them; the caller closes it."""
        return self._bound().cursor()

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        """Like `query`, as Python tuples. (Through Arrow: DuckDB's own way to datetimes needs pytz.)"""
        columns = [column.to_pylist() for column in self.query(sql, params).columns]
        return list(zip(*columns, strict=True))

    def one(self, sql: str, params: Params = ()) -> tuple[Any, ...]:
        """The one row of an aggregate."""
        return self.rows(sql, params)[0]

    def frame(self, sql: str, params: Params = ()) -> pd.DataFrame:
        """Like `query`, as a pandas frame."""
        return self.query(sql, params).to_pandas()

    def close(self) -> None:
        """Give the engine's memory back."""
        if self._engine is not None:
            self._engine.close()

    def _bound(self) -> duckdb.DuckDBPyConnection:
        """The engine, opened at the first question, its views on the files there are; renewed only after the writer
        changed the manifest."""
        stamp, engine = self._stamp(), self._engine
        if engine is not None and stamp == self._seen:
            return engine
        with self._lock:
            engine = self._engine = self._engine or _opened(self._memory_limit)
            for table, schema in TABLES.items():
                engine.execute(f"CREATE OR REPLACE VIEW {table} AS {self._source(table, schema)}")
            self._seen = stamp
        return engine

    def _source(self, table: str, schema: pa.Schema) -> str:
        files = sorted(self.folder.glob(f"{table}/month=*/data.parquet"))
        if not files or self.manifest().get("format") != FORMAT:
            return f"SELECT {sql_columns(schema)} WHERE false"
        listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
        columns = ", ".join(f'"{name}"' for name in schema.names)
        return f"SELECT {columns} FROM read_parquet([{listed}], hive_partitioning = false)"
