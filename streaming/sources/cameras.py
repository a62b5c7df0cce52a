"""Cameras of the rooms: pulled as the ledger says, each kept alive with a growing pause.

`Room.rtsp_url` holds one address or two with a space between: the near and the far camera. An address
with "#transcode" behind it may be coded anew where its pictures cannot be passed on (H.265, B-frames).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from messages import Invalid, Message, languages
from records.clock import BEIJING, now, rfc3339
from records.serving.workers import Worker, Workers
from records.tables import organisations
from streaming.live.reading import Reader
from streaming.rooms.room import Room
from streaming.rooms.subrooms import SUFFIXES
from streaming.rooms.troubles import NAMED, called
from streaming.service import RoomName, Trouble, one_after_another
from streaming.sources.protocol import Transport
from streaming.sources.pull import Address, Failed, Pull, Refused, TransportRefused

log = structlog.get_logger()

FOLLOW = 3.0  # seconds between two looks at the ledger
PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between tries, doubled each time
STEADY = 20.0  # seconds on air after which the pause starts small again
POLITE = 2.0  # seconds between looks at a room that someone else fills
PATIENCE = timedelta(seconds=20)
"""A camera may take this long to come (back) before the operators hear of it."""


@dataclass(frozen=True)
class CameraStatus:
    """How a camera does. state: connecting (again and again), live, waiting (someone else publishes), refused.

    reason      why it is not live, or what is not as it should be; None while all is well
    since       when the state began
    transcoded  its pictures are coded anew; b_frames: because, or in spite, of B-frames
    tries       connections since it was last on air
    """

    state: str = "connecting"
    reason: Message | None = None
    transcoded: bool = False
    b_frames: bool = False
    tries: int = 0
    since: datetime = field(default_factory=now)

    def to_json(self, name: str) -> dict[str, Any]:
        """For the operators, in every language (`reason_zh` …); `camera`: the name of its room or sub-room."""
        return {
            **self.signal(name),
            **(
                self.reason.texts("reason_")
                if self.reason
                else {f"reason_{lang}": "" for lang in languages()}
            ),
            "transcoded": self.transcoded,
            "b_frames": self.b_frames,
            "tries": self.tries,
        }

    def signal(self, name: str) -> dict[str, Any]:
        """For the public: the state alone, for a reason may tell of the inside of the house."""
        return {"camera": name, "state": self.state, "since": rfc3339(self.since)}


class Media(Protocol):
    """What cameras need of the media plane."""

    def room(self, name: str) -> Room:
        """The room of that name."""
        ...

    def flush(self) -> None:
        """Send what has been pushed into the streams."""
        ...


def load_urls(session: Session) -> dict[str, str]:
    """Room id → what its `rtsp_url` says, of all rooms that have cameras and have not released them."""
    room = organisations.Room
    held = (room.rtsp_url.is_not(None), room.camera_released.is_(False), room.closed_at.is_(None))
    rows = session.execute(select(room.id, room.rtsp_url).where(*held))
    return {identity: url for identity, url in rows if url and url.strip()}


def addresses(room: str, text: str) -> dict[str, Address]:
    """Room or sub-room → address. Invalid for an address that is none, or for a third one."""
    found = text.split()
    if len(found) > len(SUFFIXES):
        raise Invalid(Message("camera.too_many", most=len(SUFFIXES)))
    return {room + suffix: Address.parse(part) for suffix, part in zip(SUFFIXES, found, strict=False)}


class Cameras:
    """All cameras. Belongs to the event loop; start after the media plane, stop before it."""

    def __init__(self, media: Media, reader: Reader, workers: Workers) -> None:
        self._media, self._reader, self._workers = media, reader, workers
        self._cameras: dict[str, Camera] = {}
        self._texts: dict[str, str] = {}
        self._wrong: dict[str, CameraStatus] = {}
        self._clock: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to pull, and to follow the ledger."""
        self._clock = self._workers.task("cameras", self._follow, heals=False)

    async def stop(self) -> None:
        """End every pull; no ffmpeg is left."""
        if self._clock is not None:
            self._clock.cancel()
            await asyncio.gather(self._clock, return_exceptions=True)
        await asyncio.gather(*(camera.stop() for camera in self._cameras.values()), *self._leaving)
        self._cameras.clear()

    def status(self) -> dict[str, CameraStatus]:
        """Every camera by the name of its room or sub-room."""
        return self._wrong | {name: camera.status for name, camera in self._cameras.items()}

    async def _follow(self, worker: Worker) -> None:
        while True:
            worker.beat()
            try:
                self.wanted(await self._reader.ask(load_urls))
            except SQLAlchemyError as error:
                log.warning("cameras.ledger_unreadable", error=type(error).__name__)
            await asyncio.sleep(FOLLOW)

    def wanted(self, texts: dict[str, str]) -> None:
        """Pull exactly these: room id → its `rtsp_url`."""
        if texts == self._texts:
            return
        self._texts, self._wrong = dict(texts), {}
        wanted: dict[str, Address] = {}
        for room, text in texts.items():
            try:
                wanted |= addresses(room, text)
            except Invalid as error:
                self._wrong[room] = CameraStatus("refused", error.message)
                log.error("camera.address_refused", room=room, reason=str(error))
        for name in [name for name, camera in self._cameras.items() if wanted.get(name) != camera.address]:
            self._leave(self._cameras.pop(name))
        for name, address in wanted.items():
            if name not in self._cameras:
                self._cameras[name] = Camera(name, address, self._media, self._workers)

    def _leave(self, camera: Camera) -> None:
        task = asyncio.create_task(camera.stop())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


class Camera:
    """One camera and the task that keeps it on air."""

    def __init__(self, name: str, address: Address, media: Media, workers: Workers) -> None:
        self.name, self.address = name, address
        self.status = CameraStatus()
        self._media = media
        self._transcode = self._b_frames = False
        self._way = 0  # which of the protocol's transports is tried
        self._tries = 0
        self._live_at: float | None = None
        self._task = workers.task(f"camera {name}", self._run)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, worker: Worker) -> None:
        worker.rest()  # it is on air for hours; what ails the camera itself stands in its status
        pause = PAUSE
        while True:
            await self._until_free()
            self._live_at = None
            again = await self._once()
            if self._live_at is not None and time.monotonic() - self._live_at > STEADY:
                pause = PAUSE
            if not again:
                # apart from each other: after a power cut all cameras come back at once
                await asyncio.sleep(pause * random.uniform(0.8, 1.2))
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _until_free(self) -> None:
        while self._media.room(self.name).occupied():
            self._say("waiting", Message("camera.room_taken"))
            await asyncio.sleep(POLITE)

    async def _once(self) -> bool:
        """One try; True if the next shall follow at once."""
        self._tries += 1
        if self.status.state != "refused":
            self._say("connecting", self.status.reason)
        try:
            pull = Pull(
                self._media.room(self.name), self.address, self._transcode, self._media.flush,
                transport=self._transport,
            )  # fmt: skip
            pull.on_live = self._live
            await pull.run()
        except Refused as refusal:
            return self._refused(refusal)
        except TransportRefused as refusal:
            self._way = (self._way + 1) % len(self.address.protocol.transports)
            self._say("connecting", refusal.message)
            return True
        except (Failed, OSError) as error:
            if self._live_at is None:
                self._way = 0  # that did not help: the best one first again
            self._say("connecting", _why(error))
        return False

    @property
    def _transport(self) -> Transport:
        return self.address.protocol.transports[self._way]

    def _live(self) -> None:
        self._live_at, self._tries = time.monotonic(), 0
        remark = self._transport.remark
        self._say("live", Message(remark) if remark else None)

    def _refused(self, refusal: Refused) -> bool:
        self._b_frames = refusal.b_frames
        if self.address.transcode and not self._transcode:
            self._transcode = True
            log.info("camera.transcoding", room=self.name, reason=str(refusal))
            return True
        self._say("refused", refusal.message)
        return False

    def _say(self, state: str, reason: Message | None) -> None:
        since = self.status.since if state == self.status.state else now()
        new = CameraStatus(state, reason, self._transcode, self._b_frames, self._tries, since)
        if (new.state, new.reason) != (self.status.state, self.status.reason):
            level = log.info if state in ("live", "connecting") and not reason else log.warning
            level("camera." + state, room=self.name, reason=str(reason or ""))
        self.status = new


def trouble(cameras: Mapping[str, CameraStatus], name: RoomName) -> Trouble | None:
    """What the operators should know of the cameras; None while all do as they should."""
    refused = {room: status for room, status in cameras.items() if status.state == "refused"}
    away = {
        room: status
        for room, status in cameras.items()
        if status.state == "connecting" and now() - status.since > PATIENCE
    }
    if not refused and not away:
        return None
    wrong = sorted((refused | away).items())
    named = [_line(called(room, name), status) for room, status in wrong[:NAMED]]
    if more := len(wrong[NAMED:]):
        named.append(Message("camera.more", count=more))
    remedy = Message("camera.away_remedy" if away else "camera.refused_remedy")
    return Trouble(one_after_another(named), remedy)


def _line(room: Message, status: CameraStatus) -> Message:
    if status.state == "refused":
        return Message("camera.refused", room=room, why=status.reason)
    since = status.since.astimezone(BEIJING).strftime("%H:%M")
    if status.reason is None:
        return Message("camera.away", room=room, since=since)
    return Message("camera.away_because", room=room, since=since, why=status.reason)


def _why(error: Failed | OSError) -> Message:
    return error.message if isinstance(error, Failed) else Message("camera.not_started", error=str(error))
