"""The hash chain shared by opening events, audit entries and evidence, and commitments within it. One implementation.

Each entry's hash is SHA-256 over the previous hash, a line feed and the entry's body as canonical
JSON (keys sorted, no spaces, UTF-8): `evidence.verify` has the formulas, which run without us. Whoever holds the bodies in order can recompute every hash.
"""

from __future__ import annotations

import re
import secrets
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


# ── a commitment to what stays inside: it binds whoever wrote it and tells nobody else anything ──
# A plain hash of a short text is no secret: whoever knows thirty candidates tries all thirty. So 256 random bits, the
# salt, stand in what is committed to. Whoever may see it is shown it with its salt and can compute the commitment again.

SALT = "salt"
_WHOLE_SALT = re.compile(r"[0-9a-f]{64}")


def salted(inside: Mapping[str, Any]) -> dict[str, Any]:
    """`inside` with a salt of its own; one that it brings along from another ledger stays."""
    held = inside.get(SALT)
    whole = isinstance(held, str) and _WHOLE_SALT.fullmatch(held)
    return {**inside, SALT: held if whole else secrets.token_hex(32)}


def commitment(inside: Mapping[str, Any]) -> str:
    """The commitment to `inside`, which holds its salt: 64 hexadecimal digits."""
    return digest(inside)


def was_committed(inside: Mapping[str, Any] | None, committed: str) -> bool:
    """Whether this is what was committed to, and whether nobody could have guessed it."""
    salt = (inside or {}).get(SALT)
    return (
        isinstance(salt, str) and bool(_WHOLE_SALT.fullmatch(salt)) and commitment(inside or {}) == committed
    )
