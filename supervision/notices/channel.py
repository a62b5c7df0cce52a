"""What a way of telling people of new warnings has to do, and what a notice holds.

A notice names nobody: rule, level, title and lot, and the address at which a supervisor signs in and sees the rest
(warnings are for supervisors only).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

TIMEOUT = 10.0
"""Seconds a receiver has to answer."""

Notice = dict[str, Any]
"""{"id", "rule", "level", "title", "lot", "lot_name", "raised_at", "url"}."""


class NotDelivered(Exception):
    """A receiver did not take the notices; the text says why, without addresses or secrets."""


class Channel(Protocol):
    """A way to tell of warnings."""

    @property
    def name(self) -> str:
        """What it is called in the log, and under which how far it has come is kept."""

    def send(self, notices: Sequence[Notice]) -> None:
        """Hand over the notices, oldest first. Raises NotDelivered."""
