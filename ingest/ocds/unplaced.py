"""Fields of OCDS releases that the ledger has no place for: said once a file, with how often they came."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.files.pieces import Piece

NO_PLACE = "账本没有这一项的位置，未入账 / the ledger has no place for this field"
_MANY = 1_000
"""Different fields told of one file."""


class Left:
    """What was left out of the releases of one file."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str], int] = {}
        self._examples: dict[tuple[str, str], Any] = {}
        self._more = 0

    def count(self, path: str, value: Any, reason: str | None = None) -> None:
        """Once more: a field with something that is not taken."""
        key = path, reason or NO_PLACE
        if key in self._times:
            self._times[key] += 1
        elif len(self._times) < _MANY:
            self._times[key], self._examples[key] = 1, value
        else:
            self._more += 1

    def told(self) -> Iterator[Piece]:
        """A note for each field; then nothing is left."""
        for (path, reason), times in self._times.items():
            raw = {"field": path, "times": times, "example": self._examples[path, reason]}
            yield Piece(None, raw, None, path, f"{reason}（{times} 次 / {times} times）", note=True)
        if self._more:
            words = (
                f"还有 {self._more} 处其他字段未入账 / {self._more} more in other fields, not told one by one"
            )
            yield Piece(None, {"times": self._more}, None, ".", words, note=True)
        self._times, self._examples, self._more = {}, {}, 0
