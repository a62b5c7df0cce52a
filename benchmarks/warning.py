"""`sunbid bench warning`: seconds from a record's sending to its warning on the desk's feed, leg by leg.

Intake, watch and desk run as processes of their own over one ledger, as `sunbid up` runs them. Each record is the bid
that makes two bidders of a lot share a machine; the next one is sent when its warning has come. The legs: sent →
committed (the intake's answer), committed → raised (the warning's own time), raised → on the feed. Beside them stands
what waiting alone may cost: one turn of the watch and one of the desk's feed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from dashboard.access.accounts import add_user
from dashboard.access.sessions import Sessions
from dashboard.http.gate import COOKIE
from dashboard.live.feeds import POLL_SECONDS
from ingest.apply.envelopes import apply_batch
from records.clock import now, rfc3339, timestamp
from records.ledger import Ledger
from records.sources import add_source
from supervision.config import WatchConfig

LIMIT = WatchConfig("", Path()).poll_seconds + POLL_SECONDS
"""Seconds that a warning waits at the most for the watch to look and for the desk to look, both doing nothing else."""
READY = 120.0
PATIENCE = 60.0
MACHINE = {"mac": "00:16:3e:00:00:01", "cpu_serial": "BFEBFBFF000906EA", "disk_serial": "S3YJNX0K"}
PROCESSES = ("intake", "watch", "desk")


@dataclass(frozen=True)
class Timed:
    """One record's way, in seconds."""

    committed: float
    raised: float
    shown: float

    @property
    def whole(self) -> float:
        """From its sending to its warning on the feed."""
        return self.committed + self.raised + self.shown


# ── the market ───────────────────────────────────────────────────────────────


def envelope(kind: str, key: str, data: dict[str, Any]) -> dict[str, Any]:
    """One envelope of the benchmark's source."""
    at = rfc3339(now())
    return {"source": "bench", "kind": kind, "key": key, "version": 1, "occurred_at": at, "data": data}


def bid(lot: int, bidder: str, received: datetime) -> dict[str, Any]:
    """A bid of a lot from the machine that all of them share."""
    data = {
        "lot": f"lot-{lot}",
        "bidder": bidder,
        "received_at": rfc3339(received),
        "decrypt_status": "success",
    }
    return envelope("bid", f"{lot}-{bidder}", data | MACHINE)


def lots(count: int, deadline: datetime) -> list[dict[str, Any]]:
    """Lots past their deadline, each with one bid."""
    records = [envelope("project", "project", {"name": "基准项目"})]
    records += [envelope("organisation", name, {"name": f"公司{name}"}) for name in ("a", "b")]
    for n in range(count):
        data = {
            "project": "project",
            "name": f"标段{n}",
            "deadline": rfc3339(deadline),
            "status": "evaluating",
        }
        records += [envelope("lot", f"lot-{n}", data), bid(n, "a", deadline - timedelta(hours=1))]
    return records


# ── the processes ────────────────────────────────────────────────────────────


def free_ports(count: int) -> list[int]:
    """TCP ports nobody listens on."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


@contextmanager
def running(folder: Path, intake: int, desk: int) -> Iterator[None]:
    """The three processes, ready."""
    own = {"SUNBID_DATA": str(folder), "SUNBID_INTAKE_PORT": str(intake), "SUNBID_DESK_PORT": str(desk)}
    held = {name: value for name, value in os.environ.items() if not name.startswith("SUNBID_")}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "sunbid", name], env=held | own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for name in PROCESSES
    ]  # fmt: skip
    try:
        for port in (intake, desk):
            _wait(port, started)
        yield
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(30)


def _wait(port: int, started: list[subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + READY
    while time.monotonic() < until and all(process.poll() is None for process in started):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"no process answers at port {port}")


# ── measuring ────────────────────────────────────────────────────────────────


def measure(client: httpx.Client, feed: ClientConnection, lot: int, received: datetime) -> Timed:
    """One record until its warning is on the feed. Raises RuntimeError where it is refused, TimeoutError where none comes."""
    sent = timestamp()
    answer = client.post("/records", json=[bid(lot, "b", received)])
    committed = timestamp()
    if '"accepted"' not in answer.text:
        raise RuntimeError(f"the record was not accepted: {answer.text[:300]}")
    message = json.loads(feed.recv(PATIENCE))
    while message["lot"] != f"lot-{lot}":
        message = json.loads(feed.recv(PATIENCE))
    shown = timestamp()
    raised = datetime.fromisoformat(message["ts"]).timestamp()
    return Timed(committed - sent, raised - committed, shown - raised)


def run(folder: Path, count: int) -> list[Timed]:
    """Every record's way; the first, in which the processes warm up, is left out."""
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    ledger.upgrade()
    deadline = now() - timedelta(hours=2)
    with ledger.write() as session:
        token = add_source(session, "bench")
        user = add_user(session, "bench", "supervisor", "a long enough password")
        cookie = f"{COOKIE}={Sessions(ledger, folder).issue(user)}"
    apply_batch(ledger, "bench", lots(count + 1, deadline))
    intake, desk = free_ports(2)
    header = {"Authorization": f"Bearer {token}"}
    with (
        running(folder, intake, desk),
        httpx.Client(base_url=f"http://127.0.0.1:{intake}", headers=header) as client,
    ):
        address = f"ws://127.0.0.1:{desk}/feeds/warnings"
        with connect(address, additional_headers={"Cookie": cookie}, compression=None) as feed:
            found = [measure(client, feed, n, deadline - timedelta(minutes=5)) for n in range(count + 1)]
    ledger.close()
    return found[1:]


def quantiles(values: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(values)
    return {
        "p50": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))],
    }


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; with --json one object on the last line."""
    parser = argparse.ArgumentParser(prog="sunbid bench warning", description=__doc__)
    parser.add_argument("--records", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="sunbid-bench-") as name:
        found = run(Path(name), given.records)
    legs = {
        leg: quantiles([getattr(one, leg) for one in found])
        for leg in ("committed", "raised", "shown", "whole")
    }
    for leg, seconds in legs.items():
        print(f"{leg:10} p50 {seconds['p50']:6.3f} s  p95 {seconds['p95']:6.3f} s")
    print(f"limit      {LIMIT:.3f} s of waiting alone; {given.records} records")
    if given.json:
        print(
            json.dumps(
                {"p50_s": legs["whole"]["p50"], "p95_s": legs["whole"]["p95"], "limit_s": LIMIT, "legs": legs}
            )
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
