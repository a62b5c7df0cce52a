"""The rows of a CSV file from its bytes: in which encoding it is, and its lines as RFC 4180 has them.

A byte-order mark decides. Without one the file is UTF-8 if all of it is. If not, it is a damaged UTF-8 file where
more of what is not ASCII reads as UTF-8 than does not, and GB18030 where that reads as Chinese: its characters are
common ones, and some of them are those any Chinese text has. Korean, Japanese, Russian or Big5 read so are not. Where
the encoding is not certain the file is refused, never guessed.

Every row stands by itself: a broken one is told and the next one read. A quote that is never closed would swallow the
rows after it; it is found by what follows: the end of the file, text behind the next quote, or lines that are rows of
their own. Reading goes on in the line after the one that is broken.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, NoReturn, TextIO

from messages import Fault, Message

_MARKS = (
    (b"\xff\xfe\x00\x00", ""), (b"\x00\x00\xfe\xff", ""), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_CHUNK = 1 << 20
_LONG_UTF8 = re.compile(rb"[\xe3-\xe9\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}")
"""A character of Chinese, Japanese or Korean in UTF-8; by chance such bytes are rare in other encodings."""
_STRAY = re.compile(rb"[\x80-\xff]")
_PAIR = re.compile(rb"([\x81-\xfe])([\x40-\x7e\x80-\xfe])")
_USUAL = re.compile(
    "[的一不是在了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部"
    "度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数"
    "公司工程有限责任建设集团项目标段投名称编号市区县路省镇村街园校院局馆站场房楼厂店科技术贸易股份招购备注甲乙丙丁金额价元万亿保证签评审专家杭州江浙"
    "东西南北京上海广山河湖宁波温绍兴嘉金华衢舟台丽深圳津渝川鲁豫苏皖赣湘鄂粤桂琼黔滇藏陕甘青疆蒙辽吉沪王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜"
    "范方石姚谭廖邹熊陆郝孔白崔康毛邱秦史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文施工监理设计勘察服务采材料设备安装装修绿化道排管网桥梁隧轨交通]"
)
"""Characters of which any Chinese table holds some; what is read wrongly as GB18030 holds them by chance only."""


class NoEncoding(Fault):
    """Why it is not certain in which encoding a file is."""


def encoding_of(file: IO[bytes]) -> str:
    """The name of a file's encoding; it is read to its end and must be seekable. Raises NoEncoding.

    Bytes that do not fit it are to be read as surrogates.
    """
    file.seek(0)
    head = file.read(_CHUNK)
    for mark, name in _MARKS:
        if head.startswith(mark) and not name:
            raise NoEncoding(Message("csv.utf32"))
        if head.startswith(mark):
            return name
    broken = _first_break(file, "utf-8")
    if broken is not None:
        return _damaged(file, broken)
    if head.count(0) * 8 > len(head):
        raise NoEncoding(Message("csv.utf16_unmarked"))
    return "utf-8"


def _damaged(file: IO[bytes], at: int) -> str:
    """What a file is that is not UTF-8 at byte `at`, counted from 0."""
    file.seek(max(0, at - (_CHUNK >> 4)))
    sample = file.read(_CHUNK)
    if 0 in sample:
        raise NoEncoding(Message("csv.nul_bytes"))
    asian = len(_LONG_UTF8.findall(sample))
    strays = len(_STRAY.findall(_LONG_UTF8.sub(b"", sample)))
    if asian * 3 >= strays:
        return "utf-8"
    if _reads_as_chinese(sample):
        return "gb18030"
    raise NoEncoding(Message("csv.encoding_unknown", byte=at + 1))


def _reads_as_chinese(sample: bytes) -> bool:
    """Whether bytes read as GB18030 are common characters, hardly broken, and some of those any Chinese text has."""
    pairs = _PAIR.findall(sample)
    rare = sum(lead < b"\xa1" or trail < b"\xa1" or b"\xa4" <= lead <= b"\xa7" for lead, trail in pairs)
    read = sample.decode("gb18030", "surrogateescape")
    breaks = sum("\udc80" <= c <= "\udcff" for c in read)
    if any("\ue000" <= c <= "\uf8ff" for c in read):
        breaks = len(pairs)  # characters of nobody: Big5 and its like read as GB18030
    usual = len(_USUAL.findall(read))
    return bool(pairs) and rare * 3 <= len(pairs) and breaks * 10 <= len(pairs) <= usual * 5


def _first_break(file: IO[bytes], name: str) -> int | None:
    """Where a file stops being in an encoding."""
    decoder = codecs.getincrementaldecoder(name)()
    file.seek(0)
    done = 0
    while True:
        chunk = file.read(_CHUNK)
        kept = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk, not chunk)
        except UnicodeDecodeError as error:
            return done - kept + error.start
        if not chunk:
            return None
        done += len(chunk)


def bad_byte(text: str, encoding: str) -> Message | None:
    """The first byte of a text that did not fit its encoding, and where it stands; None if all did."""
    found = re.search("[\udc80-\udcff]", text)
    if found is None or encoding.startswith("utf-16"):
        return None
    name = "UTF-8" if encoding.startswith("utf-8") else "GB18030"
    place = len(text[: found.start()].encode(encoding.removesuffix("-sig"), "surrogateescape")) + 1
    byte = f"0x{ord(found[0]) - 0xDC00:02X}"
    return Message("csv.bad_byte", place=place, byte=byte, encoding=name)


# ── rows ─────────────────────────────────────────────────────────────────────

_LONGEST_CELL = 131_072
_LONGEST_LINE = 4 << 20
_LONGEST_ROW = 1 << 20
_QUOTED = re.compile(r'[^"]*(?:""[^"]*)*')
_BLANKS = re.compile(r"[ \t]*")


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
    reason: Message


class _Bad(Fault):
    """Why the cells of a row cannot be told apart."""


class Lines:
    """The lines of a text, with a place to put back those read too far."""

    def __init__(self, text: TextIO) -> None:
        self._text, self._back, self.number = text, deque[str](), 0

    def next_line(self) -> str:
        """The next line with its end, empty at the end of the text."""
        line = self._back.popleft() if self._back else self._text.readline(_LONGEST_LINE)
        self.number += bool(line)
        return line

    def skip_line(self) -> None:
        """Leave out the rest of a line that is too long."""
        while part := self.next_line():
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
        while line := self.lines.next_line():
            yield self._row(line, self.lines.number)

    def _row(self, line: str, number: int) -> Row | Broken:
        if len(line) >= _LONGEST_LINE and not line.endswith(("\n", "\r")):
            self.lines.skip_line()
            return Broken(number, line[:200], Message("csv.line_too_long", most=_LONGEST_LINE))
        if '"' not in line:
            cells, text = line.rstrip("\r\n").split(self.delimiter), line
        else:
            try:
                cells, text = self._cells(line)
            except _Bad as bad:
                return Broken(number, line.rstrip("\r\n"), bad.message)
        return self._checked(Row(number, cells, text))

    def _checked(self, row: Row) -> Row | Broken:
        for index, cell in enumerate(row.cells, 1):
            if len(cell) > _LONGEST_CELL:
                reason = Message("csv.cell_too_long", column=index, length=len(cell), most=_LONGEST_CELL)
                return Broken(row.line, row.text[:200], reason)
        odd = len(row.cells) != self.width or any('"' in cell for cell in row.cells)
        if row.line <= self._careful_until and odd:
            return Broken(row.line, row.text.rstrip("\r\n"), Message("csv.after_open_quote"))
        return row

    def _cells(self, line: str) -> tuple[list[str], str]:
        """The cells of a row that begins with `line`, over as many lines as its quotes span; raises _Bad."""
        cells: list[str] = []
        more: list[str] = []
        text, place = line, 0
        while True:
            start = self._past_blanks(text, place)
            if text[start : start + 1] == '"':
                text, place = self._quoted(text, start, cells, more)
            else:
                found = self._end.search(text, place)
                end = found.start() if found else len(text)
                cells.append(text[place:end])
                place = end
            if text[place : place + 1] != self.delimiter:
                break
            place += 1
        if more and self.width > 1 and all(part.count(self.delimiter) >= self.width - 1 for part in more):
            self._give_up(more, Message("csv.quote_swallows"))
        return cells, text

    def _past_blanks(self, text: str, place: int) -> int:
        if self.delimiter == "\t":
            return place
        return _BLANKS.match(text, place).end()  # type: ignore[union-attr]  # it may be empty, so it always matches

    def _quoted(self, text: str, start: int, cells: list[str], more: list[str]) -> tuple[str, int]:
        """The text with the lines read for the quoted cell at `start`, and the place after the cell."""
        text, end = self._quote_end(text, start, more, len(cells) + 1)
        cells.append(text[start + 1 : end].replace('""', '"'))
        place = self._past_blanks(text, end + 1)
        if text[place : place + 1] not in (self.delimiter, "\r", "\n", ""):
            self._give_up(more, Message("csv.text_after_quote", column=len(cells)))
        return text, place

    def _quote_end(self, text: str, start: int, more: list[str], column: int) -> tuple[str, int]:
        """Where the quote that begins at `start` ends, with the lines that had to be read for it."""
        parts, size, place = [text], len(text), start + 1
        end = _QUOTED.match(text, place).end()  # type: ignore[union-attr]
        while end == len(parts[-1]):
            line = self.lines.next_line() if size < _LONGEST_ROW else ""
            if not line:
                self._give_up(more, Message("csv.quote_open", column=column))
            parts.append(line)
            more.append(line)
            size += len(line)
            end = _QUOTED.match(line).end()  # type: ignore[union-attr]
        return "".join(parts), sum(map(len, parts[:-1])) + end

    def _give_up(self, more: list[str], why: Message) -> NoReturn:
        """The lines read for a quote are read again, each as a row of its own."""
        self._careful_until = max(self._careful_until, self.lines.number)
        self.lines.put_back(more)
        raise _Bad(why)
