"""Interface of a media plane to the rest of the hub; `streaming.rooms.media.MediaServer` implements it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from streaming.rooms.room import Room
from streaming.service import Service
from streaming.taps import Replay, Tap


class RoomStatus(Protocol):
    """What a room is doing, as far as pages, HLS, recorder and the look at the pictures ask."""

    @property
    def publishing(self) -> bool:
        """Whether pictures arrive."""
        ...

    @property
    def video(self) -> str | None:
        """Codec of the pictures, if any."""
        ...

    @property
    def audio(self) -> str | None:
        """Codec of the sound, if any."""
        ...

    @property
    def fps(self) -> float:
        """Pictures a second."""
        ...

    @property
    def loss(self) -> float:
        """Share of the publisher's packets lost in the last second, before repair."""
        ...


class MediaPlane(Service, Protocol):
    """Takes pictures in and gives them out. Its `start` binds the media port: OSError if that is taken."""

    def tcp_path(self) -> asyncio.Protocol:
        """The protocol of a TCP connection that came in by the port of the pages and is media's."""
        ...

    def status(self, room: str) -> RoomStatus:
        """What a room is doing; an unknown room is idle."""
        ...

    def cameras(self, room: str) -> list[str]:
        """Which cameras of a room are on air: names to join by WHEP, near one first."""
        ...

    def notices(self, room: str) -> list[dict[str, Any]]:
        """What is to be said of what a room's cameras send, for the operators."""
        ...

    def cover(self, room: str, *, muted: bool, slated: bool, off_air: bool = False) -> None:
        """Withhold sound or picture of a room from the public, until told otherwise; off air, the desk still sees it."""
        ...

    def withdraw(self, room: str, token_hash: str | None) -> None:
        """End who publishes into a room with the token of that digest; None: whoever publishes into it."""
        ...

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Call back when a room's publisher came or went."""
        ...

    def rooms(self) -> list[str]:
        """Names of the rooms that have had a publisher, a viewer or a tap since the start."""
        ...

    def room(self, name: str) -> Room:
        """The room of that name, for a source that publishes into it."""
        ...

    def flush(self) -> None:
        """Send what has been pushed into the rooms' streams since the last time."""
        ...

    def tap(
        self, room: str, sink: Tap, *, keyframe_every: float | None = None, kept: bool = False,
        replay: Replay | None = None,
    ) -> Callable[[], None]:  # fmt: skip
        """Hand a room's encoded packets to `sink` until the returned function is called."""
        ...
