"""Streamlit's one HTML page, with our language, title, mark, stylesheet and base address in it."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from html import escape
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import messages
from dashboard import components, screens
from records.serving.language import LANGUAGE_COOKIE
from web import tokens

BASE_SCRIPT = """window.prerenderReady = false;
Object.defineProperty(navigator, "language", { get: () => document.documentElement.lang });
window.__streamlit = { BACKEND_BASE_URL: location.origin + "/" };
function loadAgain(event) {
  const last = Number(sessionStorage.getItem("loaded-again") ?? 0);
  if (Date.now() - last < 10_000) return;
  sessionStorage.setItem("loaded-again", Date.now());
  event.preventDefault();
  location.reload();
}
addEventListener("vite:preloadError", loadAgain);
addEventListener("error", event => {
  if (event.target instanceof HTMLScriptElement) loadAgain(event);
}, true);
"""
"""Tells Streamlit's page which language its lists and calendars are to speak, the page's and not the browser's, and where its server
is: without that every deep link first asks under the screen's own address, in vain. A file of its own, because the content policy allows no inline script.

A part of the page that did not come (the line changed while it was asked for, or the desk was updated meanwhile) is
remembered by the browser as missing; only the whole page, loaded again, brings it. Once in ten seconds, so that a desk
that is away is not beaten."""

STYLE_ADDRESS = "/auth/desk.css"
_GROUND = (
    b'<meta name="color-scheme" content="light dark">'
    b"<style>html,body{background:light-dark(%s,%s)}</style></head>"
) % tuple(colour.encode() for colour in tokens.DAY_AND_NIGHT["ground"])
"""What stands before anything is loaded: the ground of the day or of the night, not white."""


@cache
def stylesheet() -> str:
    """The product's stylesheet, on top of Streamlit's theme, with the icons of the navigation."""
    icons = (f'.st-key-nav-{screen.slug} a{{--icon:"{screen.icon}"}}' for screen in screens.BY_SLUG.values())
    own = (Path(__file__).parent.parent / "desk.css").read_text(encoding="utf-8")
    return tokens.variables() + own + "".join(icons)


@cache
def _style_link() -> bytes:
    """At the head of the body: after all that Streamlit puts into the page's head, so that ours decides, and
    before anything of the page is drawn. Drawn by the script instead, it would come after the first pictures."""
    version = hashlib.sha256(stylesheet().encode()).hexdigest()[:12]
    return f'<body><link rel="stylesheet" href="{STYLE_ADDRESS}?v={version}">'.encode()


_TOOLKIT = {
    "Search": "search",
    "Close Search": "search_close",
    "Previous Result": "search_before",
    "Next Result": "search_next",
    "Download as CSV": "save_csv",
    "Download as PNG": "save_png",
    "Download as SVG": "save_svg",
    "Show data": "show_data",
    "Show chart": "show_chart",
    "Copy Vega-Lite spec": "copy_spec",
    "Copied!": "copied",
    "Fullscreen": "full",
    "Close fullscreen": "full_close",
    "Show/hide columns": "columns",
    "Clear selection": "clear",
    "Sort ascending": "ascending",
    "Sort descending": "descending",
    "Autosize": "autosize",
    "Format": "format",
    "Pin column": "pin",
    "Unpin column": "unpin",
    "Hide column": "hide",
    "Statistics": "statistics",
    "Copy column name": "copy_name",
    "Dataframe column menu": "menu",
    "Automatic": "auto",
    "Localized": "localized",
    "Plain": "plain",
    "Compact": "compact",
    "Dollar": "dollar",
    "Euro": "euro",
    "Yen": "yen",
    "Percent": "percent",
    "Scientific": "scientific",
    "Accounting": "accounting",
    "Count": "count",
    "Distinct": "distinct",
    "Empty": "empty",
    "Sum": "sum",
    "Average": "average",
    "Median": "median",
    "Minimum": "minimum",
    "Maximum": "maximum",
    "Range": "range",
    "Standard deviation": "deviation",
    "Select all": "all",
    "Values": "values",
    "Average length": "mean_length",
    "Minimum length": "min_length",
    "Maximum length": "max_length",
    "Based on sample": "sample",
    "No data": "no_data",
    "Choose an option": "choose_one",
    "Choose options": "choose_some",
    "No results": "no_results",
    "No options to select": "no_options",
    "No options to select.": "no_options",
    "Clear value": "clear_value",
    "Clear all": "clear_all",
    "Show password": "show_password",
    "Hide password": "hide_password",
    "Press Enter to apply": "enter_applies",
    "Press Ctrl+Enter to apply": "enter_applies",
    "Press ⌘+Enter to apply": "enter_applies",
    "Press Enter to submit form": "enter_sends",
    "Press Ctrl+Enter to submit form": "enter_sends",
    "Press ⌘+Enter to submit form": "enter_sends",
    "Skip to main content": "skip_to_content",
    "Dismiss": "close",
    "{n} options available.": "options_count",
    "{n} option available.": "options_count",
    "{option}, selected": "option_selected",
    "Selected Date: {date}": "selected_date",
    "Use arrow keys to navigate dates. Enter to select. Escape to close.": "date_keys",
    "year": "year",
    "month": "month",
    "day": "day",
    "visualization": "chart",
    "group mark container": "chart_part",
    "Open": "open",
    "Sidebar": "sidebar",
    "Collapse sidebar": "sidebar_close",
    "Expand sidebar": "sidebar_open",
    "Choose date": "choose_date",
    "Clear date": "clear_date",
    "Previous month": "month_before",
    "Next month": "month_next",
}
"""What Streamlit calls its toolbars, menus and fields → the rest of `toolkit.…`, what we call them; see toolbars.js."""

_SCRIPTS = ("arriving", "toolbars", "leaving")
"""What keeps a screen out of sight until it is whole, puts our words into the toolbars, and follows a click to another screen."""


@cache
def _toolbars(lang: str) -> bytes:
    """Our words for Streamlit's toolbars, and the scripts of the page."""
    words = {theirs: messages.say(f"toolkit.{ours}", lang) for theirs, ours in _TOOLKIT.items()}
    base = components.files().base
    scripts = (f'<script type="module" src="{base}/{name}.js"></script>' for name in _SCRIPTS)
    return (
        f'<meta name="desk-words" content="{escape(json.dumps(words, ensure_ascii=False))}">{"".join(scripts)}'
    ).encode()


_REPLACEMENTS = (
    (rb"<script>\s*window\.prerenderReady = false\s*</script>", b'<script src="/auth/base.js"></script>'),
    (rb'<link rel="shortcut icon"[^>]*>', b'<link rel="icon" href="/auth/brand.svg" type="image/svg+xml">'),
    (rb'<link\s+rel="preload"[^>]*SourceSans[^>]*>', b""),
    (rb'<link rel="service-desc"[^>]*>', b""),
)


async def page(app: ASGIApp, scope: Scope, receive: Receive, send: Send, lang: str) -> None:
    """Pass a page on, dressed; remembers the language in a cookie."""
    drop = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
    scope["headers"] = [(k, v) for k, v in scope["headers"] if k.lower() not in drop]
    start: Message = {}
    body = bytearray()

    async def collect(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        body.extend(message.get("body", b""))
        if not message.get("more_body", False):
            await send_all()

    async def send_all() -> None:
        answer = bytes(body)
        headers = MutableHeaders(scope=start)
        if headers.get("content-type", "").startswith("text/html"):
            answer = dressed(answer, scope["path"].strip("/"), lang)
            headers["Set-Cookie"] = f"{LANGUAGE_COOKIE}={lang}; Path=/; Max-Age=31536000; SameSite=Lax"
            headers["Cache-Control"] = "no-store"
            for name in ("etag", "last-modified"):
                if name in headers:
                    del headers[name]
        headers["content-length"] = str(len(answer))
        await send(start)
        await send({"type": "http.response.body", "body": answer})

    await app(scope, receive, collect)


def dressed(html: bytes, slug: str, lang: str) -> bytes:
    """The page's head in `lang` with the screen's title."""
    screen = screens.BY_SLUG.get(slug)
    product = messages.say("common.product", lang)
    title = f"{screen.name(lang)} · {product}" if screen else product
    tag = messages.say("site.language.tag", lang)
    html = re.sub(rb'<html lang="[^"]*"', f'<html lang="{tag}"'.encode(), html, count=1)
    html = re.sub(rb"<title>[^<]*</title>", f"<title>{title}</title>".encode(), html, count=1)
    for pattern, ours in _REPLACEMENTS:
        html = re.sub(pattern, ours, html, count=1)
    return html.replace(b"</head>", _toolbars(lang) + _GROUND, 1).replace(b"<body>", _style_link(), 1)
