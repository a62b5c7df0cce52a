"""Comparisons of lots' bid files, newest first: what was read, what could not be, and which bidders' files are alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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


def behind(session: Session, lot: str | None, subjects: Iterable[Mapping[str, str]]) -> Check | None:
    """The comparison behind a warning about a lot: the pairs among its subjects alone; None where it is not finished, or
    finds none of them alike."""
    held = session.get(FileCheck, lot) if lot else None
    if held is None or held.state != "done":
        return None
    among = {one["id"] for one in subjects if one["kind"] == "bidder"}
    found = _check(held, "")
    pairs = [pair for pair in found.pairs if {pair["one"], pair["other"]} <= among]
    return replace(found, pairs=pairs) if pairs else None


def _check(held: FileCheck, name: str) -> Check:
    unread = [UnreadFile(one["bidder"], one["path"], Message.from_json(one["why"])) for one in held.unread]
    pairs = sorted(held.pairs, key=lambda pair: (-len(pair["reasons"]), -pair["text"]))
    return Check(
        held.lot_id, name, held.bidders, held.files, held.size, held.done, held.state == "reading", unread, pairs,
        held.checked_at or held.started_at,
    )  # fmt: skip
