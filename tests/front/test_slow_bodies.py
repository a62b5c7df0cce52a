"""Bodies that do not come: ended after a while, so many of one address at a time, and never in the way of others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Message

from records.ledger import Ledger
from records.serving import requests as asking
from streaming.config import HubConfig
from streaming.hub import create_app
from tests.front.asgi import _scope
from tests.streaming import hub_market

SDP = [(b"content-type", b"application/sdp"), (b"authorization", b"Bearer " + hub_market.TOKEN.encode())]


async def drip(
    app: ASGIApp, path: bytes, address: str, gone: asyncio.Event | None = None
) -> tuple[int, bytes]:
    """A POST whose body begins and goes no further, until `gone`."""
    scope = {**_scope("http", path, b"", SDP), "method": "POST", "client": (address, 1)}
    first, status, said = True, 0, b""

    async def receive() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": b"v=0\r\n", "more_body": True}
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status, said
        status = message.get("status", status)
        said += message.get("body", b"")

    await app(scope, receive, send)
    return status, said


@pytest.mark.parametrize("path", [b"/whip/hz-01", b"/whep/hz-01"])
async def test_slow_bodies_are_ended_and_are_in_nobodys_way(
    ledger: Ledger, tmp_path: Path, path: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub_market.rooms(ledger)
    app = create_app(
        HubConfig(ledger.url.render_as_string(hide_password=False), tmp_path, media_port=0, record=False)
    )
    async with app.router.lifespan_context(app):
        gone = asyncio.Event()
        many = [
            asyncio.create_task(drip(app, path, "203.0.113.7", gone))
            for _ in range(asking.BODIES_PER_ADDRESS)
        ]
        await asyncio.sleep(0.05)
        status, said = await asyncio.wait_for(drip(app, path, "203.0.113.7"), 2)
        assert status == 429 and "此地址" in said.decode()
        monkeypatch.setattr(asking, "BODY_IDLE", 0.05)
        status, said = await asyncio.wait_for(drip(app, path, "203.0.113.8"), 2)
        assert status == 408 and "过慢" in said.decode(), "another address is heard, but not for ever"
        gone.set()
        assert {status for status, _ in await asyncio.gather(*many)} == {400}, "who went away is told so"
        status, _ = await asyncio.wait_for(drip(app, path, "203.0.113.7"), 2)
        assert status == 408, "and then there is room again"
