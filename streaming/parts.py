"""What runs beside the hub's core: cameras, recorder and HLS, each joined to the hub in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prometheus_client import Metric
from starlette.routing import BaseRoute

from streaming.health import Trouble
from streaming.hls.server import HlsServer
from streaming.recording import counters as recordmetrics
from streaming.recording.overdue import Duty
from streaming.recording.policy import OpeningPolicy
from streaming.recording.recorder import Recorder, RecorderConfig
from streaming.rooms.media import MediaServer
from streaming.rooms.subrooms import SUFFIXES, main_room
from streaming.services import MakeService, Service
from streaming.sources import camera_troubles as complaints
from streaming.sources.cameras import Cameras

if TYPE_CHECKING:
    from streaming.hub import Hub


class CameraPart:
    """RTSP cameras of the rooms, pulled and fed into the media plane."""

    def __init__(self, hub: Hub, media: MediaServer) -> None:
        self._cameras = Cameras(media, hub.reader)
        self._cameras.workers = hub.workers
        self._roster = hub.roster
        hub.control.sources = lambda room: [status.told(name) for name, status in self._of(room)]
        hub.board.signals = lambda room: [status.signal(name) for name, status in self._of(room)]

    def _of(self, room: str) -> list[tuple[str, Any]]:
        found = self._cameras.status()
        return [(room + suffix, found[room + suffix]) for suffix in SUFFIXES if room + suffix in found]

    async def start(self) -> None:
        await self._cameras.start()

    async def stop(self) -> None:
        await self._cameras.stop()

    def routes(self) -> Sequence[BaseRoute]:
        return ()

    def message(self) -> Trouble | None:
        """The cameras that do not come, why, and what to do."""
        return complaints.trouble(self._cameras.status(), self._name)

    def _name(self, room: str, lang: str) -> str:
        card = self._roster.rooms.get(main_room(room))
        return card.title(lang) if card is not None else room


class RecorderPart:
    """The recorder: rooms with an opening near, from before it until after the signature."""

    def __init__(self, hub: Hub, media: MediaServer) -> None:
        policy = OpeningPolicy(
            lambda: hub.board.openings.values(), lambda room: media.status(room).publishing
        )
        config = RecorderConfig(hub.config.data_dir / "recordings", retention=self._retention)
        self._recorder = Recorder(media, hub.ledger, config, policy)
        self._recorder.workers = hub.workers
        self._duty = Duty(self._recorder, policy, media.rooms)
        self._roster, self._openings = hub.roster, hub.board.openings
        hub.control.recorder = self._duty.row

    def _retention(self, opening: str | None) -> str:
        """Works tenders are kept by another rule than procurement (see `retention.CLASSES`)."""
        row = self._openings.get(opening, {}) if opening else {}
        return "works" if row.get("trade_family") == "works" else "procurement"

    async def start(self) -> None:
        await self._recorder.start()

    async def stop(self) -> None:
        await self._recorder.stop()

    def routes(self) -> Sequence[BaseRoute]:
        return ()

    def message(self) -> Trouble | str | None:
        """What keeps rooms from being recorded that must be, by name; else what is wrong with the disk."""
        return self._duty.trouble(self._name) or self._recorder.message()

    def _name(self, room: str, lang: str) -> str:
        card = self._roster.rooms.get(main_room(room))
        return card.title(lang) if card is not None else room

    def metrics(self) -> list[Metric]:
        """Prometheus families of the recorder."""
        recorder = self._recorder
        return list(recordmetrics.families(recorder.status(), recorder.disk.free, bool(recorder.trouble)))


class HlsPart:
    """Low-latency HLS of public rooms, cut only while someone asks for it."""

    def __init__(self, hub: Hub, media: MediaServer) -> None:
        self._server = HlsServer(media, lambda room, token: hub.roster.may_watch(main_room(room), token))

    async def start(self) -> None:
        """Nothing to begin: the first request starts the cutting."""

    async def stop(self) -> None:
        self._server.stop()

    def routes(self) -> Sequence[BaseRoute]:
        return self._server.routes()


def _joined(make: Callable[[Hub, MediaServer], Service]) -> MakeService:
    """A part needs the media plane that ships; a hub built around another one goes without."""
    return lambda hub: make(hub, hub.media) if isinstance(hub.media, MediaServer) else None


def _recorder(hub: Hub) -> Service | None:
    return _joined(RecorderPart)(hub) if hub.config.record else None


PARTS: Mapping[str, MakeService] = {
    "cameras": _joined(CameraPart),
    "recorder": _recorder,
    "hls": _joined(HlsPart),
}
"""Name (as in `/healthz`) → maker, in the order in which they start."""
