"""Rows of a CSV text as RFC 4180 has them, each by itself: a broken one is told and the next one read.

A quote that is never closed would swallow the rows after it. It is found by what follows: the end of the file, text
behind the next quote, or lines that are rows of their own; reading goes on in the line after the one that is broken.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

LONGEST_CELL = 131_072
_LONGEST_LINE = 4 << 20
_LONGEST_ROW = 1 << 20
_QUOTED = re.compile(r'[^"]*(?:""[^"]*)*')
_AFTER = re.compile(r"[ \t]*")


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row and the line it begins in."""

    line: int
    cells: list[str]
    text: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that cannot be read: the line it begins in, what stands there and why it is not one."""

    line: int
    text: str
    reason: str


class _Bad(Exception):
    pass


class Lines:
    """The lines of a text, with a place to put back those read too far."""

    def __init__(self, text: TextIO) -> None:
        self._text, self._back, self.number = text, deque[str](), 0

    def take(self) -> str:
        """The next line with its end, empty at the end of the text."""
        line = self._back.popleft() if self._back else self._text.readline(_LONGEST_LINE)
        self.number += bool(line)
        return line

    def skip_line(self) -> None:
        """Leave out the rest of a line that is too long."""
        while part := self.take():
            self.number -= 1
            if part.endswith(("\n", "\r")):
                return

    def put_back(self, lines: list[str]) -> None:
        """Lines to be read again."""
        self._back.extendleft(reversed(lines))
        self.number -= len(lines)


class Reader:
    """The rows of a text. `width`, the number of columns, is known once the header is read."""

    def __init__(self, lines: Lines, delimiter: str) -> None:
        self.lines, self.delimiter, self.width = lines, delimiter, 0
        self._end = re.compile(rf"[{re.escape(delimiter)}\r\n]")
        self._careful_until = 0

    def __iter__(self) -> Iterator[Row | Broken]:
        while line := self.lines.take():
            yield self._row(line, self.lines.number)

    def _row(self, line: str, number: int) -> Row | Broken:
        if len(line) >= _LONGEST_LINE and not line.endswith(("\n", "\r")):
            self.lines.skip_line()
            return Broken(number, line[:200], f"一行超过 {_LONGEST_LINE} 字符 / a line longer than that")
        if '"' not in line:
            cells, text = line.rstrip("\r\n").split(self.delimiter), line
        else:
            try:
                cells, text = self._cells(line)
            except _Bad as bad:
                return Broken(number, line.rstrip("\r\n"), str(bad))
        return self._checked(Row(number, cells, text))

    def _checked(self, row: Row) -> Row | Broken:
        for index, cell in enumerate(row.cells, 1):
            if len(cell) > LONGEST_CELL:
                reason = f"第 {index} 列的单元格有 {len(cell)} 个字符，至多 {LONGEST_CELL} 个 / column {index}: a cell longer than that"
                return Broken(row.line, row.text[:200], reason)
        odd = len(row.cells) != self.width or any('"' in cell for cell in row.cells)
        if row.line <= self._careful_until and odd:
            reason = "紧接未闭合的引号，不能确定是不是一行；请先改正引号 / follows an open quote and is no plain row: mend the quote first"
            return Broken(row.line, row.text.rstrip("\r\n"), reason)
        return row

    def _cells(self, line: str) -> tuple[list[str], str]:
        """The cells of a row that begins with `line`, over as many lines as its quotes span; raises _Bad."""
        cells: list[str] = []
        text, place, more = line, 0, list[str]()
        while True:
            start = _AFTER.match(text, place).end() if self.delimiter != "\t" else place  # type: ignore[union-attr]
            if text[start : start + 1] == '"':
                text, end = self._quote_end(text, start, more, len(cells) + 1)
                cells.append(text[start + 1 : end].replace('""', '"'))
                place = _AFTER.match(text, end + 1).end() if self.delimiter != "\t" else end + 1  # type: ignore[union-attr]
                if text[place : place + 1] not in (self.delimiter, "\r", "\n", ""):
                    self._give_up(
                        more, len(cells), "引号之后还有文字，引号多余或未闭合 / text behind a closing quote"
                    )
            else:
                found = self._end.search(text, place)
                place, cell = (
                    (found.start(), text[place : found.start()]) if found else (len(text), text[place:])
                )
                cells.append(cell)
            if text[place : place + 1] != self.delimiter:
                break
            place += 1
        if more and self.width > 1 and all(part.count(self.delimiter) >= self.width - 1 for part in more):
            self._give_up(more, 0, "引号未闭合，后面的行被吞入 / a quote is not closed and swallows rows")
        return cells, text

    def _quote_end(self, text: str, start: int, more: list[str], column: int) -> tuple[str, int]:
        """Where the quote that begins at `start` ends, with the lines that had to be read for it."""
        parts, size, place = [text], len(text), start + 1
        end = _QUOTED.match(text, place).end()  # type: ignore[union-attr]
        while end == len(parts[-1]):
            line = self.lines.take() if size < _LONGEST_ROW else ""
            if not line:
                self._give_up(more, column, "引号未闭合 / a quote is not closed")
            parts.append(line)
            more.append(line)
            size += len(line)
            end = _QUOTED.match(line).end()  # type: ignore[union-attr]
        return "".join(parts), sum(map(len, parts[:-1])) + end

    def _give_up(self, more: list[str], column: int, why: str) -> None:
        self._careful_until = max(self._careful_until, self.lines.number)
        self.lines.put_back(more)
        where = f"第 {column} 列 / column {column}: " if column else ""
        raise _Bad(f"{where}{why}；请补上或删去引号 / close the quote or take it out")
