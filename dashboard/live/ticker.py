"""The live ticker 实时交易动态 of S01 and the wall: what happened today, and how the day's openings stand.

WS /feeds/ticker tells both anew within two seconds of a change; it asks with the filters of the screen's address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

import messages
from dashboard import context, screens
from dashboard.http import gate
from dashboard.live.pushing import RecentTexts, push
from dashboard.shell.figure_cards import live, live_breakdown
from dashboard.shell.filters import read_choice
from records.clock import BEIJING
from records.current import OVER, RUNNING
from supervision.figures.filters import Filters
from supervision.lists import openings

FRESH = 0.8
"""Seconds for which one look serves every listener: with the second between two looks that is within two."""
ROWS = 9
_recent = RecentTexts(FRESH)


@dataclass(frozen=True)
class Today:
    """The day's openings: all there are, those that run, wait and are over; rehearsals apart."""

    all: int
    running: int
    waiting: int
    over: int
    rehearsals: int


def today(filters: Filters) -> Today:
    """How the day's openings stand."""
    counted = live_breakdown("openings_today", filters, "state")
    by_state = {state: found.value for state, found in counted.items()}
    running, over = (sum(by_state.get(state, 0) for state in states) for states in (RUNNING, OVER))
    rehearsals = live(("rehearsals_today",), filters)["rehearsals_today"].value
    return Today(sum(by_state.values()), running, by_state.get("scheduled", 0), over, rehearsals)


def happened(filters: Filters, lang: str, limit: int = ROWS) -> list[dict[str, Any]]:
    """What happened today, newest first: the time, what it was, and the lot."""
    with context.ledger().read() as session:
        found = openings.ticker(session, filters, limit)
    return [
        {
            "time": f"{one.at.astimezone(BEIJING):%H:%M}",
            "event": messages.say(f"overview.event_{one.kind}", lang),
            "lot": one.lot,
            "lot_id": one.lot_id,
        }
        for one in found
    ]


def ticker_text(asked: Mapping[str, str], lang: str) -> str:
    """Both as JSON text, `{"rows": [{"time", "event", "lot", "lot_id"}], "today": {"all", "running", …}}`."""
    filters = read_choice(asked).filters

    def look() -> str:
        return json.dumps(
            {"rows": happened(filters, lang), "today": asdict(today(filters))}, ensure_ascii=False
        )

    return _recent.text((filters, lang), look)


async def ticker_socket(socket: WebSocket) -> None:
    """WS /feeds/ticker?lang=…: see `ticker_text`. Closes with 4401 once who listens may no longer see S01."""
    asked, lang = dict(socket.query_params), gate.language(socket.scope)
    await push(socket, partial(_for, socket, asked, lang))


def _for(socket: WebSocket, asked: Mapping[str, str], lang: str) -> list[str] | None:
    user = gate.signed_in(socket.scope)
    allowed = user is not None and screens.may_see(user.role, screens.BY_SLUG["overview"])
    return [ticker_text(asked, lang)] if allowed and gate.same_origin(socket.scope) else None


routes: list[BaseRoute] = [WebSocketRoute("/feeds/ticker", ticker_socket)]
