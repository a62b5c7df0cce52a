"""The desk's live feeds; of its own WS /feeds/warnings: one poller a process, replay then live, no gap."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import anyio
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard import context, screens
from dashboard import metrics as ops
from dashboard.http import gate
from dashboard.live import api as live_api
from dashboard.live import lead_routes, rule_routes, ticker, witness_api
from records.ledger import Ledger
from records.serving.requests import whole
from records.serving.workers import Worker
from supervision.warnings import desk as warnings

log = structlog.get_logger()

POLL_SECONDS = 0.2
SEND_SECONDS = 5.0
"""A socket that takes no message for so long is closed; its page comes back and resumes."""
CHECK_SECONDS = 10.0
"""How often a quiet socket's sign-in is checked again."""
PAGE = 500
RING = 2000
"""Newest messages kept in memory for all sockets; older ones are read from the ledger."""

SIGN_IN, FORBIDDEN, BAD_QUESTION, TRY_AGAIN = 4401, 4403, 4400, 1013

Message = tuple[int, str]
"""Sequence number and the message as JSON text, written once for all sockets."""


class Changes:
    """Follows `warning_change` from one thread and keeps the newest messages; wakes whoever waits."""

    def __init__(self, ledger: Ledger, poll_seconds: float = POLL_SECONDS) -> None:
        self._ledger = ledger
        self._poll_seconds = poll_seconds
        self._lock = threading.Lock()
        self._ring: deque[Message] = deque()
        self._floor = 0
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._stop = threading.Event()
        self._tail = warnings.new_changes()
        with ledger.read() as session:
            self._tail.from_the_end(session)
        self._floor = self._tail.high
        self._thread = ops.WORKERS.thread("warning-feed", self._run, heals=False)

    @property
    def ledger(self) -> Ledger:
        """The ledger that is followed."""
        return self._ledger

    def _run(self, worker: Worker) -> None:
        while not self._stop.wait(self._poll_seconds):
            worker.beat()
            try:
                while self._read_new() == PAGE:
                    continue
            except SQLAlchemyError as error:
                log.warning("warning feed cannot read the ledger", error=type(error).__name__)
                self._stop.wait(2.0)

    def _read_new(self) -> int:
        """Read what is new; numbers appear in order (see supervision.warnings.raising)."""
        with self._ledger.read() as session:
            rows = warnings.messages_of(self._tail.poll(session, PAGE))
        if not rows:
            return 0
        with self._lock:
            for row in rows:
                self._ring.append((row["seq"], json.dumps(row, ensure_ascii=False)))
            while len(self._ring) > RING:
                self._floor = self._ring.popleft()[0]
            waiting = list(self._waiting)
        for loop, event in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)
        return len(rows)

    def after(self, seq: int) -> list[Message]:
        """Messages above `seq`, in order, at most a page; from memory where it reaches back far enough."""
        with self._lock:
            if seq >= self._floor:
                return [message for message in self._ring if message[0] > seq][:PAGE]
        with self._ledger.read() as session:
            rows = warnings.changes_after(session, seq, PAGE)
        return [(row["seq"], json.dumps(row, ensure_ascii=False)) for row in rows]

    @contextmanager
    def news(self) -> Iterator[asyncio.Event]:
        """An event of the running loop that is set whenever something new is in the ring."""
        entry = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._waiting.add(entry)
        try:
            yield entry[1]
        finally:
            with self._lock:
                self._waiting.discard(entry)

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(5.0)


_lock = threading.Lock()
_changes: Changes | None = None


def changes() -> Changes:
    """The one follower of this process, made on first use and anew after `context.configure`."""
    global _changes
    with _lock:
        if _changes is None or _changes.ledger is not context.ledger():
            if _changes is not None:
                _changes.close()
            _changes = Changes(context.ledger())
        return _changes


def end() -> None:
    """End the follower of this process, if there is one; `changes` begins another."""
    global _changes
    with _lock:
        if _changes is not None:
            _changes.close()
        _changes = None


def _refused(socket: WebSocket) -> int | None:
    """Why this socket may not listen (or listen any longer): a close code, or None."""
    user = gate.signed_in(socket.scope)
    if user is None:
        return SIGN_IN
    if not gate.same_origin(socket.scope) or not screens.names_visible(
        user.role, screens.BY_SLUG["warnings"]
    ):
        return FORBIDDEN
    return None


async def warnings_socket(socket: WebSocket) -> None:
    """WS /feeds/warnings?after=SEQ (contracts §3): replay above SEQ, then live. Supervisors only.

    Closes with 4401 (sign in), 4403 (not for this role or from another site), 4400 (SEQ is no number),
    1013 (too slow: come back with the last number seen).
    """
    await socket.accept()
    code = await run_in_threadpool(_refused, socket)
    after = whole(socket.query_params.get("after", "0"))
    if code is not None or after is None:
        await socket.close(code or BAD_QUESTION)
        return
    async with anyio.create_task_group() as both:
        both.start_soon(_send_while_heard, socket, after, both.cancel_scope)
        await _until_gone(socket)
        both.cancel_scope.cancel()


async def _send_while_heard(socket: WebSocket, position: int, listening: anyio.CancelScope) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):  # it left while something was on the way to it
        await _send_all(socket, position)
    listening.cancel()


async def _until_gone(socket: WebSocket) -> None:
    """Nothing is expected from the page; its going away is."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue


async def _send_all(socket: WebSocket, position: int) -> None:
    follower = await run_in_threadpool(changes)
    with follower.news() as news:
        while True:
            news.clear()
            batch = await run_in_threadpool(follower.after, position)
            for seq, text in batch:
                try:
                    await asyncio.wait_for(socket.send_text(text), SEND_SECONDS)
                except TimeoutError:
                    await socket.close(TRY_AGAIN)
                    return
                position = seq
            if batch:
                continue
            code = await _quiet(socket, news)
            if code is not None:
                await socket.close(code)
                return


async def _quiet(socket: WebSocket, news: asyncio.Event) -> int | None:
    """Wait for news; now and then see whether this page may still listen."""
    try:
        await asyncio.wait_for(news.wait(), CHECK_SECONDS)
    except TimeoutError:
        return await run_in_threadpool(_refused, socket)
    return None


routes: list[BaseRoute] = [
    WebSocketRoute("/feeds/warnings", warnings_socket),
    *ticker.routes,
    *live_api.routes,
    *rule_routes.routes,
    *lead_routes.routes,
    *witness_api.routes,
]
"""The desk's live routes: the feeds of warnings and of the ticker, and the JSON that the live components ask for."""
