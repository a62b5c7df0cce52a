"""CSV packs: one file a kind, `lots.csv` or `标段.csv`, or one workbook with a sheet a kind."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from ingest.csv.columns import fields_named, letter
from ingest.csv.names import FILES
from ingest.csv.table import LEAD, Line, Table, pieces_of
from ingest.csv.text import Broken, Lines, NoEncoding, Reader, Row, bad_byte, encoding_of
from ingest.csv.workbooks import Book, NoBook, Sheet
from ingest.files.pieces import Piece
from ingest.kinds.registry import KINDS
from messages import Message

TEXTS = (".csv", ".tsv", ".txt")
BOOKS = (".xlsx", ".xlsm")
FOREIGN = (".xls", ".xlsb", ".ods", ".et", ".numbers")
"""Tables of other programs: named with the remedy, not read."""
SUFFIXES = (*TEXTS, *BOOKS, *FOREIGN)
_DELIMITERS = ",;\t|"


def kind_of(path: Path) -> str | None:
    """The kind a file of a pack holds, by its name; None for any other file."""
    name = unicodedata.normalize("NFKC", path.name).lower().removesuffix(".gz")
    stem = next((name.removesuffix(suffix) for suffix in TEXTS if name.endswith(suffix)), None)
    return FILES.get(stem) if stem else None


def order(path: Path) -> int:
    """Parents before children; a workbook orders its sheets itself."""
    return list(KINDS).index(kind_of(path) or "centre")


def read(file: IO[bytes], path: Path, source: str) -> Iterator[Piece]:
    """The rows of one file of a pack as envelopes; what cannot be read is a rejected piece.

    `file` must be seekable: it is read twice, first to find its encoding. It is closed at the end.
    """
    kind = kind_of(path)
    if path.suffix.lower() in (*BOOKS, *FOREIGN):
        yield from _workbook(file, path, source)
    elif kind is None:
        yield Piece(None, path.name, None, ".", Message("csv.no_kind_file", kinds=sorted(FILES)))
    else:
        yield from _file(file, path, Table(kind, source))


# ── CSV ──────────────────────────────────────────────────────────────────────


def _file(file: IO[bytes], path: Path, table: Table) -> Iterator[Piece]:
    try:
        encoding = encoding_of(file)
    except NoEncoding as error:
        yield Piece(None, path.name, None, ".", error.message)
        return
    file.seek(0)
    errors = "surrogatepass" if encoding == "utf-16" else "surrogateescape"
    with io.TextIOWrapper(file, encoding, errors, newline="") as text:
        lines = Lines(text)
        try:
            reader = _reader(lines, table.kind)
            yield from pieces_of(table, _fitting(reader, encoding), reader)
        except UnicodeError:
            reason = Message("csv.text_damaged", line=lines.number, encoding=encoding.upper())
            yield table.piece("", lines.number + 1, ".", reason)


def _reader(lines: Lines, kind: str) -> Reader:
    """A reader with the delimiter under which a header is found, or the one there is most of."""
    first = lines.next_line()
    if named := re.match(r"\ufeff?sep=(.)\r?\n?$", first, re.IGNORECASE):
        return Reader(lines, named[1])
    head = [first, *(lines.next_line() for _ in range(4 * LEAD))]
    head = [line for line in head if line]
    lines.put_back(head)
    return Reader(lines, max(_DELIMITERS, key=lambda one: _fits(head, one, kind)))


def _fits(head: list[str], delimiter: str, kind: str) -> tuple[int, int]:
    """How well a delimiter fits the first lines: fields in the best of them, and parts in the first."""
    reader = Reader(Lines(io.StringIO("".join(head), newline="")), delimiter)
    rows = [row.cells for row in reader if isinstance(row, Row)][:LEAD]
    return max((fields_named(kind, cells) for cells in rows), default=0), len(rows[0]) if rows else 0


def _fitting(rows: Iterable[Line], encoding: str) -> Iterator[Line]:
    """Rows with bytes that do not fit the encoding are broken ones."""
    for row in rows:
        bad = bad_byte(row.text, encoding)
        yield Broken(row.line, row.text.encode(errors="backslashreplace").decode(), bad) if bad else row


# ── workbooks ────────────────────────────────────────────────────────────────


def _workbook(file: IO[bytes], path: Path, source: str) -> Iterator[Piece]:
    """Every sheet named after a kind; a workbook of one sheet may be named instead."""
    try:
        book = Book(file)
    except NoBook as error:
        yield Piece(None, path.name, None, ".", error.message)
        return
    with book:
        yield from _sheets(book, path, source)


def _sheets(book: Book, path: Path, source: str) -> Iterator[Piece]:
    sheets = {sheet.name: sheet for sheet in book.sheets()}
    kinds = {name: FILES.get(unicodedata.normalize("NFKC", name).strip().lower()) for name in sheets}
    if len(kinds) == 1 and None in kinds.values():
        kinds = dict.fromkeys(kinds, FILES.get(unicodedata.normalize("NFKC", path.stem).lower()))
    for name, kind in kinds.items():
        if kind is None and _holds(book, sheets[name]):
            reason = Message("csv.no_kind_sheet", kinds=sorted(FILES))
            yield Piece(None, f"{path.name}/{name}", None, ".", reason, sheet=name)
    known = [(kind, name) for name, kind in kinds.items() if kind]
    for kind, name in sorted(known, key=lambda pair: list(KINDS).index(pair[0])):
        yield from _sheet(book, sheets[name], Table(kind, source, name))


def _holds(book: Book, sheet: Sheet) -> bool:
    try:
        return any(any(cell.strip() for cell in cells) for _, cells in book.rows(sheet))
    except NoBook:
        return True


def _sheet(book: Book, sheet: Sheet, table: Table) -> Iterator[Piece]:
    try:
        yield from pieces_of(table, _rows(book, sheet), None)
    except NoBook as error:
        yield table.piece(sheet.name, None, ".", error.message)
        return
    hidden = {
        "csv.hidden_sheet": int(sheet.hidden), "csv.hidden_rows": sheet.hidden_rows,
        "csv.hidden_columns": sheet.hidden_columns,
    }  # fmt: skip
    for key, count in hidden.items():
        if count:
            yield table.piece(sheet.name, None, ".", Message(key, count=count), note=True)


def _rows(book: Book, sheet: Sheet) -> Iterator[Line]:
    """The rows of a sheet; in a row that merged cells reach across nobody can tell whose a value is."""
    for line, cells in book.rows(sheet):
        sheet.merged = [merged for merged in sheet.merged if merged[1] >= line]
        across = [m for m in sheet.merged if m[0] <= line and (m[0] < line or m[2] < m[3])]
        if across and any(cell.strip() for cell in cells):
            first, last, left, right = across[0]
            area = f"{letter(left - 1)}{first}:{letter(right - 1)}{last}"
            yield Broken(line, "\t".join(cells), Message("csv.merged", area=area))
        else:
            yield Row(line, cells, "")
