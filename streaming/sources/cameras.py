"""Cameras of the rooms: pulled by RTSP as the ledger says, each kept alive with a growing pause.

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

from records.clock import BEIJING, now, rfc3339
from records.serving.workers import Worker, Workers
from records.tables import organisations
from streaming.live.reading import Reader
from streaming.rooms.room import Room
from streaming.rooms.subrooms import SUFFIXES
from streaming.rooms.troubles import NAMED, called
from streaming.service import RoomName, Trouble
from streaming.sources.rtsp import OVER_UDP, Address, Failed, Pull, Refused, TcpRefused

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

    reason      why it is not live, or what is not as it should be, zh / English; empty while all is well
    since       when the state began
    transcoded  its pictures are coded anew; b_frames: because, or in spite, of B-frames
    tries       connections since it was last on air
    """

    state: str = "connecting"
    reason: str = ""
    transcoded: bool = False
    b_frames: bool = False
    tries: int = 0
    since: datetime = field(default_factory=now)

    def told(self, name: str) -> dict[str, Any]:
        """For the operators; `camera`: the name of its room or sub-room."""
        zh, _, en = self.reason.partition(" / ")
        return {
            **self.signal(name), "reason_zh": zh, "reason_en": en or zh, "transcoded": self.transcoded,
            "b_frames": self.b_frames, "tries": self.tries,
        }  # fmt: skip

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
    """Room or sub-room → address. ValueError for an address that is none, or for a third one."""
    found = text.split()
    if len(found) > len(SUFFIXES):
        raise ValueError(f"一间开标室最多 {len(SUFFIXES)} 台摄像机 / at most {len(SUFFIXES)} cameras a room")
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
            except ValueError as error:
                self._wrong[room] = CameraStatus("refused", str(error))
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
        self._transcode = self._b_frames = self._over_udp = False
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
            self._say("waiting", "该房间正在推流 / the room has another publisher")
            await asyncio.sleep(POLITE)

    async def _once(self) -> bool:
        """One try; True if the next shall follow at once."""
        self._tries += 1
        if self.status.state != "refused":
            self._say("connecting", self.status.reason)
        try:
            pull = Pull(
                self._media.room(self.name), self.address, self._transcode, self._media.flush,
                over_udp=self._over_udp,
            )  # fmt: skip
            pull.on_live = self._live
            await pull.run()
        except Refused as refusal:
            return self._refused(refusal)
        except TcpRefused as refusal:
            self._over_udp = True
            self._say("connecting", str(refusal))
            return True
        except (Failed, OSError) as error:
            if self._live_at is None:
                self._over_udp = False  # that did not help: TCP first again
            self._say("connecting", str(error))
        return False

    def _live(self) -> None:
        self._live_at, self._tries = time.monotonic(), 0
        self._say("live", OVER_UDP if self._over_udp else "")

    def _refused(self, refusal: Refused) -> bool:
        self._b_frames = refusal.b_frames
        if self.address.transcode and not self._transcode:
            self._transcode = True
            log.info("camera.transcoding", room=self.name, reason=str(refusal))
            return True
        self._say("refused", str(refusal))
        return False

    def _say(self, state: str, reason: str) -> None:
        since = self.status.since if state == self.status.state else now()
        new = CameraStatus(state, reason, self._transcode, self._b_frames, self._tries, since)
        if (new.state, new.reason) != (self.status.state, self.status.reason):
            level = log.info if state in ("live", "connecting") and not reason else log.warning
            level("camera." + state, room=self.name, reason=reason)
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
    zh = [_line(room, status, name, "zh") for room, status in wrong[:NAMED]]
    en = [_line(room, status, name, "en") for room, status in wrong[:NAMED]]
    if more := len(wrong[NAMED:]):
        zh.append(f"另有 {more} 台")
        en.append(f"and {more} more")
    remedy_zh, remedy_en = (
        ("按所述修改摄像机设置，改好后自动接入", "change the camera as said; it is then taken by itself")
        if not away
        else ("检查摄像机的供电、网线、地址与口令；系统不断重连，恢复后自动接入",
              "check power, cable, address and password; it is tried again and again and taken by itself")
    )  # fmt: skip
    return Trouble("；".join(zh), "; ".join(en), remedy_zh, remedy_en)


def _line(room: str, status: CameraStatus, name: RoomName, lang: str) -> str:
    told = status.told(room)
    since = status.since.astimezone(BEIJING).strftime("%H:%M")
    why = told[f"reason_{lang}"]
    if lang == "zh":
        head = "摄像机被拒" if status.state == "refused" else f"摄像机自 {since} 起连接不上"
        return f"{called(room, name, lang)}：{head}{'：' + why if why else ''}"
    head = "camera refused" if status.state == "refused" else f"camera not connected since {since}"
    return f"{called(room, name, lang)}: {head}{': ' + why if why else ''}"
