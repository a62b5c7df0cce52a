"""The npm client `whip-whep` in Chromium, published with and watched with, trickling and restarting ICE."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import uvicorn
from media_helper import Doorman, until
from starlette.applications import Starlette
from starlette.responses import FileResponse, HTMLResponse
from starlette.routing import Route
from test_media_clients import browser  # noqa: F401 - fixture

from records.serving.workers import Workers
from streaming.rooms.media import MediaConfig, MediaServer
from tests.needed import needed

HERE = Path(__file__).parent / "whip-whep"
PAGE = """<!doctype html><video id=v autoplay muted playsinline></video><script type=module>
import { WHIPClient } from "/client/whip.js";
import { WHEPClient } from "/client/whep.js";
window.publish = async (url, token) => {
  const media = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  const pc = window.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  for (const track of media.getTracks()) pc.addTransceiver(track, { direction: "sendonly" });
  window.client = new WHIPClient();
  await client.publish(pc, url, token);
};
window.view = async (url) => {
  const pc = window.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  for (const kind of ["audio", "video"]) pc.addTransceiver(kind, { direction: "recvonly" });
  window.frames = 0;
  const see = () => { window.frames += 1; v.requestVideoFrameCallback(see); };
  v.requestVideoFrameCallback(see);
  const stream = v.srcObject = new MediaStream();
  pc.ontrack = (event) => stream.addTrack(event.track);
  window.client = new WHEPClient();
  await client.view(pc, url);
};
window.ready = true;
</script>"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as its lock pins it."""
    needed(shutil.which("npm"), "npm")
    folder = tmp_path_factory.mktemp("client")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    got = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert not got.returncode, f"npm 取不到客户端 / npm cannot fetch the client: {got.stderr[-200:]}"
    return folder / "node_modules" / "whip-whep"


@pytest.fixture
async def hub(client: Path):
    media = MediaServer(MediaConfig("127.0.0.1", 0, "127.0.0.1"), Doorman(), Workers())
    await media.start()
    scripts = Route("/client/{name}", lambda request: FileResponse(client / request.path_params["name"]))
    page = Route("/page", lambda request: HTMLResponse(PAGE))
    listener = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=[*media.routes(), page, scripts])
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    yield media, f"http://127.0.0.1:{listener.getsockname()[1]}"
    await media.stop()
    server.should_exit = True
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def opened(browser, base):  # noqa: F811
    page = await browser.new_page()
    await page.goto(f"{base}/page")
    await page.wait_for_function("window.ready")
    return page


@pytest.mark.browser
async def test_the_client_publishes_watches_restarts_and_leaves(hub, browser):  # noqa: F811
    media, base = hub
    camera, viewer = await opened(browser, base), await opened(browser, base)
    await camera.evaluate(f"publish({json.dumps(base + '/whip/hz-01')}, 'good')")
    await until(lambda: media.status("hz-01").publishing, 15)
    await viewer.evaluate(f"view({json.dumps(base + '/whep/hz-01')})")
    await viewer.wait_for_function("frames > 20", timeout=20_000)
    [publisher] = [peer for peer in media.sessions.all() if peer.kind == "publisher"]
    name = publisher.transport.ufrag
    await camera.evaluate("client.restart()")
    await until(lambda: publisher.transport.ufrag != name and name not in publisher.transport.ufrags, 15)
    seen = await viewer.evaluate("frames")
    await viewer.wait_for_function(f"frames > {seen} + 20", timeout=20_000)
    await viewer.evaluate("client.stop()")
    await until(lambda: media.status("hz-01").viewers == 0)
    await camera.evaluate("client.stop()")
    await until(lambda: not media.status("hz-01").publishing)


@pytest.mark.browser
async def test_a_wrong_token_is_the_clients_error(hub, browser):  # noqa: F811
    _, base = hub
    page = await opened(browser, base)
    said = await page.evaluate(
        f"publish({json.dumps(base + '/whip/hz-01')}, 'bad').catch(error => error.message)"
    )
    assert "403" in said
