"""Broadcast sessions 直播场次: the one thing the hub writes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.clock import now
from records.serving.workers import Workers
from records.tables.broadcast import BroadcastSession
from streaming.live.board import Board, moment
from streaming.live.reading import Reader
from streaming.live.rounds import Rounds
from streaming.service import Service

TICK_SECONDS = 1.0
SAVE_SECONDS = 30.0
"""How often the seconds on air of a running session are written down."""


@dataclass
class Airing:
    """One session as the hub holds it."""

    opening_id: str
    room_id: str
    state: str = "standby"
    live_at: datetime | None = None
    ended_at: datetime | None = None
    seconds_live: float = 0.0
    interruptions: int = 0
    sending: bool = False
    saved_at: float = 0.0
    dirty: bool = True

    def advance(self, opening_state: str, sending: bool, seconds: float, instant: datetime) -> None:
        """Account for `seconds` since the last look, then take over the new state.

        On air counts only while the opening is in progress and pictures arrive; losing them there is
        an interruption, at a pause it is not.
        """
        if self.state == "live" and self.sending:
            self.seconds_live += seconds
        if self.state == "live" and self.sending and not sending and opening_state == "in_progress":
            self.interruptions += 1
            self.dirty = True
        self.sending = sending
        state = self._next(opening_state)
        if state != self.state:
            self.state, self.dirty = state, True
        if state == "live" and self.live_at is None:
            self.live_at = instant

    def end(self, state: str, ended_at: datetime) -> None:
        """The opening is over."""
        if self.state != state:
            self.state, self.ended_at, self.dirty = state, self.ended_at or ended_at, True

    def _next(self, opening_state: str) -> str:
        if opening_state == "paused":
            return "paused" if self.live_at else "standby"
        if opening_state == "in_progress" and (self.sending or self.live_at):
            return "live"
        return "standby"


class Broadcaster(Service):
    """Keeps a session for every opening that is at its room."""

    def __init__(self, reader: Reader, board: Board, workers: Workers) -> None:
        self._reader, self._board = reader, board
        self._rounds = Rounds(workers, "broadcast_sessions", self.look, TICK_SECONDS)
        self._airings: dict[str, Airing] = {}
        self._looked = time.monotonic()

    async def start(self) -> None:
        """Take up the sessions a former process left open, then look every second."""
        rows = await self._reader.ask(_unfinished)
        self._airings = {row.opening_id: _airing(row) for row in rows}
        self._rounds.start(heals=False)

    async def stop(self) -> None:
        """Look a last time, the media plane having ended: nothing is on air any more."""
        await self._rounds.stop()

    async def look(self) -> None:
        """Bring the sessions to what the board shows and write down what changed."""
        instant, before = time.monotonic(), self._looked
        self._looked = instant
        for room in self._board.public_rooms():
            opening = self._board.current(room)
            if opening and opening["state"] in {"scheduled", "in_progress", "paused"}:
                airing = self._airings.setdefault(opening["id"], Airing(opening["id"], room))
                airing.advance(
                    self._board.airing(opening), self._board.publishing(room), instant - before, now()
                )
        for airing in self._airings.values():
            opening = self._board.openings.get(airing.opening_id)
            if opening and opening["state"] in {"ended", "cancelled"}:
                airing.end("ended", moment(opening["ended_at"]) or now())
            airing.dirty |= airing.state == "live" and instant - airing.saved_at > SAVE_SECONDS
        await self.save()

    async def save(self) -> None:
        """Write the changed sessions in one transaction; ended ones need no more looking after."""
        dirty = [airing for airing in self._airings.values() if airing.dirty]
        if dirty:
            await self._reader.write(lambda session: _write(session, dirty))
            for airing in dirty:
                airing.dirty, airing.saved_at = False, time.monotonic()
        self._airings = {key: a for key, a in self._airings.items() if a.state != "ended"}


def _unfinished(session: Session) -> list[BroadcastSession]:
    open_states = ("standby", "live", "paused")
    return list(session.scalars(select(BroadcastSession).where(BroadcastSession.state.in_(open_states))))


def _airing(row: BroadcastSession) -> Airing:
    return Airing(
        row.opening_id, row.room_id, row.state, row.live_at, row.ended_at, row.seconds_live,
        row.interruptions, dirty=False, saved_at=time.monotonic(),
    )  # fmt: skip


def _write(session: Session, airings: list[Airing]) -> None:
    for airing in airings:
        session.merge(
            BroadcastSession(
                id=airing.opening_id,
                opening_id=airing.opening_id,
                room_id=airing.room_id,
                state=airing.state,
                live_at=airing.live_at,
                ended_at=airing.ended_at,
                seconds_live=round(airing.seconds_live, 1),
                interruptions=airing.interruptions,
            )
        )
