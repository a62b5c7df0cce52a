"""Asks an ASGI app exactly what a test says: raw bytes in path, query, headers and body, as a server would hand them on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

Headers = list[tuple[bytes, bytes]]


@dataclass
class Answer:
    """What came back. A status of 599 stands for an exception that nobody dealt with."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: BaseException | None = None


def _scope(kind: str, path: bytes, query: bytes, headers: Headers) -> dict[str, Any]:
    return {
        "type": kind, "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http" if kind == "http" else "ws",
        "path": unquote(path.decode("latin-1")), "raw_path": path, "query_string": query, "root_path": "",
        "headers": [(b"host", b"test"), *headers], "client": ("203.0.113.7", 40000), "server": ("test", 80),
        "subprotocols": [], "state": {},
    }  # fmt: skip


async def ask(
    app: ASGIApp, path: bytes, query: bytes = b"", method: str = "GET", headers: Headers | None = None, body: bytes = b""
) -> Answer:  # fmt: skip
    """One HTTP request."""
    scope = {**_scope("http", path, query, headers or []), "method": method}
    answer, sent = Answer(), False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    try:
        await asyncio.wait_for(app(scope, receive, send), 20)
    except Exception as error:  # noqa: BLE001 — that nobody dealt with it is what the test wants to know
        answer.status, answer.error = 599, error
    return answer


async def listen(
    app: ASGIApp, path: bytes, query: bytes = b"", headers: Headers | None = None, first: str = ""
) -> Answer:
    """One WebSocket: connect, say something, hear the first message, leave. The status is the close code, 0 for none."""
    answer = Answer()
    heard = asyncio.Event()
    said = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": first}]

    async def receive() -> Message:
        if said:
            return said.pop(0)
        await heard.wait()
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Message) -> None:
        if message["type"] == "websocket.close":
            answer.status = message.get("code", 1000)
        if message["type"] != "websocket.accept":
            heard.set()

    asyncio.get_running_loop().call_later(0.05, heard.set)
    try:
        await asyncio.wait_for(app(_scope("websocket", path, query, headers or []), receive, send), 20)
    except Exception as error:  # noqa: BLE001
        answer.status, answer.error = 1011, error
    return answer
