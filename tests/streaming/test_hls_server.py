"""Low-latency HLS from a real source: playlists, parts, blocking reload, restarts, refusals, a browser."""

from __future__ import annotations

import asyncio
import io
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import av
import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from benchmarks.studio import Studio
from streaming.hls import server as hls
from streaming.hls.cutter import PART_SECONDS, Cut
from streaming.hls.fmp4 import VIDEO_TRACK, Sample, Stretch
from streaming.hls.segments import KEPT, KEPT_BYTES, HlsStream
from streaming.hls.server import HlsServer
from streaming.wire.codecs import VP8
from streaming.wire.h264 import Parameters
from tests.chromium import HEADLESS

ROOM, SECRET = "hz-01", "eval-01"
CHROMIUM = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required"


@asynccontextmanager
async def site(**studio: object) -> AsyncIterator[tuple[Studio, HlsServer, httpx.AsyncClient]]:
    camera = Studio([ROOM, SECRET], **studio)  # type: ignore[arg-type]
    server = HlsServer(camera, lambda room, token: room == ROOM)
    transport = httpx.ASGITransport(app=Starlette(routes=server.routes()))
    async with httpx.AsyncClient(
        transport=transport, base_url=f"http://hub/hls/{ROOM}/", timeout=30
    ) as client:
        await camera.on(gop=25, size="320x180")
        try:
            yield camera, server, client
        finally:
            await camera.off()
            server.stop()


def parts(playlist: str) -> list[tuple[float, int, int, bool]]:
    pattern = r'#EXT-X-PART:DURATION=([\d.]+),URI="(\d+)\.(\d+)\.m4s"(,INDEPENDENT=YES)?'
    return [(float(d), int(n), int(p), bool(key)) for d, n, p, key in re.findall(pattern, playlist)]


def value(playlist: str, tag: str) -> str:
    found = re.search(rf"#EXT-X-{tag}:(.*)", playlist)
    assert found, f"{tag} is missing"
    return found[1]


async def film(client: httpx.AsyncClient, flavour: str, playlist: str) -> dict[str, tuple[str, float, float]]:
    """Codec, start and end of each track of the newest whole segment, as a player reads it."""
    head = re.findall(r'MAP:URI="([^"]+)"', playlist)[-1]
    number = re.findall(r"^(\d+)\.m4s", playlist, re.MULTILINE)[-1]
    data = (await client.get(f"{flavour}/{head}")).content + (
        await client.get(f"{flavour}/{number}.m4s")
    ).content
    found: dict[str, tuple[str, float, float]] = {}
    with av.open(io.BytesIO(data)) as file:
        for packet in file.demux():
            if packet.pts is not None:
                moment = float(packet.pts * packet.time_base)
                kind = packet.stream.type
                start = found[kind][1] if kind in found else moment
                found[kind] = (packet.stream.codec_context.name, start, moment)
    return found


@pytest.mark.server
async def test_a_live_room_is_listed_in_parts_and_segments_that_play() -> None:
    async with site() as (_, server, client):
        index = await client.get("index.m3u8")
        assert index.status_code == 200 and index.headers["access-control-allow-origin"] == "*"
        assert (
            'CODECS="avc1.42c0' in index.text and "opus" in index.text and "RESOLUTION=320x180" in index.text
        )
        address = index.text.strip().splitlines()[-1]
        answer = await client.get(address)
        text = answer.text
        assert answer.headers["content-type"].startswith("application/vnd.apple.mpegurl")
        assert answer.headers["cache-control"] == "public, max-age=1"
        assert "CAN-BLOCK-RELOAD=YES" in value(text, "SERVER-CONTROL")
        target = float(value(text, "PART-INF").removeprefix("PART-TARGET="))
        assert (
            f"PART-HOLD-BACK={3 * PART_SECONDS:.3f}" in value(text, "SERVER-CONTROL")
            and target == PART_SECONDS
        )
        assert all(seconds <= target + 1e-6 for seconds, *_ in parts(text)) and any(
            key for *_, key in parts(text)
        )
        moment = datetime.fromisoformat(value(text, "PROGRAM-DATE-TIME"))
        assert abs(time.time() - moment.timestamp()) < 10
        number = int(value(text, "MEDIA-SEQUENCE"))
        pieces = [
            await client.get(f"opus/{number}.{part}.m4s") for _, n, part, _ in parts(text) if n == number
        ]
        whole = await client.get(f"opus/{number}.m4s")
        assert b"".join(piece.content for piece in pieces) == whole.content
        assert "max-age=3600" in whole.headers["cache-control"]
        tracks = await film(client, "opus", text)
        assert (tracks["video"][0], tracks["audio"][0]) == ("h264", "opus")
        assert abs(tracks["video"][1] - tracks["audio"][1]) < 0.15
        assert server.status().keys() == {ROOM}


@pytest.mark.server
async def test_a_reload_and_a_hinted_part_are_held_until_they_are_there() -> None:
    async with site() as (_, _, client):
        await client.get("index.m3u8")
        for _ in range(4):
            text = (await client.get("opus/live.m3u8")).text
            _, number, part, _ = parts(text)[-1]
            hint = re.findall(r'PRELOAD-HINT:TYPE=PART,URI="([^"]+)"', text)[0]
            query = {"_HLS_msn": number, "_HLS_part": part + 1}
            reload, hinted = await asyncio.gather(
                client.get("opus/live.m3u8", params=query), client.get(f"opus/{hint}")
            )
            newest = parts(reload.text)[-1][1:3]
            assert newest > (number, part) and "max-age=6" in reload.headers["cache-control"]
            # a hinted part is not made where a new segment begins in its place
            assert hinted.status_code == 200 or newest[0] > number
        for wrong in ({"_HLS_msn": number + 50}, {"_HLS_msn": "x"}, {"_HLS_part": 1}):
            assert (await client.get("opus/live.m3u8", params=wrong)).status_code == 400


@pytest.mark.server
async def test_aac_is_made_only_for_those_who_ask() -> None:
    async with site() as (_, server, client):
        await client.get("index.m3u8")
        assert server._live[ROOM].aac is None
        index = await client.get("index.m3u8", params={"audio": "aac"})
        assert "mp4a.40.2" in index.text
        await asyncio.sleep(2)
        tracks = await film(client, "aac", (await client.get("aac/live.m3u8")).text)
        assert (tracks["video"][0], tracks["audio"][0]) == ("h264", "aac")
        assert abs(tracks["video"][1] - tracks["audio"][1]) < 0.15
        assert abs(tracks["video"][2] - tracks["audio"][2]) < 0.15
        assert (await client.get("index.m3u8", params={"audio": "mp3"})).status_code == 400


@pytest.mark.server
async def test_a_publisher_that_comes_back_with_another_picture_is_a_discontinuity() -> None:
    async with site() as (camera, _, client):
        await client.get("index.m3u8")
        before = (await client.get("opus/live.m3u8")).text
        await camera.off()
        held = await client.get("opus/live.m3u8")
        assert held.status_code == 200, "a player survives a restart of the publisher"
        await camera.on(gop=25, size="480x270")
        limit = time.monotonic() + 30
        while "#EXT-X-DISCONTINUITY\n" not in (text := (await client.get("opus/live.m3u8")).text):
            assert time.monotonic() < limit
            await asyncio.sleep(0.3)
        assert len(set(re.findall(r'MAP:URI="([^"]+)"', text))) == 2
        assert int(value(text, "MEDIA-SEQUENCE")) >= int(value(before, "MEDIA-SEQUENCE"))
        assert "RESOLUTION=480x270" in (await client.get("index.m3u8")).text


@pytest.mark.server
async def test_cutting_stops_when_nobody_asks_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hls, "IDLE_SECONDS", 4.0)
    async with site() as (camera, server, client):
        await client.get("index.m3u8")
        assert len(camera._taps[ROOM]) == 1
        limit = time.monotonic() + 10
        while server.status():
            assert time.monotonic() < limit, "nobody asks, and it goes on"
            await asyncio.sleep(0.1)
        assert not camera._taps[ROOM]
        again = await client.get("index.m3u8")
        assert again.status_code == 200


@pytest.mark.server
async def test_vp8_is_refused_with_the_way_out() -> None:
    async with site(codec=VP8) as (_, _, client):
        answer = await client.get("index.m3u8")
        assert (
            answer.status_code == 406
            and "WHEP" in answer.json()["detail"]
            and "VP8" in answer.json()["detail"]
        )


async def test_what_is_not_public_or_not_live_does_not_exist() -> None:
    camera = Studio([ROOM, SECRET])
    server = HlsServer(camera, lambda room, token: room == ROOM)
    transport = httpx.ASGITransport(app=Starlette(routes=server.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub/hls/") as client:
        for address in (
            f"{ROOM}/index.m3u8",
            f"{ROOM}/opus/live.m3u8",
            f"{ROOM}/opus/1.m4s",
            "nowhere/index.m3u8",
        ):
            answer = await client.get(address)
            assert answer.status_code == 404 and answer.headers["cache-control"] == "no-store"
        camera.publishing = True
        for address in (f"{SECRET}/index.m3u8", f"{SECRET}/opus/live.m3u8", f"{ROOM}/wav/live.m3u8"):
            assert (await client.get(address)).status_code == 404
        options = await client.options(f"{SECRET}/index.m3u8")
        assert options.status_code == 204 and "GET" in options.headers["access-control-allow-methods"]
    assert not server.status()
    server.stop()


def cut(second: int, size: int) -> Cut:
    sps = bytes.fromhex("6742c01eda0280bfe5c0440000030004000003 00ca3c58ba80".replace(" ", ""))
    video = Stretch(VIDEO_TRACK, second * 90_000, (Sample(bytes(size), 90_000),))
    return Cut(video, None, Parameters(sps, b"\x68\xce"), float(second), True, True, second % 5 == 0)


def test_memory_is_bounded_by_segments_and_by_bytes() -> None:
    shelf = HlsStream(None, "opus")
    for second in range(60):
        shelf.put(cut(second, 1000), None)
    assert len(shelf.segments) == KEPT + 1 and len(shelf.heads) == 1
    assert shelf.dropped_breaks + sum(segment.breaks for segment in shelf.segments) == 11
    assert f"DISCONTINUITY-SEQUENCE:{shelf.dropped_breaks}" in shelf.playlist()
    for second in range(60, 80):
        shelf.put(cut(second, KEPT_BYTES // 3), None)
    assert sum(segment.size for segment in shelf.segments) <= KEPT_BYTES + KEPT_BYTES // 3 + 10_000


PAGE = "<!doctype html><video muted autoplay playsinline></video>"
STATE = "(() => { const v = document.querySelector('video'); return [v.currentTime, v.readyState, v.error ? v.error.message : null] })()"


@pytest.mark.browser
async def test_chromium_plays_the_playlist_by_itself_across_a_restart() -> None:
    from playwright.async_api import async_playwright

    camera = Studio([ROOM])
    server = HlsServer(camera, lambda room, token: True)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        app = uvicorn.Server(uvicorn.Config(Starlette(routes=server.routes()), log_level="error"))
        serving = asyncio.create_task(app.serve(sockets=[listener]))
        await camera.on(gop=25, size="320x180")
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=HEADLESS, args=CHROMIUM.split())
                page = await browser.new_page()
                await page.set_content(PAGE)
                address = f"http://127.0.0.1:{port}/hls/{ROOM}/index.m3u8"
                await page.evaluate("(url) => { document.querySelector('video').src = url }", address)
                first = await _playing(page, 1.0)
                await camera.off()
                await camera.on(gop=25, size="320x180")
                await _playing(page, first + 6.0)
                await browser.close()
        finally:
            await camera.off()
            server.stop()
            app.should_exit = True
            await serving


async def _playing(page: object, beyond: float) -> float:
    """Wait until the picture has played beyond that second."""
    limit = time.monotonic() + 60
    while True:
        position, ready, error = await page.evaluate(STATE)  # type: ignore[attr-defined]
        assert error is None, error
        if position > beyond and ready >= 2:
            return float(position)
        assert time.monotonic() < limit, f"stands at {position}"
        await asyncio.sleep(0.5)
