"""Glass to glass, camera to browser: a picture of the clock goes through the hub and is read back.

One Chromium publishes a canvas with the time burnt in (WHIP, H.264), others read it from the frames
they present: over WHEP, over WHEP with the camera's UDP shut out (ICE-TCP), over low-latency HLS with parts (benchmarks/clock.js), and with the browser's
own HLS player, which waits for whole segments.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page, Route, async_playwright

from messages import local
from records.ledger import Ledger
from records.serving import signing
from records.tables.organisations import Centre, Room

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required "
    "--allow-loopback-in-peer-connection --disable-background-timer-throttling "
    "--disable-renderer-backgrounding --disable-backgrounding-occluded-windows"
)
ROOM = "bench-01"
WAYS = {
    "webrtc": "watchWebrtc('{base}/whep/{room}')",
    "webrtc_tcp": "watchWebrtc('{base}/whep/{room}')",
    "hls": "watchHls('{base}/hls/{room}/index.m3u8')",
    "native_hls": "watchNative('{base}/hls/{room}/index.m3u8')",
}
SETTLE_SECONDS = 8.0
READY_SECONDS = 60.0


def main(argv: list[str] | None = None) -> int:
    """Run the measurement; prints a table, with --json also one JSON object on the last line."""
    parser = argparse.ArgumentParser(prog="sunbid bench latency", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="measured time per way")
    parser.add_argument("--ways", default=",".join(WAYS), help=f"of {', '.join(WAYS)}")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", nargs=2, metavar=("FOLDER", "PORT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.serve:
        _serve(Path(arguments.serve[0]), int(arguments.serve[1]))
        return 0
    ways = arguments.ways.split(",")
    if unknown := sorted(set(ways) - set(WAYS)):
        parser.error(local("bench.unknown_way", name=unknown[0], names=list(WAYS)))
    with tempfile.TemporaryDirectory() as folder:
        results = _against_hub(Path(folder), ways, arguments.seconds)
    for way, result in results.items():
        print(f"{way:12} p50 {result['p50']} ms  p95 {result['p95']} ms  ({result['n']} frames read)")
    if arguments.json:
        summary = {f"{way}_p95_ms": result["p95"] for way, result in results.items()}
        print(json.dumps({**summary, "ways": results}))
    return 0 if all(result["p95"] is not None for result in results.values()) else 1


def _against_hub(folder: Path, ways: list[str], seconds: float) -> dict[str, dict[str, Any]]:
    token, port = _prepare(folder), _free_port()
    command = [sys.executable, "-m", "benchmarks.latency", "--serve", str(folder), str(port)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL) as hub:
        try:
            base = f"http://127.0.0.1:{port}"
            _await_hub(base, hub)
            return asyncio.run(_measure(base, token, ways, seconds))
        finally:
            hub.terminate()


def _prepare(folder: Path) -> str:
    """A ledger with one public room; returns its publishing token."""
    token = signing.new_token()
    ledger = Ledger(_url(folder))
    ledger.upgrade()
    with ledger.write() as session:
        session.add(Centre(id="bench", name="测量", source="bench"))
        session.flush()
        room = Room(
            id=ROOM, centre_id="bench", name="测量", source="bench", token_hash=signing.token_hash(token)
        )
        session.add(room)
    ledger.close()
    return token


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.db'}"


def _serve(folder: Path, port: int) -> None:
    from streaming.config import HubConfig
    from streaming.serve import serve

    serve(HubConfig(_url(folder), folder, port=port, media_port=port))


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _await_hub(base: str, hub: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + READY_SECONDS
    while time.monotonic() < limit and hub.poll() is None:
        try:
            urllib.request.urlopen(f"{base}/api/rooms", timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(local("bench.hub_did_start"))


async def _measure(base: str, token: str, ways: list[str], seconds: float) -> dict[str, dict[str, Any]]:
    results: dict[str, dict[str, Any]] = {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        try:
            # the rig's script is not one of the hub's pages
            context = await browser.new_context(bypass_csp=True)
            await _publish(context, base, token)
            for way in ways:
                print(f"… {way}", file=sys.stderr, flush=True)
                if way == "webrtc_tcp":  # the next publisher takes over, and the ways after it stay with it
                    await _publish(context, base, token, udp=False)
                results[way] = await _watch(context, base, WAYS[way], seconds)
        finally:
            await browser.close()
    return results


async def _publish(context: BrowserContext, base: str, token: str, *, udp: bool = True) -> None:
    camera = await _page(context, base)
    if not udp:
        await camera.route("**/whip/*", _without_udp)
    await camera.evaluate("(a) => publish(...a)", [f"{base}/whip/{ROOM}", token, 25, 1_500_000])


async def _without_udp(route: Route) -> None:
    """The answer names UDP ports behind which nobody listens: what a firewall makes of them."""
    answer = await route.fetch()
    body = re.sub(r"(a=candidate:\S+ 1 udp \d+ \S+) \d+", r"\1 9", await answer.text())
    await route.fulfill(response=answer, body=body)


async def _page(context: BrowserContext, base: str) -> Page:
    script = Path(__file__).with_name("clock.js").read_text(encoding="utf-8")

    async def fulfil(route: Route) -> None:
        await route.fulfill(content_type="text/html", body=f"<!doctype html><body><script>{script}</script>")

    page = await context.new_page()
    await page.route("**/clock.html", fulfil)
    await page.goto(f"{base}/clock.html")
    return page


async def _watch(context: BrowserContext, base: str, call: str, seconds: float) -> dict[str, Any]:
    """Frames of one viewer: the first ones are left out, then `seconds` are read."""
    page = await _page(context, base)
    await page.evaluate(call.format(base=base, room=ROOM))
    await asyncio.sleep(SETTLE_SECONDS)
    await page.evaluate("latencies.length = 0")
    await asyncio.sleep(seconds)
    result: dict[str, Any] = await page.evaluate("results()")
    await page.close()
    return result


if __name__ == "__main__":
    raise SystemExit(main())
