"""The hash chain shared by opening events, audit entries and evidence. One implementation.

Each entry's hash is SHA-256 over the previous hash, a line feed and the entry's body as canonical
JSON (keys sorted, no spaces, UTF-8): `evidence.verify` has the formulas, which run without us. Whoever holds the bodies in order can recompute every hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from evidence.verify import canonical as canonical
from evidence.verify import digest as digest
from evidence.verify import genesis as genesis
from evidence.verify import link as link


def stamp(moment: datetime) -> str:
    """A moment as it enters a chained body: RFC 3339, UTC, microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Break:
    """Where a chain first differs from what its bodies say."""

    index: int
    expected: str
    found: str


def verify(start: str, entries: Iterable[tuple[Mapping[str, Any], str]]) -> Break | None:
    """Walk `(body, hash)` pairs from `start`; None if every hash holds, else the first break."""
    previous = start
    for index, (body, found) in enumerate(entries):
        expected = link(previous, body)
        if expected != found:
            return Break(index, expected, found)
        previous = found
    return None


def event_body(
    opening_id: str, seq: int, ts: datetime, kind: str, payload: Mapping[str, Any]
) -> dict[str, Any]:
    """The chained body of an opening event: what a viewer of the public feed can rebuild."""
    return {"opening": opening_id, "seq": seq, "ts": stamp(ts), "type": kind, "payload": payload}
