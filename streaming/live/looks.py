"""Viewings 查看 of non-public rooms: from when to when the picture was sent to somebody with a view token of the desk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from records.clock import now
from records.serving.workers import Workers
from records.tables.witnessing import RoomView
from streaming.live.reading import Reader
from streaming.live.roster import Roster
from streaming.live.rounds import Rounds
from streaming.rooms.peer import Peer
from streaming.service import Service

TICK_SECONDS = 1.0
SEEN_SECONDS = 10.0
"""How often it is written down that a look goes on: a hub that is killed loses no more of it."""


@dataclass
class Viewing:
    """One session of a viewer with a view token."""

    peer: Peer
    room: str
    viewer: str
    look: str
    began_at: datetime | None = None
    ended_at: datetime | None = None
    written_at: datetime | None = None

    def observe(self, instant: datetime) -> None:
        """Take over whether pictures may be flowing, at an instant."""
        if self.began_at is None and self.peer.handshake_seconds is not None:
            self.began_at = instant
        if self.ended_at is None and self.peer.closed is not None:
            self.ended_at = instant

    def due(self, instant: datetime) -> bool:
        """Whether the ledger is to be told."""
        if self.began_at is None:
            return False
        fresh = self.written_at is None or (instant - self.written_at).total_seconds() >= SEEN_SECONDS
        return fresh or self.ended_at is not None

    def row(self, instant: datetime) -> RoomView:
        """What the ledger is told."""
        assert self.began_at is not None
        return RoomView(
            session=self.peer.id, look_id=self.look, room_id=self.room, viewer=self.viewer, began_at=self.began_at,
            seen_at=self.ended_at or instant, ended_at=self.ended_at,
        )  # fmt: skip


class Looks(Service):
    """Writes down every look at a room that is not public."""

    def __init__(self, roster: Roster, reader: Reader, workers: Workers) -> None:
        self._reader = reader
        self._viewings: dict[str, Viewing] = {}
        self._rounds = Rounds(workers, "looks", self._write, TICK_SECONDS)
        roster.on_watched = self.watched

    def watched(self, room: str, peer: Peer, viewer: str, look: str) -> None:
        """A viewer with a view token has joined a room."""
        one = self._viewings[peer.id] = Viewing(peer, room, viewer, look)
        peer.on_closed.append(lambda _: one.observe(now()))

    async def start(self) -> None:
        """End what a hub before this one left open, then follow the viewers."""
        await self._reader.write(_end_left)
        self._rounds.start()

    async def stop(self) -> None:
        """Write down that all have ended."""
        for one in self._viewings.values():
            one.ended_at = one.ended_at or now()
        await self._rounds.stop()

    async def _write(self) -> None:
        instant = now()
        for one in self._viewings.values():
            one.observe(instant)
        due = [one for one in self._viewings.values() if one.due(instant)]
        if due:
            rows = [one.row(instant) for one in due]
            await self._reader.write(lambda session: _merge(session, rows))
            for one in due:
                one.written_at = instant
        over = [key for key, one in self._viewings.items() if one.ended_at and one not in due]
        over += [one.peer.id for one in due if one.ended_at]
        for key in over:
            del self._viewings[key]


def _merge(session: Session, rows: list[RoomView]) -> None:
    for row in rows:
        session.merge(row)


def _end_left(session: Session) -> None:
    session.execute(update(RoomView).where(RoomView.ended_at.is_(None)).values(ended_at=RoomView.seen_at))
