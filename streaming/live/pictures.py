"""Which rooms have sound pictures 画面正常, whether or not an opening is on: written down every minute, a row a room and day."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from records.clock import day_of, now
from records.rooms import MOST_LOST
from records.serving.workers import Workers
from records.tables.broadcast import RoomPicture
from streaming.live.reading import Reader
from streaming.live.roster import Roster
from streaming.live.rounds import Rounds
from streaming.rooms.plane import MediaPlane, RoomStatus
from streaming.service import Service

EVERY_SECONDS = 60.0


class Pictures(Service):
    """Looks at the public rooms: M17 counts those whose camera was seen to work."""

    def __init__(self, roster: Roster, media: MediaPlane, reader: Reader, workers: Workers) -> None:
        self._roster, self._media, self._reader = roster, media, reader
        self._rounds = Rounds(workers, "room_pictures", self.look, EVERY_SECONDS)

    async def start(self) -> None:
        """Look now, and every minute."""
        self._rounds.start()

    async def stop(self) -> None:
        """Look a last time."""
        await self._rounds.stop()

    async def look(self) -> None:
        """Write down which rooms have a sound picture at this moment."""
        rooms = [
            room.id for room in self._roster.in_use() if room.public and sound(self._media.status(room.id))
        ]
        if rooms:
            instant = now()
            await self._reader.write(lambda session: _write(session, rooms, instant))


def sound(status: RoomStatus) -> bool:
    """Whether pictures come, and most of them whole."""
    return bool(status.publishing and status.video and status.fps > 0 and status.loss < MOST_LOST)


def _write(session: Session, rooms: list[str], instant: datetime) -> None:
    for room in rooms:
        session.merge(RoomPicture(room_id=room, day=day_of(instant), seen_at=instant))
