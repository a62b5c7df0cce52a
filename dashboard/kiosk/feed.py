"""WS /feeds/wall, the feed of the wall: pushes each of its screens whenever something on it has changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from dashboard import components, freshness
from dashboard.http import gate, wall_page
from dashboard.kiosk import views
from dashboard.live.pushing import push
from records.clock import now, rfc3339

log = structlog.get_logger()


async def wall_socket(socket: WebSocket) -> None:
    """WS /feeds/wall?screens=…&lang=…: `{"view", "title", "panels"}` for each screen, anew when it changes, and every
    second `{"at", "as_of", "stale", "version"}`. Closes with 4401 once who listens may no longer see the wall."""
    asked, lang = dict(socket.query_params), gate.language(socket.scope)
    await push(socket, partial(_texts, socket, asked, lang))


def _texts(socket: WebSocket, asked: Mapping[str, str], lang: str) -> list[str] | None:
    """Every screen that may be shown, and the sign of life; None where none may be."""
    slugs = _screens(socket, asked)
    return [*(views.view_text(slug, lang, asked) for slug in slugs), _sign(lang)] if slugs else None


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
    sign = {
        "at": rfc3339(now()), "as_of": freshness.moment(state.as_of), "stale": state.words(lang),
        "version": components.files().version,
    }  # fmt: skip
    return json.dumps(sign, ensure_ascii=False)


routes: list[BaseRoute] = [WebSocketRoute("/feeds/wall", wall_socket)]
