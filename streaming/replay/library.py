"""The replays there are: what of which opening may be watched again, put together when it is asked for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from messages import Message
from records.serving.problems import Problem
from records.tables.evidence import Gap, Recording, Segment
from streaming.live.covers import Covers
from streaming.live.logs import Logs
from streaming.live.reading import Reader
from streaming.live.register import OVER
from streaming.recording.mp4 import Damaged
from streaming.replay.cut import Cut, Cuts, cut
from streaming.replay.reels import Camera, Source, camera

CAMERAS = ("main", "far")
HELD = 8
"""Replays kept ready: some megabytes each, of the heads of its movies."""
LATE = timedelta(seconds=5)
"""How long after the end of an opening its last pictures may come to the disk."""

log = structlog.get_logger()

Opening = Mapping[str, Any]


@dataclass(frozen=True)
class Replay:
    """One opening to be watched again."""

    opening: Opening
    cut: Cut
    cameras: Mapping[str, Camera]
    """By name, the near one first; only those that show something."""
    events: Sequence[Mapping[str, Any]]
    """Its public events."""


@dataclass(frozen=True)
class RecordingsOfOpening:
    """The recordings of one opening as the ledger knows them: camera → files. `whole`: none is still being written."""

    files: Mapping[str, tuple[Source, ...]]
    whole: bool


class Library:
    """Puts replays together, each once while it is asked for."""

    def __init__(self, reader: Reader, logs: Logs, covers: Covers, data_dir: Path) -> None:
        self._reader, self._logs, self._covers = reader, logs, covers
        self._folder, self._cuts = data_dir / "recordings", Cuts(data_dir)
        self._held: OrderedDict[str, tuple[RecordingsOfOpening, Replay]] = OrderedDict()
        self._lock = asyncio.Lock()

    async def decide(self, opening: Opening) -> Cut | None:
        """What of an opening is shown again, decided now if it has not been; None while it is not over, or where nobody
        knows when it was."""
        if opening["state"] not in OVER or not (opening["started_at"] and opening["ended_at"]):
            return None
        held = await asyncio.to_thread(self._cuts.get, opening["id"])
        if held is not None:
            return held
        feed = await self._logs.get(opening["id"])
        room = str(opening["room"] or "")
        cover, lost = self._covers.get(room), self._covers.lost(room)
        made = cut(opening, feed.messages if feed else (), cover, lost)
        await asyncio.to_thread(self._cuts.keep, made)
        return made

    async def get(self, opening: Opening) -> Replay | None:
        """The replay of an opening; None where it has none. Problem 409 while it is not over or not all on disk."""
        decided = await self.decide(opening)
        if decided is None:
            if opening["state"] in OVER:
                return None
            raise Problem(409, Message("replay.not_over"))
        recordings = await self._reader.ask(lambda session: _recordings_of(session, opening, self._folder))
        if not recordings.files:
            return None
        if not recordings.whole:
            raise Problem(409, Message("replay.not_written"))
        async with self._lock:
            return await self._made(opening, decided, recordings)

    async def _made(self, opening: Opening, decided: Cut, recordings: RecordingsOfOpening) -> Replay | None:
        feed = await self._logs.get(opening["id"])
        held = self._held.get(opening["id"])
        if held is None or held[0] != recordings or held[1].cut != decided:
            cameras = await asyncio.to_thread(_cameras, recordings, decided)
            held = recordings, Replay(opening, decided, cameras, feed.messages if feed else ())
            self._held[opening["id"]] = held
            if len(self._held) > HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(opening["id"])
        return held[1] if held[1].cameras else None


def _cameras(recordings: RecordingsOfOpening, decided: Cut) -> dict[str, Camera]:
    made = {}
    for name, files in recordings.files.items():
        try:
            found = camera(files, decided)
        except (OSError, Damaged) as error:
            log.error("replay_not_made", camera=name, opening=decided.opening, error=type(error).__name__)
            continue
        if found.reels:
            made[name] = found
    return made


def _recordings_of(session: Session, opening: Opening, folder: Path) -> RecordingsOfOpening:
    query = select(Recording).where(Recording.session_id == opening["id"], Recording.bytes > 0)
    rows = list(session.scalars(query.order_by(Recording.started_at, Recording.id)))
    end = datetime.fromisoformat(str(opening["ended_at"])) + LATE
    whole = all(row.ended_at or _until(session, row) >= end for row in rows)
    files = {name: tuple(_source(session, r, folder) for r in rows if r.camera == name) for name in CAMERAS}
    return RecordingsOfOpening({name: found for name, found in files.items() if found}, whole)


def _until(session: Session, recording: Recording) -> datetime:
    """When the newest piece of a recording that is still written begins."""
    newest = session.scalar(select(func.max(Segment.started_at)).where(Segment.recording_id == recording.id))
    return newest or recording.started_at


def _source(session: Session, recording: Recording, folder: Path) -> Source:
    holes: Iterable[Gap] = session.scalars(
        select(Gap).where(Gap.recording_id == recording.id).order_by(Gap.seq)
    )
    gaps = tuple((hole.started_at, hole.ended_at) for hole in holes if hole.ended_at)
    return Source(folder / recording.path, recording.bytes, recording.started_at, gaps)
