"""Workbooks: the rows of their sheets as the texts a CSV would hold, and what in a cell cannot be one.

The size a sheet states is not believed, its rows are read to the end. A cell is what its reader sees: per cent,
leading zeros and dates as formatted; a formula that was never calculated and an error are faults, not blanks.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import IO, Any

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.worksheet._reader import FORMULA_TAG, VALUE_TAG, WorkSheetParser

from ingest.csv.cells import Dated, FaultyCell
from ingest.csv.columns import letter
from ingest.files import archives
from ingest.files.damage import damage
from messages import Fault, Message

_EXACT = 10**15
"""Excel keeps 15 digits of a number; from here on the last ones are its own."""
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_MERGED = re.compile(rb'mergeCell\b[^>]*?\bref="([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)"')
_NOT_ZERO = re.compile(r"\s*[-+0.]*[1-9][0-9.]*[eE]-|\s*-?0*\.0*[1-9]")
_ZEROS = re.compile(r"0{2,}$")
_STRINGS = 512 << 20
"""Bytes of text of a workbook: all of it must be in memory."""
_SHOWN = 40
"""Characters that are shown of a value that cannot be read."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, SyntaxError)
"""What openpyxl raises over XML that is no workbook, beside the errors of files and archives: the parse errors of the
standard library and of lxml, which it takes where it is installed, are both SyntaxErrors."""


class NoBook(Fault):
    """Why a file is no workbook that can be read."""


@dataclass(slots=True)
class Sheet:
    """A sheet on its way: where its rows are, and what its reader does not see of it."""

    name: str
    hidden: bool
    path: str
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    """(first row, last row, first column, last column)."""
    read: int = 0
    """The number of the last row that was read."""
    hidden_rows: int = 0
    hidden_columns: int = 0


class Book(AbstractContextManager["Book"]):
    """An open workbook, of which only strings, formats and the list of sheets are in memory; raises NoBook."""

    def __init__(self, file: IO[bytes]) -> None:
        _refuse_other(file)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reader: Any = ExcelReader(file, read_only=True, data_only=True)
                for step in (reader.read_manifest, reader.read_strings, reader.read_workbook):
                    step()
                apply_stylesheet(reader.archive, reader.wb)
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, *_UNREADABLE) as error:
            raise NoBook(Message("csv.damaged_book", why=damage(error))) from None
        self._reader, self._book = reader, reader.wb

    def __exit__(self, *_: object) -> None:
        self._reader.archive.close()

    def sheets(self) -> Iterator[Sheet]:
        """All sheets with cells, in their order."""
        for sheet, relation in self._reader.parser.find_sheets():
            if "chartsheet" not in relation.Type:
                yield Sheet(sheet.name, sheet.state != "visible", relation.target)

    def rows(self, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
        """(number, cells) of every row; raises NoBook where the sheet is damaged."""
        try:
            sheet.merged = list(self._merged(sheet))
            with self._reader.archive.open(sheet.path) as file:
                yield from self._parsed(sheet, _Parser(file, self._book, self._reader.shared_strings))
        except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, archives.Swollen, *_UNREADABLE) as error:
            raise NoBook(Message("csv.damaged_sheet", row=sheet.read, why=damage(error))) from None

    def _parsed(self, sheet: Sheet, parser: _Parser) -> Iterator[tuple[int, list[str]]]:
        for number, cells in parser.parse():
            sheet.hidden_rows += _is_hidden(parser.row_dimensions.pop(str(number), {}))
            row = _across(number, cells, self._text)
            if number <= sheet.read:
                reason = Message("csv.row_twice", row=number)
                row = [FaultyCell.of(cell, reason) if cell else "" for cell in row]
            sheet.read = max(sheet.read, number)
            yield number, row
        sheet.hidden_columns = sum(map(_is_hidden, parser.column_dimensions.values()))

    def _merged(self, sheet: Sheet) -> Iterator[tuple[int, int, int, int]]:
        """Merged cells: they stand behind the rows, so all of the sheet is read once, its checksum with it."""
        with self._reader.archive.open(sheet.path) as file:
            tail = b""
            while chunk := file.read(1 << 20):
                text = tail + chunk
                last = 0
                for found in _MERGED.finditer(text):
                    last = found.end()
                    yield int(found[2]), int(found[4]), _number(found[1]), _number(found[3])
                tail = text[max(last, len(text) - 200) :]

    def _text(self, cell: dict[str, Any]) -> str:
        value, kind = cell["value"], cell["data_type"]
        if kind == "lost":
            return FaultyCell.of("=", Message("csv.formula_without_result"))
        if kind == "e":
            return FaultyCell.of(str(value), Message("csv.formula_failed", shown=str(value)))
        if kind == "broken":
            return FaultyCell.of("", Message("csv.damaged_cell", why=value))
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return _digits(value, self._format(cell["style_id"]))
        return _plain(value)

    def _format(self, style: int) -> str:
        number = self._book._cell_styles[style].numFmtId
        if number < BUILTIN_FORMATS_MAX_SIZE:
            return str(BUILTIN_FORMATS.get(number, "General"))
        return str(self._book._number_formats[number - BUILTIN_FORMATS_MAX_SIZE])


class _Parser(WorkSheetParser):
    """The library's own reader of a sheet, which tells a formula without a result from an empty cell."""

    def __init__(self, file: Any, book: Any, strings: Any) -> None:
        super().__init__(
            file, strings, data_only=True, epoch=book.epoch, date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )  # fmt: skip

    def parse_cell(self, element: Any) -> dict[str, Any]:
        """One cell, whatever is wrong with it."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                cell: dict[str, Any] = super().parse_cell(element)
        except _UNREADABLE:
            self.col_counter += "r" not in element.attrib
            shown = (element.findtext(VALUE_TAG) or "")[:_SHOWN]
            reason = Message("csv.unreadable_value", shown=shown)
            return {"column": self.col_counter, "value": reason, "data_type": "broken", "style_id": 0}
        if cell["value"] == 0 and _NOT_ZERO.match(element.findtext(VALUE_TAG) or ""):
            cell |= {"value": Message("csv.too_small"), "data_type": "broken"}
        formula = element.find(FORMULA_TAG) is not None
        if formula and cell["value"] is None and element.get("t") != "str":
            cell["data_type"] = "lost"
        return cell


def _is_hidden(dimension: Any) -> bool:
    return dimension.get("hidden") in ("1", "true")


def _refuse_other(file: IO[bytes]) -> None:
    """Say what a file is that is no xlsx; raises NoBook."""
    file.seek(0)
    head = file.read(1 << 20)
    file.seek(0)
    if head.startswith(_OLE):
        protected = "EncryptedPackage".encode("utf-16-le") in head + file.read(64 << 20)
        raise NoBook(Message("csv.password" if protected else "csv.old_xls"))
    if not head.startswith(b"PK"):
        web_page = b"<html" in head.lower() or b"<table" in head.lower()
        raise NoBook(Message("csv.not_xlsx_but_html" if web_page else "csv.not_xlsx"))
    names = _members(file)
    if "xl/workbook.bin" in names:
        raise NoBook(Message("csv.xlsb"))
    if "content.xml" in names and "mimetype" in names:
        raise NoBook(Message("csv.opendocument"))
    file.seek(0)


def _members(file: IO[bytes]) -> set[str]:
    """The names of the members of a workbook; raises NoBook for one that swells or is damaged."""
    try:
        archives.check(file)
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                archives.check_member(member)
                if "sharedStrings" in member.filename and member.file_size > _STRINGS:
                    raise archives.Swollen(Message("csv.too_much_text"))
            return set(archive.namelist())
    except (zipfile.BadZipFile, OSError) as error:
        raise NoBook(Message("csv.damaged_book", why=damage(error))) from None


def _across(number: int, cells: list[dict[str, Any]], text: Callable[[dict[str, Any]], str]) -> list[str]:
    """The texts of a row, each in its own column; blanks where a row leaves cells out. One cell has one value."""
    row: list[str] = []
    taken: set[int] = set()
    for cell in cells:
        place = cell["column"]
        row += [""] * (place - len(row))
        shown, before, column = text(cell), row[place - 1], letter(place - 1)
        if place in taken and shown + before:
            shown = FaultyCell.of(shown or before, Message("csv.cell_twice", cell=f"{column}{number}"))
        elif (own := cell.get("row", number)) != number:
            reason = Message("csv.cell_of_other_row", cell=f"{column}{own}", row=number)
            shown = FaultyCell.of(shown or "?", reason)
        taken.add(place)
        row[place - 1] = shown
    return row


def _number(letters: bytes) -> int:
    found = 0
    for one in letters:
        found = found * 26 + one - 64
    return found


def _digits(value: int | float, form: str) -> str:
    """A number as its reader sees it, with all digits that are its own."""
    if abs(value) >= _EXACT or value != value:
        return format(float(value), "E")  # refused as a power of ten: the last digits are lost
    exact = Decimal(format(value, ".15g"))
    shown = form.split(";")[0]
    if "%" in re.sub(r'"[^"]*"|\\.', "", shown):
        return f"{_trimmed(exact * 100)}%"
    text = _trimmed(exact)
    return text.zfill(len(shown)) if _ZEROS.match(shown) and text.isdigit() else text


def _trimmed(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return Dated(value.isoformat(" "))
    if isinstance(value, (date, time)):
        return Dated(value.isoformat())
    if isinstance(value, timedelta):
        return Dated(str(value))
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), str(value)).replace("\r\n", "\n")
