"""What a record means for its row beyond its own fields: its lot, its division, the lot's status and call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import ColumnElement, Table, select, update

from ingest.apply import ownership
from ingest.apply.rows import entity
from ingest.envelope import Record, Refusal
from ingest.kinds.projects import LotData
from ingest.kinds.registry import KINDS, TABLES
from records import deadlines
from records.states import IllegalTransition, check_lot_transition

if TYPE_CHECKING:
    from ingest.apply.batch import Batch

_BY_LOT = tuple(
    kind
    for kind, table in TABLES.items()
    if kind != "lot" and {"lot_id", "division_code"} <= set(table.c.keys())
)
_BY_EVALUATION = ("score", "fee")
_WITH_LOT = frozenset({*_BY_LOT, *_BY_EVALUATION})
"""Kinds that take the division of their lot where they name none."""


def lot_of(batch: Batch, record: Record) -> str | None:
    """The lot a record speaks about, as far as is known."""
    if record.kind == "lot":
        return record.key
    lot: str | None = record.data.__dict__.get("lot_id")
    if lot is None and (through := KINDS[record.kind].lot_through):
        attribute, kind = through
        row = batch.held_id(kind, getattr(record.data, attribute), record.source)
        lot = batch.facts[kind][row]["lot_id"] if row else None
    return lot


def row_of(batch: Batch, record: Record) -> dict[str, Any]:
    """The row of a record whose references are all there; raises Refusal where they contradict it."""
    row = entity(record, batch.moment) | _ids(batch, record)
    kind = record.kind
    if kind == "lot":
        _lot_status(batch, record.key, row)
        _lot_deadline(batch, record.key, row)
        _call(batch, record, row)
        _lot_division(batch, record.key, row)
    elif KINDS[kind].owner.fields:
        row = ownership.kept(record, row, batch.facts[kind].get(record.key))
    elif kind in _WITH_LOT:
        lot = lot_of(batch, record)
        if "lot_id" in row:
            row["lot_id"] = lot
        row["division_code"] = division_of(batch, row["division_code"], lot)
    return row


def _ids(batch: Batch, record: Record) -> dict[str, str]:
    """The ids of a row and of what it refers to: where sources use one key they are not the keys themselves."""
    found = {"id": batch.id_of(record.kind, record.key, record.source)}
    for attribute, kind in KINDS[record.kind].references:
        if (key := getattr(record.data, attribute)) is not None:
            found[attribute] = batch.id_of(kind, key, record.source)
    return found


def division_of(batch: Batch, given: str | None, lot: str | None) -> str | None:
    """The division of what belongs to a lot: its own, else the lot's."""
    if given is not None or lot is None:
        return given
    division: str | None = batch.facts["lot"].get(lot, {}).get("division_code")
    return division


def check_bid(batch: Batch, record: Record) -> None:
    """Raise Refusal where a record names a bid of its source for another lot."""
    bid: str | None = record.data.__dict__.get("bid_id")
    row, lot = bid and batch.held_id("bid", bid, record.source), lot_of(batch, record)
    if row and lot and batch.facts["bid"][row]["lot_id"] != lot:
        raise Refusal("data.bid", f"投标 {bid} 不属于标段 {lot} / the bid does not belong to lot {lot}")


def _lot_status(batch: Batch, key: str, row: dict[str, Any]) -> None:
    known = batch.facts["lot"].get(key)
    before: str | None = known["status"] if known else None
    if row["status"] is None:
        row["status"] = before or "bidding"
        if known and not batch.pending("lot", key):
            batch.kept_status.add(key)
        return
    try:
        check_lot_transition(before, row["status"])
    except IllegalTransition as error:
        raise Refusal("data.status", str(error)) from None
    batch.kept_status.discard(key)


def _lot_deadline(batch: Batch, key: str, row: dict[str, Any]) -> None:
    """A deadline once announced stays until another is, and is not brought forward into the past."""
    known = batch.facts["lot"].get(key)
    if known is None:
        return
    held = known["deadline"]
    if held is None and row["deadline"] is not None:
        held = deadlines.announced_for(batch.orm(), key)  # it stood in for the deadline
    try:
        row["deadline"] = deadlines.check_lot(key, held, row["deadline"])
    except IllegalTransition as error:
        raise Refusal(error.place, str(error)) from None


def _call(batch: Batch, record: Record, row: dict[str, Any]) -> None:
    """The 招标项目 of a lot: held with what the newest of its lots says."""
    data = cast(LotData, record.data)
    key = data.tender_project_id
    row["category"] = row["category"] or data.classify_code
    if key is None:
        return
    row["tender_project_id"] = call = batch.id_of("tender_project", key, record.source)
    known = batch.facts["tender_project"].get(call)
    if known and known["project_id"] != data.project_id:
        raise Refusal(
            "data.tender_project",
            f"招标项目 {key} 属于另一项目 / the tender project belongs to another project",
        )
    form = data.organise_form or (known["organise_form"] if known else None)
    facts = {"source": record.source, "project_id": data.project_id, "organise_form": form}
    batch.put_row(
        "tender_project",
        {
            **facts, "id": call, "name": known["name"] if known else None, "tenderer_id": data.tenderer_id,
            "agency_id": data.agency_id, "method": data.method, "division_code": data.division_code,
            "updated_at": batch.moment,
        },
        {**facts, "name": known["name"] if known else None},
    )  # fmt: skip


def _lot_division(batch: Batch, key: str, row: dict[str, Any]) -> None:
    known = batch.facts["lot"].get(key)
    if known and known["division_code"] != row["division_code"]:
        batch.moved.setdefault(key, set()).add(known["division_code"])


def follow_lots(batch: Batch) -> None:
    """What took its division from a lot follows when the lot's division changes; the lots are written."""
    moved, batch.moved = batch.moved, {}
    for lot, divisions in moved.items():
        now = batch.facts["lot"][lot]["division_code"]
        for kind in (*_BY_LOT, *_BY_EVALUATION):
            table = TABLES[kind]
            old: ColumnElement[bool] = table.c.division_code.in_(
                [code for code in divisions if code is not None]
            )
            if None in divisions:
                old = old | table.c.division_code.is_(None)
            batch.session.execute(update(table).where(_of_lot(table, lot), old).values(division_code=now))


def _of_lot(table: Table, lot: str) -> Any:
    if "lot_id" in table.c:
        return table.c.lot_id == lot
    sessions = TABLES["evaluation"]
    return table.c.evaluation_id.in_(select(sessions.c.id).where(sessions.c.lot_id == lot))
