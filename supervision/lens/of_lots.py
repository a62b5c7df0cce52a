"""One month of the tables whose rows belong to lots, as the lens holds them at a moment.

A lot's rows enter only after its opening has ended; what is secret longer waits for its own moment (`records.visibility`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from records.bids_on_hand import bid_on_hand, receipt_order
from records.clock import BEIJING
from records.currencies import currency_of
from records.lots import centre_of_lot
from records.tables.bids import Bid
from records.tables.broadcast import BroadcastSession
from records.tables.evaluation import Evaluation, Fee, Score
from records.tables.intake import Source
from records.tables.money import Award, Deposit
from records.tables.openings import Opening
from records.tables.organisations import Centre, Organisation
from records.tables.procedure import Contract
from records.tables.projects import Lot, Project
from records.visibility import Datum, award_come, visible
from supervision.home import Place
from supervision.lens.firm_places import day_of, placed_rows
from supervision.lens.months import OpenedLot, chunks, lots_of_month, month_of
from supervision.lens.rows import Columns, as_json, as_table, fetched, whole
from supervision.lens.schema import (
    BIDS,
    BOOL,
    COUNT,
    DAY,
    DERIVED,
    INSTANT,
    LOTS,
    MONEY,
    OF_LOTS,
    PLACE,
    TABLES,
    TEXT,
)

FEW = 100
"""Lots per query of their bids, of which a lot has hundreds."""

_LOT_COLUMNS: Columns = {
    "lot_id": TEXT, "lot_name": TEXT, "project_id": TEXT, "project_name": TEXT, "key_flag": TEXT,
    "flags": TEXT, "round": COUNT, "centre_id": TEXT, "centre_name": TEXT, "division_code": TEXT,
    "trade_family": TEXT, "category": TEXT, "sector": TEXT, "method": TEXT, "tenderer_id": TEXT, "agency_id": TEXT,
    "tenderer_country": TEXT, "status": TEXT, "estimate": MONEY, "control_price": MONEY, "currency": TEXT,
    "source": TEXT, "participants": COUNT, "demo": BOOL,
    "opened_at": INSTANT, "opened_on": DAY, "month": TEXT, "opened": BOOL,
}  # fmt: skip
_BID_COLUMNS: Columns = {
    "lot_id": TEXT, "bidder_id": TEXT, "ca_region": TEXT, "price": MONEY, "status": TEXT, "rank": COUNT,
    "source": TEXT, "demo": BOOL, "division_code": TEXT, "division_source": TEXT, "uscc": TEXT, "country": TEXT,
    "mac": TEXT, "disk_serial": TEXT, "dongle_serial": TEXT, "file_id": TEXT, "upload_ip": TEXT, "received_at": INSTANT,
}  # fmt: skip
_AWARD_COLUMNS: Columns = {
    "lot_id": TEXT, "bidder_id": TEXT, "rank": COUNT, "award_price": MONEY, "award_currency": TEXT, "awarded_at": INSTANT,
    "winner_name": TEXT, "division_code": TEXT, "division_source": TEXT, "uscc": TEXT, "country": TEXT,
}  # fmt: skip

_TENDERER, _BIDDER = aliased(Organisation), aliased(Organisation)
_CENTRE = centre_of_lot()
_LOT_QUERY: Select[*tuple[Any, ...]] = (
    select(
        Lot.id, Lot.name, Lot.project_id, Project.name, Project.key_flag, Lot.round, _CENTRE, Centre.name,
        Lot.division_code, Lot.trade_family, Lot.category, Project.sector, Lot.method, Lot.tenderer_id, Lot.agency_id, _TENDERER.country,
        Lot.status, whole(Lot.estimate), whole(Lot.control_price), currency_of(Lot), Lot.source, Lot.participants, Lot.flags,
        Source.demo,
    )
    .join(Project, Project.id == Lot.project_id)
    .outerjoin(Centre, Centre.id == _CENTRE)
    .outerjoin(Source, Source.name == Lot.source)
    .outerjoin(_TENDERER, _TENDERER.id == Lot.tenderer_id)
)  # fmt: skip

_COMPARABLE = case(
    (func.coalesce(Bid.vat, "included") == func.coalesce(Lot.vat, "included"), whole(Bid.price)), else_=None
)
"""The price of a bid in the terms of its lot."""
_BID_QUERY: Select[*tuple[Any, ...]] = (
    select(
        Bid.lot_id, Bid.bidder_id, Bid.ca_region, _COMPARABLE, Bid.status, Bid.rank, Bid.source, Source.demo,
        _BIDDER.division_code, _BIDDER.division_source, _BIDDER.uscc, _BIDDER.country,
        *(case((Bid.on_site, None), else_=column) for column in (Bid.mac, Bid.disk_serial)), Bid.dongle_serial,
        Bid.file_id, case((Bid.on_site, None), else_=Bid.upload_ip), Bid.received_at,
    )
    .join(Lot, Lot.id == Bid.lot_id)
    .join(_BIDDER, _BIDDER.id == Bid.bidder_id)
    .outerjoin(Source, Source.name == Bid.source)
    .where(bid_on_hand())
    .order_by(Bid.lot_id, *receipt_order())
)  # fmt: skip
"""Bids on hand at the deadline, one a bidder."""


def _winners(at: datetime) -> Select[*tuple[Any, ...]]:
    """What was awarded by the moment `at`."""
    return (
        select(
            Award.lot_id, Award.bidder_id, Award.rank, whole(Award.price), currency_of(Award), Award.awarded_at, _BIDDER.name,
            _BIDDER.division_code, _BIDDER.division_source, _BIDDER.uscc, _BIDDER.country,
        )
        .join(Lot, Lot.id == Award.lot_id)
        .join(_BIDDER, _BIDDER.id == Award.bidder_id)
        .where(Award.status == "awarded", award_come(at))
        .order_by(Award.lot_id, Award.rank, Award.id)
    )  # fmt: skip


# ── the tables beside bids and lots ──────────────────────────────────────────


def _openings(_at: datetime) -> Select[*tuple[Any, ...]]:
    return select(
        Opening.lot_id, Opening.id, Opening.room_id, Opening.scheduled_at, Opening.started_at, Opening.ended_at,
        Opening.state, Opening.result, Opening.head_seq,
    ).join(Lot, Lot.id == Opening.lot_id)  # fmt: skip


def _broadcasts(_at: datetime) -> Select[*tuple[Any, ...]]:
    held = BroadcastSession
    return (
        select(
            Opening.lot_id, held.id, held.opening_id, held.room_id, held.state, held.live_at, held.ended_at,
            held.seconds_live, held.interruptions,
        )
        .join(Opening, Opening.id == held.opening_id)
        .join(Lot, Lot.id == Opening.lot_id)
    )  # fmt: skip


def _evaluations(at: datetime) -> Select[*tuple[Any, ...]]:
    held = Evaluation
    return (
        select(
            held.lot_id, held.id, held.mode, held.tier, held.main_site, as_json(held.secondary_sites), held.room_id,
            held.experts, held.scheduled_at, held.started_at, held.ended_at, held.state,
        )
        .join(Lot, Lot.id == held.lot_id)
        .where(visible(Datum.EXPERTS, at=at))
    )  # fmt: skip


def _scores(at: datetime) -> Select[*tuple[Any, ...]]:
    """Scores are confidential until the award (招标投标法 art. 44)."""
    return (
        select(
            Evaluation.lot_id, Score.id, Score.evaluation_id, Score.expert_id, Bid.bidder_id, Score.item, Score.kind,
            whole(Score.score), whole(Score.full_marks),
        )
        .join(Evaluation, Evaluation.id == Score.evaluation_id)
        .join(Bid, Bid.id == Score.bid_id)
        .join(Lot, Lot.id == Evaluation.lot_id)
        .where(visible(Datum.SCORES, at=at))
    )  # fmt: skip


def _fees(at: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Evaluation.lot_id, Fee.id, Fee.evaluation_id, Fee.expert_id, whole(Fee.hours), whole(Fee.amount), Fee.status,
            Fee.paid_at,
        )
        .join(Evaluation, Evaluation.id == Fee.evaluation_id)
        .join(Lot, Lot.id == Evaluation.lot_id)
        .where(visible(Datum.EXPERTS, at=at))
    )  # fmt: skip


def _deposits(at: datetime) -> Select[*tuple[Any, ...]]:
    """Deposits know no tax: they are in the lot's currency itself."""
    held = Deposit
    return (
        select(
            held.lot_id, held.id, held.bidder_id, held.form, whole(held.amount), Lot.currency, held.received_at,
            held.due_refund_at, held.refunded_at, whole(held.interest), held.status,
        )
        .join(Lot, Lot.id == held.lot_id)
        .where(visible(Datum.DEPOSITS, at=at))
    )  # fmt: skip


def _awards(at: datetime) -> Select[*tuple[Any, ...]]:
    """Candidates from their publicity on, results from the award on; none that was cancelled."""
    candidate = (Award.status == "candidate") & visible(Datum.CANDIDATES, at=at, dated=Award.publicity_from)
    return (
        select(
            Award.lot_id, Award.id, Award.bidder_id, as_json(Award.consortium), Award.rank, whole(Award.price),
            currency_of(Award), Award.status, Award.publicity_from, Award.publicity_until, Award.awarded_at,
        )
        .join(Lot, Lot.id == Award.lot_id)
        .where(or_((Award.status == "awarded") & award_come(at), candidate))
    )  # fmt: skip


def _contracts(at: datetime) -> Select[*tuple[Any, ...]]:
    held = Contract
    return (
        select(
            held.lot_id, held.id, held.bidder_id, held.signed_at, whole(held.value), currency_of(held),
            as_json(held.changes),
        )
        .join(Lot, Lot.id == held.lot_id)
        .where(visible(Datum.CONTRACT, at=at, dated=held.signed_at))
    )  # fmt: skip


QUERIES: Mapping[str, Callable[[datetime], Select[*tuple[Any, ...]]]] = {
    "openings": _openings, "broadcasts": _broadcasts, "evaluations": _evaluations, "scores": _scores, "fees": _fees, "deposits": _deposits,
    "awards": _awards, "contracts": _contracts,
}  # fmt: skip
"""Table → the lot and the columns of `schema.OF_LOTS`, joined with `Lot`, as far as supervisors may see them at a moment."""


# ── a month ──────────────────────────────────────────────────────────────────


def month_of_lots(session: Session, month: str, at: datetime, home: Place) -> dict[str, pa.Table]:
    """The tables of lots of a month at the moment `at`, seen from `home`."""
    lots = lots_of_month(session, month, at)
    ids = [lot.id for lot in lots]
    with duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "1GB"}) as engine:
        engine.register("lot_raw", _lots(session, lots))
        engine.register("bid_raw", _read(session, _BID_QUERY, ids, _BID_COLUMNS, FEW))
        engine.register("award_raw", _read(session, _winners(at), ids, _AWARD_COLUMNS))
        engine.execute(placed_rows(home))
        found = {
            "bids": _select(engine, BIDS, "bid_full ORDER BY lot_id, bidder_id"),
            "lots": _select(engine, LOTS, "lot_full ORDER BY opened_at, lot_id"),
        }
        for name, query in QUERIES.items():
            engine.register(name, _read(session, query(at), ids, {"lot_id": TEXT, **_from_ledger(name)}))
            found[name] = _beside_its_lot(engine, name)
    return found


def _beside_its_lot(engine: duckdb.DuckDBPyConnection, name: str) -> pa.Table:
    own = OF_LOTS[name]
    columns = [*(f"l.{column}" for column in PLACE), *_with_days(name)]
    key = next(iter(own))
    joined = f"SELECT {', '.join(columns)} FROM {name} r JOIN lot_raw l ON l.lot_id = r.lot_id ORDER BY lot_id, {key}"
    return _typed(engine.sql(joined).to_arrow_table(), TABLES[name])


def _from_ledger(table: str) -> Columns:
    """The columns of a table that the ledger tells."""
    return {name: kind for name, kind in OF_LOTS[table].items() if (table, name) not in DERIVED}


def _with_days(table: str) -> list[str]:
    found = []
    for name, kind in OF_LOTS[table].items():
        found.append(f"{DERIVED[table, name]} AS {name}" if (table, name) in DERIVED else f"r.{name}")
        if kind == INSTANT:
            found.append(f"{day_of(f'r.{name}')} AS {name.removesuffix('_at')}_on")
    return found


def _select(engine: duckdb.DuckDBPyConnection, schema: pa.Schema, source: str) -> pa.Table:
    return _typed(engine.sql(f"SELECT {', '.join(schema.names)} FROM {source}").to_arrow_table(), schema)


def _typed(table: pa.Table | None, schema: pa.Schema) -> pa.Table:
    if table is None:
        raise RuntimeError("DuckDB gave no table for a SELECT")
    return table.cast(schema)


def _read(
    session: Session,
    query: Select[*tuple[Any, ...]],
    lot_ids: Sequence[str],
    columns: Columns,
    size: int = 500,
) -> pa.Table:
    parts = [as_table([], columns)]
    parts += [fetched(session, query.where(Lot.id.in_(part)), columns) for part in chunks(lot_ids, size)]
    return pa.concat_tables(parts)


def _lots(session: Session, lots: Sequence[OpenedLot]) -> pa.Table:
    when = {lot.id: lot for lot in lots}
    rows: list[tuple[Any, ...]] = []
    for part in chunks(list(when)):
        for row in session.execute(_LOT_QUERY.where(Lot.id.in_(part))):
            *columns, participants, flags, demo = row
            lot = when[columns[0]]
            day = lot.opened_at.astimezone(BEIJING).date() if lot.opened_at else None
            columns.insert(5, ",".join(flags or ()))
            rows.append(
                (*columns, len(participants), demo, lot.opened_at, day, month_of(lot.opened_at), lot.opened)
            )
    return as_table(rows, _LOT_COLUMNS)
