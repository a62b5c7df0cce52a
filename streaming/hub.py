"""The hub: one ASGI app for the public plane, and how to run it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import structlog
import uvicorn
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import WebSocketRoute

from records.grants import HUB_ROLE
from records.ledger import WAL_LARGE, Ledger
from records.serving import signing
from records.serving.doorway import GuardedHttp
from records.serving.requests import PlainAddresses, Refused
from streaming.config import HubConfig
from streaming.diskspace import DiskGuard, Limits
from streaming.edges.config import parse_edges
from streaming.health import Health, Trouble
from streaming.live.board import Board
from streaming.live.broadcast import Broadcaster
from streaming.live.control import Control
from streaming.live.covers import Covers
from streaming.live.feed import Feeds
from streaming.live.logs import Logs
from streaming.live.poller import Poller
from streaming.live.reading import Reader
from streaming.live.roster import Roster
from streaming.parts import PARTS
from streaming.plane import MediaPlane
from streaming.rooms.media import MediaConfig, MediaServer
from streaming.rooms.subrooms import main_room
from streaming.security import SecurityHeaders, problem, wants_problem
from streaming.services import MakeService, Services
from streaming.sharedport import shared
from streaming.site.api import Api
from streaming.site.pages import Pages
from streaming.site.render import Site

log = structlog.get_logger()

MakeMedia = Callable[[HubConfig, Roster], MediaPlane]
FILES = 65_536
"""Sockets and files the hub may have open, where the machine grants them."""
MEDIA_AGAIN = 5.0
"""Seconds between tries to get a media port that was taken."""


def media_server(config: HubConfig, roster: Roster) -> MediaPlane:
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
    return MediaServer(settings, roster)


class Hub:
    """The parts of one running hub, wired together."""

    def __init__(
        self, config: HubConfig, make_media: MakeMedia = media_server,
        services: Mapping[str, MakeService] = PARTS,
    ) -> None:  # fmt: skip
        self.config = config
        key = signing.load_key(config.data_dir)
        self.ledger = Ledger(config.database_url, role=HUB_ROLE)
        self.reader = Reader(self.ledger)
        self.roster = Roster(self.reader, key)
        self.media = make_media(config, self.roster)
        self.logs = Logs(self.reader)
        self.covers = Covers(config.data_dir)
        self.board = Board(
            self.reader, self.roster, self.logs, lambda room: self.media.status(room).publishing,
            self.covers.get,
        )  # fmt: skip
        self.control = Control(key, self.roster, self.board, self.media, self.covers)
        self.poller = Poller(self.reader, self.roster, self.board, self.logs, config.poll_seconds)
        self.broadcaster = Broadcaster(self.reader, self.board)
        self.feeds = Feeds(self.logs, self.board, config.max_feeds)
        self.health = Health(self.poller, self.feeds, self.media, DiskGuard(config.data_dir, Limits()))
        self.api = Api(self.reader, self.board, self.logs, config.data_dir)
        self.pages = Pages(Site(), self.reader, self.roster, self.board, self.logs, self.api, config.data_dir)
        self.workers = self.control.workers = self.health.workers
        if isinstance(self.media, MediaServer):
            self.media.workers = self.workers
        self.services = Services(self, services)
        self.media.on_change(lambda _room: self.board.look())
        self._join_up()

    def _join_up(self) -> None:
        """Health hears of every part, the desk hears of health."""
        if isinstance(self.media, MediaServer):
            self.board.cameras = self.media.cameras
            self.roster.on_withdrawn = self.media.withdraw
            self.control.notices = self.media.notices
            for part, check in self.media.troubles(self._called).items():
                self.health.watch(part, check)
            if self.media.edges is not None:
                self.health.watch("edges", self.media.edges.trouble)
        self.health.rows = lambda: [self.control.row(room) for room in self.roster.in_use()]
        self.control.health = self.health.report
        self.health.watch("rooms", self._damaged_rooms)
        self.health.watch("ledger_log", self._large_log)
        for name in self.services.parts:
            self.health.watch(name, lambda name=name: self.services.trouble(name))  # type: ignore[misc]

    def _called(self, room: str, lang: str) -> str:
        card = self.roster.rooms.get(main_room(room))
        return card.title(lang) if card is not None else room

    def _large_log(self) -> Trouble | None:
        size = self.ledger.log_bytes()
        if size < WAL_LARGE:
            return None
        mib = size >> 20
        return Trouble(
            f"账本的预写日志已有 {mib} MiB：有读者长时间不放", f"the ledger's write-ahead log has {mib} MiB: a reader holds it",
            "结束长时间的查询或外部 sqlite3 会话，日志随后自行缩小；常有大查询时改用 PostgreSQL",
            "end long queries or sqlite3 shells, it then shrinks by itself; use PostgreSQL if they are frequent",
        )  # fmt: skip

    def _damaged_rooms(self) -> Trouble | None:
        names = "、".join(self.covers.damaged.values())
        if not names:
            return None
        return Trouble(
            f"房间状态文件损坏：{names}，相关房间已遮挡并静音", f"state files damaged: {names}; those rooms are covered",
            "在数字直播间核对后重新解除垫片与静音", "check the rooms, then lift slate and mute on the desk",
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything between start and stop; the feeds work even if the media port cannot be had."""
        await self.poller.start()
        await self.broadcaster.start()
        await self.control.start()
        await self.health.start()
        ready = await self._start_media()
        tasks = [
            self.workers.task("poller", self.poller.run, heals=False),
            self.workers.task("broadcaster", self.broadcaster.run, heals=False),
        ]
        if ready:
            await self.services.start()
        else:
            tasks.append(asyncio.create_task(self._media_again()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._stop()

    async def _start_media(self) -> bool:
        """Whether the media port is ours."""
        try:
            await self.media.start()
        except OSError as error:
            port = self.config.media_port
            if self.health.media_trouble is None:
                log.error("media_port_unavailable", port=port, error=error.strerror)
            self.health.media_trouble = f"{port}/UDP {error.strerror}"
            return False
        self.health.media_trouble = None
        return True

    async def _media_again(self) -> None:
        """A port that was taken may become free: another hub was still ending."""
        while True:
            await asyncio.sleep(MEDIA_AGAIN)
            if await self._start_media():
                break
        log.info("media_port_back", port=self.config.media_port)
        await self.services.start()

    async def _stop(self) -> None:
        await self.services.stop()
        await self.control.stop()
        await self.health.stop()
        if self.health.media_trouble is None:
            await self.media.stop()
        try:
            await self.broadcaster.look()
        except SQLAlchemyError as error:
            log.warning("broadcast_session_not_written", error=type(error).__name__)
        self.reader.close()
        self.ledger.close()

    def routes(self) -> list[Any]:
        """Every address of the hub."""
        return [
            *self.media.routes(),
            *self.api.routes(),
            *self.health.routes(),
            *self.control.routes(),
            *self.services.routes(),
            WebSocketRoute("/feeds/openings/{id:path}", self.feeds.opening),
            WebSocketRoute("/feeds/hall", self.feeds.hall),
            *self.pages.routes(),
        ]

    async def failed(self, request: Request, error: Exception) -> Response:
        """An error as a problem for programs and as a page for readers."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        if isinstance(error, SQLAlchemyError):
            status = 503
        headers = getattr(error, "headers", None)
        if wants_problem(request):
            return problem(status, _detail(status, error), headers)
        page = self.pages.error(request, status)
        page.headers.update(headers or {})
        return page

    def refused(self, request: Request, refused: Refused) -> Response:
        """A request that is not answered, as a problem or as a page."""
        if wants_problem(request):
            return problem(refused.status, refused.detail, refused.headers)
        return self.pages.error(request, refused.status)


def create_app(
    config: HubConfig, make_media: MakeMedia = media_server, services: Mapping[str, MakeService] = PARTS
) -> Starlette:
    """The hub as an ASGI app."""
    hub = Hub(config, make_media, services)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with hub.running():
            yield

    app = Starlette(
        routes=hub.routes(),
        middleware=[
            Middleware(SecurityHeaders, desk_origin=config.desk_origin),
            Middleware(PlainAddresses, refuse=hub.refused),
        ],
        exception_handlers={HTTPException: hub.failed, SQLAlchemyError: hub.failed, 500: hub.failed},
        lifespan=lifespan,
    )
    app.state.hub = hub
    return app


def serve(config: HubConfig) -> None:
    """Run the hub until SIGTERM or SIGINT."""
    app = create_app(config)
    http = shared(app.state.hub.media.tcp_path) if config.shares_port else GuardedHttp
    settings = uvicorn.Config(
        app, host=config.host, port=config.port, loop="uvloop", http=http,
        ws="websockets-sansio", ws_max_size=64 * 1024, ws_ping_interval=20, ws_ping_timeout=20,
        ws_per_message_deflate=False, log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=3,
        proxy_headers=bool(config.trusted_proxies), forwarded_allow_ips=list(config.trusted_proxies),
    )  # fmt: skip
    spare_collections()
    allow_connections()
    uvicorn.Server(settings).run()


def allow_connections() -> None:
    """As many open sockets and files as the machine grants: 1,024, the usual start, are one large hall."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def spare_collections() -> None:
    """Let the garbage collector leave alone what is there for good, and come less often: each full round
    over the objects of some hundred viewers would hold the pictures up for tens of milliseconds."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _detail(status: int, error: Exception) -> str:
    if isinstance(error, HTTPException) and error.detail:
        return str(error.detail)
    return (
        "读不到账本，请稍后再试 / the ledger cannot be read" if status == 503 else "服务出错 / server error"
    )
