"""One source, however slow or greedy, keeps no other waiting: bodies, heads, WebSockets, answers nobody reads."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import websockets

from ingest.apply.envelopes import apply_batch
from ingest.config import IntakeConfig
from ingest.http.server import create_app
from records.ledger import Ledger
from records.sources import add_source

from .conftest import envelope, market
from .serving import auth, post, running

PIECE = json.dumps(envelope("bid", "b", {"lot": "l0", "bidder": "o0"})).encode()


@pytest.fixture
def ledger(sqlite_ledger: Ledger) -> Iterator[Ledger]:
    apply_batch(sqlite_ledger, "hz", market())
    yield sqlite_ledger


@pytest.fixture
def tokens(ledger: Ledger) -> dict[str, str]:
    with ledger.write() as session:
        return {name: add_source(session, name) for name in ("hz", "slow")}


class Slow:
    """A connection on which a request is begun and not ended."""

    def __init__(self, at: str, begun: bytes) -> None:
        self.at, self.begun = at, begun

    async def __aenter__(self) -> Slow:
        host, _, port = self.at.partition(":")
        self.reader, self.writer = await asyncio.open_connection(host, int(port))
        self.writer.write(self.begun)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def drip(self, every: float) -> None:
        while not self.writer.is_closing():
            self.writer.write(b" ")
            await asyncio.sleep(every)

    async def told(self) -> bytes:
        return await asyncio.wait_for(self.reader.readline(), 10)


def head(token: str, length: int = 900_000) -> bytes:
    return (
        f"POST /records HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nAuthorization: Bearer {token}\r\n\r\n["
    ).encode()


async def served(at: str, token: str) -> float:
    """Send a record; how long its answer took."""
    began = time.monotonic()
    answer = await post(at, b"[" + PIECE + b"]", auth(token))
    assert answer.status_code == 200 and answer.json()[0]["status"] in ("accepted", "duplicate")
    return time.monotonic() - began


@pytest.mark.parametrize("bodies", [8, 40])
async def test_slow_bodies_of_one_source_block_nobody_else(
    bodies: int, ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    async with running(ledger, tmp_path, body_wait=0.3) as at, AsyncExitStack() as stack:
        slow = [await stack.enter_async_context(Slow(at, head(tokens["slow"]))) for _ in range(bodies)]
        assert await served(at, tokens["hz"]) < 5
        heard = {asyncio.create_task(one.told()) for one in slow}
        refused: set[asyncio.Task[bytes]] = set()
        while len(refused) < bodies - 4:
            done, heard = await asyncio.wait(heard, timeout=10, return_when=asyncio.FIRST_COMPLETED)
            assert done and all(b" 429 " in task.result() for task in done)
            refused |= done
        assert (await post(at, b"[]", auth(tokens["slow"]))).status_code == 429, "the four are still there"
        for task in heard:
            task.cancel()
        for one in slow:
            one.writer.close()
        async with asyncio.timeout(10):
            while (await post(at, b"[]", auth(tokens["slow"]))).status_code != 200:
                continue


async def test_a_body_that_only_drips_is_given_up(
    ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    limits = {"body_grace": 0.3, "body_rate": 1000}
    async with running(ledger, tmp_path, **limits) as at, Slow(at, head(tokens["slow"])) as slow:
        dripping = asyncio.create_task(slow.drip(0.02))
        assert b" 408 " in await slow.told()
        dripping.cancel()


@pytest.mark.parametrize(
    "begun", [b"POST /records HT", b"GET /records HTTP/1.1\r\nUpgrade: websocket\r\nX: ", b""]
)
async def test_a_slow_head_is_given_up(
    begun: bytes, ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    async with running(ledger, tmp_path, head_seconds=0.3) as at, Slow(at, begun) as slow:
        assert b" 408 " in await slow.told()
        assert await served(at, tokens["hz"]) < 5


async def test_sockets_of_one_source_are_counted(
    ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    async with running(ledger, tmp_path, sockets_each=3) as at, AsyncExitStack() as stack:

        async def joined(name: str) -> websockets.ClientConnection:
            connecting = websockets.connect(f"ws://{at}/records", additional_headers=auth(tokens[name]))
            socket = await stack.enter_async_context(connecting)
            await socket.send('{"resume": true}')
            return socket

        mine = [await joined("slow") for _ in range(3)]
        for socket in mine:
            assert "resume" in json.loads(await socket.recv())
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await (await joined("slow")).recv()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4429
        assert "resume" in json.loads(await (await joined("hz")).recv())
        await mine[0].close()
        async with asyncio.timeout(10):
            while True:
                try:
                    assert "resume" in json.loads(await (await joined("slow")).recv())
                    break
                except websockets.ConnectionClosed:
                    continue


async def test_sockets_without_a_token_are_counted(
    ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    async with running(ledger, tmp_path, strangers_each=2) as at, AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(websockets.connect(f"ws://{at}/records"))
        further = await stack.enter_async_context(websockets.connect(f"ws://{at}/records"))
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(further.recv(), 5)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4429
        known = websockets.connect(f"ws://{at}/records", additional_headers=auth(tokens["hz"]))
        socket = await stack.enter_async_context(known)
        await socket.send(PIECE.decode())
        assert json.loads(await socket.recv())["status"] == "accepted"


def scope(kind: str, token: str, path: str = "/records") -> dict[str, Any]:
    return {
        "type": kind, "path": path, "raw_path": path.encode(), "method": "GET", "query_string": b"", "root_path": "",
        "headers": [(b"authorization", f"Bearer {token}".encode())], "client": ("127.0.0.1", 1), "scheme": kind,
        "server": ("127.0.0.1", 8602), "http_version": "1.1", "subprotocols": [],
    }  # fmt: skip


class Deaf:
    """One end of a connection that sends and does not read what it is answered."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = list(messages)
        self.got: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        if not self.messages:
            await asyncio.Event().wait()
        return self.messages.pop(0)

    async def send(self, message: Any) -> None:
        self.got.append(message)
        if message["type"] in ("websocket.send", "http.response.body"):
            await asyncio.Event().wait()


async def test_who_does_not_read_its_answers_is_left(
    ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    url = ledger.url.render_as_string(hide_password=False)
    app = create_app(IntakeConfig(url, tmp_path, send_idle=0.2))
    said = [{"type": "websocket.receive", "text": PIECE.decode()} for _ in range(5)]
    socket, page = Deaf({"type": "websocket.connect"}, *said), Deaf({"type": "http.request"})
    async with app.router.lifespan_context(app), asyncio.timeout(20):
        await app(scope("websocket", tokens["slow"]), socket.receive, socket.send)
        with pytest.raises(TimeoutError):
            await app(scope("http", tokens["slow"], "/schema"), page.receive, page.send)
    assert (socket.got[-1]["type"], socket.got[-1]["code"]) == ("websocket.close", 4408)


async def test_no_more_is_taken_in_than_is_read_back(
    ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    url = ledger.url.render_as_string(hide_password=False)
    app = create_app(IntakeConfig(url, tmp_path, send_idle=0.5, unread=10))
    said = [{"type": "websocket.receive", "text": PIECE.decode()} for _ in range(500)]
    socket = Deaf({"type": "websocket.connect"}, *said)
    async with app.router.lifespan_context(app), asyncio.timeout(20):
        await app(scope("websocket", tokens["slow"]), socket.receive, socket.send)
    assert len(socket.messages) >= 500 - 15
