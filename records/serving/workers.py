"""Workers of a process, threads and tasks alike, and its health: whether each of them still lives and moves.

A worker gives a sign of life (`beat`) at every round, and says so when it has nothing to do (`rest`). One that has
ended, or that has been at the same piece of work for longer than its `patience`, is named by `troubles`; its process
answers `/healthz` with 503, and with `replace` true where a new process would help: the supervisor then puts one in
its place. What a worker stumbles over does not end it: it says so in the log and begins again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import structlog

from messages import Message

log = structlog.get_logger()

ROUND = 60.0
"""Seconds a worker may be at one round, unless it says otherwise."""
AGAIN = 1.0
"""Seconds before a worker that stumbled begins again; twice as long after each further time in a row."""
LONGEST_AGAIN = 60.0
STEADY = 60.0
"""A worker that has gone on for so many seconds has got over what it stumbled over."""
OFTEN = 3
"""So many times in a row are told: the worker begins again, and does not get on."""


class Worker:
    """One worker as those see it who wait for its work. `beat` and `rest` may be called from any thread."""

    def __init__(self, name: str, patience: float, heals: bool) -> None:
        self.name, self.patience, self.heals = name, patience, heals
        self.alive: Callable[[], bool] = lambda: True
        self._busy_since: float | None = None
        self._begun = time.monotonic()
        self._stumbles = 0
        self._cause = ""

    def begin(self) -> None:
        """It begins, or begins again."""
        self._begun = time.monotonic()
        self.beat()

    def stumble(self, error: Exception) -> float:
        """It fell over something; after so many seconds it may begin again."""
        self._stumbles = 1 if time.monotonic() - self._begun > STEADY else self._stumbles + 1
        self._cause = type(error).__name__
        self.rest()
        _stumbled(self.name, error)
        return float(min(LONGEST_AGAIN, AGAIN * 2 ** (self._stumbles - 1)))

    def beat(self) -> None:
        """It moves: a new round, or a new piece of work."""
        self._busy_since = time.monotonic()

    def at_work_for(self, seconds: float) -> None:
        """It has been at its present piece of work for so long, as somebody else has seen; 0: it waits for work."""
        self._busy_since = time.monotonic() - seconds if seconds > 0 else None

    def rest(self) -> None:
        """It waits for work, as long as it may take."""
        self._busy_since = None

    @property
    def replaceable(self) -> bool:
        """Whether it is in trouble that a new process ends: a worker that waits for the ledger would wait there too."""
        return not self.alive() or (self.heals and self._stuck() > 0)

    def trouble(self) -> Message | None:
        """What is wrong with it; None while all is well."""
        if not self.alive():
            return Message("worker.ended", worker=self.name)
        if stuck := self._stuck():
            return Message("worker.stuck", worker=self.name, seconds=round(stuck))
        if self._stumbles >= OFTEN and time.monotonic() - self._begun <= STEADY:
            why = f"{self._stumbles} × {self._cause}"
            return Message("worker.failing", worker=self.name, why=why)
        return None

    def _stuck(self) -> float:
        """Seconds at the present piece of work, once they are more than its patience; else 0."""
        since = self._busy_since
        busy = 0.0 if since is None else time.monotonic() - since
        return busy if busy > self.patience else 0.0


class Workers:
    """The workers of one process, or of one part of it."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}

    def troubles(self) -> dict[str, Message]:
        """Name → what is wrong, of all that have ended or are stuck."""
        found = ((name, worker.trouble()) for name, worker in tuple(self._workers.items()))
        return {name: trouble for name, trouble in found if trouble}

    def replace(self) -> bool:
        """Whether a new process would help."""
        return any(worker.replaceable for worker in tuple(self._workers.values()))

    def state(self) -> dict[str, Any]:
        """All of it, as `/healthz` and the watch's sign of life tell it."""
        troubles = self.troubles()
        detail = (
            {"detail": "；".join(message.in_every_language() for message in troubles.values())}
            if troubles
            else {}
        )
        return {"status": "failing" if troubles else "ok", "replace": self.replace(), **detail}

    def thread(
        self, name: str, run: Callable[[Worker], None], patience: float = ROUND, *, heals: bool = True
    ) -> threading.Thread:
        """Start a thread that must live until `run` returns of itself."""
        worker = self._workers[name] = Worker(name, patience, heals)
        thread = threading.Thread(target=self._in_thread, args=(worker, run), name=name, daemon=True)
        worker.alive = thread.is_alive
        thread.start()
        return thread

    def task(
        self, name: str, run: Callable[[Worker], Coroutine[Any, Any, None]], patience: float = ROUND, *,
        heals: bool = True,
    ) -> asyncio.Task[None]:  # fmt: skip
        """Start a task that must live until it is cancelled."""
        worker = self._workers[name] = Worker(name, patience, heals)
        task = asyncio.create_task(self._in_task(worker, run), name=name)
        worker.alive = lambda: not task.done()
        return task

    def foreign(self, name: str, patience: float = ROUND, *, heals: bool = True) -> Worker:
        """One that Python does not run: whoever watches it says how it does, by `at_work_for`."""
        worker = self._workers[name] = Worker(name, patience, heals)
        return worker

    def _forget(self, worker: Worker) -> None:
        if self._workers.get(worker.name) is worker:
            del self._workers[worker.name]

    def _in_thread(self, worker: Worker, run: Callable[[Worker], None]) -> None:
        while True:
            worker.begin()
            try:
                run(worker)
            except Exception as error:  # noqa: BLE001 — said, and begun again: nothing may end a worker
                time.sleep(worker.stumble(error))
            else:
                break
        self._forget(worker)

    async def _in_task(self, worker: Worker, run: Callable[[Worker], Coroutine[Any, Any, None]]) -> None:
        while True:
            worker.begin()
            pause = AGAIN
            try:
                await run(worker)
            except asyncio.CancelledError:
                self._forget(worker)
                raise
            except Exception as error:  # noqa: BLE001 — said, and begun again: nothing may end a worker
                pause = worker.stumble(error)
            await asyncio.sleep(pause)


def _stumbled(name: str, error: Exception) -> None:
    """The kind of error and the line it came from; its words may hold what was sent to us."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
    log.error("worker_stumbled", worker=name, cause=type(error).__name__, at=where)


SIGN_EVERY = 2.0
"""Seconds between two signs of life."""


class SignOfLife:
    """How a process without a port says how it is: a file, touched every two seconds."""

    def __init__(self, path: Path) -> None:
        self._path, self._said = path, b""

    def give(self, state: Mapping[str, Any]) -> None:
        """Say how it is (`Workers.state`). On a full disk at least the file's time moves."""
        text = json.dumps(state, ensure_ascii=False).encode()
        try:
            if text != self._said or not self._path.exists():
                self._path.parent.mkdir(parents=True, exist_ok=True)
                part = self._path.with_name(f"{self._path.name}.part")
                part.write_bytes(text)
                part.replace(self._path)
                self._said = text
            os.utime(self._path)
        except OSError as error:
            log.warning("sign_of_life_not_given", error=error.strerror)
            with contextlib.suppress(OSError):
                os.utime(self._path)
