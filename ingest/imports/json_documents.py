"""OCDS documents out of files of any size: packages, records, arrays, JSON Lines, one release; and envelopes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, Any

import orjson

from ingest.envelope import shallow
from ingest.files import strict_json
from ingest.files.pieces import Piece
from ingest.imports import json_members
from ingest.ocds.reading.reader import read_release
from ingest.ocds.reading.source import ReleaseSource
from messages import Message

_FIRST_LINE = 8 << 20
_WHOLE = ("compiledRelease", "versionedRelease")
"""Members of a record that say all of it; its releases are read where there is neither."""
_DEEPEST = 64
"""Levels of a document; a release with its extensions has about a dozen."""


def read(stream: io.BufferedReader, source: ReleaseSource) -> Iterator[Piece]:
    """The pieces of an OCDS file; what cannot be read is one rejected piece, not an exception."""
    if stream.peek(3)[:3] == b"\xef\xbb\xbf":
        stream.read(3)
    first = stream.readline(_FIRST_LINE)
    while first and not first.strip():
        first = stream.readline(_FIRST_LINE)
    yield from _pieces(first, stream, source)
    yield from source.unplaced.notes()


def _pieces(first: bytes, stream: Any, source: ReleaseSource) -> Iterator[Piece]:
    if not first:
        yield Piece(None, "", None, ".", Message("files.empty"))
    elif _is_document(first) or _begins_lines(first, stream):
        yield from _lines(first, stream, source)
    else:
        yield from _streamed(_Joined(first, stream), source)


class _Joined:
    """What was read already, then the rest."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1) -> bytes:
        """As a file reads; the cutter needs no more."""
        if not self._head:
            return self._rest.read(size)
        part, self._head = (self._head, b"") if size < 0 else (self._head[:size], self._head[size:])
        return part


def _is_document(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), (dict, list))
    except orjson.JSONDecodeError:
        return False


def _begins_lines(first: bytes, stream: Any) -> bool:
    """Whether a first line that is no JSON is still one of many: a record to its end, and the next begins one."""
    line = first.strip()
    return line.startswith(b"{") and line.endswith(b"}") and stream.peek(64).lstrip().startswith(b"{")


def _lines(first: bytes, stream: IO[bytes], source: ReleaseSource) -> Iterator[Piece]:
    number, line = 0, first
    while line:
        number += 1
        if len(line) >= json_members.LONGEST and not line.endswith(b"\n"):
            yield Piece(None, "", number, ".", _TOO_LONG)
            while (line := stream.readline(_FIRST_LINE)) and not line.endswith(b"\n"):
                pass
        elif line.strip():
            yield from _read(line, source, number, "")
        line = stream.readline(json_members.LONGEST)


def _read(data: bytes, source: ReleaseSource, line: int | None, path: str) -> Iterator[Piece]:
    """The pieces of one text; where it is no JSON, itself."""
    try:
        value = strict_json.loads(data, exact=True)
    except strict_json.BadJson as error:
        reason = Message("json.not_utf8" if _is_encoding(error) else "json.not_json", said=error.message)
        yield Piece(None, data.decode("utf-8", "replace").strip(), line, path.rstrip(".") or ".", reason)
    else:
        yield from _bounded(value, source, line, path)


def _is_encoding(error: strict_json.BadJson) -> bool:
    """Whether bytes that are no UTF-8 are what ails a text."""
    return error.message.key == "json.not_utf8_byte"


def _bounded(value: Any, source: ReleaseSource, line: int | None, path: str) -> Iterator[Piece]:
    """The pieces of a document, unless it is nested so deeply that it can only be meant to do harm."""
    if shallow(value, _DEEPEST):
        yield from document(value, source, line, path)
        return
    if isinstance(value, list):  # only the element that is: its neighbours are read
        for index, item in enumerate(value):
            yield from _bounded(item, source, line, f"{path}[{index}].")
        return
    if name := next((name for name in ("releases", "records") if isinstance(value.get(name), list)), None):
        sound = [item for item in value[name] if shallow(item, _DEEPEST)]
        deep = [(index, item) for index, item in enumerate(value[name]) if not shallow(item, _DEEPEST)]
        if deep:
            for index, item in deep:
                yield from _bounded(item, source, line, f"{path}{name}[{index}].")
            yield from _bounded({**value, name: sound}, source, line, path)
            return
    yield Piece(None, _cut(value, _DEEPEST), line, path or ".", Message("json.deeper", most=_DEEPEST))


def _cut(value: Any, limit: int) -> Any:
    """The value down to `limit` levels."""
    if isinstance(value, dict):
        return {name: _cut(child, limit - 1) for name, child in value.items()} if limit else "…"
    if isinstance(value, list):
        return [_cut(child, limit - 1) for child in value] if limit else "…"
    return value


def document(value: Any, source: ReleaseSource, line: int | None, path: str) -> Iterator[Piece]:
    """The pieces of a package, a record, a list of those or a release."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from document(item, source, line, f"{path}[{index}].")
    elif not isinstance(value, dict):
        yield Piece(None, value, line, path or ".", Message("ocds.object_expected"))
    elif twice := _twice(value):
        yield Piece(None, value, line, f"{path}{twice[0]}", twice[1])
    elif odd := _misshapen(value):
        name, expected = odd
        yield Piece(None, value[name], line, f"{path}{name}", expected)
        rest = {other: child for other, child in value.items() if other != name}
        if _holds_data(rest):
            yield from document(rest, source, line, path)
    elif isinstance(value.get("records"), list):
        yield from document(value["records"], source, line, f"{path}records")
    elif whole := next((name for name in _WHOLE if isinstance(value.get(name), dict)), None):
        yield from read_release(source, value[whole], line, f"{path}{whole}.")
    elif "ocid" not in value and {"kind", "key", "data"} <= value.keys():
        yield _envelope(value, source, line, path)
    elif isinstance(value.get("releases"), list):
        yield from _releases(value["releases"], source, line, path)
    else:
        yield from read_release(source, value, line, path)


_HOLDERS = {
    **dict.fromkeys(("records", "releases"), (list, Message("ocds.array_expected"))),
    **dict.fromkeys(_WHOLE, (dict, Message("ocds.holder_object_expected"))),
}  # fmt: skip
"""What holds releases → what it should be."""


def _misshapen(value: dict[str, Any]) -> tuple[str, Message] | None:
    """(name, reason) of what should hold releases and has another shape."""
    for name, (wanted, expected) in _HOLDERS.items():
        if value.get(name) is not None and not isinstance(value[name], wanted):
            return name, expected
    return None


def _holds_data(value: dict[str, Any]) -> bool:
    """Whether there is more to read in a package, a record or a release."""
    return not value.keys().isdisjoint((*_HOLDERS, "tender", "awards", "bids", "planning", "parties"))


def _twice(value: dict[str, Any]) -> tuple[str, Message] | None:
    """Where a name stands twice, unless it is within one of many releases: those are judged each by itself."""
    many = isinstance(value.get("releases"), list) or isinstance(value.get("records"), list)
    return None if many and not getattr(value, "own", False) else strict_json.doubled(value)


def _envelope(value: dict[str, Any], source: ReleaseSource, line: int | None, path: str) -> Piece:
    """A record envelope, as the full export writes what hangs on no lot."""
    demo = value.get("demo") is True
    envelope = {name: child for name, child in value.items() if name != "demo"}
    return Piece({**envelope, "source": source.of(value.get("source"))}, None, line, path, demo=demo)


def _releases(releases: list[Any], source: ReleaseSource, line: int | None, path: str) -> Iterator[Piece]:
    embedded: list[tuple[str, str, dict[str, Any]]] = []
    for index, item in enumerate(releases):
        where = f"{path}releases[{index}]"
        if not isinstance(item, dict):
            yield Piece(None, item, line, where, Message("ocds.object_expected"))
        elif "url" in item and "ocid" not in item:
            yield Piece(None, item, line, where, Message("ocds.link_only"), note=True)
        else:
            embedded.append((str(item.get("date") or ""), f"{where}.", item))
    for _, where, item in sorted(embedded, key=lambda one: one[0]):
        yield from read_release(source, item, line, where)


def _streamed(file: Any, source: ReleaseSource) -> Iterator[Piece]:
    """One value after another in constant memory: the members of packages and arrays come one by one."""
    for path, data in json_members.members(file):
        if path == _BROKEN_OFF:
            text = (data or b"").decode("utf-8", "replace")
            yield Piece(None, text, None, ".", Message("json.breaks_off"))
        elif data is None:
            yield Piece(None, "", None, path.rstrip(".") or ".", _TOO_LONG)
        elif not path and data[:1] not in b"{[":
            text = data.decode("utf-8", "replace")
            yield Piece(None, text, None, ".", Message("json.read_no_further"))
            return
        else:
            yield from _read(data, source, None, path)


_BROKEN_OFF = "…"
_TOO_LONG = Message("json.too_long", most=json_members.LONGEST >> 20)
