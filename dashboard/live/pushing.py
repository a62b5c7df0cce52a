"""A feed by push: read once a second and sent where it has changed, for as long as its listener may hear it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress

import anyio
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

EVERY = 1.0
"""Seconds between two looks; what has not changed is not sent again."""
SEND_SECONDS = 10.0
"""A socket that takes no message for so long is let go; its page comes back by itself."""
SIGN_IN, TRY_AGAIN = 4401, 1013
log = structlog.get_logger()

ReadTexts = Callable[[], Sequence[str] | None]
"""What there is to tell, each in its place, as JSON text; None once the listener may hear it no longer."""


class RecentTexts:
    """What one look has told serves for `seconds` every listener who asks the same; at most `most` answers are kept."""

    def __init__(self, seconds: float, most: int = 200) -> None:
        self._seconds, self._most = seconds, most
        self._kept: dict[Hashable, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def text(self, key: Hashable, look: Callable[[], str]) -> str:
        """What was told under `key`, looked at anew where that is too long ago."""
        at, text = self._kept.get(key, (0.0, ""))
        if not text or time.monotonic() - at > self._seconds:
            at, text = time.monotonic(), look()
            with self._lock:
                if len(self._kept) >= self._most:
                    self._kept.clear()
                self._kept[key] = at, text
        return text


async def push(socket: WebSocket, read: ReadTexts) -> None:
    """Accept `socket` and send it what `read` gives, again where it differs; closes with 4401 once that is None,
    with 1013 where it cannot be read just now."""
    await socket.accept()
    async with anyio.create_task_group() as both:
        both.start_soon(_feed, socket, read, both.cancel_scope)
        while (await socket.receive())["type"] != "websocket.disconnect":
            continue
        both.cancel_scope.cancel()


async def _feed(socket: WebSocket, read: ReadTexts, listening: anyio.CancelScope) -> None:
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # it left, or takes nothing any more
        try:
            await _send_changes(socket, read)
        except (SQLAlchemyError, OSError) as error:
            log.warning("feed cannot read its data", error=type(error).__name__)
            await socket.close(TRY_AGAIN)
    listening.cancel()


async def _send_changes(socket: WebSocket, read: ReadTexts) -> None:
    sent: dict[int, str] = {}
    while (texts := await run_in_threadpool(read)) is not None:
        for place, text in enumerate(texts):
            if sent.get(place) != text:
                await asyncio.wait_for(socket.send_text(text), SEND_SECONDS)
                sent[place] = text
        await asyncio.sleep(EVERY)
    await socket.close(SIGN_IN)
