"""The media plane as the rest of the hub sees it: one object that takes WHIP in and gives WHEP out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog
from prometheus_client import Metric
from starlette.routing import BaseRoute

from records.serving.workers import Worker, Workers
from streaming.edges.assignment import Edges, EdgesConfig
from streaming.edges.config import Edge
from streaming.fanout import choose
from streaming.rooms import troubles
from streaming.rooms.counters import families
from streaming.rooms.peer import Certificate
from streaming.rooms.room import Room, RoomStatus
from streaming.rooms.sessions import Sessions
from streaming.rooms.signalling import Authority
from streaming.rooms.stream import Outbox
from streaming.rooms.subrooms import SUFFIXES
from streaming.rooms.whep import Whep
from streaming.rooms.whip import Whip
from streaming.service import Checks, RoomName, Service
from streaming.taps import Replay, Tap
from streaming.wire.addresses import announced
from streaming.wire.answer import Candidate
from streaming.wire.paths import TcpPath
from streaming.wire.transport import UdpPort

log = structlog.get_logger()

ADDRESSES_SECONDS = 15.0
"""Between two looks at our own addresses and at what the public name resolves to."""

FANOUT_SECONDS = 5.0
"""What waits for its sending half a second is of no use to anyone; so much later the thread that sends is taken for lost."""


@dataclass(frozen=True)
class MediaConfig:
    """Where media is served.

    host         address the UDP socket binds; 0.0.0.0 or :: for all
    port         UDP port; 0 = any free one
    public_host  address announced to clients (a name is resolved when the server starts)
    fanout       auto | native | abi | plain
    edges        Janus servers that take viewers over (streaming/edges)
    edges_after  viewers of a room that the hub serves itself before the next goes to an edge
    secret       outlives the process: with it a hub started anew ends the sessions of the one before at once
    tcp_shared   the port of that number takes TCP for another server, which hands media's connections on
    """

    host: str
    port: int
    public_host: str
    fanout: str = "auto"
    edges: tuple[Edge, ...] = ()
    edges_after: int = 0
    secret: bytes | None = field(default=None, repr=False)
    tcp_shared: bool = False


class MediaServer(Service):
    """Rooms, their one UDP port, and the HTTP routes that lead into them.

    All methods belong to the event loop that ran `start`.
    """

    def __init__(
        self,
        config: MediaConfig,
        authority: Authority,
        workers: Workers,
        called: RoomName = lambda room, lang: room,
    ) -> None:
        self.config = config
        self.port = config.port
        self._udp = UdpPort(config.secret)
        self._rooms: dict[str, Room] = {}
        self._sessions = Sessions()
        self._certificate = Certificate()
        self._outbox = Outbox()
        self._callbacks: list[Callable[[str], None]] = []
        self._clock: asyncio.Task[None] | None = None
        self._workers, self._called = workers, called
        self._moves: asyncio.Task[None] | None = None
        self._tcp = False
        self._addresses: list[str] = []
        self._covers: dict[str, dict[str, bool]] = {}
        self._authority = authority
        self.edges: Edges | None = None
        if config.edges:
            beyond = EdgesConfig(config.edges, config.edges_after, f"{config.public_host}:{config.port}")
            self.edges = Edges(beyond, self, self._sessions.remember)

    async def start(self) -> None:
        """Bind the UDP port and start the housekeeping. OSError if the port is taken."""
        self._udp.open(self.config.host, self.config.port)
        self.port = self._udp.port
        self._addresses = await announced(self.config.host, self.config.public_host)
        self._tcp = self.config.tcp_shared or await self._listen()
        self._fanout = choose(self.config.fanout, self._udp.sock)
        self._sender = self._workers.foreign("fanout", FANOUT_SECONDS)
        self._udp.on_drained = self.flush
        self._clock = self._workers.task("media", self._tick)
        self._moves = self._workers.task("addresses", self._follow_addresses, heals=False)
        if self.edges is not None:
            await self.edges.start(self._workers)
        log.info("media.started", port=self.port, fanout=self._fanout.name, addresses=self._addresses)

    async def _listen(self) -> bool:
        """Whether publishers can come by TCP. A port that is taken leaves them UDP."""
        try:
            await self._udp.listen(self.config.host)
        except OSError as error:
            log.warning("media.tcp_unavailable", port=self.port, error=error.strerror)
            return False
        return True

    async def _follow_addresses(self, worker: Worker) -> None:
        """Answers announce the addresses of the moment: a name may be moved, an interface get another one."""
        while True:
            worker.rest()  # a name server may take its time
            await asyncio.sleep(ADDRESSES_SECONDS)
            try:
                found = await announced(self.config.host, self.config.public_host)
            except OSError as error:
                log.warning("media.address_unresolved", name=self.config.public_host, error=str(error))
                continue
            if found != self._addresses:
                log.info("media.addresses_changed", before=self._addresses, after=found)
                self._addresses = found

    async def stop(self) -> None:
        """End every session (peers see the DTLS close) and release the port."""
        tasks = [task for task in (self._clock, self._moves) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.edges is not None:
            await self.edges.stop()
        ending = self._sessions.all()
        for peer in ending:
            peer.close("shutdown")
        await asyncio.gather(*(peer.wait_closed() for peer in ending))
        self._fanout.close()
        self._udp.close()

    def routes(self) -> list[BaseRoute]:
        """OPTIONS/POST on /whip/{room} and /whep/{room}; PATCH/DELETE on the sessions below them."""
        return [*Whip(self, self._authority).routes(), *Whep(self, self._authority).routes()]

    def status(self, room: str) -> RoomStatus:
        """What the room is doing now; an unknown room is simply idle."""
        found = self._rooms.get(room)
        return found.status() if found else RoomStatus()

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Call back with the room's name whenever its publisher came or went."""
        self._callbacks.append(callback)

    def rooms(self) -> list[str]:
        """Names of the rooms that have had a publisher, a viewer or a tap since the start."""
        return list(self._rooms)

    def cameras(self, room: str) -> list[str]:
        """Which of a room's cameras are on air, near one first: names to join by WHEP."""
        return [room + suffix for suffix in SUFFIXES if self.status(room + suffix).publishing]

    def notices(self, room: str) -> list[dict[str, Any]]:
        """What is to be said of what a room's cameras send, for the operators."""
        names = [room + suffix for suffix in SUFFIXES if room + suffix in self._rooms]
        return [{"camera": one, **notice.to_json()} for one in names for notice in self._rooms[one].notices()]

    def trouble(self) -> Checks:
        """Publishers, taps, and the edges where there are any."""
        found = {
            "publishers": troubles.of_publishers(self._rooms, self._called),
            "taps": troubles.of_taps(self._rooms, self._called),
        }
        return found if self.edges is None else {**found, "edges": self.edges.trouble()}

    def metrics(self) -> Iterable[Metric]:
        """Prometheus families of the media plane (see streaming/rooms/counters.py)."""
        yield from families(self._rooms, self._sessions)
        if self.edges is not None:
            yield from self.edges.metrics()

    def cover(self, room: str, *, muted: bool, slated: bool, off_air: bool = False) -> None:
        """Withhold sound or picture of all cameras of a room, off air both from the public alone; it also holds for
        whoever publishes later."""
        for name in (room + suffix for suffix in SUFFIXES):
            self._covers[name] = {"muted": muted, "slated": slated, "off_air": off_air}
            if (found := self._rooms.get(name)) is not None:
                found.cover(**self._covers[name])

    def withdraw(self, room: str, token_hash: str | None) -> None:
        """End who publishes into a room with the token of that digest; None: whoever publishes into it."""
        for name in (room + suffix for suffix in SUFFIXES):
            if (found := self._rooms.get(name)) is not None:
                found.withdraw(token_hash)

    def tap(
        self,
        room: str,
        sink: Tap,
        *,
        keyframe_every: float | None = None,
        kept: bool = False,
        replay: Replay | None = None,
    ) -> Callable[[], None]:
        """Hand the room's encoded packets to `sink` until the returned function is called.

        keyframe_every: seconds; the source is asked for a keyframe at least that often (recordings
        and segments need it: a browser makes none by itself).
        kept: also hand on what mute and slate withhold; for what stays inside, like the recording.
        replay: is called first, with what was sent since the last keyframe, if there was one.
        """
        return self.room(room).add_tap(sink, keyframe_every, kept=kept, replay=replay)

    def request_keyframe(self, room: str) -> None:
        """Ask the room's publisher, if any, for a keyframe; at most one request per 0.5 s leaves."""
        self.room(room).request_keyframe()

    # -- for the signalling -----------------------------------------------------------------------

    @property
    def sessions(self) -> Sessions:
        return self._sessions

    @property
    def certificate(self) -> Certificate:
        return self._certificate

    @property
    def udp(self) -> UdpPort:
        return self._udp

    def candidates(self, *, tcp: bool = False) -> list[Candidate]:
        """Where we can be reached, the public address first; `tcp`: by TCP too, after all of UDP."""
        found = [Candidate(address, self.port) for address in self._addresses]
        return found + [c._replace(tcp=True) for c in found if tcp and self._tcp]

    def tcp_path(self) -> TcpPath:
        """The protocol of a TCP connection that came in by another server's port and is media's."""
        return self._udp.tcp_path()

    def room(self, name: str) -> Room:
        """The room of that name, made on first use (the authority has vouched for the name)."""
        found = self._rooms.get(name)
        if found is None:
            found = self._rooms[name] = Room(name, self._fanout, self._outbox, self._changed)
            if name in self._covers:
                found.cover(**self._covers[name])
        return found

    def _changed(self, room: str) -> None:
        for callback in self._callbacks:
            callback(room)

    def flush(self) -> None:
        """Send what has been pushed into the streams since the last time."""
        self._outbox.flush()

    async def _tick(self, worker: Worker) -> None:
        while True:
            worker.beat()
            await asyncio.sleep(1)
            self._sender.at_work_for(self._fanout.late())
            silent = [peer for peer in self._sessions.all() if peer.silent()]
            for peer in silent:
                peer.close("silent")
            for room in self._rooms.values():
                room.tick()
