"""`sunbid bench likeness`: how fast the bid files of one lot are read and compared, with how much memory, and whether those who
wrote together are found."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.bidfiles import RING, Planted, write_bids
from benchmarks.scan import peak_mb
from messages import local
from supervision.likeness.comparing import compare
from supervision.likeness.reading import Content, Unread, read_all


def measured(planted: Planted) -> dict[str, Any]:
    """Seconds of reading and of comparing, MB a second, peaks of memory in MB, and how many planted pairs were found."""
    files = {path: path.parent.name for path in sorted(planted.folder.rglob("*")) if path.is_file()} | {
        planted.tender: ""
    }
    contents: dict[str, Content] = {name: Content() for name in files.values()}
    unread = 0
    began = time.perf_counter()
    for path, read in read_all(list(files)):
        if isinstance(read, Unread):
            unread += 1
        else:
            contents[files[path]].add(read)
    read_in = time.perf_counter() - began
    given = contents.pop("")
    found = {(one.one, one.other) for one in compare(contents, given, {name: name for name in contents})}
    seconds = time.perf_counter() - began
    hits = sum(set(pair) <= planted.ring for pair in found)
    return {
        "bidders": len(contents), "files": len(files), "mb": planted.size / 1e6, "unread": unread, "reading": read_in,
        "seconds": seconds, "mb_per_second": planted.size / 1e6 / seconds, "peak_mb": peak_mb(), "child_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "planted": RING * (RING - 1) // 2, "found": hits, "false": len(found) - hits,
    }  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; with --json one object on the last line."""
    parser = argparse.ArgumentParser(prog="sunbid bench likeness", description=__doc__)
    parser.add_argument("--bidders", type=int, default=280, help=local("bench.likeness.bidders"))
    parser.add_argument("--mb", type=float, default=5.0, help=local("bench.likeness.mb"))
    parser.add_argument("--folder", type=Path, help=local("bench.likeness.folder"))
    parser.add_argument("--json", action="store_true", help=local("bench.json"))
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="sunbid-bench-", dir=given.folder) as name:
        planted = write_bids(Path(name), given.bidders, given.mb)
        print(f"{planted.size / 1e6:,.0f} MB", file=sys.stderr)
        found = measured(planted)
    rates = {name: f"{found[name]:.1f}" for name in ("reading", "seconds", "mb_per_second")}
    sizes = {name: f"{found[name]:,.0f}" for name in ("mb", "peak_mb", "child_peak_mb")}
    print(local("bench.said.likeness", **rates, **sizes, bidders=found["bidders"]))
    counts = {name: found[name] for name in ("planted", "found", "false", "unread")}
    print(local("bench.said.planted", **counts))
    if given.json:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
