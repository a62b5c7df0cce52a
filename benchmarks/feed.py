"""The opening feed under many listeners: from the moment a step is taken to every listener, over loopback.

A hub in a process of its own serves `WS /feeds/openings/{id}`; listeners stay in this one, so their own work is in the
figures too. A few of them stop reading for good: the hub cuts them, the others must not notice. Every listener checks
that its messages come in order without a gap, and one computes the hash chain again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from messages import local
from records import chain, states
from records.clock import now
from records.ledger import Ledger
from records.tables.openings import Opening
from records.tables.projects import Lot, Project

OPENING = "bench-opening"
BIDDERS = 280
READY_SECONDS = 60.0
BATCH = 100
"""Listeners that connect at once."""
LAST_SECONDS = 20.0
"""How long the last event is waited for."""


def main(argv: list[str] | None = None) -> int:
    """Run the measurement; prints a line, with --json also one JSON object on the last line."""
    parser = argparse.ArgumentParser(prog="sunbid bench feed", description=__doc__)
    parser.add_argument("--listeners", type=int, default=2000)
    parser.add_argument("--events", type=int, default=30)
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two events")
    parser.add_argument("--stuck", type=int, default=5, help="listeners that never read")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", nargs=2, metavar=("FOLDER", "PORT"), help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    if given.serve:
        _serve(Path(given.serve[0]), int(given.serve[1]))
        return 0
    found = measured(given.listeners, given.events, given.every, given.stuck)
    print(
        f"{found['listeners']} listeners  p50 {found['p50_ms']} ms  p95 {found['p95_ms']} ms  max {found['max_ms']} ms"
        f"  gaps {found['gaps']}  missing {found['missing']}  replay {found['replay_s']} s"
    )
    if given.json:
        print(json.dumps(found))
    return 0 if not found["gaps"] and not found["missing"] else 1


def measured(listeners: int, events: int, every: float, stuck: int) -> dict[str, Any]:
    """The figures for so many listeners and events; delays in milliseconds from the step to its arrival."""
    _many_files(listeners + 200)
    with tempfile.TemporaryDirectory() as folder:
        ledger = _prepared(Path(folder))
        port = _free_port()
        command = [sys.executable, "-m", "benchmarks.feed", "--serve", folder, str(port)]
        with subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL) as hub:
            try:
                _await_hub(f"http://127.0.0.1:{port}/healthz", hub)
                return asyncio.run(_run(ledger, port, listeners, events, every, stuck))
            finally:
                hub.terminate()
                ledger.close()


# ── the hub and its ledger ───────────────────────────────────────────────────


def _prepared(folder: Path) -> Ledger:
    """A ledger with one opening that is about to be read."""
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    ledger.upgrade()
    with ledger.write() as session:
        session.add(Project(id="bench", name="测量", source="bench"))
        session.flush()
        due = now() - timedelta(minutes=5)
        session.add(Lot(id="bench", project_id="bench", name="测量", deadline=due, source="bench"))
        session.flush()
        states.new_opening(session, Opening(id=OPENING, lot_id="bench", scheduled_at=due, source="bench"))
        names = [{"no": no, "name": f"示例第{no}公司"} for no in range(1, BIDDERS + 1)]
        for kind, payload in (
            ("bidders_published", {"count": BIDDERS, "bidders": names}),
            ("decrypt_progress", {"done": BIDDERS, "total": BIDDERS}),
        ):
            states.append_event(session, OPENING, kind, payload, actor="bench")
    return ledger


def _serve(folder: Path, port: int) -> None:
    from streaming.config import HubConfig
    from streaming.serve import serve

    url = f"sqlite:///{folder / 'ledger.db'}"
    serve(HubConfig(url, folder, port=port, media_port=port, record=False))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_hub(address: str, hub: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + READY_SECONDS
    while time.monotonic() < limit and hub.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(local("bench.hub_did_start"))


def _many_files(wanted: int) -> None:
    """Raise this process's limit of open files as far as it may go."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


# ── the listeners ────────────────────────────────────────────────────────────


@dataclass
class Heard:
    """What all listeners have heard."""

    begun: dict[int, float] = field(default_factory=dict)
    """Sequence number → when its step was begun, seconds of time.monotonic."""
    delays: list[float] = field(default_factory=list)
    gaps: int = 0
    last: list[int] = field(default_factory=list)
    """Listener → sequence number heard last."""
    end: int = 0
    """Sequence number of the last event there will be."""
    behind: int = 0
    """Listeners that have not heard it."""
    over: asyncio.Event = field(default_factory=asyncio.Event)


async def _run(
    ledger: Ledger, port: int, listeners: int, events: int, every: float, stuck: int
) -> dict[str, Any]:
    address = f"ws://127.0.0.1:{port}/feeds/openings/{OPENING}"
    heard, sockets = Heard(last=[3] * listeners, end=3 + events, behind=listeners), list[ClientConnection]()
    for start in range(0, listeners, BATCH):
        batch = range(start, min(start + BATCH, listeners))
        sockets += await asyncio.gather(*(_joined(f"{address}?after=3") for _ in batch))
    idle = [await connect(address, max_queue=1) for _ in range(stuck)]  # nobody ever reads these
    listening = [asyncio.create_task(_listen(socket, i, heard)) for i, socket in enumerate(sockets)]
    await _take_steps(ledger, events, every, heard)
    with contextlib.suppress(TimeoutError):  # who has not heard it by then is counted as missing
        await asyncio.wait_for(heard.over.wait(), LAST_SECONDS)
    replay = await _replayed(address, 3 + events)
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, *(socket.close() for socket in sockets + idle), return_exceptions=True)
    return {"listeners": listeners, **_figures(heard, events), "replay_s": round(replay, 3)}


async def _joined(address: str) -> ClientConnection:
    return await connect(address, compression=None, open_timeout=READY_SECONDS, ping_interval=None)


async def _listen(socket: ClientConnection, number: int, heard: Heard) -> None:
    try:
        async for text in socket:
            seq = json.loads(text)["seq"]
            heard.gaps += seq != heard.last[number] + 1
            heard.last[number] = seq
            heard.behind -= seq == heard.end
            if not heard.behind:
                heard.over.set()
            heard.delays.append(time.monotonic() - heard.begun[seq])
    except ConnectionClosed:
        return  # counted as missing


async def _take_steps(ledger: Ledger, events: int, every: float, heard: Heard) -> None:
    """Read so many bids aloud, one every so often."""
    for number in range(1, events + 1):
        heard.begun[3 + number] = time.monotonic()
        await asyncio.to_thread(_read, ledger, number)
        await asyncio.sleep(every)


def _read(ledger: Ledger, number: int) -> None:
    payload = {"no": number, "name": f"示例第{number}公司", "price": "27512360.00", "total": BIDDERS}
    with ledger.write() as session:
        states.append_event(session, OPENING, "bid_read", payload, actor="bench")


async def _replayed(address: str, last: int) -> float:
    """Seconds in which a newcomer has heard everything; its chain must hold. Raises ValueError where it does not."""
    start, messages = time.monotonic(), list[dict[str, Any]]()
    async with connect(f"{address}?after=0", compression=None) as socket:
        while len(messages) < last:
            messages.append(json.loads(await asyncio.wait_for(socket.recv(), LAST_SECONDS)))
    bodies = (
        ({"opening": OPENING, **{k: m[k] for k in ("seq", "ts", "type", "payload")}}, m["hash"])
        for m in messages
    )
    if broken := chain.verify(chain.genesis(f"opening/{OPENING}"), bodies):
        raise ValueError(f"{broken}")
    return time.monotonic() - start


def _figures(heard: Heard, events: int) -> dict[str, Any]:
    delays = sorted(heard.delays)
    return {
        "events": events,
        "p50_ms": _rank(delays, 0.5),
        "p95_ms": _rank(delays, 0.95),
        "max_ms": _rank(delays, 1.0),
        "gaps": heard.gaps,
        "missing": sum(3 + events - last for last in heard.last),
    }


def _rank(delays: Sequence[float], share: float) -> int | None:
    if not delays:
        return None
    return round(1000 * delays[min(len(delays) - 1, int(share * len(delays)))])


if __name__ == "__main__":
    sys.exit(main())
