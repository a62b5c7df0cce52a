"""Orders to the hub about a room: what the desk signs and the hub obeys."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, field
from typing import Any

from itsdangerous import BadSignature

import messages
from records.serving import signing

PURPOSE = "control"
MAX_AGE = 30
"""Seconds an order may be on its way."""
PENDING_SECONDS = 60.0
"""How long the first operator's request waits for a second one."""
LONGEST_REASON = 200

ACTS = ("mute", "slate", "needs_two")
"""What an order may switch on or off."""

REASONS = ("identity", "private", "technical", "order")
"""Reasons that stand on the slate in the reader's language; any other text is shown as it is."""

_ALONE = frozenset({("slate", True), ("needs_two", True)})


def needs_second(act: str, on: bool) -> bool:
    """Whether an order takes two people where the room asks for two: all but the emergency slate (privacy
    first) and asking for two. Lifting the slate, and giving up two-person control, take two."""
    return (act, on) not in _ALONE


@dataclass(frozen=True)
class Order:
    """One order. `actor` gives it; at the confirmation of a request `actor` is who asked, `second` who confirms."""

    actor: str
    act: str
    """A key of ACTS, or read: the state of all rooms."""
    room: str = ""
    on: bool = False
    reason: str = ""
    second: str = ""
    request: str = ""
    """The id of the pending request that is confirmed."""
    nonce: str = field(default_factory=lambda: secrets.token_hex(8))
    """An order is obeyed once."""


def sign(key: bytes, order: Order) -> str:
    """The order as a bearer token."""
    return signing.serializer(key, PURPOSE).dumps(asdict(order))


def check(key: bytes, token: str, max_age: int = MAX_AGE) -> Order | None:
    """The order of a token that is ours, for this purpose and younger than `max_age` seconds, else None."""
    try:
        data: Any = signing.serializer(key, PURPOSE).loads(token, max_age=max_age)
        return Order(**data)
    except (BadSignature, TypeError):
        return None


def reason_text(reason: str, lang: str) -> str:
    """What stands on the slate."""
    return messages.say(f"site.slate.reason.{reason}", lang) if reason in REASONS else reason
