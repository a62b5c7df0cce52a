"""Consequences of a record for its row beyond its own fields: its lot, its division, the lot's status and call."""

from __future__ import annotations

from typing import Any, cast

from ingest.apply import ownership
from ingest.apply.rows import entity
from ingest.apply.state import BY_EVALUATION, BY_LOT, State
from ingest.envelope import Record
from ingest.kinds.projects import LotData
from ingest.kinds.registry import KINDS
from ingest.refusal import Refusal
from messages import Message
from records import opening_checks
from records.states import IllegalTransition, check_lot_transition

_WITH_LOT = frozenset({*BY_LOT, *BY_EVALUATION})
"""Kinds that take the division of their lot where they name none."""


def row_of(state: State, record: Record) -> dict[str, Any]:
    """The row of a record whose references are all there; raises Refusal where they contradict it."""
    row = entity(record, state.moment) | _ids(state, record)
    kind = record.kind
    if kind == "lot":
        _lot_status(state, record.key, row)
        _lot_deadline(state, record.key, row)
        _call(state, record, row)
        _lot_division(state, record.key, row)
    elif KINDS[kind].owner.fields:
        row = ownership.kept(record, row, state.facts[kind].get(record.key))
    elif kind in _WITH_LOT:
        lot = state.lot_of(record)
        if "lot_id" in row:
            row["lot_id"] = lot
        row["division_code"] = state.division_of(row["division_code"], lot)
    return row


def _ids(state: State, record: Record) -> dict[str, str]:
    """The ids of a row and of what it refers to: where sources use one key they are not the keys themselves."""
    found = {"id": state.id_of(record.kind, record.key, record.source)}
    for attribute, kind in KINDS[record.kind].references:
        if (key := getattr(record.data, attribute)) is not None:
            found[attribute] = state.id_of(kind, key, record.source)
    return found


def check_bid(state: State, record: Record) -> None:
    """Raise Refusal where a record names a bid of its source for another lot."""
    bid: str | None = record.data.__dict__.get("bid_id")
    row, lot = bid and state.held_id("bid", bid, record.source), state.lot_of(record)
    if row and lot and state.facts["bid"][row]["lot_id"] != lot:
        raise Refusal("data.bid", Message("refused.bid_of_other_lot", bid=bid, lot=lot))


def _lot_status(state: State, key: str, row: dict[str, Any]) -> None:
    known = state.facts["lot"].get(key)
    before: str | None = known["status"] if known else None
    if row["status"] is None:
        row["status"] = before or "bidding"
        if known and key not in state.rows["lot"]:
            state.kept_status.add(key)
        return
    try:
        check_lot_transition(before, row["status"])
    except IllegalTransition as error:
        raise Refusal("data.status", error.message) from None
    state.kept_status.discard(key)


def _lot_deadline(state: State, key: str, row: dict[str, Any]) -> None:
    """A deadline once announced stays until another is, and is not brought forward into the past."""
    known = state.facts["lot"].get(key)
    if known is None:
        return
    held = known["deadline"]
    if held is None and row["deadline"] is not None:
        held = opening_checks.announced_for(state.orm(), key)  # it stood in for the deadline
    try:
        row["deadline"] = opening_checks.check_lot_deadline(key, held, row["deadline"])
    except IllegalTransition as error:
        raise Refusal(error.place, error.message) from None


def _call(state: State, record: Record, row: dict[str, Any]) -> None:
    """The 招标项目 of a lot: held with what the newest of its lots says."""
    data = cast(LotData, record.data)
    key = data.tender_project_id
    row["category"] = row["category"] or data.classify_code
    if key is None:
        return
    row["tender_project_id"] = call = state.id_of("tender_project", key, record.source)
    known = state.facts["tender_project"].get(call)
    if known and known["project_id"] != data.project_id:
        raise Refusal("data.tender_project", Message("refused.call_of_other_project", key=key))
    form = data.organise_form or (known["organise_form"] if known else None)
    facts = {"source": record.source, "project_id": data.project_id, "organise_form": form}
    state.put_row(
        "tender_project",
        {
            **facts, "id": call, "name": known["name"] if known else None, "tenderer_id": data.tenderer_id,
            "agency_id": data.agency_id, "method": data.method, "division_code": data.division_code,
            "updated_at": state.moment,
        },
        {**facts, "name": known["name"] if known else None},
    )  # fmt: skip


def _lot_division(state: State, key: str, row: dict[str, Any]) -> None:
    known = state.facts["lot"].get(key)
    if known and known["division_code"] != row["division_code"]:
        state.moved.setdefault(key, set()).add(known["division_code"])
