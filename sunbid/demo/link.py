"""Client of the intake for the demonstration: sends records in order, resends what was not answered, never twice for good."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterable

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from sunbid.demo.envelopes import Envelope

log = structlog.get_logger()

WINDOW = 200
"""Records under way at a time."""
RETRY = 0.5


class Link:
    """A WebSocket to the intake that survives the intake's restarts."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.replace("http", "ws", 1) + "/records"
        self.token = token
        self.accepted = 0
        self.refused = 0
        self._waiting: deque[tuple[Envelope, asyncio.Future[str]]] = deque()
        self._unanswered: deque[tuple[Envelope, asyncio.Future[str]]] = deque()
        self._some = asyncio.Event()

    async def send(self, envelopes: Iterable[Envelope]) -> None:
        """Send records in order and wait until every one is answered."""
        futures = []
        for envelope in envelopes:
            future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            self._waiting.append((envelope, future))
            futures.append(future)
        self._some.set()
        await asyncio.gather(*futures)

    async def run(self) -> None:
        """Keep the connection up for ever."""
        while True:
            try:
                header = {"Authorization": f"Bearer {self.token}"}
                async with connect(self.url, additional_headers=header, proxy=None) as socket:
                    await self._converse(socket)
            except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake) as error:
                log.warning("demo.intake_away", error=type(error).__name__, unanswered=len(self._unanswered))
                self._waiting.extendleft(reversed(self._unanswered))
                self._unanswered.clear()
                await asyncio.sleep(RETRY)

    async def _converse(self, socket: ClientConnection) -> None:
        """Write and read until either fails; raises what failed first."""
        tasks = [asyncio.create_task(self._read(socket)), asyncio.create_task(self._write(socket))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            self._some.clear()
            while self._waiting and len(self._unanswered) < WINDOW:
                self._unanswered.append(self._waiting.popleft())
                await socket.send(json.dumps(self._unanswered[-1][0], ensure_ascii=False))
            await self._some.wait()

    async def _read(self, socket: ClientConnection) -> None:
        async for message in socket:
            answer = json.loads(message)
            envelope, future = self._unanswered.popleft()
            if answer["status"] == "rejected":
                self.refused += 1
                log.error(
                    "demo.refused", kind=envelope["kind"], key=answer["key"], reason=answer.get("reason")
                )
            else:
                self.accepted += 1
            if not future.done():
                future.set_result(answer["status"])
            self._some.set()
        raise ConnectionError("intake closed the connection")
