"""History of a warning's subjects: lots in which its bidders met before, and other warnings about them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.bids_on_hand import bid_on_hand
from records.clock import now, rfc3339
from records.lots import OPENED_STATUSES, announced_time
from records.tables.bids import Bid
from records.tables.money import Award
from records.tables.projects import Lot, counted
from supervision.warnings.desk import WarningFilters, WarningRow, list_warnings

HISTORY = timedelta(days=730)
MOST_MARKS = 40
RELATED_AMONG = 1000
"""How many of the newest warnings are looked through for the same subjects."""


def together(session: Session, row: WarningRow) -> dict[str, Any] | None:
    """Lots opened in the two years before this one in which two or more of these bidders met; None if alone.

    Counted back from the warning's own lot, which is not among them, and without rehearsals.
    """
    people = [s["id"] for s in row.subjects if s["kind"] == "bidder"]
    if len(people) < 2:
        return None
    until = _moment(session, row)
    at = _opening_time()
    query = (
        select(Lot.id, at, Bid.bidder_id)
        .join(Bid, Bid.lot_id == Lot.id)
        .where(
            Bid.bidder_id.in_(people), bid_on_hand(), Lot.status.in_(OPENED_STATUSES), counted(),
            at >= until - HISTORY, at < until, Lot.id != (row.lot_id or ""),
        )
    )  # fmt: skip
    met: dict[str, tuple[datetime, set[str]]] = {}
    for lot_id, opened, bidder in session.execute(query):
        met.setdefault(lot_id, (opened, set()))[1].add(bidder)
    joint = {lot: opened for lot, (opened, who) in met.items() if len(who) > 1}
    won = _won(session, list(joint), people)
    newest = sorted(joint.items(), key=lambda pair: pair[1])[-MOST_MARKS:]
    marks = [{"at": rfc3339(opened), "won": lot in won} for lot, opened in newest]
    return {
        "from": rfc3339(until - HISTORY), "to": rfc3339(until), "marks": marks,
        "n": len(joint), "won": len(won), "met": len(joint) - len(won), "who": len(people),
    }  # fmt: skip


def _opening_time() -> Any:
    """When a lot's bids were opened: its deadline, else the time its last opening was announced for."""
    return func.coalesce(Lot.deadline, announced_time())


def _moment(session: Session, row: WarningRow) -> datetime:
    """When the warning's lot was opened; where that is not known, when the warning was raised."""
    opened = session.scalar(select(_opening_time()).where(Lot.id == row.lot_id)) if row.lot_id else None
    return min(opened, now()) if isinstance(opened, datetime) else row.raised_at


def _won(session: Session, lots: list[str], people: list[str]) -> set[str]:
    query = select(Award.lot_id).where(
        Award.lot_id.in_(lots), Award.bidder_id.in_(people), Award.status == "awarded"
    )
    return set(session.scalars(query))


def related(session: Session, row: WarningRow) -> list[WarningRow]:
    """Other warnings about the same lot or any of the same subjects, newest first, among the newest."""
    mine = {(s["kind"], s["id"]) for s in row.subjects}
    others = list_warnings(session, WarningFilters(), RELATED_AMONG)
    return [
        other for other in others
        if other.id != row.id
        and (mine & {(s["kind"], s["id"]) for s in other.subjects} or (row.lot_id and other.lot_id == row.lot_id))
    ]  # fmt: skip
