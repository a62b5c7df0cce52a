"""What a file is taken apart into: envelopes, and pieces that cannot be one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

EPOCH = "1970-01-01T00:00:00+00:00"
"""`occurred_at` of what has no date: older than anything dated."""


@dataclass(slots=True)
class Piece:
    """An envelope, or (`envelope` None) the raw piece with the reason why it is none."""

    envelope: dict[str, Any] | None
    raw: Any
    line: int | None
    path: str
    reason: str | None = None
