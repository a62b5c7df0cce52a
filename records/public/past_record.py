"""The public record 开标记录 of openings that came as history: their bids were read aloud, but no event tells of it.

Only what is read out is here (招标投标法 art. 36): name, price, time, quality. An opening that failed or was broken
off was not read out and has no record; one with events has its record in its feed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import null, select
from sqlalchemy.orm import Session

from records.bids_on_hand import on_hand
from records.clock import now
from records.currencies import is_comparable
from records.public.rows import MASK, RECORD_COLUMNS, money
from records.tables.bids import Bid
from records.tables.openings import Opening
from records.tables.organisations import Organisation
from records.tables.projects import Lot
from records.visibility import Datum, LotClock, visible_from

_PART = 500
"""Organisations asked for at once."""


@dataclass(frozen=True)
class PastRecord:
    """What was read out at one opening, and from when the public may see it."""

    opening: str
    source: str
    visible_from: datetime
    payload: dict[str, Any]


@dataclass(frozen=True)
class _Opening:
    id: str
    scheduled_at: datetime
    ended_at: datetime | None
    head_seq: int
    source: str


@dataclass(frozen=True)
class _Lot:
    id: str
    project: str
    deadline: datetime | None
    masked: bool
    vat: str | None


@dataclass(frozen=True)
class _Bid:
    members: list[str]
    """The other firms of a consortium."""
    id: str
    bidder_id: str
    status: str
    received_at: datetime | None
    withdrawn_at: datetime | None
    name: str
    price: Decimal | None
    duration_days: int | None
    quality: str | None
    decrypt_status: str | None
    vat: str | None

    def other_vat(self, lot: _Lot) -> bool:
        """Whether its price counts otherwise than the lot's amounts do."""
        return self.price is not None and not is_comparable(self.vat, lot.vat)

    def line(self, masked: bool) -> list[Any]:
        """The bid as `RECORD_COLUMNS` names its parts; of one that could not be decrypted nothing was read."""
        who = [MASK, []] if masked else [self.name, self.members]
        if self.decrypt_status == "failed":
            return [*who, None, None, None, "failed"]
        return [*who, money(self.price), self.duration_days, self.quality, self.decrypt_status]


def past_records(session: Session, lot_ids: Sequence[str], *, vat_held: bool = True) -> Iterator[PastRecord]:
    """Records of the history openings of these lots that are over by now. A few thousand lots at a time.

    `vat_held`: whether the ledger has columns for VAT; one that is just being upgraded from before has none yet.
    """
    openings = _read_out(session, lot_ids)
    past = [lot for lot, found in openings.items() if any(not opening.head_seq for opening in found)]
    lots, bids = _lots(session, past, vat_held), _bids(session, past, vat_held)
    for key in past:
        for opening, own in _shared_out(openings[key], bids.get(key, []), lots[key]):
            since = _since(opening, lots[key])
            if not opening.head_seq and own and since is not None and since <= now():
                yield PastRecord(opening.id, opening.source, since, _payload(lots[key], own))


def _read_out(session: Session, lot_ids: Sequence[str]) -> dict[str, list[_Opening]]:
    """Lot → its openings at which bids were read, earliest first."""
    query = (
        select(
            Opening.lot_id,
            Opening.id,
            Opening.scheduled_at,
            Opening.ended_at,
            Opening.head_seq,
            Opening.source,
        )
        .where(
            Opening.lot_id.in_(lot_ids),
            Opening.state.in_(("ended", "sealed")),
            Opening.result == "opened",
        )
        .order_by(Opening.scheduled_at, Opening.id)
    )
    found: dict[str, list[_Opening]] = defaultdict(list)
    for row in session.execute(query):
        found[row[0]].append(_Opening(*row[1:]))
    return found


def _lots(session: Session, ids: Sequence[str], vat_held: bool) -> dict[str, _Lot]:
    vat = Lot.vat if vat_held else null()
    query = select(Lot.id, Lot.project_id, Lot.deadline, Lot.prequalification, vat)
    query = query.where(Lot.id.in_(ids))
    return {row[0]: _Lot(*row) for row in session.execute(query)}


def _bids(session: Session, lot_ids: Sequence[str], vat_held: bool) -> dict[str, list[_Bid]]:
    """Lot → all its bids."""
    query = (
        select(
            Bid.lot_id, Bid.consortium, Bid.id, Bid.bidder_id, Bid.status, Bid.received_at, Bid.withdrawn_at,
            Organisation.name, Bid.price, Bid.duration_days, Bid.quality, Bid.decrypt_status,
            Bid.vat if vat_held else null(),
        )
        .join(Organisation, Organisation.id == Bid.bidder_id)
        .where(Bid.lot_id.in_(lot_ids))
    )  # fmt: skip
    rows = session.execute(query).all()
    names = member_names(session, [row[1] for row in rows])
    found: dict[str, list[_Bid]] = defaultdict(list)
    for lot_id, consortium, *own in rows:
        members = [names[key] for key in consortium if key in names]
        found[lot_id].append(_Bid(members, *own))
    return found


def member_names(session: Session, consortia: Iterable[Sequence[str]]) -> dict[str, str]:
    """Firm → name, of all that are named as other members of a consortium."""
    wanted = sorted({key for consortium in consortia for key in consortium})
    query = select(Organisation.id, Organisation.name)
    parts = (wanted[at : at + _PART] for at in range(0, len(wanted), _PART))
    return {
        key: name for part in parts for key, name in session.execute(query.where(Organisation.id.in_(part)))
    }


def _shared_out(
    openings: Sequence[_Opening], bids: Sequence[_Bid], lot: _Lot
) -> Iterator[tuple[_Opening, list[_Bid]]]:
    """Each opening with the bids on hand at it. A lot tendered anew has several: a bid belongs to the first that
    begins after it; what waits for the last has the lot's deadline, unless the lot has been put out again since."""
    before: datetime | None = None
    for opening in openings:
        again = lot.deadline is not None and lot.deadline > opening.scheduled_at
        ended = again or opening is not openings[-1]
        own = [bid for bid in bids if bid.received_at or not ended]
        yield opening, on_hand(own, opening.scheduled_at if ended else lot.deadline, before)
        before = opening.scheduled_at


def _since(opening: _Opening, lot: _Lot) -> datetime | None:
    """From when the prices are public: their reading, for which its end stands in, never before the deadline."""
    clock = LotClock(
        deadline=lot.deadline or opening.scheduled_at, prices_read=opening.ended_at or opening.scheduled_at
    )
    return visible_from(Datum.BID_PRICES, clock)


def _payload(lot: _Lot, bids: Sequence[_Bid]) -> dict[str, Any]:
    otherwise = {str(no): bid.vat for no, bid in enumerate(bids, 1) if bid.other_vat(lot)}
    return {
        "lot": lot.id,
        "project": lot.project,
        "columns": list(RECORD_COLUMNS),
        "bids": [bid.line(lot.masked) for bid in bids],
        **({"other_vat": otherwise} if otherwise else {}),  # number → vat, where it is not the lot's
    }
