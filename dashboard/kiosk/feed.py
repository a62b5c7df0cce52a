"""What feeds the wall: WS /feeds/wall pushes each of its screens whenever something on it has changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress

import anyio
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard import components, freshness
from dashboard.http import gate, wall_page
from dashboard.kiosk import views
from records.clock import now, rfc3339

EVERY = 1.0
"""Seconds between two looks; what has not changed is not sent again, but for a sign of life."""
SEND_SECONDS = 10.0
SIGN_IN = 4401
log = structlog.get_logger()


async def wall_socket(socket: WebSocket) -> None:
    """WS /feeds/wall?screens=…&lang=…: `{"view", "title", "panels"}` for each screen, anew when it changes, and every
    second `{"at", "as_of", "stale", "version"}`. Closes with 4401 once who listens may no longer see the wall."""
    await socket.accept()
    async with anyio.create_task_group() as both:
        both.start_soon(_feed, socket, both.cancel_scope)
        while (await socket.receive())["type"] != "websocket.disconnect":
            continue
        both.cancel_scope.cancel()


async def _feed(socket: WebSocket, listening: anyio.CancelScope) -> None:
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # it left, or takes nothing any more
        await _push(socket)
    listening.cancel()


async def _push(socket: WebSocket) -> None:
    sent: dict[str, str] = {}
    asked, lang = dict(socket.query_params), gate.language(socket.scope)
    while True:
        slugs = await run_in_threadpool(_screens, socket, asked)
        if not slugs:
            await socket.close(SIGN_IN)
            return
        for slug in slugs:
            text = await run_in_threadpool(views.told, slug, lang, asked)
            if sent.get(slug) != text:
                await _send(socket, text)
                sent[slug] = text
        await _send(socket, await run_in_threadpool(_sign, lang))
        await asyncio.sleep(EVERY)


async def _send(socket: WebSocket, text: str) -> None:
    await asyncio.wait_for(socket.send_text(text), SEND_SECONDS)


def _screens(socket: WebSocket, asked: Mapping[str, str]) -> tuple[str, ...]:
    """What may be shown to who listens, looked at anew each time; nothing once a session or a token has ended."""
    if not gate.same_origin(socket.scope):
        return ()
    allowed = wall_page.open_to(gate.signed_in(socket.scope), gate.display(socket.scope))
    return () if allowed is None else wall_page.chosen(allowed, asked).screens


def _sign(lang: str) -> str:
    """The sign of life: the time, and as of when the figures stand."""
    try:
        state = freshness.of_lens()
    except (SQLAlchemyError, OSError) as error:
        log.warning("lens not read", error=type(error).__name__)
        state = freshness.Freshness(None, stale=True)
    told = {
        "at": rfc3339(now()), "as_of": freshness.moment(state.as_of), "stale": state.words(lang),
        "version": components.files().version,
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False)


routes: list[BaseRoute] = [WebSocketRoute("/feeds/wall", wall_socket)]
