"""How often a sign-in may fail."""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime

from records.clock import now

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
        at = time.monotonic()
        for key in ((name, address), ("", address)):
            self._failures.setdefault(key, deque(maxlen=PER_ADDRESS)).append(at)

    def succeeded(self, name: str, address: str) -> None:
        """Forget this pair's failures."""
        self._failures.pop((name, address), None)

    def pardon(self, name: str, before: datetime) -> None:
        """Forget an account's failures at every address from before somebody unlocked it."""
        passed = (now() - before).total_seconds()
        limit = time.monotonic() - passed
        for (who, address), seen in list(self._failures.items()):
            if who != name:
                continue
            forgiven = [at for at in seen if at <= limit]
            for at in forgiven:
                seen.remove(at)
                self._drop(("", address), at)

    def _drop(self, key: tuple[str, str], at: float) -> None:
        seen = self._failures.get(key)
        if seen is not None and at in seen:
            seen.remove(at)

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
