"""What the wall shows of each screen: panels as plain data, the same figures as on the desk, counts and no names.

A view is a list of panels. Each says its `kind` (how components/kiosk-panels.js draws it), its `slot` (the left, centre or
right column, or `wide`: left and centre together) and its title. A panel that fails says so and leaves the others alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from dashboard import metrics as ops
from dashboard import screens
from dashboard.kiosk import live_panels as live
from dashboard.kiosk import market_panels as market
from dashboard.kiosk.panel import Ask, Panel
from dashboard.live.pushing import RecentTexts
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
