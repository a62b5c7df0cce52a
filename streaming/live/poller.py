"""The one task that asks the ledger for news, and wakes whoever waits for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import structlog
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy.exc import SQLAlchemyError

from messages import Message
from records.clock import now, today
from records.ledger import WAL_LARGE
from records.serving.workers import Worker, Workers
from streaming.live.board import Board
from streaming.live.logs import Logs
from streaming.live.reading import Reader, hidden_openings, new_public_rows
from streaming.live.roster import REFRESH_SECONDS, Roster
from streaming.service import Checks, Service, Trouble

BATCH = 2000
LAG_LIMIT = 1.0
"""Seconds the event loop may be late before the hub calls itself unwell."""
_OF_OPENINGS = frozenset({"opening", "opening_event"})

log = structlog.get_logger()


class Poller(Service):
    """Every 200 ms one cheap indexed query for the whole process, however many subscribers there are.

    `withdraw(room, token digest or None)` hears of rights to publish that have ended.
    """

    def __init__(
        self, reader: Reader, roster: Roster, board: Board, logs: Logs, workers: Workers, seconds: float,
        withdraw: Callable[[str, str | None], None],
    ) -> None:  # fmt: skip
        self._reader, self._roster, self._board, self._logs = reader, roster, board, logs
        self._workers, self._seconds, self._withdraw = workers, seconds, withdraw
        self._task: asyncio.Task[None] | None = None
        self._news = new_public_rows()
        self._hidden: dict[str, datetime] = {}
        """Opening → when its newest state becomes public."""
        self._rooms_at = 0.0
        self.unreadable: str | None = None
        """Why the ledger cannot be read, or None while it can."""
        self.lag = 0.0
        """Seconds by which the event loop woke this task too late, decaying maximum."""

    async def start(self) -> None:
        """Read what stands, then follow; raises the database's error, since a hub without a ledger has nothing to
        show."""
        await self._reader.ask(self._news.from_the_end)
        await self._roster.refresh()
        self._rooms_at = time.monotonic()
        await self._board.load()
        self._hidden = await self._reader.ask(hidden_openings)
        self._task = self._workers.task("poller", self._run, heals=False)

    async def stop(self) -> None:
        """Follow no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def trouble(self) -> Checks:
        """The ledger, its log, and the event loop, which this task feels first."""
        return {"ledger": self._ledger(), "ledger_log": self._ledger_log(), "loop": self._loop()}

    def metrics(self) -> Iterable[Metric]:
        """How late the event loop is."""
        yield GaugeMetricFamily("sunbid_hub_loop_lag_seconds", "event loop lateness", self.lag)

    def _ledger(self) -> Trouble | None:
        why = self.unreadable
        if not why:
            return None
        return Trouble(Message("trouble.ledger", error=why), Message("trouble.ledger_remedy"))

    def _ledger_log(self) -> Trouble | None:
        size = self._reader.ledger.log_bytes()
        if size < WAL_LARGE:
            return None
        return Trouble(Message("trouble.ledger_log", mib=size >> 20), Message("trouble.ledger_log_remedy"))

    def _loop(self) -> Trouble | None:
        if self.lag <= LAG_LIMIT:
            return None
        return Trouble(Message("trouble.loop", seconds=f"{self.lag:.1f}"), Message("trouble.loop_remedy"))

    async def _run(self, worker: Worker) -> None:
        """Poll until cancelled; an unreachable ledger is waited for."""
        while True:
            worker.beat()
            try:
                full = await self._round()
                if self.unreadable:
                    log.info("ledger_back")
                    self.unreadable = None
            except SQLAlchemyError as error:
                full = False
                if not self.unreadable:
                    log.error("ledger_unreachable", error=type(error).__name__)
                self.unreadable = type(error).__name__
            await self._pause(0.0 if full else 1.0 if self.unreadable else self._seconds)

    async def _pause(self, seconds: float) -> None:
        before = time.monotonic()
        await asyncio.sleep(seconds)
        self.lag = max(time.monotonic() - before - seconds, self.lag * 0.98)

    async def _round(self) -> bool:
        """One look; True if there is more to read at once."""
        found = await self._reader.ask(lambda s: self._news.poll(s, BATCH))
        await self._logs.catch_up(
            {row.subject for row in found if row.topic in _OF_OPENINGS} | set(self._logs.due(now()))
        )
        await self._board.update(
            {row.subject for row in found if row.topic == "opening"} | self._come_of_age(found)
        )
        await self._board.update_projects({row.subject for row in found if row.topic == "project"})
        await self._housekeeping()
        self._board.look()
        return len(found) == BATCH

    def _come_of_age(self, found: Iterable[Any]) -> set[str]:
        """Openings whose hidden state becomes public now; those of `found` are remembered until they do."""
        moment = now()
        hidden = {
            row.subject: row.visible_from
            for row in found
            if row.topic == "opening" and row.visible_from > moment
        }
        self._hidden |= hidden
        due = {subject for subject, since in self._hidden.items() if since <= moment}
        self._hidden = {subject: since for subject, since in self._hidden.items() if subject not in due}
        return due

    async def _housekeeping(self) -> None:
        if time.monotonic() - self._rooms_at < REFRESH_SECONDS:
            return
        self._rooms_at = time.monotonic()
        for ended in await self._roster.refresh():
            self._withdraw(ended.room, ended.token_hash)
        self._logs.sweep()
        if today() != self._board.day:
            await self._board.load()
