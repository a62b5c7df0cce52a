"""Openings 开标 and their events, through the one state machine of the ledger."""

from __future__ import annotations

from typing import cast

from pydantic import ValidationError
from sqlalchemy.orm import Session

from ingest.apply import ownership
from ingest.apply.rows import entity
from ingest.apply.state import State
from ingest.envelope import Record
from ingest.kinds.procedure import OpeningData, OpeningEventData
from ingest.refusal import Refusal
from messages import Message
from records import chain, irregularities, opening_checks, states
from records.clock import now, rfc3339
from records.public.openings import publish_opening
from records.tables.openings import Opening
from records.tables.organisations import Room
from records.tables.projects import Lot
from records.wrong_values import explain

_OVER = frozenset({"ended", "sealed", "cancelled"})


def place_opening(state: State, record: Record) -> None:
    """A new opening, a change of an announced one, or one of the past without a log of its events."""
    data = cast(OpeningData, record.data)
    past = data.state in _OVER or data.ended_at is not None or data.result is not None
    known = state.facts["opening"].get(record.key)
    if known and known["head_seq"]:
        _change(state, record, data, past)
    elif past or known:
        _past(state, record, data, past)
    else:
        _announce(state, record, data)


def _past(state: State, record: Record, data: OpeningData, past: bool) -> None:
    if not past:
        raise Refusal("data.state", Message("refused.past_again"))
    _check_venue(state, record, data)
    ended = data.state if data.state in _OVER else "ended"
    row = entity(record, state.moment)
    row |= {
        "division_code": state.division_of(data.division_code, data.lot_id),
        "state": ended,
        "stage": "waiting" if ended == "cancelled" else "end",
        "result": data.result or (None if ended == "cancelled" else "opened"),
        "head_seq": 0,
        "head_hash": chain.genesis(f"opening/{record.key}"),
    }
    state.put(record, row, {"lot_id": data.lot_id, "state": ended, "head_seq": 0, "source": record.source})
    state.past_openings.add(record.key)


def _check_venue(state: State, record: Record, data: OpeningData) -> None:
    room = data.room_id
    if room is not None:
        ownership.check_venue(record.source, room, state.facts["room"].get(room, {}))


def _announce(state: State, record: Record, data: OpeningData) -> None:
    _check_venue(state, record, data)
    session = state.orm()
    opening = Opening(
        id=record.key, lot_id=data.lot_id, room_id=data.room_id, scheduled_at=data.scheduled_at,
        host=data.host, source=record.source,
        division_code=state.division_of(data.division_code, data.lot_id),
    )  # fmt: skip
    try:
        _check_time(session, data)
        with session.begin_nested():
            states.new_opening(session, opening, ts=record.occurred_at)
    except states.IllegalTransition as error:
        raise Refusal(error.place, error.message) from None
    except ValidationError as error:
        raise Refusal(*explain(error, ("data",))) from None
    state.hold()
    state.facts["opening"][record.key] = {
        "lot_id": data.lot_id, "state": "scheduled", "head_seq": 1, "source": record.source,
    }  # fmt: skip
    state.fresh.add(("opening", record.key, record.source))


def _check_time(session: Session, data: OpeningData) -> None:
    """Where the lot names no deadline, the time announced before stands in for it, though that opening be called off."""
    if session.get_one(Lot, data.lot_id).deadline is None:
        held = opening_checks.announced_for(session, data.lot_id)
        opening_checks.check_not_brought_forward(
            held, data.scheduled_at, Message("state.lot_opening_time", lot=data.lot_id), "data.scheduled_at"
        )


def _change(state: State, record: Record, data: OpeningData, past: bool) -> None:
    """An opening with events: only what is announced may change, and only before it begins."""
    session = state.orm()
    opening = session.get_one(Opening, record.key)
    if data.state == "ended" and opening.state == "sealed":
        return  # what has ended is sealed meanwhile
    if past and data.state != "cancelled" and data.state != opening.state:
        raise Refusal("data.state", Message("refused.moved_by_events", state=opening.state))
    if data.lot_id != opening.lot_id and not _handed_over(state, opening, record):
        raise Refusal("data.lot", Message("refused.lot_of_opening"))
    if past and data.state == opening.state:
        return
    if opening.state != "scheduled":
        if (data.room_id, data.scheduled_at) == (opening.room_id, opening.scheduled_at):
            return
        raise Refusal("data", Message("refused.not_scheduled", state=opening.state, stage=opening.stage))
    try:
        with session.begin_nested():
            _reschedule(state, opening, record, data)
    except states.IllegalTransition as error:
        raise Refusal(error.place, error.message) from None
    state.facts["opening"][record.key] |= {"state": opening.state, "lot_id": opening.lot_id}
    state.hold()


def _handed_over(state: State, opening: Opening, record: Record) -> bool:
    """Whether it was announced for a lot of another source, before an operator gave its key to this one."""
    lot = state.session.get_one(Lot, opening.lot_id)
    return opening.state == "scheduled" and lot.source != record.source


def _reschedule(state: State, opening: Opening, record: Record, data: OpeningData) -> None:
    session = state.session
    if data.state != "cancelled" or data.room_id != opening.room_id:
        _check_venue(state, record, data)  # who has announced one elsewhere before may still call it off
    opening.lot_id, opening.room_id, opening.host = data.lot_id, data.room_id, data.host
    opening.division_code = state.division_of(data.division_code, data.lot_id)
    if data.state == "cancelled":
        opening.state, opening.updated_at = "cancelled", now()
        session.flush()
        publish_opening(session, opening)
        return
    lot = session.get_one(Lot, opening.lot_id)
    payload = {"scheduled_at": rfc3339(data.scheduled_at), "title": lot.name, "room": data.room_id}
    states.append_event(session, opening.id, "scheduled", payload, actor=record.source, ts=record.occurred_at)


def place_event(state: State, record: Record) -> None:
    """Append one event; an illegal step is refused with the state and stage that forbid it."""
    data = cast(OpeningEventData, record.data)
    known = state.facts["opening"][data.opening_id]
    session = state.orm()
    lot = session.get_one(Lot, known["lot_id"])
    _check_announced(session, record, data)
    before = lot.status
    try:
        with session.begin_nested():
            row = states.append_event(
                session, data.opening_id, data.type, data.payload,
                actor=_actor(record.source, data.actor), ts=record.occurred_at, detail=data.detail,
            )  # fmt: skip
    except states.IllegalTransition as error:
        raise Refusal(error.place, error.message) from None
    except ValidationError as error:
        raise Refusal(*explain(error, ("data", "payload"))) from None
    known["head_seq"] = row.seq
    if found := irregularities.of(session, lot, row):
        record.doubts = tuple(one.note for one in found)
    if lot.status != before:
        _lot_moved(state, lot)
    state.hold()


def _check_announced(session: Session, record: Record, data: OpeningEventData) -> None:
    """An announcement names no room of another source either."""
    named = data.payload.get("room") if data.type == "scheduled" else None
    room = session.get(Room, named) if isinstance(named, str) else None
    if room is not None:
        known = {"source": room.source, "kind": room.kind}
        ownership.check_venue(record.source, room.id, known, "data.payload.room")


def _actor(source: str, named: str | None) -> str:
    """Who did it, as the source says; never to be taken for somebody of this house."""
    if not named or named == source:
        return source
    own = f"{source}/"  # as an export of ours writes it
    return named if named.startswith(own) else own + named


def _lot_moved(state: State, lot: Lot) -> None:
    known = state.facts["lot"].get(lot.id, {})
    facts = {
        "source": lot.source,
        "status": lot.status,
        "division_code": lot.division_code,
        "deadline": lot.deadline,
    }
    state.facts["lot"][lot.id] = {**known, **facts}
