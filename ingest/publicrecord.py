"""The public record 开标记录 of openings that came as history: their bids were read aloud, but no event tells of it.

Only what is read out is here (招标投标法 art. 36): name, price, time, quality. An opening that failed or was broken
off was not read out and has no record; one with events has its record in its feed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from ingest.publicrows import row
from ingest.rows import chunks
from records import public
from records.bids import Bid
from records.clock import now
from records.openings import Opening
from records.organisations import Organisation
from records.projects import Lot
from records.visibility import Datum, LotClock, visible_from

_OVER = ("ended", "sealed")


def records(session: Session, lot_ids: Iterable[str], demo: frozenset[str]) -> list[dict[str, Any]]:
    """Rows (topic `record`, subject the opening) of the history openings of these lots that are over by now."""
    rows = []
    for part in chunks(sorted(set(lot_ids))):
        openings = _read_out(session, part)
        lots = {lot.id: lot for lot in session.scalars(select(Lot).where(Lot.id.in_(sorted(openings))))}
        bids = _bids(session, [key for key, found in openings.items() if any(not o.head_seq for o in found)])
        for lot_id, found in openings.items():
            for opening, own in zip(
                found, _shared_out(found, bids.get(lot_id, []), lots[lot_id]), strict=True
            ):
                since = _since(opening, lots[lot_id])
                if not opening.head_seq and own and since is not None and since <= now():
                    payload = _payload(opening, lots[lot_id], own, opening.source in demo)
                    rows.append(row("record", opening.id, payload, since))
    return rows


def _read_out(session: Session, lot_ids: Sequence[str]) -> dict[str, list[Opening]]:
    """Lot → its openings at which bids were read, earliest first."""
    query = select(Opening).where(
        Opening.lot_id.in_(lot_ids), Opening.state.in_(_OVER), Opening.result == "opened"
    )
    found: dict[str, list[Opening]] = defaultdict(list)
    for opening in session.scalars(query.order_by(Opening.scheduled_at, Opening.id)):
        found[opening.lot_id].append(opening)
    return found


def _bids(session: Session, lot_ids: Sequence[str]) -> dict[str, list[tuple[Bid, str]]]:
    """Lot → its bids in order of receipt, with the bidder's name; what was withdrawn is not opened."""
    query = (
        select(Bid, Organisation.name)
        .join(Organisation, Organisation.id == Bid.bidder_id)
        .where(Bid.lot_id.in_(lot_ids), or_(Bid.withdrawn_at.is_(None), Bid.status == "revoked"))
        .where(Bid.status != "withdrawn")
        .order_by(Bid.lot_id, Bid.received_at.is_(None), Bid.received_at, Bid.id)
    )
    found: dict[str, list[tuple[Bid, str]]] = defaultdict(list)
    for bid, name in session.execute(query):
        found[bid.lot_id].append((bid, name))
    return found


def _shared_out(
    openings: Sequence[Opening], bids: Sequence[tuple[Bid, str]], lot: Lot
) -> Iterator[list[tuple[Bid, str]]]:
    """The bids of each opening. A lot tendered anew has several: a bid belongs to the first that begins after it.

    What came after the last one is its own too, unless the lot has been put out again since.
    """
    after: datetime | None = None
    for opening in openings:
        last = opening is openings[-1]
        again = lot.deadline is not None and lot.deadline > opening.scheduled_at
        yield [
            (bid, name)
            for bid, name in bids
            if _within(bid.received_at, after, None if last and not again else opening.scheduled_at, last)
        ]
        after = opening.scheduled_at


def _within(received: datetime | None, after: datetime | None, until: datetime | None, last: bool) -> bool:
    if received is None:
        return last and until is None
    return (after is None or received > after) and (until is None or received <= until)


def _since(opening: Opening, lot: Lot) -> datetime | None:
    """From when the prices are public: their reading, for which its end stands in, and never before the deadline."""
    clock = LotClock(
        deadline=lot.deadline or opening.scheduled_at, prices_read=opening.ended_at or opening.scheduled_at
    )
    return visible_from(Datum.BID_PRICES, clock)


def _payload(opening: Opening, lot: Lot, bids: Sequence[tuple[Bid, str]], demo: bool) -> dict[str, Any]:
    return {
        "lot": lot.id,
        "project": lot.project_id,
        "columns": list(public.RECORD_COLUMNS),
        "bids": [_line(bid, public.MASK if lot.prequalification else name) for bid, name in bids],
        "demo": demo,
    }


def _line(bid: Bid, name: str) -> list[Any]:
    """One bid as `RECORD_COLUMNS` names its parts; of one that could not be decrypted nothing was read."""
    if bid.decrypt_status == "failed":
        return [name, None, None, None, "failed"]
    return [name, public.money(bid.price), bid.duration_days, bid.quality, bid.decrypt_status]
