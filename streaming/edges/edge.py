"""One edge as the hub deals with it: kept connected, its viewers, its end."""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from messages import Message, local
from records.serving.workers import Worker, Workers
from streaming.edges.config import Edge
from streaming.edges.janus import Janus, JanusError, JanusGone
from streaming.edges.liveness import Liveness
from streaming.edges.mountpoints import Key, Mountpoint, Mountpoints, Plane
from streaming.edges.translate import MID, answers, candidates
from streaming.wire.codecs import Codec
from streaming.wire.sdp import Offer, SdpError, parse_fragment

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
HANDSHAKE = 20.0
"""Seconds a viewer may take to connect to the edge before its place is free again."""
BARREN = 4
REST_SECONDS = 60.0
"""An edge that serves nobody and whose last BARREN joins never connected is spared viewers for so long: its
ports may be shut to them, or its public address be wrong."""


class EdgeViewer:
    """A viewer whom an edge serves; its session's address is the hub's all the same."""

    def __init__(
        self, link: EdgeLink, room: str, offer: Offer, handle: int, mountpoint: Mountpoint, answer: str
    ) -> None:
        self.id = secrets.token_urlsafe(18)
        self.etag = f'"{secrets.token_hex(6)}"'
        self.room, self.offer, self.handle = room, offer, handle
        self.mountpoint, self.answer = mountpoint, answer
        self.created = time.monotonic()
        self.connected = False
        self.timer: asyncio.TimerHandle | None = None
        self._link = link

    def close(self, why: str) -> None:
        """Disconnect; for one that is gone already, nothing happens."""
        self._link.end(self, why)

    async def trickle(self, fragment: str) -> None:
        """Candidates of the viewer's. SdpError for a malformed fragment and for an ICE restart, which an
        edge cannot answer: the player joins anew."""
        credentials = parse_fragment(fragment)
        if credentials not in (None, (self.offer.ufrag, self.offer.password)):
            raise SdpError(Message("edge.no_restart"))
        given = candidates(fragment)
        if given:
            await self._link.trickle(self, given)


class EdgeLink:
    """The hub's link to one edge and the viewers it has there; `on_left(viewer, why)` hears of every one that is gone,
    for whatever reason."""

    def __init__(
        self, edge: Edge, plane: Plane, owner: str, on_left: Callable[[EdgeViewer, str], None]
    ) -> None:
        self.edge = edge
        self.viewers: dict[int, EdgeViewer] = {}
        self.joining = 0
        self.falls = 0
        self.why = ""
        """Why it does not serve: gone, or refused (it answers, but not to our keys); empty while it does."""
        self._barren = 0
        self._rests_until = 0.0
        self._plane, self._owner, self._on_left = plane, owner, on_left
        self._janus: Janus | None = None
        self._mountpoints: Mountpoints | None = None
        self._task: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()

    @property
    def up(self) -> bool:
        """Whether it answers."""
        return self._janus is not None and not self._janus.gone.is_set()

    @property
    def open(self) -> bool:
        """Whether the next viewer may be sent there."""
        return self.up and self.load < 1 and time.monotonic() >= self._rests_until

    @property
    def load(self) -> float:
        """Viewers, those joining included, as a share of its capacity."""
        return (len(self.viewers) + self.joining) / self.edge.capacity

    @property
    def mountpoints(self) -> int:
        """How many stand on it for this hub."""
        return len(self._mountpoints) if self._mountpoints else 0

    @property
    def sent(self) -> int:
        """Datagrams sent to the mountpoints that stand now."""
        return sum(relay.sent for relay in self._mountpoints.relays()) if self._mountpoints else 0

    # -- life -------------------------------------------------------------------------------------

    def start(self, workers: Workers) -> None:
        """Connect in the background and stay connected."""
        self._task = workers.task(f"edge {self.edge.name}", self._run, heals=False)

    async def stop(self) -> None:
        """Remove the mountpoints and say goodbye; an edge that does not answer is left alone."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*self._background, return_exceptions=True)

    async def _run(self, worker: Worker) -> None:
        worker.rest()  # an edge may be away as long as it likes
        pause, said = FIRST_PAUSE, ""
        while True:
            try:
                await self._serve()
                pause, said, self.why = FIRST_PAUSE, "", "gone"
            except (JanusError, OSError, KeyError, ValueError) as error:
                self.why = "refused" if isinstance(error, JanusError) and error.code else "gone"
                if str(error) != said:  # once, not every few seconds of a long night
                    said = str(error)
                    log.warning("edge.not_usable", edge=self.edge.name, error=said)
            await asyncio.sleep(pause * (0.5 + random.random()))
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _serve(self) -> None:
        """Be connected until the edge is gone."""
        host = await _resolve(self.edge.media_host)
        janus = await Janus.open(self.edge, self._heard)
        try:
            control = await janus.attach()
            mountpoints = Mountpoints(self.edge, janus, control, host, self._plane, self._owner)
            await mountpoints.sweep()
            self._janus, self._mountpoints, self.why = janus, mountpoints, ""
            log.info("edge.up", edge=self.edge.name)
            await self._stay(janus)
            log.warning("edge.down", edge=self.edge.name, viewers=len(self.viewers))
            self.falls += 1
        finally:
            await self._fall(janus)

    async def _stay(self, janus: Janus) -> None:
        if not self.edge.admin:
            await janus.gone.wait()
            return
        liveness = Liveness(
            self.edge, janus.session, self._connected, lambda viewer: self.end(viewer, "silent")
        )
        tasks = {asyncio.create_task(liveness.run()), asyncio.create_task(_until(janus.gone))}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()

    def _connected(self) -> list[EdgeViewer]:
        return [viewer for viewer in self.viewers.values() if viewer.connected]

    async def _fall(self, janus: Janus) -> None:
        mountpoints, self._janus, self._mountpoints = self._mountpoints, None, None
        why = "edge_lost" if janus.gone.is_set() else "shutdown"
        for viewer in list(self.viewers.values()):
            self._forget(viewer, why)
        if mountpoints is not None:
            if not janus.gone.is_set():
                await mountpoints.close()
            mountpoints.abandon()
        await janus.close()

    # -- viewers ----------------------------------------------------------------------------------

    async def join(self, room: str, offer: Offer, codecs: Mapping[str, Codec]) -> EdgeViewer:
        """Let a viewer in. JanusError where the edge does not, SdpError where descriptions do not fit."""
        janus, mountpoints = self._janus, self._mountpoints
        if janus is None or mountpoints is None or janus.gone.is_set():
            raise JanusGone("not connected")
        self.joining += 1
        try:
            mountpoint = await mountpoints.enter(Key.of(room, codecs))
            try:
                viewer = await self._watch(janus, mountpoints.pin, mountpoint, room, offer, codecs)
            except BaseException:
                mountpoints.leave(mountpoint)
                raise
        finally:
            self.joining -= 1
        if self.viewers.get(viewer.handle) is not viewer:
            raise JanusGone("left while joining")
        viewer.timer = asyncio.get_running_loop().call_later(HANDSHAKE, self.end, viewer, "no_handshake")
        return viewer

    async def _watch(
        self,
        janus: Janus,
        pin: str,
        mountpoint: Mountpoint,
        room: str,
        offer: Offer,
        codecs: Mapping[str, Codec],
    ) -> EdgeViewer:
        handle = await janus.attach()
        try:
            wanted = {
                "request": "watch",
                "id": mountpoint.id,
                "pin": pin,
                "media": [MID[kind] for kind in codecs],
            }
            made = await janus.plugin(handle, wanted)
            both = answers(offer, codecs, made["sdp"] or "", self.edge.public)
            viewer = EdgeViewer(self, room, offer, handle, mountpoint, both.viewer)
            self.viewers[handle] = viewer  # before "start": what Janus tells of the handle must find it
            await janus.plugin(handle, {"request": "start"}, both.janus)
        except BaseException:
            self.viewers.pop(handle, None)
            self._later(self._detach(janus, handle))
            raise
        return viewer

    def end(self, viewer: EdgeViewer, why: str) -> None:
        """Disconnect a viewer; for one that is gone already, nothing happens."""
        if self._janus is not None and self.viewers.get(viewer.handle) is viewer:
            self._later(self._detach(self._janus, viewer.handle))
            self._forget(viewer, why)

    async def trickle(self, viewer: EdgeViewer, given: list[str]) -> None:
        """Hand on candidates. The path stands without them as well: the viewer's own checks show its
        address, so an edge that does not take them is only noted."""
        if self._janus is None:
            return
        mid = next(MID[media.kind] for media in viewer.offer.media if media.wanted)
        entries = [{"candidate": item, "sdpMid": mid, "sdpMLineIndex": 0} for item in given]
        try:
            await self._janus.trickle(viewer.handle, entries)
        except JanusError as error:
            log.info("edge.trickle_refused", edge=self.edge.name, error=str(error))

    def _heard(self, handle: int, what: str) -> None:
        viewer = self.viewers.get(handle)
        if viewer is None:
            return
        if what == "webrtcup":
            viewer.connected = True
            self._barren = 0
            if viewer.timer is not None:
                viewer.timer.cancel()
        elif what in ("hangup", "detached"):
            self.end(viewer, "left")

    def _forget(self, viewer: EdgeViewer, why: str) -> None:
        del self.viewers[viewer.handle]
        if viewer.timer is not None:
            viewer.timer.cancel()
        if self._mountpoints is not None:
            self._mountpoints.leave(viewer.mountpoint)
            if not viewer.connected:
                self._note_barren()
        self._on_left(viewer, why)

    def _note_barren(self) -> None:
        self._barren += 1
        if self._barren >= BARREN and not self._connected():
            self._barren = 0
            self._rests_until = time.monotonic() + REST_SECONDS
            log.warning(
                "edge.viewers_do_not_reach_it",
                edge=self.edge.name,
                remedy=local("edges.not_reached"),
            )

    async def _detach(self, janus: Janus, handle: int) -> None:
        try:
            await janus.detach(handle)
        except JanusError as error:
            log.info("edge.detach_failed", edge=self.edge.name, error=str(error))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _until(event: asyncio.Event) -> None:
    await event.wait()


async def _resolve(host: str) -> tuple[socket.AddressFamily, str]:
    """Family and address datagrams go to. OSError where the name is unknown."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    infos.sort(key=lambda info: info[0] != socket.AF_INET)
    family, _, _, _, address = infos[0]
    return family, str(address[0])
