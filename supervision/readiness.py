"""When a lot's facts may be looked at, and when its opening is over. Secrecy first: unknown means wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.bids_on_hand import bids_on_hand
from records.lots import OPENED_STATUSES, OVER, current_opening, deadline_in_force
from records.tables.openings import Opening, OpeningEvent
from records.tables.projects import Lot
from records.visibility import Audience, Datum, LotClock, is_visible

FAILED_STATUSES = frozenset({"failed", "retender"})

SETTLED_AFTER = timedelta(hours=24)
"""A lot without any opening record counts as opened this long after its deadline: the law puts the
opening at the deadline itself (招标投标法 art. 34), so by then it is over."""

_AFTER_READING = ("objection", "confirmation", "end")


class Readiness(IntEnum):
    """What rules may see of a lot."""

    SECRET = 0
    """Nothing: bids are secret."""
    BIDDERS = 1
    """Who bids, files' origins and deposits; not yet prices."""
    PRICES = 2
    """Prices as well."""


@dataclass(frozen=True, slots=True)
class OpeningState:
    """What readiness needs of an opening."""

    id: str
    state: str
    stage: str
    started: bool
    scheduled_at: datetime

    @property
    def over(self) -> bool:
        """Whether nothing more will be opened."""
        return self.state in OVER


def readiness(
    status: str,
    deadline: datetime | None,
    openings: Sequence[OpeningState],
    at: datetime,
    *,
    reading_done: bool = False,
) -> Readiness:
    """What may be seen of a lot at a moment.

    Nothing before the deadline (records.visibility, Datum.WARNINGS); nothing while an opening has not
    published its bidders. `reading_done`: the running opening has read every bid.
    """
    live = [opening for opening in openings if opening.state != "cancelled"]
    past = status in OPENED_STATUSES
    due = LotClock(deadline=deadline_in_force(deadline, status, live))
    if not is_visible(Datum.WARNINGS, due, Audience.SUPERVISOR, at):
        return Readiness.SECRET
    running = [opening for opening in live if not opening.over]
    if not running or past:
        return Readiness.PRICES
    if not all(opening.started for opening in running):
        return Readiness.SECRET
    done = reading_done or all(o.stage in _AFTER_READING for o in running)
    return Readiness.PRICES if done else Readiness.BIDDERS


def opened_at(
    status: str, deadline: datetime | None, openings: Sequence[Any], at: datetime
) -> tuple[datetime | None, bool] | None:
    """(opening time, whether bids were opened) of a lot whose opening is over; None before that.

    Opening time is when the opening started, else when it was scheduled, else the deadline; unknown (None)
    for a lot without any of these whose state can only follow a finished opening.
    """
    due = deadline_in_force(deadline, status, openings)
    if due is not None and due > at:
        return None
    live = [o for o in openings if o.state != "cancelled"]
    past, failed = status in OPENED_STATUSES, status in FAILED_STATUSES
    if any(o.state not in OVER for o in live) and not past and not failed:
        return None
    last = current_opening(live)
    if last is not None:
        opened = past or (last.result in (None, "opened") and not failed)
        return last.started_at or last.scheduled_at, opened
    if deadline is None:
        return (None, not failed) if past or failed else None
    if status in ("draft", "paused", "terminated"):
        return None
    settled = at >= deadline + SETTLED_AFTER
    return (deadline, not failed) if past or failed or settled else None


def lots_readiness(session: Session, lot_ids: Sequence[str], at: datetime) -> dict[str, Readiness]:
    """Readiness of many lots by three queries; the reading is counted only where it decides."""
    openings: dict[str, list[OpeningState]] = defaultdict(list)
    for row in session.execute(
        select(
            Opening.lot_id,
            Opening.id,
            Opening.state,
            Opening.stage,
            Opening.started_at,
            Opening.scheduled_at,
        ).where(Opening.lot_id.in_(lot_ids))
    ):
        started = row.started_at is not None
        openings[row.lot_id].append(OpeningState(row.id, row.state, row.stage, started, row.scheduled_at))
    found: dict[str, Readiness] = {}
    for lot_id, status, deadline in session.execute(
        select(Lot.id, Lot.status, Lot.deadline).where(Lot.id.in_(lot_ids))
    ):
        ready = readiness(status, deadline, openings[lot_id], at)
        if ready is Readiness.BIDDERS and _reading_done(session, lot_id, openings[lot_id]):
            ready = Readiness.PRICES
        found[lot_id] = ready
    return found


def _reading_done(session: Session, lot_id: str, openings: Sequence[OpeningState]) -> bool:
    """Whether as many different bids were read aloud as are on hand and could be decrypted."""
    running = [o.id for o in openings if not o.over and o.state != "cancelled"]
    payloads = session.scalars(
        select(OpeningEvent.payload).where(
            OpeningEvent.opening_id.in_(running), OpeningEvent.type == "bid_read"
        )
    )
    read = {payload.get("no") for payload in payloads}
    if not read:
        return False
    due = sum(
        bid.status != "revoked" and bid.decrypt_status != "failed" for bid in bids_on_hand(session, lot_id)
    )
    return len(read) >= due
