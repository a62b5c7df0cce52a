"""Headers on every answer, and errors as RFC 9457 problems or as pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import messages
from records.serving.problems import Problem, ProblemResponse

FIXED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
}
SCRIPTED = re.compile(
    r"/(?:(?:api|feeds|whip|whep|hls|log|control|healthz|metrics)(?:/.*)?|[^/]+\.(?:ics|atom))", re.DOTALL
)
"""Addresses whose callers are programs: they get problems, not pages."""


def content_policy(desk_origin: str | None) -> str:
    """Content-Security-Policy: everything from here, no inline script or style, framed by the desk alone."""
    framed_by = f"'self' {desk_origin}" if desk_origin else "'self'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
        f"form-action 'self'; frame-ancestors {framed_by}"
    )


class SecurityHeaders:
    """Adds the security headers to every HTTP answer that does not set its own."""

    def __init__(self, app: ASGIApp, desk_origin: str | None = None) -> None:
        self._app = app
        self._headers = {**FIXED, "content-security-policy": content_policy(desk_origin)}
        if desk_origin is None:
            self._headers["x-frame-options"] = "SAMEORIGIN"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def problem(
    status: int, detail: messages.Message, headers: Mapping[str, str] | None = None, **more: Any
) -> ProblemResponse:
    """An RFC 9457 problem: `detail` says what was wrong and what to do."""
    sent = {"cache-control": "no-store", "access-control-allow-origin": "*", **(headers or {})}
    return ProblemResponse(status, detail, sent, **more)


def wants_problem(request: Request) -> bool:
    """Whether an error at this request is for a program rather than for a reader."""
    return SCRIPTED.fullmatch(str(request.scope["path"])) is not None


MakePage = Callable[[Request, int, messages.Message | None], Response]
"""Request, status and, where it is known, why → the page that says so."""


class ErrorAnswers:
    """What the hub answers where a handler failed or a request is not taken; `page` makes the page of it."""

    def __init__(self, page: MakePage) -> None:
        self._page = page

    async def failed(self, request: Request, error: Exception) -> Response:
        """An error as a problem for programs and as a page for readers."""
        if isinstance(error, Problem):
            return self.refused(request, error)
        status = error.status_code if isinstance(error, HTTPException) else 500
        if isinstance(error, SQLAlchemyError):
            status = 503
        headers = getattr(error, "headers", None)
        if wants_problem(request):
            return problem(status, _detail(status), headers)
        page = self._page(request, status, None)
        page.headers.update(headers or {})
        return page

    def refused(self, request: Request, refused: Problem) -> Response:
        """A request that is not answered, as a problem or as a page."""
        if wants_problem(request):
            return problem(refused.status, refused.message, refused.headers)
        page = self._page(request, refused.status, refused.message)
        page.headers.update(refused.headers)
        return page


_WORDS = {404: "http.not_found", 405: "http.method_not_allowed", 503: "http.ledger_unreadable"}


def _detail(status: int) -> messages.Message:
    """Why a request failed, where its handler did not say."""
    return messages.Message(_WORDS.get(status, "http.server_error" if status >= 500 else "http.bad_request"))
