"""Senders of records: who they are, by their bearer tokens, and their limits: bodies being read and open connections at a
time, so that none waits for another."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from messages import Message
from records import sources
from records.ledger import Ledger
from records.serving.problems import Problem

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sunbid intake"'}


def bearer(header: str | None) -> str | None:
    """The token of an Authorization header, or None."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _find(ledger: Ledger, token: str) -> tuple[str, bool] | None:
    with ledger.read() as session:
        source = sources.by_token(session, token)
        return None if source is None else (source.name, source.enabled)


async def source_of(ledger: Ledger, token: str | None) -> str:
    """The name of the source a token belongs to; raises Problem 401 (no or unknown token), 403 (disabled)."""
    if not token:
        raise Problem(401, Message("intake.token_wanted"), _CHALLENGE)
    found = await asyncio.to_thread(_find, ledger, token)
    if found is None:
        raise Problem(401, Message("intake.token_unknown"), _CHALLENGE)
    name, enabled = found
    if not enabled:
        raise Problem(403, Message("intake.source_disabled", name=name))
    return name


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
