"""JSON routes of the desk: who asks may, a change comes from our own pages, a refusal is a problem document.

Every route checks the role itself, so that it is safe wherever it is mounted.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dashboard import screens
from dashboard.access.accounts import SignedIn
from dashboard.http import gate
from messages import Invalid, Message, Unknown
from records.administration import Conflict
from records.clock import end_of
from records.serving.problems import Problem
from records.serving.requests import body, json_object

LONGEST_BODY = 16_384
PICTURES = ("image/jpeg", "image/png", "image/webp")
"""Content types of a body that is a picture. A form cannot send one from another site."""

Handler = Callable[[Request, SignedIn], dict[str, Any] | Response]


def route(
    path: str, method: str, slug: str, handler: Handler, *, names: bool = False, function: str | None = None,
    picture: int = 0,
) -> Route:  # fmt: skip
    """A JSON route for the roles of screen `slug`; `names`: only those who may see who a warning is about; `function`:
    only those who may use it (F01…); `picture`: its body is one, of so many bytes at most."""

    async def endpoint(request: Request) -> Response:
        try:
            user = await run_in_threadpool(gate.signed_in, request.scope)
            _check(request, user, slug, names, function)
            if method == "POST":
                request.state.given = await (_picture(request, picture) if picture else _body(request))
            assert user is not None
            answer = await run_in_threadpool(handler, request, user)
            return answer if isinstance(answer, Response) else JSONResponse(answer)
        except Problem as problem:
            return problem.response()

    async_endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = endpoint
    return Route(path, async_endpoint, methods=[method])


def _check(request: Request, user: SignedIn | None, slug: str, names: bool, function: str | None) -> None:
    if user is None:
        raise Problem(401, Message("http.not_signed_in"))
    if request.method == "POST" and not gate.same_origin(request.scope):
        raise Problem(403, Message("http.cross_site"))
    screen = screens.BY_SLUG[slug]
    allowed = screens.names_visible(user.role, screen) if names else screens.may_see(user.role, screen)
    if not allowed or (function is not None and not screens.may_use(user.role, screen, function)):
        raise Problem(403, Message("http.not_your_role"))


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request. A form cannot send this content type from another site."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Problem(415, Message("http.json_wanted"))
    return json_object(await body(request, LONGEST_BODY))


async def _picture(request: Request, most: int) -> bytes:
    if request.headers.get("content-type", "") not in PICTURES:
        raise Problem(415, Message("http.picture_wanted", choices=", ".join(PICTURES)))
    return bytes(await body(request, most))


def language(request: Request) -> str:
    return gate.language(request.scope)


def address(request: Request) -> str | None:
    return request.client.host if request.client else None


def end_of_day(given: object, refusal: Message) -> datetime:
    """The last moment of a day YYYY-MM-DD that was asked for. Raises Problem(400) with `refusal` for what is no day."""
    try:
        return end_of(date.fromisoformat(str(given)))
    except ValueError:
        raise Problem(400, refusal) from None


@contextmanager
def refused() -> Iterator[None]:
    """Tells a refusal as the problem it is: 404 it is not there, 409 it does not fit, 400 it makes no sense."""
    try:
        yield
    except Unknown as error:
        raise Problem(404, error.message) from None
    except Conflict as error:
        raise Problem(409, error.message) from None
    except Invalid as error:
        raise Problem(400, error.message) from None
