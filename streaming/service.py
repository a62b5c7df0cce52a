"""A service of the hub: a part with routes, troubles, metrics, a start and a stop of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

from prometheus_client import Metric
from starlette.routing import BaseRoute

from messages import Message

SEE_LOG = Message("trouble.see_log")


@dataclass(frozen=True)
class Trouble:
    """One failing check: what is wrong, and its remedy."""

    what: Message
    remedy: Message = SEE_LOG

    def to_json(self) -> dict[str, str]:
        """In every language, for whoever shows it: `zh`, `remedy_zh` and so on."""
        return {**self.what.texts(), **self.remedy.texts("remedy_")}

    def line(self) -> str:
        """All of it in one line, in every language."""
        return Message("trouble.with_remedy", what=self.what, remedy=self.remedy).in_every_language()


def one_after_another(messages: Sequence[Message]) -> Message:
    """Several messages as one, at least one given; a stop between them."""
    return reduce(lambda first, then: Message("trouble.then", first=first, then=then), messages)


Checks = Mapping[str, Trouble | None]
"""Name of a check, as in `/healthz` → what is wrong; None while all is well."""
RoomName = Callable[[str, str], str]
"""(room or sub-room, language) → what people call the room."""


class CalledRoom(Message):
    """A room by the name people call it, in their language; to be put into other messages."""

    __slots__ = ("_called",)
    _called: RoomName

    def __init__(self, room: str, called: RoomName) -> None:
        super().__init__("trouble.room", room=room)
        object.__setattr__(self, "_called", called)

    def text(self, lang: str) -> str:
        """What people call it."""
        return self._called(str(self.parameters["room"]), lang)


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
