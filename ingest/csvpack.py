"""CSV packs: one file a kind, `lots.csv` or `标段.csv`, headers in Chinese or English.

Written for what spreadsheets do: BOM, GB18030 or UTF-16, `sep=`, semicolons and tabs, thousands
separators, local dates, 是/否, numbers turned into powers of ten (refused: the digits are lost).
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import orjson

from ingest import describe
from ingest.csvnames import FILES, HEADERS
from ingest.kinds import KINDS
from ingest.pieces import EPOCH, Piece
from records.public import BEIJING

_POWER = re.compile(r"^\d(\.\d+)?[eE]\+\d+$")
_GROUPED = re.compile(r"^-?\d{1,3}([,，]\d{3})+(\.\d+)?$")
_LOCAL = re.compile(r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?$")
_YES = {
    "是": True,
    "true": True,
    "1": True,
    "yes": True,
    "否": False,
    "false": False,
    "0": False,
    "no": False,
}
_ENVELOPE = ("key", "version", "occurred_at")


def kind_of(path: Path) -> str | None:
    """The kind a file of a pack holds, by its name; None for any other file."""
    name = path.name.lower().removesuffix(".gz")
    return FILES.get(name.removesuffix(".csv")) if name.endswith(".csv") else None


def order(path: Path) -> int:
    """Parents before children."""
    return list(KINDS).index(kind_of(path) or "centre")


def read(file: IO[bytes], path: Path, source: str) -> Iterator[Piece]:
    """The rows of one file of a pack as envelopes; what cannot be read is a rejected piece."""
    kind = kind_of(path)
    if kind is None:
        names = ", ".join(sorted(FILES))
        yield Piece(
            None, path.name, None, ".", f"文件名应为记录种类 / the file must be named after a kind: {names}"
        )
        return
    with tempfile.SpooledTemporaryFile(max_size=32 << 20) as copy:
        encoding = _copy(file, copy)
        copy.seek(0)
        if encoding is None:
            yield Piece(
                None, path.name, None, ".", "编码不是 UTF-8、GB18030 或 UTF-16 / not UTF-8, GB18030 or UTF-16"
            )
            return
        with io.TextIOWrapper(copy, encoding, newline="") as text:
            yield from _rows(text, kind, source)


def _copy(file: IO[bytes], copy: Any) -> str | None:
    """Copy the file where it can be read twice; the first encoding that fits all of it."""
    head = b""
    candidates = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8-sig", "gb18030")}
    while chunk := file.read(1 << 20):
        head = head or chunk[:2]
        copy.write(chunk)
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


def _rows(text: io.TextIOWrapper, kind: str, source: str) -> Iterator[Piece]:
    first = text.readline()
    skipped = 1 if first.lower().startswith("sep=") else 0
    header = text.readline() if skipped else first
    delimiter = max(",;\t", key=header.count)
    names = [
        HEADERS[kind].get(_clean(name), _clean(name))
        for name in next(csv.reader([header], delimiter=delimiter), [])
    ]
    names = [name for name in names if name] if not any(names[len([n for n in names if n]) :]) else names
    reader = csv.reader(text, delimiter=delimiter)
    converters = _converters(kind)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _row(kind, source, names, cells, converters, reader.line_num + 1 + skipped)
    except (csv.Error, UnicodeError) as error:
        yield Piece(None, "", reader.line_num + 1 + skipped, ".", f"CSV 损坏 / broken CSV: {error}")


def _clean(name: str) -> str:
    return name.strip().strip("\ufeff").strip()


def _row(
    kind: str,
    source: str,
    names: list[str],
    cells: list[str],
    converters: dict[str, Callable[[str], Any]],
    line: int,
) -> Piece:
    if any(cell.strip() for cell in cells[len(names) :]):
        return Piece(
            None, cells, line, ".", f"单元格 {len(cells)} 个，表头 {len(names)} 个 / more cells than headers"
        )
    envelope: dict[str, Any] = {"source": source, "kind": kind, "version": 1}
    if kind != "opening_event":
        envelope["occurred_at"] = EPOCH
    data: dict[str, Any] = {}
    for name, cell in zip(names, cells, strict=False):
        value = cell.strip().removeprefix("\t").removeprefix("'").strip()
        if value in ("", '=""'):
            continue
        if value.startswith('="') and value.endswith('"'):
            value = value[2:-1]
        if _POWER.match(value):
            reason = f"{name}：数字被电子表格改成了 {value}，请设为文本后重新导出 / the spreadsheet has lost digits"
            return Piece(None, dict(zip(names, cells, strict=False)), line, f"data.{name}", reason)
        target = envelope if name in _ENVELOPE else data
        target[name] = converters.get(name, str)(value)
    return Piece({**envelope, "data": data}, None, line, "")


# ── cells ────────────────────────────────────────────────────────────────────


def _converters(kind: str) -> dict[str, Callable[[str], Any]]:
    found = {name: _converter(words) for name, words, *_ in describe.fields(kind)}
    return {**found, "version": _integer, "occurred_at": _time}


def _converter(words: str) -> Callable[[str], Any]:
    if words.startswith("["):
        return lambda cell: [part.strip() for part in re.split(r"[;；]", cell) if part.strip()]
    if words == "string | number":
        return lambda cell: re.sub("[,，]", "", cell) if _GROUPED.match(cell) else cell
    plain: dict[str, Callable[[str], Any]] = {
        "date-time": _time, "date": _day, "boolean": _flag, "integer": _integer, "object": _object,
    }  # fmt: skip
    return plain.get(words, str)


def _flag(cell: str) -> Any:
    return _YES.get(cell.lower(), cell)


def _integer(cell: str) -> Any:
    plain = re.sub(r"\.0+$", "", re.sub("[,，]", "", cell))
    return int(plain) if re.fullmatch(r"-?\d{1,18}", plain) else cell


def _object(cell: str) -> Any:
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell


def _local(cell: str) -> datetime | None:
    found = _LOCAL.match(cell)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=BEIJING)
    except ValueError:
        return None


def _time(cell: str) -> str:
    """A time without offset is Beijing time."""
    if moment := _local(cell):
        return moment.isoformat()
    try:
        parsed = datetime.fromisoformat(cell)
    except ValueError:
        return cell
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=BEIJING)).isoformat()


def _day(cell: str) -> str:
    moment = _local(cell)
    return moment.date().isoformat() if moment else cell
