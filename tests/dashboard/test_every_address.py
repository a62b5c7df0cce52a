"""Every parameter of every address of the desk that is not Streamlit's: a 4xx and a word, never a 500."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from dashboard import context, serve
from dashboard.config import DeskConfig
from dashboard.exports import routes as exports
from dashboard.http.gate import Gate
from dashboard.screens import SCREENS, Screen
from records.serving.requests import PlainAddresses
from records.tables.users import User
from tests.dashboard.screens import run
from tests.front.walking import VALUES, Walk, addresses

KNOWN = {"table": "awards", "kind": "csv", "id": "w1", "name": "x"}


def signed_in(role: str | None) -> list[tuple[bytes, bytes]]:
    """Headers of a page of ours; a new session each time, because the walk signs out too."""
    headers = [(b"content-type", b"application/json")]
    if role is None:
        return headers
    with context.ledger().read() as session:
        cookie = context.sessions().issue(session.get_one(User, role))
    return [*headers, (b"cookie", f"sunbid_session={cookie}".encode())]


@pytest.mark.parametrize("role", ["supervisor", None])
async def test_the_desk(desk: DeskConfig, role: str | None) -> None:
    app = Starlette(routes=serve.own_routes(), middleware=[Middleware(PlainAddresses), Middleware(Gate)])
    walk = Walk(app, KNOWN)
    for route in addresses(app):
        walk.headers = signed_in(role)
        await walk.route(route)
    walk.values = VALUES[::12]  # an export is written down each time, which takes a while
    for table in exports.TABLES if role else ():
        walk.known, walk.headers = {**KNOWN, "table": table}, signed_in(role)
        walk.read[exports.routes[0].path].query |= {*exports.TABLES[table].asks}  # looked up all at once
        await walk.route(exports.routes[0])
    assert not walk.faults, "\n".join(walk.faults[:20])
    if role:
        assert {"period", "centre", "family"} <= walk.read[exports.routes[0].path].query


@pytest.mark.parametrize("screen", SCREENS, ids=lambda one: one.slug)
def test_a_screen_is_drawn_whatever_its_address_says(desk: DeskConfig, screen: Screen) -> None:
    """Streamlit hands a screen its query by WebSocket, so nothing is refused on the way."""
    names = ("period", "day", "page", "pick", "lots-page", "lots-sort", "tiles", "centre", "family", "category", "home", "unit",
             "compare", "q", "opening", "room", "warning", "id", "state", "level", "view", "rule")  # fmt: skip
    for value in ("9" * 5000, "１２\x00", "0001-01"):
        shown = run("supervisor", screen, **dict.fromkeys(names, value))
        assert not shown.exception, (value[:20], shown.exception)


@pytest.mark.parametrize(
    ("slug", "pick"),
    [
        ("openness", "province:%"),
        ("competition", "winner:'"),
        ("competition", "bidders:x"),
        ("savings", "key:\x00"),
    ],
)
def test_a_screen_is_drawn_whatever_mark_its_address_names(desk: DeskConfig, slug: str, pick: str) -> None:
    [screen] = [one for one in SCREENS if one.slug == slug]
    assert not run("supervisor", screen, pick=pick).exception
