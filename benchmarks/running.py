"""The processes that a benchmark measures over one data folder: three of `sunbid up`, or the demonstration on air."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import httpx

READY = 300.0
"""Seconds in which processes have to be ready and rooms on air."""
SETTLE, RESTED = 180.0, 0.5
"""Seconds for which the demonstration may go on working after it answers, and the idle share at which it has come to rest."""


@dataclass(frozen=True)
class Ports:
    """TCP ports of the processes."""

    hub: int
    desk: int
    intake: int

    @classmethod
    def free(cls) -> Ports:
        """Ports nobody listens on."""
        with ExitStack() as stack:
            probes = [stack.enter_context(socket.socket()) for _ in fields(cls)]
            for probe in probes:
                probe.bind(("127.0.0.1", 0))
            return cls(*(int(probe.getsockname()[1]) for probe in probes))


@contextmanager
def parts(folder: Path, ports: Ports) -> Iterator[None]:
    """Intake, watch and desk, ready."""
    with ExitStack() as stack:
        started = [stack.enter_context(_started(folder, ports, name)) for name in ("intake", "watch", "desk")]
        for port in (ports.intake, ports.desk):
            _wait(partial(_answers, port), started)
        yield


@contextmanager
def demonstration(folder: Path, ports: Ports, rooms: int) -> Iterator[None]:
    """`sunbid demo`, its desk and intake ready and so many rooms on air."""
    with _started(folder, ports, "demo", "--rooms", str(rooms)) as process:
        for port in (ports.intake, ports.desk, ports.hub):
            _wait(partial(_answers, port), [process])
        _wait(lambda: _on_air(ports.hub) >= rooms, [process])
        _settle()
        yield


def _settle() -> None:
    """Wait until what was started has come to rest: the demonstration goes on filling and judging its market for a minute
    or two after it answers. Says how idle the processors were in the last five seconds."""
    until, idle = time.monotonic() + SETTLE, 0.0
    while idle < RESTED and time.monotonic() < until:
        before = _processor_ticks()
        time.sleep(5)
        total, unused = (now - then for now, then in zip(_processor_ticks(), before, strict=True))
        idle = unused / max(total, 1)
    print(f"settled    {100 * idle:.0f} % of the processors idle")


def _processor_ticks() -> tuple[int, int]:
    """Ticks of all processors since the machine started, and those of them that were idle (proc(5))."""
    counted = [int(text) for text in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(counted), counted[3] + counted[4]


@contextmanager
def _started(folder: Path, ports: Ports, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    own = {"SUNBID_DATA": str(folder), "SUNBID_MEDIA_PORT": str(ports.hub)}
    own |= {f"SUNBID_{field.name.upper()}_PORT": str(getattr(ports, field.name)) for field in fields(ports)}
    held = {name: value for name, value in os.environ.items() if not name.startswith("SUNBID_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "sunbid", *command], env=held | own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait(condition: Callable[[], bool], started: list[subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + READY
    while time.monotonic() < until and all(process.poll() is None for process in started):
        if condition():
            return
        time.sleep(0.2)
    raise RuntimeError("the processes did not get ready")


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _on_air(hub: int) -> int:
    """Rooms that send a picture now; between two openings of a room it stands by."""
    rooms = httpx.get(f"http://127.0.0.1:{hub}/api/rooms").json()
    return sum(room["state"] in ("standby", "live", "paused") for room in rooms)
