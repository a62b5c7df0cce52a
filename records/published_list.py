"""Public numbers 名单序号 of bids: fixed when an opening's list of bidders is published, never changed afterwards.

The list itself is the event `bidders_published` of the opening's chain, a number and a name a line. Which bid a line
means is written with that event (`ListedBid`): from then on a bid keeps its number, whatever becomes of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from records import consortia
from records.bids_on_hand import bids_on_hand
from records.currencies import remark_with_vat
from records.tables.bids import Bid, ListedBid
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Organisation

UNDECRYPTED = "解密失败，不唱标"
"""The remark under which a bid that could not be decrypted is passed over at the reading."""
_LAST = datetime.max.replace(tzinfo=UTC)
"""Stands for a time of receipt that nobody has told."""


@dataclass(frozen=True)
class Line:
    """One line of the list: its number, the bidder's name, and the bid where the ledger holds it."""

    number: int
    name: str
    bid: Bid | None


def fix_numbers(session: Session, opening: Opening, payload: Mapping[str, Any]) -> None:
    """Write which bids the lines of a list mean, in the transaction of its event; `told` names the bidders."""
    for line in _matched(session, opening.lot_id, payload, {}):
        if line.bid is not None:
            session.add(ListedBid(opening_id=opening.id, number=line.number, bid_id=line.bid.id))


def list_of(session: Session, opening: Opening) -> list[Line]:
    """The list of an opening in order of number: as it was published, or as it would be now.

    A bid that reached the ledger after the list was published is found by its bidder's name.
    """
    query = select(OpeningEvent.payload, OpeningEvent.detail).where(
        OpeningEvent.opening_id == opening.id, OpeningEvent.type == "bidders_published"
    )
    published = session.execute(query).first()
    if published is None:
        found = bids_on_hand(session, opening.lot_id)
        names = _names(session, found)
        return [Line(number, names[bid.bidder_id], bid) for number, bid in enumerate(found, 1)]
    unmasked = (published.detail or {}).get("unmasked", published.payload)
    lines = _matched(session, opening.lot_id, unmasked, _fixed(session, opening.id))
    return sorted(lines, key=lambda line: line.number)


def bid_of(session: Session, opening: Opening, payload: Mapping[str, Any]) -> Bid | None:
    """The bid that a reading is of, by its number in the published list; None where the ledger holds none."""
    query = select(Bid).join(ListedBid, ListedBid.bid_id == Bid.id)
    return session.scalar(query.where(ListedBid.opening_id == opening.id, ListedBid.number == payload["no"]))


def with_vat_told(
    session: Session, opening: Opening, of_lot: str | None, payload: Mapping[str, Any]
) -> dict[str, Any]:
    """A reading that says, where the ledger's bid tells and the reading does not, that its price counts otherwise than the
    lot's amounts (`of_lot`: their `vat`): nobody is to hold the one against the other unawares."""
    bid = bid_of(session, opening, payload) if payload.get("price") is not None else None
    remark = remark_with_vat(payload.get("remark"), bid.vat, of_lot) if bid else None
    return {**payload, **({"remark": remark} if remark else {})}


@dataclass(frozen=True)
class Departures:
    """In what a list is not the bids on hand in order of their receipt."""

    missing: list[str]
    """Names of bidders on hand and not in the list."""
    others: list[Line]
    """In the list, and no bid of theirs is on hand."""
    misplaced: list[Line]
    """Out of the order of receipt, or under a number that does not follow the one before."""


def departures(
    session: Session, opening: Opening, payload: Mapping[str, Any], at: datetime | None = None
) -> Departures:
    """How far a list (its names not masked) departs from the bids the ledger held at the moment `at` (default: holds).

    Bids received at the same time may stand in either order. Where the ledger holds no bids there is nothing to compare.
    """
    held = [
        bid
        for bid in bids_on_hand(session, opening.lot_id)
        if at is None or bid.received_at is None or bid.received_at <= at
    ]
    fixed = _fixed(session, opening.id)
    if not held and not fixed:
        return Departures([], [], [])
    lines = sorted(_matched(session, opening.lot_id, payload, fixed), key=lambda line: line.number)
    listed = {line.bid.bidder_id for line in lines if line.bid}
    missing = [bid for bid in held if bid.bidder_id not in listed]
    names = _names(session, missing)
    return Departures(
        [names[bid.bidder_id] for bid in missing],
        [line for line in lines if line.bid is None],
        list(_misplaced(lines)),
    )


def _misplaced(lines: Iterable[Line]) -> Iterator[Line]:
    latest: datetime | None = None
    for number, line in enumerate(lines, 1):
        received = (line.bid.received_at or _LAST) if line.bid else latest
        if line.number != number or (latest and received and received < latest):
            yield line
        latest = max(latest, received) if latest and received else received


def numbers(session: Session, lot_ids: Sequence[str]) -> dict[str, int]:
    """Bid → its public number in the newest published list of its lot."""
    query = (
        select(ListedBid.bid_id, ListedBid.number, Opening.lot_id, Opening.id)
        .join(Opening, Opening.id == ListedBid.opening_id)
        .where(Opening.lot_id.in_(lot_ids))
        .order_by(Opening.scheduled_at, Opening.id)
    )
    newest: dict[str, tuple[str, dict[str, int]]] = {}
    for bid, number, lot, opening in session.execute(query):
        if lot not in newest or newest[lot][0] != opening:
            newest[lot] = opening, {}
        newest[lot][1][bid] = number
    return {bid: number for _, listed in newest.values() for bid, number in listed.items()}


def _fixed(session: Session, opening_id: str) -> dict[int, Bid]:
    query = select(ListedBid.number, Bid).join(Bid, Bid.id == ListedBid.bid_id)
    return dict(session.execute(query.where(ListedBid.opening_id == opening_id)).all())


def _matched(
    session: Session, lot_id: str, payload: Mapping[str, Any], fixed: Mapping[int, Bid]
) -> Iterator[Line]:
    """The lines of a list, each with the bid it is known to mean, else with the one on hand whose bidder it names: by that
    very name first, then as the consortium that it leads."""
    known = {bid.id for bid in fixed.values()}
    waiting = [bid for bid in bids_on_hand(session, lot_id) if bid.id not in known]
    names = _names(session, waiting)
    named: dict[str, list[Bid]] = defaultdict(list)
    for bid in reversed(waiting):
        named[consortia.key(names[bid.bidder_id])].append(bid)
    found = dict(fixed)
    for line in payload["bidders"]:
        own = named.get(consortia.key(line["name"]) or "?")
        if line["no"] not in found and own:
            found[line["no"]] = own.pop()
    left = [bid for bids in named.values() for bid in bids]
    for line in payload["bidders"]:
        yield Line(line["no"], line["name"], found.get(line["no"]) or _led(line["name"], left, names))


def _led(name: str, left: list[Bid], names: Mapping[str, str]) -> Bid | None:
    """Take of the bids left the one whose consortium a line names."""
    for bid in left:
        members = [names[one] for one in bid.consortium if one in names]
        if consortia.means(name, names[bid.bidder_id], members):
            left.remove(bid)
            return bid
    return None


def _names(session: Session, bids: Iterable[Bid]) -> dict[str, str]:
    wanted = {one for bid in bids for one in (bid.bidder_id, *bid.consortium)}
    query = select(Organisation.id, Organisation.name).where(Organisation.id.in_(wanted))
    return dict(session.execute(query).all())
