"""Refused records sent in again: a rejects file, put right by hand, or what `GET /rejects` told."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from ingest.apply.envelopes import Entry, commit, prepare
from ingest.apply.rejects import settle
from ingest.files import strict_json
from ingest.files.pieces import Piece
from ingest.imports.files import ImportReport
from ingest.imports.kept_lines import KeptFile
from messages import Invalid, Message
from records.ledger import Ledger
from records.serving import signing
from records.sources import drop_empty, ensure_source
from records.tables.intake import Source

BATCH = 2_000

Line = tuple[int, str, Any]
"""(line from 1, source, record)."""


def resubmit(
    ledger: Ledger,
    rejects: Path | Iterable[Mapping[str, Any]],
    *,
    data_dir: Path,
    source: str | None = None,
) -> ImportReport:
    """Take refused records again; what is refused once more goes to a new rejects file.

    `rejects` is a file as `sunbid import` leaves it (one JSON object a line with `source` and `record`,
    the record put right by its reader) or its lines as mappings. `source` overrides theirs. A refused
    record the ledger still holds is marked resolved when one with its key is accepted. Raises
    FileNotFoundError, and ValueError for a line that is no kept reject.
    """
    started = time.monotonic()
    report, key = ImportReport(), signing.load_key(data_dir)
    origin = rejects if isinstance(rejects, Path) else Path("rejects")
    lines = _read(rejects) if isinstance(rejects, Path) else enumerate(rejects, 1)
    kept = [_line(number, line, source) for number, line in lines]
    names = sorted({name for _, name, _ in kept})
    with ledger.write() as session:
        made = [name for name in names if session.get(Source, name) is None]
        for name in made:
            ensure_source(session, name)
    with KeptFile(data_dir / "rejects", "import") as again:
        for part in _batches(kept):
            entries = [prepare(name, record, key) for _, name, record in part]
            _count(ledger, part, entries, report, again, origin)
        report.rejects_file = str(again.path) if again.path else None
    with ledger.write() as session:
        for name in names:
            settle(session, name)
        drop_empty(session, made)
    report.seconds = round(time.monotonic() - started, 3)
    return report


def _read(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield number, strict_json.loads(line)
                except strict_json.BadJson as error:
                    reason = Message("files.line_not_json", file=str(path), line=number, said=error.message)
                    raise Invalid(reason) from None


def _line(number: int, line: Any, source: str | None) -> Line:
    if not isinstance(line, Mapping) or "record" not in line:
        raise Invalid(Message("files.no_kept_reject", line=number))
    name = source or line.get("source")
    if not isinstance(name, str):
        raise Invalid(Message("files.no_source", line=number))
    return number, name, line["record"]


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    rest = iter(lines)
    while part := list(islice(rest, BATCH)):
        yield part


def _count(
    ledger: Ledger,
    part: list[Line],
    entries: list[Entry],
    report: ImportReport,
    again: KeptFile,
    origin: Path,
) -> None:
    for (number, name, record), answer in zip(part, commit(ledger, entries), strict=True):
        report.count(answer)
        if answer.status == "rejected":
            piece = Piece(record if isinstance(record, dict) else None, record, number, "")
            again.write(name, origin, piece, record, answer.path, answer.reason)
