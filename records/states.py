"""The state machines of the lot 标段, the opening 开标 and the broadcast 直播场次, each as one explicit table.

Both the intake and the desk move an opening through `append_event`, which writes the event, its chain
hash and its public rows in the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Message, Unknown
from records import chain, draw, events, irregularities, opening_checks, opening_record, published_list
from records.against_bids import TELLING, publish_against_bids
from records.clock import now, rfc3339, to_the_second
from records.opening_checks import IllegalTransition as IllegalTransition
from records.public import masking, personal_numbers, rows
from records.public.lots import publish_lot
from records.public.openings import events_from, moment_of, publish_opening
from records.tables.openings import Opening, OpeningEvent
from records.tables.projects import Lot
from records.visibility import FIRST_MOMENT

# ── the lot ──────────────────────────────────────────────────────────────────

_FORWARD = (
    "draft",
    "bidding",
    "closed",
    "opening",
    "opened",
    "evaluating",
    "publicity",
    "awarded",
    "contracted",
    "archived",
)
LOT_STATES = (*_FORWARD, "failed", "paused", "void", "terminated", "retender", "re_evaluation")
"""States of a lot: those of its main line in order, then the others. Their words are the messages `site.lot.*`."""

LOT_TRANSITIONS: dict[str, frozenset[str]] = {
    "draft": frozenset({"bidding", "terminated"}),
    "bidding": frozenset({"closed", "paused", "terminated", "failed"}),
    "closed": frozenset({"opening", "failed", "paused", "terminated"}),
    "opening": frozenset({"opened", "failed", "paused", "terminated"}),
    "opened": frozenset({"evaluating", "void", "terminated"}),
    "evaluating": frozenset({"publicity", "awarded", "void", "terminated", "paused"}),
    "publicity": frozenset({"awarded", "re_evaluation", "void", "terminated"}),
    "re_evaluation": frozenset({"publicity", "void", "terminated"}),
    "awarded": frozenset({"contracted", "void"}),
    "contracted": frozenset({"archived"}),
    "archived": frozenset(),
    "failed": frozenset({"retender", "terminated"}),
    "void": frozenset({"retender", "terminated"}),
    "retender": frozenset({"bidding", "terminated"}),
    "paused": frozenset({"bidding", "closed", "opening", "evaluating", "terminated"}),
    "terminated": frozenset(),
}
"""State → states it may turn into; nothing goes back across the deadline."""


def check_lot_transition(before: str | None, after: str, asked: bool = False) -> None:
    """Raise IllegalTransition unless a lot may go from `before` (None: first heard of) to `after`: to a host who `asked` in
    words alone, to a platform with their codes.

    Steps that were not reported one by one may be skipped forward along the main line.
    """
    if after not in LOT_STATES:
        raise IllegalTransition(Message("state.unknown_lot_status", status=after, choices=list(LOT_STATES)))
    if before is None or before == after or after in LOT_TRANSITIONS[before]:
        return
    if before in _FORWARD and after in _FORWARD and _FORWARD.index(before) < _FORWARD.index(after):
        return
    words = {"before": Message(f"site.lot.{before}"), "after": Message(f"site.lot.{after}")}
    if asked:
        raise IllegalTransition(Message("state.illegal_lot_transition_at_desk", **words))
    raise IllegalTransition(Message("state.illegal_lot_transition", **words, was=before, wanted=after))


# ── the opening ──────────────────────────────────────────────────────────────

OPENING_STATES = ("scheduled", "in_progress", "paused", "ended", "sealed", "cancelled")
STAGES = (
    "waiting",
    "sign_in",
    "bidders",
    "decryption",
    "price",
    "reading",
    "objection",
    "confirmation",
    "end",
)
"""Stages of an opening, in order. Their words, and those of the states, are the messages `site.stage.*`, `site.opening.*`."""


def _between(first: str, last: str) -> frozenset[str]:
    return frozenset(STAGES[STAGES.index(first) : STAGES.index(last) + 1])


@dataclass(frozen=True)
class Step:
    """When an event may happen and what it changes. `to_stage` counts only from a stage in `advances`."""

    states: frozenset[str]
    stages: frozenset[str]
    to_state: str | None = None
    to_stage: str | None = None
    advances: frozenset[str] | None = None
    after_deadline: bool = True
    once_read: bool = False
    """Whether the stage changes only once every bid is read that could be decrypted."""


_RUNNING = frozenset({"in_progress"})
_BEFORE = frozenset({"scheduled", "in_progress"})

OPENING_STEPS: dict[str, Step] = {
    "scheduled": Step(frozenset({"scheduled"}), _between("waiting", "sign_in"), to_stage="waiting", after_deadline=False),
    "sign_in": Step(_BEFORE, _between("waiting", "sign_in"), to_stage="sign_in", after_deadline=False),
    "bidders_published": Step(_BEFORE, _between("waiting", "sign_in"), to_state="in_progress", to_stage="bidders"),
    "decrypt_progress": Step(_RUNNING, _between("bidders", "confirmation"), to_stage="decryption", advances=_between("bidders", "decryption")),
    "control_price": Step(_RUNNING, _between("bidders", "price"), to_stage="price", advances=_between("decryption", "price")),
    "coefficient_committed": Step(_BEFORE, _between("waiting", "confirmation"), after_deadline=False),
    "coefficient_revealed": Step(_RUNNING, _between("decryption", "confirmation")),
    "coefficient_unrevealed": Step(_RUNNING, _between("decryption", "confirmation")),
    "coefficient_drawn": Step(_RUNNING, _between("bidders", "confirmation"), to_stage="price", advances=_between("decryption", "price")),
    "bid_read": Step(_RUNNING, _between("decryption", "objection"), to_stage="reading", advances=_between("decryption", "reading")),
    "bid_corrected": Step(_RUNNING, _between("reading", "confirmation")),
    "objection": Step(_RUNNING, _between("bidders", "confirmation"), to_stage="objection", advances=_between("reading", "objection"), once_read=True),
    "objection_answered": Step(_RUNNING, _between("bidders", "confirmation"), to_stage="objection", advances=_between("reading", "objection"), once_read=True),
    "record_confirmed": Step(_RUNNING, _between("reading", "confirmation"), to_stage="confirmation"),
    "paused": Step(_RUNNING, _between("waiting", "confirmation"), to_state="paused"),
    "resumed": Step(frozenset({"paused"}), _between("waiting", "confirmation"), to_state="in_progress"),
    "ended": Step(frozenset({"in_progress", "paused", "scheduled"}), _between("waiting", "confirmation"), to_state="ended", to_stage="end"),
    "sealed": Step(frozenset({"ended"}), _between("end", "end"), to_state="sealed"),
}  # fmt: skip
"""Event type → when it may happen and what it changes."""

_WHOLE = frozenset({"record_confirmed", "ended"})
"""Events before which the record must be whole."""
_PUBLISHING = frozenset({"bidders_published", "ended"})
"""Events with which those before them become public."""
_LOT_STATUS_AFTER = {"bidders_published": "opening", "ended": "opened"}


def check_opening_step(
    opening: Opening,
    kind: str,
    payload: dict[str, Any],
    ts: datetime,
    deadline: datetime | None,
    asked: bool = False,
) -> None:
    """Raise IllegalTransition, naming state and stage, unless the event may happen now: to a host who `asked` in words
    alone, to a platform with their codes."""
    step = OPENING_STEPS[kind]
    here = Message(
        "state.at_desk" if asked else "state.at",
        state=Message(f"site.opening.{opening.state}"),
        stage=Message(f"site.stage.{opening.stage}"),
        code=f"{opening.state}/{opening.stage}",
    )
    if opening.state not in step.states or opening.stage not in step.stages:
        raise IllegalTransition(
            Message(
                "state.event_not_allowed",
                opening=opening.id,
                state=here,
                event=opening_checks.step_for(kind, asked),
            )
        )
    if kind == "ended" and payload.get("result") == "opened" and opening.stage != "confirmation":
        raise IllegalTransition(Message("state.not_confirmed", opening=opening.id, state=here))
    if step.after_deadline and deadline is not None and ts < deadline:
        raise IllegalTransition(
            Message(
                "state.before_deadline",
                opening=opening.id,
                event=opening_checks.step_for(kind, asked),
                time=to_the_second(ts),
                deadline=to_the_second(deadline),
            )
        )


def not_before(opening: Opening, lot: Lot, kind: str) -> datetime:
    """The moment before which this step may not happen: the deadline in force, and for the list the time announced
    for the opening too, while that is ahead."""
    due = moment_of(opening, lot)
    if kind == "bidders_published" and opening.scheduled_at > now():
        return max(due, opening.scheduled_at)
    return due


def _check_against_earlier(
    session: Session,
    opening: Opening,
    kind: str,
    payload: dict[str, Any],
    moment: datetime,
    actor: str,
    asked: bool,
) -> None:
    """Hold what an event tells against what the opening's earlier events told. Raises IllegalTransition."""
    if kind == "scheduled":
        opening_checks.check_opening_time(opening, datetime.fromisoformat(payload["scheduled_at"]))
    if kind == "paused":
        opening_checks.check_adjournment(opening, moment, payload)
    opening_checks.check_counts(session, opening.id, kind, payload)
    if kind in opening_checks.READINGS:
        opening_checks.check_reading(session, opening.id, kind, payload, asked)
    draw.check(session, opening, kind, payload, actor)
    if kind in _WHOLE:
        opening_record.check_complete(session, opening, kind, payload)


def _with_what_is_known(
    session: Session, opening: Opening, lot: Lot, kind: str, payload: dict[str, Any]
) -> dict[str, Any]:
    """A payload with what the ledger knows where whoever tells the event left it out: that too few bids failed the
    opening, which reading is corrected, whether a price is with VAT. Raises as `events.public_payload`."""
    public = events.public_payload(kind, payload)
    if kind == "ended" and irregularities.failed_for_few(session, opening, lot, public):
        return payload | {"reason": irregularities.FEW}
    if kind == "bid_corrected":
        payload = payload | {"corrects": opening_checks.corrected_reading(session, opening.id, public)}
    if kind in opening_checks.READINGS:
        return published_list.with_vat_told(session, opening, lot.vat, payload)
    return payload


def append_event(
    session: Session,
    opening_id: str,
    kind: str,
    payload: dict[str, Any],
    *,
    actor: str,
    ts: datetime | None = None,
    detail: dict[str, Any] | None = None,
    asked: bool = False,
) -> OpeningEvent:
    """Append one event to an opening: check, chain, move the state, publish. The caller commits.

    `payload` is public; `detail` stays inside and enters the chain by its commitment only. `asked`: the step is taken
    here and now, by a host, and not reported by whoever took it: what the law lets nobody do is refused then, while a
    report of it is a fact that is kept. Raises
    LookupError (no such opening), KeyError (unknown type), pydantic.ValidationError (wrong payload),
    IllegalTransition (not allowed now).
    """
    opening = session.scalars(select(Opening).where(Opening.id == opening_id).with_for_update()).first()
    if opening is None:
        raise Unknown(Message("opening.unknown_opening", opening=opening_id))
    lot = session.get_one(Lot, opening.lot_id)
    payload = _with_what_is_known(session, opening, lot, kind, payload)
    public = events.public_payload(kind, payload)
    hide = masking.hidden(session, opening, lot, kind, public, detail)
    shown = events.public_payload(kind, payload, mask=lot.prequalification, hide=hide)
    shown = personal_numbers.without_numbers(shown)
    moment = opening_checks.check_time(session, opening, kind, ts, actor)
    if asked and kind not in _PUBLISHING:
        irregularities.check(session, opening, lot, kind, public)
    check_opening_step(opening, kind, shown, moment, not_before(opening, lot, kind), asked)
    if asked and kind in _PUBLISHING:  # not before: who and how many have bid is secret until the deadline
        irregularities.check(session, opening, lot, kind, public)
    _check_against_earlier(session, opening, kind, public, moment, actor, asked)
    inside = dict(detail or {}) | ({"unmasked": payload} if shown != public else {})
    if inside:
        inside = chain.salted(inside)
        shown["detail_sha256"] = chain.commitment(inside)
    row = _chain_on(opening, kind, shown, moment, actor, inside or None)
    session.add(row)
    before, status = _public_state(opening), lot.status
    _move(opening, lot, kind, shown, moment, asked)
    _next_stage(session, opening, kind)
    session.flush()
    if kind == "bidders_published":
        published_list.fix_numbers(session, opening, public)
    _publish_event(session, opening, lot, row)
    if kind in TELLING:
        publish_against_bids(session, opening, lot)
    if kind == "scheduled" or (kind != "sign_in" and _public_state(opening) != before):
        publish_opening(session, opening)
    if lot.status != status:
        publish_lot(session, lot)
    return row


def _publish_event(session: Session, opening: Opening, lot: Lot, row: OpeningEvent) -> None:
    """The event's own public row: the announcement at once, all else once the list is published.

    That it is announced anew is told at once by the opening's own row; as an event it waits like the
    sign-ins before it, since a gap in the feed would tell of them.
    """
    since = events_from(session, opening, lot)
    if row.type in _PUBLISHING:
        rows.show_what_waited(session, opening.id, since)
    message = {
        "seq": row.seq, "ts": chain.stamp(row.ts), "type": row.type, "payload": row.payload, "hash": row.hash,
    }  # fmt: skip
    visible = FIRST_MOMENT if row.seq == 1 else since
    rows.publish(session, "opening_event", opening.id, message, position=row.seq, visible_from=visible)


def _public_state(opening: Opening) -> tuple[object, ...]:
    """What of an opening's public row an event can change: a price read, say, changes none of it."""
    return opening.state, opening.stage, opening.result, opening.started_at, opening.ended_at


def _chain_on(
    opening: Opening,
    kind: str,
    payload: dict[str, Any],
    ts: datetime,
    actor: str,
    detail: dict[str, Any] | None,
) -> OpeningEvent:
    seq = opening.head_seq + 1
    previous = opening.head_hash
    hashed = chain.link(previous, chain.event_body(opening.id, seq, ts, kind, payload))
    opening.head_seq, opening.head_hash = seq, hashed
    return OpeningEvent(
        opening_id=opening.id, seq=seq, ts=ts, type=kind, actor=actor, payload=payload, detail=detail,
        prev_hash=previous, hash=hashed,
    )  # fmt: skip


def _move(opening: Opening, lot: Lot, kind: str, payload: dict[str, Any], ts: datetime, asked: bool) -> None:
    step = OPENING_STEPS[kind]
    if step.to_state:
        opening.state = step.to_state
    if kind == "bidders_published":
        opening.started_at = ts
    if kind == "scheduled":
        opening.scheduled_at = datetime.fromisoformat(payload["scheduled_at"])
    if kind == "ended":
        opening.ended_at, opening.result = ts, payload["result"]
    after = _LOT_STATUS_AFTER.get(kind)
    if kind == "ended" and payload["result"] != "opened":
        after = payload["result"]
    if after and after != lot.status:
        check_lot_transition(lot.status, after, asked)
        lot.status = after
    opening.updated_at = now()


def _next_stage(session: Session, opening: Opening, kind: str) -> None:
    """Move the stage. An objection may come at any step; it is a stage of its own only once all bids are read."""
    step = OPENING_STEPS[kind]
    if step.to_stage is None or (step.advances is not None and opening.stage not in step.advances):
        return
    if step.once_read and not opening_record.progress(session, opening.id).all_read:
        return
    opening.stage = step.to_stage


def new_opening(session: Session, opening: Opening, ts: datetime | None = None) -> Opening:
    """Add an opening with the start of its chain and its public row; its lot and room must exist.

    The first event, `scheduled`, is appended with it, so that every feed begins with the announcement;
    `ts` is when it was announced (default: now).
    """
    opening.state, opening.stage, opening.head_seq = "scheduled", "waiting", 0
    opening.head_hash = chain.genesis(f"opening/{opening.id}")
    session.add(opening)
    session.flush()
    lot = session.get_one(Lot, opening.lot_id)
    payload = {
        "scheduled_at": rfc3339(opening.scheduled_at),
        "title": lot.name,
        "room": opening.room_id,
    }
    append_event(session, opening.id, "scheduled", payload, actor=opening.source, ts=ts)
    return opening


def verify_opening(session: Session, opening_id: str) -> chain.Break | None:
    """Walk the chain of one opening; None if every hash holds."""
    logged = session.scalars(
        select(OpeningEvent).where(OpeningEvent.opening_id == opening_id).order_by(OpeningEvent.seq)
    )
    pairs = ((chain.event_body(r.opening_id, r.seq, r.ts, r.type, r.payload), r.hash) for r in logged)
    return chain.verify(chain.genesis(f"opening/{opening_id}"), pairs)
