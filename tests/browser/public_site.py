"""A real hub process over a scratch ledger, and a browser to look at it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.ports import free_port

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required", "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream", "--allow-loopback-in-peer-connection",
]  # fmt: skip

PATIENCE = 180
"""Seconds a process may take to start: a machine that is busy is slow."""

RUN = """
import sys
from pathlib import Path
from streaming.config import HubConfig
from streaming.serve import serve
url, data, port = sys.argv[1:]
serve(HubConfig(url, Path(data), port=int(port), media_port=int(port)))
"""


class HubProcess:
    """`streaming.serve.serve` in a process of its own, which can be killed and started again."""

    code = RUN

    def __init__(self, url: str, data: Path) -> None:
        self.url, self.data, self.port = url, data, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        command = [sys.executable, "-c", self.code, self.url, str(self.data), str(self.port)]
        with (self.data.parent / "hub.log").open("ab") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        limit = time.monotonic() + PATIENCE
        while True:
            try:
                httpx.get(f"{self.address}/healthz")
                return
            except httpx.TransportError:
                assert self._process.poll() is None, (self.data.parent / "hub.log").read_text()
            assert time.monotonic() < limit, f"the hub did not start in {PATIENCE} s"
            time.sleep(0.1)

    def kill(self) -> None:
        """kill -9."""
        assert self._process
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self._process
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(15)
