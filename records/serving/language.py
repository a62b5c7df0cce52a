"""Which language a reader is answered in: the address's `lang`, else the cookie, else what their browser prefers."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import Scope

from messages import language_of, languages

LANGUAGE_COOKIE = "sunbid_lang"
"""Remembers the language a reader chose."""


def cookies(scope: Scope) -> dict[str, str]:
    """The cookies of a request; an unreadable header counts as none."""
    jar = SimpleCookie()
    try:
        jar.load(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}


def chosen_language(scope: Scope) -> str | None:
    """The language a reader chose: the query's `lang`, else the cookie; None where they chose none there is."""
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("lang", [""])[0]
    remembered = cookies(scope).get(LANGUAGE_COOKIE, "")
    return next((lang for lang in (asked, remembered) if lang in languages()), None)


def language(scope: Scope) -> str:
    """The language a reader chose, else the one their browser prefers."""
    return chosen_language(scope) or language_of(Headers(scope=scope).get("accept-language"))
