"""Contexts that are lent again hold nothing of who had them before but what was fetched and compiled."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Error, Page

from .contexts import Contexts

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
LEAVE = """async () => {
  localStorage.setItem("left", "1");
  sessionStorage.setItem("left", "1");
  document.cookie = "left=1";
  window.name = "left";
  await caches.open("left");
  await navigator.serviceWorker.register("/worker.js");
  await navigator.serviceWorker.ready;
  await new Promise(done => indexedDB.open("left", 1).onsuccess = done);
}"""
LEFT = """async () => [
  ...Object.keys(localStorage), ...Object.keys(sessionStorage), document.cookie, window.name, ...await caches.keys(),
  ...(await navigator.serviceWorker.getRegistrations()).map(one => one.scope),
  ...(await indexedDB.databases()).map(one => one.name),
  window.given ?? "", (await navigator.permissions.query({name: "geolocation"})).state.replace("prompt", ""),
].filter(Boolean)"""


@dataclass(frozen=True)
class Site:
    """A server of two scripts, and how often each address was asked of it."""

    address: str
    asked: Counter[str]
    cookies: list[str]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    asked, cookies = Counter[str](), list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked[self.path] += 1
            cookies.append(self.headers.get("Cookie", ""))
            page = self.path.endswith((".html", "/"))
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if page else "text/javascript")
            self.send_header("Cache-Control", "no-store" if page else "max-age=3600")
            self.end_headers()
            self.wfile.write(b"<script src=/kept.js></script>" if page else b"self.kept = true")

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Site(f"http://localhost:{server.server_port}", asked, cookies)
    server.shutdown()
    server.server_close()


def opened(contexts: Contexts, site: Site, **options: object) -> Page:
    page = contexts.take(site.address, **options).new_page()
    page.goto(f"{site.address}/page.html")
    return page


def test_what_was_fetched_stays_and_all_else_is_gone(contexts: Contexts, site: Site) -> None:
    before = opened(contexts, site)
    context = before.context
    assert before.evaluate(LEFT) == []
    before.evaluate(LEAVE)
    assert len(before.evaluate(LEFT)) == 7
    context.grant_permissions(["geolocation"])
    context.route("**/page.html", lambda route: route.abort())
    context.set_extra_http_headers({"X-Left": "1"})
    context.set_default_timeout(1)
    context.set_offline(True)
    contexts.take_back()
    assert before.is_closed()
    site.asked.clear()
    after = opened(contexts, site)
    assert after.context is context
    assert after.evaluate(LEFT) == []
    assert after.evaluate("window.kept")
    assert site.asked["/page.html"] == 1 and not site.asked["/kept.js"]
    assert site.cookies[-1] == ""
    after.wait_for_timeout(5)  # longer than the timeout that was left behind


@pytest.mark.parametrize(
    ("change", "given"),
    [
        ("add_init_script", ["window.given = 'left'"]),
        ("expose_function", ["given", lambda: 1]),
        ("on", ["page", lambda page: None]),
    ],
)
def test_what_cannot_be_undone_is_thrown_away(
    contexts: Contexts, site: Site, change: str, given: list[Any]
) -> None:
    marked = opened(contexts, site).context
    getattr(marked, change)(*given)
    contexts.take_back()
    closed = opened(contexts, site)
    assert closed.context is not marked
    assert closed.evaluate(LEFT) == []
    closed.context.close()
    contexts.take_back()
    assert opened(contexts, site).context is not closed.context
    with pytest.raises(Error):
        marked.new_page()


def test_two_at_a_time_and_two_kinds_are_apart(contexts: Contexts, site: Site) -> None:
    mine, theirs = opened(contexts, site), opened(contexts, site)
    assert mine.context is not theirs.context
    mine.evaluate(LEAVE)
    assert theirs.evaluate(LEFT) == []
    contexts.take_back()
    phone = opened(contexts, site, viewport=PHONE)
    assert phone.context not in {mine.context, theirs.context}
    assert phone.evaluate("innerWidth") == PHONE["width"]


def test_permissions_of_a_kind_are_there_every_time(contexts: Contexts, site: Site) -> None:
    granted = """async () => (await navigator.permissions.query({name: "camera"})).state"""
    first = opened(contexts, site, permissions=["camera"])
    assert first.evaluate(granted) == "granted"
    contexts.take_back()
    again = opened(contexts, site, permissions=["camera"])
    assert again.context is first.context and again.evaluate(granted) == "granted"
