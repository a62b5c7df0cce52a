"""Comparisons of lots' bid files, newest first: what was read, what could not be, and which bidders' files are alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Message
from records.lots import centre_of_lot
from records.tables.bids import FileCheck
from records.tables.projects import Lot

_MOST = 500
"""Lots listed."""


@dataclass(frozen=True)
class UnreadFile:
    """A file that could not be read. `bidder` is empty for the tender documents."""

    bidder: str
    path: str
    why: Message


@dataclass(frozen=True)
class Check:
    """One lot's comparison, finished or under way."""

    lot: str
    lot_name: str
    bidders: int
    files: int
    size: int
    done: int
    """Bytes of all files, and those read so far."""
    reading: bool
    unread: list[UnreadFile]
    pairs: list[dict[str, Any]]
    """As `FileCheck.pairs`, those with most reasons first."""
    at: datetime
    """When it was finished or begun."""


def checks(session: Session, centre: str | None = None) -> list[Check]:
    """The comparisons, of one centre's lots or of all: those with pairs first, then the newest."""
    query = (
        select(FileCheck, Lot.name)
        .join(Lot, Lot.id == FileCheck.lot_id)
        .order_by(FileCheck.started_at.desc())
    )
    if centre:
        query = query.where(centre_of_lot() == centre)
    found = [_check(held, name) for held, name in session.execute(query.limit(_MOST))]
    return sorted(found, key=lambda one: (not one.reading, not one.pairs))


def _check(held: FileCheck, name: str) -> Check:
    unread = [UnreadFile(one["bidder"], one["path"], Message.from_json(one["why"])) for one in held.unread]
    pairs = sorted(held.pairs, key=lambda pair: (-len(pair["reasons"]), -pair["text"]))
    return Check(
        held.lot_id, name, held.bidders, held.files, held.size, held.done, held.state == "reading", unread, pairs,
        held.checked_at or held.started_at,
    )  # fmt: skip
