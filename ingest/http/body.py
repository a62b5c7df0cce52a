"""Request bodies: read with limits on size, time, ratio and count, then taken apart into records."""

from __future__ import annotations

import asyncio
import json
import re
import time
import zlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import ClientDisconnect, Request

from ingest.config import IntakeConfig
from ingest.envelope import Placed, oversized
from ingest.files import strict_json as strictjson
from messages import Message
from records.serving.problems import Problem
from records.serving.requests import declared

_RATIO_FROM = 1 << 20
"""Below this size a high ratio is harmless: text of repeated records packs well."""


async def read_body(request: Request, config: IntakeConfig) -> bytes:
    """The whole body, unpacked; raises Problem 400, 408, 413 or 415."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip"):
        raise Problem(415, Message("intake.encoding", encoding=encoding[:40]))
    if declared(request) > config.max_body:
        raise _too_large("intake.body_too_large", config.max_body)
    try:
        async with asyncio.timeout(config.body_total):
            return await _collect(request, config, encoding == "gzip")
    except TimeoutError:
        raise Problem(408, Message("intake.body_too_slow"), {"Connection": "close"}) from None
    except ClientDisconnect:
        raise Problem(400, Message("intake.connection_lost")) from None


def _too_large(key: str, limit: int) -> Problem:
    return Problem(413, Message(key, most=limit))


async def _chunks(request: Request, config: IntakeConfig) -> AsyncIterator[bytes]:
    """The body as it comes; raises TimeoutError when it stops, and when it only drips."""
    stream, began, received = request.stream(), time.monotonic(), 0
    while True:
        allowed = config.body_grace + received / config.body_rate - (time.monotonic() - began)
        async with asyncio.timeout(min(config.body_idle, max(allowed, 0.0))):
            chunk = await anext(stream, None)
        if chunk is None:
            return
        received += len(chunk)
        yield chunk


async def _collect(request: Request, config: IntakeConfig, packed: bool) -> bytes:
    unpacker = Gunzip(config) if packed else None
    body = bytearray()
    received = 0
    async for chunk in _chunks(request, config):
        received += len(chunk)
        if received > config.max_body:
            raise _too_large("intake.body_too_large", config.max_body)
        body += unpacker.feed(chunk, received, len(body)) if unpacker else chunk
    if unpacker and not unpacker.complete:
        raise Problem(400, Message("intake.gzip_incomplete"))
    return bytes(body)


class Gunzip:
    """Unpack gzip piece by piece, never more than the limits allow."""

    def __init__(self, config: IntakeConfig) -> None:
        self._config = config
        self._stream = zlib.decompressobj(wbits=31)

    @property
    def complete(self) -> bool:
        """Whether the gzip stream has ended."""
        return self._stream.eof

    def feed(self, chunk: bytes, received: int, unpacked: int) -> bytes:
        """Unpack a chunk; `received` and `unpacked` count bytes so far. Raises Problem 400 or 413."""
        limit = min(self._config.max_unpacked, max(received * self._config.max_ratio, _RATIO_FROM))
        pieces = []
        try:
            while chunk:
                piece = self._stream.decompress(chunk, limit - unpacked + 1)
                unpacked += len(piece)
                pieces.append(piece)
                if unpacked > limit:
                    raise _too_large("intake.unpacked_too_large", limit)
                chunk = self._stream.unconsumed_tail
                if self._stream.eof and self._stream.unused_data:
                    chunk = self._stream.unused_data
                    self._stream = zlib.decompressobj(wbits=31)
        except zlib.error:
            raise Problem(400, Message("intake.gzip_damaged")) from None
        return b"".join(pieces)


def split(body: bytes, content_type: str, config: IntakeConfig) -> tuple[list[Any], bool]:
    """(records, whether they came as one JSON array); each record is a parsed object or a raw line.

    A JSON array, a single object or NDJSON are told apart by the first character and the content type.
    Raises Problem 400, 413 or 415.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (
        "",
        "application/json",
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
    ):
        raise Problem(415, Message("intake.content_type"))
    if body.startswith(b"\xef\xbb\xbf"):
        body = body[3:]
    if body.startswith(b"\x1f\x8b"):
        raise Problem(415, Message("intake.gzip_unsaid"))
    text = body.lstrip()
    if not text:
        raise Problem(400, Message("intake.body_empty"))
    array = text.startswith(b"[")
    records = _array(body) if array else _lines(body)
    if len(records) > config.max_records:
        raise Problem(413, Message("intake.too_many_records", most=config.max_records))
    return [_fitting(record, config) for record in records], array


def _fitting(record: Any, config: IntakeConfig) -> Any:
    """A record as it is, or what is kept of one that is too long; the others go on."""
    if not isinstance(record, bytes):
        return record
    return oversized(record, config.max_message, config.max_frame) or record


def _array(text: bytes) -> list[Any]:
    """The elements of an array; where it is not JSON as a whole, or one is longer than a record is, each as it was sent."""
    try:
        records: list[Any] = strictjson.loads(text)
    except strictjson.BadJson as error:
        if (pieces := elements(text)) is not None:
            return list(pieces)
        raise Problem(400, Message("intake.array_incomplete", said=error.message)) from None
    # a text among them is no record that is still to be read: it stays what it is
    return [json.dumps(one).encode() if isinstance(one, str) else one for one in records]


_MARK = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[][{},]', re.DOTALL)
"""A text, or a sign that tells where an element ends."""


def elements(text: bytes) -> list[Placed] | None:
    """An array cut into its elements, unread: what ails one does not touch the others. None if it has no end."""
    pieces, depth, start = [], 0, 0
    place = _Place(text)
    for mark in _MARK.finditer(text):
        sign = mark[0]
        if sign in b"[{":
            depth += 1
            start = mark.end() if depth == 1 else start
        elif depth == 1 and sign in b",]":
            pieces.append(place.of(start, text[start : mark.start()]))
            start = mark.end()
        if sign in b"]}":
            depth -= 1
            if not depth:
                return None if text[mark.end() :].strip() else pieces
    return None


class _Place:
    """Where pieces of a text begin, asked for from first to last."""

    def __init__(self, text: bytes) -> None:
        self._text, self._seen, self._line, self._line_start = text, 0, 1, 0

    def of(self, start: int, piece: bytes) -> Placed:
        """The piece that begins at `start`, without the blanks around it."""
        start += len(piece) - len(piece.lstrip())
        self._line += self._text.count(b"\n", self._seen, start)
        self._line_start = self._text.rfind(b"\n", 0, start) + 1
        self._seen = start
        before = self._text[self._line_start : start].decode("utf-8", "replace")
        return Placed.at(piece.strip(), self._line, len(before))


def _lines(body: bytes) -> list[Any]:
    return [Placed.at(line, number) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]
