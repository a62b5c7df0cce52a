"""The wall: which token opens what, what its feed tells, what its address says, and what never stands on it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import messages
from dashboard import components, context, freshness, screens
from dashboard.access import displays
from dashboard.config import DeskConfig
from dashboard.exports import routes as exports
from dashboard.http import display_entry, wall_page
from dashboard.http import sign_in as auth
from dashboard.http.gate import Gate
from dashboard.kiosk import views
from dashboard.kiosk.panel import Ask, Panel
from dashboard.live import pushing
from dashboard.shell import offered, parameters
from dashboard.shell.filters import read_choice
from messages import Invalid
from records import audit, states
from records.clock import frozen_at, now
from records.serving.signing import token_hash
from records.tables.openings import Opening
from records.tables.organisations import Centre
from records.tables.projects import Lot
from records.tables.users import AuditEntry, Display
from supervision.home import CertificateRegion
from tests.dashboard.conftest import BIDDERS, sign_in

PAGE = {"accept": "text/html", "sec-fetch-mode": "navigate"}


async def _inside(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("inside")


@pytest.fixture
def app(desk: DeskConfig) -> Starlette:
    """The desk's own addresses behind the gate; whatever else there is says "inside"."""
    routes = [
        *auth.routes, *display_entry.routes, *exports.routes, *components.files().routes(), *views.routes,
        Route("/{rest:path}", _inside, methods=["GET", "POST"]),
    ]  # fmt: skip
    return Starlette(routes=routes, middleware=[Middleware(Gate)])


def add(name: str = "hall-1", *slugs: str, seconds: int = 20) -> str:
    with context.ledger().write() as session:
        return displays.add(session, name, slugs, seconds)


def revoke(name: str = "hall-1") -> None:
    with context.ledger().write() as session:
        displays.revoke(session, name)


def audited(action: str) -> list[AuditEntry]:
    with context.ledger().read() as session:
        assert audit.verify(session) is None
        return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action)))


# ── tokens ───────────────────────────────────────────────────────────────────


def test_a_token_is_kept_as_its_hash_only(desk: DeskConfig) -> None:
    token = add()
    with context.ledger().read() as session:
        [row] = displays.list_displays(session)
    assert row.token_hash == token_hash(token) and row.screens == list(screens.WALL)
    assert token.encode() not in (desk.data_dir / "ledger.db").read_bytes()
    [entry_] = audited("display.add")
    assert entry_.object_id == "hall-1" and token not in json.dumps(entry_.detail)


@pytest.mark.parametrize(
    ("name", "slugs", "seconds", "key"),
    [
        ("two words", (), 20, "display.bad_name"), ("hall-1", ("leads",), 20, "display.unknown_screen"),
        ("hall-1", (), 1, "display.bad_seconds"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_display_is_said(
    desk: DeskConfig, name: str, slugs: tuple[str, ...], seconds: int, key: str
) -> None:
    with pytest.raises(Invalid) as refusal, context.ledger().write() as session:
        displays.add(session, name, slugs, seconds)
    assert refusal.value.message.key == key


def test_a_display_in_use_keeps_its_token_and_a_revoked_one_may_have_another(desk: DeskConfig) -> None:
    first = add()
    with pytest.raises(Invalid):
        add()
    revoke()
    with pytest.raises(Invalid):
        revoke()
    second = add("hall-1", "savings", seconds=60)
    assert context.displays().check(first) is None
    shown = context.displays().check(second)
    assert shown == displays.Shown("hall-1", displays.Playlist(("savings",), 60))


async def entered(client: httpx.AsyncClient, token: str) -> None:
    answer = await client.post("/auth/display", json={"token": token})
    assert answer.status_code == 204, answer.text


async def test_a_display_sees_the_wall_and_nothing_else(client: httpx.AsyncClient) -> None:
    await entered(client, add())
    for slug in ("", *screens.WALL):
        wall = await client.get(f"/{slug}?kiosk=1", headers=PAGE)
        assert wall.status_code == 200 and 'id="told"' in wall.text
    assert (await client.get(f"{components.files().base}/kiosk.js")).status_code == 200
    for closed in ("/", "/overview", "/overview?kiosk=2", "/leads?kiosk=1", "/admin?kiosk=1", "/warnings"):
        answer = await client.get(closed, headers=PAGE)
        assert answer.status_code == 303 and answer.headers["location"].startswith("/auth/sign-in"), closed
    for closed in (
        "/api/warnings",
        "/api/warnings/counts",
        "/export/lots.csv",
        "/_stcore/stream",
        "/anything",
    ):
        assert (await client.get(closed)).status_code == 401, closed
    assert len(audited("display.open")) == 1 + len(screens.WALL)
    assert {one.actor for one in audited("display.open")} == {"display:hall-1"}


async def test_a_wrong_token_opens_nothing_and_is_written_down(client: httpx.AsyncClient) -> None:
    answer = await client.post("/auth/display", json={"token": "guessed"})
    assert answer.status_code == 401 and "set-cookie" not in answer.headers
    [noted] = audited("display.refused")
    assert "guessed" not in json.dumps(noted.detail)


async def test_the_token_travels_in_no_address(client: httpx.AsyncClient) -> None:
    """It stands behind the #, which a browser sends to nobody; the page hands it over and keeps it from scripts."""
    token = add()
    entrance = await client.get("/auth/display")
    assert entrance.status_code == 200 and "/auth/display.js" in entrance.text
    answer = await client.post("/auth/display", data={"token": token})
    assert answer.status_code == 303 and answer.headers["location"] == "/?kiosk=1"
    assert "HttpOnly" in answer.headers["set-cookie"] and "SameSite=lax" in answer.headers["set-cookie"]


async def test_a_revoked_display_is_sent_away(client: httpx.AsyncClient) -> None:
    await entered(client, add())
    revoke()
    context.displays().forget()
    answer = await client.get("/overview?kiosk=1", headers=PAGE)
    assert answer.status_code == 303 and answer.headers["location"].startswith("/auth/sign-in")


@pytest.mark.parametrize(
    ("role", "expected"),
    [("leader", screens.WALL), ("supervisor", screens.WALL), ("operator", ("hall",)), ("public-officer", ())],
)
def test_an_account_puts_on_the_wall_what_its_role_may_see(role: str, expected: tuple[str, ...]) -> None:
    assert screens.wall_of(role) == expected


async def test_somebody_signed_in_has_a_wall_too(client: httpx.AsyncClient) -> None:
    await sign_in(client, "operator")
    wall = await client.get("/hall?kiosk=1", headers=PAGE)
    assert told(wall.text)["screens"] == [{"slug": "hall", "name": "数字直播大厅"}]


# ── the address ──────────────────────────────────────────────────────────────


def told(html: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(html.split('id="told">')[1].split("</script>")[0])
    return found


async def test_playlist_interval_and_filters_stand_in_the_address(client: httpx.AsyncClient) -> None:
    await entered(client, add())
    address = "/savings?kiosk=1&screens=openness,savings,leads&every=45&period=2025&centre=c1&lang=en"
    said = told((await client.get(address, headers=PAGE)).text)
    assert said["first"] == "savings" and said["seconds"] == 45 and said["lang"] == "en"
    assert [one["slug"] for one in said["screens"]] == ["openness", "savings"]  # type: ignore[attr-defined]
    asked = {
        "period": "2025",
        "centre": "c1",
        "lang": "en",
        "screens": "openness,savings,leads",
        "every": "45",
    }
    assert said["asked"] == asked


async def test_the_wall_says_what_its_address_asks_for_in_vain(client: httpx.AsyncClient) -> None:
    await entered(client, add())
    address = "/savings?kiosk=1&screens=openness,leads&every=soon&centre=nowhere&family=land&centr=c1&lang=en"
    said = told((await client.get(address, headers=PAGE)).text)
    words = str(said["amiss"])
    for vain in ("screens=leads", "every=soon", "centre=nowhere", "“centr”"):
        assert vain in words
    assert "family" not in words.replace("family,", "")  # only among the names offered
    assert said["asked"] == {"family": "land", "lang": "en", "screens": "openness,leads", "every": "soon"}
    right = "/savings?kiosk=1&screens=openness&every=45&period=2025&centre=c1&lang=en"
    assert told((await client.get(right, headers=PAGE)).text)["amiss"] == ""


def test_every_name_that_screens_read_from_the_address_is_known() -> None:
    """What a screen takes and the list of names lacks, it would call unknown."""
    reads = re.compile(
        r"(?:choices\.(?:select|segments|text|switch|asked|check)|partial\(choices\.\w+|\bst\.query_params\.(?:get|pop))[(,]\s*"
        r"\"([\w-]+)\"|searchParams\.set\(\"([\w-]+)\"|location\.search\)\.get\(\"([\w-]+)\""
    )
    root = screens.PAGES.parent / "dashboard"
    sources = [*root.rglob("*.py"), *root.rglob("*.js"), *(root.parent / "pages").glob("*.py")]
    found = {
        name for file in sources for names in reads.findall(file.read_text("utf-8")) for name in names if name
    }
    grids = re.compile(r"tables\.grid\(\s*\"([\w-]+)\"")
    found |= {f"{name}-sort" for file in sources for name in grids.findall(file.read_text("utf-8"))}
    assert len(found) > 40 and found <= parameters.NAMES


async def test_a_token_for_some_screens_opens_no_others(client: httpx.AsyncClient) -> None:
    await entered(client, add("hall-1", "savings", "hall"))
    said = told((await client.get("/warnings?kiosk=1&screens=warnings,hall", headers=PAGE)).text)
    assert said["screens"] == [{"slug": "hall", "name": "数字直播大厅"}] and said["first"] == "hall"


@pytest.mark.parametrize(("every", "seconds"), [("1", 5), ("99999", 3600), ("-4", 20), ("soon", 20)])
def test_an_interval_stays_within_bounds(every: str, seconds: int) -> None:
    assert wall_page.chosen(displays.Playlist(), {"every": every}).seconds == seconds


# ── what it tells ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lang", messages.languages())
@pytest.mark.parametrize("slug", screens.WALL)
def test_every_panel_of_every_screen_is_told(desk: DeskConfig, slug: str, lang: str) -> None:
    view = json.loads(views.view_text(slug, lang, {"period": "all"}))
    assert view["view"] == slug and view["title"] == screens.BY_SLUG[slug].name(lang)
    assert [panel["id"] for panel in view["panels"] if panel["kind"] == "failed"] == []
    assert {panel["slot"] for panel in view["panels"]} <= {"left", "centre", "right", "wide"}


@pytest.mark.parametrize("slug", screens.WALL)
def test_nobody_a_warning_could_be_about_is_named(desk: DeskConfig, slug: str) -> None:
    told_ = views.view_text(slug, "zh", {"period": "all"})
    assert (
        not [key for key in BIDDERS if key in told_] and "投标企业" not in told_ and "同一台电脑" not in told_
    )


def test_its_figures_are_those_of_the_desk(desk: DeskConfig) -> None:
    view = json.loads(views.view_text("openness", "zh", {"period": "all"}))
    panels = {panel["id"]: panel for panel in view["panels"]}
    assert panels["openness"]["value"] == "50.00"  # two of four bidders are from elsewhere
    assert panels["provinces"]["tiles"] == {"32": 1, "31": 1} and panels["provinces"]["home"] == "33"


def test_a_panel_that_fails_leaves_the_others(desk: DeskConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_ask: object) -> dict[str, object]:
        raise RuntimeError("no such figure")

    first, *others = views.VIEWS["savings"]
    monkeypatch.setitem(views.VIEWS, "savings", ((first[0], broken), *others))  # type: ignore[arg-type]
    view = views.view("savings", views.Ask("zh", read_choice({})))
    assert [panel["kind"] == "failed" for panel in view["panels"]] == [True] + [False] * len(others)
    assert "no such figure" not in json.dumps(view)


# ── the feed ─────────────────────────────────────────────────────────────────


def test_the_feed_tells_each_screen_once_and_its_life_every_second(app: Starlette, desk: DeskConfig) -> None:
    client = TestClient(app)
    assert client.post("/auth/display", json={"token": add("hall-1", "savings", "hall")}).status_code == 204
    with client.websocket_connect("/feeds/wall?period=all&lang=en") as socket:
        heard = [socket.receive_json() for _ in range(5)]
    assert [one.get("view") for one in heard] == ["savings", "hall", None, None, None]
    assert (
        heard[0]["title"] == "Volume, savings and topics"
        and heard[2]["version"] == components.files().version
    )


@pytest.mark.parametrize("origin", [None, "http://elsewhere.test"])
def test_nobody_else_hears_it(app: Starlette, desk: DeskConfig, origin: str | None) -> None:
    headers = {} if origin is None else {"origin": origin}
    client = TestClient(app)
    if origin:
        client.post("/auth/display", json={"token": add()})
    with (
        client.websocket_connect("/feeds/wall", headers=headers) as socket,
        pytest.raises(WebSocketDisconnect) as end,
    ):
        socket.receive_json()
    assert end.value.code in (4401, 4403)


def test_revoking_ends_the_feed_within_seconds(
    app: Starlette, desk: DeskConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "EVERY", 0.05)
    client = TestClient(app)
    client.post("/auth/display", json={"token": add("hall-1", "hall")})
    with client.websocket_connect("/feeds/wall") as socket:
        assert socket.receive_json()["view"] == "hall"
        revoke()
        with pytest.raises(WebSocketDisconnect) as end:
            for _ in range(200):
                socket.receive_json()
    assert end.value.code == 4401


def test_a_lens_that_stands_still_is_told(desk: DeskConfig) -> None:
    as_of = context.lens().as_of()
    assert as_of is not None
    with frozen_at(as_of + freshness.STALE_AFTER):
        assert json.loads(views._sign("zh"))["stale"] == ""
    with frozen_at(as_of + timedelta(minutes=7)):
        assert json.loads(views._sign("zh"))["stale"] == "已 7 分钟未更新"
    with frozen_at(as_of + timedelta(hours=5)):
        assert json.loads(views._sign("en"))["stale"] == "not renewed for 5 h"
    with frozen_at(as_of + timedelta(days=3)):
        assert json.loads(views._sign("zh"))["stale"] == "已 3 天未更新"


def test_every_display_has_a_row_of_its_own(desk: DeskConfig) -> None:
    tokens = {add("a"), add("b")}
    with context.ledger().read() as session:
        assert {row.token_hash for row in session.scalars(select(Display))} == set(map(token_hash, tokens))


def test_regions_of_certificates_stand_on_the_wall_as_on_the_desk(desk: DeskConfig) -> None:
    listed = (
        CertificateRegion("37", "recognised"),
        CertificateRegion("50", "pilot"),
        CertificateRegion("51", "suspended"),
    )
    context.configure(replace(desk, certificates=listed))
    view = json.loads(views.view_text("openness", "zh", {"period": "all"}))
    told = next(panel for panel in view["panels"] if panel["kind"] == "marks")
    assert (told["title"], told["note"]) == ("数字证书互认 3 省市", "1 个已互认")
    assert [(one["name"], one["state"]) for one in told["marks"]] == [
        ("山东", "recognised"),
        ("重庆试点", "pilot"),
        ("四川中断", "suspended"),
    ]


def opening_at(session: Session, n: str, at: datetime, flags: list[str] | None = None) -> None:
    """Announce the opening `o<n>` of a lot of its own."""
    lot = Lot(
        id=f"l{n}", project_id="p2", name=f"标段{n}", centre_id="c1", notice_at=now(), deadline=now(), flags=flags or [], source="demo"
    )  # fmt: skip
    session.add(lot)
    session.flush()
    opening = Opening(id=f"o{n}", lot_id=lot.id, room_id="hz-01", scheduled_at=at, source="demo")
    states.new_opening(session, opening)


def test_rehearsals_are_shown_on_the_wall_and_counted_apart_as_on_the_desk(desk: DeskConfig) -> None:
    with context.ledger().write() as session:
        for n, flags in (("3", ["electronic"]), ("4", ["electronic", "rehearsal"])):
            opening_at(session, n, now(), flags)
    panels = {
        panel["id"]: panel for panel in json.loads(views.view_text("hall", "zh", {"centre": "c1"}))["panels"]
    }
    assert (len(panels["openings"]["rows"]), panels["openings"]["note"]) == (
        2,
        "1 场 · 进行中 0 场 · 另有演练 1",
    )
    assert [one["value"] for one in panels["today_counts"]["pairs"]] == ["0", "1", "0"]


def panels_of(slug: str, **asked: str) -> list[Panel]:
    """The panels of a screen as they stand this moment."""
    found: list[Panel] = views.view(slug, Ask("zh", read_choice(asked)))["panels"]
    return found


def test_an_opening_that_was_called_off_stands_below_those_to_come(desk: DeskConfig) -> None:
    with context.ledger().write() as session:
        for n, minutes in (("3", 1), ("4", 2)):
            opening_at(session, n, now() + timedelta(minutes=minutes))
        session.get_one(Opening, "o3").state = "cancelled"
    panels = {panel["id"]: panel for panel in panels_of("hall")}
    told = [row["lot"] for row in panels["openings"]["rows"]]
    assert told.index("标段4") < told.index("标段3")


def test_centres_of_small_value_have_no_hexagon_of_their_own_and_are_counted_beside(desk: DeskConfig) -> None:
    with context.ledger().write() as session:
        session.add(Centre(id="c1-01", name="荷塘", level="small", source="demo"))
    offered.look_again()
    panels = {panel["id"]: panel for panel in panels_of("overview")}
    assert "荷塘" not in [cell["name"] for cell in panels["centres"]["cells"]]
    assert panels["centres"]["note"].endswith(messages.say("wall.more_centres", "zh", n=1))
    asked = panels_of("overview", centre="c1-01")
    assert [cell["name"] for panel in asked if panel["id"] == "centres" for cell in panel["cells"]] == [
        "荷塘"
    ]
    offered.look_again()
