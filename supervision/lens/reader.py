"""The lens: a columnar copy of the ledger for questions over months and years, read with DuckDB.

Parquet under `data_dir/lens/<table>/month=YYYY-MM/<version>.parquet`, by month of opening (Beijing time), lots without
any date under month=undated; which files are the present ones says `manifest.json` (docs/lens.md). Written by the watch
(`supervision.lens.writer`), read by everyone. A lot enters only after its opening has ended: before that who bids is
secret (招标投标法 art. 22, 52).
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
from supervision.lens.schema import FORMAT, TABLES, no_rows

if TYPE_CHECKING:
    import pandas as pd

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
    return whole and isinstance(months, dict) and all(map(_is_month, months.values()))


def _is_month(entry: Any) -> bool:
    """Whether a month of a manifest has `prints` and, by table, `file` and `rows`."""
    if not isinstance(entry, dict) or not all(
        isinstance(entry.get(part), dict) for part in ("prints", "tables")
    ):
        return False
    return all(
        isinstance(table, dict) and {"file", "rows"} <= table.keys() for table in entry["tables"].values()
    )


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
        """The file that tells as of when the lens holds, and which files with how many rows each month has."""
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
        """Run one SELECT over the tables of `supervision.lens.schema`; an absent lens gives no rows, not an error."""
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
            engine = self._engine or _opened(self._memory_limit)
            views = (f"CREATE OR REPLACE VIEW {table} AS {self._source(table)}" for table in TABLES)
            with engine.cursor() as at_once:
                at_once.execute("; ".join(["BEGIN", *views, "COMMIT"]))
            self._engine, self._seen = engine, stamp
        return engine

    def _source(self, table: str) -> str:
        """The SELECT of a table over its files."""
        schema, files = TABLES[table], self.files(table)
        if not files:
            return no_rows(schema)
        listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
        columns = ", ".join(f'"{name}"' for name in schema.names)
        return f"SELECT {columns} FROM read_parquet([{listed}], hive_partitioning = false)"

    def files(self, table: str) -> list[Path]:
        """The Parquet files that hold a table as of now, by month."""
        manifest = self.manifest()
        months = manifest.get("months", {}) if manifest.get("format") == FORMAT else {}
        return [
            self.folder / entry["tables"][table]["file"]
            for _, entry in sorted(months.items())
            if table in entry["tables"]
        ]
