"""One month of the ledger as the lens' two tables. Rows leave the database raw; DuckDB joins and places them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
from sqlalchemy import BigInteger, Select, and_, case, func, or_, select, type_coerce
from sqlalchemy.orm import Session, aliased

from records.bids_on_hand import bid_on_hand, receipt_order
from records.clock import BEIJING, add_months
from records.currencies import currency_of
from records.identifiers import OVERSEAS
from records.lots import centre_of_lot
from records.tables.bids import Bid
from records.tables.intake import Source
from records.tables.money import Award
from records.tables.openings import Opening
from records.tables.organisations import Centre, Organisation
from records.tables.projects import Lot, Project, counted
from records.visibility import award_come
from supervision.home import Place
from supervision.lens.reader import BIDS, INSTANT, LOTS, MONEY
from supervision.rules.readiness import opened_at

Item = TypeVar("Item")
CHUNK = 500
"""Lots per query: below SQLite's limit of variables, few enough to keep memory flat."""


UNDATED = "undated"
"""What stands for the month of lots without any date."""


def month_of(moment: datetime | None) -> str:
    """The month of a moment in Beijing time, YYYY-MM; UNDATED where it is not known."""
    return UNDATED if moment is None else f"{moment.astimezone(BEIJING):%Y-%m}"


def month_span(month: str) -> tuple[datetime, datetime]:
    """First moment of a month and of the next, Beijing time."""
    first = date(int(month[:4]), int(month[5:]), 1)
    after = add_months(first, 1)
    return tuple(datetime(d.year, d.month, 1, tzinfo=BEIJING) for d in (first, after))  # type: ignore[return-value]


def chunks(items: Sequence[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    """The items in pieces."""
    return (items[n : n + size] for n in range(0, len(items), size))


@dataclass(frozen=True, slots=True)
class OpenedLot:
    """A lot whose opening is over: when it was, and whether bids were opened."""

    id: str
    opened_at: datetime | None
    opened: bool


def opened_lots(session: Session, lot_ids: Sequence[str], at: datetime) -> list[OpenedLot]:
    """Those of the lots that count and whose opening is over at the moment `at`."""
    found: list[OpenedLot] = []
    for part in chunks(lot_ids):
        openings: dict[str, list[Opening]] = defaultdict(list)
        for opening in session.scalars(select(Opening).where(Opening.lot_id.in_(part))):
            openings[opening.lot_id].append(opening)
        rows = session.execute(select(Lot.id, Lot.status, Lot.deadline).where(Lot.id.in_(part), counted()))
        for lot_id, status, deadline in rows:
            when = opened_at(status, deadline, openings[lot_id], at)
            if when is not None:
                found.append(OpenedLot(lot_id, *when))
    return found


def candidates(session: Session, month: str) -> list[str]:
    """Lots that may belong to a month: deadline, schedule or start of the opening lies in it."""
    if month == UNDATED:
        timed = select(Opening.lot_id).where(Opening.lot_id == Lot.id).exists()
        return sorted(session.scalars(select(Lot.id).where(Lot.deadline.is_(None), ~timed)))
    start, end = month_span(month)
    by_deadline = select(Lot.id).where(Lot.deadline >= start, Lot.deadline < end)
    by_opening = select(Opening.lot_id).where(
        or_(
            and_(Opening.scheduled_at >= start, Opening.scheduled_at < end),
            and_(Opening.started_at >= start, Opening.started_at < end),
        )
    )
    return sorted({*session.scalars(by_deadline), *session.scalars(by_opening)})


def export_month(session: Session, month: str, at: datetime, home: Place) -> tuple[pa.Table, pa.Table]:
    """(bids, lots) of a month as the lens holds them at the moment `at`, seen from `home`."""
    lots = [
        lot
        for lot in opened_lots(session, candidates(session, month), at)
        if month_of(lot.opened_at) == month
    ]
    ids = [lot.id for lot in lots]
    with duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "1GB"}) as engine:
        engine.register("lot_raw", _lots(session, lots))
        engine.register("bid_raw", _bids(session, ids))
        engine.register("award_raw", _awards(session, ids, at))
        engine.execute(_prepare(home))
        bids = engine.sql(
            f"SELECT {_columns(BIDS)} FROM bid_full ORDER BY lot_id, bidder_id"
        ).to_arrow_table()
        full = engine.sql(
            f"SELECT {_columns(LOTS)} FROM lot_full ORDER BY opened_at, lot_id"
        ).to_arrow_table()
    return _typed(bids, BIDS), _typed(full, LOTS)


def _columns(schema: pa.Schema) -> str:
    return ", ".join(schema.names)


def _typed(table: pa.Table | None, schema: pa.Schema) -> pa.Table:
    if table is None:
        raise RuntimeError("DuckDB gave no table for a SELECT")
    return table.cast(schema)


_INT = pa.int64()
_STR = pa.string()
_BOOL = pa.bool_()

_LOT_COLUMNS: dict[str, pa.DataType] = {
    "lot_id": _STR, "lot_name": _STR, "project_id": _STR, "project_name": _STR, "key_flag": _STR,
    "flags": _STR, "round": pa.int32(), "centre_id": _STR, "centre_name": _STR, "division_code": _STR,
    "trade_family": _STR, "category": _STR, "method": _STR, "tenderer_id": _STR, "agency_id": _STR,
    "tenderer_country": _STR, "status": _STR, "estimate": _INT, "control_price": _INT, "currency": _STR,
    "source": _STR, "participants": pa.int32(), "demo": _BOOL,
    "opened_at": INSTANT, "opened_on": pa.date32(), "month": _STR, "opened": _BOOL,
}  # fmt: skip
_BID_COLUMNS: dict[str, pa.DataType] = {
    "lot_id": _STR, "bidder_id": _STR, "ca_region": _STR, "price": _INT, "status": _STR, "rank": pa.int32(),
    "source": _STR, "demo": _BOOL, "division_code": _STR, "division_source": _STR, "uscc": _STR, "country": _STR,
    "mac": _STR, "disk_serial": _STR, "dongle_serial": _STR, "file_id": _STR, "upload_ip": _STR, "received_at": INSTANT,
}  # fmt: skip
_AWARD_COLUMNS: dict[str, pa.DataType] = {
    "lot_id": _STR, "bidder_id": _STR, "rank": pa.int32(), "award_price": _INT, "award_currency": _STR, "awarded_at": INSTANT,
    "winner_name": _STR, "division_code": _STR, "division_source": _STR, "uscc": _STR, "country": _STR,
}  # fmt: skip


def _table(rows: list[tuple[Any, ...]], columns: dict[str, pa.DataType]) -> pa.Table:
    """Rows as typed columns; whole ten-thousandths of a yuan stay int64 until `_money` names their scale."""
    values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    arrays = [pa.array(v, type=t) for v, t in zip(values, columns.values(), strict=True)]
    return pa.table(
        dict(zip(columns, (_money(n, a) for n, a in zip(columns, arrays, strict=True)), strict=True))
    )


_MONEY_COLUMNS = frozenset({"estimate", "control_price", "price", "award_price"})


def _money(name: str, array: Any) -> Any:
    """Read whole ten-thousandths as a decimal with four places: the same 128-bit numbers, another scale."""
    if name not in _MONEY_COLUMNS:
        return array
    wide = array.cast(pa.decimal128(20, 0))
    return pa.Array.from_buffers(MONEY, len(wide), wide.buffers(), null_count=wide.null_count)


def _raw(column: Any) -> Any:
    return type_coerce(column, BigInteger)


def _lots(session: Session, lots: list[OpenedLot]) -> pa.Table:
    when = {lot.id: lot for lot in lots}
    rows: list[tuple[Any, ...]] = []
    for part in chunks(list(when)):
        for row in session.execute(_LOT_QUERY.where(Lot.id.in_(part))):
            *columns, participants, flags, demo = row
            lot = when[columns[0]]
            day = lot.opened_at.astimezone(BEIJING).date() if lot.opened_at else None
            columns.insert(5, ",".join(flags or ()))
            rows.append(
                (
                    *columns,
                    len(participants),
                    bool(demo),
                    lot.opened_at,
                    day,
                    month_of(lot.opened_at),
                    lot.opened,
                )
            )
    return _table(rows, _LOT_COLUMNS)


_TENDERER = aliased(Organisation)
_CENTRE = centre_of_lot()
_LOT_QUERY: Select[*tuple[Any, ...]] = (
    select(
        Lot.id, Lot.name, Lot.project_id, Project.name, Project.key_flag, Lot.round, _CENTRE, Centre.name,
        Lot.division_code, Lot.trade_family, Lot.category, Lot.method, Lot.tenderer_id, Lot.agency_id, _TENDERER.country,
        Lot.status, _raw(Lot.estimate), _raw(Lot.control_price), currency_of(Lot), Lot.source, Lot.participants, Lot.flags,
        Source.demo,
    )
    .join(Project, Project.id == Lot.project_id)
    .outerjoin(Centre, Centre.id == _CENTRE)
    .outerjoin(Source, Source.name == Lot.source)
    .outerjoin(_TENDERER, _TENDERER.id == Lot.tenderer_id)
)  # fmt: skip

_BIDDER = aliased(Organisation)
_COMPARABLE = case(
    (func.coalesce(Bid.vat, "included") == func.coalesce(Lot.vat, "included"), _raw(Bid.price)), else_=None
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


def _bids(session: Session, lot_ids: Sequence[str]) -> pa.Table:
    parts = [_table([], _BID_COLUMNS)]
    for part in chunks(lot_ids, 100):
        rows = [tuple(row) for row in session.execute(_BID_QUERY.where(Bid.lot_id.in_(part)))]
        parts.append(_table(rows, _BID_COLUMNS))
    return pa.concat_tables(parts)


def _awards(session: Session, lot_ids: Sequence[str], at: datetime) -> pa.Table:
    """What was awarded by the moment `at`."""
    rows: list[tuple[Any, ...]] = []
    query = (
        select(
            Award.lot_id, Award.bidder_id, Award.rank, _raw(Award.price), currency_of(Award), Award.awarded_at, _BIDDER.name,
            _BIDDER.division_code, _BIDDER.division_source, _BIDDER.uscc, _BIDDER.country,
        )
        .join(_BIDDER, _BIDDER.id == Award.bidder_id)
        .where(Award.status == "awarded", award_come(at))
        .order_by(Award.lot_id, Award.rank, Award.id)
    )  # fmt: skip
    for part in chunks(lot_ids):
        rows += [tuple(row) for row in session.execute(query.where(Award.lot_id.in_(part)))]
    return _table(rows, _AWARD_COLUMNS)


def _outside(home: str) -> str:
    """Whether a firm is from outside a prefix: null if its place is unknown or too short to tell (§5.2)."""
    if not home:
        return "CAST(NULL AS BOOLEAN)"
    return (
        f"CASE WHEN division IS NULL THEN CASE WHEN foreign_firm THEN true END"
        f" WHEN starts_with(division, '{home}') THEN false WHEN starts_with('{home}', division) THEN NULL"
        f" ELSE true END"
    )


def _placed(table: str, home: Place) -> str:
    """A table with where its firm is from: its stated division, else digits 3–8 of its USCC (inferred).

    A firm of which only the country is known is from outside where the lot's own country is another
    one; in its own country it may be local or not: unknown.
    """
    city, province = home.prefixes
    return f"""
    SELECT *, {_outside(city)} AS outside_city, {_outside(province)} AS outside_province,
      CASE WHEN division IS NOT NULL THEN division[1:2] WHEN foreign_firm THEN '{OVERSEAS}' END AS province,
      CASE WHEN nullif(division_code, '') IS NOT NULL THEN coalesce(division_source, 'registration')
           WHEN division IS NOT NULL THEN 'uscc' END AS evidence
    FROM (SELECT r.*, coalesce(nullif(r.country, '') <> l.lot_country, false) AS foreign_firm,
      coalesce(nullif(r.division_code, ''),
        CASE WHEN regexp_full_match(r.uscc, '[0-9A-HJ-NPQRTUWXY]{{2}}[0-9]{{6}}[0-9A-HJ-NPQRTUWXY]{{10}}')
             THEN r.uscc[3:8] END) AS division
      FROM {table} r JOIN lot_country l ON l.lot_id = r.lot_id)"""


_DAY = f"(awarded_at AT TIME ZONE 'UTC' + INTERVAL {int(timedelta(hours=8).total_seconds())} SECOND)::DATE"

_LOT_COUNTRY = """
CREATE TABLE lot_country AS
  SELECT lot_id, CASE WHEN nullif(tenderer_country, '') IS NOT NULL THEN tenderer_country
    WHEN nullif(division_code, '') IS NOT NULL OR starts_with(currency, 'CNY') THEN 'CN' END AS lot_country
  FROM lot_raw;
"""
"""The country of a lot: its tenderer's; else China if it has a division or is paid in yuan; else unknown."""


def _prepare(home: Place) -> str:
    """The tables and views that turn the raw rows of a month into the lens' two."""
    elsewhere = (
        f"NOT starts_with(p.ca_region, '{home.province}')" if home.province else "CAST(NULL AS BOOLEAN)"
    )
    return f"""
{_LOT_COUNTRY}
CREATE TABLE placed AS {_placed("bid_raw", home)};
CREATE TABLE won AS {_placed("award_raw", home)};
CREATE TABLE winner AS
  SELECT lot_id, bidder_id AS winner_id, winner_name, division AS winner_division, province AS winner_province,
    outside_city AS winner_outside_city, outside_province AS winner_outside_province, award_price,
    award_currency, awarded_at, {_DAY} AS awarded_on
  FROM won QUALIFY row_number() OVER (PARTITION BY lot_id ORDER BY rank, bidder_id) = 1;
CREATE VIEW bid_full AS
  SELECT l.* EXCLUDE (status, source, demo, opened, estimate, tenderer_country), p.bidder_id,
    p.division AS bidder_division, p.province AS bidder_province, p.outside_city, p.outside_province, p.evidence AS division_source,
    p.ca_region, CASE WHEN nullif(p.ca_region, '') IS NULL THEN NULL
      ELSE {elsewhere} END AS ca_outside,
    p.price, p.status, p.rank, p.source, coalesce(p.demo, false) AS demo, p.mac, p.disk_serial, p.dongle_serial, p.file_id,
    p.upload_ip, p.received_at,
    EXISTS (SELECT 1 FROM won w WHERE w.lot_id = p.lot_id AND w.bidder_id = p.bidder_id) AS is_winner
  FROM placed p JOIN lot_raw l ON l.lot_id = p.lot_id WHERE l.opened;
CREATE VIEW lot_full AS
  SELECT l.*, l.lot_name AS title, c.* EXCLUDE (lot_id) REPLACE (CASE WHEN c.bids IS NULL AND (l.participants > 0 OR w.winner_id IS NOT NULL) THEN NULL
        ELSE coalesce(c.bids, 0) END AS bids,
      coalesce(c.valid_bids, 0) AS valid_bids, coalesce(c.outside_city_bids, 0) AS outside_city_bids,
      coalesce(c.outside_province_bids, 0) AS outside_province_bids,
      coalesce(c.unknown_city_bids, 0) AS unknown_city_bids,
      coalesce(c.unknown_province_bids, 0) AS unknown_province_bids),
    w.* EXCLUDE (lot_id)
  FROM lot_raw l
  LEFT JOIN (SELECT lot_id, count(*) AS bids, count(*) FILTER (WHERE status = 'valid') AS valid_bids,
      count(*) FILTER (WHERE outside_city) AS outside_city_bids,
      count(*) FILTER (WHERE outside_province) AS outside_province_bids,
      count(*) FILTER (WHERE outside_city IS NULL) AS unknown_city_bids,
      count(*) FILTER (WHERE outside_province IS NULL) AS unknown_province_bids FROM placed GROUP BY lot_id) c
    ON c.lot_id = l.lot_id
  LEFT JOIN winner w ON w.lot_id = l.lot_id;
"""
