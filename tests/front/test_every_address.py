"""Every parameter of every address of every process: nonsense is answered with a 4xx and a word, never with a 500."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.config import IntakeConfig
from ingest.http.server import create_app as create_intake
from records.ledger import Ledger
from records.sources import add_source
from streaming.config import HubConfig
from streaming.hub import create_app as create_hub
from tests.front.asgi import ask, listen
from tests.front.walking import Walk, addresses
from tests.streaming import hub_market

KNOWN = {"room": "hz-01", "id": "O1", "code": "P-O1", "flavour": "opus", "name": "1.m4s", "table": "lots", "kind": "csv",
         "session": "none", "version": "x"}  # fmt: skip


def _url(ledger: Ledger) -> str:
    return ledger.url.render_as_string(hide_password=False)


async def test_the_hub(ledger: Ledger, tmp_path: Path) -> None:
    hub_market.rooms(ledger)
    hub_market.opening(ledger)
    hub_market.begin(ledger)
    config = HubConfig(_url(ledger), tmp_path, media_port=0, record=False, fanout="plain")
    app = create_hub(config)
    async with app.router.lifespan_context(app):
        for bearer in (hub_market.TOKEN, "wrong"):
            walk = Walk(app, KNOWN, [(b"authorization", b"Bearer " + bearer.encode())])
            for route in addresses(app):
                await walk.route(route)
            assert not walk.faults, "\n".join(walk.faults[:20])
    assert walk.asked > 5000 and {"/api/openings/{id:path}/events", "/whip/{room}"} <= set(walk.read)
    assert "after" in walk.read["/api/openings/{id:path}/events"].query


async def test_the_intake(ledger: Ledger, tmp_path: Path) -> None:
    with ledger.write() as session:
        token = add_source(session, "hz")
    app = create_intake(IntakeConfig(_url(ledger), tmp_path, body_idle=1.0))
    async with app.router.lifespan_context(app):
        walk = Walk(app, {**KNOWN, "kind": "lot"}, [(b"authorization", b"Bearer " + token.encode())])
        for route in addresses(app):
            await walk.route(route)
    assert not walk.faults, "\n".join(walk.faults[:20])
    assert {"after", "limit"} <= walk.read["/rejects"].query


@pytest.mark.parametrize(
    "number",
    [b"", b"-1", b"1.5", b"1e5", "１２３".encode(), b"%EF%BC%91", b"9" * 16, b"9" * 5000, b"NaN", b"+1"],
)
async def test_a_number_is_a_number(ledger: Ledger, tmp_path: Path, number: bytes) -> None:
    hub_market.rooms(ledger)
    hub_market.opening(ledger)
    app, _ = hub_market.hub(ledger, tmp_path)
    async with app.router.lifespan_context(app):
        answer = await ask(app, b"/api/openings/O1/events", b"after=" + number)
        assert answer.status == 400 and "after" in answer.body.decode()
        assert (await listen(app, b"/feeds/openings/O1", b"after=" + number)).status == 4400
        assert (await ask(app, b"/api/openings/O1/events", b"after=0&after=1")).status == 200
    intake = create_intake(IntakeConfig(_url(ledger), tmp_path))
    with ledger.write() as session:
        bearer = [(b"authorization", f"Bearer {add_source(session, 'hz')}".encode())]
    for name in (b"after=", b"limit="):
        assert (await ask(intake, b"/rejects", name + number, headers=bearer)).status == 400


async def test_an_address_that_nobody_types_is_refused_in_the_readers_way(
    ledger: Ledger, tmp_path: Path
) -> None:
    hub_market.rooms(ledger)
    app, _ = hub_market.hub(ledger, tmp_path)
    async with app.router.lifespan_context(app):
        for path in (
            b"/room/%00",
            b"/room/%ff",
            b"/project/%ED%A0%80",
            b"/project/a%0d%0ab",
            b"/opening/%C3%28",
        ):
            page = await ask(app, path)
            assert page.status == 400 and "网址不正确" in page.body.decode(), path
            api = await ask(app, b"/api/openings/" + path.rpartition(b"/")[2])
            assert api.status == 400 and "detail" in api.body.decode(), path
        assert (await ask(app, b"/", b"q=" + b"x" * 100_000)).status == 414
        assert (await ask(app, b"/room/%E4%BC%9A%E5%9C%BA")).status == 404
        assert (await ask(app, b"/", "q=学校".encode())).status == 200


MACHINES = ("/api", "/feeds", "/whip", "/whep", "/hls", "/log", "/control", "/healthz", "/metrics", "/schedule.ics",
            "/schedule.atom")  # fmt: skip


async def test_programs_are_refused_with_a_reason_and_its_type_and_readers_with_a_page(
    ledger: Ledger, tmp_path: Path
) -> None:
    hub_market.rooms(ledger)
    app, _ = hub_market.hub(ledger, tmp_path)

    async def type_of(method: str, path: str, body: bytes = b"") -> tuple[int, str]:
        answer = await ask(app, path.encode(), method=method, body=body)
        assert answer.headers["content-type"] == "application/problem+json", (method, path)
        told = json.loads(answer.body)
        assert told["detail"] and told["status"] == answer.status
        return answer.status, told["type"].removeprefix("urn:sunbid:")

    async with app.router.lifespan_context(app):
        for prefix in MACHINES:
            path = prefix if "." in prefix or prefix in ("/healthz", "/metrics") else f"{prefix}/x/y/z/v"
            status, kind = await type_of("DELETE", path)
            assert (status, kind) in ((404, "http.not_found"), (405, "http.method_not_allowed")), prefix
        assert await type_of("GET", "/log/nothing") == (404, "evidence.no_tile")
        assert await type_of("GET", "/log/tile/0/999") == (404, "evidence.no_tile")
        assert await type_of("POST", "/log/checkpoint") == (405, "http.method_not_allowed")
        assert await type_of("POST", "/log/add-cosignature", b"garbage") == (400, "evidence.no_note")
        large = await type_of("POST", "/log/add-cosignature", b"x" * 100_000)
        assert large == (413, "http.body_too_large")
        page = await ask(app, b"/market", method="POST")
        text = page.body.decode()
        assert page.status == 405 and page.headers["content-type"].startswith("text/html")
        assert "不支持这种访问方式" in text and "稍后再试" not in text
