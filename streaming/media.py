"""Services that work with pictures: the media plane on its port, and beside it cameras, recorder and HLS.

The feeds go on where the media port cannot be had, the pictures where one of those beside it cannot start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import Metric
from starlette.routing import BaseRoute

from messages import Message
from records.ledger import Ledger
from records.serving.workers import Workers
from streaming.hls.server import HlsServer
from streaming.live.board import Board
from streaming.live.reading import Reader
from streaming.live.roster import Roster
from streaming.recording.policy import OpeningPolicy, RecordingCheck
from streaming.recording.recorder import Recorder, RecorderConfig
from streaming.recording.types import Written
from streaming.rooms.plane import MediaPlane
from streaming.rooms.subrooms import SUFFIXES, main_room
from streaming.service import Checks, RoomName, Service, Trouble
from streaming.sources import cameras
from streaming.sources.cameras import Cameras, CameraStatus

log = structlog.get_logger()

AGAIN = 5.0
"""Seconds between tries to get a media port that was taken."""


class RoomCameras(Service):
    """RTSP cameras of the rooms, pulled and fed into the media plane."""

    def __init__(self, media: MediaPlane, reader: Reader, workers: Workers, called: RoomName) -> None:
        self._cameras, self._called = Cameras(media, reader, workers), called

    async def start(self) -> None:
        """Begin to pull."""
        await self._cameras.start()

    async def stop(self) -> None:
        """End every pull."""
        await self._cameras.stop()

    def trouble(self) -> Checks:
        """The cameras that do not come, why, and what to do."""
        return {"cameras": cameras.trouble(self._cameras.status(), self._called)}

    def for_operators(self, room: str) -> list[dict[str, Any]]:
        """How a room's cameras do, for the operators."""
        return [status.to_json(name) for name, status in self._of(room)]

    def signals(self, room: str) -> list[dict[str, Any]]:
        """The same for the public: the states alone."""
        return [status.signal(name) for name, status in self._of(room)]

    def _of(self, room: str) -> list[tuple[str, CameraStatus]]:
        found = self._cameras.status()
        return [(room + suffix, found[room + suffix]) for suffix in SUFFIXES if room + suffix in found]


class OpeningRecorder(Service):
    """The recorder: rooms with an opening near, from before it until after the signature."""

    def __init__(
        self,
        media: MediaPlane,
        ledger: Ledger,
        board: Board,
        folder: Path,
        workers: Workers,
        called: RoomName,
        on_written: Callable[[Written], None],
    ) -> None:
        policy = OpeningPolicy(lambda: board.openings.values(), board.publishing)
        config = RecorderConfig(folder, retention=self._retention, on_written=on_written)
        self._recorder = Recorder(media, ledger, config, policy, workers)
        self._check = RecordingCheck(self._recorder, policy, media.rooms)
        self._board, self._called = board, called

    def _retention(self, opening: str | None) -> str:
        """Works tenders are kept by another rule than procurement (see `retention.CLASSES`)."""
        row = self._board.openings.get(opening, {}) if opening else {}
        return "works" if row.get("trade_family") == "works" else "procurement"

    async def start(self) -> None:
        """Begin to record what is wanted."""
        await self._recorder.start()

    async def stop(self) -> None:
        """End every file well."""
        await self._recorder.stop()

    def row(self, room: str) -> dict[str, Any]:
        """What the recorder does in a room, for the operators."""
        return self._check.row(room)

    def trouble(self) -> Checks:
        """What keeps rooms from being recorded that must be, by name; else what is wrong with the disk."""
        return {"recorder": self._check.trouble(self._called) or self._disk()}

    def _disk(self) -> Trouble | None:
        wrong = self._recorder.message()
        return Trouble(wrong) if wrong else None

    def metrics(self) -> Iterable[Metric]:
        """Prometheus families of the recorder."""
        return self._recorder.metrics()


class PublicHls(Service):
    """Low-latency HLS of public rooms on air, cut only while someone asks for it."""

    def __init__(self, media: MediaPlane, roster: Roster, board: Board) -> None:
        self._server = HlsServer(
            media,
            lambda room, token: roster.may_watch(main_room(room), token) and board.on_air(main_room(room)),
        )

    def routes(self) -> Sequence[BaseRoute]:
        """Playlists and segments."""
        return self._server.routes()

    def trouble(self) -> Checks:
        """It is always ready: the first request starts the cutting."""
        return {"hls": None}

    async def stop(self) -> None:
        """Cut no more."""
        self._server.stop()


class MediaPort(Service):
    """The media plane on its UDP port, tried again while somebody else has it, and then the services beside it, each
    by itself: `beside` by the names of their checks, in the order in which they start."""

    def __init__(self, plane: MediaPlane, port: int, beside: Mapping[str, Service]) -> None:
        self._plane, self._port, self._beside = plane, port, beside
        self._taken = ""
        self._again: asyncio.Task[None] | None = None
        self._running: list[Service] = []
        self._failed: dict[str, str] = {}

    def routes(self) -> Sequence[BaseRoute]:
        """WHIP and WHEP, and the addresses of those beside."""
        return [route for one in self._all() for route in one.routes()]

    def metrics(self) -> Iterable[Metric]:
        """Families of all of them."""
        return (family for one in self._all() for family in one.metrics())

    def trouble(self) -> Checks:
        """The port, what the plane says, and those beside, or why one did not start."""
        found: dict[str, Trouble | None] = {"media": self._port_trouble(), **self._plane.trouble()}
        for name, service in self._beside.items():
            found |= (
                {name: _not_started(name, self._failed[name])} if name in self._failed else service.trouble()
            )
        return found

    def _all(self) -> list[Service]:
        return [self._plane, *self._beside.values()]

    def _port_trouble(self) -> Trouble | None:
        if not self._taken:
            return None
        taken = Message("trouble.media_port", port=self._taken)
        return Trouble(taken, Message("trouble.media_port_remedy", seconds=round(AGAIN)))

    async def start(self) -> None:
        """Bind the port and start those beside; where it is taken, go on trying."""
        if not await self._bind():
            self._again = asyncio.create_task(self._bind_later())

    async def _bind_later(self) -> None:
        """A port that was taken may become free: another hub was still ending."""
        bound = False
        while not bound:
            await asyncio.sleep(AGAIN)
            bound = await self._bind()
        log.info("media_port_back", port=self._port)

    async def _bind(self) -> bool:
        """Whether the media port is ours; those beside start with it."""
        try:
            await self._plane.start()
        except OSError as error:
            if not self._taken:
                log.error("media_port_unavailable", port=self._port, error=error.strerror)
            self._taken = f"{self._port}/UDP {error.strerror}"
            return False
        self._taken = ""
        self._running.append(self._plane)
        for name, service in self._beside.items():
            await self._start(name, service)
        return True

    async def _start(self, name: str, service: Service) -> None:
        try:
            await service.start()
        except Exception as error:  # one part must not keep the pictures from the public
            self._failed[name] = type(error).__name__
            log.exception("part_not_started", part=name)
        else:
            self._running.append(service)

    async def stop(self) -> None:
        """Stop what was started, the last one first."""
        if self._again is not None:
            self._again.cancel()
            await asyncio.gather(self._again, return_exceptions=True)
        while self._running:
            service = self._running.pop()
            try:
                await service.stop()
            except Exception:  # the others must still be stopped
                log.exception("part_not_stopped", part=type(service).__name__)


def _not_started(name: str, error: str) -> Trouble:
    return Trouble(Message("trouble.part", part=name, error=error), Message("trouble.part_remedy"))
