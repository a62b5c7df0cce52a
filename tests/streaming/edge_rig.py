"""Edges for the tests: real Januses, each in a network namespace of its own behind a veth (needs root).

Janus refuses the loopback for ICE, so each gets an address of a /30; the hub and the viewers reach it over the other
end. All of a test lives in a network of its own (`apart`): where interfaces come and go, every browser of the machine
drops what it is loading (ERR_NETWORK_CHANGED), also one of another test.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from streaming.edges.config import Edge
from tests.needed import needed

EXAMPLE = Path(__file__).parents[2] / "docker" / "janus"
API_PORT = 8188
_CLONE_NEWNET = 0x4000_0000
"""The network namespace, among what a thread may have of its own (linux/sched.h)."""


def check() -> None:
    """Fail where edges cannot be run: they need Janus, iproute2, and root for network namespaces."""
    needed(shutil.which("janus"), "janus")
    needed(shutil.which("ip"), "iproute2")
    needed(os.geteuid() == 0, "root (ip netns)")


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """This thread, and what it starts from here on, in a network of its own with a loopback; OSError without the right to it."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open("rb") as before:
        _done(libc.unshare(_CLONE_NEWNET))
        try:
            _ip("link", "set", "lo", "up")
            yield
        finally:
            _done(libc.setns(before.fileno(), _CLONE_NEWNET))


def _done(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextlib.contextmanager
def namespace(number: int) -> Iterator[tuple[str, str, str]]:
    """(name, our address, address inside) of a namespace that goes with the block."""
    name = f"sb{os.getpid()}n{number}"
    outside, inside = f"{name}o", f"{name}i"
    ours, theirs = (f"10.213.0.{number * 4 + step}" for step in (1, 2))
    try:
        _ip("netns", "add", name)
        _ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name)
        _ip("addr", "add", f"{ours}/30", "dev", outside)
        _ip("link", "set", outside, "up")
        for arguments in (
            ("addr", "add", f"{theirs}/30", "dev", inside),
            ("link", "set", inside, "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", name, *arguments)
        _carrying(name, inside)
        yield name, ours, theirs
    finally:
        # the veth goes with the namespace, but only once its last process has gone
        for arguments in (("link", "del", outside), ("netns", "del", name)):
            subprocess.run(["ip", *arguments], check=False, capture_output=True)


def _carrying(name: str, interface: str) -> None:
    """Wait until the kernel has seen both ends up: on an interface that is not, Janus gathers no candidates."""
    limit = time.monotonic() + 10
    while "state UP" not in _ip("-n", name, "link", "show", interface):
        assert time.monotonic() < limit, f"{interface} does not come up"
        time.sleep(0.02)


class RealEdge:
    """A Janus run with the example configuration of docker/janus."""

    def __init__(self, name: str, ours: str, address: str, folder: Path) -> None:
        self.namespace, self.ours, self.address, self.folder = name, ours, address, folder
        self._process: asyncio.subprocess.Process | None = None

    @property
    def edge(self) -> Edge:
        """The setting that names it."""
        return Edge(
            f"ws://{self.address}:{API_PORT}", key="change-key", secret="change-api", admin="change-admin"
        )

    async def start(self) -> None:
        """Run it and wait until its API answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in EXAMPLE.glob("*.jcfg"):
            text = path.read_text(encoding="utf-8").replace("10.0.0.5", self.address)
            text = text.replace('configs_folder = "/etc/janus"', f'configs_folder = "{self.folder}"')
            (self.folder / path.name).write_text(text, encoding="utf-8")
        with (self.folder / "janus.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *("ip", "netns", "exec", self.namespace, "janus", "-F", str(self.folder)),
                stdout=log,
                stderr=log,
            )
        await self._answering()

    async def _answering(self) -> None:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection(self.address, API_PORT)
                except OSError:
                    await asyncio.sleep(0.1)
                    continue
                writer.close()
                return

    def stop(self, how: signal.Signals) -> None:
        """Send a signal: kill it, freeze it, let it go on."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)

    async def kill(self) -> None:
        """As when its power is cut."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@contextlib.asynccontextmanager
async def running(number: int, folder: Path) -> AsyncIterator[RealEdge]:
    """One edge for the block."""
    with namespace(number) as (name, ours, theirs):
        made = RealEdge(name, ours, theirs, folder / f"edge{number}")
        try:
            await made.start()
            yield made
        finally:
            await made.kill()
