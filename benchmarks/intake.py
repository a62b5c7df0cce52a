"""`sunbid bench intake`: durable records per second, over WebSocket, HTTP and in process.

A real intake process takes bids from this one over loopback; a record counts when its answer
`accepted` is back. SQLite runs with synchronous=FULL, PostgreSQL with its default durability.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import websockets

from ingest.apply.envelopes import apply_batch
from messages import local
from records.ledger import Ledger
from records.sources import add_source

LOTS, FIRMS, CONNECTIONS, PIECE = 200, 500, 4, 2_000
WHEN = "2026-05-06T09:30:00+08:00"
_SERVE = """
import sys
from pathlib import Path
from ingest.config import IntakeConfig
from ingest.http.server import serve
serve(IntakeConfig(sys.argv[1], Path(sys.argv[2]), port=int(sys.argv[3])))
"""


def envelope(kind: str, key: str, data: dict[str, Any]) -> dict[str, Any]:
    """One envelope of the benchmark's source."""
    return {"source": "bench", "kind": kind, "key": key, "version": 1, "occurred_at": WHEN, "data": data}


def bid(prefix: str, number: int) -> dict[str, Any]:
    """A bid with all the fields a trading platform sends."""
    data = {
        "lot": f"lot-{number % LOTS}", "bidder": f"firm-{number % FIRMS}", "price": f"{1_000_000 + number}.50",
        "received_at": WHEN, "decrypt_status": "success", "duration_days": 365, "quality": "合格",
        "file_sha256": "a" * 64, "mac": "00:16:3e:00:00:01", "cpu_serial": "BFEBFBFF000906EA",
        "disk_serial": "S3YJNX0K", "upload_ip": "10.1.2.3", "ca_serial": "7D" * 10, "ca_region": "33",
    }  # fmt: skip
    return envelope("bid", f"{prefix}-{number}", data)


def market(ledger: Ledger) -> None:
    """What the bids refer to."""
    records = [envelope("project", "project", {"name": "基准项目"})]
    records += [envelope("organisation", f"firm-{i}", {"name": f"公司{i}"}) for i in range(FIRMS)]
    records += [envelope("lot", f"lot-{i}", {"project": "project", "name": f"标段{i}"}) for i in range(LOTS)]
    apply_batch(ledger, "bench", records)


def in_process(ledger: Ledger, count: int) -> float:
    """Records per second by `apply_batch` alone."""
    records = [bid("direct", i) for i in range(count)]
    started = time.perf_counter()
    accepted = 0
    for start in range(0, count, PIECE):
        answers = apply_batch(ledger, "bench", records[start : start + PIECE])
        accepted += sum(answer.status == "accepted" for answer in answers)
    return _rate(accepted, count, started)


def over_http(port: int, token: str, count: int) -> float:
    """Records per second over `POST /records`, NDJSON, one body after another."""
    lines = [json.dumps(bid("http", i)).encode() for i in range(count)]
    bodies = [b"\n".join(lines[start : start + PIECE]) for start in range(0, count, PIECE)]
    accepted = 0
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=120) as client:
        started = time.perf_counter()
        for body in bodies:
            answer = client.post(f"http://127.0.0.1:{port}/records", content=body)
            answer.raise_for_status()
            accepted += answer.text.count('"accepted"')
        return _rate(accepted, count, started)


async def over_websocket(port: int, token: str, count: int) -> float:
    """Records per second over `WS /records`, several connections at once."""
    share = count // CONNECTIONS
    messages = [[json.dumps(bid(f"ws{c}", i)) for i in range(share)] for c in range(CONNECTIONS)]
    started = time.perf_counter()
    accepted = sum(await asyncio.gather(*(_talk(port, token, part) for part in messages)))
    return _rate(accepted, share * CONNECTIONS, started)


async def _talk(port: int, token: str, messages: list[str]) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    url = f"ws://127.0.0.1:{port}/records"
    async with websockets.connect(url, additional_headers=headers, compression=None) as socket:

        async def send() -> None:
            for message in messages:
                await socket.send(message)

        sending = asyncio.create_task(send())
        accepted = 0
        for _ in messages:
            accepted += '"accepted"' in str(await socket.recv())
        await sending
        return accepted


def _rate(accepted: int, sent: int, started: float) -> float:
    seconds = time.perf_counter() - started
    if accepted != sent:
        raise RuntimeError(local("bench.only_records_were_accepted", sent=sent, accepted=accepted))
    return round(accepted / seconds, 1)


# ── the processes around it ──────────────────────────────────────────────────


@contextmanager
def serving(url: str, folder: Path) -> Iterator[int]:
    """A real intake process; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen([sys.executable, "-c", _SERVE, url, str(folder), str(port)])
    try:
        _wait(port, process)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(local("bench.intake_did_start"))


@contextmanager
def postgresql(folder: Path) -> Iterator[str | None]:
    """A PostgreSQL server of its own with default durability, or None where none is installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        yield None
        return
    owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    data = folder / "pg"
    data.mkdir()
    if owner:
        shutil.chown(data, "postgres")
        folder.chmod(0o711)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])

    def run(program: str, *arguments: str) -> None:
        command = [*owner, str(programs[-1] / program), "-D", str(data), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    run("initdb", "-A", "trust", "-U", "bench", "-E", "UTF8", "--no-sync")
    run("pg_ctl", "-w", "-l", str(data / "log"), "-o", f"-p {port} -k {data} -h 127.0.0.1", "start")
    try:
        yield f"postgresql+psycopg://bench@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-m", "fast", "stop")


def measure(url: str, folder: Path, count: int) -> dict[str, float]:
    """All paths on one database."""
    ledger = Ledger(url)
    ledger.upgrade()
    with ledger.write() as session:
        token = add_source(session, "bench")
    market(ledger)
    rates = {"in_process": in_process(ledger, count)}
    with serving(url, folder) as port:
        rates["http"] = over_http(port, token, count)
        rates["websocket"] = asyncio.run(over_websocket(port, token, count))
    ledger.close()
    return rates


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; with --json one object on the last line."""
    parser = argparse.ArgumentParser(prog="sunbid bench intake", description=__doc__)
    parser.add_argument("--records", type=int, default=20_000, help=local("bench.records_per_path"))
    parser.add_argument("--json", action="store_true", help=local("bench.json"))
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="sunbid-bench-") as name:
        folder = Path(name)
        rates = {"sqlite": measure(f"sqlite:///{folder}/ledger.db", folder, options.records)}
        with postgresql(folder) as url:
            if url:
                rates["postgresql"] = measure(url, folder, options.records)
    for database, paths in rates.items():
        for path, rate in paths.items():
            print(f"{database:12} {path:12} " + local("bench.said.rate", n=f"{rate:,.0f}"))
    if options.json:
        print(json.dumps({"records_per_second": rates, "records": options.records}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
