"""How a server of ours may be asked: plain addresses, whole numbers, bodies of a known size that come in time.

Whatever comes over a network is checked here before it reaches a database, an integer or a template, so that
nonsense is answered with a 4xx that says what was wrong, never with a 500.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes, urlencode

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from messages import Message, language_of
from records.serving.language import language
from records.serving.problems import Problem

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


def whole(text: str) -> int | None:
    """A whole number in plain digits, at most fifteen; None for anything else ("", "-1", "１２", "1e5")."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else None


def plain(value: object) -> bool:
    """Whether a text can be stored and looked up everywhere: no NUL, no control character, no lone surrogate."""
    return isinstance(value, str) and not _CONTROL.search(value)


# ── addresses ────────────────────────────────────────────────────────────────


def _trouble(scope: Scope) -> Problem | None:
    """What is wrong with the address of a request, None if nothing is."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "replace")
    query: bytes = scope.get("query_string", b"")
    if len(raw) > LONGEST_ADDRESS or len(query) > LONGEST_ADDRESS:
        return Problem(414, Message("http.address_too_long", most=LONGEST_ADDRESS))
    for part in (raw, query.replace(b"+", b" ")):
        try:
            text = unquote_to_bytes(part).decode("utf-8")
        except UnicodeDecodeError:
            return Problem(400, Message("http.address_not_utf8"))
        if _CONTROL.search(text):
            return Problem(400, Message("http.control_characters_in_address"))
    return None


Refuse = Callable[[Request, Problem], Response]


def _problem(_request: Request, refused: Problem) -> Response:
    return refused.response()


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
            readable = {**scope, "query_string": urlencode({"lang": language(scope)}).encode()}
            await self._refuse(Request(readable), trouble)(readable, receive, send)
        else:
            await receive()
            await send({"type": "websocket.accept"})
            lang = language_of(Headers(scope=scope).get("accept-language"))
            await send({"type": "websocket.close", "code": BAD_ADDRESS, "reason": trouble.message.text(lang)})


# ── bodies ───────────────────────────────────────────────────────────────────


def declared(request: Request) -> float:
    """The length a body says it has; 0 if it says none."""
    given = request.headers.get("content-length", "")
    if not (given.isascii() and given.isdigit()):
        return 0
    return int(given) if len(given) <= DIGITS else math.inf


async def body(request: Request, most: int) -> bytes:
    """The whole body. Raises Problem: 413 over `most` bytes, 408 too slow, 429 too many of this address, 400."""
    if declared(request) > most:
        raise _too_large(most)
    address = request.client.host if request.client else ""
    if _on_their_way[address] >= BODIES_PER_ADDRESS:
        raise Problem(429, Message("http.too_many_bodies"),
                      {"Retry-After": "10", "Connection": "close"})  # fmt: skip
    _on_their_way[address] += 1
    try:
        async with asyncio.timeout(BODY_TOTAL):
            return await _collected(request.stream(), most)
    except TimeoutError:
        raise Problem(408, Message("http.body_too_slow"), {"Connection": "close"}) from None
    except ClientDisconnect:
        raise Problem(400, Message("http.body_cut_off")) from None
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


def _too_large(most: int) -> Problem:
    return Problem(413, Message("http.body_too_large", most=most), {"Connection": "close"})


def json_object(raw: bytes) -> dict[str, Any]:
    """A JSON object in plain text. Raises Problem 400: not JSON, no object, nested without end, NUL or half a
    character somewhere in it."""
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError):
        raise Problem(400, Message("http.no_json")) from None
    if not isinstance(given, dict):
        raise Problem(400, Message("http.no_json_object"))
    if not all(_storable(value) for pair in given.items() for value in pair):
        raise Problem(400, Message("http.bad_characters"))
    return given


def form(raw: bytes) -> dict[str, str]:
    """The fields of a form that a browser sent (application/x-www-form-urlencoded). Raises Problem 400."""
    try:
        given = dict(parse_qsl(raw.decode("ascii"), True, errors="strict", max_num_fields=FIELDS))
    except ValueError:
        raise Problem(400, Message("http.no_form")) from None
    if not all(_storable(value) for pair in given.items() for value in pair):
        raise Problem(400, Message("http.control_characters"))
    return given


def _storable(value: object) -> bool:
    """Texts of a form: line ends and tabs may stand in them."""
    return not isinstance(value, str) or plain(re.sub(r"[\t\r\n]", "", value))


def network(address: str) -> str:
    """What counts as one address: a whole /64 of IPv6, because that is what one visitor is given."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def has_tag(request: Request, tag: str) -> bool:
    """Whether the caller holds the state of that ETag: a list of tags, weak ones too, or any (RFC 9110 § 13.1.2)."""
    told = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    return tag in told or told == ["*"]
