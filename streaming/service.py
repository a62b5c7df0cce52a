"""What the hub is made of: services, each with addresses, troubles, figures, a start and an end of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import Metric
from starlette.routing import BaseRoute


@dataclass(frozen=True)
class Trouble:
    """One failing check in words, and its remedy."""

    zh: str
    en: str
    remedy_zh: str = "查看直播服务日志"
    remedy_en: str = "see the hub's log"

    def line(self) -> str:
        """All of it in one line."""
        return f"{self.zh}，{self.remedy_zh} / {self.en}: {self.remedy_en}"


Checks = Mapping[str, Trouble | None]
"""Name of a check, as in `/healthz` → what is wrong; None while all is well."""
RoomName = Callable[[str, str], str]
"""(room or sub-room, language) → what people call the room."""


class Service(Protocol):
    """One part of the hub. What a service does not need it inherits from here: no address, no trouble, no figure,
    nothing to begin."""

    def routes(self) -> Sequence[BaseRoute]:
        """Its addresses."""
        return ()

    def trouble(self) -> Checks:
        """All its checks, those that fail and those that do not."""
        return {}

    def metrics(self) -> Iterable[Metric]:
        """Its Prometheus families."""
        return ()

    async def start(self) -> None:
        """Begin. What it raises keeps the hub from starting, unless the service is one of those beside the media
        plane (`streaming.media`)."""
        return

    async def stop(self) -> None:
        """End everything `start` began; called only after a `start` that succeeded."""
        return
