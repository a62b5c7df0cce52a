"""WebSocket feeds: the events of one opening, and the state of the hall.

A subscriber holds a position in a list shared by all, so a slow one costs no memory; when it cannot
take a message in time its connection is closed and it comes back with `after=`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable

import structlog
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from messages import language_of, say
from records.clock import now, rfc3339
from records.serving.requests import whole
from streaming.live.board import Board
from streaming.live.logs import Logs, OpeningLog
from streaming.service import Service

log = structlog.get_logger()

SEND_SECONDS = 10.0
HEARTBEAT_SECONDS = 20.0

BAD_REQUEST = 4400
UNKNOWN = 4404
TOO_SLOW = 4408
FULL = 1013
"""Close codes: what was asked is wrong · no such opening · too slow, resume · too many, come later."""


class Feeds(Service):
    """All WebSocket subscribers of the hub."""

    def __init__(self, logs: Logs, board: Board, limit: int) -> None:
        self._logs = logs
        self._board = board
        self._limit = limit
        self.open: set[WebSocket] = set()
        self.sent = 0

    def routes(self) -> list[BaseRoute]:
        """Both feeds."""
        return [
            WebSocketRoute("/feeds/openings/{id:path}", self.opening),
            WebSocketRoute("/feeds/hall", self.hall),
        ]

    def metrics(self) -> Iterable[Metric]:
        """Who listens, and what was sent."""
        yield GaugeMetricFamily("sunbid_hub_feeds", "open WebSocket feeds", len(self.open))
        yield CounterMetricFamily("sunbid_hub_feed_messages", "feed messages sent", self.sent)

    async def opening(self, socket: WebSocket) -> None:
        """`WS /feeds/openings/{id}?after=SEQ`: gapless replay from `after`, then live."""
        await socket.accept()
        after = whole(socket.query_params.get("after", "0"))
        if after is None:
            await socket.close(BAD_REQUEST, _reason(socket, "http.not_whole", name="after"))
            return
        log = await self._logs.get(opening := socket.path_params["id"])
        if log is None:
            await socket.close(UNKNOWN, _reason(socket, "opening.unknown_opening", opening=opening[:20]))
            return
        log.subscribers += 1
        try:
            await self._serve(socket, lambda: self._send_events(socket, log, after))
        finally:
            log.subscribers -= 1
            log.used = time.monotonic()

    async def hall(self, socket: WebSocket) -> None:
        """`WS /feeds/hall`: the rooms whenever one changes, and the time at least every 20 s."""
        await socket.accept()
        await self._serve(socket, lambda: self._show(socket))

    async def _serve(self, socket: WebSocket, send: Callable[[], Awaitable[None]]) -> None:
        """Send until the other side leaves or falls behind."""
        if len(self.open) >= self._limit:
            await socket.close(FULL, _reason(socket, "feed.full"))
            return
        self.open.add(socket)
        sending, leaving = asyncio.ensure_future(send()), asyncio.ensure_future(_left(socket))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and isinstance(sending.exception(), TimeoutError):
                await _close(socket, TOO_SLOW, _reason(socket, "feed.too_slow"))
        finally:
            self.open.discard(socket)
            for task in (sending, leaving):
                task.add_done_callback(_heard)
                task.cancel()

    async def _send_events(self, socket: WebSocket, log: OpeningLog, after: int) -> None:
        while True:
            version = log.signal.version
            while after < len(log.texts):
                await self._send(socket, log.texts[after])
                after += 1
            await log.signal.newer(version)

    async def _show(self, socket: WebSocket) -> None:
        version = -1
        while True:
            if version != self._board.signal.version:
                version = self._board.signal.version
                message = {"now": rfc3339(now()), "version": self._board.stamp, "rooms": self._board.rooms()}
            else:
                message = {"now": rfc3339(now())}
            await self._send(socket, json.dumps(message, ensure_ascii=False, separators=(",", ":")))
            await self._board.signal.newer(version, HEARTBEAT_SECONDS)

    async def _send(self, socket: WebSocket, text: str) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await socket.send_text(text)
        self.sent += 1


def _reason(socket: WebSocket, key: str, **parameters: str) -> str:
    """Why a socket is closed, in the language its browser prefers; at most 123 bytes may be said."""
    return say(key, language_of(socket.headers.get("accept-language")), **parameters)


def _heard(task: asyncio.Future[None]) -> None:
    """Take a finished task's exception: a lost connection ends a subscription and is no news, a fault is."""
    error = None if task.cancelled() else task.exception()
    if error and not isinstance(error, TimeoutError | WebSocketDisconnect | RuntimeError | OSError):
        log.error("feed_failed", exc_info=error)


async def _left(socket: WebSocket) -> None:
    """Return when the other side is gone; what it says meanwhile is not listened to."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    if socket.application_state is not WebSocketState.CONNECTED:
        return
    try:
        await asyncio.wait_for(socket.close(code, reason), 2.0)
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        return  # already gone: there is nobody to tell
