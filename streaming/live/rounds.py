"""Rounds of work at the ledger: every few seconds one, and a last one when the hub ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from records.serving.workers import Worker, Workers

log = structlog.get_logger()


class Rounds:
    """Asks for a round of `work` every so many seconds. Where the ledger cannot be reached the next round makes up for
    it, since `work` keeps what is not written yet."""

    def __init__(
        self, workers: Workers, name: str, work: Callable[[], Awaitable[None]], seconds: float
    ) -> None:
        self._workers, self._name, self._work, self._seconds = workers, name, work, seconds
        self._task: asyncio.Task[None] | None = None

    def start(self, *, heals: bool = True) -> None:
        """Begin; `heals`: whether a new process would help where a round never ends."""
        self._task = self._workers.task(self._name, self._run, heals=heals)

    async def stop(self) -> None:
        """No more rounds, but a last one."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._round()

    async def _run(self, worker: Worker) -> None:
        while True:
            worker.beat()
            await self._round()
            await asyncio.sleep(self._seconds)

    async def _round(self) -> None:
        try:
            await self._work()
        except SQLAlchemyError as error:
            log.warning(f"{self._name}_not_written", error=type(error).__name__)
