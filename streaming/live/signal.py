"""A signal many tasks can wait for: a version number and an event that is replaced at every change."""

from __future__ import annotations

import asyncio


class Signal:
    """Wakes every waiting task at each `notify`; whoever was busy meanwhile sees it by the version."""

    def __init__(self) -> None:
        self.version = 0
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Announce a change."""
        self.version += 1
        self._event.set()
        self._event = asyncio.Event()

    async def newer(self, version: int, timeout: float | None = None) -> int:
        """Wait until the version differs from `version`; returns the present one (the same on timeout)."""
        if self.version == version:
            try:
                await asyncio.wait_for(self._event.wait(), timeout)
            except TimeoutError:
                return self.version
        return self.version
