"""Limits per sender, so that none waits for another: bodies being read and open connections at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class NoPlace(Exception):
    """The sender has all its places taken."""


class Shares:
    """So many places for each sender; a further one waits for a place of its own sender, or is refused."""

    def __init__(self, each: int, wait: float = 0.0) -> None:
        self._each, self._wait = each, wait
        self._taken: Counter[str] = Counter()
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def waited(self, sender: str) -> AsyncIterator[None]:
        """A place, waited for; raises NoPlace when none is free in time."""
        async with self._freed:
            try:
                async with asyncio.timeout(self._wait):
                    await self._freed.wait_for(lambda: self._taken[sender] < self._each)
            except TimeoutError:
                raise NoPlace from None
            self._taken[sender] += 1
        try:
            yield
        finally:
            self._leave(sender)
            async with self._freed:
                self._freed.notify_all()

    @contextmanager
    def at_once(self, sender: str) -> Iterator[None]:
        """A place, if there is one now; else raises NoPlace."""
        if self._taken[sender] >= self._each:
            raise NoPlace
        self._taken[sender] += 1
        try:
            yield
        finally:
            self._leave(sender)

    def _leave(self, sender: str) -> None:
        self._taken[sender] -= 1
        if not self._taken[sender]:
            del self._taken[sender]
