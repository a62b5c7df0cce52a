"""Reading the plain CSV tables of contracts §5, each wrong row named by line and column and left out."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from messages import Invalid, Message

ENCODINGS = ("utf-8-sig", "gb18030")
"""What spreadsheets in China save CSV as, tried in turn."""
_OTHER_SEPARATORS = (";", "\t", "|", "，")
"""What stands between columns in files that are no CSV with commas."""
_ISO_MARKS = str.maketrans({"/": "-", "年": "-", "月": "-", "日": " ", "T": " "})
_LONGEST_SHOWN = 40

Report = Callable[[Message], None]


@dataclass(frozen=True)
class Row:
    """One row: the line its last field ends on, and its fields by column, stripped."""

    line: int
    fields: dict[str, str]

    def text(self, column: str) -> str:
        """A field that may not be empty. Raises Invalid naming line and column."""
        if not (found := self.fields.get(column, "")):
            raise self.wrong(column, Message("table.empty"))
        return found

    def number(self, column: str, least: float = -math.inf, most: float = math.inf) -> float:
        """A finite number from `least` to `most`. Raises Invalid naming line and column."""
        text = self.text(column)
        try:
            value = float(text)
        except ValueError:
            raise self.wrong(column, Message("table.no_number", text=_cut(text))) from None
        if not math.isfinite(value):
            raise self.wrong(column, Message("table.no_number", text=_cut(text)))
        if value < least:
            raise self.wrong(column, Message("table.too_small", text=_cut(text), least=least))
        if value > most:
            raise self.wrong(column, Message("table.too_large", text=_cut(text), most=most))
        return value

    def optional_number(self, column: str, least: float = -math.inf) -> float:
        """A finite number, NaN where the field is empty or the column absent."""
        return self.number(column, least) if self.fields.get(column) else math.nan

    def when(self, column: str) -> float:
        """A date as seconds since 1970 (UTC), a plain number as it stands; NaN where there is none."""
        text = self.fields.get(column, "")
        if not text:
            return math.nan
        try:
            return float(text)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(_iso(text))
        except ValueError:
            raise self.wrong(column, Message("table.no_date", text=_cut(text))) from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    def wrong(self, column: str, why: Message) -> Invalid:
        """The error that names this row."""
        return Invalid(Message("table.wrong", line=self.line, column=column, why=why))


def read_rows(path: Path, required: Sequence[str], report: Report) -> Iterator[Row]:
    """The rows of a CSV file with a header; rows of another width are reported and left out.

    Raises Invalid for a file without text, header or a required column; OSError where it cannot be read.
    """
    with path.open(encoding=_encoding(path), newline="") as file:
        reader = csv.reader(file)
        try:
            header = [name.strip() for name in next(reader, [])]
            _check(header, required)
            for fields in reader:
                if not any(field.strip() for field in fields):
                    continue
                if len(fields) != len(header):
                    counts = {"line": reader.line_num, "found": len(fields), "expected": len(header)}
                    report(Message("table.width", **counts))
                    continue
                yield Row(reader.line_num, {n: f.strip() for n, f in zip(header, fields, strict=True)})
        except csv.Error as error:
            raise Invalid(Message("table.broken", line=reader.line_num, why=str(error))) from None


def unused_columns(path: Path, used: Collection[str]) -> list[str]:
    """Columns of the file that nothing reads, in order; for a file that could be read."""
    with path.open(encoding=_encoding(path), newline="") as file:
        header = [name.strip() for name in next(csv.reader(file), [])]
    return [_cut(name) for name in header if name and name not in used]


def _check(header: Sequence[str], required: Sequence[str]) -> None:
    """Refuse a header that lacks a column or has one twice."""
    if not any(header):
        raise Invalid(Message("table.no_header", columns=list(required)))
    if len(header) == 1 and (separator := next((one for one in _OTHER_SEPARATORS if one in header[0]), None)):
        raise Invalid(Message("table.separator", separator="Tab" if separator == "\t" else separator))
    if missing := [name for name in required if name not in header]:
        raise Invalid(Message("table.no_column", missing=missing, found=[_cut(name) for name in header[:20]]))
    if twice := sorted({name for name in header if name and header.count(name) > 1}):
        raise Invalid(Message("table.column_twice", columns=twice))


def _encoding(path: Path) -> str:
    """The first of ENCODINGS the whole file is readable in. Raises Invalid if none, or if it is no text."""
    for encoding in ENCODINGS:
        try:
            with path.open(encoding=encoding) as file:
                while part := file.read(1 << 20):
                    if "\0" in part:
                        raise Invalid(Message("table.no_text"))
        except UnicodeDecodeError:
            continue
        return encoding
    raise Invalid(Message("table.no_text"))


def _iso(text: str) -> str:
    """Slashes and 年月日 as hyphens, a month or day of one digit as two, a month without its day as its first."""
    day, _, time = text.translate(_ISO_MARKS).strip().partition(" ")
    parts = [part.zfill(2) for part in day.strip("-").split("-")]
    if len(parts) == 2:
        parts.append("01")
    return "-".join(parts) + (f" {time.strip()}" if time else "")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
