"""An intake as a server in the test's loop, or as a real process, as the front door would start it."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx

from ingest.config import IntakeConfig
from ingest.http.server import server as server_of
from records.ledger import Ledger

_START = """
import sys
from pathlib import Path
from typing import Any
from ingest.config import IntakeConfig
from ingest.http.server import serve
serve(IntakeConfig(sys.argv[1], Path(sys.argv[2]), port=int(sys.argv[3])))
"""


def free_port() -> int:
    """A free port below the ephemeral range: a client that retries there cannot connect to itself."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise RuntimeError("no free port")


def start(url: str, folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start an intake and wait until it answers."""
    log = folder / "intake.log"
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, url, str(folder), str(port)], stdout=errors, stderr=errors
        )
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200:
                return process
        except httpx.TransportError:
            time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"the intake did not start: {process.wait()} {log.read_text()[-2000:]}")


@contextmanager
def intake(url: str, folder: Path) -> Iterator[int]:
    """A running intake; gives its port, ends it with SIGTERM and expects a clean end."""
    port = free_port()
    process = start(url, folder, port)
    try:
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@asynccontextmanager
async def running(ledger: Ledger, folder: Path, **limits: Any) -> AsyncIterator[str]:
    """A real server in this loop; gives host:port."""
    port = free_port()
    config = IntakeConfig(ledger.url.render_as_string(hide_password=False), folder, port=port, **limits)
    server = server_of(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 — uvicorn offers no event
        await asyncio.sleep(0.01)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


def auth(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def post(address: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.post(f"http://{address}/records", content=content, headers=headers)
