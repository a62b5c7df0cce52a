"""Browser contexts that the tests of a module take one after the other.

A page of the desk costs a browser 2.5 seconds of processor in a fresh context, where every script is fetched and
compiled anew, and 1.7 in one that was used before. So a context is emptied after a test and lent to the next that wants
one of its kind: what it has fetched and compiled stays, all that a page or a test can have left behind goes. What a
first visit is like, and what a server allows browsers to keep for a while, are questions for a context of one's own:
`browser.new_context`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, CDPSession, Frame, Page

LASTING = ("add_init_script", "expose_binding", "expose_function", "on", "once")
"""What is done to a context for good: a context that had this done to it is not lent again."""
PATIENCE_MS = 30_000
"""What playwright waits for anything unless told otherwise."""


@dataclass
class Held:
    """A context, the page that keeps its scripts compiled, and what has to be undone in it."""

    context: BrowserContext
    keeper: Page
    wire: CDPSession
    permissions: list[str]
    origins: set[str] = field(default_factory=set)
    """Origins whose pages were shown: what they have stored has to go."""
    lasting: list[str] = field(default_factory=list)
    open: bool = True

    def watch(self) -> None:
        """Note what pages of it are shown, whether it is closed, and what is done to it for good."""
        self.context.on("page", self._watch)
        self.context.on("close", self._closed)
        for name in LASTING:
            setattr(self.context, name, partial(self._lasts, name, getattr(self.context, name)))

    def _lasts(self, name: str, done: Callable[..., object], *given: Any, **named: Any) -> object:
        self.lasting.append(name)
        return done(*given, **named)

    def _watch(self, page: Page) -> None:
        page.on("framenavigated", self._shown)

    def _shown(self, frame: Frame) -> None:
        parts = urlsplit(frame.url)
        if parts.scheme in {"http", "https"}:
            self.origins.add(f"{parts.scheme}://{parts.netloc}")

    def _closed(self, *_: object) -> None:
        self.open = False

    def empty(self) -> None:
        """As it was made, but for what it has fetched and compiled."""
        for page in self.context.pages:
            if page is not self.keeper:
                page.close()
        self.context.unroute_all()
        self.context.set_offline(False)
        self.context.set_extra_http_headers({})
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.clear_permissions()
        if self.permissions:
            self.context.grant_permissions(self.permissions)
        self.context.clear_cookies()
        for origin in self.origins:
            self.wire.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        self.origins.clear()


class Contexts:
    """Lends contexts of one browser; all that are lent come back when a test is over."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: dict[str, list[Held]] = defaultdict(list)
        self._lent: list[tuple[str, Held]] = []

    def take(self, site: str, **options: Any) -> BrowserContext:
        """An empty context for the server at `site`, made with playwright's `options`; nobody else has it."""
        kind = json.dumps([site, options], sort_keys=True)
        held = self._idle[kind].pop() if self._idle[kind] else self._made(site, options)
        self._lent.append((kind, held))
        return held.context

    def _made(self, site: str, options: dict[str, Any]) -> Held:
        context = self._browser.new_context(**options)
        keeper = context.new_page()
        keeper.route("**", lambda route: route.fulfill(body=""))  # no server has to answer
        keeper.goto(site)
        held = Held(context, keeper, context.new_cdp_session(keeper), options.get("permissions", []))
        held.watch()
        return held

    def take_back(self) -> None:
        """Empty all that was lent; what was closed, or changed for good, is not lent again."""
        while self._lent:
            kind, held = self._lent.pop()
            if held.open and held.lasting:
                held.context.close()
            elif held.open:
                held.empty()
                self._idle[kind].append(held)
