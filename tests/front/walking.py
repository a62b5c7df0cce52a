"""Finds every address of an app in its routing table and every parameter an address reads, and asks nonsense of each.

What an address reads is found by watching: query parameters and headers are noted as they are looked up, and a name
that turns up is asked for from then on. A new address, and a new parameter of an old one, is thus walked by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.datastructures import Headers, ImmutableMultiDict
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp

from tests.front.asgi import Answer, ask, listen

PLAIN = ("", "-1", "0", "1.5", "1e5", "NaN", "true", "null", "x" * 300, "１２３", "²", "𝟙𝟚", "٣", "9" * 5000, "9" * 30,
         "9223372036854775808", "-9223372036854775809", "0001-01", "9999-12", "0001-01-01", "9999-12-31", "2026-13-01",
         "2026-W48-4", "[]", "{}", "'\"<>&;--", "\u202e", "%", "%s", "{x}", "../../etc/passwd", "a/b", "a,b,,c", "*",
         "=1+1", "\U0001f600")  # fmt: skip
"""Values as a person would type them; they are percent-encoded on their way."""
RAW = (b"%00", b"a%00b", b"%0d%0aX:%20y", b"%ff", b"%ED%A0%80", b"%c3%28", b"%zz", b"%", b"%1", b"+", b"\xff\xfe",
       b"x" * 100_000, b"%25%32%35")  # fmt: skip
"""Values that no person types."""
VALUES = (*(quote(value, safe="").encode() for value in PLAIN), *RAW)
HEADERS = (b"", b"\xff\xfe", b"bytes=0-,1-x", b"9" * 5000, b"Bearer", b"Bearer \xe5\xbc\xa0", b"Bearer a.b.c", b"Basic !!",
           b"sunbid_session=\xff; =;;", b"sunbid_session=a.b.c", b"application/json; charset=\x80", b"gzip, gzip",
           b"bytes=18446744073709551616-", b'W/"x', b"x" * 60_000)  # fmt: skip
BODIES = (b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 16_000, b'{"a":' * 3_000, b'{"name":"\\ud800"}',
          b'{"name":"a\\u0000b","password":"x"}', b'{"action":{},"note":1e400,"disposition":[]}', b'{"action":"' + b"9" * 5000 + b'"}',
          b'{"n":' + b"9" * 5000 + b"}", b"name=%00&password=%ff", b"name=%ED%A0%80", b"name=a&name=b&name", b"&" * 500,
          b"v=0\r\n" * 100, b"v=0\r\nm=audio \xe2\x82\x82 x", b"x" * 100_000)  # fmt: skip
KINDS = (b"application/json", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x", b"application/sdp",
         b"application/trickle-ice-sdpfrag", b"text/plain", b"")  # fmt: skip


class Names:
    """What one address was seen to read."""

    def __init__(self) -> None:
        self.query: set[str] = {"lang"}
        self.headers: set[str] = set()


@contextmanager
def watching(names: Names) -> Iterator[None]:
    """Note every query parameter and header that is looked up meanwhile."""

    def noting(cls: type, method: str, into: set[str]) -> Any:
        real = getattr(cls, method)

        def look(self: Any, key: Any, *more: Any) -> Any:
            if isinstance(key, str):
                into.add(key.lower() if cls is Headers else key)
            return real(self, key, *more)

        return mock.patch.object(cls, method, look)

    with (
        noting(ImmutableMultiDict, "__getitem__", names.query),
        noting(ImmutableMultiDict, "get", names.query),
        noting(ImmutableMultiDict, "getlist", names.query),
        noting(ImmutableMultiDict, "__contains__", names.query),
        noting(Headers, "__getitem__", names.headers),
        noting(Headers, "get", names.headers),
        noting(Headers, "__contains__", names.headers),
    ):
        yield


def addresses(app: Starlette) -> list[Route | WebSocketRoute]:
    """Every address of an app. A kind of route that is not known here fails: it would go unwalked."""

    def flat(routes: Iterable[BaseRoute]) -> Iterator[Route | WebSocketRoute]:
        for route in routes:
            if isinstance(route, Route | WebSocketRoute):
                yield route
            else:
                yield from flat(route.routes)  # type: ignore[attr-defined]

    return list(flat(app.routes))


class Walk:
    """Walks one app; `known` gives a good value for a path parameter, `headers` go with every request."""

    def __init__(
        self, app: ASGIApp, known: dict[str, str], headers: list[tuple[bytes, bytes]] | None = None
    ) -> None:
        self.values = VALUES
        self.app, self.known, self.headers = app, known, headers or []
        self.asked = 0
        self.faults: list[str] = []
        self.read: dict[str, Names] = {}

    async def route(self, route: Route | WebSocketRoute) -> None:
        """Everything of one address."""
        names = self.read.setdefault(route.path, Names())
        methods = sorted((route.methods or set()) - {"HEAD"}) if isinstance(route, Route) else ["WS"]
        with watching(names):
            for method in methods:
                await self._paths(route, method)
                await self._queries(route, method, names)
                await self._headers(route, method, names)
                if method in ("POST", "PUT", "PATCH"):
                    await self._bodies(route, method)

    def _path(self, route: Route | WebSocketRoute, **instead: bytes) -> bytes:
        path = route.path.encode()
        for name in route.param_convertors:
            value = instead.get(name) or quote(self.known.get(name, "x")).encode()
            for form in (f"{{{name}}}", f"{{{name}:path}}", f"{{{name}:int}}"):
                path = path.replace(form.encode(), value)
        return path

    async def _paths(self, route: Route | WebSocketRoute, method: str) -> None:
        await self._one(method, self._path(route))
        for name in route.param_convertors:
            for value in self.values:
                if value:
                    await self._one(method, self._path(route, **{name: value}))

    async def _queries(self, route: Route | WebSocketRoute, method: str, names: Names) -> None:
        done: set[str] = set()
        while left := names.query - done:
            for name in sorted(left):
                done.add(name)
                key = quote(name).encode()
                for value in self.values:
                    await self._one(method, self._path(route), key + b"=" + value)
                await self._one(method, self._path(route), b"&".join([key + b"=1", key + b"=2", key]))
        await self._one(method, self._path(route), b"&" * 3000)
        await self._one(method, self._path(route), b"%ff=1&%00=2")

    async def _headers(self, route: Route | WebSocketRoute, method: str, names: Names) -> None:
        done: set[str] = set()
        while left := names.headers - done:
            for name in sorted(left):
                done.add(name)
                for value in HEADERS:
                    await self._one(method, self._path(route), headers=[(name.encode(), value)])

    async def _bodies(self, route: Route | WebSocketRoute, method: str) -> None:
        for kind in KINDS:
            for body in BODIES:
                await self._one(method, self._path(route), headers=[(b"content-type", kind)], body=body)

    async def _one(
        self, method: str, path: bytes, query: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None, body: bytes = b""
    ) -> None:  # fmt: skip
        instead = {name for name, _ in headers or []}
        sent = [pair for pair in self.headers if pair[0] not in instead] + (headers or [])
        self.asked += 1
        if method == "WS":
            answer = await listen(self.app, path, query, sent)
        else:
            answer = await ask(self.app, path, query, method, sent, body)
        if why := _fault(answer, method):
            shown = f"{method} {path[:80]!r} ?{query[:80]!r} {headers and headers[0][0]} {body[:40]!r}"
            self.faults.append(f"{why}: {shown} {answer.error!r}"[:400])


def _fault(answer: Answer, method: str) -> str:
    """What is wrong with an answer: 500 and the like, or a refusal without a word."""
    if method == "WS":
        return "1011" if answer.status == 1011 else ""
    if answer.status >= 500 or answer.status < 200:
        return str(answer.status)
    silent = answer.status >= 400 and answer.status != 416 and not answer.body
    return "no word of what was wrong" if silent else ""
