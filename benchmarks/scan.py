"""`sunbid bench scan`: seconds and peak memory of all rules over the whole ledger, beside reading its bids alone.

Each runs in a process of its own, so that the peaks do not mix. Reading every bid once is what no scan can be below.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import select

from benchmarks import citymarket
from messages import local
from records.ledger import Ledger
from records.tables.bids import Bid
from supervision.rules.scan import scan


def read_bids(ledger: Ledger) -> int:
    """Read every bid once; how many there are."""
    with ledger.read() as session:
        rows = session.execute(select(Bid.__table__).execution_options(yield_per=2000))
        return sum(1 for _ in rows)


def apart(what: str, url: str) -> dict[str, float]:
    """One of the two in a process of its own: seconds, peak of memory in MB, what was counted."""
    command = [sys.executable, "-m", "benchmarks.scan", "--inside", what, url]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def peak_mb() -> float:
    """The most memory this process has held, in MB. getrusage would count its parent's too, from before the exec."""
    told = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(told[1]) / 1024 if told else 0.0


def inside(what: str, url: str) -> int:
    """The measured process: one JSON object on its last line."""
    ledger = Ledger(url)
    began = time.perf_counter()
    count = read_bids(ledger) if what == "read" else sum(1 for _ in scan(ledger))
    took = time.perf_counter() - began
    print(json.dumps({"seconds": took, "peak_mb": peak_mb(), "count": count}))
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; with --json one object on the last line."""
    parser = argparse.ArgumentParser(prog="sunbid bench scan", description=__doc__)
    citymarket.options(parser)
    parser.add_argument("--inside", nargs=2, metavar=("WHAT", "URL"), help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help=local("bench.json"))
    given = parser.parse_args(argv)
    if given.inside:
        return inside(*given.inside)
    with citymarket.market(given.data, given.fraction) as market:
        read, ran = apart("read", market.url), apart("scan", market.url)
    ratio = ran["seconds"] / read["seconds"]
    print(
        f"读取全部投标 read all bids   {read['seconds']:8.2f} s  {read['peak_mb']:6.0f} MB  {market.bids:,} 家次 bids"
    )
    print(
        f"全部规则 all rules          {ran['seconds']:8.2f} s  {ran['peak_mb']:6.0f} MB  {ran['count']:,.0f} 条 findings"
    )
    print(f"规则 ÷ 读取 scan ÷ read      {ratio:8.1f}")
    if given.json:
        told = {
            "seconds": ran["seconds"],
            "peak_mb": ran["peak_mb"],
            "bids": market.bids,
            "ratio_to_read": ratio,
        }
        print(json.dumps({**told, "findings": ran["count"]}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
