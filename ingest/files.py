"""Files and folders into the ledger: find out what they are, read them in pieces, count what happened."""

from __future__ import annotations

import gzip
import re
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson

from ingest import csvpack, jsonfiles, rejects
from ingest.apply import Entry, commit, prepare
from ingest.envelope import Refusal
from ingest.ocds import Reader
from ingest.pieces import Piece
from ingest.sources import ensure_source
from records import signing
from records.ledger import Ledger

FORMATS = ("auto", "ocds", "csv")
BATCH = 2_000
_JSON = (".json", ".jsonl", ".ndjson")


@dataclass
class ImportReport:
    """What an import did; `read` = accepted + duplicate + rejected, in records."""

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    rejects_file: str | None = None
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The report as the command line prints it."""
        return asdict(self)


Progress = Callable[[ImportReport, Path], None]


@dataclass(frozen=True)
class Input:
    """One file to read and the source its records count for."""

    path: Path
    source: str
    csv: bool


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

    The source is `source`, else the file's stem (for a CSV pack its folder). What is refused is kept
    whole, one JSON object a line, in a file under `data_dir`/rejects. Raises FileNotFoundError for a
    path that is not there and ValueError for a format or source name that is none.
    """
    if format not in FORMATS:
        raise ValueError(f"未知格式 {format!r}；可用 / unknown format, choose from: {', '.join(FORMATS)}")
    inputs = list(find(paths, format, source))
    started = time.monotonic()
    report = ImportReport()
    key = signing.load_key(data_dir)
    readers: dict[str, Reader] = {}
    with RejectsFile(data_dir / "rejects") as kept:
        for item in inputs:
            with ledger.write() as session:
                ensure_source(session, item.source)
            reader = readers.setdefault(item.source, Reader(item.source))
            for pieces in _batches(_pieces(item, reader)):
                _apply(ledger, item, pieces, key, report, kept)
                report.seconds = round(time.monotonic() - started, 3)
                if progress:
                    progress(report, item.path)
        report.rejects_file = str(kept.path) if kept.path else None
    report.seconds = round(time.monotonic() - started, 3)
    return report


# ── what there is to read ────────────────────────────────────────────────────


def find(paths: Iterable[str | Path], format: str, source: str | None) -> Iterator[Input]:
    """The files behind the paths, CSV packs in the order in which nothing has to wait."""
    for given in paths:
        path = Path(given)
        if not path.exists():
            raise FileNotFoundError(f"没有这个文件或文件夹 / no such file or folder: {path}")
        if path.is_dir():
            yield from _folder(path, format, source)
        else:
            yield _input(path, format, source)


def _folder(folder: Path, format: str, source: str | None) -> Iterator[Input]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if format != "ocds":
        packs = [path for path in files if csvpack.kind_of(path)]
        for path in sorted(packs, key=lambda p: (p.parent, csvpack.order(p))):
            yield _input(path, "csv", source)
    if format != "csv":
        for path in files:
            if _plain_suffix(path) in _JSON or path.suffix.lower() == ".zip":
                yield _input(path, "ocds", source)


def _plain_suffix(path: Path) -> str:
    return Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def _input(path: Path, format: str, source: str | None) -> Input:
    csv = format == "csv" or (format == "auto" and _plain_suffix(path) == ".csv")
    stem = Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem
    name = source or (path.resolve().parent.name if csv else stem)
    return Input(path, source or re.sub(r"[^\w.\-]+", "-", name)[:100] or "import", csv)


def _pieces(item: Input, reader: Reader) -> Iterator[Piece]:
    try:
        with ExitStack() as stack:
            for name, file in _open(item.path, stack):
                if item.csv:
                    yield from csvpack.read(file, Path(name), item.source)
                else:
                    yield from jsonfiles.read(file, reader)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        words = f"{type(error).__name__}: {error}"[:300]
        yield Piece(None, "", None, ".", f"文件不能读完 / the file cannot be read to its end: {words}")


def _open(path: Path, stack: ExitStack) -> Iterator[tuple[str, IO[bytes]]]:
    if path.suffix.lower() == ".zip":
        archive = stack.enter_context(zipfile.ZipFile(path))
        for name in sorted(n for n in archive.namelist() if Path(n).suffix.lower() in (*_JSON, ".csv")):
            yield name, stack.enter_context(archive.open(name))
        return
    file: IO[bytes] = stack.enter_context(path.open("rb"))
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    plain: Any = stack.enter_context(gzip.GzipFile(fileobj=file)) if packed else file
    yield path.name.removesuffix(".gz"), plain


# ── into the ledger ──────────────────────────────────────────────────────────


def _batches(pieces: Iterator[Piece]) -> Iterator[list[Piece]]:
    while part := list(islice(pieces, BATCH)):
        yield part


def _apply(
    ledger: Ledger, item: Input, pieces: list[Piece], key: bytes, report: ImportReport, kept: RejectsFile
) -> None:
    entries = [_entry(item.source, piece, key) for piece in pieces]
    for piece, entry, answer in zip(pieces, entries, commit(ledger, entries), strict=True):
        report.read += 1
        if answer.status == "accepted":
            report.accepted += 1
        elif answer.status == "duplicate":
            report.duplicate += 1
        else:
            report.rejected += 1
            kept.write(item, piece, entry.raw, answer.path, answer.reason)


def _entry(source: str, piece: Piece, key: bytes) -> Entry:
    if piece.envelope is not None:
        return prepare(source, piece.envelope, key)
    refusal = Refusal(piece.path or ".", piece.reason or "不能读 / cannot be read")
    return Entry(source, piece.raw, refusal=refusal)


class RejectsFile:
    """One JSON object a refused record, made with the first of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self.path: Path | None = None

    def __enter__(self) -> RejectsFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def write(self, item: Input, piece: Piece, raw: Any, path: str | None, reason: str | None) -> None:
        """Keep one refused record whole."""
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self.path = (
                self._folder / f"import-{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 10**9:09}.jsonl"
            )
            self._file = self.path.open("wb")
        where = f"{piece.path}{path}" if piece.envelope is not None else path
        record = rejects.as_sent(raw)
        line = {
            "source": item.source, "file": str(item.path), "line": piece.line, "path": where, "reason": reason,
            "record": record if isinstance(raw, str) else orjson.Fragment(record),
        }  # fmt: skip
        self._file.write(orjson.dumps(line) + b"\n")
