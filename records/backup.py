"""A full backup while everything runs, and its way back. One format for SQLite and PostgreSQL.

`tables/<table>.jsonl.gz` holds every row of one snapshot, `files/` the rest of the data folder, and
`manifest.json` the counts and SHA-256 of each, so that a restore proves itself.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Date, LargeBinary, Table, insert, select, text
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ColumnClause, TableClause

from messages import Fault, Message
from records import check
from records.clock import now
from records.ledger import TABLES, Ledger
from records.tables.base import Instant, Yuan

FORMAT = 1
BATCH = 5000
LEFT_OUT = ("ledger.db", "lens", "tmp")
"""Of the data folder: the ledger goes as rows, the lens is rebuilt from it."""

Progress = Callable[[str, int, int], None]


class BackupError(Fault):
    """A backup that cannot be made or must not be restored; the text says why and what to do."""


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    return value


_READERS: tuple[tuple[type[Any], Callable[[str], Any]], ...] = (
    (Instant, datetime.fromisoformat),
    (Yuan, Decimal),
    (Date, date.fromisoformat),
    (LargeBinary, bytes.fromhex),
)


def _readers(table: Table) -> dict[str, Callable[[str], Any]]:
    """Column → how its JSON text turns back into a value; columns not named need nothing."""
    return {c.name: read for c in table.columns for kind, read in _READERS if isinstance(c.type, kind)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def backup(ledger: Ledger, data_dir: Path, out: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Write a full backup into the empty or new folder `out`; returns the manifest.

    Raises BackupError if `out` holds something already.
    """
    if out.exists() and any(out.iterdir()):
        raise BackupError(Message("backup.folder_not_empty", folder=str(out)))
    (out / "tables").mkdir(parents=True, exist_ok=True)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "made_at": now().isoformat(),
        "schema": ledger.schema_version(),
        "tables": {},
        "files": {},
    }
    with ledger.read() as session:
        if not ledger.is_sqlite:
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        for number, table in enumerate(TABLES, start=1):
            if progress:
                progress(table.name, number, len(TABLES))
            path = out / "tables" / f"{table.name}.jsonl.gz"
            rows = _dump(session, table, path)
            manifest["tables"][table.name] = {"rows": rows, "sha256": _sha256(path)}
    manifest["files"] = _copy_files(data_dir, out)
    (out / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1))
    return manifest


def _dump(session: Session, table: Table, path: Path) -> int:
    query = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=BATCH)
    number = 0
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=3) as file:
        for row in session.execute(query).mappings():
            plain = {name: _plain(value) for name, value in row.items()}
            file.write(json.dumps(plain, ensure_ascii=False, separators=(",", ":")) + "\n")
            number += 1
    return number


def _copy_files(data_dir: Path, out: Path) -> dict[str, str]:
    """Everything else of the data folder; a file that is still growing is copied as far as it goes."""
    copied: dict[str, str] = {}
    for path in sorted(data_dir.rglob("*")):
        relative = path.relative_to(data_dir)
        if not path.is_file() or relative.parts[0].startswith(LEFT_OUT) or path.is_relative_to(out):
            continue
        target = out / "files" / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
        copied[relative.as_posix()] = _sha256(target)
    return copied


def restore(source: Path, ledger: Ledger, data_dir: Path, progress: Progress | None = None) -> check.Report:
    """Restore the backup in `source` into an empty ledger and data folder, and check the result.

    Raises BackupError if the backup is damaged or the target is not empty; the report tells whether
    every count and chain holds.
    """
    manifest = _read_manifest(source)
    if ledger.schema_version() is not None:
        raise BackupError(Message("backup.ledger_not_empty"))
    for relative in manifest["files"]:
        target = data_dir / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / "files" / relative, target)
    ledger.upgrade(manifest["schema"])
    with ledger.write() as session:
        for number, table in enumerate(TABLES, start=1):
            if progress:
                progress(table.name, number, len(TABLES))
            _load(session, table, source / "tables" / f"{table.name}.jsonl.gz")
    ledger.upgrade()
    with ledger.read() as session:
        report = check.check(session)
    for name, entry in manifest["tables"].items():
        if report.tables.get(name) != entry["rows"]:
            report.problems.append(
                Message(
                    "backup.row_count_differs",
                    table=name,
                    wanted=entry["rows"],
                    found=report.tables.get(name),
                )
            )
    return report


def _read_manifest(source: Path) -> dict[str, Any]:
    path = source / "manifest.json"
    if not path.is_file():
        raise BackupError(Message("backup.no_manifest", folder=str(source)))
    manifest: dict[str, Any] = json.loads(path.read_text())
    if manifest.get("format") != FORMAT:
        raise BackupError(Message("backup.unknown_format", format=manifest.get("format")))
    places = {f"tables/{name}.jsonl.gz": entry["sha256"] for name, entry in manifest["tables"].items()}
    places |= {f"files/{name}": digest for name, digest in manifest["files"].items()}
    for place, digest in places.items():
        if not (source / place).is_file() or _sha256(source / place) != digest:
            raise BackupError(Message("backup.damaged", file=place))
    return manifest


def _load(session: Session, table: Table, path: Path) -> None:
    """Put the rows of a table back into a ledger of the schema they were taken from.

    Columns that came after that schema are neither in the backup nor in the table yet: the upgrade that follows adds them
    with the value it gives to every old row.
    """
    if not path.is_file():
        return

    readers = _readers(table)

    def rows() -> Iterator[dict[str, Any]]:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                for name, read in readers.items():
                    if row.get(name) is not None:
                        row[name] = read(row[name])
                yield row

    batch: list[dict[str, Any]] = []
    for row in rows():
        batch.append(row)
        if len(batch) == BATCH:
            session.execute(insert(_with_columns(table, row)), batch)
            batch = []
    if batch:
        session.execute(insert(_with_columns(table, batch[0])), batch)
    _advance_serial(session, table)


def _with_columns(whole: Table, names: Iterable[str]) -> TableClause:
    """A table as a backup has it: with these columns, of the types they have, and no default for any other."""
    types = {column.name: column.type for column in whole.columns}
    return TableClause(whole.name, *(ColumnClause[Any](name, types.get(name)) for name in names))


def _advance_serial(session: Session, table: Table) -> None:
    """PostgreSQL's sequences know nothing of rows that came with their numbers."""
    column = table.autoincrement_column
    if column is None or session.get_bind().dialect.name != "postgresql":
        return
    name = f'"{table.name}"'
    session.execute(
        text(
            f"SELECT setval(pg_get_serial_sequence('{name}', '{column.name}'), "
            f"(SELECT COALESCE(MAX({column.name}), 0) + 1 FROM {name}), false)"
        )
    )
