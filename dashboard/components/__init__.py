"""Live components of the desk: they talk to the hub and to the desk's feed by themselves, without a rerun.

Each mounting function keeps its `data` constant from rerun to rerun, so a player is never remounted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

import messages
from dashboard import context
from records.states import OPENING_STEPS, STAGES
from supervision.figures.formats import CNY, currency_name, heading_unit, in_units
from supervision.warnings.handling import ACTIONS, DISPOSITIONS

FOLDER = Path(__file__).parent
SITE = FOLDER.parents[1] / "streaming" / "site"
"""The public site's files: desk and public pages share the ladder of pictures, as files, not as code of the hub."""
HLS_JS = SITE / "node_modules" / "hls.js" / "dist" / "hls.light.min.mjs"
LIBRARY = "/player/hls.js"
_SHARED = ("whep", "hls-player", "ladder")
_IMPORT = re.compile(r"^import .*;\n", re.MULTILINE)

_PARTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "player": (("base", "player"), ("common", *_SHARED, "player", "player.entry")),
    "wall": (("base", "player", "wall"), ("common", *_SHARED, "player", "wall", "wall.entry")),
    "opening": (
        ("base", "player", "opening"),
        ("common", *_SHARED, "player", "opening.model", "opening", "opening.entry"),
    ),
    "warnings": (("base", "warnings"), ("common", "evidence", "forms", "warnings", "warnings.entry")),
}
"""Component → its stylesheets and its scripts, in the order in which they are joined."""

_KEYS = {"accept": "a", "assign": "f", "dismiss": "d", "lead": "l"}
_ASKS = frozenset({"assign", "dismiss", "lead"})
"""Actions that open a small dialog first; accepting is one key."""


def source(name: str) -> tuple[str, str]:
    """Stylesheet and script of a component, joined from their files."""
    sheets, scripts = _PARTS[name]
    css = "\n".join((FOLDER / f"{part}.css").read_text(encoding="utf-8") for part in sheets)
    return css, "\n".join(_script(part) for part in scripts)


def _script(part: str) -> str:
    """A script of ours, or one of the public site without its imports: what it imports is joined before it."""
    if part in _SHARED:
        return _IMPORT.sub("", (SITE / "static" / f"{part}.js").read_text(encoding="utf-8"))
    return (FOLDER / f"{part}.js").read_text(encoding="utf-8")


async def hls_js(_request: Request) -> Response:
    """`/player/hls.js`: hls.js as npm installed it; 404 where it did not."""
    if not HLS_JS.is_file():
        return PlainTextResponse("没有安装 hls.js / hls.js is not installed", 404)
    return FileResponse(HLS_JS, media_type="text/javascript", headers={"cache-control": "private, no-cache"})


routes = [Route(LIBRARY, hls_js)]
"""What the live components load from the desk."""


@cache
def _library() -> str | None:
    """Where the components find hls.js; None: they use the browser's own HLS player."""
    return LIBRARY if HLS_JS.is_file() else None


@cache
def _component(name: str) -> Any:
    css, js = source(name)
    return st.components.v2.component(f"sunbid_{name}", css=css, js=js)


@cache
def words(lang: str, *areas: str) -> dict[str, Any]:
    """The words of some areas for a component: dots in a key become levels; `terms` are the usual values of free fields."""
    table: dict[str, Any] = {"english": lang == "en", "terms": messages.words(lang, "term.")}
    for area in areas:
        for key, text in messages.words(lang, f"{area}.").items():
            *path, last = key.split(".")
            place = table
            for step in path:
                place = place.setdefault(step, {})
            place[last] = text
    return table


def _hub() -> str:
    return context.config().hub_url.rstrip("/")


def player(room: str, name: str, lang: str, *, secret: bool = False, key: str | None = None) -> None:
    """One room's picture. `secret`: not public; the desk signs a view token at each connection, logged."""
    data = {
        "hub": _hub(), "library": _library(), "room": room, "name": name, "secret": secret, "words": words(lang, "live"),
    }  # fmt: skip
    _component("player")(data=data, key=key or f"player-{room}")


def wall(count: int, filters: Mapping[str, str], lang: str, *, key: str = "wall") -> None:
    """`count` (4, 9 or 16) rooms at once; `filters` are the query of /api/hall."""
    data = {
        "hub": _hub(), "library": _library(), "count": count, "filters": {**filters, "lang": lang}, "words": words(lang, "live"),
    }  # fmt: skip
    _component("wall")(data=data, key=key)


def _money_words(currency: str, lang: str) -> dict[str, str]:
    """What amounts and the column of prices are called where they are not in yuan."""
    if currency == CNY:
        return {}
    unit = heading_unit(currency, lang, "万")
    return {
        "tenThousand": in_units("万", currency),
        "yuan": currency_name(currency, lang),
        "price": f"报价（{unit}）" if lang == "zh" else f"Price ({unit})",
    }


def opening(
    opening_id: str,
    lang: str,
    *,
    room: str | None,
    room_name: str,
    control_price: str | None,
    currency: str = CNY,
    key: str = "opening",
) -> None:
    """Picture, process, prices, log and objections of one opening, straight from the hub's feed."""
    index = 0 if lang == "zh" else 1
    steps = {
        kind: {
            "to_state": s.to_state,
            "to_stage": s.to_stage,
            "advances": sorted(s.advances) if s.advances else None,
        }
        for kind, s in OPENING_STEPS.items()
    }
    data = {
        "hub": _hub(),
        "library": _library(),
        "opening": opening_id,
        "player": {"room": room, "name": room_name} if room else None,
        "controlPrice": control_price,
        "stages": [{"id": stage, "name": names[index]} for stage, names in STAGES.items()],
        "steps": steps,
        "words": words(lang, "live", "opening") | _money_words(currency, lang),
    }
    _component("opening")(data=data, key=key)


def warning_desk(
    lang: str, filters: Mapping[str, str], *, counts_only: bool, paused: bool = False, opened: str | None = None,
    key: str = "warning-desk",
) -> None:  # fmt: skip
    """The warning centre: counts, lamps, stream and evidence; `counts_only` for leaders: no rows at all."""
    data = {
        "filters": dict(filters),
        "counts_only": counts_only,
        "paused": paused,
        "open": opened,
        "actions": _actions(lang),
        "words": words(lang, "warnings"),
    }
    _component("warnings")(data=data, key=key)


def _actions(lang: str) -> Sequence[dict[str, Any]]:
    """What may be done with a warning, from which state and with which reasons, as supervision's table says."""
    index = 0 if lang == "zh" else 1
    return [
        {
            "id": action,
            "name": messages.say(f"warnings.action.{action}", lang),
            "key": _KEYS[action],
            "states": sorted(rule.states),
            "asks": action in _ASKS,
            "required": rule.required,
            "assigns": rule.assigns,
            "note_hint": messages.say(f"warnings.hint.{action}", lang) if action in _ASKS else "",
            "dispositions": [
                {"id": code, "name": names[index]}
                for code, names in DISPOSITIONS.items()
                if code in rule.dispositions
            ],
        }
        for action, rule in ACTIONS.items()
    ]
