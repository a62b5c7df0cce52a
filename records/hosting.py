"""Steps of the host 主持人 of an opening: which the state machine allows now, what each would publish, taking one.

The legal steps come from `records.states`; every step is an event of the opening's chain and an audit entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Message, Unknown
from records import audit, currencies, draw, irregularities, legal_clock, opening_record
from records.administration import Conflict, shown_name
from records.clock import BEIJING, now, rfc3339, to_the_second
from records.events import public_payload
from records.opening_checks import READINGS, numbers_in_events, step_name
from records.public.lots import publish_lot
from records.public.openings import moment_of
from records.published_list import UNDECRYPTED, Line, list_of, with_vat_told
from records.states import OPENING_STEPS, append_event, check_lot_transition, new_opening
from records.tables.bids import Bid
from records.tables.openings import Opening, OpeningEvent
from records.tables.projects import Lot
from records.visibility import Audience, Datum, LotClock, is_visible, visible_progress

HOSTS = frozenset({"operator", "admin"})
"""Roles that may host an opening."""

STEPS = (
    "sign_in", "bidders_published", "decrypt_progress", "control_price", "coefficient_drawn", "bid_read", "bid_corrected",
    "objection", "objection_answered", "record_confirmed", "paused", "resumed", "ended",
)  # fmt: skip
"""Steps a host may take; the sealing is not the host's. Their words: `host.step.<kind>`."""
DRAW_STEPS = ("coefficient_committed", "coefficient_revealed", "coefficient_unrevealed")
"""Steps of a draw, taken by the two people who draw."""
ANNOUNCEMENT = "scheduled"
"""An opening that has not begun is announced for another time."""


@dataclass(frozen=True)
class NextStep:
    """A step that is legal now. `payload` is what would be published as far as the ledger knows it."""

    kind: str
    payload: dict[str, Any]


def next_steps(
    session: Session, opening_id: str, at: datetime | None = None, lines: Sequence[Line] | None = None
) -> list[NextStep]:
    """The steps a host may take now, in the order of an opening; `lines` is its list where it is held already.

    Raises LookupError (no such opening).
    """
    opening, lot = _get(session, opening_id)
    listed = list_of(session, opening) if lines is None else lines
    clock = LotClock(deadline=moment_of(opening, lot))
    due = is_visible(Datum.OPENING_PROCESS, clock, Audience.SUPERVISOR, at)
    progress = visible_progress(opening, due)
    few = irregularities.too_few(session, opening_id, lot) is not None
    undrawn = opening_record.progress(session, opening_id, draw.EVENTS).undrawn
    found = []
    for kind in STEPS:
        if (few and kind in irregularities.GOES_ON) or not _offered(kind, opening.stage, bool(undrawn)):
            continue
        rule = OPENING_STEPS[kind]
        early = rule.after_deadline and not due
        if progress.state in rule.states and progress.stage in rule.stages and not early:
            payload = prepare(session, opening, lot, kind, listed)
            if payload is not None:
                found.append(NextStep(kind, payload))
    return found


def _offered(kind: str, stage: str, undrawn: bool) -> bool:
    """Whether the desk offers a step that the table allows at a stage; `undrawn`: a draw that was committed to waits."""
    if undrawn:
        return kind not in ("coefficient_drawn", "bid_read")  # it is computed; the prices wait for it
    if kind == "coefficient_drawn":
        return stage not in draw.AFTER_PRICES
    return kind != "decrypt_progress" or stage not in ("objection", "confirmation")


class NeverSeen(Conflict):
    """Nobody can have seen this event yet: taken on its word, a step would be taken twice."""


class Overtaken(Conflict):
    """A step of the same kind, with other content, that somebody took since the host last looked."""


@dataclass(frozen=True)
class StepTaken:
    """A step that stands in the chain. `already`: it stood there before, told by somebody else or by a lost request."""

    event: OpeningEvent
    already: bool = False


def perform(
    session: Session, opening_id: str, kind: str, payload: dict[str, Any], *, host: str, ip: str | None = None
) -> OpeningEvent:
    """Take a step in the caller's write transaction and note it in the audit chain.

    Raises what `records.states.append_event` raises, and KeyError for a step that is not a host's.
    """
    if kind not in (*STEPS, *DRAW_STEPS, ANNOUNCEMENT):
        raise KeyError(Message("opening.no_host_step", step=step_name(kind)))
    event = append_event(session, opening_id, kind, payload, actor=host, asked=True)
    audit.write(
        session, host, f"opening.{kind}", object_kind="opening", object_id=opening_id,
        detail={"seq": event.seq, "hash": event.hash}, ip=ip,
    )  # fmt: skip
    return event


def perform_once(
    session: Session, opening_id: str, kind: str, payload: dict[str, Any], *, seen: int, host: str,
    ip: str | None = None,
) -> StepTaken:  # fmt: skip
    """`perform` for somebody who last saw event `seen`: a step that was taken since is not taken a second time.

    Two who press at once, and one who presses again because the answer was lost, find the one event. Raises Overtaken
    where a step of this kind was taken since with other content, NeverSeen for an event there is none of, WrongDraw for a commitment after the deadline.
    """
    opening = session.scalars(select(Opening).where(Opening.id == opening_id).with_for_update()).first()
    if opening is None:
        raise Unknown(Message("opening.unknown_opening", opening=opening_id))
    if not 0 <= seen <= opening.head_seq:
        raise NeverSeen(Message("opening.never_seen", seen=seen, seq=opening.head_seq))
    query = select(OpeningEvent).where(
        OpeningEvent.opening_id == opening_id, OpeningEvent.seq > seen, OpeningEvent.type == kind
    )
    for event in session.scalars(query.order_by(OpeningEvent.seq)):
        unmasked = (event.detail or {}).get("unmasked", event.payload)
        if _same(_whole(session, opening, kind, payload), unmasked):
            return StepTaken(event, already=True)
        if kind not in DRAW_STEPS:
            raise Overtaken(Message("opening.overtaken", who=shown_name(session, event.actor), seq=event.seq))
    if kind == "coefficient_committed":
        _check_in_time(session, opening, payload)
    event = perform(session, opening_id, kind, payload, host=host, ip=ip)
    if kind == "coefficient_revealed":
        _draw(session, opening, payload, host, ip)
    return StepTaken(event)


def _whole(session: Session, opening: Opening, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """What is asked for as it would be published."""
    asked = public_payload(kind, payload)
    if kind not in READINGS:
        return asked
    return with_vat_told(session, opening, session.get_one(Lot, opening.lot_id).vat, asked)


def _same(asked: dict[str, Any], held: dict[str, Any]) -> bool:
    """Whether an event says what is asked for, apart from what is filled in when it is taken."""
    filled = {"detail_sha256", *({"corrects"} - asked.keys())}
    return asked == {name: value for name, value in held.items() if name not in filled}


def may_commit(session: Session, opening: Opening) -> bool:
    """Whether a seed may be committed to now: before the deadline, or anew for a draw whose seed was not revealed."""
    if opening.state not in {"scheduled", "in_progress", "paused"}:
        return False
    draws = draw.draws(session, opening.id).by_kind.values()
    return now() < _due(session, opening) or any(one.failed and not one.value for one in draws)


def _due(session: Session, opening: Opening) -> datetime:
    return moment_of(opening, session.get_one(Lot, opening.lot_id))


def _check_in_time(session: Session, opening: Opening, payload: dict[str, Any]) -> None:
    """A first commitment is made before the deadline; fresh ones follow a seed that was not revealed."""
    held = draw.draws(session, opening.id).by_kind.get(draw.kind_of(payload))
    due = _due(session, opening)
    if draw.is_late(held, now(), due):
        raise draw.WrongDraw(Message("draw.too_late", deadline=to_the_second(due)))


def _draw(session: Session, opening: Opening, payload: dict[str, Any], host: str, ip: str | None) -> None:
    """Tell the result as soon as both seeds are known: it is computed, nobody chooses it."""
    found = draw.draws(session, opening.id)
    held = found.by_kind[draw.kind_of(payload)]
    result = held.result(found.head)
    if result is not None:
        drawn = {
            "kind": held.kind,
            "value": result[1],
            "pool": held.pool,
            "index": result[0],
            "head": found.head,
        }
        perform(session, opening.id, "coefficient_drawn", drawn, host=host, ip=ip)


def _get(session: Session, opening_id: str) -> tuple[Opening, Lot]:
    opening = session.get(Opening, opening_id)
    if opening is None:
        raise Unknown(Message("opening.unknown_opening", opening=opening_id))
    return opening, session.get_one(Lot, opening.lot_id)


def prepare(
    session: Session, opening: Opening, lot: Lot, kind: str, lines: Sequence[Line]
) -> dict[str, Any] | None:
    """What the ledger says for a step's payload; fields it cannot know are missing; None: nothing to say."""
    if kind == "bidders_published":
        return {"count": len(lines), "bidders": [{"no": line.number, "name": line.name} for line in lines]}
    if kind == "decrypt_progress":
        return _decryption(lines)
    if kind == "control_price":
        return _control_price(lot, lines)
    if kind == "bid_read":
        return _next_bid(session, opening, lot, lines)
    if kind == "bid_corrected":
        return {} if numbers_in_events(session, opening.id, "bid_read") else None
    if kind in ("objection", "objection_answered"):
        return _objection(session, opening, kind)
    if kind == "record_confirmed":
        return {"rows": len(numbers_in_events(session, opening.id, "bid_read"))}
    if kind == "ended":
        return {"result": "opened"} if opening.stage == "confirmation" else {}
    return {}


def _decryption(lines: Sequence[Line]) -> dict[str, Any]:
    states = [line.bid and line.bid.decrypt_status for line in lines]
    if states and not any(states):
        return {"total": len(states)}  # the platform has told nothing: that is neither success nor 0
    return {"done": states.count("success"), "failed": states.count("failed"), "total": len(states)}


def _control_price(lot: Lot, lines: Sequence[Line]) -> dict[str, Any] | None:
    if lot.control_price is None:
        return None
    bids = [line.bid for line in lines if line.bid is None or line.bid.decrypt_status != "failed"]
    prices = [bid.price for bid in bids if bid is not None and bid.price is not None]
    over = sum(price > lot.control_price for price in prices)
    payload: dict[str, Any] = {"amount": str(lot.control_price)}
    if lot.base_price is not None:
        payload["base_price"] = str(lot.base_price)
    comparable = all(bid is None or is_comparable(lot, bid) for bid in bids)
    if (
        comparable and prices and len(prices) == len(bids)
    ):  # of some bids only it would be no check of the ceiling
        payload |= {"normal": len(prices) - over, "over": over}
    return payload


def is_comparable(lot: Lot, bid: Bid) -> bool:
    """Whether a bid's price counts as the lot's ceiling does, with VAT or without; where the bid does not say, it does."""
    return currencies.is_comparable(bid.vat, lot.vat)


def _next_bid(session: Session, opening: Opening, lot: Lot, lines: Sequence[Line]) -> dict[str, Any] | None:
    read = numbers_in_events(session, opening.id, "bid_read")
    for line in lines:
        if line.number not in read:
            return {"no": line.number, "name": line.name, "total": len(lines), **_read_aloud(lot, line.bid)}
    return None


def _read_aloud(lot: Lot, bid: Bid | None) -> dict[str, Any]:
    """What is read of a bid besides its number and name, as far as the ledger holds it; a price that counts otherwise than the
    lot's says how."""
    if bid is None:
        return {}
    if bid.decrypt_status == "failed":
        return {"remark": UNDECRYPTED}
    price = None if bid.price is None else str(bid.price)
    found = {
        "price": price, "duration_days": bid.duration_days, "quality": bid.quality or None,
        "remark": currencies.remark_with_vat(None, bid.vat, lot.vat),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


def _objection(session: Session, opening: Opening, kind: str) -> dict[str, Any] | None:
    raised = numbers_in_events(session, opening.id, "objection")
    if kind == "objection":
        return {"no": max(raised, default=0) + 1}
    waiting = sorted(raised - numbers_in_events(session, opening.id, "objection_answered"))
    return {"no": waiting[0]} if waiting else None


# ── re-tender 重新招标 of a lot whose opening failed for want of bidders (招标投标法 art. 28, 实施条例 art. 44) ──


def earliest_deadline(lot: Lot, issued: datetime) -> date | None:
    """The first Beijing day on which bids for documents issued at `issued` may be due (招标投标法 art. 24); None where the law
    sets no days for the lot."""
    tendered = legal_clock.is_tendered(lot.method, lot.trade_family)
    return legal_clock.first_day(issued, legal_clock.TO_BID) if tendered else None


def _check_days_to_bid(lot: Lot, issued: datetime, deadline: datetime) -> None:
    earliest = earliest_deadline(lot, issued)
    if earliest is not None and deadline.astimezone(BEIJING).date() < earliest:
        article, days = legal_clock.ARTICLES["to_bid"].cited, legal_clock.TO_BID
        raise Conflict(Message(
            "retender.too_soon", deadline=to_the_second(deadline), days=days, article=article, earliest=earliest,
        ))  # fmt: skip


def retender(
    session: Session, opening_id: str, deadline: datetime, *, host: str, ip: str | None = None
) -> Opening:
    """Begin the next round of a failed lot: a new deadline, and an opening announced for it in the same room.

    In the caller's write transaction, noted in the audit chain. Its documents are issued anew, now at the earliest: the
    law's days to bid are counted from here. Raises Unknown (no such opening), Conflict (it has not failed, the deadline has
    passed, or leaves fewer days to bid than the law asks for), IllegalTransition (the lot may not be tendered again).
    """
    held = session.get(Opening, opening_id)
    if held is None:
        raise Unknown(Message("opening.unknown_opening", opening=opening_id))
    if held.result != "failed":
        raise Conflict(Message("retender.not_failed", opening=opening_id))
    issued = now()
    if deadline <= issued:
        raise Conflict(Message("retender.past", deadline=to_the_second(deadline)))
    lot = session.get_one(Lot, held.lot_id)
    _check_days_to_bid(lot, issued, deadline)
    for status in ("retender", "bidding"):
        check_lot_transition(lot.status, status, asked=True)
        lot.status = status
    lot.round, lot.notice_at, lot.deadline = lot.round + 1, issued, deadline
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
