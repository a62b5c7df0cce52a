"""Feeds of openings in memory: one gapless list an opening, shared by all its subscribers and pages."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from records.public import rows as public
from streaming.live.reading import Reader, next_due
from streaming.live.signal import Signal
from streaming.live.story import Story

KEEP_SECONDS = 300.0


class OpeningLog:
    """All visible events of one opening, in order, from seq 1."""

    def __init__(self, opening_id: str, vat: str | None = None) -> None:
        self.id = opening_id
        self.messages: list[dict[str, Any]] = []
        self.texts: list[str] = []
        """The messages as sent, encoded once for all subscribers."""
        self.story = Story(vat)
        self.signal = Signal()
        self.due: datetime | None = None
        """When the first event still hidden becomes visible."""
        self.subscribers = 0
        self.pinned = False
        self.ready = False
        """Whether what stood in the ledger when it was asked for has been read."""
        self.used = time.monotonic()

    def extend(self, messages: Iterable[dict[str, Any]]) -> int:
        """Append what continues the list without a gap; returns how many."""
        added = 0
        for message in messages:
            if message["seq"] <= len(self.messages):
                continue
            if message["seq"] != len(self.messages) + 1:
                break
            self.messages.append(message)
            self.texts.append(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
            self.story.add(message)
            added += 1
        if added:
            self.signal.notify()
        return added

    @property
    def idle(self) -> bool:
        """Whether nobody needs it in memory any more."""
        return not (self.subscribers or self.pinned) and time.monotonic() - self.used > KEEP_SECONDS


class Logs:
    """The feeds in use."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._logs: dict[str, OpeningLog] = {}

    def held(self, opening_id: str) -> OpeningLog | None:
        """The log if it is in memory."""
        return self._logs.get(opening_id)

    async def get(self, opening_id: str) -> OpeningLog | None:
        """The log of an opening, read if need be; None if the public knows no such opening."""
        log = self._logs.get(opening_id)
        if log is None:
            known = await self._reader.ask(lambda session: public.latest(session, "opening", opening_id))
            if known is None:
                return None
            log = self._logs.setdefault(opening_id, OpeningLog(opening_id, known.get("vat")))
        if not log.ready:
            await self.catch_up([opening_id])
            log.ready = True
        log.used = time.monotonic()
        return log

    async def catch_up(self, opening_ids: Iterable[str]) -> None:
        """Read what is new in the held logs among `opening_ids`."""
        wanted = {key: len(self._logs[key].messages) for key in opening_ids if key in self._logs}
        if not wanted:
            return
        found = await self._reader.ask(lambda session: _news(session, wanted))
        for key, (messages, due) in found.items():
            if log := self._logs.get(key):
                log.extend(messages)
                log.due = due

    def due(self, moment: datetime) -> list[str]:
        """Held logs with a hidden event whose time has come."""
        return [log.id for log in self._logs.values() if log.due and log.due <= moment]

    def pin(self, opening_ids: set[str]) -> None:
        """Keep exactly these logs in memory whether or not anybody reads them."""
        for log in self._logs.values():
            log.pinned = log.id in opening_ids

    def sweep(self) -> None:
        """Forget logs that nobody has used for a while."""
        for key in [key for key, log in self._logs.items() if log.idle]:
            del self._logs[key]


def _news(
    session: Session, wanted: dict[str, int]
) -> dict[str, tuple[list[dict[str, Any]], datetime | None]]:
    return {
        key: (list(public.opening_events(session, key, after)), next_due(session, key, after))
        for key, after in wanted.items()
    }
