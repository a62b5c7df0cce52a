"""CSV packs: one file a kind, `lots.csv` or `标段.csv`, or one workbook with a sheet a kind.

Written for what offices do: titles above the header, blank rows and columns, totals below. A row that cannot be
read is one refusal with its line, column and remedy; what is no record is a note; the rest is read.
How bytes become rows is in `csvbytes` and `csvlines`, or in `sheets`; what a cell means in `csvcells`.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from ingest.csv import encoding as csvbytes
from ingest.csv.cells import (
    ENVELOPE,
    Column,
    Fault,
    Unreadable,
    clean,
    columns_of,
    faults_of,
    letter,
    value_of,
)
from ingest.csv.lines import Broken, Lines, Reader, Row
from ingest.csv.names import FILES, HEADERS
from ingest.csv.workbooks import Book, NoBook, Sheet
from ingest.files.pieces import EPOCH, Piece
from ingest.kinds.registry import KINDS

TEXTS = (".csv", ".tsv", ".txt")
BOOKS = (".xlsx", ".xlsm")
FOREIGN = (".xls", ".xlsb", ".ods", ".et", ".numbers")
"""Tables of other programs: named with the remedy, not read."""
SUFFIXES = (*TEXTS, *BOOKS, *FOREIGN)
_DELIMITERS = ",;\t|"
_LEAD = 15
"""Rows in which the header must be found."""
_TOTALS = re.compile(
    r"(合计|总计|小计|共计|累计|本页小计|本页合计|(grand ?|sub)?total|sum)[:：]?", re.IGNORECASE
)

Line = Row | Broken


@dataclass(frozen=True)
class Table:
    """Where rows come from."""

    kind: str
    source: str
    sheet: str | None = None

    def piece(self, raw: Any, line: int | None, path: str, reason: str, *, note: bool = False) -> Piece:
        """A piece that is no envelope."""
        return Piece(None, raw, line, path, reason, note=note, sheet=self.sheet)


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
    if path.suffix.lower() in (*BOOKS, *FOREIGN):
        yield from _workbook(file, path, source)
        return
    kind = kind_of(path)
    if kind is None:
        yield _no_kind(path.name, "文件名 / the file")
        return
    encoding = csvbytes.find(file)
    if not encoding.name:
        yield Piece(None, path.name, None, ".", encoding.reason)
        return
    file.seek(0)
    errors = "surrogatepass" if encoding.name == "utf-16" else "surrogateescape"
    with io.TextIOWrapper(file, encoding.name, errors, newline="") as text:
        yield from _text(text, Table(kind, source), encoding.name)


def _no_kind(name: str, what: str) -> Piece:
    names = ", ".join(sorted(FILES))
    return Piece(None, name, None, ".", f"{what} 应以记录种类命名 / must be named after a kind: {names}")


# ── CSV ──────────────────────────────────────────────────────────────────────


def _text(text: io.TextIOWrapper, table: Table, encoding: str) -> Iterator[Piece]:
    lines = Lines(text)
    try:
        reader = _reader(lines, table.kind)
        yield from _pieces(table, _decoded(reader, encoding), reader)
    except UnicodeError as error:
        reason = f"文字在第 {lines.number} 行之后损坏，请重新另存 / the text breaks off: {error}"
        yield table.piece("", lines.number + 1, ".", reason)


def _reader(lines: Lines, kind: str) -> Reader:
    """A reader with the delimiter under which a header is found, or the one there is most of."""
    first = lines.take()
    if told := re.match(r"\ufeff?sep=(.)\r?\n?$", first, re.IGNORECASE):
        return Reader(lines, told[1])
    head = [first, *(lines.take() for _ in range(4 * _LEAD))]
    head = [line for line in head if line]
    lines.put_back(head)
    return Reader(lines, max(_DELIMITERS, key=lambda one: _fits(head, one, kind)))


def _fits(head: list[str], delimiter: str, kind: str) -> tuple[int, int]:
    """How well a delimiter fits the first lines: fields in the best of them, and parts in the first."""
    reader = Reader(Lines(io.StringIO("".join(head), newline="")), delimiter)
    rows = [row.cells for row in reader if isinstance(row, Row)][:_LEAD]
    return max((_found(kind, cells) for cells in rows), default=0), len(rows[0]) if rows else 0


def _found(kind: str, cells: Sequence[str]) -> int:
    """How many cells of a row name a field; none of a row without the key."""
    columns = [column for column in columns_of(kind, list(cells)) if column.header]
    known = sum(column.convert is not str or column.name in _fields(kind) for column in columns)
    return known if any(column.name == "key" for column in columns) else 0


_KEY_HEADERS = {
    kind: frozenset({"key", *(name for name, field in names.items() if field == "key")})
    for kind, names in HEADERS.items()
}
"""Kind → what the column of the key may be called."""
_HEADER = 2
"""A row below the header that names so many fields, the key among them, is a header again."""


def _fields(kind: str) -> frozenset[str]:
    return frozenset(field.alias or name for name, field in KINDS[kind].data.model_fields.items())


def _decoded(rows: Iterable[Line], encoding: str) -> Iterator[Line]:
    """Rows with bytes that do not fit the encoding are broken ones."""
    for row in rows:
        bad = csvbytes.bad_byte(row.text, encoding)
        yield Broken(row.line, row.text.encode(errors="backslashreplace").decode(), bad) if bad else row


# ── workbooks ────────────────────────────────────────────────────────────────


def _workbook(file: IO[bytes], path: Path, source: str) -> Iterator[Piece]:
    """Every sheet named after a kind; a workbook of one sheet may be named instead."""
    try:
        book = Book(file)
    except NoBook as error:
        yield Piece(None, path.name, None, ".", str(error))
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
            yield replace(_no_kind(f"{path.name}/{name}", "工作表 / the sheet"), sheet=name)
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
        yield from _pieces(table, _whole(book, sheet), None)
    except NoBook as error:
        yield table.piece(sheet.name, None, ".", str(error))
        return
    unseen = {"隐藏的工作表 / a hidden sheet": sheet.hidden, "隐藏的行 / hidden rows": sheet.hidden_rows,
              "隐藏的列 / hidden columns": sheet.hidden_columns}  # fmt: skip
    for what, count in unseen.items():
        if count:
            yield table.piece(
                what, None, ".", f"{what}（{int(count)}）：已一并读入 / read all the same", note=True
            )


def _whole(book: Book, sheet: Sheet) -> Iterator[Line]:
    """The rows of a sheet; in a row that merged cells reach across nobody can tell whose a value is."""
    for line, cells in book.rows(sheet):
        sheet.merged = [merged for merged in sheet.merged if merged[1] >= line]
        across = [m for m in sheet.merged if m[0] <= line and (m[0] < line or m[2] < m[3])]
        row = Row(line, cells, "")
        if across and any(cell.strip() for cell in cells):
            first, last, left, right = across[0]
            area = f"{letter(left - 1)}{first}:{letter(right - 1)}{last}"
            reason = f"合并单元格 {area}，请取消合并并逐格填写 / merged cells: unmerge them and fill each"
            yield Broken(line, "\t".join(cells), reason)
        else:
            yield row


# ── rows ─────────────────────────────────────────────────────────────────────


def _pieces(table: Table, rows: Iterable[Line], reader: Reader | None) -> Iterator[Piece]:
    """Header and rows as pieces."""
    rest = iter(rows)
    above, header = _lead(table.kind, rest)
    if header is None:
        yield from _no_header(table, above)
        return
    columns = columns_of(table.kind, header.cells)
    if reader is not None:
        reader.width = len(header.cells)
    if fault := _fault(header.cells) or faults_of(columns):
        yield table.piece(
            header.cells, header.line, "key", f"{fault}（第 {header.line} 行 / line {header.line}）"
        )
        return
    if above:
        told = ["\t".join(row.cells) if isinstance(row, Row) else row.text for row in above]
        yield table.piece(
            told, header.line, ".", "表头以上的行，不是记录 / rows above the header, no records", note=True
        )
    yield from _Rows(table, columns).pieces(rest)


def _fault(cells: list[str]) -> str | None:
    """Why a header cell cannot be read at all."""
    return next((cell.reason for cell in cells if isinstance(cell, Fault)), None)


def _lead(kind: str, rest: Iterator[Line]) -> tuple[list[Line], Row | None]:
    """(rows above the header, header): the first row that names the key; else the first row there is."""
    above: list[Line] = []
    for row in rest:
        if isinstance(row, Row) and not any(cell.strip() for cell in row.cells):
            continue
        if isinstance(row, Row) and _found(kind, row.cells):
            return above, row
        above.append(row)
        if len(above) >= _LEAD:
            break
    header = above[0] if above else None
    return (above[1:], header) if isinstance(header, Row) else (above, None)


def _no_header(table: Table, above: list[Line]) -> Iterator[Piece]:
    if not above:
        yield table.piece("", None, ".", "没有内容 / nothing in it", note=True)
        return
    first = above[0]
    assert isinstance(first, Broken)
    yield table.piece(first.text, first.line, ".", f"表头不能读：{first.reason} / the header cannot be read")


class _Rows:
    """The rows under a header."""

    def __init__(self, table: Table, columns: list[Column]) -> None:
        self._table = table
        self._short: list[int] = []
        self._count = 0
        self._read_under(columns)

    def _read_under(self, columns: list[Column]) -> None:
        self._columns = columns
        self._headers = {c.name: f"{c.header}（{letter(i)} 列）" for i, c in enumerate(columns) if c.header}

    def pieces(self, rows: Iterable[Line]) -> Iterator[Piece]:
        """Records, refusals, and notes on what is none."""
        for row in rows:
            if isinstance(row, Broken):
                self._count += 1
                yield self._table.piece(row.text, row.line, ".", row.reason)
            elif filled := [cell for cell in row.cells if cell.strip()]:
                self._count += 1
                yield self._row(row, filled)
        if self._short:
            words = f"{len(self._short)} 行的单元格比表头少，缺的按空白读 / rows with fewer cells than headers, read as blanks"
            yield self._table.piece(self._short[:100], self._short[0], ".", words, note=True)
        if not self._count:
            yield self._table.piece("", None, ".", "只有表头，没有记录 / a header and no records", note=True)

    def _row(self, row: Row, filled: list[str]) -> Piece:
        columns, cells, line = self._columns, row.cells, row.line
        if _TOTALS.fullmatch(re.sub(r"\s", "", filled[0])):
            return self._table.piece(
                cells, line, ".", "合计行，不是记录 / a row of totals, no record", note=True
            )
        if self._names_columns(cells, filled):
            return self._header_again(cells, line)
        if any(cell.strip() for cell in cells[len(columns) :]):
            reason = f"单元格 {len(cells)} 个，表头 {len(columns)} 个 / more cells than headers"
            return self._table.piece(cells, line, ".", reason)
        if self._table.sheet is None and len(cells) < len(columns):
            self._short.append(line)
        return self._record(cells, line)

    def _names_columns(self, cells: list[str], filled: list[str]) -> bool:
        """Whether a row is a header: under the key stands what the key is called, or it names fields in another order."""
        key = next((index for index, column in enumerate(self._columns) if column.name == "key"), len(cells))
        if key < len(cells) and clean(cells[key]) == self._columns[key].header:
            return True
        named = _KEY_HEADERS[self._table.kind].intersection(cell.strip(" *").lower() for cell in filled)
        return bool(named) and _found(self._table.kind, cells) >= _HEADER

    def _header_again(self, cells: list[str], line: int) -> Piece:
        """A header among the rows, as where files were put one behind the other: what follows is read under it."""
        columns = columns_of(self._table.kind, cells)
        if fault := faults_of(columns):
            return self._table.piece(cells, line, "key", f"又一行表头：{fault}（第 {line} 行 / line {line}）")
        self._read_under(columns)
        words = "又一行表头，不是记录，以下各行按它读 / a header again and no record: the rows below are read under it"
        return self._table.piece(cells, line, ".", words, note=True)

    def _record(self, cells: list[str], line: int) -> Piece:
        table = self._table
        envelope: dict[str, Any] = {"source": table.source, "kind": table.kind, "version": 1}
        if table.kind != "opening_event":
            envelope["occurred_at"] = EPOCH
        data: dict[str, Any] = {}
        for index, (column, cell) in enumerate(zip(self._columns, cells, strict=False)):
            try:
                value = value_of(column, cell)
            except Unreadable as error:
                return self._unreadable(index, cells, line, str(error))
            if value is not None:
                (envelope if column.name in ENVELOPE else data)[column.name] = value
        return Piece({**envelope, "data": data}, None, line, "", sheet=table.sheet, headers=self._headers)

    def _unreadable(self, index: int, cells: list[str], line: int, reason: str) -> Piece:
        column = self._columns[index]
        raw = {
            c.name or letter(i): str(cell)
            for i, (c, cell) in enumerate(zip(self._columns, cells, strict=False))
        }
        name = column.name or letter(index)
        where = name if name in ENVELOPE else f"data.{name}"
        headers = self._headers if column.header else {name: f"{letter(index)} 列"}
        return Piece(None, raw, line, where, reason, sheet=self._table.sheet, headers=headers)
