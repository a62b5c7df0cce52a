"""Sessions at once on one desk: each opens a screen and lets its parts refresh when the desk says, as a browser does.

The desk is a process of its own without sign-in (`python -m benchmarks.sessions`); sessions speak Streamlit's own
protocol over its WebSocket, so no browser has to be drawn for. A refresh is missed where it is not there before the
next one is due.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import streamlit as st
import uvicorn
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.citymarket import Market
from dashboard import context
from dashboard.access.accounts import SignedIn
from dashboard.config import DeskConfig
from dashboard.serve import FOLDER, create_app, own_routes
from sunbid.demo import home
from sunbid.logs.setup import setup

_STARTS, _ANSWERS = 60.0, 120.0
"""Seconds a desk may take to start, and to answer before a session gives up."""


@dataclass
class Visit:
    """What one session saw: seconds until its screen was there, and of each refresh; how many came too late."""

    opened: float = 0.0
    refreshes: list[float] = field(default_factory=list)
    missed: int = 0


@dataclass(frozen=True)
class Told:
    """A script run: its page, and the parts that are to run again (id → seconds)."""

    page: str
    parts: dict[str, float]


async def _run(socket: ClientConnection, asked: dict[str, Any]) -> Told:
    """Have a script run, whole or in part, and wait for its end. Raises RuntimeError where it fails."""
    message = BackMsg()
    for name, value in asked.items():
        setattr(message.rerun_script, name, value)
    await socket.send(message.SerializeToString())
    page, parts = "", {}
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(bytes(await asyncio.wait_for(socket.recv(decode=False), _ANSWERS)))
        kind = answer.WhichOneof("type")
        if kind == "new_session":
            page = answer.new_session.page_script_hash
        elif kind == "auto_rerun":
            parts[answer.auto_rerun.fragment_id] = answer.auto_rerun.interval
        elif kind == "script_finished" and answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            if answer.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                raise RuntimeError("the script does not run")
            return Told(page, parts)


async def _visit(address: str, slug: str, seconds: float) -> Visit:
    """One session on one screen for so many seconds."""
    found = Visit()
    async with connect(f"{address.replace('http', 'ws')}/_stcore/stream", max_size=None) as socket:
        began = time.monotonic()
        told = await _run(socket, {"page_name": slug})
        found.opened = time.monotonic() - began
        due = {part: time.monotonic() + every for part, every in told.parts.items()}
        until = time.monotonic() + seconds
        while due and (next_ := min(due, key=lambda part: due[part])) and due[next_] < until:
            await asyncio.sleep(max(0.0, due[next_] - time.monotonic()))
            began = time.monotonic()
            asked = {"page_script_hash": told.page, "fragment_id": next_, "is_auto_rerun": True}
            await _run(socket, asked)
            found.refreshes.append(time.monotonic() - began)
            due[next_] += told.parts[next_]
            found.missed += due[next_] < time.monotonic()
    return found


async def _together(address: str, slugs: Sequence[str], seconds: float) -> list[Visit]:
    return await asyncio.gather(*(_visit(address, slug, seconds) for slug in slugs))


def visits(address: str, slugs: Sequence[str], count: int, seconds: float) -> list[Visit]:
    """`count` sessions at once, one screen after the other of `slugs`."""
    return asyncio.run(_together(address, [slugs[n % len(slugs)] for n in range(count)], seconds))


def resident_mb(process: int) -> tuple[float, float]:
    """Memory of a process now and at its most, in MB (Linux)."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    told = {name: value for name, _, value in (line.partition(":") for line in lines)}
    now, peak = (int(told[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak


@contextmanager
def desk(market: Market, port: int) -> Iterator[tuple[str, int]]:
    """A desk over a market: its address and process. Raises RuntimeError where it does not start."""
    command = [sys.executable, "-m", "benchmarks.sessions", market.url, str(market.data), str(port)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(FOLDER.parent)})
    address = f"http://127.0.0.1:{port}"
    try:
        _await(address, process)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(_STARTS)


def _await(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _STARTS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{address}/_stcore/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError("the desk does not start")


def quiet() -> None:
    """Log errors alone: no hub runs beside a benchmark, and its figures are to be read."""
    setup("error")
    logging.disable(logging.WARNING)


def main(url: str, data: str, port: str) -> None:
    """A desk that asks nobody who they are; only this machine reaches it."""
    quiet()
    context.identify_by(lambda: SignedIn("bench", "supervisor", "bench"))
    config = DeskConfig(url, Path(data), port=int(port), hub_url="http://127.0.0.1:9", home=home.PLACE)
    create_app(config)  # the settings of process and Streamlit; its gate is what the next line leaves out
    app = st.App(FOLDER / "app.py", routes=own_routes())
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
