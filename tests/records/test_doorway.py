"""The door of every server: how a request may begin. A real uvicorn, plain sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from records.serving.doorway import IDLE_SECONDS, guarded

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def _hello(request: Request) -> PlainTextResponse:
    await request.body()
    return PlainTextResponse("hello")


async def _late(_request: Request) -> PlainTextResponse:
    await asyncio.sleep(0.5)
    return PlainTextResponse("late")


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


@asynccontextmanager
async def door(**limits: Any) -> AsyncIterator[int]:
    """A server with a small app behind the guarded door; gives its port."""
    routes = [
        Route("/", _hello, methods=["GET", "POST"]),
        Route("/late", _late),
        WebSocketRoute("/echo", _echo),
    ]
    config = uvicorn.Config(
        Starlette(routes=routes), port=0, http=guarded(**limits), proxy_headers=False, log_level="critical"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 — uvicorn offers no event
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


class Client:
    """A connection that sends what it likes."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def __aenter__(self) -> Client:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def drip(self, text: bytes, every: float = 0.05) -> None:
        """Send a byte now and then, for ever."""
        while not self.writer.is_closing():
            for byte in text:
                self.writer.write(bytes([byte]))
                await asyncio.sleep(every)

    async def rest(self) -> bytes:
        """What is said until the server hangs up; whoever still sends then is told so by a reset."""
        said = b""
        async with asyncio.timeout(5):
            with suppress(ConnectionResetError):
                while piece := await self.reader.read(1 << 16):
                    said += piece
        return said


@pytest.mark.parametrize(
    "dripped",
    [b"", b"OPTIONS", b"GET / HTTP/1.1\r\nHost: x\r\nX: aaaaaaaaaa", b"\r\n", b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nX: a"],
    ids=["nothing", "method", "headers", "line ends", "handshake"],
)  # fmt: skip
async def test_a_head_that_does_not_come_ends_the_connection(dripped: bytes) -> None:
    async with door(head_seconds=0.3) as port, Client(port) as slow:
        dripping = asyncio.create_task(slow.drip(dripped)) if dripped else None
        said = await slow.rest()
        if dripping:
            dripping.cancel()
    assert said.startswith(b"HTTP/1.1 408 ") and b"problem+json" in said


@pytest.mark.parametrize("dripped", [b"GET /second", b"\r\n"])
async def test_a_second_head_on_the_same_connection_is_awaited_no_longer(dripped: bytes) -> None:
    async with door(head_seconds=0.3) as port, Client(port) as slow:
        slow.writer.write(GET)
        dripping = asyncio.create_task(slow.drip(dripped))
        said = await slow.rest()
        dripping.cancel()
    assert said.startswith(b"HTTP/1.1 200 ") and b"HTTP/1.1 408 " in said


@pytest.mark.parametrize(
    "head", [b"GET /" + b"a" * 90_000, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 15_000, b"GET / HTTP/1.1\r\nX: " + b"z" * 90_000]
)  # fmt: skip
async def test_a_head_without_end_is_refused(head: bytes) -> None:
    async with door() as port, Client(port) as client:
        client.writer.write(head)
        assert (await client.rest()).startswith(b"HTTP/1.1 431 ")


async def test_a_connection_lies_idle_longer_than_who_asks_again_on_it_waits() -> None:
    """Pages look every five seconds, nginx keeps a connection for a minute; uvicorn by itself closes after five."""
    assert IDLE_SECONDS > 60
    loop, asked = asyncio.get_running_loop(), []
    later = loop.call_later

    def noted(seconds: float, *work: Any, **named: Any) -> asyncio.TimerHandle:
        asked.append(seconds)
        return later(seconds, *work, **named)

    async with door() as port, Client(port) as client:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "call_later", noted)
            client.writer.write(GET)
            await client.reader.readuntil(b"hello")
        assert IDLE_SECONDS in asked and 5 not in asked
    async with door(idle_seconds=0.2) as port, Client(port) as client:
        client.writer.write(GET)
        assert (await client.rest()).endswith(b"hello"), "and then it is closed"


async def _served(port: int) -> bool:
    async with Client(port) as client:
        client.writer.write(GET)
        return b" 200 " in await client.reader.readline()


async def test_one_address_cannot_take_all_sockets() -> None:
    async with door(heads_per_address=3) as port:
        async with Client(port), Client(port), Client(port), Client(port) as further:
            assert (await further.rest()).startswith(b"HTTP/1.1 429 ")
        async with asyncio.timeout(5):
            while not await _served(port):
                continue


async def test_a_good_request_is_not_hurried() -> None:
    """A slow answer, a slow body, a request sent while one is answered, a WebSocket: all go on."""
    async with door(head_seconds=0.2) as port:
        async with Client(port) as client:
            client.writer.write(b"GET /late HTTP/1.1\r\nHost: x\r\n\r\nGET / HT")
            await asyncio.sleep(0.4)
            client.writer.write(b"TP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            said = await client.rest()
        assert said.count(b"HTTP/1.1 200 ") == 2
        async with Client(port) as client:
            client.writer.write(
                b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\na"
            )
            await asyncio.sleep(0.4)
            client.writer.write(b"b")
            assert (await client.rest()).startswith(b"HTTP/1.1 200 ")
        async with websockets.connect(f"ws://127.0.0.1:{port}/echo") as socket:
            await asyncio.sleep(0.4)
            await socket.send("still here")
            assert await socket.recv() == "still here"


async def test_an_address_has_so_many_connections_sockets_among_them() -> None:
    async with door(connections_per_address=4, limits_this_machine=True) as port:
        address = f"ws://127.0.0.1:{port}/echo"
        held = [await websockets.connect(address, proxy=None) for _ in range(4)]
        async with Client(port) as refused:
            refused.writer.write(GET)
            assert b"429" in await refused.rest()
        await held.pop().close()
        async with Client(port) as let_in:
            let_in.writer.write(GET)
            assert b"200 OK" in await let_in.reader.readline()
        for socket in held:
            await socket.close()


async def test_behind_this_machine_and_trusted_proxies_is_everybody() -> None:
    async with door(connections_per_address=2) as port:
        held = [await websockets.connect(f"ws://127.0.0.1:{port}/echo", proxy=None) for _ in range(5)]
        for socket in held:
            await socket.send("here")
            assert await socket.recv() == "here"
            await socket.close()
