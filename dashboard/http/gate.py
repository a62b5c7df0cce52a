"""The gate before every request: who is it, may it pass, and which headers go back. Pure ASGI."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import messages
from dashboard import context, screens
from dashboard.access import displays, saved_views
from dashboard.access.accounts import SignedIn
from dashboard.access.displays import Shown
from dashboard.http import index_page
from dashboard.http import sign_in_pages as signin
from dashboard.http import wall_page as wall
from records.serving.language import chosen_language, cookies
from records.serving.language import language as readers_language
from records.serving.problems import ProblemResponse

COOKIE, DISPLAY_COOKIE = "sunbid_session", "sunbid_display"
OPEN_PATHS = ("/auth/", "/healthz", "/ops/metrics", "/_stcore/health", "/static/", "/favicon")
WALL_FEED, WALL_FILES = "/feeds/wall", "/web/"
"""What a wall display may ask for besides the wall's own pages."""
IDENTITY = re.compile(
    rb"x-sunbid-.*|x-forwarded-(user|email|groups|preferred-username)|x-remote-user|remote-user|x-auth-request-.*"
)


def signed_in(scope: Scope) -> SignedIn | None:
    """Who sent this request or opened this WebSocket, checked against account and session just now."""
    token = cookies(scope).get(COOKIE)
    return context.sessions().check(token) if token else None


def display(scope: Scope) -> Shown | None:
    """Which wall display sent this request or opened this WebSocket; None once its token is revoked."""
    token = cookies(scope).get(DISPLAY_COOKIE)
    return context.displays().check(token) if token else None


def language(scope: Scope) -> str:
    """The reader's language: the query's `lang`, else the cookie, else Chinese."""
    return chosen_language(scope) or messages.DEFAULT


class Gate:
    """Strips identity headers from outside, checks the cookie, adds its own, and secures every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        scope["headers"] = [(k, v) for k, v in scope["headers"] if not IDENTITY.fullmatch(k.lower())]
        user = signed_in(scope)
        if user is not None:
            token = cookies(scope)[COOKIE].encode("latin-1")
            scope["headers"].append((context.USER_HEADER.lower().encode(), token))
        scope.setdefault("state", {})["user"] = user
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send, user)
        else:
            await self._request(scope, receive, _secured(scope, send), user)

    async def _socket(self, scope: Scope, receive: Receive, send: Send, user: SignedIn | None) -> None:
        ours = same_origin(scope)
        shown = display(scope) if user is None and scope["path"] == WALL_FEED else None
        if ours and (user is not None or shown is not None):
            # asked and answered here, where the public address is known: Streamlit would compare with Host alone
            scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower() != b"origin"]
            await self.app(scope, receive, send)
            return
        code, why = (4401, "http.not_signed_in") if ours else (4403, "http.cross_site")
        await receive()
        await send({"type": "websocket.accept"})
        await send(
            {"type": "websocket.close", "code": code, "reason": messages.say(why, readers_language(scope))}
        )

    async def _request(self, scope: Scope, receive: Receive, send: Send, user: SignedIn | None) -> None:
        shown = display(scope) if user is None else None
        refusal = await _wall(scope, user, shown) or _refusal(scope, user, shown)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        send = _without_the_shell(scope, receive, send)
        if _is_navigation(scope):
            await index_page.page(self.app, scope, receive, send, language(scope))
        else:
            await self.app(scope, receive, send)


def _is_navigation(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return (
        scope["method"] == "GET"
        and headers.get("sec-fetch-mode", "navigate") == "navigate"
        and "text/html" in headers.get("accept", "")
        and not scope["path"].startswith(OPEN_PATHS)
    )


def _without_the_shell(scope: Scope, receive: Receive, send: Send) -> Send:
    """Passes answers on, but for Streamlit's page at an address that is no screen's: Streamlit gives it at every address
    nothing else is at, and there it becomes a 404."""
    path: str = scope["path"]
    if path.strip("/") in ("", *screens.BY_SLUG) or path.startswith(OPEN_PATHS):
        return send
    replaced = False

    async def passing(message: Message) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start" and _is_page(message):
            replaced = True
            await _not_found(scope)(scope, receive, send)
        elif not replaced:
            await send(message)

    return passing


def _is_page(start: Message) -> bool:
    return start["status"] == 200 and MutableHeaders(scope=start).get("content-type", "").startswith(
        "text/html"
    )


def _not_found(scope: Scope) -> Response:
    if "text/html" in Headers(scope=scope).get("accept", ""):
        return HTMLResponse(signin.unknown_page(language(scope)), 404)
    return ProblemResponse(404, messages.Message("http.not_found"))


async def _wall(scope: Scope, user: SignedIn | None, shown: Shown | None) -> Response | None:
    """The wall's page where its address is asked for by who may see it; each time a display opens it is written down."""
    query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    if not _is_navigation(scope) or not wall.asked_for(scope["path"], query):
        return None
    allowed = wall.open_to(user, shown)
    if allowed is None:
        return None
    if shown is not None:
        client = scope.get("client")
        await run_in_threadpool(_note_use, shown.name, client[0] if client else None)
    slug = scope["path"].strip("/")
    return HTMLResponse(await run_in_threadpool(wall.page, slug, allowed, query, language(scope)))


def _note_use(name: str, address: str | None) -> None:
    with context.ledger().write() as session:
        displays.note_use(session, name, address)


def _refusal(scope: Scope, user: SignedIn | None, shown: Shown | None) -> Response | None:
    path: str = scope["path"]
    if path.startswith("/_stcore/metrics"):
        return ProblemResponse(404, messages.Message("http.not_found"))
    if scope["method"] not in ("GET", "HEAD", "OPTIONS") and not same_origin(scope):
        return ProblemResponse(403, messages.Message("http.cross_site"))
    if path.startswith(OPEN_PATHS):
        return None
    if user is None:
        return None if shown is not None and path.startswith(WALL_FILES) else _ask_to_sign_in(scope)
    screen = screens.BY_SLUG.get(path.strip("/"))
    if screen is not None and not screens.may_see(user.role, screen):
        return HTMLResponse(signin.forbidden_page(language(scope), screen), 403)
    if path == "/" and _is_navigation(scope):
        return RedirectResponse(_front(user, scope["query_string"].decode("latin-1")), 303)
    return None


def _front(user: SignedIn, query: str) -> str:
    """Where the desk's front door leads: to the view that the user chose, else to the first screen of the role."""
    first = screens.screens_of(user.role)[0].slug
    if query:
        return f"/{first}?{query}"
    with context.ledger().read() as session:
        view = saved_views.first(session, user.name)
        return saved_views.address(view) if view and may_open(user, view.screen) else f"/{first}"


def may_open(user: SignedIn, slug: str) -> bool:
    """Whether a screen is for the role of `user`."""
    return screens.may_see(user.role, screens.BY_SLUG[slug])


def _ask_to_sign_in(scope: Scope) -> Response:
    if not _is_navigation(scope):
        return ProblemResponse(401, messages.Message("http.not_signed_in"))
    wanted = scope["path"]
    if scope["query_string"]:
        wanted += "?" + scope["query_string"].decode("latin-1")
    return RedirectResponse(f"/auth/sign-in?next={quote(wanted, safe='')}&lang={language(scope)}", 303)


def same_origin(scope: Scope) -> bool:
    """Whether a changing request comes from a page of this desk, or from no page at all.

    The desk is where its public address says, whatever a proxy makes of Host; and where it was asked directly.
    """
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "none") in ("same-origin", "none")
    if _origin(origin) == _origin(context.config().public_url):
        return _origin(origin) is not None
    return bool(netloc := origin.partition("://")[2]) and netloc == headers.get("host")


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of an address, the usual port spelled out; None for what is no address."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None


def _policy() -> str:
    hub = context.config().hub_url.rstrip("/")
    socket = re.sub(r"^http", "ws", hub)
    return (
        "default-src 'self'; script-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: blob: {hub}; media-src 'self' blob: {hub}; font-src 'self' data:; "
        f"connect-src 'self' ws: wss: {hub} {socket}; worker-src 'self' blob:; object-src 'none'; "
        "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    )


def _secured(scope: Scope, send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = _policy()
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "same-origin"
            headers["X-Frame-Options"] = "SAMEORIGIN"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
            if context.config().secure_cookies:
                headers["Strict-Transport-Security"] = "max-age=31536000"
            if not scope["path"].startswith("/static/"):
                headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return with_headers
