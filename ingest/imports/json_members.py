"""A JSON file of any size cut into its members, unread: what ails one release does not touch the others.

The members of `releases`, `records` or of an array come one by one; any other value comes whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

LONGEST = 128 << 20
"""Bytes of one member: all of it must be in memory."""
_CHUNK = 1 << 20
_TEXT = rb'"(?:[^"\\]++|\\.)*+"'
_TOKEN = re.compile(_TEXT + rb'|[][{}:,]|[^][{}:,"\s]++|"', re.DOTALL)
_DEEP = re.compile(_TEXT + rb'|[][{}]|"', re.DOTALL)
"""What matters within a member: where it ends."""
_SIGNS = frozenset(b'[]{}:,"')
_LISTS = {b'"releases"': "releases", b'"records"': "records"}

Cut = tuple[str, bytes | None]
"""(path, the member's text; None where it is longer than may be)."""


class Cutter:
    """The state of a file on its way. Feed it, then ask whether it has come to an end."""

    def __init__(self) -> None:
        self._buffer, self._place = b"", 0
        self._start: int | None = None
        self._depth, self._list = 0, 0
        """Levels open; the level of the list whose members come one by one, 0 for none."""
        self._name, self._text, self._in, self._count = b"", b"", "", 0
        self._held = False

    @property
    def complete(self) -> bool:
        """Whether everything that was opened has been closed."""
        return self._depth == 0

    def rest(self) -> bytes:
        """What has begun and not ended."""
        return self._buffer[self._start or 0 :]

    def feed(self, chunk: bytes) -> Iterator[Cut]:
        """The members that end in the next piece of the file; an empty one is its end."""
        drop = self._place if self._start is None else self._start
        self._buffer, self._place = self._buffer[drop:] + chunk, self._place - drop
        self._start = None if self._start is None else 0
        while mark := (_DEEP if self._depth > max(self._list, 1) else _TOKEN).search(
            self._buffer, self._place
        ):
            token = mark[0]
            if chunk and (token == b'"' or (mark.end() == len(self._buffer) and token[0] not in _SIGNS)):
                self._place = mark.start()
                break
            self._place = mark.end()
            yield from self._token(token, mark.start(), mark.end())
        else:
            self._place = len(self._buffer)
        yield from self._bounded()

    def _bounded(self) -> Iterator[Cut]:
        if self._start is not None and len(self._buffer) - self._start > LONGEST:
            yield self._path(), None
            self._start, self._held = None, True
            self._count += 1

    def _path(self) -> str:
        return f"{self._in}[{self._count}]." if self._list else ""

    def _token(self, token: bytes, begin: int, end: int) -> Iterator[Cut]:
        if token in (b"{", b"["):
            self._open(token, begin)
        elif token in (b"}", b"]"):
            yield from self._close(end)
        elif self._list and self._depth == self._list and token not in (b",", b":"):
            yield self._path(), token
            self._count += 1
        elif not self._depth:
            yield "", token
        elif token == b":":
            self._name = self._text
        else:
            self._text = token

    def _open(self, token: bytes, begin: int) -> None:
        name = (
            ""
            if self._depth == 0
            else _LISTS.get(self._name)
            if self._depth == 1 and not self._list
            else None
        )
        if token == b"[" and name is not None:
            self._in, self._list, self._count = name, self._depth + 1, 0
            self._start, self._held = None, True
        elif self._depth == 0:
            self._start, self._held = begin, False
        elif self._depth == self._list:
            self._start = begin
        self._depth += 1

    def _close(self, end: int) -> Iterator[Cut]:
        if not self._depth:
            yield "", b"]"
            return
        self._depth -= 1
        if self._list and self._depth == self._list:
            if self._start is not None:
                yield self._path(), self._buffer[self._start : end]
                self._count += 1
            self._start = None
        elif self._depth == self._list - 1:
            self._list = 0
        elif self._depth == 0 and not self._held:
            yield "", self._buffer[self._start : end]
        if not self._depth:
            self._start, self._name = None, b""


def members(file: Any) -> Iterator[Cut]:
    """The members of a file; the last has the path "…" where the file breaks off within it."""
    cutter = Cutter()
    while chunk := file.read(_CHUNK):
        yield from cutter.feed(chunk)
    yield from cutter.feed(b"")
    if not cutter.complete:
        yield "…", cutter.rest()
