"""The door of every server of ours: uvicorn's HTTP protocol, with limits on how a request may begin.

uvicorn waits for ever for the head of a request and takes one of any size, so a few hundred connections
that send a byte now and then would use up a server's sockets. All that is limited is the head, and how many
connections one address has: bodies and WebSockets are the business of whoever answers.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar
from weakref import WeakSet

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from messages import Message, language_of
from records.serving import problems

HEAD_SECONDS = 10.0
"""Within so long a request's head must have come, counted from the connection or from its first byte."""
HEAD_BYTES = 64 << 10
"""Longest head: the request line and all header lines together."""
CONNECTIONS_PER_ADDRESS = 1000
"""Open connections of one address, WebSockets among them: a large office behind one address fits. This machine
itself and the proxies that are trusted have no limit: behind them is everybody."""
HEADS_PER_ADDRESS = 256
"""Connections of one address whose head is still awaited; a further one is closed at once."""

IDLE_SECONDS = 75.0
"""How long a connection may lie between two requests: longer than a page waits between two looks (5 s) and than a
proxy keeps one for the next (nginx: 60 s), so that nobody asks on a connection that is just being closed."""
SOCKET_LINE_BYTES, SOCKET_LINES = 8000, 100
"""Longest header line and most header lines of a WebSocket's request: with more its protocol would stand still."""

_MOST_ADDRESSES = 10_000
_REASONS = {
    408: Message("http.head_too_slow"),
    431: Message("http.head_too_large", most=HEAD_BYTES, lines=SOCKET_LINES, line=SOCKET_LINE_BYTES),
    429: Message("http.too_many_connections"),
}
_PHRASES = {408: "Request Timeout", 429: "Too Many Requests", 431: "Request Header Fields Too Large"}


class GuardedHttp(HttpToolsProtocol):
    """For `uvicorn.Config(http=…)`; `guarded` makes one with other limits."""

    head_seconds = HEAD_SECONDS
    heads_per_address = HEADS_PER_ADDRESS
    connections_per_address = CONNECTIONS_PER_ADDRESS
    limits_this_machine = False
    idle_seconds = IDLE_SECONDS
    _open: ClassVar[dict[str, WeakSet[asyncio.Transport]]] = {}
    """Address → its connections, upgraded ones too."""
    _awaited: ClassVar[Counter[str]] = Counter()
    """Address → connections whose head has not come yet, in the whole process."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.timeout_keep_alive = self.idle_seconds  # type: ignore[assignment]
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes: int | None = None
        """Bytes of a head that has begun to come; None between heads."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection: from now on its first request is awaited."""
        super().connection_made(transport)
        self._await_head()
        if self._awaited[self._address] > self.heads_per_address or self._crowded(transport):
            self._refuse(429)

    def connection_lost(self, exc: Exception | None) -> None:
        """Its end: nothing is awaited any longer."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request; more than a head may have, before it is complete, are refused."""
        if self.transport.is_closing():
            return
        if not self._answering:
            self._await_head()  # whatever it is that comes: line ends before a request would do
        super().data_received(data)
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(431)

    def on_message_begin(self) -> None:
        """The first byte of a request, perhaps of one that is sent while the one before is answered."""
        super().on_message_begin()
        self._head_bytes = 0
        self._await_head()

    def on_headers_complete(self) -> None:
        """The head is here."""
        self._head_bytes = None
        self._head_came()
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        """A request for a WebSocket: its protocol reads the head anew, and never answers one it finds too large."""
        lines = [len(name) + len(value) for name, value in self.headers]
        if len(lines) > SOCKET_LINES or max([len(self.url), *lines]) > SOCKET_LINE_BYTES:
            self._refuse(431)
        else:
            super().handle_websocket_upgrade()

    def _crowded(self, transport: asyncio.Transport) -> bool:
        """Whether this address has too many connections with this one."""
        if self._everybody(self._address):
            return False
        held = self._open.setdefault(self._address, WeakSet())
        if len(held) >= self.connections_per_address:
            for closed in [one for one in held if one.is_closing()]:
                held.discard(closed)
        if len(self._open) > _MOST_ADDRESSES:
            for empty in [address for address, them in self._open.items() if not them]:
                del self._open[empty]
        if len(held) >= self.connections_per_address:
            return True
        held.add(transport)
        return False

    def _everybody(self, address: str) -> bool:
        """Whether all visitors may come from this address."""
        try:
            found = ip_address(address)
        except ValueError:
            return True  # no network address: a socket file
        if found.is_loopback and not self.limits_this_machine:
            return True
        named = self.config.forwarded_allow_ips if self.config.proxy_headers else []
        proxies = named.split(",") if isinstance(named, str) else named
        return any(one.strip() == "*" or found in ip_network(one.strip()) for one in proxies)

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._awaited[self._address] += 1
            self._head_timer = self.loop.call_later(self.head_seconds, self._late)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
            self._awaited[self._address] -= 1
            if not self._awaited[self._address]:
                del self._awaited[self._address]

    def _late(self) -> None:
        """Too late, unless the answer to the request before keeps us from reading this one."""
        self._head_came()
        if self._answering:
            self._await_head()
        else:
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Say why and hang up; a client that does not read the reason is cut off all the same."""
        self._head_came()
        if self.transport.is_closing():
            return
        given = dict(self.headers or ()).get(b"accept-language", b"").decode("latin-1")
        body = problems.details(status, _REASONS[status], language_of(given))
        head = (
            f"HTTP/1.1 {status} {_PHRASES[status]}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def guarded(
    head_seconds: float = HEAD_SECONDS, heads_per_address: int = HEADS_PER_ADDRESS,
    connections_per_address: int = CONNECTIONS_PER_ADDRESS, limits_this_machine: bool = False,
    idle_seconds: float = IDLE_SECONDS,
) -> type[GuardedHttp]:  # fmt: skip
    """The protocol with these limits."""
    limits = {
        "head_seconds": head_seconds, "heads_per_address": heads_per_address, "_awaited": Counter(),
        "connections_per_address": connections_per_address, "limits_this_machine": limits_this_machine, "_open": {},
        "idle_seconds": idle_seconds,
    }  # fmt: skip
    return type("GuardedHttp", (GuardedHttp,), limits)
