"""Pieces of an imported file: envelopes, pieces that cannot be one, and notes on what has no place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from messages import Message

EPOCH = "1970-01-01T00:00:00+00:00"
"""`occurred_at` of what has no date: older than anything dated."""


@dataclass(slots=True)
class Piece:
    """An envelope, or (`envelope` None) the raw piece with the reason why it is none."""

    envelope: dict[str, Any] | None
    raw: Any
    line: int | None
    path: str
    reason: Message | None = None
    note: bool = False
    """Nothing wrong with it: only the ledger has no place for this part, which is kept beside."""
    partial: bool = False
    """The envelope says only what has changed; it goes over what is held."""
    version_derived: bool = False
    """Its version is made of its release's date: the same one with other data is a newer one, not a mistake."""
    demo: bool = False
    """Demonstration data, and must stay marked so."""
    member: str | None = None
    """The file it stands in within an archive."""
    sheet: str | None = None
    """The sheet of a workbook."""
    headers: Mapping[str, str] | None = None
    """Field → header and letter of its column."""
