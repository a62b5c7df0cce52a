"""The record 开标记录 of an opening: what was read aloud of each bidder, and what is still missing before it may be confirmed.

All bids received are opened and read (招标投标法 art. 36), and an objection raised on the spot is answered on the spot
(实施条例 art. 44): so a record is whole when every bidder of the published list is read or could not be decrypted, and
every objection has its answer or is kept open with a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Message, Parameter
from records import draw
from records.opening_checks import READINGS, WrongReading
from records.published_list import Line, list_of
from records.tables.openings import Opening, OpeningEvent
from records.tables.projects import Lot
from records.visibility import Datum, visible

_NAMED = 12
"""So many numbers of bidders stand in a message; the rest is counted."""


_OF_A_BID = ("price", "duration_days", "quality", "remark")
"""What is read aloud of a bid."""


def as_corrected(read: Mapping[str, Any] | None, correction: Mapping[str, Any]) -> dict[str, Any]:
    """A reading after a correction: what that does not name stays as it was read. web/browser/story.js says the same."""
    told = {name: value for name, value in correction.items() if value is not None}
    stays = {name: (read or {}).get(name) for name in _OF_A_BID}
    return {name: value for name, value in stays.items() if value is not None} | told


@dataclass
class Progress:
    """What the events of an opening say of its list, its reading and its objections."""

    listed: list[int] = field(default_factory=list)
    published: bool = False
    """Whether there is a list."""
    failed: int = 0
    """Bidders said not to have been decrypted."""
    decrypted: int = 0
    """Bidders said to have been decrypted; which ones, only the ledger's bids tell, unless it is all of them."""
    read: dict[int, str | None] = field(default_factory=dict)
    """Number → price as it was read or last corrected, in the order of the readings; None where none was read."""
    said: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    """Number → what was read or last corrected, whole."""
    open: dict[int, str] = field(default_factory=dict)
    """Objections neither answered nor kept open: number → words, empty where the answer came first."""
    answered: set[int] = field(default_factory=set)
    draws: dict[str, draw.Draw] = field(default_factory=dict)
    """Draws by what is drawn."""
    confirmed: bool = False
    changed: bool = False
    """Whether a reading was corrected, an objection raised or answered since the record was confirmed."""

    def add(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Take in one more event."""
        if kind == "bidders_published":
            self.listed, self.published = [line["no"] for line in payload["bidders"]], True
        elif kind == "decrypt_progress":
            self.failed = payload.get("failed") or 0
            self.decrypted = payload.get("done") or 0
        elif kind in READINGS:
            read = as_corrected(self.said.get(payload["no"]), payload)
            self.read[payload["no"]], self.said[payload["no"]] = read.get("price"), read
        elif kind == "record_confirmed":
            self._close(one["no"] for one in payload.get("kept_open", []))
            self.confirmed, self.changed = True, False
        elif kind == "objection" and payload["no"] not in self.answered:
            self.open[payload["no"]] = payload["content"]
        elif kind == "objection_answered":
            self.answered.add(payload["no"])
            self._close([payload["no"]])
        elif kind in draw.EVENTS:
            name = draw.kind_of(payload)
            self.draws.setdefault(name, draw.Draw(name)).add(kind, payload, "")
        self.changed |= kind in ("bid_corrected", "objection", "objection_answered")

    def _close(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.open.pop(number, None)

    @property
    def undrawn(self) -> list[str]:
        """What was committed to and has not been drawn."""
        return [one.kind for one in self.draws.values() if one.waits]

    @property
    def all_decrypted(self) -> bool:
        """Whether every bidder on the list is said to have been decrypted."""
        return 0 < len(self.listed) <= self.decrypted

    @property
    def all_read(self) -> bool:
        """Whether as many are read as could be decrypted: from then on an objection is the next stage."""
        return all_read(len(self.listed), len(self.read), self.failed)


def all_read(listed: int, read: int, failed: int) -> bool:
    """Whether, of a list of bidders, all but those that could not be decrypted are read. web/browser/story.js says the same."""
    return 0 < listed <= read + failed


def progress(
    session: Session, opening_id: str, kinds: Iterable[str] | None = None, before: int | None = None
) -> Progress:
    """What the events of an opening have said so far: of these types only, and up to event `before`, where given."""
    found = Progress()
    query = select(OpeningEvent.type, OpeningEvent.payload).where(OpeningEvent.opening_id == opening_id)
    if kinds is not None:
        query = query.where(OpeningEvent.type.in_(kinds))
    if before is not None:
        query = query.where(OpeningEvent.seq < before)
    for kind, payload in session.execute(query.order_by(OpeningEvent.seq)):
        found.add(kind, payload)
    return found


def differs(filed: Decimal | None, read: str | None) -> bool:
    """Whether a price was read that is not the one in the decrypted file; false where either is not known."""
    return filed is not None and read is not None and Decimal(read) != filed


def read_last(session: Session, opening_id: str) -> dict[str, Any] | None:
    """What was read aloud or corrected last; None before the reading."""
    query = select(OpeningEvent.payload).where(
        OpeningEvent.opening_id == opening_id, OpeningEvent.type.in_(READINGS)
    )
    return session.scalar(query.order_by(OpeningEvent.seq.desc()).limit(1))


def events_after(session: Session, opening_id: str, after: int) -> list[OpeningEvent]:
    """The events of an opening whose number is above `after`, in order."""
    query = select(OpeningEvent).where(OpeningEvent.opening_id == opening_id, OpeningEvent.seq > after)
    return list(session.scalars(query.order_by(OpeningEvent.seq)))


# ── before it is confirmed ───────────────────────────────────────────────────


@dataclass(frozen=True)
class Missing:
    """What a record lacks before it may be confirmed: numbers of bidders and of objections, in order."""

    undecided: tuple[int, ...] = ()
    """Neither read, nor known not to be decrypted."""
    unread: tuple[int, ...] = ()
    """Decrypted and not read."""
    unanswered: tuple[int, ...] = ()
    undrawn: tuple[str, ...] = ()
    """What was committed to and has not been drawn: never revealing ends in a draw with fresh seeds, not in silence."""

    def __bool__(self) -> bool:
        return bool(self.undrawn or self.undecided or self.unread or self.unanswered)

    def messages(self) -> list[Message]:
        """What is missing, a message a kind."""
        lacking: Sequence[tuple[str, Sequence[int | str]]] = (
            ("undrawn", self.undrawn),
            ("undecided", self.undecided),
            ("unread", self.unread),
            ("unanswered", self.unanswered),
        )
        return [
            Message(f"record.{name}", count=len(found), numbers=names_in_message(found))
            for name, found in lacking
            if found
        ]


def missing(course: Progress, lines: Iterable[Line]) -> Missing:
    """What the record of an opening lacks, from its events and what the ledger knows of the bids of its list."""
    waiting = [no for no in course.listed if no not in course.read]
    status = {line.number: line.bid.decrypt_status for line in lines if line.bid}
    unread = [no for no in waiting if status.get(no) == "success"]
    unknown = [no for no in waiting if status.get(no) not in ("success", "failed")]
    failed_elsewhere = course.failed - (len(waiting) - len(unread) - len(unknown))
    undecided = unknown if len(unknown) > failed_elsewhere else []
    return Missing(tuple(undecided), tuple(unread), tuple(sorted(course.open)), tuple(course.undrawn))


class NotComplete(WrongReading):
    """A record confirmed, or an opening ended as held, while something of it is missing."""


def check_complete(session: Session, opening: Opening, kind: str, payload: Mapping[str, Any]) -> None:
    """Raise NotComplete, naming what is missing, where a record is confirmed or an opening ended too early."""
    found = progress(session, opening.id)
    if kind == "record_confirmed":
        found.add(kind, payload)
        left = missing(found, list_of(session, opening))
    elif payload.get("result") == "opened":
        left = Missing(unanswered=tuple(sorted(found.open)), undrawn=tuple(found.undrawn))
        if found.changed and not left:
            raise NotComplete(Message("record.changed", opening=opening.id))
    else:
        return
    if left:
        raise NotComplete(Message("record.incomplete", opening=opening.id, missing=left.messages()))


def names_in_message(found: Sequence[int | str]) -> list[Parameter]:
    """Names or numbers as a message holds them, the first dozen."""
    return [*found[:_NAMED], *(["…"] if len(found) > _NAMED else [])]


# ── as it stands ─────────────────────────────────────────────────────────────


def rows(session: Session, opening_id: str) -> list[dict[str, Any]]:
    """What was read aloud, one row a bidder, in order of number, as it was published and last corrected; `before` holds
    what was read first."""
    query = select(OpeningEvent).where(OpeningEvent.opening_id == opening_id, OpeningEvent.type.in_(READINGS))
    found: dict[int, dict[str, Any]] = {}
    for event in session.scalars(query.order_by(OpeningEvent.seq)):
        number = event.payload["no"]
        first = found.get(number)
        read = {**as_corrected(first, event.payload), "read_at": event.ts, "seq": event.seq}
        if first is not None:
            read["before"] = [*first.pop("before", []), first]
        found[number] = read
    return [found[no] for no in sorted(found)]


def process_is_visible(session: Session, opening_id: str) -> bool:
    """Whether the steps of an opening may be seen by supervisors now (records.visibility)."""
    own = select(Opening.id).join(Lot, Lot.id == Opening.lot_id).where(Opening.id == opening_id)
    return session.scalar(own.where(visible(Datum.OPENING_PROCESS))) is not None
