"""Values of OCDS releases, whatever stands in them: texts, amounts, times, keys."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ingest.kinds.fields import loose_moment
from records.clock import BEIJING

Json = dict[str, Any]
LARGEST = Decimal(900_000_000_000_000)
"""What the ledger holds as money."""


def children(value: Any) -> list[Json]:
    """The objects of a list; anything else in it is none of ours."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def words(value: Any) -> list[str]:
    """The texts of a list; one text is a list of itself."""
    listed = value if isinstance(value, list) else [value]
    return [item for item in listed if isinstance(item, str)]


def section(value: Json, *path: str) -> Json:
    """A nested object, empty where it is missing."""
    for name in path:
        found = value.get(name)
        value = found if isinstance(found, dict) else {}
    return value


def text(value: Any, limit: int = 300) -> str | None:
    """A trimmed text or number as text, None if empty."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    return " ".join(str(value).split())[:limit] or None


def amount(value: Any) -> str | None:
    """An amount as a decimal string of at most four places; -0 is 0."""
    if value is None:
        return None
    exact = Decimal(str(value)).quantize(Decimal("0.0001")).normalize()
    return format(abs(exact) if exact.is_zero() else exact, "f")


def instant(value: Any) -> datetime | None:
    """A time with offset; without one UTC, a day its midnight. None for what is no time."""
    return loose_moment(value.strip(), UTC) if isinstance(value, str) else None


def moment(value: Any) -> str | None:
    """A time as the ledger takes it; a day alone is that day in Beijing, as in every file."""
    when = instant(value)
    if when and len(value.strip()) == len("2024-05-06"):
        when = when.replace(tzinfo=BEIJING)
    return when.isoformat() if when else None


def fit(key: str) -> str:
    """A key of at most 200 characters; a longer one ends in its own hash."""
    key = " ".join(key.split())
    return key if len(key) <= 200 else key[:180] + "~" + hashlib.sha256(key.encode()).hexdigest()[:16]
