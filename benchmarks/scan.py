"""`sunbid bench scan`: seconds and peak memory of all rules over the whole ledger, beside reading its bids alone; and
of `sunbid flags` on made-up OCDS releases, beside ocdscardinal's `coverage` of the same file where it is installed.

Each runs in a process of its own, so that the peaks do not mix. Reading every bid once is what no scan can be below.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import select

from benchmarks import citymarket
from benchmarks.releases import write_releases
from messages import local
from records.ledger import Ledger
from records.tables.bids import Bid
from supervision.home import NOWHERE
from supervision.lens.reader import Lens
from supervision.rules.scan import lens_of_now, scan


def read_bids(ledger: Ledger) -> int:
    """Read every bid once; how many there are."""
    with ledger.read() as session:
        rows = session.execute(select(Bid.__table__).execution_options(yield_per=2000))
        return sum(1 for _ in rows)


def apart(what: str, market: citymarket.Market) -> dict[str, float]:
    """One of the two in a process of its own: seconds, peak of memory in MB, what was counted."""
    command = [sys.executable, "-m", "benchmarks.scan", "--inside", what, market.url, str(market.data)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


COVERAGE = "import sys, ocdscardinal; ocdscardinal.coverage(sys.argv[1])"


def flags_of_releases(count: int) -> dict[str, Any]:
    """Seconds of `sunbid flags` on made-up releases, start of the program included; of ocdscardinal's coverage."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "releases.jsonl"
        size = write_releases(path, count)
        found: dict[str, Any] = {"releases": count, "mb": size / 1e6}
        found["flags_seconds"] = _seconds([sys.executable, "-m", "sunbid", "flags", str(path)])
        known = importlib.util.find_spec("ocdscardinal") is not None
        found["coverage_seconds"] = _seconds([sys.executable, "-c", COVERAGE, str(path)]) if known else None
    return found


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _say_flags(found: dict[str, Any]) -> None:
    beside = found["coverage_seconds"]
    shown = local("bench.said.not_installed") if beside is None else f"{beside:.2f} s"
    print(
        local(
            "bench.said.flags",
            seconds=f"{found['flags_seconds']:.2f}",
            n=f"{found['releases']:,}",
            mb=f"{found['mb']:.0f}",
        )
    )
    print(f"ocdscardinal coverage: {shown}")


def peak_mb() -> float:
    """The most memory this process has held, in MB. getrusage would count its parent's too, from before the exec."""
    line = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(line[1]) / 1024 if line else 0.0


def inside(what: str, url: str, folder: str) -> int:
    """The measured process: one JSON object on its last line."""
    ledger = Ledger(url)
    began = time.perf_counter()
    count = read_bids(ledger) if what == "read" else sum(1 for _ in scan(ledger, lens=Lens(Path(folder))))
    took = time.perf_counter() - began
    print(json.dumps({"seconds": took, "peak_mb": peak_mb(), "count": count}))
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; with --json one object on the last line."""
    parser = argparse.ArgumentParser(prog="sunbid bench scan", description=__doc__)
    citymarket.options(parser)
    parser.add_argument("--inside", nargs=3, metavar=("WHAT", "URL", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--releases", type=int, default=100_000, help=local("bench.releases"))
    parser.add_argument("--only-flags", action="store_true", help=local("bench.only_flags"))
    parser.add_argument("--json", action="store_true", help=local("bench.json"))
    given = parser.parse_args(argv)
    if given.inside:
        return inside(*given.inside)
    flags = flags_of_releases(given.releases)
    _say_flags(flags)
    if given.only_flags:
        return 0
    with citymarket.market(given.data, given.fraction) as market:
        lens_of_now(Ledger(market.url), market.data, NOWHERE)
        read, ran = apart("read", market), apart("scan", market)
    ratio = ran["seconds"] / read["seconds"]
    for key, one, n in (("read", read, market.bids), ("rules", ran, ran["count"])):
        words = {"seconds": f"{one['seconds']:.2f}", "mb": f"{one['peak_mb']:.0f}", "n": f"{n:,.0f}"}
        print(local(f"bench.said.{key}", **words))
    print(local("bench.said.scan_to_read", ratio=f"{ratio:.1f}"))
    if given.json:
        result = {
            "seconds": ran["seconds"],
            "peak_mb": ran["peak_mb"],
            "bids": market.bids,
            "ratio_to_read": ratio,
        }
        print(json.dumps({**result, "findings": ran["count"], **flags}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
