"""The wall's page: any wall screen's address with `kiosk=1`; which screens follow, and how long each stands, says the address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from html import escape
from pathlib import Path
from string import Template

import messages
import web
from dashboard import components, context, screens
from dashboard.access.accounts import SignedIn
from dashboard.access.displays import LONGEST, SHORTEST, Playlist, Shown
from dashboard.shell import parameters
from dashboard.shell.address_checks import Check, faults, one_of
from dashboard.shell.filters import ANALYSIS
from messages import Message
from records.serving.requests import whole
from web import tokens

_FOLDER = Path(__file__).parent.parent
_PAGE = Template((_FOLDER / "templates" / "kiosk.html").read_text(encoding="utf-8"))
_SHEETS = ("base", "player", "wall", "kiosk")
CHOICES = ("period", "compare", "centre", "family", "category", "topic", "home", "currency")
"""Filters a wall's address may carry; its feed asks with them."""
OWN = ("kiosk", "screens", "every")
"""What else it may carry, besides the language."""


def asked_for(path: str, query: Mapping[str, str]) -> bool:
    """Whether an address is the wall's."""
    return query.get("kiosk") == "1" and path.strip("/") in ("", *screens.WALL)


def open_to(user: SignedIn | None, shown: Shown | None) -> Playlist | None:
    """The screens that may be shown to who asks: an account's role decides, else the display's token; None: nothing."""
    if user is not None:
        slugs = screens.wall_of(user.role)
        return Playlist(slugs) if slugs else None
    return shown.playlist if shown is not None else None


def chosen(allowed: Playlist, query: Mapping[str, str]) -> Playlist:
    """What the address asks for out of what is allowed: `screens` in their order and `every` in seconds; what it does not
    name, or names wrongly, stays as it is."""
    named = [slug for slug in query.get("screens", "").split(",") if slug in allowed.screens]
    seconds = whole(query.get("every", ""))
    playlist = replace(allowed, screens=tuple(dict.fromkeys(named))) if named else allowed
    return playlist if seconds is None else replace(playlist, seconds=min(max(seconds, SHORTEST), LONGEST))


def amiss(allowed: Playlist, query: Mapping[str, str]) -> dict[str, Message]:
    """Parameter → what is wrong with what the address asks for in vain, so that the wall shows something else in its place."""
    own = {"screens": _screens_of(allowed), "every": _seconds}
    checks = {name: check for name, check in {**ANALYSIS, **own}.items() if name in (*CHOICES, *own)}
    strays = parameters.strays(query, (*CHOICES, *OWN), (*parameters.EVERYWHERE, *CHOICES, *OWN))
    return strays | faults(((name, value) for name, value in query.items() if name in checks), checks, {})


def _screens_of(allowed: Playlist) -> Check:
    def wrong(name: str, value: str) -> Message | None:
        return next(filter(None, (one_of(allowed.screens)(name, slug) for slug in value.split(","))), None)

    return wrong


def _seconds(name: str, value: str) -> Message | None:
    found = whole(value)
    if found is not None and SHORTEST <= found <= LONGEST:
        return None
    return Message("wall.not_seconds", asked=f"{name}={value[:40]}", least=SHORTEST, most=LONGEST)


def page(slug: str, allowed: Playlist, query: Mapping[str, str], lang: str) -> str:
    """The page that begins with `slug`, or with the playlist's first screen where `slug` is not in it. What the address asks
    for in vain it says, and its feed does not ask for."""
    playlist, wrong = chosen(allowed, query), amiss(allowed, query)
    first = slug if slug in playlist.screens else playlist.screens[0]
    settings = {
        "lang": lang,
        "screens": [{"slug": one, "name": screens.BY_SLUG[one].name(lang)} for one in playlist.screens],
        "first": first,
        "seconds": playlist.seconds,
        "asked": {
            key: query[key]
            for key in (*CHOICES, "lang", "screens", "every")
            if query.get(key) and not (key in CHOICES and key in wrong)
        },
        "amiss": messages.say("filters.shown_by_default", lang, found=list(wrong.values())) if wrong else "",
        "version": components.files().version,
        "words": components.words(lang, "wall"),
        "pictures": components.words(lang, "live"),
    }
    return _PAGE.substitute(
        lang=messages.say("site.language.tag", lang),
        title=escape(f"{screens.BY_SLUG[first].name(lang)} · {messages.say('common.product', lang)}"),
        product=escape(messages.say("common.product", lang)),
        demo=escape(messages.say("common.demo", lang)) if context.is_demo() else "",
        style=_style(),
        script=f"{components.files().base}/kiosk.js",
        told=json.dumps(settings, ensure_ascii=False).replace("<", "\\u003c"),
        no_script=escape(messages.say("wall.no_script", lang)),
    )


@cache
def _style() -> str:
    sheets = web.folder(components.FOLDER)
    return tokens.variables() + "".join(sheets[f"{name}.css"].decode() for name in _SHEETS)


def entrance(lang: str) -> str:
    """The page that a display opens first: it hands over the token that stands behind the # of its address, which no
    server and no log ever sees there; by hand otherwise."""
    say = {
        key: escape(messages.say(f"wall.{key}", lang)) for key in ("token", "enter", "entering", "refused")
    }
    return (
        f'<p id="entering" role="status" data-refused="{say["refused"]}">{say["entering"]}</p>'
        f'<form id="display" method="post" action="/auth/display"><label>{say["token"]}'
        f'<input name="token" type="password" autocomplete="off" required maxlength="200"></label>'
        f'<button class="btn main big" type="submit">{say["enter"]}</button></form>'
        f'<script type="module" src="/auth/display.js"></script>'
    )
