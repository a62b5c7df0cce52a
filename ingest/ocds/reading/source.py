"""State kept across the releases of one source: its name, what was last sent of a record, what has no place."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.files.pieces import Piece
from messages import Message

Json = dict[str, Any]
_REMEMBERED = 20_000
_FIELDS = 1_000
"""Different fields noted of one file."""
_NO_PLACE = Message("ocds.no_place")


class LastSent:
    """What was last sent of each record in one import: bounded, so a run needs constant memory.

    More than one batch must fit: what is not yet in the ledger cannot be asked there.
    """

    def __init__(self, size: int = _REMEMBERED) -> None:
        self._size = size
        self._held: OrderedDict[tuple[str, str], tuple[int, Json]] = OrderedDict()

    def get(self, kind: str, key: str) -> tuple[int, Json] | None:
        """(version, data) last sent of a record in this run."""
        return self._held.get((kind, key))

    def put(self, kind: str, key: str, version: int, data: Json) -> None:
        """Remember what is sent."""
        self._held[kind, key] = version, data
        self._held.move_to_end((kind, key))
        if len(self._held) > self._size:
            self._held.popitem(last=False)


class Unplaced:
    """Fields the ledger has no place for: counted, and noted once a file with how often they came."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, Message], int] = {}
        self._examples: dict[tuple[str, Message], Any] = {}
        self._more = 0

    def count(self, path: str, value: Any, reason: Message | None = None) -> None:
        """Once more: a field with something that is not taken."""
        key = re.sub(r"\[\d+\]", "", path), reason or _NO_PLACE
        if key in self._times:
            self._times[key] += 1
        elif len(self._times) < _FIELDS:
            self._times[key], self._examples[key] = 1, value
        else:
            self._more += 1

    def notes(self) -> Iterator[Piece]:
        """A note for each field; counting begins anew."""
        for (path, reason), times in self._times.items():
            raw = {"field": path, "times": times, "example": self._examples[path, reason]}
            counted = Message("ocds.so_often", reason=reason, times=times)
            yield Piece(None, raw, None, path, counted, note=True)
        if self._more:
            more = Message("ocds.more_unplaced", times=self._more)
            yield Piece(None, {"times": self._more}, None, ".", more, note=True)
        self._times, self._examples, self._more = {}, {}, 0


@dataclass
class ReleaseSource:
    """The source whose releases are read.

    `keeps_sources`: a full export of sunbid says under which sources its records were held; they keep them
    unless the one who imports has named a source.
    """

    name: str
    keeps_sources: bool = False
    last_sent: LastSent = field(default_factory=LastSent)
    unplaced: Unplaced = field(default_factory=Unplaced)

    def of(self, named: Any) -> str:
        """The source a record counts for that names one itself."""
        return named if self.keeps_sources and isinstance(named, str) and named else self.name
