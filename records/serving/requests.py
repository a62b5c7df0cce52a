"""How a server of ours may be asked: plain addresses, whole numbers, bodies of a known size that come in time.

Whatever comes over a network is checked here before it reaches a database, an integer or a template, so that
nonsense is answered with a 4xx that says what was wrong, never with a 500.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

LONGEST_ADDRESS = 8 << 10
"""Bytes of a path, and of a query."""
DIGITS = 15
"""Digits of a whole number: fits every database and every browser."""
BODY_IDLE, BODY_TOTAL = 10.0, 30.0
"""Seconds a body may pause, and take altogether."""
BODIES_PER_ADDRESS = 16
"""Bodies of one address that may be on their way at the same time."""
FIELDS = 50
"""Fields of a form."""
BAD_ADDRESS = 4400
"""Code with which a WebSocket of an address that is not plain is closed."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_on_their_way: Counter[str] = Counter()


class Refused(Exception):
    """A request that is not answered, with its status and what was wrong, zh / en."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers or {}


def whole(text: str) -> int | None:
    """A whole number in plain digits, at most fifteen; None for anything else ("", "-1", "１２", "1e5")."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else None


def plain(value: object) -> bool:
    """Whether a text can be stored and looked up everywhere: no NUL, no control character, no lone surrogate."""
    return isinstance(value, str) and not _CONTROL.search(value)


# ── addresses ────────────────────────────────────────────────────────────────


def _trouble(scope: Scope) -> Refused | None:
    """What is wrong with the address of a request, None if nothing is."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "replace")
    query: bytes = scope.get("query_string", b"")
    if len(raw) > LONGEST_ADDRESS or len(query) > LONGEST_ADDRESS:
        return Refused(
            414, f"网址超过 {LONGEST_ADDRESS} 字节 / the address is longer than {LONGEST_ADDRESS} bytes"
        )
    for part, zh, en in ((raw, "路径", "path"), (query.replace(b"+", b" "), "参数", "query")):
        try:
            text = unquote_to_bytes(part).decode("utf-8")
        except UnicodeDecodeError:
            return Refused(400, f"{zh}不是 UTF-8 / the {en} is not UTF-8")
        if _CONTROL.search(text):
            return Refused(400, f"{zh}含控制字符 / control characters in the {en}")
    return None


Refuse = Callable[[Request, Refused], Response]


def _problem(_request: Request, refused: Refused) -> Response:
    body = {"type": "about:blank", "status": refused.status, "detail": refused.detail}
    text = json.dumps(body, ensure_ascii=False)
    return Response(text, refused.status, refused.headers, media_type="application/problem+json")


class PlainAddresses:
    """Middleware: an address with control characters, in another encoding or without end is refused at once; a client
    that leaves while its WebSocket is being accepted or closed is no fault of ours."""

    def __init__(self, app: ASGIApp, refuse: Refuse = _problem) -> None:
        self._app, self._refuse = app, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._answer(scope, receive, send)
        except (WebSocketDisconnect, OSError):
            if scope["type"] != "websocket":
                raise

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        trouble = _trouble(scope) if scope["type"] in ("http", "websocket") else None
        if trouble is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            readable = {**scope, "query_string": b""}
            await self._refuse(Request(readable), trouble)(readable, receive, send)
        else:
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": BAD_ADDRESS, "reason": trouble.detail})


# ── bodies ───────────────────────────────────────────────────────────────────


def declared(request: Request) -> float:
    """The length a body says it has; 0 if it says none."""
    given = request.headers.get("content-length", "")
    if not (given.isascii() and given.isdigit()):
        return 0
    return int(given) if len(given) <= DIGITS else math.inf


async def body(request: Request, most: int) -> bytes:
    """The whole body. Raises Refused: 413 over `most` bytes, 408 too slow, 429 too many of this address, 400."""
    if declared(request) > most:
        raise _too_large(most)
    address = request.client.host if request.client else ""
    if _on_their_way[address] >= BODIES_PER_ADDRESS:
        raise Refused(429, "此地址未完成的提交过多 / too many unfinished requests from this address",
                      {"Retry-After": "10", "Connection": "close"})  # fmt: skip
    _on_their_way[address] += 1
    try:
        async with asyncio.timeout(BODY_TOTAL):
            return await _collected(request.stream(), most)
    except TimeoutError:
        raise Refused(408, "正文发送过慢 / the body came too slowly", {"Connection": "close"}) from None
    except ClientDisconnect:
        raise Refused(400, "连接在正文结束前断开 / the client went away") from None
    finally:
        _on_their_way[address] -= 1
        if not _on_their_way[address]:
            del _on_their_way[address]


async def _collected(stream: AsyncIterator[bytes], most: int) -> bytes:
    found = bytearray()
    while True:
        async with asyncio.timeout(BODY_IDLE):
            chunk = await anext(stream, None)
        if chunk is None:
            return bytes(found)
        found += chunk
        if len(found) > most:
            raise _too_large(most)


def _too_large(most: int) -> Refused:
    return Refused(413, f"正文超过 {most} 字节 / the body is over {most} bytes", {"Connection": "close"})


def json_object(raw: bytes) -> dict[str, Any]:
    """A JSON object in plain text. Raises Refused 400: not JSON, no object, nested without end, NUL or half a
    character somewhere in it."""
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refused(400, "不是有效的 JSON / not valid JSON") from None
    if not isinstance(given, dict):
        raise Refused(400, "应为 JSON 对象 / expected a JSON object")
    if not all(_storable(value) for pair in given.items() for value in pair):
        raise Refused(400, "含控制字符或不完整的字符 / control characters or half a character in it")
    return given


def form(raw: bytes) -> dict[str, str]:
    """The fields of a form that a browser sent (application/x-www-form-urlencoded). Raises Refused 400."""
    try:
        given = dict(parse_qsl(raw.decode("ascii"), True, errors="strict", max_num_fields=FIELDS))
    except ValueError:
        raise Refused(400, "不是有效的表单 / not a valid form") from None
    if not all(_storable(value) for pair in given.items() for value in pair):
        raise Refused(400, "含控制字符 / control characters in it")
    return given


def _storable(value: object) -> bool:
    """Texts of a form: line ends and tabs may stand in them."""
    return not isinstance(value, str) or plain(re.sub(r"[\t\r\n]", "", value))
