"""Group commit: one thread writes what all connections send, many records to a transaction.

A record is answered only after its transaction is on disk. While the queue is full nobody reads
from the sockets, so the pressure reaches the senders.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from ingest.apply.envelopes import Answer, Entry, commit, prepare
from messages import Fault, Message
from records.ledger import Ledger
from records.serving.workers import Worker, Workers

log = structlog.get_logger()

Deliver = Callable[[list[Answer] | None], None]
"""Called in the event loop with the answers of one piece of work, or None if the database failed."""


class Unavailable(Fault):
    """Records are not taken now; they are to be sent again."""


@dataclass(slots=True)
class Work:
    """Records of one source that were handed in together."""

    source: str
    raws: Sequence[Any]
    deliver: Deliver


@dataclass(frozen=True, slots=True)
class Committed:
    """What one transaction did, for the metrics."""

    records: int
    seconds: float
    failed: bool


class Writer:
    """The one writer of an intake process. `start` and `stop` frame its life, in the event loop."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        key: bytes | None = None,
        batch: int = 2_000,
        queue: int = 20_000,
        observe: Callable[[Committed], None] = lambda _: None,
        workers: Workers | None = None,
        patience: float = 90.0,
    ) -> None:
        self._ledger, self._key, self._batch, self._limit = ledger, key, batch, queue
        self._observe, self._workers, self._patience = observe, workers or Workers(), patience
        self._line: deque[Work] = deque()
        self._waiting = 0
        self._share = max(queue // 4, 1)
        """Records of one source that may wait: the rest of the line stays free for the others."""
        self._by_source: Counter[str] = Counter()
        self._ready = threading.Condition()
        self._closing = False
        self._space = asyncio.Event()
        self._space.set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Records handed in and not yet answered."""
        return self._waiting

    def start(self) -> None:
        """Start the thread; called inside the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = self._workers.thread("intake-writer", self._run, self._patience)

    async def stop(self) -> None:
        """Write what is queued, then end the thread."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    async def put(self, source: str, raws: Sequence[Any], deliver: Deliver) -> None:
        """Hand records in, waiting while the queue is full; raises Unavailable when closing."""
        while self._full(source) and not self._closing:
            self._space.clear()
            await self._space.wait()
        if self._closing:
            raise Unavailable(Message("intake.stopping"))
        self._waiting += len(raws)
        self._by_source[source] += len(raws)
        with self._ready:
            self._line.append(Work(source, raws, deliver))
            self._ready.notify()

    def _full(self, source: str) -> bool:
        return self._waiting >= self._limit or self._by_source[source] >= self._share

    async def submit(self, source: str, raws: Sequence[Any]) -> list[Answer]:
        """Hand records in and wait for their answers; raises Unavailable if they could not be kept."""
        done: asyncio.Future[list[Answer] | None] = asyncio.get_running_loop().create_future()
        await self.put(source, raws, lambda answers: None if done.done() else done.set_result(answers))
        answers = await done
        if answers is None:
            raise Unavailable(Message("intake.database_away"))
        return answers

    def _run(self, worker: Worker) -> None:
        while works := self._next(worker):
            started = time.perf_counter()
            answers = self._commit(works)
            worker.beat()
            count = sum(len(work.raws) for work in works)
            if self._loop and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._deliver, works, answers, count)
            self._observe(Committed(count, time.perf_counter() - started, answers is None))

    def _next(self, worker: Worker) -> list[Work]:
        with self._ready:
            while not self._line and not self._closing:
                worker.rest()
                self._ready.wait()
            worker.beat()
            works: list[Work] = []
            count = 0
            while self._line and (not works or count + len(self._line[0].raws) <= self._batch):
                works.append(self._line.popleft())
                count += len(works[-1].raws)
            return works

    def _commit(self, works: list[Work]) -> list[Answer] | None:
        """The answers; None if nothing is written now, whatever the reason: it is to be sent again."""
        try:
            entries: list[Entry] = [prepare(w.source, raw, self._key) for w in works for raw in w.raws]
            return commit(self._ledger, entries)
        except Exception as error:  # noqa: BLE001 — the senders hear of it, the next ones are served
            cause = type(getattr(error, "orig", None) or error).__name__
            log.error("intake.not_written", cause=cause, records=sum(len(work.raws) for work in works))
            return None

    def _deliver(self, works: list[Work], answers: list[Answer] | None, count: int) -> None:
        self._waiting -= count
        for work in works:
            self._by_source[work.source] -= len(work.raws)
        self._space.set()
        start = 0
        for work in works:
            end = start + len(work.raws)
            if self._loop:  # each by itself: one that fails keeps no answer from the others
                self._loop.call_soon(work.deliver, None if answers is None else answers[start:end])
            start = end
