"""Files and folders into the ledger: find out what they are, read them in pieces, count what happened."""

from __future__ import annotations

import io
import re
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from ingest.apply.envelopes import Answer, Entry, commit, prepare
from ingest.csv import pack
from ingest.files import archives
from ingest.files.damage import damage
from ingest.files.pieces import Piece
from ingest.imports import json_documents
from ingest.imports.kept_lines import KeptFile
from ingest.ocds.reading.reconcile import reconciled
from ingest.ocds.reading.source import ReleaseSource
from ingest.refusal import Refusal
from messages import Fault, Invalid, Message
from records.ledger import Ledger
from records.serving import signing
from records.sources import HOUSE, drop_empty, ensure_source
from records.tables.intake import Source
from records.tables.organisations import Room

FORMATS = ("auto", "ocds", "csv")
BATCH = 2_000
_JSON = (".json", ".jsonl", ".ndjson")
_TABLES = (".csv", ".tsv", *pack.FOREIGN, ".rar", ".7z", ".tgz", ".tar")
"""What looks like a table of the pack and is not: by its name, or by its format."""
_BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)
"""What reading a damaged file or archive may end in."""


class NotThere(Fault, FileNotFoundError):
    """A path to be imported that is not there."""


@dataclass
class ImportReport:
    """What an import did; `read` = accepted + duplicate + rejected, in records.

    `notes` counts parts of records that are in order and that the ledger has no place for (an award
    without a supplier, a negative amount); they are kept whole in `notes_file`.
    """

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    rejects_file: str | None = None
    seconds: float = 0.0
    notes: int = 0
    notes_file: str | None = None

    def count(self, answer: Answer) -> None:
        """One record more."""
        self.read += 1
        if answer.status == "accepted":
            self.accepted += 1
        elif answer.status == "duplicate":
            self.duplicate += 1
        else:
            self.rejected += 1

    def as_dict(self) -> dict[str, Any]:
        """The report as the command line prints it."""
        return asdict(self)


@dataclass(frozen=True)
class Reached:
    """How far an import has come: the file at hand, and the bytes read of all files (as they lie on the disk)."""

    path: Path
    done: int
    total: int


Progress = Callable[[ImportReport, Reached], None]


@dataclass(frozen=True)
class Input:
    """One file to read and the source its records count for."""

    path: Path
    source: str
    csv: bool
    passed: bool = False
    """A table in a folder that is none of a pack: not read, and said so."""


def import_paths(
    ledger: Ledger,
    paths: Sequence[str | Path],
    *,
    data_dir: Path,
    format: str = "auto",
    source: str | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import files or folders; importing the same again accepts nothing.

    The source is `source`, else what a full export of sunbid says, else the file's stem (for a CSV pack
    its folder). What is refused is kept whole, one JSON object a line, in a file under `data_dir`/rejects,
    and so is, in a file of its own, what the ledger has no place for. Raises FileNotFoundError for a
    path that is not there and ValueError for a format or source name that is none.
    """
    if format not in FORMATS:
        raise Invalid(Message("files.unknown_format", given=format, formats=list(FORMATS)))
    inputs = list(find(paths, format, source))
    report, total = ImportReport(), sum(item.path.stat().st_size for item in inputs)
    with Run(ledger, data_dir, report, named=source is not None) as run:
        for item in inputs:
            for pieces in _batches(run.pieces(item)):
                run.commit(item, pieces)
                if progress:
                    progress(report, Reached(item.path, run.bytes_read(), total))
    return report


# ── what there is to read ────────────────────────────────────────────────────


def find(paths: Iterable[str | Path], format: str, source: str | None) -> Iterator[Input]:
    """The files behind the paths, CSV packs in the order in which nothing has to wait."""
    for given in paths:
        path = Path(given)
        if not path.exists():
            raise NotThere(Message("files.not_there", path=str(path)))
        if path.is_dir():
            yield from _folder(path, format, source)
        else:
            yield _input(path, format, source)


def _folder(folder: Path, format: str, source: str | None) -> Iterator[Input]:
    files = [
        path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith((".", "~$"))
    ]
    left: list[Path] = []
    if format != "ocds":
        of_pack = [path for path in files if pack.kind_of(path) or path.suffix.lower() in pack.BOOKS]
        for path in sorted(of_pack, key=lambda p: (p.parent, pack.order(p))):
            yield _input(path, "csv", source)
        left = [p for p in files if p not in set(of_pack) and _plain_suffix(p) in _TABLES]
    if format != "csv":
        for path in files:
            if _plain_suffix(path) in _JSON or path.suffix.lower() == ".zip":
                yield _input(path, "ocds", source)
    for path in left:
        yield replace(_input(path, "csv", source), passed=True)


def _plain_suffix(path: Path) -> str:
    return Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def _input(path: Path, format: str, source: str | None) -> Input:
    csv = format == "csv" or (format == "auto" and _plain_suffix(path) in pack.SUFFIXES)
    stem = Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem
    name = source or (path.resolve().parent.name if csv else stem)
    return Input(path, source or re.sub(r"[^\w.\-]+", "-", name)[:100] or "import", csv)


def _wanted(name: str) -> bool:
    """Whether a member of an archive is any of ours."""
    path = Path(name)
    named = path.suffix.lower() != ".txt" or pack.kind_of(path) is not None
    return named and _plain_suffix(path) in (*_JSON, *pack.TEXTS, *pack.BOOKS)


def _order(name: str) -> int:
    return pack.order(Path(name))


def _broken_off(error: Exception) -> Piece:
    return Piece(None, "", None, ".", Message("files.broken_off", why=damage(error)))


# ── into the ledger ──────────────────────────────────────────────────────────


def _batches(pieces: Iterator[Piece]) -> Iterator[list[Piece]]:
    while part := list(islice(pieces, BATCH)):
        yield part


class _Sources:
    """The sources of the ledger that this import has made sure of, and those it may not speak for."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: set[str] = set()
        self._made: set[str] = set()
        self._refused: set[str] = set()

    def may_be_named(self, source: str, demo: bool) -> bool:
        """Whether a file may name this source: not where it is a platform that reports to this ledger itself."""
        if source not in self._known and source not in self._refused:
            with self._ledger.read() as session:
                refused = _speaks_for_itself(session, source)
            if refused:
                self._refused.add(source)
            elif source == HOUSE:  # needs no row of its own
                self._known.add(source)
            else:
                self.ensure(source, demo=demo)
        return source in self._known

    def ensure(self, source: str, *, demo: bool) -> None:
        """Make sure of a source; what was exported as a demonstration 演示数据 stays marked as one."""
        mark = f"demo/{source}" if demo else source
        if mark in self._known or (source == HOUSE and HOUSE in self._known):
            return
        with self._ledger.write() as session:
            if session.get(Source, source) is None:
                self._made.add(source)
            row = ensure_source(session, source, demo)
            row.demo = row.demo or demo
        self._known |= {source, mark}

    def drop_empty(self) -> None:
        """Take back what this import has made and nothing was accepted of: a file that is wholly refused is no source."""
        if self._made:
            with self._ledger.write() as session:
                drop_empty(session, sorted(self._made))


def _speaks_for_itself(session: Session, source: str) -> bool:
    """Whether nobody else may say what comes from this source: a platform that reports to this ledger, or this
    installation once a room of its own has a token. Its export is read whole by a ledger that has none."""
    if source == HOUSE:
        return (
            session.scalar(select(exists().where(Room.source == HOUSE, Room.token_hash.is_not(None)))) is True
        )
    row = session.get(Source, source)
    return row is not None and row.token_hash is not None


class Run(AbstractContextManager["Run"]):
    """One import: pieces into the ledger, and the report kept."""

    def __init__(self, ledger: Ledger, data_dir: Path, report: ImportReport, *, named: bool) -> None:
        self._ledger, self._report, self._named = ledger, report, named
        self._key = signing.load_key(data_dir)
        self._rejects = KeptFile(data_dir / "rejects", "import")
        self._notes = KeptFile(data_dir / "rejects", "notes")
        self._release_sources: dict[str, ReleaseSource] = {}
        self._sources = _Sources(ledger)
        self._file: IO[bytes] | None = None
        self._finished = 0
        self._started = time.monotonic()

    def __exit__(self, broken: object, *_: object) -> None:
        self._rejects.close()
        self._notes.close()
        self._bring_up_to_date()
        if broken is None:  # else the ledger may not be there to be asked
            self._sources.drop_empty()

    def _bring_up_to_date(self) -> None:
        report = self._report
        report.seconds = round(time.monotonic() - self._started, 3)
        report.rejects_file = str(self._rejects.path) if self._rejects.path else None
        report.notes_file = str(self._notes.path) if self._notes.path else None

    def pieces(self, item: Input) -> Iterator[Piece]:
        """The pieces of one file; what breaks it off is a piece as well."""
        self._sources.ensure(item.source, demo=False)
        releases = self._release_sources.setdefault(item.source, ReleaseSource(item.source, not self._named))
        if item.passed:
            yield Piece(None, item.path.name, None, ".", Message("files.no_part_of_pack"), note=True)
            return
        try:
            with item.path.open("rb") as self._file:
                for part in archives.parts(item.path.name, self._file, _order, _wanted):
                    yield from self._part(item, part, releases)
        except _BROKEN as error:
            yield _broken_off(error)
        self._finished, self._file = self._finished + item.path.stat().st_size, None

    def _part(self, item: Input, part: archives.Part, releases: ReleaseSource) -> Iterator[Piece]:
        """The pieces of one member of an archive, or of the file itself; what breaks it off leaves the others be."""
        if part.file is None:
            yield Piece(None, part.name, None, ".", part.reason, note=part.member is None, member=part.member)
            return
        name = Path(part.name)
        table = item.csv if part.member is None else _plain_suffix(name) not in _JSON
        try:
            for piece in (
                pack.read(part.file, name, item.source)
                if table
                else json_documents.read(cast(io.BufferedReader, part.file), releases)
            ):
                piece.member = part.member
                yield piece
        except _BROKEN as error:
            yield replace(_broken_off(error), member=part.member)

    def bytes_read(self) -> int:
        """Bytes read so far of the files, packed ones as they are packed."""
        at_hand = self._file.tell() if self._file and not self._file.closed else 0
        return self._finished + at_hand

    def commit(self, item: Input, pieces: list[Piece]) -> None:
        """One batch: reconciled with the ledger, committed, counted."""
        with self._ledger.read() as session:
            pieces = reconciled(session, pieces)
        for note in (piece for piece in pieces if piece.note):
            self._report.notes += 1
            reason = note.reason.in_every_language() if note.reason else None
            self._notes.write(item.source, item.path, note, note.raw, note.path or ".", reason)
        records = [piece for piece in pieces if not piece.note]
        entries = [self._entry(item, piece) for piece in records]
        for piece, entry, answer in zip(records, entries, commit(self._ledger, entries), strict=True):
            self._report.count(answer)
            if answer.status == "rejected":
                self._rejects.write(entry.source, item.path, piece, entry.raw, answer.path, answer.reason)
        self._bring_up_to_date()

    def _entry(self, item: Input, piece: Piece) -> Entry:
        if piece.envelope is None:
            refusal = Refusal(piece.path or ".", piece.reason or Message("files.unreadable"))
            return Entry(item.source, piece.raw, refusal=refusal)
        named = piece.envelope.get("source")
        source = named if isinstance(named, str) and named else item.source
        if source != item.source and not self._sources.may_be_named(source, piece.demo):
            refusal = Refusal("source", Message("files.source_has_token", source=source))
            return Entry(item.source, piece.envelope, refusal=refusal)
        if piece.demo:
            self._sources.ensure(source, demo=True)
        return prepare(source, piece.envelope, self._key)
