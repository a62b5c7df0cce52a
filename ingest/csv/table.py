"""A table of a CSV pack or workbook as envelopes: its header found, its rows read one by one.

Written for what offices do: titles above the header, blank rows and columns, totals below. A row that cannot be
read is one refusal with its line, column and remedy; what is no record is a note; the rest is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ingest.csv.cells import ENVELOPE, Column, FaultyCell, Unreadable, value_of
from ingest.csv.columns import KEY_HEADERS, clean, columns_of, fault_of, fields_named, letter, titled
from ingest.csv.text import Broken, Reader, Row
from ingest.files.pieces import EPOCH, Piece
from messages import Message

LEAD = 15
"""Rows in which the header must be found."""
_HEADER = 2
"""A row below the header that names so many fields, the key among them, is a header again."""
_TOTALS = re.compile(
    r"(合计|总计|小计|共计|累计|本页小计|本页合计|(grand ?|sub)?total|sum)[:：]?", re.IGNORECASE
)
_SHOWN = 100
"""Lines a note lists."""

Line = Row | Broken


@dataclass(frozen=True)
class Table:
    """Where rows come from."""

    kind: str
    source: str
    sheet: str | None = None

    def piece(self, raw: Any, line: int | None, path: str, reason: Message, *, note: bool = False) -> Piece:
        """A piece that is no envelope."""
        return Piece(None, raw, line, path, reason, note=note, sheet=self.sheet)


def pieces_of(table: Table, rows: Iterable[Line], reader: Reader | None) -> Iterator[Piece]:
    """Header and rows as pieces; `reader`, where a text is read, is told the number of columns."""
    rest = iter(rows)
    above, header = _lead(table.kind, rest)
    if header is None:
        yield _no_header(table, above)
        return
    columns = columns_of(table.kind, header.cells)
    if reader is not None:
        reader.width = len(header.cells)
    if fault := _unreadable_header(header.cells) or fault_of(columns):
        reason = Message("csv.header_fault", fault=fault, line=header.line)
        yield table.piece(header.cells, header.line, "key", reason)
        return
    if above:
        lines = ["\t".join(row.cells) if isinstance(row, Row) else row.text for row in above]
        yield table.piece(lines, header.line, ".", Message("csv.above_header"), note=True)
    yield from _Rows(table, columns).pieces(rest)


def _unreadable_header(cells: list[str]) -> Message | None:
    """Why a header cell cannot be read at all."""
    return next((cell.reason for cell in cells if isinstance(cell, FaultyCell)), None)


def _lead(kind: str, rest: Iterator[Line]) -> tuple[list[Line], Row | None]:
    """(rows above the header, header): the first row that names the key; else the first row there is."""
    above: list[Line] = []
    for row in rest:
        if isinstance(row, Row) and not any(cell.strip() for cell in row.cells):
            continue
        if isinstance(row, Row) and fields_named(kind, row.cells):
            return above, row
        above.append(row)
        if len(above) >= LEAD:
            break
    header = above[0] if above else None
    return (above[1:], header) if isinstance(header, Row) else (above, None)


def _no_header(table: Table, above: list[Line]) -> Piece:
    first = above[0] if above else None
    if not isinstance(first, Broken):
        return table.piece("", None, ".", Message("csv.nothing"), note=True)
    return table.piece(first.text, first.line, ".", Message("csv.header_unreadable", reason=first.reason))


class _Rows:
    """The rows under a header."""

    def __init__(self, table: Table, columns: list[Column]) -> None:
        self._table = table
        self._short: list[int] = []
        self._count = 0
        self._read_under(columns)

    def _read_under(self, columns: list[Column]) -> None:
        self._columns = columns
        self._headers = {c.name: titled(i, c.header) for i, c in enumerate(columns) if c.header}

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
            reason = Message("csv.short_rows", count=len(self._short))
            yield self._table.piece(self._short[:_SHOWN], self._short[0], ".", reason, note=True)
        if not self._count:
            yield self._table.piece("", None, ".", Message("csv.header_alone"), note=True)

    def _row(self, row: Row, filled: list[str]) -> Piece:
        columns, cells, line = self._columns, row.cells, row.line
        if _TOTALS.fullmatch(re.sub(r"\s", "", filled[0])):
            return self._table.piece(cells, line, ".", Message("csv.totals"), note=True)
        if self._names_columns(cells, filled):
            return self._header_again(cells, line)
        if any(cell.strip() for cell in cells[len(columns) :]):
            reason = Message("csv.beyond_header", cells=len(cells), headers=len(columns))
            return self._table.piece(cells, line, ".", reason)
        if self._table.sheet is None and len(cells) < len(columns):
            self._short.append(line)
        return self._record(cells, line)

    def _names_columns(self, cells: list[str], filled: list[str]) -> bool:
        """Whether a row is a header: under the key stands what the key is called, or it names fields in another order."""
        key = next((index for index, column in enumerate(self._columns) if column.name == "key"), len(cells))
        if key < len(cells) and clean(cells[key]) == self._columns[key].header:
            return True
        named = KEY_HEADERS[self._table.kind].intersection(cell.strip(" *").lower() for cell in filled)
        return bool(named) and fields_named(self._table.kind, cells) >= _HEADER

    def _header_again(self, cells: list[str], line: int) -> Piece:
        """A header among the rows, as where files were put one behind the other: what follows is read under it."""
        columns = columns_of(self._table.kind, cells)
        if fault := fault_of(columns):
            reason = Message("csv.header_again_fault", fault=fault, line=line)
            return self._table.piece(cells, line, "key", reason)
        self._read_under(columns)
        return self._table.piece(cells, line, ".", Message("csv.header_again"), note=True)

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
                return self._refused(index, cells, line, error.message)
            if value is not None:
                (envelope if column.name in ENVELOPE else data)[column.name] = value
        return Piece({**envelope, "data": data}, None, line, "", sheet=table.sheet, headers=self._headers)

    def _refused(self, index: int, cells: list[str], line: int, reason: Message) -> Piece:
        column = self._columns[index]
        raw = {
            c.name or letter(i): str(cell)
            for i, (c, cell) in enumerate(zip(self._columns, cells, strict=False))
        }
        name = column.name or letter(index)
        where = name if name in ENVELOPE else f"data.{name}"
        headers = self._headers if column.header else {name: f"{letter(index)} 列"}
        return Piece(None, raw, line, where, reason, sheet=self._table.sheet, headers=headers)
