"""Signing in and out: routes, cookie and audit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

import messages
from dashboard import context
from dashboard import metrics as ops
from dashboard.access.accounts import (
    SignedIn,
    add_user,
    check_password,
    disable_user,
    list_users,
    set_password,
    signed_in_from,
    unlocked_at,
)
from dashboard.access.sessions import MAX_AGE
from dashboard.access.throttle import Throttle
from dashboard.http import gate, index_page
from dashboard.http import sign_in_pages as signin
from messages import Message
from records import audit
from records.ledger import words
from records.serving import requests as asking
from records.serving.problems import Problem, ProblemResponse
from records.sources import kinds_of_data
from records.tables.users import User

__all__ = ["SignedIn", "add_user", "disable_user", "list_users", "routes", "set_password", "signed_in"]

signed_in = gate.signed_in
throttle = Throttle()
"""Of this process: failed sign-ins are counted here."""
_LONGEST = 8192
PATIENCE, BUSY_SECONDS = 8.0, 10
"""Seconds a sign-in waits for the ledger, which writes it down, and after which to try again."""
log = structlog.get_logger()


async def login(request: Request) -> Response:
    """POST /auth/login: name and password as form or JSON. 204 for programs, 303 to `next` for the form."""
    try:
        given = await _fields(request)
    except Problem as problem:
        return _refused({}, request, problem.status, problem.message, problem.headers)
    if missing := [field for field in ("name", "password") if given.get(field) in (None, "")]:
        return _refused(given, request, 400, signin.not_filled_in(missing))
    name, password = str(given.get("name", ""))[:64], str(given.get("password", ""))[:1024]
    address = request.client.host if request.client else "-"
    if throttle.blocked(name, address) and not await run_in_threadpool(_let_in, name, address):
        return _refused(given, request, 429, Message("signin.too_many"))
    try:
        token = await run_in_threadpool(_try, name, password, address)
    except SQLAlchemyError as error:
        log.error("sign-in impossible", error=words(error))
        return _refused(given, request, 503, Message("signin.busy"), {"Retry-After": str(BUSY_SECONDS)})
    if token is None:
        throttle.failed(name, address)
        ops.SIGN_INS.labels(outcome="failed").inc()
        return _refused(given, request, 401, Message("signin.wrong"))
    throttle.succeeded(name, address)
    ops.SIGN_INS.labels(outcome="signed in").inc()
    response = _answer(given, request)
    response.set_cookie(
        gate.COOKIE, token, max_age=MAX_AGE, httponly=True, samesite="lax",
        secure=context.config().secure_cookies or request.url.scheme == "https", path="/",
    )  # fmt: skip
    return response


def _let_in(name: str, address: str) -> bool:
    """Whether a try is let in all the same: somebody unlocked the account since, or it is others, elsewhere, who
    fail at it, and this address has signed in to it before. Nobody can so lock out the owner of an account."""
    with context.ledger().read() as session:
        unlocked = unlocked_at(session, name)
        if unlocked is not None:
            throttle.pardon(name, unlocked)
        why = throttle.blocked(name, address)
        return not why or (why == "account" and signed_in_from(session, name, address))


def _try(name: str, password: str, address: str) -> str | None:
    """The new session's token, or None; either way one audit entry. An unknown name is not written down."""
    with context.ledger().read() as session:
        user = check_password(session, name, password)
        known = user is not None or session.get(User, name) is not None
    with context.ledger().write(PATIENCE) as session:
        if user is None:
            audit.write(session, name if known else "unknown", "sign_in_failed", ip=address)
            return None
        audit.write(session, user.name, "sign_in", ip=address)
    context.sessions().forget(user.name)
    return context.sessions().issue(user)


async def logout(request: Request) -> Response:
    """POST /auth/logout: ends this session; 204 for programs, 303 to the sign-in page for a form."""
    token = request.cookies.get(gate.COOKIE)
    user: SignedIn | None = request.scope["state"]["user"]
    if token and user:
        context.sessions().end(token)
        await run_in_threadpool(_note_sign_out, user.name, request.client.host if request.client else "-")
    wants_page = "text/html" in request.headers.get("accept", "")
    response: Response = RedirectResponse("/auth/sign-in", 303) if wants_page else Response(status_code=204)
    response.delete_cookie(gate.COOKIE, path="/")
    return response


def _note_sign_out(name: str, address: str) -> None:
    with context.ledger().write() as session:
        audit.write(session, name, "sign_out", ip=address)


async def whoami(request: Request) -> Response:
    """GET /auth/whoami: name, role and display name, or 401."""
    user: SignedIn | None = request.scope["state"]["user"]
    if user is None:
        return ProblemResponse(401, Message("http.not_signed_in"))
    return JSONResponse({"name": user.name, "role": user.role, "display_name": user.display_name})


async def sign_in_form(request: Request) -> Response:
    """GET /auth/sign-in: the form."""
    problem = request.query_params.get("problem")
    said = Message(f"signin.{problem}") if problem in ("wrong", "too_many") else None
    return HTMLResponse(await run_in_threadpool(_form, request, said))


async def sign_out_form(request: Request) -> Response:
    """GET /auth/sign-out: the button that signs out."""
    return HTMLResponse(signin.sign_out_page(gate.language(request.scope)))


async def brand(_request: Request) -> Response:
    """GET /auth/brand.svg: the mark of the product."""
    return FileResponse(
        Path(__file__).parent.parent / "brand.svg", headers={"Cache-Control": "max-age=86400"}
    )


async def base_script(_request: Request) -> Response:
    """GET /auth/base.js: see `index_page.BASE_SCRIPT`."""
    return Response(
        index_page.BASE_SCRIPT, media_type="text/javascript", headers={"Cache-Control": "max-age=86400"}
    )


async def stylesheet(_request: Request) -> Response:
    """GET /auth/desk.css: see `index_page.stylesheet`; its address changes with it, so it may be kept."""
    return Response(
        index_page.stylesheet(),
        media_type="text/css",
        headers={"Cache-Control": "max-age=31536000, immutable"},
    )


def _form(request: Request, problem: Message | None) -> str:
    return signin.sign_in_page(
        gate.language(request.scope), safe_next(request.query_params.get("next")), problem, demo_accounts()
    )


def demo_accounts() -> list[tuple[str, str]]:
    """Names and roles of open accounts while the market is a demonstration, else nothing."""
    with context.ledger().read() as session:
        if kinds_of_data(session) != {True}:
            return []
        return [(user.name, user.role) for user in list_users(session) if not user.disabled]


def safe_next(path: str | None) -> str:
    """A path on this desk; anything that could lead elsewhere becomes the front page."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\", "/auth/")) or "\\" in path:
        return "/"
    return path if path.isprintable() else "/"


async def _fields(request: Request) -> dict[str, Any]:
    """Name, password and where to go on to. Raises Problem where the body is neither JSON nor a form."""
    raw = await asking.body(request, _LONGEST)
    kind = request.headers.get("content-type", "")
    return asking.json_object(raw) if "json" in kind else dict(asking.form(raw))


def _from_form(given: dict[str, Any], request: Request) -> bool:
    return "next" in given or "text/html" in request.headers.get("accept", "")


def _answer(given: dict[str, Any], request: Request) -> Response:
    if not _from_form(given, request):
        return Response(status_code=204)
    return RedirectResponse(safe_next(str(given.get("next", "/"))), 303)


def _refused(
    given: dict[str, Any],
    request: Request,
    status: int,
    problem: Message,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Why nobody was signed in: on the form again for who filled it in, as a problem for programs."""
    if not _from_form(given, request):
        return ProblemResponse(status, problem, headers)
    asked = str(given.get("lang", ""))
    lang = asked if asked in messages.languages() else gate.language(request.scope)
    page = signin.sign_in_page(lang, safe_next(str(given.get("next", "/"))), problem, demo_accounts())
    return HTMLResponse(page, status, headers)


routes = [
    Route("/auth/login", login, methods=["POST"]),
    Route("/auth/logout", logout, methods=["POST"]),
    Route("/auth/whoami", whoami, methods=["GET"]),
    Route("/auth/sign-in", sign_in_form, methods=["GET"]),
    Route("/auth/sign-out", sign_out_form, methods=["GET"]),
    Route("/auth/base.js", base_script, methods=["GET"]),
    Route(index_page.STYLE_ADDRESS, stylesheet, methods=["GET"]),
    Route("/auth/brand.svg", brand, methods=["GET"]),
]
