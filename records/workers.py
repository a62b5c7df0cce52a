"""What a process cannot do without: its workers, threads and tasks alike, and whether each still lives and moves.

A worker gives a sign of life (`beat`) at every round, and says so when it has nothing to do (`rest`). One that has
ended, or that has been at the same piece of work for longer than its `patience`, is named by `troubles`; its process
answers `/healthz` with 503 and `replace` true, and the supervisor puts a new process in its place. What a worker
stumbles over does not end it: it says so in the log and begins again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

log = structlog.get_logger()

AGAIN = 1.0
"""Seconds before a worker that stumbled begins again."""


class Worker:
    """One worker as those see it who wait for its work. `beat` and `rest` may be called from any thread."""

    def __init__(self, name: str, patience: float) -> None:
        self.name, self.patience = name, patience
        self.alive: Callable[[], bool] = lambda: True
        self._busy_since: float | None = None

    def beat(self) -> None:
        """It moves: a new round, or a new piece of work."""
        self._busy_since = time.monotonic()

    def rest(self) -> None:
        """It waits for work, as long as it may take."""
        self._busy_since = None

    def trouble(self) -> str | None:
        """What is wrong with it, in words "zh / en"; None while all is well."""
        if not self.alive():
            return f"工作线程 {self.name} 已终止 / the worker {self.name} has ended"
        since = self._busy_since
        if since is None or (stuck := time.monotonic() - since) <= self.patience:
            return None
        return f"工作线程 {self.name} 已停滞 {stuck:.0f} 秒 / the worker {self.name} has been stuck for {stuck:.0f} s"


class Workers:
    """The workers of one process, or of one part of it."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}

    def troubles(self) -> dict[str, str]:
        """Name → what is wrong, of all that have ended or are stuck."""
        found = ((name, worker.trouble()) for name, worker in tuple(self._workers.items()))
        return {name: trouble for name, trouble in found if trouble}

    def thread(self, name: str, run: Callable[[Worker], None], patience: float) -> threading.Thread:
        """Start a thread that must live until `run` returns of itself."""
        worker = self._workers[name] = Worker(name, patience)
        thread = threading.Thread(target=self._in_thread, args=(worker, run), name=name, daemon=True)
        worker.alive = thread.is_alive
        thread.start()
        return thread

    def task(
        self, name: str, run: Callable[[Worker], Coroutine[Any, Any, None]], patience: float
    ) -> asyncio.Task[None]:
        """Start a task that must live until it is cancelled."""
        worker = self._workers[name] = Worker(name, patience)
        task = asyncio.create_task(self._in_task(worker, run), name=name)
        worker.alive = lambda: not task.done()
        return task

    def _in_thread(self, worker: Worker, run: Callable[[Worker], None]) -> None:
        while True:
            try:
                run(worker)
            except Exception as error:  # noqa: BLE001 — said, and begun again: nothing may end a worker
                _stumbled(worker, error)
                time.sleep(AGAIN)
            else:
                break
        self._workers.pop(worker.name, None)

    async def _in_task(self, worker: Worker, run: Callable[[Worker], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await run(worker)
            except asyncio.CancelledError:
                self._workers.pop(worker.name, None)
                raise
            except Exception as error:  # noqa: BLE001 — said, and begun again: nothing may end a worker
                _stumbled(worker, error)
            await asyncio.sleep(AGAIN)


def _stumbled(worker: Worker, error: Exception) -> None:
    """The kind of error and the line it came from; its words may hold what was sent to us."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
    log.error("worker_stumbled", worker=worker.name, cause=type(error).__name__, at=where)
