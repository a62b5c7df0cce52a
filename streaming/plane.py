"""What the hub needs of a media plane; `streaming.rooms.media.MediaServer` is the one that ships."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from prometheus_client import Metric
from starlette.routing import BaseRoute


class PictureStatus(Protocol):
    """The part of a room's media status that pages depend on."""

    @property
    def publishing(self) -> bool:
        """Whether pictures arrive."""
        ...


class MediaPlane(Protocol):
    """Takes pictures in and gives them out."""

    async def start(self) -> None:
        """Bind the media port. OSError if it is taken."""
        ...

    async def stop(self) -> None:
        """End every session and release the port."""
        ...

    def routes(self) -> Sequence[BaseRoute]:
        """WHIP and WHEP."""
        ...

    def tcp_path(self) -> asyncio.Protocol:
        """The protocol of a TCP connection that came in by the port of the pages and is media's."""
        ...

    def status(self, room: str) -> PictureStatus:
        """What a room is doing; an unknown room is idle."""
        ...

    def cover(self, room: str, *, muted: bool, slated: bool) -> None:
        """Withhold sound or picture of a room from the public, until told otherwise."""
        ...

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Call back when a room's publisher came or went."""
        ...

    def metrics(self) -> Iterable[Metric]:
        """Prometheus families."""
        ...
