"""Parts that work beside the hub's core (recorder, segments, cameras …): each is made, started and stopped here.

To mount one, add its name and what makes it to `streaming.parts.PARTS`. A part that cannot start is named by `/healthz`;
the pictures and the feeds go on without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import structlog
from starlette.routing import BaseRoute

from streaming.health import Trouble

if TYPE_CHECKING:
    from streaming.hub import Hub

log = structlog.get_logger()


class Service(Protocol):
    """One part. It starts after the media plane and stops before it.

    It may also have `message()`: what is wrong with it, a Trouble or words "zh / en"; None or "" while all is well.
    """

    async def start(self) -> None:
        """Begin; whatever it raises is logged and shown as this part's trouble."""
        ...

    async def stop(self) -> None:
        """End everything `start` began; called only after a `start` that succeeded."""
        ...

    def routes(self) -> Sequence[BaseRoute]:
        """Its addresses, if any."""
        ...


MakeService = Callable[["Hub"], "Service | None"]
"""Makes a part for a hub, or nothing where the settings do not ask for it."""


class Services:
    """The parts of one hub."""

    def __init__(self, hub: Hub, makers: Mapping[str, MakeService]) -> None:
        made = {name: make(hub) for name, make in makers.items()}
        self.parts: dict[str, Service] = {name: part for name, part in made.items() if part is not None}
        self._running: list[str] = []
        self.failed: dict[str, str] = {}
        """Part → error that kept it from starting."""

    def routes(self) -> list[BaseRoute]:
        """Addresses of all parts."""
        return [route for part in self.parts.values() for route in part.routes()]

    async def start(self) -> None:
        """Start all parts, each by itself."""
        for name, part in self.parts.items():
            try:
                await part.start()
            except Exception as error:  # one part must not keep the pictures from the public
                self.failed[name] = type(error).__name__
                log.exception("part_not_started", part=name)
            else:
                self._running.append(name)

    async def stop(self) -> None:
        """Stop what was started, the last one first."""
        while self._running:
            name = self._running.pop()
            try:
                await self.parts[name].stop()
            except Exception:  # the others must still be stopped
                log.exception("part_not_stopped", part=name)

    def trouble(self, name: str) -> Trouble | str | None:
        """Why a part did not start, or what it says of itself, for `/healthz`."""
        if name not in self.failed:
            says: Callable[[], Trouble | str | None] | None = getattr(self.parts[name], "message", None)
            return says() if says is not None else None
        return Trouble(
            f"部件 {name} 未能启动（{self.failed[name]}）", f"part {name} did not start ({self.failed[name]})",
            "查看日志 part_not_started，排除后重启直播服务", "see part_not_started in the log, then restart the hub",
        )  # fmt: skip
