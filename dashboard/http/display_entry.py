"""How a display comes to the wall: it hands its token over once, and keeps it in a cookie no script can read."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

import web
from dashboard import components, context
from dashboard.access import displays
from dashboard.http import gate, sign_in_pages, wall_page
from messages import Message, say
from records import audit
from records.serving.problems import Problem, ProblemResponse
from records.serving.requests import body, form, json_object

COOKIE_SECONDS = 400 * 86_400
"""As long as browsers keep a cookie at most: a wall runs for years; revoking its token ends it at once."""
_LONGEST = 4096


async def entrance(request: Request) -> Response:
    """GET /auth/display: the page that hands over the token."""
    lang = gate.language(request.scope)
    return HTMLResponse(sign_in_pages.plain_page(lang, say("wall.display", lang), wall_page.entrance(lang)))


async def enter(request: Request) -> Response:
    """POST /auth/display {"token"}: the cookie of the display. 303 to the wall for the form, 204 for programs, 401 for
    a token nobody has."""
    try:
        given = await _given(request)
    except Problem as problem:
        return problem.response()
    token, address = str(given.get("token", "")).strip(), request.client.host if request.client else None
    shown = await run_in_threadpool(_check, token, address)
    if shown is None:
        return ProblemResponse(401, Message("display.refused"))
    from_form = "json" not in request.headers.get("content-type", "")
    response: Response = RedirectResponse("/?kiosk=1", 303) if from_form else Response(status_code=204)
    response.set_cookie(
        gate.DISPLAY_COOKIE, token, max_age=COOKIE_SECONDS, httponly=True, samesite="lax",
        secure=context.config().secure_cookies or request.url.scheme == "https", path="/",
    )  # fmt: skip
    return response


async def _given(request: Request) -> dict[str, Any]:
    raw = await body(request, _LONGEST)
    kind = request.headers.get("content-type", "")
    return json_object(raw) if "json" in kind else dict(form(raw))


def _check(token: str, address: str | None) -> displays.Shown | None:
    """The display whose token it is; a token nobody has is written down, without what it said."""
    context.displays().forget()
    shown = context.displays().check(token)
    if shown is None:
        with context.ledger().write() as session:
            audit.write(session, "unknown", "display.refused", ip=address)
    return shown


async def script(_request: Request) -> Response:
    """GET /auth/display.js: hands the token over."""
    return Response(
        web.folder(components.FOLDER)["display.js"], media_type="text/javascript", headers={"Cache-Control": "no-cache"}
    )  # fmt: skip


routes = [
    Route("/auth/display", entrance, methods=["GET"]),
    Route("/auth/display", enter, methods=["POST"]),
    Route("/auth/display.js", script, methods=["GET"]),
]
