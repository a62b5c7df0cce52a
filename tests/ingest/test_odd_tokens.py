"""Tokens no source has, of whatever bytes, at every door that asks for one: refused, and nothing stumbles over them."""

from __future__ import annotations

import asyncio
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import websockets

from records.ledger import Ledger

from .serving import running

TOKENS = ['"\\ud800"', '"é\\ud800"', '"\\udfff\\ud800"', '"\\u0000"', f'"{"x" * 20_000}"', '""', '" "', '"\\ud83d\\ude00"',
          "null", "1", "[]", '{"a": 1}', "true", "1e400", "[" * 400 + "]" * 400]  # fmt: skip
FIRST: list[str | bytes] = [
    *(f'{{"token": {token}}}' for token in TOKENS), '"\\ud800"', "", "{", '{"token": "\\ud800"', "\x00",
    '{"token": "a", "token": "b"}', b"\xff\xfe", b'{"token": "\xff"}', b'{"token": "\xed\xa0\x80"}', b"",
]  # fmt: skip
HEADERS = [b"Bearer \xff", b"Bearer \xc3\xa9\xed\xa0\x80", b"Bearer a\x7fb", b"Bearer " + b"x" * 20_000, b"Bearer", b"Bearer  ",
           b"Basic \xff\xfe", b"\xff\xff", b"bearer \xe9", b"Bearer a b"]  # fmt: skip
UPGRADE = (
    b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)  # fmt: skip


async def test_a_websockets_first_message(
    sqlite_ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(sqlite_ledger, tmp_path) as at:
        for first in FIRST:
            async with websockets.connect(f"ws://{at}/records") as socket:
                await socket.send(first)
                await closed(socket, 4401, first)
    assert not stumbled(caplog)


async def test_a_requests_header(
    sqlite_ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(sqlite_ledger, tmp_path) as at:
        for value in HEADERS:
            assert await asked(at, b"POST", value, b"[]") in (400, 401, 431), value
    assert not stumbled(caplog)


async def test_a_websockets_header_from_one_who_leaves_at_once(
    sqlite_ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A header without a token leaves the word to the first message, and a head too large is answered too."""
    async with running(sqlite_ledger, tmp_path) as at:
        for value in HEADERS:
            expected = 431 if len(value) > 8000 else 400 if b"\x7f" in value else 101
            assert await asked(at, b"GET", value, b"", *UPGRADE) == expected, value
        many = [b"X-%d: y" % number for number in range(200)]
        assert await asked(at, b"GET", b"Bearer x", b"", *UPGRADE, *many) == 431
        assert await asked(at, b"GET", b"Bearer x", b"", *UPGRADE) == 101, "and the others are served"
    assert not stumbled(caplog)


async def closed(socket: Any, code: int, first: str | bytes) -> None:
    with pytest.raises(websockets.ConnectionClosed) as end:
        async with asyncio.timeout(10):
            while True:
                await socket.recv()
    assert end.value.rcvd is not None, first
    assert end.value.rcvd.code == code and re.search("[一-龥]", end.value.rcvd.reason), first
    assert " / " not in end.value.rcvd.reason


async def asked(at: str, method: bytes, authorization: bytes, body: bytes, *more: bytes) -> int:
    """The status of the answer to a request of these very bytes; 0 where the connection is cut without one."""
    host, port = at.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = [method + b" /records HTTP/1.1", b"Host: x", b"Authorization: " + authorization, *more]
    head += [b"Content-Length: %d" % len(body)] if body else []
    writer.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
    async with asyncio.timeout(5):
        answer = await reader.readline()
    writer.close()
    return int(answer.split()[1]) if answer else 0


def stumbled(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.exc_info or r.levelno >= logging.ERROR]
