"""Recording 录像: one supervised ffmpeg a recorded room, its files, and their rows in the ledger.

What is kept, and when: ffmpeg copies the packets as they come into fragmented MP4 (WebM for VP8) and
flushes every fragment. Once a second a worker thread looks for closed fragments, forces them to the
disk (fdatasync), digests them and writes their rows in one transaction for all rooms; so the ledger
never speaks of bytes that a power cut could still take. When ffmpeg is killed, the next file begins
with the last two groups of pictures, held in memory: nothing is missing. When the hub is killed, the
kernel asks its ffmpegs to end, and they close their files; the next hub closes the rows.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import structlog
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from messages import Message
from records.clock import BEIJING
from records.filenames import file_name
from records.ledger import Ledger
from records.serving.workers import Worker, Workers
from records.tables.evidence import Recording
from streaming.machine import DiskGuard
from streaming.recording import ledger as recordings
from streaming.recording.file import RecordingFile, Source, end_leftover
from streaming.recording.ledger import Hole
from streaming.recording.mp4 import Damaged
from streaming.recording.roomrecorder import RoomRecorder
from streaming.recording.types import Plane, RecorderConfig, RecordingStatus, Wanted, Written
from streaming.rooms.subrooms import camera, main_room
from streaming.wire.codecs import OPUS

__all__ = ["Recorder", "RecorderConfig", "RecordingStatus"]

log = structlog.get_logger()

Result = TypeVar("Result")

KEYFRAME_SECONDS = 2.0

_FIGURES: dict[str, tuple[str, Callable[[RecordingStatus], float | None]]] = {
    "active": ("1 while the room is being recorded", lambda status: float(status.recording)),
    "bytes": ("bytes of the present file that are safe on disk", lambda status: float(status.bytes)),
    "fragment_age_seconds": ("seconds since the last closed fragment", lambda status: status.fragment_age),
    "dropped_packets": ("packets that did not reach the file", lambda status: float(status.dropped)),
    "gaps": ("spans without pictures since the hub began", lambda status: float(status.gaps)),
}
"""Figure of a room for Prometheus → what it is, and how it is taken from the status."""


@dataclass
class _Attached:
    """A room being recorded: `detach` takes the tap off, `wanted_at` when it was last wanted."""

    recorder: RoomRecorder
    detach: Callable[[], None]
    wanted_at: float


class Recorder:
    """Records the rooms that are wanted. Belongs to the event loop that ran `start`."""

    def __init__(
        self, media: Plane, ledger: Ledger, config: RecorderConfig, wanted: Wanted, workers: Workers
    ) -> None:
        self._media, self._ledger, self._config, self._wanted = media, ledger, config, wanted
        self.disk = DiskGuard(config.folder, config.limits, config.free_space)
        self.trouble: Message | None = None
        self._rooms: dict[str, _Attached] = {}
        self._files: dict[RecordingFile, RoomRecorder] = {}
        self._watches: set[asyncio.Task[None]] = set()
        self._stopping: set[asyncio.Task[None]] = set()
        self._reason: dict[str, str] = {}
        self._due: list[Callable[[Session], object]] = []
        self._fresh: list[Written] = []
        self._written: deque[Written] = deque()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._clock: asyncio.Task[None] | None = None
        self._workers = workers

    # -- life -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Close what a former process left, then begin to look every second. OSError: no such folder."""
        await self._work(self._recover)
        self._media.on_change(self._came_or_went)
        self._clock = self._workers.task("recorder", self._run, heals=False)

    async def stop(self) -> None:
        """End every file well and write its rows."""
        clock, self._clock = self._clock, None
        if clock:
            clock.cancel()
            await asyncio.gather(clock, return_exceptions=True)
        for room in list(self._rooms):
            self._leave(room)
        await asyncio.gather(*self._watches, *self._stopping, return_exceptions=True)
        await self._work(self._write)
        self._worker.shutdown()

    async def _run(self, worker: Worker) -> None:
        while True:
            worker.beat()
            await self.look()
            await asyncio.sleep(self._config.tick_seconds)

    async def look(self) -> None:
        """One round: who is to be recorded, what has been closed since, how the disk is."""
        try:
            if await self._work(self.disk.look) == "full":
                self._leave_all("disk")
            else:
                self._attend()
            await self._work(self._collect)
            self._report_written()
        except OSError as error:
            self._fail("recording.disk_failed", error)
        except Exception as error:  # whatever it is, the next round must come
            log.exception("recording.round_failed")
            self._fail("recording.round_failed", error)

    async def _work(self, task: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._worker, task)

    def _fail(self, event: str, error: Exception) -> None:
        self.trouble = Message("recording.cannot_write", error=type(error).__name__)
        log.error(event, error=str(error))

    # -- which rooms ------------------------------------------------------------------------------

    def _attend(self) -> None:
        for room in {*self._media.rooms(), *self._rooms}:
            self._consider(room)

    def _came_or_went(self, room: str) -> None:
        """A publisher that comes is recorded from its first picture, not from the next look."""
        if self._clock is not None and self.disk.state != "full":
            self._consider(room)

    def _consider(self, room: str) -> None:
        session_id, held, instant = self._wanted(room), self._rooms.get(room), time.monotonic()
        if held and session_id is not None and held.recorder.session_id != session_id:
            self._leave(room)
            held = None
        if held and session_id is not None:
            held.wanted_at = instant
            held.recorder.retry()
        elif held and instant - held.wanted_at > self._config.linger_seconds:
            self._leave(room)
            self._reason[room] = "source"
        elif held is None and session_id is not None:
            self._attach(room, session_id, instant)

    def _attach(self, room: str, session_id: str, instant: float) -> None:
        recorder = RoomRecorder(room, session_id, self._begin, lambda: self._media.status(room).audio == OPUS)
        recorder.on_hole = self._note_hole
        recorder.on_replaced = self._retire
        detach = self._media.tap(
            room, recorder, keyframe_every=KEYFRAME_SECONDS, kept=True, replay=recorder.packets
        )
        self._rooms[room] = _Attached(recorder, detach, instant)
        recorder.retry()

    def _leave(self, room: str) -> None:
        held = self._rooms.pop(room)
        held.detach()
        file = held.recorder.leave()
        if file:
            self._retire(file)

    def _leave_all(self, reason: str) -> None:
        for room in list(self._rooms):
            log.warning("recording.stopped", room=room, reason=reason, free=self.disk.free)
            self._leave(room)
            self._reason[room] = reason

    # -- files ------------------------------------------------------------------------------------

    def _begin(self, recorder: RoomRecorder, source: Source, started_at: datetime) -> RecordingFile | None:
        room, local = recorder.room, started_at.astimezone(BEIJING)
        identity = f"{room}-{local:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        relative = Path(file_name(room)) / f"{local:%Y-%m-%d}"
        try:
            (self._config.folder / relative).mkdir(parents=True, exist_ok=True)
            path = relative / f"{file_name(identity)}{recordings.SUFFIX[source.container]}"
            file = RecordingFile(
                identity, self._config.folder / path, source, started_at, self._config.fragment_seconds
            )
        except OSError as error:
            self._fail("recording.not_started", error)
            return None
        reason = self._reason.pop(room, "restart")
        row = {
            "id": identity,
            "session_id": recorder.session_id,
            "room_id": main_room(room),
            "camera": camera(room),
            "path": path.as_posix(),
            "container": source.container,
            "started_at": started_at,
            "retention_class": self._config.retention(recorder.session_id),
        }
        self._due.append(lambda session: _add(session, row, reason))
        self._files[file] = recorder
        watch = asyncio.create_task(self._watch(recorder, file))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)
        log.info("recording.started", room=room, recording=identity, sound=source.audio is not None)
        return file

    async def _watch(self, recorder: RoomRecorder, file: RecordingFile) -> None:
        """The life of a file: run, then its last pieces and the end of its row."""
        born = time.monotonic()
        await file.run()
        lived = time.monotonic() - born
        try:
            await self._work(lambda: self._settle(file))
            self._report_written()
        except (OSError, ValueError) as error:
            self._fail("recording.disk_failed", error)
        del self._files[file]
        recorder.ended(file, lived)
        log.info("recording.ended", room=recorder.room, recording=file.id, bytes=file.bytes)

    def _retire(self, file: RecordingFile) -> None:
        task = asyncio.create_task(file.stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    def _note_hole(self, file: RecordingFile, hole: Hole) -> None:
        self._due.append(lambda session: recordings.add_gap(session, file.id, hole))

    # -- in the worker thread ---------------------------------------------------------------------

    def _recover(self) -> None:
        self._config.folder.mkdir(parents=True, exist_ok=True)
        with self._ledger.read() as session:
            left = recordings.unfinished(session)
        for recording in left:
            end_leftover(self._config.folder / recording.path)
        with self._ledger.write() as session:
            for recording in recordings.unfinished(session):
                cut = recordings.recover(session, recording, self._config.folder)
                log.info("recording.recovered", recording=recording.id, bytes=recording.bytes, cut=cut)

    def _collect(self) -> None:
        for file in list(self._files):
            try:
                self._append(file, file.look())
            except Damaged as error:
                log.error("recording.damaged", recording=file.id, error=str(error))
        self._write()

    def _settle(self, file: RecordingFile) -> None:
        self._append(file, file.settle())
        self._due.append(lambda session: recordings.close(session, file.id))
        self._write()

    def _append(self, file: RecordingFile, pieces: list[recordings.Digested]) -> None:
        if not pieces:
            return
        self._due.append(lambda session: recordings.append(session, file.id, pieces))
        of, first = self._files[file], file.pieces - len(pieces)
        self._fresh.append(Written(of.room, of.session_id, file.id, file.started_at, first, pieces))

    def _write(self) -> None:
        """All that is due, in one transaction; what fails stays due."""
        due = list(self._due)
        if not due:
            return
        try:
            with self._ledger.write() as session:
                for write in due:
                    write(session)
        except SQLAlchemyError as error:
            self._fail("recording.ledger_failed", error)
            return
        del self._due[: len(due)]
        self._written.extend(self._fresh)
        self._fresh = []
        self.trouble = None

    def _report_written(self) -> None:
        """On the event loop: what has been written since the last time."""
        while self._written:
            self._config.on_written(self._written.popleft())

    # -- how it goes ------------------------------------------------------------------------------

    def status(self) -> dict[str, RecordingStatus]:
        """Every room that is being recorded, or is about to be."""
        return {room: _status(held.recorder) for room, held in self._rooms.items()}

    def metrics(self) -> Iterable[Metric]:
        """Prometheus families of the recording."""
        return families(self.status(), self.disk.free, bool(self.trouble))

    def message(self) -> Message | None:
        """What is wrong and what to do; None while all is well."""
        return self.trouble or self.disk.message


def _add(session: Session, row: dict[str, Any], reason: str) -> None:
    recording = Recording(**row)
    recordings.add(session, recording)
    if hole := recordings.gap_before(session, recording, reason):
        recordings.add_gap(session, recording.id, hole)


def _status(recorder: RoomRecorder) -> RecordingStatus:
    file = recorder.file
    return RecordingStatus(
        recording=file is not None,
        since=file.started_at if file else None,
        bytes=file.bytes if file else 0,
        fragment_age=time.monotonic() - file.piece_at if file else None,
        dropped=recorder.dropped,
        gaps=recorder.gaps,
        recording_id=file.id if file else None,
        pid=file.pid if file else None,
    )


def families(rooms: Mapping[str, RecordingStatus], free_bytes: int, trouble: bool) -> Iterable[Metric]:
    """One family a figure, one sample a room; the disk and whether anything is wrong."""
    for name, (text, figure) in _FIGURES.items():
        family = GaugeMetricFamily(f"sunbid_recording_{name}", text, labels=["room"])
        for room, status in rooms.items():
            if (value := figure(status)) is not None:
                family.add_metric([room], value)
        yield family
    yield GaugeMetricFamily(
        "sunbid_recording_free_bytes", "free bytes of the recordings' disk", value=free_bytes
    )
    yield GaugeMetricFamily(
        "sunbid_recording_trouble", "1 while recording cannot write", value=float(trouble)
    )
