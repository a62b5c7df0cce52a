"""CSV packs out: empty templates, and the ledger as a pack that an import takes back."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from ingest import schema
from ingest.apply.envelopes_of_rows import envelope, selection, stamps
from ingest.csv.cells import POWER
from ingest.csv.names import FILES, zh_names
from ingest.files.folders import new_folder
from ingest.kinds.registry import KINDS, TABLES
from messages import Invalid, Message, languages
from records.filenames import file_name
from records.ledger import Ledger

_EXCEL = "utf-8-sig"
"""With its mark Excel reads UTF-8 as such."""
_SOME = 2_000


def zh_file(kind: str) -> str:
    """The Chinese name of a kind's file."""
    return next(name for name, held in FILES.items() if held == kind and not name.isascii())


def headers(kind: str, language: str = "zh") -> dict[str, str]:
    """Field → header of a kind's columns, the envelope's first. Raises ValueError for a language other than zh, en."""
    if language not in languages():
        raise Invalid(Message("csv.language", given=language))
    dropped = {name for name, kept_as in KINDS[kind].hidden.items() if kept_as is None}
    named = zh_names(kind) if language == "zh" else {}
    fields = [
        "key",
        "version",
        "occurred_at",
        *(name for name, *_ in schema.fields(kind) if name not in dropped),
    ]
    return {name: named.get(name, name) for name in fields}


def write_templates(folder: Path, language: str = "zh", encoding: str = _EXCEL) -> list[Path]:
    """One empty file a kind with its headers, to be filled in a spreadsheet; those there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for kind in KINDS:
        path = folder / f"{zh_file(kind) if language == 'zh' else kind}.csv"
        if not path.exists():
            with path.open("w", encoding=encoding, newline="") as file:
                csv.writer(file).writerow(headers(kind, language).values())
            made.append(path)
    return made


@dataclass
class CsvReport:
    """What an export of CSV packs wrote: a folder a source, rows by kind."""

    rows: dict[str, int] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The report as the command line prints it."""
        return asdict(self)


def export_csv(
    ledger: Ledger, out: Path, *, language: str = "zh", progress: Callable[[CsvReport], None] | None = None
) -> CsvReport:
    """Write the ledger as CSV packs, one folder a source, into the new or empty folder `out`.

    Everything a pack can say: openings come as they stand, without the log of their events (an OCDS
    export keeps the log). Never public. Raises FileExistsError if `out` holds anything.
    """
    new_folder(out)
    report, started = CsvReport(), time.monotonic()
    with ledger.read() as session:
        for kind in (kind for kind in KINDS if kind in TABLES):
            sources = session.scalars(select(TABLES[kind].c.source).distinct().order_by("source")).all()
            for source in sources:
                folder = out / file_name(source)
                folder.mkdir(exist_ok=True)
                report.rows[kind] = report.rows.get(kind, 0) + _write(session, kind, source, folder, language)
                if progress:
                    progress(report)
    report.folders = sorted(path.name for path in out.iterdir())
    report.seconds = round(time.monotonic() - started, 3)
    return report


def _write(session: Session, kind: str, source: str, folder: Path, language: str) -> int:
    named = headers(kind, language)
    path = folder / f"{zh_file(kind) if language == 'zh' else kind}.csv"
    count = 0
    with path.open("w", encoding=_EXCEL, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(named.values())
        for record in _records(session, kind, source):
            writer.writerow([_cell(value) for value in _values(record, named)])
            count += 1
    return count


def _records(session: Session, kind: str, source: str) -> Iterator[dict[str, Any]]:
    table = TABLES[kind]
    query = (
        selection(kind)
        .where(table.c.source == source)
        .order_by(table.c.id)
        .execution_options(yield_per=_SOME)
    )
    for part in session.execute(query).mappings().partitions(_SOME):
        held = stamps(session, kind, [row["id"] for row in part])
        for row in part:
            yield envelope(kind, row, held)


def _values(record: dict[str, Any], named: Iterable[str]) -> Iterator[Any]:
    data = record["data"]
    if record["kind"] == "opening" and data.get("state") not in ("ended", "sealed", "cancelled"):
        data = {name: value for name, value in data.items() if name != "state"}
    for name in named:
        yield record[name] if name in ("key", "version", "occurred_at") else data.get(name)


def _cell(value: Any) -> str:
    """A value as a cell: lists with semicolons, numbers that are names kept from being counted."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list) and all(
        isinstance(part, str) and not set(";；、") & set(part) for part in value
    ):
        return ";".join(value)
    if isinstance(value, (list, dict)):
        return orjson.dumps(value).decode()
    text = str(value)
    counted = text.isdigit() and len(text) > 11
    return f"'{text}" if text and (text[0] in "=+@'" or counted or POWER.match(text)) else text
