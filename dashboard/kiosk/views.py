"""What the wall shows of each screen, and the feed that pushes it: panels as plain data, the same figures as on the desk,
counts and no names.

A view is a list of panels. Each says its `kind` (how components/kiosk-panels.js draws it), its `slot` (the left, centre or
right column, or `wide`: left and centre together) and its title. A panel that fails says so and leaves the others alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from dashboard import components, freshness, screens
from dashboard import metrics as ops
from dashboard.http import gate, wall_page
from dashboard.kiosk import live_panels as live
from dashboard.kiosk import market_panels as market
from dashboard.kiosk.panel import Ask, Panel
from dashboard.live.pushing import RecentTexts, push
from dashboard.shell.filters import read_choice
from records import clock

log = structlog.get_logger()

FRESH = 1.5
"""Seconds for which one view, once made, serves every wall that shows it."""

Draw = Callable[[Ask], Panel]

VIEWS: Mapping[str, tuple[tuple[str, Draw], ...]] = {
    "overview": (
        ("left", market.openness), ("left", market.competition), ("centre", market.market_totals),
        ("centre", live.centres), ("centre", live.ticker), ("right", live.openings), ("right", live.lamps),
    ),
    "openness": (
        ("left", market.openness), ("left", market.open_gap), ("centre", market.outside_totals),
        ("centre", market.provinces), ("right", market.origins), ("right", market.certificates),
    ),
    "competition": (
        ("left", market.bidders), ("left", market.failures), ("centre", market.competition_totals),
        ("centre", market.classes), ("right", market.by_category), ("right", market.concentration),
    ),
    "service": (
        ("left", market.broadcasts), ("left", market.cycle), ("centre", live.service_totals),
        ("centre", live.rooms), ("centre", live.ticker), ("right", live.openings), ("right", market.quality),
    ),
    "savings": (
        ("left", market.deals), ("left", market.savings), ("centre", market.deal_totals),
        ("centre", market.sectors), ("right", market.key_projects), ("right", market.small_value),
    ),
    "hall": (("wide", live.pictures), ("right", live.openings), ("right", live.today_counts)),
    "warnings": (
        ("left", live.lamps), ("left", live.handling), ("left", market.warned_months), ("centre", live.warning_totals),
        ("centre", live.warned_centres), ("right", live.families), ("right", live.warned_share),
    ),
}  # fmt: skip
"""Slug of a screen → its panels."""


_recent = RecentTexts(FRESH)


def view_text(slug: str, lang: str, asked: Mapping[str, str]) -> str:
    """A screen's view as JSON text, made anew when it is older than FRESH; `asked` is what the wall's address says."""
    choice = read_choice(asked)

    def look() -> str:
        return json.dumps(view(slug, Ask(lang, choice)), ensure_ascii=False)

    return _recent.text((slug, lang, choice.query), look)


def view(slug: str, ask: Ask) -> dict[str, Any]:
    """A screen's view: its title, and its panels in their slots."""
    panels = [_panel(slot, draw, ask) for slot, draw in VIEWS[slug]]
    return {"view": slug, "title": screens.BY_SLUG[slug].name(ask.lang), "panels": panels}


def _panel(slot: str, draw: Draw, ask: Ask) -> Panel:
    try:
        found = draw(ask)
    except Exception as error:  # whatever one panel dies of, the others stay
        log.error("panel of the wall failed", panel=draw.__name__, exc_info=error)
        ops.SCREEN_ERRORS.inc()
        at = clock.local_now().strftime("%H:%M:%S")
        found = {"kind": "failed", "title": ask.say("wall.panel_failed"), "text": ask.say("wall.panel_failed_what", time=at)}  # fmt: skip
    return {"id": draw.__name__, "slot": slot, **found}


# ── the feed ─────────────────────────────────────────────────────────────────


async def wall_socket(socket: WebSocket) -> None:
    """WS /feeds/wall?screens=…&lang=…: `{"view", "title", "panels"}` for each screen, anew when it changes, and every
    second `{"at", "as_of", "stale", "version"}`. Closes with 4401 once who listens may no longer see the wall."""
    asked, lang = dict(socket.query_params), gate.language(socket.scope)
    await push(socket, partial(_texts, socket, asked, lang))


def _texts(socket: WebSocket, asked: Mapping[str, str], lang: str) -> list[str] | None:
    """Every screen that may be shown, and the sign of life; None where none may be."""
    slugs = _screens(socket, asked)
    return [*(view_text(slug, lang, asked) for slug in slugs), _sign(lang)] if slugs else None


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
        "at": clock.rfc3339(clock.now()), "as_of": freshness.moment(state.as_of), "stale": state.words(lang),
        "version": components.files().version,
    }  # fmt: skip
    return json.dumps(sign, ensure_ascii=False)


routes: list[BaseRoute] = [WebSocketRoute("/feeds/wall", wall_socket)]
