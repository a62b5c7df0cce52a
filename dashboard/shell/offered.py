"""What the records offer to choose from: centres, categories and topics, remembered for a minute."""

from __future__ import annotations

import time
from collections.abc import Callable

from dashboard import context
from supervision.lists import market

_CACHE_SECONDS = 60.0

_remembered: dict[str, tuple[float, list[tuple[str, str, str | None]]]] = {}


def _remember(
    name: str, read: Callable[[], list[tuple[str, str, str | None]]]
) -> list[tuple[str, str, str | None]]:
    key = f"{context.config().database_url}#{name}"
    at, found = _remembered.get(key, (0.0, []))
    if not at or time.monotonic() - at > _CACHE_SECONDS:
        found = read()
        _remembered[key] = (time.monotonic(), found)
    return found


def look_again() -> None:
    """Forget what is remembered: the records are asked the next time."""
    _remembered.clear()


def centres() -> list[tuple[str, str, str | None]]:
    """Id, name and English name of every centre; at most a minute old."""

    def read() -> list[tuple[str, str, str | None]]:
        with context.ledger().read() as session:
            return [(one.id, one.name, one.name_en) for one in market.centres(session)]

    return _remember("centres", read)


def small_centres() -> set[str]:
    """Ids of the centres that handle small-value lots 小额 alone; at most a minute old."""

    def read() -> list[tuple[str, str, str | None]]:
        with context.ledger().read() as session:
            return [
                (one.id, one.name, one.name_en)
                for one in market.centres(session)
                if one.level == market.SMALL_LEVEL
            ]

    return {id for id, _, _ in _remember("small centres", read)}


def categories() -> list[str]:
    """The categories 行业 that lots carry; at most a minute old."""

    def read() -> list[tuple[str, str, str | None]]:
        with context.ledger().read() as session:
            return [(c, c, None) for c in market.categories(session)]

    return [c for c, _, _ in _remember("categories", read)]


def topics() -> list[str]:
    """The topics 专题 that projects carry; at most a minute old."""

    def read() -> list[tuple[str, str, str | None]]:
        with context.ledger().read() as session:
            return [(one, one, None) for one in market.topics(session)]

    return [one for one, _, _ in _remember("topics", read)]
