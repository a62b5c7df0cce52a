"""A real ffmpeg that has lost its room notices, however it was lost, and may come back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from sqlalchemy import update

from benchmarks.lightpeer import LightPeer
from records import rooms
from records.ledger import Ledger
from records.serving import signing
from records.tables.organisations import Room
from streaming import ffmpeg
from streaming.rooms.media import MediaServer
from tests.streaming import hub_market
from tests.streaming.encoder import HEADERS, WholeHub, until, whole_hub

pytestmark = pytest.mark.server
CONSENT = 30.0
"""Seconds without an answered check after which ffmpeg gives up; nothing it can be sent makes it notice sooner."""


@asynccontextmanager
async def served(hub: WholeHub) -> AsyncIterator[str]:
    """The hub's address, for programs that are not of this process."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = hub.http._transport.app  # type: ignore[attr-defined]
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


def media(hub: WholeHub) -> MediaServer:
    found = hub.hub.media
    assert isinstance(found, MediaServer)
    return found


async def encoder(base: str, room: str) -> asyncio.subprocess.Process:
    """The documented command, with a small test picture and sound."""
    return await asyncio.create_subprocess_exec(
        *ffmpeg.publish(
            f"{base}/whip/{room}", hub_market.TOKEN, ffmpeg.moving_picture("160x96", 10), coding={"g": 10}
        ),
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def taken_over(hub: WholeHub, room: str) -> None:
    page = LightPeer()
    hub.peers.append(page)
    answer = await hub.http.post(f"/whip/{room}", content=page.offer("sendonly"), headers=HEADERS)
    assert answer.status_code == 201
    await page.connect(answer.text)


async def deleted(hub: WholeHub, room: str) -> None:
    (held,) = [one for one in media(hub).sessions.all() if one.room_name == room]
    assert (await hub.http.delete(f"/whip/{room}/{held.id}", headers=HEADERS)).status_code == 200


async def removed(hub: WholeHub, room: str) -> None:
    with hub.ledger.write() as session:
        rooms.remove(session, room)


async def token_replaced(hub: WholeHub, room: str) -> None:
    with hub.ledger.write() as session:
        rooms.new_token(session, room)


WAYS: dict[str, Callable[[WholeHub, str], Awaitable[None]]] = {
    "hz-01": taken_over,
    "hz-02": deleted,
    "hz-03": removed,
    "hz-04": token_replaced,
}


async def test_ffmpeg_ends_when_its_room_is_lost_and_may_come_back(ledger: Ledger, tmp_path: Path) -> None:
    async with whole_hub(ledger, tmp_path) as hub, served(hub) as base:
        for room in ("hz-03", "hz-04"):
            hub_market.room(ledger, room)
        with ledger.write() as session:
            session.execute(
                update(Room).where(Room.id.in_(WAYS)).values(token_hash=signing.token_hash(hub_market.TOKEN))
            )
        await until(lambda: set(WAYS) <= set(hub.hub.roster.rooms))
        running = {room: await encoder(base, room) for room in WAYS}
        try:
            await until(lambda: all(hub.hub.media.status(room).publishing for room in WAYS), 30)
            for room, way in WAYS.items():
                await way(hub, room)
            await until(lambda: not any(hub.hub.media.status(room).publishing for room in list(WAYS)[1:]))
            codes = await asyncio.wait_for(
                asyncio.gather(*(p.wait() for p in running.values())), CONSENT + 15
            )
            assert all(code > 0 for code in codes), codes
            page = media(hub).room("hz-01").publisher
            assert page is not None and page.closed is None, "the page that took over is still there"
            running["again"] = await encoder(base, "hz-01")
            await until(lambda: page.closed == "replaced" and media(hub).status("hz-01").publishing, 20)
        finally:
            for process in running.values():
                if process.returncode is None:
                    process.kill()
                    await process.wait()


async def test_a_token_that_is_void_or_a_room_out_of_use_ends_who_publishes(
    ledger: Ledger, tmp_path: Path
) -> None:
    """At once, and told by the DTLS close; who holds the new token is left alone."""
    async with whole_hub(ledger, tmp_path) as hub:
        await hub.publish()
        with ledger.write() as session:
            fresh = rooms.new_token(session, "hz-01")
        await until(lambda: not hub.hub.media.status("hz-01").publishing)
        second, headers = LightPeer(), HEADERS | {"Authorization": f"Bearer {fresh}"}
        hub.peers.append(second)
        await until(lambda: hub.hub.roster.may_publish("hz-01", fresh) == 200)
        answer = await hub.http.post("/whip/hz-01", content=second.offer("sendonly"), headers=headers)
        await second.connect(answer.text)
        with ledger.write() as session:
            rooms.edit(session, "hz-01", name="改名")
        await until(lambda: hub.hub.roster.rooms["hz-01"].name == "改名")
        assert hub.hub.media.status("hz-01").publishing
        with ledger.write() as session:
            rooms.remove(session, "hz-01")
        await until(lambda: not hub.hub.media.status("hz-01").publishing)
