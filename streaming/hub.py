"""The hub: one ASGI app for the public plane, put together from its services."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from evidence.verify import VerifierKey
from records.grants import HUB_ROLE
from records.ledger import Ledger
from records.serving import signing
from records.serving.problems import Problem
from records.serving.requests import PlainAddresses
from records.serving.workers import Workers
from streaming.config import HubConfig
from streaming.edges.config import parse_edges
from streaming.http.answers import ErrorAnswers, SecurityHeaders
from streaming.http.health import Health
from streaming.live.board import Board
from streaming.live.broadcast import Broadcaster
from streaming.live.control import Control
from streaming.live.covers import Covers
from streaming.live.feed import Feeds
from streaming.live.logs import Logs
from streaming.live.looks import Looks
from streaming.live.pending import Pending
from streaming.live.pictures import Pictures
from streaming.live.poller import Poller
from streaming.live.reading import Reader
from streaming.live.roomstates import RoomStates
from streaming.live.roster import Roster
from streaming.live.viewings import Viewings
from streaming.log.keeper import Keeper
from streaming.log.recorded import RecordedPictures
from streaming.log.sealing import Sealing
from streaming.log.service import EvidenceLog
from streaming.machine import Machine
from streaming.media import MediaPort, OpeningRecorder, PublicHls, RoomCameras
from streaming.replay.library import Library
from streaming.replay.service import Replays
from streaming.rooms.media import MediaConfig, MediaServer
from streaming.rooms.plane import MediaPlane
from streaming.service import Service
from streaming.site.api import Api
from streaming.site.pages import Pages
from streaming.site.render import Site
from streaming.site.schedule import Schedule
from streaming.site.sealed import SealedPackages

MakeMedia = Callable[[HubConfig, Roster, Workers], MediaPlane]


def media_server(config: HubConfig, roster: Roster, workers: Workers) -> MediaPlane:
    """The media plane that ships, answering to the roster."""
    settings = MediaConfig(
        config.host,
        config.media_port,
        config.public_host,
        config.fanout,
        edges=parse_edges(config.edges),
        edges_after=config.edges_after,
        secret=signing.keyed_hash(signing.load_key(config.data_dir), "ice").encode(),
        tcp_shared=config.shares_port,
    )
    return MediaServer(settings, roster, workers, roster.called)


class Hub:
    """The services of one running hub. Each is given what it needs when it is made, and nothing afterwards."""

    def __init__(self, config: HubConfig, make_media: MakeMedia = media_server) -> None:
        self.config, data = config, config.data_dir
        key = signing.load_key(data)
        self.workers = Workers()
        self.ledger = Ledger(config.database_url, role=HUB_ROLE)
        self.reader = Reader(self.ledger)
        self.roster = Roster(self.reader, key)
        self.logs = Logs(self.reader)
        covers, pending, machine = Covers(data), Pending(), Machine(data, self.workers)

        self.media = make_media(config, self.roster, self.workers)
        self.cameras = RoomCameras(self.media, self.reader, self.workers, self.roster.called)
        self.board = Board(self.reader, self.roster, self.logs, self.media, covers, self.cameras.signals)
        keeper = Keeper(
            self.ledger, data, config.log_origin, [VerifierKey.parse(key) for key in config.witnesses]
        )
        recorded = RecordedPictures(keeper, self.roster, self.board)
        recorder = self._recorder(recorded) if config.record else None
        beside: dict[str, Service] = {
            "cameras": self.cameras, **({"recorder": recorder} if recorder else {}), "hls": PublicHls(self.media, self.roster, self.board),
        }  # fmt: skip
        port = MediaPort(self.media, config.media_port, beside)

        self.poller = Poller(
            self.reader, self.roster, self.board, self.logs, self.workers, config.poll_seconds,
            self.media.withdraw,
        )  # fmt: skip
        broadcaster = Broadcaster(self.reader, self.board, self.workers)
        feeds = Feeds(self.logs, self.board, config.max_feeds)
        looks = Looks(self.roster, self.reader, self.workers)
        viewings = Viewings(self.reader, self.board, self.workers)
        pictures = Pictures(self.roster, self.media, self.reader, self.workers)
        self.states = RoomStates(
            self.roster, self.board, self.media, covers, pending, self.cameras.for_operators,
            recorder.row if recorder else lambda room: None,
        )  # fmt: skip
        self.log = EvidenceLog(keeper, self.reader, self.board, covers, self.workers)
        library = Library(self.reader, self.logs, covers, data)
        self.sealing = Sealing(
            keeper, self.log, self.reader, self.board, self.logs, library, config, self.workers
        )
        self.health = Health(machine, (self.poller, port, covers, feeds, self.states, self.log, self.sealing))
        self.control = Control(
            key, self.roster, self.board, self.media, covers, pending, self.states, self.health, self.workers,
            keeper.signed,
        )  # fmt: skip
        sealed = SealedPackages(self.reader, self.sealing.copies)
        api = Api(self.reader, self.board, self.logs, sealed)
        replays = Replays(library, api, self.board, self.workers, data)
        self.pages = Pages(
            Site(), self.reader, self.roster, self.board, self.logs, api, sealed, replays.summary, keeper.state
        )  # fmt: skip
        self.services: tuple[Service, ...] = (
            self.poller, broadcaster, self.control, machine, recorded, self.log, self.sealing, looks, viewings, pictures, port, feeds, self.health, replays, api,
            Schedule(self.reader, self.board, self.roster), self.pages,
        )  # fmt: skip
        """In the order in which they start."""

    def _recorder(self, recorded: RecordedPictures) -> OpeningRecorder:
        """What records the openings, and tells `recorded` which pictures are on the disk."""
        folder = self.config.data_dir / "recordings"
        return OpeningRecorder(
            self.media, self.ledger, self.board, folder, self.workers, self.roster.called, recorded.written
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything between start and stop; the last that started stops first."""
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self.ledger.close)
            stack.callback(self.reader.close)
            for service in self.services:
                await service.start()
                stack.push_async_callback(service.stop)
            yield

    def routes(self) -> list[BaseRoute]:
        """Every address of the hub."""
        return [route for service in self.services for route in service.routes()]


def create_app(config: HubConfig, make_media: MakeMedia = media_server) -> Starlette:
    """The hub as an ASGI app."""
    hub = Hub(config, make_media)
    errors = ErrorAnswers(hub.pages.error)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with hub.running():
            yield

    app = Starlette(
        routes=hub.routes(),
        middleware=[
            Middleware(SecurityHeaders, desk_origin=config.desk_origin),
            Middleware(PlainAddresses, refuse=errors.refused),
        ],
        exception_handlers=dict.fromkeys((HTTPException, Problem, SQLAlchemyError, 500), errors.failed),
        lifespan=lifespan,
    )
    app.state.hub = hub
    return app
