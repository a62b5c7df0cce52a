"""The mountpoints of one edge: made for the first viewer, removed a while after the last."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from streaming.edges.config import Edge
from streaming.edges.janus import Janus, JanusError, JanusGone
from streaming.edges.relay import Ports, Relay
from streaming.edges.translate import MID
from streaming.taps import Tap
from streaming.wire.codecs import CLOCK, H264, OPUS, Codec

log = structlog.get_logger()

IDLE_SECONDS = 30.0
_DEFAULT = {
    "video": Codec(H264, 96, CLOCK["video"]),
    "audio": Codec(OPUS, 111, CLOCK["audio"], 2),
}
"""For viewers that want only one of the two: the mountpoint has both, so that others can share it."""
_MISSING = 455  # Janus: no such mountpoint


class Plane(Protocol):
    """What edges need of the media plane."""

    def tap(self, room: str, sink: Tap, *, keyframe_every: float | None = None) -> Callable[[], None]: ...
    def request_keyframe(self, room: str) -> None: ...


@dataclass(frozen=True)
class Key:
    """What a mountpoint relays. Janus leaves payload types as they come, so viewers share one only with
    viewers whose browsers chose the same numbers."""

    room: str
    video: str
    video_type: int
    audio_type: int

    @classmethod
    def of(cls, room: str, codecs: Mapping[str, Codec]) -> Key:
        """The mountpoint for a viewer who chose these."""
        video, audio = (codecs.get(kind, _DEFAULT[kind]) for kind in ("video", "audio"))
        return cls(room, video.name, video.payload_type, audio.payload_type)

    @property
    def codecs(self) -> dict[str, Codec]:
        """As codecs again."""
        return {
            "video": Codec(self.video, self.video_type, CLOCK["video"]),
            "audio": Codec(OPUS, self.audio_type, CLOCK["audio"], 2),
        }


@dataclass(eq=False)
class Mountpoint:
    """One mountpoint that stands on the edge. `users` counts viewers, those joining included."""

    id: int
    key: Key
    relay: Relay
    untap: Callable[[], None]
    users: int = 0
    retiring: asyncio.TimerHandle | None = field(default=None, repr=False)

    def cut(self) -> None:
        """Send nothing more."""
        if self.retiring is not None:
            self.retiring.cancel()
        self.untap()
        self.relay.close()


class Mountpoints:
    """Valid for one session with one edge. `control` is a handle of that session."""

    def __init__(
        self, edge: Edge, janus: Janus, control: int, host: tuple[Any, str], plane: Plane, owner: str
    ) -> None:
        self._edge, self._janus, self._control, self._host = edge, janus, control, host
        self._plane = plane
        self._prefix = f"sunbid-{hashlib.sha256(owner.encode()).hexdigest()[:8]}-"
        self._secret = hashlib.sha256(f"sunbid/{edge.key}/{edge.secret}".encode()).hexdigest()[:32]
        self._mountpoints: dict[Key, Mountpoint] = {}
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._mountpoints)

    @property
    def pin(self) -> str:
        """What Janus asks of whoever wants to watch: only the hub knows it."""
        return self._secret[:16]

    def relays(self) -> list[Relay]:
        """The relays under way."""
        return [mountpoint.relay for mountpoint in self._mountpoints.values()]

    async def sweep(self) -> None:
        """Remove what an earlier run of this hub left behind. JanusError if the key is wrong."""
        listed = await self._ask({"request": "list"})
        for item in listed.get("list", []):
            if str(item.get("description", "")).startswith(self._prefix):
                await self._destroy(int(item["id"]))
                log.info("edge.stale_mountpoint_removed", edge=self._edge.name)

    async def enter(self, key: Key) -> Mountpoint:
        """The mountpoint of that key, made if need be, with one more user."""
        async with self._lock:
            found = self._mountpoints.get(key)
            if found is None:
                found = self._mountpoints[key] = await self._create(key)
            if found.retiring is not None:
                found.retiring.cancel()
                found.retiring = None
            found.users += 1
            return found

    def leave(self, mountpoint: Mountpoint) -> None:
        """One user less; the last one starts the clock."""
        mountpoint.users -= 1
        if mountpoint.users == 0 and self._mountpoints.get(mountpoint.key) is mountpoint:
            loop = asyncio.get_running_loop()
            mountpoint.retiring = loop.call_later(IDLE_SECONDS, self.drop, mountpoint)

    def drop(self, mountpoint: Mountpoint) -> None:
        """Remove it in the background; viewers that are left are disconnected by Janus."""
        if self._mountpoints.get(mountpoint.key) is mountpoint:
            del self._mountpoints[mountpoint.key]
            mountpoint.cut()
            self._spawn(mountpoint.id, mountpoint.key.room)

    async def close(self) -> None:
        """Remove all of them, as far as the edge still answers."""
        for mountpoint in list(self._mountpoints.values()):
            self.drop(mountpoint)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def abandon(self) -> None:
        """The edge is gone: stop sending."""
        for mountpoint in self._mountpoints.values():
            mountpoint.cut()
        self._mountpoints.clear()

    # -- below ------------------------------------------------------------------------------------

    async def _create(self, key: Key) -> Mountpoint:
        number = secrets.randbits(31) | 1
        try:
            reply = await self._ask(self._wanted(number, key))
        except (JanusGone, asyncio.CancelledError):
            self._spawn(number, key.room)  # it may have been made although no answer came
            raise
        ports = {
            str(item["type"]): Ports(int(item["port"]), int(item["rtcp_port"]))
            for item in reply["stream"]["ports"]
        }
        relay = Relay(self._host, key.codecs)
        relay.open(ports)
        relay.on_keyframe_wanted = lambda: self._plane.request_keyframe(key.room)
        made = Mountpoint(number, key, relay, self._plane.tap(key.room, relay))
        relay.on_other_codec = lambda: self.drop(made)
        log.info("edge.mountpoint_created", edge=self._edge.name, room=key.room, video=key.video)
        return made

    def _wanted(self, number: int, key: Key) -> dict[str, Any]:
        name = f"{self._prefix}{key.room}"
        return {
            "request": "create",
            "type": "rtp",
            "id": number,
            "name": name,
            "description": name,  # the one of the two that a list shows
            "secret": self._secret,
            "pin": self.pin,
            "is_private": True,
            "permanent": False,
            "media": [_stream(kind, codec) for kind, codec in key.codecs.items()],
        }

    def _spawn(self, number: int, room: str) -> None:
        task = asyncio.create_task(self._remove(number, room))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _remove(self, number: int, room: str) -> None:
        try:
            await self._destroy(number)
        except JanusError as error:
            # the next sweep finds it again
            log.warning("edge.mountpoint_not_removed", edge=self._edge.name, room=room, error=str(error))
        else:
            log.info("edge.mountpoint_removed", edge=self._edge.name, room=room)

    async def _destroy(self, number: int) -> None:
        try:
            await self._ask({"request": "destroy", "id": number, "secret": self._secret})
        except JanusError as error:
            if error.code != _MISSING:
                raise

    async def _ask(self, body: dict[str, Any]) -> dict[str, Any]:
        key = {"admin_key": self._edge.key} if self._edge.key else {}
        return await self._janus.plugin(self._control, {**body, **key})


def _stream(kind: str, codec: Codec) -> dict[str, Any]:
    """One entry of `media`; port 0 lets Janus choose within its rtp_port_range."""
    made = {
        "type": kind,
        "mid": MID[kind],
        "label": MID[kind],
        "port": 0,
        "rtcpport": 0,
        "pt": codec.payload_type,
        "codec": codec.name.lower(),
    }
    if codec.name == H264:
        made["fmtp"] = "packetization-mode=1;profile-level-id=42e01f"
    return made
