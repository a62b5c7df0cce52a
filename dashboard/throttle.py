"""How often a sign-in may fail."""

from __future__ import annotations

import time
from collections import deque

WINDOW = 300.0
"""Seconds over which failures count."""
PER_PAIR = 5
PER_ADDRESS = 30
_MOST_KEYS = 10_000


class Throttle:
    """Failures per (account, address) and per address; both have a ceiling within the window."""

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str], deque[float]] = {}

    def blocked(self, name: str, address: str) -> bool:
        """Whether this pair, or this address altogether, has failed too often."""
        return self._count((name, address)) >= PER_PAIR or self._count(("", address)) >= PER_ADDRESS

    def failed(self, name: str, address: str) -> None:
        """Remember a failure."""
        if len(self._failures) >= _MOST_KEYS:
            self._failures = {key: seen for key, seen in self._failures.items() if self._count(key)}
        for key in ((name, address), ("", address)):
            self._failures.setdefault(key, deque(maxlen=PER_ADDRESS)).append(time.monotonic())

    def succeeded(self, name: str, address: str) -> None:
        """Forget this pair's failures."""
        self._failures.pop((name, address), None)

    def clear(self) -> None:
        """Forget all failures."""
        self._failures.clear()

    def _count(self, key: tuple[str, str]) -> int:
        seen = self._failures.get(key)
        if seen is None:
            return 0
        while seen and time.monotonic() - seen[0] > WINDOW:
            seen.popleft()
        return len(seen)
