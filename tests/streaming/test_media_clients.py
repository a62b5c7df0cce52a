"""Real clients: ffmpeg publishes by WHIP, Chromium watches by WHEP and publishes too."""

import asyncio
import contextlib
import json
import socket
import subprocess
from pathlib import Path

import pytest
import uvicorn
from media_helper import Doorman, until
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from records.serving.workers import Workers
from streaming import ffmpeg
from streaming.rooms.media import MediaConfig, MediaServer

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
PAGE = """<!doctype html><video id=v autoplay muted playsinline></video><script>
const sdp = {'Content-Type': 'application/sdp'};
async function exchange(pc, url, headers) {
  await pc.setLocalDescription();
  const reply = await fetch(url, {method: 'POST', headers: {...sdp, ...headers}, body: pc.localDescription.sdp});
  if (reply.status !== 201) throw new Error(reply.status + ' ' + await reply.text());
  await pc.setRemoteDescription({type: 'answer', sdp: await reply.text()});
  return new URL(reply.headers.get('Location'), reply.url).href;
}
async function watch(url) {
  const pc = window.pc = new RTCPeerConnection(), began = performance.now();
  const stream = v.srcObject = new MediaStream();
  pc.ontrack = event => stream.addTrack(event.track);
  for (const kind of ['video', 'audio']) pc.addTransceiver(kind, {direction: 'recvonly'});
  window.firstFrame = null;
  v.requestVideoFrameCallback(() => { window.firstFrame = performance.now() - began; });
  return exchange(pc, url, {});
}
async function publish(url, codec, simulcast) {
  const media = await navigator.mediaDevices.getUserMedia({video: {width: 640, height: 360}, audio: true});
  const pc = window.pc = new RTCPeerConnection();
  const sendEncodings = simulcast ? [{rid: 'q', scaleResolutionDownBy: 4}, {rid: 'f'}] : [{}];
  const video = pc.addTransceiver(media.getVideoTracks()[0], {direction: 'sendonly', sendEncodings});
  const all = RTCRtpSender.getCapabilities('video').codecs;
  if (codec) video.setCodecPreferences(all.filter(c => c.mimeType === codec || /rtx/.test(c.mimeType)));
  pc.addTransceiver(media.getAudioTracks()[0], {direction: 'sendonly'});
  return exchange(pc, url, {Authorization: 'Bearer good'});
}
async function figures() {
  const found = {};
  for (const [, s] of await pc.getStats()) {
    if (s.type === 'inbound-rtp' && s.kind === 'video')
      Object.assign(found, {frames: s.framesDecoded, width: s.frameWidth, keys: s.keyFramesDecoded,
                            delay: s.jitterBufferDelay / s.jitterBufferEmittedCount});
    if (s.type === 'inbound-rtp' && s.kind === 'audio') found.samples = s.totalSamplesReceived;
    if (s.type === 'codec' && /video/.test(s.mimeType)) (found.codecs ||= []).push(s.mimeType);
  }
  return {...found, state: pc.connectionState};
}
</script>"""


class Hub:
    def __init__(self, media, base):
        self.media, self.base = media, base


@pytest.fixture
async def hub():
    """A media server behind a real HTTP server, with a page to drive from."""
    media = MediaServer(MediaConfig("127.0.0.1", 0, "127.0.0.1"), Doorman(), Workers())
    await media.start()
    page = Route("/page", lambda request: HTMLResponse(PAGE))
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(Starlette(routes=[*media.routes(), page]), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    yield Hub(media, f"http://127.0.0.1:{listener.getsockname()[1]}")
    await media.stop()
    server.should_exit = True
    await task


@contextlib.asynccontextmanager
async def encoder(hub, **coding):
    """An encoder that publishes into hz-01 until the block ends."""
    command = ffmpeg.publish(
        f"{hub.base}/whip/hz-01",
        "good",
        ffmpeg.moving_picture("640x360", 25),
        coding={"b:v": "500k", "g": 50} | coding,
    )
    process = await asyncio.create_subprocess_exec(*command)
    try:
        await until(lambda: hub.media.status("hz-01").publishing, 20)
        yield process
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def browser():
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=FLAGS)
        yield made
        await made.close()


async def open_page(browser, hub):
    page = await browser.new_page()
    await page.goto(f"{hub.base}/page")
    return page


async def call(page, function, *arguments):
    return await page.evaluate(f"{function}({', '.join(json.dumps(a) for a in arguments)})")


async def growing(page, frames, seconds=15):
    """Wait until `frames` more frames are decoded; the figures then."""
    start = (await call(page, "figures")).get("frames") or 0
    for _ in range(seconds * 10):
        figures = await call(page, "figures")
        if (figures.get("frames") or 0) >= start + frames:
            return figures
        await asyncio.sleep(0.1)
    pytest.fail(f"picture stands still: {figures}")


@pytest.mark.server
async def test_ffmpeg_publishes_and_leaves(hub):
    async with encoder(hub):
        await until(lambda: hub.media.status("hz-01").fps > 15, 10)
        status = hub.media.status("hz-01")
        assert (status.video, status.audio) == ("H264", "OPUS")
        assert status.loss == 0 and status.bitrate > 100_000
        assert hub.media.room("hz-01").video.counts.keyframes >= 1
    await until(lambda: not hub.media.status("hz-01").publishing)


@pytest.mark.server
async def test_ffmpeg_with_a_wrong_token_is_refused(hub):
    command = ffmpeg.publish(f"{hub.base}/whip/hz-01", "bad", ffmpeg.moving_picture("64x64", 25))
    result = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=30, check=False)
    assert result.returncode != 0 and b"403" in result.stderr


@pytest.mark.browser
async def test_a_viewer_waits_for_the_publisher_and_outlives_its_restart(hub, browser):
    page = await open_page(browser, hub)
    await call(page, "watch", f"{hub.base}/whep/hz-01")
    await until(lambda: hub.media.status("hz-01").viewers == 1, 10)
    async with encoder(hub):
        first = await growing(page, 25)
        assert first["width"] == 640 and first["samples"] > 0
    async with encoder(hub, **{"profile:v": "high", "g": 25}):
        second = await growing(page, 25)
    assert second["state"] == "connected" and hub.media.status("hz-01").viewers == 1


@pytest.mark.browser
async def test_the_first_frame_comes_soon_from_a_source_deaf_to_pli(hub, browser):
    async with encoder(hub, g=125):
        await until(lambda: hub.media.room("hz-01").video.counts.frames > 90, 20)
        page = await open_page(browser, hub)
        await call(page, "watch", f"{hub.base}/whep/hz-01")
        await page.wait_for_function("firstFrame !== null", timeout=4000)
        assert await page.evaluate("firstFrame") < 1500  # a keyframe every 5 s; shared machine, cold browser
        figures = await growing(page, 50)
        assert figures["delay"] < 0.5


@pytest.mark.browser
@pytest.mark.parametrize(
    ("codec", "simulcast"), [("video/H264", False), ("video/VP8", False), ("video/H264", True)]
)
async def test_a_browser_publishes_to_a_browser(hub, browser, codec, simulcast):
    camera, page = await open_page(browser, hub), await open_page(browser, hub)
    session = await call(camera, "publish", f"{hub.base}/whip/hz-01", codec, simulcast)
    await until(lambda: hub.media.status("hz-01").publishing, 10)
    await call(page, "watch", f"{hub.base}/whep/hz-01")
    figures = await growing(page, 40, 30)
    assert codec in figures["codecs"]
    if simulcast:
        assert len(hub.media.room("hz-01").publisher.tracks["video"].layers) == 2
    status = await camera.evaluate(f"fetch({json.dumps(session)}, {{method: 'DELETE'}}).then(r => r.status)")
    assert status == 200 and not hub.media.status("hz-01").publishing
