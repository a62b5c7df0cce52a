"""The guardian: ends the processes that a killed supervisor leaves behind. Runs as a script of its own and imports nothing of ours.

Its arguments are process groups to watch. Reads lines on standard input: `+PGID` another one, `-PGID` one that ended. When the pipe
closes (the supervisor ended, however), every group still listed gets SIGTERM, and SIGKILL after a grace.
"""

from __future__ import annotations

import os
import signal
import sys
import time

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""


def main() -> None:
    """Watch the pipe, then clear up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    groups = set(map(int, sys.argv[1:]))
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    _end(groups, signal.SIGTERM)
    limit = time.monotonic() + GRACE
    while _alive(groups) and time.monotonic() < limit:
        time.sleep(0.05)
    _end(groups, signal.SIGKILL)


def _end(groups: set[int], how: signal.Signals) -> None:
    for group in groups:
        try:
            os.killpg(group, how)
        except (ProcessLookupError, PermissionError):
            continue


def _alive(groups: set[int]) -> bool:
    for group in groups:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            continue
        return True
    return False


if __name__ == "__main__":
    main()
