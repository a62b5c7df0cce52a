"""Orders about a room that wait for a second person: each for as long as `records.control` allows."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import structlog

from records import control
from records.control import Order

log = structlog.get_logger()


@dataclass(frozen=True)
class Asked:
    """A request that waits for a second person."""

    room: str
    act: str
    on: bool
    reason: str
    actor: str
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    until: float = field(default_factory=lambda: time.monotonic() + control.PENDING_SECONDS)

    def as_dict(self) -> dict[str, Any]:
        """For the other operators."""
        left = max(0, round(self.until - time.monotonic()))
        return {
            "id": self.id, "act": self.act, "on": self.on, "reason": self.reason, "by": self.actor,
            "seconds_left": left,
        }  # fmt: skip

    def made_by(self, order: Order) -> bool:
        """Whether an order that refers to this request is of the same content."""
        return (self.room, self.act, self.on, self.actor) == (order.room, order.act, order.on, order.actor)


class Pending:
    """The requests that wait now."""

    def __init__(self) -> None:
        self._asked: dict[str, Asked] = {}

    def of(self, room: str) -> list[dict[str, Any]]:
        """Those about one room, for the operators."""
        instant = time.monotonic()
        return [one.as_dict() for one in self._asked.values() if one.room == room and one.until > instant]

    def ask(self, order: Order) -> Asked:
        """The request that an order makes, or that waits already for the same."""
        self._sweep()
        for asked in self._asked.values():
            if (asked.room, asked.act, asked.on) == (order.room, order.act, order.on):
                return asked
        asked = Asked(order.room, order.act, order.on, order.reason, order.actor)
        self._asked[asked.id] = asked
        log.info("room_order_waits", room=asked.room, act=asked.act, on=asked.on)
        return asked

    def get(self, request: str) -> Asked | None:
        """The request of that id, while it waits."""
        self._sweep()
        return self._asked.get(request)

    def done(self, asked: Asked) -> None:
        """It was confirmed."""
        del self._asked[asked.id]

    def _sweep(self) -> None:
        instant = time.monotonic()
        self._asked = {key: asked for key, asked in self._asked.items() if asked.until > instant}
