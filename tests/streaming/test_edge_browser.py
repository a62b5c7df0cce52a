"""The public page's own player behind edges: a picture, and a picture again after its edge is killed."""

import asyncio
import contextlib
import socket
from pathlib import Path

import edge_rig
import pytest
import uvicorn
from media_helper import Doorman, until
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

import web
from records.serving.workers import Workers
from streaming import ffmpeg
from streaming.rooms.media import MediaConfig, MediaServer
from tests.chromium import HEADLESS

CHROMIUM = Path(HEADLESS)
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
]
PAGE = """<!doctype html><video id=v autoplay muted playsinline></video><script type=module>
import { Ladder } from "/static/now/ladder.js";
window.told = [];
const tell = (state) => told.push([performance.now(), state]);
window.player = new Ladder(v, { room: "hz-01", choice: "realtime", tell });
window.began = performance.now();
player.start();
</script>"""


@pytest.fixture(autouse=True)
def apart():
    edge_rig.check()
    with edge_rig.apart():
        yield


@contextlib.asynccontextmanager
async def _hub(edges):
    media = MediaServer(
        MediaConfig("127.0.0.1", 0, "127.0.0.1", edges=tuple(one.edge for one in edges)), Doorman(), Workers()
    )
    await media.start()
    page = Route("/page", lambda request: HTMLResponse(PAGE))
    listener = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=[*media.routes(), page, *web.Files("/static", {}).routes()])
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started and all(link.up for link in media.edges.links))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    camera = await asyncio.create_subprocess_exec(
        *ffmpeg.publish(
            f"{base}/whip/hz-01",
            "good",
            ffmpeg.moving_picture("320x180", 25),
            coding={"b:v": "300k", "g": 25},
        )
    )
    try:
        await until(lambda: media.status("hz-01").publishing, 20)
        yield media, base
    finally:
        camera.terminate()
        await camera.wait()
        await media.stop()
        server.should_exit = True
        await task


@pytest.mark.browser
@pytest.mark.server
@pytest.mark.timeout(120)
async def test_the_public_player_comes_back_through_the_other_edge(tmp_path):
    from playwright.async_api import async_playwright

    async with (
        edge_rig.running(1, tmp_path) as one,
        edge_rig.running(2, tmp_path) as two,
        _hub([one, two]) as (media, base),
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=FLAGS)
        try:
            page = await browser.new_page()
            await page.goto(f"{base}/page")
            await page.wait_for_function("told.some(([, s]) => s === 'live')", timeout=15_000)
            first = await page.evaluate("told.find(([, s]) => s === 'live')[0] - began")
            serving = next(index for index, link in enumerate(media.edges.links) if link.viewers)
            await page.evaluate("told.length = 0; window.killed = performance.now()")
            await (one, two)[serving].kill()
            await page.wait_for_function("told.some(([, s]) => s === 'live')", timeout=15_000)
            back = await page.evaluate("told.find(([, s]) => s === 'live')[0] - killed")
            assert len(media.edges.links[1 - serving].viewers) == 1
            assert first < 5000, first
            print(f"first picture {first:.0f} ms, back after {back:.0f} ms")
            assert back < 6000, back  # three seconds until the browser finds the edge silent, then a join
        finally:
            await browser.close()
