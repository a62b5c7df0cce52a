"""OCDS documents out of files of any size: packages, records, arrays, JSON Lines, one release; and envelopes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, Any

import ijson
import orjson

from ingest.envelope import shallow
from ingest.ocds import Reader
from ingest.pieces import Piece

_FIRST_LINE = 8 << 20
_WHOLE = ("compiledRelease", "versionedRelease")
"""Members of a record that say all of it; its releases are read where there is neither."""
_DEEPEST = 64
"""Levels of a document; a release with its extensions has about a dozen."""
_NOT_UTF8 = "编码不是 UTF-8，请转换后再导入 / not UTF-8, which JSON must be: convert it and import again"


def read(file: IO[bytes], reader: Reader) -> Iterator[Piece]:
    """The pieces of an OCDS file; what cannot be read is one rejected piece, not an exception."""
    stream = io.BufferedReader(_Raw(file), 1 << 20)
    if stream.peek(3)[:3] == b"\xef\xbb\xbf":
        stream.read(3)
    first = stream.readline(_FIRST_LINE)
    while first and not first.strip():
        first = stream.readline(_FIRST_LINE)
    if not first:
        yield Piece(None, "", None, ".", "文件为空 / the file is empty")
    elif _is_document(first):
        yield from _lines(first, stream, reader)
    else:
        yield from _streamed(_Joined(first, stream), reader)


class _Raw(io.RawIOBase):
    """A plain readable over any binary file, gzip and zip members included."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Joined:
    """What was read already, then the rest."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1) -> bytes:
        """As a file reads; ijson needs no more."""
        if not self._head:
            return self._rest.read(size)
        part, self._head = (self._head, b"") if size < 0 else (self._head[:size], self._head[size:])
        return part


def _is_document(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), (dict, list))
    except orjson.JSONDecodeError:
        return False


def _lines(first: bytes, stream: IO[bytes], reader: Reader) -> Iterator[Piece]:
    number, line = 0, first
    while line:
        number += 1
        if line.strip():
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                text = line.decode("utf-8", "replace")
                yield Piece(None, text, number, ".", f"不是 JSON / not JSON: {error.msg}")
            else:
                yield from _bounded(value, reader, number, "")
        line = stream.readline()


def _bounded(value: Any, reader: Reader, line: int | None, path: str) -> Iterator[Piece]:
    """The pieces of a document, unless it is nested so deeply that it can only be meant to do harm."""
    if shallow(value, _DEEPEST):
        yield from document(value, reader, line, path)
        return
    if isinstance(value, list):  # only the element that is: its neighbours are read
        for index, item in enumerate(value):
            yield from _bounded(item, reader, line, f"{path}[{index}].")
        return
    if name := next((name for name in ("releases", "records") if isinstance(value.get(name), list)), None):
        sound = [item for item in value[name] if shallow(item, _DEEPEST)]
        deep = [(index, item) for index, item in enumerate(value[name]) if not shallow(item, _DEEPEST)]
        if deep:
            for index, item in deep:
                yield from _bounded(item, reader, line, f"{path}{name}[{index}].")
            yield from _bounded({**value, name: sound}, reader, line, path)
            return
    reason = f"嵌套超过 {_DEEPEST} 层 / nested deeper than {_DEEPEST} levels"
    yield Piece(None, _cut(value, _DEEPEST), line, path or ".", reason)


def _cut(value: Any, limit: int) -> Any:
    """The value down to `limit` levels."""
    if isinstance(value, dict):
        return {name: _cut(child, limit - 1) for name, child in value.items()} if limit else "…"
    if isinstance(value, list):
        return [_cut(child, limit - 1) for child in value] if limit else "…"
    return value


def document(value: Any, reader: Reader, line: int | None, path: str) -> Iterator[Piece]:
    """The pieces of a package, a record, a list of those or a release."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from document(item, reader, line, f"{path}[{index}].")
    elif not isinstance(value, dict):
        yield Piece(None, value, line, path or ".", "应为 OCDS 对象 / expected an OCDS object")
    elif isinstance(value.get("records"), list):
        yield from document(value["records"], reader, line, f"{path}records")
    elif whole := next((name for name in _WHOLE if isinstance(value.get(name), dict)), None):
        yield from reader.release(value[whole], line, f"{path}{whole}.")
    elif "ocid" not in value and {"kind", "key", "data"} <= value.keys():
        yield _envelope(value, reader, line, path)
    elif isinstance(value.get("releases"), list):
        yield from _releases(value["releases"], reader, line, path)
    else:
        yield from reader.release(value, line, path)


def _envelope(value: dict[str, Any], reader: Reader, line: int | None, path: str) -> Piece:
    """A record envelope, as the full export writes what hangs on no lot."""
    demo = value.get("demo") is True
    told = {name: child for name, child in value.items() if name != "demo"}
    return Piece({**told, "source": reader.source_of(value.get("source"))}, None, line, path, demo=demo)


def _releases(releases: list[Any], reader: Reader, line: int | None, path: str) -> Iterator[Piece]:
    embedded: list[tuple[str, str, dict[str, Any]]] = []
    for index, item in enumerate(releases):
        where = f"{path}releases[{index}]"
        if not isinstance(item, dict):
            yield Piece(None, item, line, where, "应为 OCDS 对象 / expected an OCDS object")
        elif "url" in item and "ocid" not in item:
            reason = "只有链接，内容不在文件中 / only a link, its content is not in this file"
            yield Piece(None, item, line, where, reason, note=True)
        else:
            embedded.append((str(item.get("date") or ""), f"{where}.", item))
    for _, where, item in sorted(embedded, key=lambda one: one[0]):
        yield from reader.release(item, line, where)


def _streamed(file: Any, reader: Reader) -> Iterator[Piece]:
    """One value after another in constant memory: the members of packages and arrays come one by one."""
    try:
        for path, value in _members(file):
            yield from _bounded(value, reader, None, path)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        told = error.args[0] if error.args else ""
        words = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(error)
        words = words.split("\n", 1)[0][:300]
        what = _NOT_UTF8 if "UTF8" in words or "utf-8" in words else "不是完整的 JSON / not complete JSON"
        yield Piece(None, words, None, ".", f"{what}: {words}")


_LISTS = ("releases.item", "records.item", "item")


def _members(file: Any) -> Iterator[tuple[str, Any]]:
    """(path, value) of every member of a list of releases, and of each whole value that holds none."""
    builder: Any = None
    target = ""
    count = 0
    rest: Any = None
    held = False
    for prefix, event, value in ijson.parse(file, multiple_values=True):
        if builder is None and prefix in _LISTS and event not in ("end_array", "end_map"):
            builder, target, held = ijson.ObjectBuilder(), prefix, True
        if builder is not None:
            builder.event(event, value)
            if prefix == target and event not in ("start_map", "start_array", "map_key"):
                yield f"{target.removesuffix('item').rstrip('.')}[{count}].", builder.value
                builder, count = None, count + 1
            continue
        if prefix == "" and event in ("start_map", "start_array"):
            rest, held = ijson.ObjectBuilder(), False
        if rest is not None:
            rest.event(event, value)
        if prefix == "" and event in ("end_map", "end_array"):
            if not held:
                yield "", rest.value
            rest, count = None, 0
