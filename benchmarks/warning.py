"""`sunbid bench warning`: seconds from a record's sending to its warning before a supervisor's eyes, leg by leg.

Intake, watch and desk run as processes of their own over one ledger, as `sunbid up` runs them; with --rooms the whole
demonstration runs with so many rooms on air. Each record is the bid that makes two bidders of a lot share a machine; the
next one is sent when its warning has come. The legs: sent → committed (the intake's answer), committed → raised (the
warning's own time), raised → on the desk's feed, feed → in the list of the open page of warnings in a browser. Beside
them stands what waiting alone may cost: one turn of the watch and one of the desk's feed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import BrowserContext, Page, sync_playwright
from websockets.sync.client import ClientConnection, connect

from benchmarks import running
from benchmarks.latency import CHROMIUM
from dashboard.access.accounts import add_user
from dashboard.access.sessions import Sessions
from dashboard.http.gate import COOKIE
from dashboard.live.feeds import POLL_SECONDS
from ingest.apply.envelopes import apply_batch
from messages import local
from records.clock import now, rfc3339, timestamp
from records.ledger import Ledger
from records.sources import add_source
from supervision.config import WatchConfig

LIMIT = WatchConfig("", Path()).poll_seconds + POLL_SECONDS
"""Seconds that a warning waits at the most for the watch to look and for the desk to look, both doing nothing else."""
PATIENCE = 60.0
"""Seconds after which a warning that does not come is given up."""
MACHINE = {"mac": "00:16:3e:00:00:01", "cpu_serial": "BFEBFBFF000906EA", "disk_serial": "S3YJNX0K"}


@dataclass(frozen=True)
class Timed:
    """One record's way, in seconds."""

    committed: float
    raised: float
    told: float
    shown: float

    @property
    def whole(self) -> float:
        """From its sending to its warning in the list on the page."""
        return self.committed + self.raised + self.told + self.shown


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


# ── measuring ────────────────────────────────────────────────────────────────


def measure(client: httpx.Client, feed: ClientConnection, page: Page, lot: int, received: datetime) -> Timed:
    """One record until its warning stands on the page. Raises RuntimeError where it is refused, TimeoutError where no
    warning comes."""
    sent = timestamp()
    answer = client.post("/records", json=[bid(lot, "b", received)])
    committed = timestamp()
    if '"accepted"' not in answer.text:
        raise RuntimeError(f"the record was not accepted: {answer.text[:300]}")
    message = json.loads(feed.recv(PATIENCE))
    while message["lot"] != f"lot-{lot}":
        message = json.loads(feed.recv(PATIENCE))
    told = timestamp()
    page.locator(f"#w-{message['id']}").wait_for(timeout=PATIENCE * 1000)
    shown = timestamp()
    raised = datetime.fromisoformat(message["ts"]).timestamp()
    return Timed(committed - sent, raised - committed, told - raised, shown - told)


def run(folder: Path, count: int, rooms: int) -> list[Timed]:
    """Every record's way; the first, in which the processes warm up, is left out."""
    ports = running.Ports.free()
    url = f"sqlite:///{folder / 'ledger.db'}"
    Ledger(url).upgrade()
    on = running.demonstration(folder, ports, rooms) if rooms else running.parts(folder, ports)
    with on, sync_playwright() as playwright:
        ledger = Ledger(url)
        deadline = now() - timedelta(hours=2)
        with ledger.write() as session:
            token = add_source(session, "bench")
            user = add_user(session, "bench", "supervisor", "a long enough password")
            cookie = Sessions(ledger, folder).issue(user)
        apply_batch(ledger, "bench", lots(count + 1, deadline))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = _page_of_warnings(browser.new_context(), f"http://127.0.0.1:{ports.desk}", cookie)
        header = {"Authorization": f"Bearer {token}"}
        address = f"ws://127.0.0.1:{ports.desk}/feeds/warnings"
        with (
            httpx.Client(base_url=f"http://127.0.0.1:{ports.intake}", headers=header) as client,
            connect(address, additional_headers={"Cookie": f"{COOKIE}={cookie}"}, compression=None) as feed,
        ):
            received = deadline - timedelta(minutes=5)
            found = [measure(client, feed, page, n, received) for n in range(count + 1)]
        browser.close()
        ledger.close()
    return found[1:]


def _page_of_warnings(context: BrowserContext, desk: str, cookie: str) -> Page:
    """The open page of warnings, listening."""
    context.add_cookies([{"name": COOKIE, "value": cookie, "url": desk}])
    page = context.new_page()
    with page.expect_websocket(lambda socket: "/feeds/warnings" in socket.url, timeout=PATIENCE * 1000):
        page.goto(f"{desk}/warnings")
    return page


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
    parser.add_argument("--records", type=int, default=40, help=local("bench.warning.records"))
    parser.add_argument("--rooms", type=int, default=0, help=local("bench.warning.rooms"))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="sunbid-bench-") as name:
        found = run(Path(name), given.records, given.rooms)
    legs = {
        leg: quantiles([getattr(one, leg) for one in found])
        for leg in ("committed", "raised", "told", "shown", "whole")
    }
    for leg, seconds in legs.items():
        print(f"{leg:10} p50 {seconds['p50']:6.3f} s  p95 {seconds['p95']:6.3f} s")
    print(f"limit      {LIMIT:.3f} s of waiting alone; {given.records} records, {given.rooms} rooms on air")
    if given.json:
        print(
            json.dumps(
                {
                    "p50_s": legs["whole"]["p50"],
                    "p95_s": legs["whole"]["p95"],
                    "limit_s": LIMIT,
                    "rooms": given.rooms,
                    "legs": legs,
                }
            )
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
