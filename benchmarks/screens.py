"""`sunbid bench screens`: seconds each screen takes on the server, cold and warm, beside an empty page.

A screen is drawn by Streamlit's own test runner in this process, without a browser. Cold: nothing is remembered, the
lens is opened anew. Warm: the same screen again, as at its refresh, after the ledger has changed and the lens has not. The empty page, drawn the same way in the same
run, is what Streamlit itself costs; `over_empty` is the warm median divided by that.

Then a desk in a process of its own with 1, 10 and 30 sessions at once, which refresh as browsers do: seconds until a
screen is there, seconds of a refresh, how many were missed, and the memory of that process.

With --beside the main figures' questions are put to SQLite and PostgreSQL too, with --times-records to a lens of as
many times the records (`benchmarks.beside`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from streamlit.testing.v1 import AppTest

from benchmarks import beside, citymarket, sessions
from benchmarks.sessions import quiet
from dashboard import context, memo, screens
from dashboard.access.accounts import SignedIn
from dashboard.config import DeskConfig
from dashboard.screens import Screen
from messages import local
from sunbid.demo import home

APP = Path(context.__file__).parent / "app.py"
AIM = 0.1
"""Seconds in which a warm screen should be there."""
PATIENCE = 300.0


def seconds(act: Callable[[], object]) -> float:
    """How long an act takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def empty(times: int) -> float:
    """Median seconds of a page with nothing on it."""
    test = AppTest.from_string("import streamlit as st\nst.write('')", default_timeout=PATIENCE).run()
    return statistics.median(seconds(test.run) for _ in range(times))


def drawn(screen: Screen, config: DeskConfig, times: int) -> dict[str, float]:
    """Cold and warm seconds of one screen, as a supervisor sees it. Raises RuntimeError where it fails."""
    test = AppTest.from_file(str(APP), default_timeout=PATIENCE).run()
    context.configure(config)
    memo.forget()
    cold = seconds(lambda: test.switch_page(f"../pages/{screen.path.name}").run())
    warm = sorted(_refreshed(test) for _ in range(times))
    if test.exception:
        raise RuntimeError(f"{screen.slug}: {test.exception[0].message}")
    return {
        "cold": cold,
        "warm_p50": statistics.median(warm),
        "warm_p95": warm[min(len(warm) - 1, round(0.95 * len(warm)))],
    }


def _refreshed(test: AppTest) -> float:
    """Seconds of a refresh after somebody has committed something: what is live is read anew."""
    memo.forget_live()
    return seconds(test.run)


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which that part of them lies; nought of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(part * len(ordered)))] if ordered else 0.0


def together(
    market: citymarket.Market, counts: Sequence[int], seconds: float, port: int
) -> list[dict[str, float]]:
    """So many sessions at once over the screens of figures, each number of them on a fresh desk."""
    slugs = [screen.slug for screen in screens.SCREENS if screen.dimension in ("display", "service")]
    found = []
    for count in counts:
        with sessions.desk(market, port) as (address, process):
            visits = sessions.visits(address, slugs, count, seconds)
            _, peak = sessions.resident_mb(process)
        refreshes = [one for visit in visits for one in visit.refreshes]
        found.append({
            "sessions": count, "opened_p95": quantile([visit.opened for visit in visits], 0.95), "refreshes": len(refreshes),
            "p50": quantile(refreshes, 0.5), "p95": quantile(refreshes, 0.95), "missed": sum(visit.missed for visit in visits),
            "peak_mb": peak,
        })  # fmt: skip
    return found


def _tell_others(others: Sequence[beside.Beside], grown: Sequence[tuple[int, str, float]]) -> None:
    for one in others:
        seconds = {name: f"{getattr(one, name):.3f}" for name in ("lens", "sqlite")}
        there = "—" if one.postgresql is None else f"{one.postgresql:.3f}"
        print(local("bench.said.beside", question=one.question, **seconds, postgresql=there))
    for factor, question, taken in grown:
        print(local("bench.said.times_records", factor=factor, question=question, seconds=f"{taken:.3f}"))


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; with --json one object on the last line."""
    parser = argparse.ArgumentParser(prog="sunbid bench screens", description=__doc__)
    citymarket.options(parser)
    parser.add_argument("--times", type=int, default=10, help=local("bench.warm_runs_screen"))
    parser.add_argument("--sessions", type=int, nargs="*", default=[1, 10, 30], help=local("bench.sessions"))
    parser.add_argument("--seconds", type=float, default=60, help=local("bench.sessions_seconds"))
    parser.add_argument("--port", type=int, default=8699, help=local("bench.sessions_port"))
    parser.add_argument("--beside", action="store_true", help=local("bench.beside"))
    parser.add_argument("--postgres", help=local("bench.beside_postgres"))
    parser.add_argument("--times-records", type=int, nargs="*", default=[], help=local("bench.times_records"))
    parser.add_argument("--json", action="store_true", help=local("bench.json"))
    given = parser.parse_args(argv)
    quiet()
    context.identify_by(lambda: SignedIn("bench", "supervisor", "bench"))
    with citymarket.market(given.data, given.fraction) as market:
        config = DeskConfig(market.url, market.data, hub_url="http://127.0.0.1:9", home=home.PLACE)
        context.configure(config)
        nothing = empty(given.times)
        found = {}
        for screen in screens.SCREENS:
            found[screen.slug] = one = drawn(screen, config, given.times)
            one["over_empty"] = one["warm_p50"] / nothing
            words = {name: f"{one[name]:.3f}" for name in ("cold", "warm_p50", "warm_p95")}
            said = local("bench.said.screen", **words, times=f"{one['over_empty']:.1f}")
            print(f"{screen.id} {screen.slug:14} {said}")
        context.ledger().close()
        crowds = together(market, given.sessions, given.seconds, given.port)
        others = list(beside.beside(market, given.postgres, given.times)) if given.beside else []
        grown = list(beside.at_times(market, given.times_records, given.times))
    for one in crowds:
        seconds = {name: f"{one[name]:.3f}" for name in ("opened_p95", "p50", "p95")}
        counts = {name: f"{one[name]:.0f}" for name in ("sessions", "missed", "refreshes", "peak_mb")}
        print(local("bench.said.sessions", **seconds, **counts))
    _tell_others(others, grown)
    slow = sum(one["warm_p50"] > AIM for one in found.values())
    print(local("bench.said.load", load=f"{os.getloadavg()[0]:.1f}"))
    print(local("bench.said.screens", bids=f"{market.bids:,}", empty=f"{nothing:.3f}", slow=slow, aim=AIM))
    if given.json:
        print(json.dumps({"screens": found, "empty": nothing, "bids": market.bids, "sessions": crowds,
            "beside": [asdict(one) for one in others], "times_records": grown,
        }))  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
