"""How openings are watched 观看: what the viewers' pages tell while a picture plays, added up opening by opening.

A page calls itself by a chance number that lives as long as the page; who watches, and from where, is not written down.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from messages import Message
from records.clock import now
from records.current import RUNNING
from records.histogram import class_of, together
from records.serving.problems import Problem
from records.serving.requests import body, json_object, network, plain
from records.serving.workers import Workers
from records.tables.broadcast import Viewing
from streaming.live.board import Board
from streaming.live.reading import Reader
from streaming.live.rounds import Rounds
from streaming.service import Service

BEAT = 15.0
"""Seconds between two words of a page (web pages: `viewing.js`)."""
GONE = 3 * BEAT
"""Seconds after which a page that has fallen silent is watched no more."""
WRITE_SECONDS = 10.0
LARGEST = 1 << 10
"""Bytes of one word."""
LONGEST_NAME, KEY = 40, 200
"""Characters of a page's number, and of an opening's key."""
_WORDS = RateLimitItemPerMinute(1_200, namespace="viewing-words")
_NEW = RateLimitItemPerHour(600, namespace="viewing-new")
"""From one address: an office of three hundred viewers is let through, a program that counts itself up is not."""


@dataclass(frozen=True)
class Word:
    """What a page tells: how long its picture has played since its last word, how soon it came and how late it is."""

    viewer: str
    opening: str
    known: bool
    """Whether an earlier word of this page was taken, perhaps by a hub before this one."""
    left: bool
    seconds: float
    first_frame: float | None
    delay: float | None

    @classmethod
    def read(cls, given: dict[str, Any]) -> Word:
        """Problem 400 for what no page of ours says."""
        return cls(
            _name(given, "viewer", LONGEST_NAME), _name(given, "opening", KEY), given.get("known") is True, given.get("left") is True,
            _seconds(given, "seconds") or 0.0, _seconds(given, "first_frame"), _seconds(given, "delay"),
        )  # fmt: skip


def _name(given: dict[str, Any], name: str, most: int) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= most or not plain(value):
        raise Problem(400, Message("viewing.no_word", name=name))
    return value


def _seconds(given: dict[str, Any], name: str) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise Problem(400, Message("viewing.no_word", name=name))
    return float(value)


@dataclass
class Audience:
    """Who watches one opening now, and what has been counted of it."""

    opening: str
    viewers: int = 0
    peak: int = 0
    seconds: float = 0.0
    first_frames: Counter[int] = field(default_factory=Counter)
    delays: Counter[int] = field(default_factory=Counter)
    present: dict[str, float] = field(default_factory=dict)
    """Viewer → when the last word came (seconds of time.monotonic), the longest silent first."""
    changed: bool = False

    def hear(self, word: Word, instant: float) -> None:
        """Take a word in. No page has watched for longer than since its last word, whatever it says."""
        last = self.present.pop(word.viewer, None)
        if last is None and not word.known:
            self.viewers += 1
            if word.first_frame is not None:
                self.first_frames[class_of(word.first_frame)] += 1
        self.seconds += min(word.seconds, BEAT if last is None else instant - last)
        if word.delay is not None:
            self.delays[class_of(word.delay)] += 1
        self.forget_silent(instant)
        self.peak = max(self.peak, len(self.present) + 1)
        if not word.left:
            self.present[word.viewer] = instant
        self.changed = True

    def forget_silent(self, instant: float) -> None:
        """Leave out who has said nothing for too long."""
        while self.present and instant - next(iter(self.present.values())) > GONE:
            del self.present[next(iter(self.present))]

    def row(self) -> Viewing:
        """What the ledger is told."""
        return Viewing(
            opening_id=self.opening, viewers=self.viewers, peak=self.peak, seconds=round(self.seconds, 1),
            first_frames=_classes(self.first_frames), delays=_classes(self.delays), updated_at=now(),
        )  # fmt: skip

    @classmethod
    def of(cls, row: Viewing) -> Audience:
        """What a hub before this one has counted."""
        counted = (together([row.first_frames]), together([row.delays]))
        return cls(row.opening_id, row.viewers, row.peak, row.seconds, *counted)


def _classes(counts: Counter[int]) -> dict[str, int]:
    return {str(number): count for number, count in sorted(counts.items())}


class Viewings(Service):
    """Takes the pages' words at `/api/viewings` and writes down what they come to."""

    def __init__(self, reader: Reader, board: Board, workers: Workers) -> None:
        self._reader, self._board = reader, board
        self._audiences: dict[str, Audience] = {}
        self._limits = FixedWindowRateLimiter(MemoryStorage())
        self._rounds = Rounds(workers, "viewings", self.save, WRITE_SECONDS)

    def routes(self) -> list[Route]:
        """The one address."""
        return [Route("/api/viewings", self.take, methods=["POST"])]

    async def take(self, request: Request) -> Response:
        """A word of a page: 204 once it is counted, 409 where nothing is on that could be watched, 429 too many."""
        place = network(request.client.host if request.client else "")
        if not self._limits.hit(_WORDS, place):
            raise Problem(429, Message("viewing.too_many"), {"Retry-After": "60"})
        word = Word.read(json_object(await body(request, LARGEST)))
        if not self._running(word.opening) and word.opening not in self._audiences:
            raise Problem(409, Message("viewing.not_running"))
        if not word.known and not self._limits.hit(_NEW, place):
            raise Problem(429, Message("viewing.too_many"), {"Retry-After": "3600"})
        self._audiences.setdefault(word.opening, Audience(word.opening)).hear(word, time.monotonic())
        return Response(status_code=204, headers={"cache-control": "no-store"})

    def _running(self, opening: str) -> bool:
        held = self._board.openings.get(opening)
        return held is not None and held["state"] in RUNNING

    async def start(self) -> None:
        """Go on from what was counted of the openings that are running, then write every few seconds."""
        running = [opening for opening in self._board.openings if self._running(opening)]
        rows = await self._reader.ask(lambda session: _counted(session, running))
        self._audiences = {row.opening_id: Audience.of(row) for row in rows}
        self._rounds.start()

    async def stop(self) -> None:
        """Write down what is not yet."""
        await self._rounds.stop()

    async def save(self) -> None:
        """Write what has changed; an opening that is over is kept until its last viewer has told the rest."""
        changed = [audience for audience in self._audiences.values() if audience.changed]
        if changed:
            rows = [audience.row() for audience in changed]
            await self._reader.write(lambda session: _write(session, rows))
            for audience in changed:
                audience.changed = False
        for audience in self._audiences.values():
            audience.forget_silent(time.monotonic())
        self._audiences = {
            key: one
            for key, one in self._audiences.items()
            if self._running(key) or one.changed or one.present
        }


def _counted(session: Session, openings: list[str]) -> list[Viewing]:
    return list(session.scalars(select(Viewing).where(Viewing.opening_id.in_(openings))))


def _write(session: Session, rows: list[Viewing]) -> None:
    for row in rows:
        session.merge(row)
