"""The example configuration of docker/nginx under a real nginx, in front of the real HLS."""

import asyncio
import collections
import contextlib
import re
import shutil
import socket
import ssl
import subprocess

import httpx
import pytest
import uvicorn
from media_helper import until
from nginx_rig import NGINX, Proxy
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import connect

from benchmarks.studio import Studio
from streaming.hls.server import HlsServer
from streaming.log.recorded import HEADERS
from tests.needed import needed

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(90),
    pytest.mark.usefixtures("tools"),
]


@pytest.fixture(scope="module")
def tools():
    needed(NGINX, "nginx")
    needed(shutil.which("openssl"), "openssl")


class Upstream:
    """The hub's HLS behind a counter, and just enough of the rest to see what arrives."""

    def __init__(self, studio):
        self.asked = collections.Counter()
        self.hls = HlsServer(studio, lambda room, token: True)
        self.app = Starlette(
            routes=[
                *self.hls.routes(),
                Route("/whep/{room}", self._whep, methods=["POST", "OPTIONS"]),
                WebSocketRoute("/feeds/openings/{id}", self._feed),
                Route("/log/{path:path}", self._log, methods=["GET", "POST"]),
                Route("/{path:path}", self._page, methods=["GET", "POST"]),
            ]
        )

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            self.asked[scope["raw_path"].decode() + "?" + scope["query_string"].decode()] += 1
        await self.app(scope, receive, send)

    async def _whep(self, request):
        body = await request.body()
        headers = {"Location": "/whep/hz-01/session", "ETag": '"e"'}
        return Response(body, 201, headers, media_type="application/sdp")

    async def _feed(self, socket):
        await socket.accept()
        await socket.send_text("seq " + socket.query_params["after"])
        await socket.close()

    async def _log(self, request):
        await asyncio.sleep(0.2)
        return Response(await request.body() or b"signed", headers=HEADERS)

    async def _page(self, request):
        return Response(f"{request.url.path} {request.headers['x-forwarded-proto']}")


@contextlib.asynccontextmanager
async def _proxied(folder, studio):
    upstream = Upstream(studio)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(upstream, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    proxy = Proxy(folder, listener.getsockname()[1])
    proxy.certify()
    process = await asyncio.create_subprocess_exec(*proxy.command)
    try:
        async with proxy.client() as client:
            for _ in range(100):
                with contextlib.suppress(httpx.ConnectError):
                    await client.get("/")
                    break
                await asyncio.sleep(0.05)
        yield proxy, upstream
    finally:
        process.terminate()
        await process.wait()
        upstream.hls.stop()
        server.should_exit = True
        await serving


def test_nginx_takes_the_example(tmp_path):
    proxy = Proxy(tmp_path, 8600)
    proxy.certify()
    checked = subprocess.run([*proxy.command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0 and "warn" not in checked.stderr, checked.stderr


async def test_fifty_players_cost_the_hub_one_request_a_part(tmp_path):
    studio = Studio(["hz-01"])
    await studio.on(size="320x180", bitrate="300k", gop=25)
    try:
        async with _proxied(tmp_path, studio) as (proxy, upstream), proxy.client() as client:
            assert (await client.get("/hls/hz-01/index.m3u8")).status_code == 200
            playlist = (await client.get("/hls/hz-01/opus/live.m3u8")).text
            hint = re.search(r'PRELOAD-HINT:.*URI="([^"]+)"', playlist).group(1)
            number = int(re.fullmatch(r"(\d+)\.\d+\.m4s", hint).group(1))

            path = f"/hls/hz-01/opus/{hint}"  # a part to come: all fifty wait for it
            answers = await asyncio.gather(*(client.get(path) for _ in range(50)))
            assert {answer.status_code for answer in answers} == {200}
            assert len({answer.content for answer in answers}) == 1 and answers[0].content
            assert upstream.asked[path + "?"] == 1
            assert sum(answer.headers["x-cache"] == "MISS" for answer in answers) == 1
            assert "max-age" in answers[0].headers["cache-control"]

            waits = [f"/hls/hz-01/opus/live.m3u8?_HLS_msn={number + 1}&_HLS_part={part}" for part in (0, 1)]
            lists = await asyncio.gather(*(client.get(wait) for wait in waits for _ in range(25)))
            assert {answer.status_code for answer in lists} == {200}
            assert [upstream.asked[wait] for wait in waits] == [1, 1]
            assert len({answer.text for answer in lists}) == 2  # the arguments belong to the key

            missing = "/hls/nowhere/opus/1.m4s"
            assert [(await client.get(missing)).status_code for _ in range(2)] == [404, 404]
            assert upstream.asked[missing + "?"] == 2  # what is not there may be there in a second
    finally:
        await studio.off()


async def test_fifty_viewers_cost_the_hub_one_list_of_recorded_pictures(tmp_path):
    async with _proxied(tmp_path, Studio(["hz-01"])) as (proxy, upstream), proxy.client() as client:
        path = "/log/recorded/hz-01"
        answers = await asyncio.gather(*(client.get(path) for _ in range(50)))
        assert {(answer.status_code, answer.text) for answer in answers} == {(200, "signed")}
        assert upstream.asked[path + "?"] == 1
        told = await asyncio.gather(*(client.post("/log/add-cosignature", content=f"{n}") for n in range(3)))
        assert [answer.text for answer in told] == ["0", "1", "2"], "what witnesses send passes"


async def test_the_rest_of_the_house_passes_or_is_kept_in(tmp_path):
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    async with _proxied(tmp_path, Studio(["hz-01"])) as (proxy, upstream):
        async with proxy.client() as client:
            offer = "v=0\r\n" + "a=x\r\n" * 2000
            sdp = {"Content-Type": "application/sdp"}
            answer = await client.post("/whep/hz-01?token=secret", content=offer, headers=sdp)
            assert (answer.status_code, answer.text) == (201, offer)
            assert answer.headers["location"] == "/whep/hz-01/session" and answer.headers["etag"] == '"e"'
            assert (await client.post("/whep/hz-01", content="x" * 70_000, headers=sdp)).status_code == 413
            for path in ("/metrics", "/metrics/", "//metrics", "/x/../metrics", "/%6detrics", "/METRICS",
                         "/control/rooms", "/control/rooms/hz-01", "/control", "//control/rooms"):  # fmt: skip
                address = f"https://127.0.0.1:{proxy.ports['tls']}{path}"
                hidden = await client.request("POST" if "hz" in path else "GET", address)
                assert hidden.status_code == 404, path
            assert not [
                asked for asked in upstream.asked if "control" in asked.lower() or "metrics" in asked.lower()
            ]
            assert (await client.get("/controls")).status_code == 200
            page = await client.get("/room/hz-01")
            assert page.text == "/room/hz-01 https" and "strict-transport-security" in page.headers
        log = tmp_path / "sunbid.log"
        await until(lambda: "/whep/hz-01" in log.read_text(encoding="utf-8"))
        assert "secret" not in log.read_text(encoding="utf-8")

        address = f"wss://127.0.0.1:{proxy.ports['tls']}/feeds/openings/one?after=3"
        async with connect(address, ssl=trust, server_hostname="live.example.cn", proxy=None) as feed:
            assert await feed.recv() == "seq 3"

        async with proxy.client("desk") as desk:
            assert (await desk.get("/overview")).status_code == 200
            assert (await desk.get("/_stcore/metrics")).status_code == 404
            assert upstream.asked["/_stcore/metrics?"] == 0
        async with proxy.client("intake") as intake:
            assert (await intake.post("/records", content=b"[]")).text == "/records https"
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{proxy.ports['plain']}") as plain:
            moved = await plain.post("/whip/hz-01", headers={"Host": "live.example.cn"})
            assert (
                moved.status_code == 308 and moved.headers["location"] == "https://live.example.cn/whip/hz-01"
            )
