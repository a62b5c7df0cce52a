"""The host's side of an opening: which steps the state machine allows now, what each would publish, doing it.

The legal steps come from `records.states`; every step is an event of the opening's chain and an audit entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Message, Unknown
from records import audit, opening_record
from records.public.openings import moment_of
from records.published_list import list_of
from records.states import OPENING_STEPS, append_event
from records.tables.bids import Bid
from records.tables.openings import Opening, OpeningEvent
from records.tables.projects import Lot
from records.visibility import Audience, Datum, LotClock, is_visible, progress_told

HOSTS = frozenset({"operator", "admin"})
"""Roles that may host an opening."""

STEPS = (
    "sign_in", "bidders_published", "decrypt_progress", "control_price", "coefficient_drawn", "bid_read", "objection",
    "objection_answered", "record_confirmed", "paused", "resumed", "ended",
)  # fmt: skip
"""Steps a host may take; the announcement and the sealing are not the host's. Their words: `room.step.<kind>`."""


@dataclass(frozen=True)
class NextStep:
    """A step that is legal now. `payload` is what would be published as far as the ledger knows it."""

    kind: str
    payload: dict[str, Any]


def next_steps(session: Session, opening_id: str, at: datetime | None = None) -> list[NextStep]:
    """The steps a host may take now, in the order of an opening. Raises LookupError (no such opening)."""
    opening, lot = _get(session, opening_id)
    clock = LotClock(deadline=moment_of(opening, lot))
    due = is_visible(Datum.OPENING_PROCESS, clock, Audience.SUPERVISOR, at)
    told = progress_told(opening, due)
    found = []
    for kind in STEPS:
        rule = OPENING_STEPS[kind]
        early = rule.after_deadline and not due
        if told.state in rule.states and told.stage in rule.stages and not early:
            payload = prepare(session, opening, lot, kind)
            if payload is not None:
                found.append(NextStep(kind, payload))
    return found


def perform(
    session: Session, opening_id: str, kind: str, payload: dict[str, Any], *, host: str, ip: str | None = None
) -> OpeningEvent:
    """Take a step in the caller's write transaction and note it in the audit chain.

    Raises what `records.states.append_event` raises, and KeyError for a step that is not a host's.
    """
    if kind not in STEPS:
        raise KeyError(Message("opening.no_host_step", step=kind))
    event = append_event(session, opening_id, kind, payload, actor=host)
    audit.write(
        session, host, f"opening.{kind}", object_kind="opening", object_id=opening_id,
        detail={"seq": event.seq, "hash": event.hash}, ip=ip,
    )  # fmt: skip
    return event


def _get(session: Session, opening_id: str) -> tuple[Opening, Lot]:
    opening = session.get(Opening, opening_id)
    if opening is None:
        raise Unknown(Message("opening.unknown_opening", opening=opening_id))
    return opening, session.get_one(Lot, opening.lot_id)


def prepare(session: Session, opening: Opening, lot: Lot, kind: str) -> dict[str, Any] | None:
    """What the ledger says for a step's payload; fields it cannot know are missing; None: nothing to say."""
    if kind == "bidders_published":
        lines = list_of(session, opening)
        return {"count": len(lines), "bidders": [{"no": line.number, "name": line.name} for line in lines]}
    if kind == "decrypt_progress":
        return _decryption(session, opening)
    if kind == "control_price":
        return _control_price(session, opening, lot)
    if kind == "bid_read":
        return _next_bid(session, opening)
    if kind in ("objection", "objection_answered"):
        return _objection(session, opening, kind)
    if kind == "record_confirmed":
        return {"rows": len(_numbers(session, opening, "bid_read"))}
    if kind == "ended":
        return {"result": "opened"} if opening.stage == "confirmation" else {}
    return {}


def _decryption(session: Session, opening: Opening) -> dict[str, Any]:
    states = [line.bid and line.bid.decrypt_status for line in list_of(session, opening)]
    if states and not any(states):
        return {"total": len(states)}  # the platform has told nothing: that is neither success nor 0
    return {"done": states.count("success"), "failed": states.count("failed"), "total": len(states)}


def _control_price(session: Session, opening: Opening, lot: Lot) -> dict[str, Any] | None:
    if lot.control_price is None:
        return None
    bids = (line.bid for line in list_of(session, opening))
    prices = [bid.price for bid in bids if bid is not None and bid.price is not None]
    over = sum(price > lot.control_price for price in prices)
    payload: dict[str, Any] = {"amount": str(lot.control_price)}
    if lot.base_price is not None:
        payload["base_price"] = str(lot.base_price)
    if prices:
        payload |= {"normal": len(prices) - over, "over": over}
    return payload


def _next_bid(session: Session, opening: Opening) -> dict[str, Any] | None:
    read = _numbers(session, opening, "bid_read")
    lines = list_of(session, opening)
    for line in lines:
        if line.number not in read:
            return {"no": line.number, "name": line.name, "total": len(lines), **_read_aloud(line.bid)}
    return None


def _read_aloud(bid: Bid | None) -> dict[str, Any]:
    """What is read of a bid besides its number and name, as far as the ledger holds it."""
    if bid is None:
        return {}
    if bid.decrypt_status == "failed":
        return {"remark": "解密失败，不唱标"}
    price = None if bid.price is None else str(bid.price)
    found = {"price": price, "duration_days": bid.duration_days, "quality": bid.quality or None}
    return {name: value for name, value in found.items() if value is not None}


def _objection(session: Session, opening: Opening, kind: str) -> dict[str, Any] | None:
    raised = _numbers(session, opening, "objection")
    if kind == "objection":
        return {"no": max(raised, default=0) + 1}
    waiting = sorted(raised - _numbers(session, opening, "objection_answered"))
    return {"no": waiting[0]} if waiting else None


def _numbers(session: Session, opening: Opening, kind: str) -> set[int]:
    query = select(OpeningEvent.payload).where(
        OpeningEvent.opening_id == opening.id, OpeningEvent.type == kind
    )
    return {payload["no"] for payload in session.scalars(query)}


def open_objections(session: Session, opening_id: str) -> list[tuple[int, str]]:
    """Objections without an answer: number and words."""
    return list(opening_record.progress(session, opening_id).open.items())
