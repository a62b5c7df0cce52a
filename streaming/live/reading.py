"""Queries of the hub to the ledger: rooms, centres, broadcast sessions and public rows, and nothing else.

Every question runs in a small thread pool, so that a slow disk never holds up the pictures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.clock import now
from records.ledger import Ledger
from records.public import rows as public
from records.tables.broadcast import PublicEvent
from records.tail import Tail

Answer = TypeVar("Answer")


class Reader:
    """Asks the ledger off the event loop, one short read session a question."""

    def __init__(self, ledger: Ledger, threads: int = 4) -> None:
        self.ledger = ledger
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="ledger")

    async def ask(self, question: Callable[[Session], Answer]) -> Answer:
        """The answer to one question; exceptions of the database pass through."""

        def run() -> Answer:
            with self.ledger.read() as session:
                return question(session)

        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    async def write(self, statement: Callable[[Session], None]) -> None:
        """Run one write in a transaction of its own."""

        def run() -> None:
            with self.ledger.write() as session:
                statement(session)

        await asyncio.get_running_loop().run_in_executor(self._pool, run)

    def close(self) -> None:
        """Wait for running questions and give the threads back."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def new_public_rows() -> Tail:
    """Follows the public rows: rows of (seq, topic, subject, visible_from), without their payload."""
    columns = (PublicEvent.seq, PublicEvent.topic, PublicEvent.subject, PublicEvent.visible_from)
    return Tail("hub:public", select(*columns), PublicEvent.seq)


def next_due(session: Session, opening_id: str, after: int) -> datetime | None:
    """When the first event of an opening that is still hidden after position `after` becomes visible."""
    return session.scalars(
        select(PublicEvent.visible_from)
        .where(
            PublicEvent.topic == "opening_event",
            PublicEvent.subject == opening_id,
            PublicEvent.position > after,
            PublicEvent.visible_from > now(),
        )
        .order_by(PublicEvent.position)
        .limit(1)
    ).first()


def hidden_openings(session: Session) -> dict[str, datetime]:
    """Openings with a state that is not public yet, and when it becomes so."""
    query = (
        select(PublicEvent.subject, func.min(PublicEvent.visible_from).label("since"))
        .where(PublicEvent.topic == "opening", PublicEvent.visible_from > now())
        .group_by(PublicEvent.subject)
    )
    return {row.subject: row.since for row in session.execute(query)}


def openings_on(session: Session, days: Iterable[str]) -> list[dict[str, Any]]:
    """Public state of every opening scheduled on one of the days (YYYY-MM-DD, Beijing)."""
    return [payload for day in days for payload in public.latest_all(session, "opening", day=day)]


def openings_of(session: Session, ids: Iterable[str]) -> list[dict[str, Any]]:
    """Public state of these openings, in their order; those the public does not know are left out."""
    wanted = list(ids)
    held = {payload["id"]: payload for payload in every(session, "opening", wanted)}
    return [held[key] for key in wanted if key in held]


def announced(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """When the first event of each of these openings was told (RFC 3339), of those the public knows."""
    query = select(PublicEvent.subject, PublicEvent.payload).where(
        PublicEvent.topic == "opening_event",
        PublicEvent.position == 1,
        PublicEvent.visible_from <= now(),
        PublicEvent.subject.in_(list(ids)),
    )
    return {row.subject: str(row.payload["ts"]) for row in session.execute(query)}


def every(session: Session, topic: str, subjects: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Newest visible payload of every subject of a topic, or of some, one after the other."""
    newest = select(func.max(PublicEvent.seq)).where(
        PublicEvent.topic == topic, PublicEvent.visible_from <= now()
    )
    if subjects is not None:
        newest = newest.where(PublicEvent.subject.in_(subjects))
    query = select(PublicEvent.payload).where(PublicEvent.seq.in_(newest.group_by(PublicEvent.subject)))
    yield from session.scalars(query.execution_options(yield_per=500))


def of_project(session: Session, topic: str, code: str) -> list[dict[str, Any]]:
    """Newest visible payload of every subject of `topic` whose payload names the project `code`."""
    newest = (
        select(func.max(PublicEvent.seq))
        .where(
            PublicEvent.topic == topic,
            PublicEvent.visible_from <= now(),
            PublicEvent.project == code,
        )
        .group_by(PublicEvent.subject)
    )
    rows = session.scalars(
        select(PublicEvent).where(PublicEvent.seq.in_(newest)).order_by(PublicEvent.subject)
    )
    return [row.payload for row in rows]


class Beside(NamedTuple):
    """What stands beside the feed of an opening."""

    past: dict[str, Any] | None
    """Its record if it came as history."""
    award: dict[str, Any] | None
    """What became of its lot."""
    against: dict[str, Any] | None
    """In what its list and readings are not the bids (`records.against_bids`)."""


def beside(session: Session, opening: Mapping[str, Any]) -> Beside:
    """Read what stands beside the feed of an opening."""
    return Beside(
        past=public.latest(session, "record", opening["id"]),
        award=public.latest(session, "award", opening["lot"]),
        against=public.latest(session, "against_bids", opening["id"]),
    )
