"""The tables of the lens and their columns; docs/lens.md says them to whoever reads the files with another engine."""

from __future__ import annotations

import pyarrow as pa

MONEY = pa.decimal128(20, 4)
INSTANT = pa.timestamp("us", tz="UTC")
TEXT, BOOL, DAY, COUNT, FLOAT = pa.string(), pa.bool_(), pa.date32(), pa.int32(), pa.float64()

FORMAT = 7
"""Raised when the tables' columns or the manifest change: a lens of another format counts as none until it is built anew."""
OVERSEAS = "00"
"""bidder_province of a firm from outside China; no division code begins with it."""

Columns = dict[str, pa.DataType]

LISTS = frozenset(
    {"secondary_sites", "consortium", "changes", "deductions", "projects", "problems", "warnings"}
)
"""Columns that hold a list as its JSON text."""


def dated(columns: Columns) -> Columns:
    """The columns, each moment `x_at` followed by its Beijing day `x_on`."""
    found: Columns = {}
    for name, kind in columns.items():
        found[name] = kind
        if name.endswith("_at") and kind == INSTANT:
            found[name.removesuffix("_at") + "_on"] = DAY
    return found


PLACE: Columns = {
    "month": TEXT, "opened_at": INSTANT, "opened_on": DAY, "lot_id": TEXT, "lot_name": TEXT, "round": COUNT,
    "centre_id": TEXT, "centre_name": TEXT, "division_code": TEXT, "trade_family": TEXT, "category": TEXT, "sector": TEXT,
    "method": TEXT,
    "tenderer_id": TEXT, "agency_id": TEXT,
}  # fmt: skip
"""What every table of lots begins with: the lot, and what it is narrowed by."""

_BID: Columns = {
    "bidder_id": TEXT, "bidder_division": TEXT, "bidder_province": TEXT, "outside_city": BOOL, "outside_province": BOOL,
    "division_source": TEXT, "ca_region": TEXT, "ca_outside": BOOL, "price": MONEY, "control_price": MONEY, "status": TEXT,
    "rank": COUNT, "is_winner": BOOL, "currency": TEXT, "source": TEXT, "demo": BOOL, "mac": TEXT, "disk_serial": TEXT,
    "dongle_serial": TEXT, "file_id": TEXT, "upload_ip": TEXT, "received_at": INSTANT,
}  # fmt: skip
BIDS = pa.schema([*(PLACE | _BID).items()])
"""One row = one participation 参与家次 of an opened lot (§5.2). Null in outside_* = place unknown."""

_LOT: Columns = {
    "title": TEXT, "project_id": TEXT, "project_name": TEXT, "key_flag": TEXT, "flags": TEXT, "status": TEXT, "opened": BOOL,
    "bids": COUNT, "valid_bids": COUNT, "outside_city_bids": COUNT, "outside_province_bids": COUNT,
    "unknown_city_bids": COUNT, "unknown_province_bids": COUNT, "estimate": MONEY, "control_price": MONEY,
    "winner_id": TEXT, "winner_name": TEXT, "winner_division": TEXT, "winner_province": TEXT, "winner_outside_city": BOOL,
    "winner_outside_province": BOOL, "award_price": MONEY, "award_currency": TEXT, "awarded_at": INSTANT, "awarded_on": DAY,
    "currency": TEXT, "source": TEXT, "demo": BOOL,
}  # fmt: skip
LOTS = pa.schema([*(PLACE | _LOT).items()])
"""One row = one lot whose opening has ended; `opened` is false where it failed (流标) or was broken off."""

OF_LOTS: dict[str, Columns] = {
    "openings": {
        "opening_id": TEXT, "room_id": TEXT, "scheduled_at": INSTANT, "started_at": INSTANT, "ended_at": INSTANT,
        "state": TEXT, "result": TEXT, "events": COUNT,
    },
    "broadcasts": {
        "broadcast_id": TEXT, "opening_id": TEXT, "room_id": TEXT, "state": TEXT, "live_at": INSTANT, "ended_at": INSTANT,
        "seconds_live": FLOAT, "interruptions": COUNT,
    },
    "evaluations": {
        "evaluation_id": TEXT, "mode": TEXT, "tier": TEXT, "main_site": TEXT, "secondary_sites": TEXT, "room_id": TEXT,
        "experts": COUNT, "scheduled_at": INSTANT, "started_at": INSTANT, "ended_at": INSTANT, "state": TEXT,
        "minutes": FLOAT,
    },
    "scores": {
        "score_id": TEXT, "evaluation_id": TEXT, "expert_id": TEXT, "bidder_id": TEXT, "item": TEXT, "kind": TEXT,
        "score": MONEY, "full_marks": MONEY,
    },
    "fees": {
        "fee_id": TEXT, "evaluation_id": TEXT, "expert_id": TEXT, "hours": MONEY, "amount": MONEY, "status": TEXT,
        "paid_at": INSTANT,
    },
    "deposits": {
        "deposit_id": TEXT, "bidder_id": TEXT, "form": TEXT, "amount": MONEY, "currency": TEXT, "received_at": INSTANT,
        "due_refund_at": INSTANT, "refunded_at": INSTANT, "interest": MONEY, "status": TEXT,
    },
    "awards": {
        "award_id": TEXT, "bidder_id": TEXT, "consortium": TEXT, "rank": COUNT, "price": MONEY, "currency": TEXT,
        "status": TEXT, "publicity_from_at": INSTANT, "publicity_until_at": INSTANT, "awarded_at": INSTANT,
    },
    "contracts": {
        "contract_id": TEXT, "bidder_id": TEXT, "signed_at": INSTANT, "value": MONEY, "currency": TEXT, "changes": TEXT,
    },
}  # fmt: skip
"""Tables whose rows belong to a lot of `lots`, in whose month they stand."""

DERIVED = {("evaluations", "minutes"): "date_diff('second', r.started_at, r.ended_at) / 60.0"}
"""(table, column) worked out from the row's other columns, as DuckDB says it: minutes from begin to end."""

OWN: dict[str, Columns] = {
    "credit": {
        "credit_id": TEXT, "organisation_id": TEXT, "role": TEXT, "system": TEXT, "period": TEXT, "score": MONEY,
        "rank": COUNT, "deductions": TEXT, "division_code": TEXT,
    },
    "opinions": {
        "opinion_id": TEXT, "project_id": TEXT, "channel": TEXT, "received_at": INSTANT, "answered_at": INSTANT,
        "division_code": TEXT,
    },
    "inspections": {
        "inspection_id": TEXT, "inspected_on": DAY, "projects": TEXT, "problems": TEXT, "division_code": TEXT,
    },
    "warnings": {
        "warning_id": TEXT, "rule": TEXT, "rule_version": TEXT, "family": TEXT, "level": TEXT, "lot_id": TEXT, "centre_id": TEXT,
        "value": FLOAT, "baseline": FLOAT, "threshold": FLOAT, "stratum": TEXT, "raised_at": INSTANT, "state": TEXT,
        "disposition": TEXT, "acted_at": INSTANT,
    },
    "leads": {
        "lead_id": TEXT, "batch_id": TEXT, "warnings": TEXT, "created_at": INSTANT, "valid": BOOL, "disposed_at": INSTANT,
        "target": TEXT, "batch_state": TEXT, "transferred_at": INSTANT, "received_at": INSTANT, "due_at": INSTANT,
        "closed_at": INSTANT,
    },
}  # fmt: skip
"""Tables that stand by themselves, each in the month of its own date."""

TABLES: dict[str, pa.Schema] = {
    "bids": BIDS,
    "lots": LOTS,
    **{name: pa.schema([*(PLACE | dated(own)).items()]) for name, own in OF_LOTS.items()},
    **{name: pa.schema([("month", TEXT), *dated(own).items()]) for name, own in OWN.items()},
}
"""Every table of the lens by name."""

_SQL_TYPES = {
    TEXT: "VARCHAR", INSTANT: "TIMESTAMPTZ", DAY: "DATE", COUNT: "INTEGER", BOOL: "BOOLEAN", MONEY: "DECIMAL(20,4)",
    FLOAT: "DOUBLE",
}  # fmt: skip


def no_rows(schema: pa.Schema) -> str:
    """A SELECT of an empty table with the right columns."""
    nulls = ", ".join(f'CAST(NULL AS {_SQL_TYPES[f.type]}) AS "{f.name}"' for f in schema)
    return f"SELECT {nulls} WHERE false"
