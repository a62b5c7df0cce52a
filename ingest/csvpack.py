"""CSV packs: one file a kind, `lots.csv` or `标段.csv`, or one workbook with a sheet a kind.

Written for what spreadsheets do: BOM, GB18030 or UTF-16, `sep=`, semicolons and tabs, rows and columns
left empty at the end. What a cell may hold is in `csvcells`, the names in `csvnames` and `national`.
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from ingest.csvcells import ENVELOPE, Column, Unreadable, columns_of, value_of
from ingest.csvnames import FILES
from ingest.kinds import KINDS
from ingest.pieces import EPOCH, Piece

SUFFIXES = (".csv", ".xlsx")
_EXACT = 10**15
"""Excel keeps 15 digits of a number; from here on the last ones are its own."""


def kind_of(path: Path) -> str | None:
    """The kind a file of a pack holds, by its name; None for any other file."""
    name = path.name.lower().removesuffix(".gz")
    return FILES.get(name.removesuffix(".csv")) if name.endswith(".csv") else None


def order(path: Path) -> int:
    """Parents before children; a workbook orders its sheets itself."""
    return list(KINDS).index(kind_of(path) or "centre")


def read(file: IO[bytes], path: Path, source: str) -> Iterator[Piece]:
    """The rows of one file of a pack as envelopes; what cannot be read is a rejected piece.

    `file` must be seekable: it is read twice, first to find its encoding. It is closed at the end.
    """
    if path.suffix.lower() == ".xlsx":
        yield from _workbook(file, path, source)
        return
    kind = kind_of(path)
    if kind is None:
        yield _no_kind(path.name, "文件名 / the file")
        return
    encoding = _encoding(file)
    if encoding is None:
        reason = "编码不是 UTF-8、GB18030 或 UTF-16 / not UTF-8, GB18030 or UTF-16"
        yield Piece(None, path.name, None, ".", reason)
        return
    file.seek(0)
    with io.TextIOWrapper(file, encoding, newline="") as text:
        yield from _lines(text, kind, source)


def _no_kind(name: str, what: str) -> Piece:
    names = ", ".join(sorted(FILES))
    return Piece(None, name, None, ".", f"{what} 应以记录种类命名 / must be named after a kind: {names}")


# ── CSV ──────────────────────────────────────────────────────────────────────


def _encoding(file: IO[bytes]) -> str | None:
    """The first encoding that fits all of the file, which is read to its end for that."""
    head = b""
    candidates = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8-sig", "gb18030")}
    while chunk := file.read(1 << 20):
        head = head or chunk[:2]
        for name, decoder in list(candidates.items()):
            _try(candidates, name, decoder, chunk, final=False)
    for name, decoder in list(candidates.items()):
        _try(candidates, name, decoder, b"", final=True)
    if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    return next(iter(candidates), None)


def _try(candidates: dict[str, Any], name: str, decoder: Any, chunk: bytes, *, final: bool) -> None:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        del candidates[name]


def _lines(text: io.TextIOWrapper, kind: str, source: str) -> Iterator[Piece]:
    first = text.readline()
    skipped = 1 if first.lower().startswith("sep=") else 0
    header = text.readline() if skipped else first
    delimiter = max(",;\t", key=header.count)
    names = next(csv.reader([header], delimiter=delimiter), [])
    reader = csv.reader(text, delimiter=delimiter)
    numbered = ((reader.line_num + 1 + skipped, cells) for cells in reader)
    try:
        yield from _rows(kind, source, names, numbered)
    except (csv.Error, UnicodeError) as error:
        yield Piece(None, "", reader.line_num + 1 + skipped, ".", f"CSV 损坏 / broken CSV: {error}")


# ── xlsx ─────────────────────────────────────────────────────────────────────


def _workbook(file: IO[bytes], path: Path, source: str) -> Iterator[Piece]:
    """Every sheet named after a kind; a workbook of one sheet may be named instead."""
    try:
        book = load_workbook(file, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        yield Piece(None, path.name, None, ".", f"不是 xlsx 文件 / not an xlsx file: {type(error).__name__}")
        return
    try:
        yield from _sheets(book, path, source)
    finally:
        book.close()


def _sheets(book: Any, path: Path, source: str) -> Iterator[Piece]:
    kinds = {name: FILES.get(name.strip().lower()) for name in book.sheetnames}
    if len(kinds) == 1 and None in kinds.values():
        kinds = dict.fromkeys(kinds, FILES.get(path.stem.lower()))
    for name, kind in kinds.items():
        if kind is None and any(_texts(row) for row in book[name].iter_rows(max_row=1)):
            yield _no_kind(f"{path.name}/{name}", "工作表 / the sheet")
    known = [(kind, name) for name, kind in kinds.items() if kind]
    for kind, name in sorted(known, key=lambda pair: list(KINDS).index(pair[0])):
        rows = enumerate(book[name].iter_rows(), 1)
        header = [text or "" for text in _texts(next(rows, (0, ()))[1], keep=True)]
        yield from _rows(kind, source, header, ((line, _texts(row, keep=True)) for line, row in rows))


def _texts(row: Iterable[Any], keep: bool = False) -> list[str]:
    """The cells of a row as a CSV would hold them; without `keep` only those that hold something."""
    cells = [_text(cell.value) for cell in row]
    return cells if keep else [cell for cell in cells if cell]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, (int, float)) and abs(value) >= _EXACT:
        return format(float(value), "E")  # refused as a power of ten: the last digits are lost
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


# ── rows ─────────────────────────────────────────────────────────────────────


def _rows(
    kind: str, source: str, header: Sequence[str], rows: Iterable[tuple[int, list[str]]]
) -> Iterator[Piece]:
    columns = columns_of(kind, list(header))
    for line, cells in rows:
        if any(cell.strip() for cell in cells):
            yield _row(kind, source, columns, cells, line)


def _row(kind: str, source: str, columns: list[Column], cells: list[str], line: int) -> Piece:
    if any(cell.strip() for cell in cells[len(columns) :]):
        reason = f"单元格 {len(cells)} 个，表头 {len(columns)} 个 / more cells than headers"
        return Piece(None, cells, line, ".", reason)
    envelope: dict[str, Any] = {"source": source, "kind": kind, "version": 1}
    if kind != "opening_event":
        envelope["occurred_at"] = EPOCH
    data: dict[str, Any] = {}
    for column, cell in zip(columns, cells, strict=False):
        try:
            value = value_of(column, cell)
        except Unreadable as error:
            raw = {column.name: cell for column, cell in zip(columns, cells, strict=False)}
            where = column.name if column.name in ENVELOPE else f"data.{column.name}"
            return Piece(None, raw, line, where, str(error))
        if value is not None:
            (envelope if column.name in ENVELOPE else data)[column.name] = value
    return Piece({**envelope, "data": data}, None, line, "")
