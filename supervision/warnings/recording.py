"""Where in the recording 录像 of its opening a warning shows: the moment of the step that told what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from records.published_list import numbers
from records.tables.bids import Bid
from records.tables.broadcast import BroadcastSession
from records.tables.evidence import Recording
from records.tables.openings import Opening, OpeningEvent
from supervision.rules.registry import RULES
from supervision.warnings.desk import WarningRow

_OF_PRICES = frozenset({"bid.price", "award.price", "lot.control_price"})
"""Fields that are told when prices are read."""

_STAGES = {"bid_read": "reading", "bidders_published": "bidders"}


@dataclass(frozen=True)
class Shown:
    """The moment of an opening at which something a warning rests on was told. `step`: the stage of the opening then."""

    opening: str
    at: datetime
    step: str
    recorded: bool
    """Whether there are pictures of that moment."""


def shown(session: Session, row: WarningRow) -> Shown | None:
    """Where the warning shows; None where it is about no lot, or the lot's opening told nothing yet."""
    found = _event(session, row) if row.lot_id else None
    if found is None:
        return None
    step = _STAGES.get(found.type, "waiting")
    return Shown(found.opening_id, found.ts, step, _recorded(session, found))


def _event(session: Session, row: WarningRow) -> OpeningEvent | None:
    """Of a rule about prices the reading of the first of its bidders, else the publishing of the bidders, else the begin."""
    events = session.scalars(
        select(OpeningEvent).join(Opening, Opening.id == OpeningEvent.opening_id)
        .where(Opening.lot_id == row.lot_id, Opening.state != "cancelled")
        .order_by(Opening.scheduled_at.desc(), Opening.id, OpeningEvent.seq)
    ).all()  # fmt: skip
    own = [one for one in events if one.opening_id == events[0].opening_id]
    read = _readings(session, row, own) if _about_prices(row.rule) else []
    published = [one for one in own if one.type == "bidders_published"]
    return next(iter([*read, *published, *own]), None)


def _about_prices(rule_id: str) -> bool:
    rule = RULES.get(rule_id)
    return rule is not None and not _OF_PRICES.isdisjoint(rule.reads)


def _readings(session: Session, row: WarningRow, events: list[OpeningEvent]) -> list[OpeningEvent]:
    """The readings of the warning's bidders, the first before the others."""
    people = {one["id"] for one in row.subjects if one["kind"] == "bidder"}
    bids = select(Bid.id).where(Bid.lot_id == row.lot_id, Bid.bidder_id.in_(people))
    listed = numbers(session, [str(row.lot_id)])
    wanted = {listed[bid] for bid in session.scalars(bids) if bid in listed}
    return [one for one in events if one.type == "bid_read" and one.payload.get("no") in wanted]


def _recorded(session: Session, event: OpeningEvent) -> bool:
    pictures = exists().where(
        Recording.session_id == BroadcastSession.id, BroadcastSession.opening_id == event.opening_id,
        Recording.started_at <= event.ts,
    )  # fmt: skip
    return bool(session.scalar(select(pictures)))
