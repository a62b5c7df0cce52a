"""Re-tender 重新招标 of a lot whose opening failed for want of bidders (招标投标法 art. 28, 实施条例 art. 44)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from messages import Message, Unknown
from records import audit
from records.administration import Conflict
from records.clock import now, rfc3339
from records.public.lots import publish_lot
from records.states import check_lot_transition, new_opening
from records.tables.openings import Opening
from records.tables.projects import Lot

FEWEST = 3
"""Bidders without whom a lot is not opened (招标投标法 art. 28)."""


def retender(
    session: Session, opening_id: str, deadline: datetime, *, host: str, ip: str | None = None
) -> Opening:
    """Begin the next round of a failed lot: a new deadline, and an opening announced for it in the same room.

    In the caller's write transaction, noted in the audit chain. Raises Unknown (no such opening), Conflict (it has not
    failed, or the deadline has passed), IllegalTransition (the lot may not be tendered again).
    """
    held = session.get(Opening, opening_id)
    if held is None:
        raise Unknown(Message("opening.unknown_opening", opening=opening_id))
    if held.result != "failed":
        raise Conflict(Message("retender.not_failed", opening=opening_id))
    if deadline <= now():
        raise Conflict(Message("retender.past", deadline=rfc3339(deadline)))
    lot = session.get_one(Lot, held.lot_id)
    for status in ("retender", "bidding"):
        check_lot_transition(lot.status, status)
        lot.status = status
    lot.round, lot.deadline = lot.round + 1, deadline
    key = f"{opening_id.partition('~')[0]}~{lot.round}"
    opening = Opening(
        id=key, lot_id=lot.id, room_id=held.room_id, scheduled_at=deadline, host=held.host, source=held.source,
        division_code=held.division_code,
    )  # fmt: skip
    new_opening(session, opening)
    publish_lot(session, lot)
    detail = {"opening": key, "deadline": rfc3339(deadline), "round": lot.round}
    audit.write(session, host, "lot.retender", object_kind="lot", object_id=lot.id, detail=detail, ip=ip)
    return opening
