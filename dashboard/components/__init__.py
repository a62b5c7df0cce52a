"""Live components of the desk: they talk to the hub and to the desk's feed by themselves, without a rerun.

Each mounting function keeps its `data` constant from rerun to rerun, so a player is never remounted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

import messages
import web
from dashboard import context, geometry
from records.currencies import EXCLUDED
from records.states import STAGES
from supervision.figures.formats import CNY, heading_unit, scales, unit, with_vat
from supervision.leads import desk as leads
from supervision.warnings import silences
from supervision.warnings.handling import ACTIONS, DISPOSITIONS
from web import tokens

FOLDER = Path(__file__).parent
_SHEETS: Mapping[str, tuple[str, ...]] = {
    "wall": ("base", "player", "wall"),
    "opening": ("base", "player", "opening"),
    "host": ("base", "player", "opening", "host"),
    "host-rail": ("base", "host-rail"),
    "warnings": ("base", "warnings"),
    "rules": ("base", "warnings", "rules"),
    "leads": ("base", "warnings", "leads"),
    "witness": ("base", "player", "witness"),
    "ticker": ("base", "ticker"),
}
"""Component → its stylesheets, one after the other; its script is the module of its name."""

_KEYS = {"accept": "a", "assign": "f", "dismiss": "d", "lead": "l", "agree": "g", "return": "r"}
_ASKS = frozenset({"assign", "dismiss", "lead", "return"})
"""Actions that open a small dialog first; accepting is one key."""


@cache
def files() -> web.Files:
    """The modules of the components and the outlines of maps, beside what both sites share."""
    own = {name: body for name, body in web.folder(FOLDER).items() if name.endswith(".js")}
    return web.Files("/web", {**own, **geometry.files()})


def source(name: str) -> tuple[str, str]:
    """Stylesheet and script of a component. Streamlit runs the script from an address of its own, so it names the
    module by the page's; one that does not come is told to the page as Streamlit's own are (`index_page.BASE_SCRIPT`)."""
    css = "\n".join((FOLDER / f"{part}.css").read_text(encoding="utf-8") for part in _SHEETS[name])
    script = (
        f'const address = new URL("{files().base}/{name}.js", location.origin).href;\n'
        "const { default: mount } = await import(address).catch(reason => {\n"
        '  dispatchEvent(new Event("vite:preloadError", { cancelable: true }));\n'
        "  throw reason;\n"
        "});\n"
        "export default mount;\n"
    )
    return tokens.variables() + css, script


@cache
def _component(name: str) -> Any:
    css, js = source(name)
    return st.components.v2.component(f"sunbid_{name.replace('-', '_')}", css=css, js=js)


@cache
def words(lang: str, *areas: str) -> dict[str, Any]:
    """The words of some areas for a component: dots in a key become levels; `terms` are the usual values of free fields.

    Raises ValueError where two areas give one name to different words: a component would say the wrong one.
    """
    table: dict[str, Any] = {"lang": lang, "terms": messages.words(lang, "term.")}
    table["away"] = messages.say("common.network_away", lang)
    table["whyCovered"] = messages.words(lang, "site.slate.reason.")
    for area in areas:
        for key, text in messages.words(lang, f"{area}.").items():
            *path, last = key.split(".")
            place = table
            for step in path:
                place = place.setdefault(step, {})
            if place.setdefault(last, text) != text:
                raise ValueError(f"{area}.{key} says something else in another of {areas}")
    return table


def _hub() -> str:
    return context.config().hub_url.rstrip("/")


def wall(
    count: int, filters: Mapping[str, str], lang: str, *, paused: bool = False, key: str = "wall"
) -> None:
    """`count` (4, 9 or 16) rooms at once; `filters` are the query of /api/hall; `paused`: all of them stand still."""
    data = {
        "hub": _hub(), "count": count, "filters": {**filters, "lang": lang}, "words": words(lang, "live"), "paused": paused,
    }  # fmt: skip
    _component("wall")(data=data, key=key)


def _money(currency: str, lang: str) -> dict[str, Any]:
    """How many of a currency are the unit that amounts are shown in, what it and the column of prices are called, a field of
    whole prices, and amounts of whose VAT something else is told than of the lot's."""
    smallest, plain = scales(lang)[0], with_vat(currency)
    return {
        "size": smallest.size,
        "unit": unit(smallest, currency, lang),
        "plain": unit(smallest, plain, lang),
        "vat": None if plain == currency else EXCLUDED,
        "told": messages.words(lang, "site.money."),
        "price": messages.say("opening.price_in", lang, unit=heading_unit(currency, lang, smallest)),
        "whole": messages.say("opening.price_in", lang, unit=heading_unit(currency, lang)),
    }


def opening(
    opening_id: str,
    lang: str,
    *,
    room: str | None,
    room_name: str,
    control_price: str | None,
    currency: str = CNY,
    paused: bool = False,
    key: str = "opening",
) -> None:
    """Picture, process, prices, log and objections of one opening, straight from the hub's feed; `paused`: as they stood."""
    data = {
        "hub": _hub(),
        "paused": paused,
        "opening": opening_id,
        "player": {"room": room, "name": room_name} if room else None,
        "controlPrice": control_price,
        "stages": [{"id": stage, "name": messages.say(f"site.stage.{stage}", lang)} for stage in STAGES],
        "said": messages.words(lang, "site.say."),
        "money": _money(currency, lang),
        "words": words(lang, "live", "opening"),
    }
    _component("opening")(data=data, key=key)


def host(
    opening_id: str, lang: str, *, room: str | None, room_name: str, title: str, place: str, currency: str = CNY,
    voice: bool = False, key: str = "host",
) -> None:  # fmt: skip
    """The host's desk of one opening: `place` is its room and lot in words; `voice`: this machine can read aloud in Mandarin."""
    data = {
        "hub": _hub(),
        "opening": opening_id,
        "title": title,
        "place": place,
        "player": {"room": room, "name": room_name} if room else None,
        "voice": voice,
        "coefficient": messages.say("room.draw_kind_default", "zh"),  # the record keeps it in Chinese
        "stages": [{"id": stage, "name": messages.say(f"site.stage.{stage}", lang)} for stage in STAGES],
        "said": messages.words(lang, "site.say."),
        "money": _money(currency, lang),
        "words": words(lang, "live", "opening", "host"),
    }
    _component("host")(data=data, key=key)


def host_rail(lang: str, *, key: str = "host-rail") -> None:
    """The host's sidebar; the desk of the opening on show fills it."""
    _component("host-rail")(data={"label": messages.say("opening.process", lang)}, key=key)


def warning_desk(
    lang: str, filters: Mapping[str, str], *, counts_only: bool, paused: bool = False, opened: str | None = None,
    user: str = "", key: str = "warning-desk",
) -> None:  # fmt: skip
    """The warning centre as `user` uses it: counts, lamps, stream and evidence; nobody agrees to a dismissal of his own.
    `counts_only` for leaders: no rows at all."""
    data = {
        "user": user,
        "filters": dict(filters),
        "counts_only": counts_only,
        "paused": paused,
        "open": opened,
        "actions": _actions(lang),
        "words": words(lang, "warnings"),
    }
    _component("warnings")(data=data, key=key)


def ticker(lang: str, filters: Mapping[str, str], *, paused: bool = False, key: str = "ticker") -> None:
    """What happened today, pushed by the desk's feed; `filters` as they stand in the screen's address. Once the day's openings
    stand otherwise than when it was drawn, the screen's figures are drawn anew."""
    data = {"filters": dict(filters), "paused": paused, "words": words(lang, "ticker")}
    _component("ticker")(data=data, key=key, on_moved_change=lambda: None)


def rule_board(lang: str, user: str, *, key: str = "rule-board") -> None:
    """The rule switchboard as `user` uses it: nobody agrees to a change of his own."""
    data = {"user": user, "longest": silences.LONGEST.days, "words": words(lang, "rules")}
    _component("rules")(data=data, key=key)


def lead_desk(lang: str, filters: Mapping[str, str], *, paused: bool = False, key: str = "lead-desk") -> None:
    """Batches of leads: the list, one of them with its checklist, and what may be done with it."""
    data = {
        "filters": dict(filters),
        "paused": paused,
        "longest": leads.LONGEST_TERM.days,
        "words": words(lang, "leads"),
    }
    _component("leads")(data=data, key=key)


def witness(
    lang: str, filters: Mapping[str, str], *, manages: bool, paused: bool = False, key: str = "witness"
) -> None:
    """The witnesses' board; `manages`: for those who see every task, with alarms, looks and draws."""
    data = {
        "hub": _hub(),
        "filters": dict(filters),
        "manages": manages,
        "paused": paused,
        "events": messages.words(lang, "witness.chapter."),
        "words": words(lang, "live", "witness", "witnessing"),
    }
    _component("witness")(data=data, key=key)


def _actions(lang: str) -> Sequence[dict[str, Any]]:
    """What may be done with a warning, from which state and with which reasons, as supervision's table says."""
    return [
        {
            "id": action,
            "name": messages.say(f"warnings.action.{action}", lang),
            "key": _KEYS[action],
            "states": sorted(rule.states),
            "asks": action in _ASKS,
            "required": rule.required,
            "assigns": rule.assigns,
            "another": messages.say("warning.another_person", lang) if rule.another else None,
            "note_hint": messages.say(f"warnings.hint.{action}", lang) if action in _ASKS else "",
            "dispositions": [
                {"id": code, "name": _reason(action, code, lang)}
                for code in DISPOSITIONS
                if code in rule.dispositions
            ],
        }
        for action, rule in ACTIONS.items()
    ]


def _reason(action: str, code: str, lang: str) -> str:
    """A reason code as its dialog says it: what is true and yet dismissed has been dealt with elsewhere."""
    own = f"warnings.{action}_{code}"
    return messages.say(own if messages.known(own) else f"disposition.{code}", lang)
