"""Tables as files: CSV that spreadsheets read rightly, Excel with widths, real dates and number formats, and Parquet
列式文件 for other engines, where values keep their kind and nothing is rounded or quoted for the eye.

A cell is text, a whole number, money (`Decimal`), a measure (`float`) or a moment; each kind looks the same in every table.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from records.clock import BEIJING, written
from records.texts import printable
from supervision.figures import formats as figures

_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
_FORMATS = {datetime: "yyyy-mm-dd hh:mm", date: "yyyy-mm-dd", Decimal: "#,##0.00", int: "#,##0"}
_CELL = 32_767
"""What a cell of a workbook holds at most."""
_NARROWEST, _WIDEST = 8, 60
_SAMPLE = 2_000
"""Rows whose contents decide how wide a column is."""


@dataclass(frozen=True)
class Writing:
    """What goes into a file."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    mark: str


def as_csv(what: Writing) -> bytes:
    """UTF-8 with a byte-order mark, so that spreadsheets read Chinese; text cannot become a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(what.headings)
    writer.writerows([_written(cell) for cell in row] for row in what.rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def as_xlsx(what: Writing) -> bytes:
    """One sheet: who took it and when on the first line, headings that stay in view, rows."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(what.title)
    sheet.freeze_panes = "A3"
    sheet.oddFooter.center.text = printable(what.mark)
    for number, width in enumerate(_widths(what), 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    last = get_column_letter(max(len(what.headings), 1))
    sheet.auto_filter.ref = f"A2:{last}{len(what.rows) + 2}"
    sheet.append([_cell(sheet, what.mark, Font(italic=True, color="888888"))])
    sheet.append([_cell(sheet, name, Font(bold=True)) for name in what.headings])
    for row in what.rows:
        sheet.append([_cell(sheet, value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(sheet: Any, value: Any, font: Font | None = None) -> Any:
    kept = _kept(value)
    cell = WriteOnlyCell(sheet, value=kept)
    if font is not None:
        cell.font = font
    shape = (
        _measure(value)
        if isinstance(value, float)
        else _FORMATS.get(type(value if isinstance(value, Decimal) else kept))
    )
    if shape:
        cell.number_format = shape
    return cell


def _kept(value: Any) -> Any:
    """A value as Excel holds it: Beijing's time of day, a day of unknown hour as that, money as a number, text
    without what no cell may hold."""
    if isinstance(value, datetime):
        local = value.astimezone(BEIJING).replace(tzinfo=None)
        return local.replace(second=0, microsecond=0) if local.time() != time() else local.date()
    if isinstance(value, Decimal):
        return float(figures.half_up(value))
    return _harmless(value)[:_CELL] if isinstance(value, str) else value


def _measure(value: float) -> str:
    places = figures.places(value)
    return "#,##0" + (f".{'0' * places}" if places else "")


def _written(value: Any) -> Any:
    """A value as CSV holds it: no thousands separators, moments to the minute in Beijing time."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return written(value)
    if isinstance(value, Decimal):
        return format(figures.half_up(value), "f")
    if isinstance(value, float):
        return format(figures.half_up(value, figures.places(value)), "f")
    return _harmless(value) if isinstance(value, str) else value


def _harmless(text: str) -> str:
    """Text that is no formula and holds no control character a spreadsheet would refuse the whole file for."""
    clean = printable(text)
    return "'" + clean if clean.startswith(_RISKY) else clean


def _widths(what: Writing) -> list[int]:
    """Characters each column needs, full-width ones counted double."""
    rows = what.rows[:_SAMPLE]
    return [
        min(max(_NARROWEST, _wide(name) + 4, *(_wide(_shown(row[place])) + 2 for row in rows)), _WIDEST)
        if rows else max(_NARROWEST, _wide(name) + 4)
        for place, name in enumerate(what.headings)
    ]  # fmt: skip


def _shown(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{figures.half_up(value):,}"
    return str(_written(value))


def _wide(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


# ── Parquet ──────────────────────────────────────────────────────────────────

_PLACES = 6
"""Decimals of money: the ledger keeps four."""
_KINDS: dict[type, pa.DataType] = {
    bool: pa.bool_(), int: pa.int64(), float: pa.float64(), Decimal: pa.decimal128(38, _PLACES),
    datetime: pa.timestamp("us", tz="Asia/Shanghai"), date: pa.date32(),
}  # fmt: skip
"""Kind of a cell → how a column of such cells is kept; anything else, and columns of several kinds, are text."""
_MARK = "sunbid.taken_by"
"""Where the file's metadata say who took it and when, as the first line of a workbook does."""


def as_parquet(what: Writing) -> bytes:
    """Column by column, zstd; the mark stands in the schema's metadata under `sunbid.taken_by`, the title under `title`."""
    columns = [_column([row[place] for row in what.rows]) for place in range(len(what.headings))]
    made = pa.Table.from_arrays(columns, names=_distinct(what.headings))
    out = io.BytesIO()
    pq.write_table(
        made.replace_schema_metadata({_MARK: printable(what.mark), "title": what.title}),
        out,
        compression="zstd",
    )
    return out.getvalue()


def _column(cells: Sequence[Any]) -> pa.ChunkedArray[Any]:
    kinds = {type(cell) for cell in cells if cell is not None}
    kind = _KINDS.get(kinds.pop(), pa.string()) if len(kinds) == 1 else pa.string()
    if pa.types.is_string(kind):
        cells = [None if cell is None else printable(str(cell)) for cell in cells]
    elif pa.types.is_decimal(kind):
        cells = [None if cell is None else round(cell, _PLACES) for cell in cells]
    return pa.chunked_array([pa.array(cells, kind)])


def _distinct(headings: Sequence[str]) -> list[str]:
    """The headings as names of columns; engines refuse two of one name."""
    seen: Counter[str] = Counter()
    names = []
    for heading in headings:
        seen[heading] += 1
        names.append(heading if seen[heading] == 1 else f"{heading} {seen[heading]}")
    return names
