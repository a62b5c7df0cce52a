"""`x_sunbid`: what OCDS has no field for, so that a full export comes back as the same ledger.

The release is read the way an import would read it; `fields` holds, per record, only what the import
would get differently, `records` whole envelopes for the kinds OCDS does not know (deposits, openings and
their events, …). Never part of a public export.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import orjson

from ingest.kinds.envelopes_of_rows import columns, envelope, money
from ingest.ocds.gather import Process
from ingest.ocds.reader import One, Reader
from ingest.ocds.release import local_number, lot_id, party_id
from ingest.ocds.replay import logged, replay
from ingest.ocds.values import fit

Json = dict[str, Any]
_MAPPED = ("organisation", "project", "lot", "bid", "award")


def dumps(value: Any) -> bytes:
    """JSON with exact amounts: a Decimal becomes a number with all its digits."""
    return orjson.dumps(value, default=lambda exact: orjson.Fragment(money(exact)))


def extra(process: Process, release: Json) -> Json:
    """The `x_sunbid` object of a release."""
    source = process.lots[0]["source"]
    reader = Reader(source)
    read = orjson.loads(dumps(release))
    one = One(reader, read, process.ocid, None, "")
    true, names = _true(process), _names(process, one)
    records: list[Json] = []
    for lot in process.lots:
        if openings := logged(process, lot["id"]):
            first, *rest = replay(process, lot, openings, true["lot"][lot["id"]])
            true["lot"][lot["id"]] = first
            records += rest
    fields: dict[str, dict[str, Json]] = defaultdict(dict)
    for piece in one.pieces():
        if (told := piece.envelope) is None:
            continue
        kind, key = told["kind"], told["key"]
        meant = true[kind].pop(names[kind].get(key, key), None)
        if meant is not None:
            fields[kind][key] = _difference(told, meant, source)
    left = [record for kind in _MAPPED for record in true[kind].values()]
    others = [envelope(kind, row, process.held) for kind, row in _others(process)]
    found: Json = {"source": source, "fields": fields, "records": [*left, *others, *records]}
    return found | ({"demo": True} if source in process.demo else {})


def _true(process: Process) -> dict[str, dict[str, Json]]:
    rows = {
        "organisation": list(process.organisations.values()), "project": [process.project],
        "lot": process.lots, "bid": process.rows["bid"], "award": process.rows["award"],
    }  # fmt: skip
    return {
        kind: {row["id"]: envelope(kind, row, process.held) for row in found} for kind, found in rows.items()
    }


def _names(process: Process, one: One) -> dict[str, dict[str, str]]:
    """The keys an import would give → the ledger's own."""
    lots = {lot["id"]: one.lot_key(lot_id(process, lot["id"])) for lot in process.lots}
    names: dict[str, dict[str, str]] = {
        "organisation": {
            str(one.organisation({"id": party_id(process, key)})): key for key in process.organisations
        },
        "project": {one.key: process.project["id"]},
        "lot": {given: key for key, given in lots.items()},
    }
    for kind in ("bid", "award"):
        rows = process.rows[kind]
        names[kind] = {
            fit(f"{lots[row['lot_id']]}/{kind}/{local_number(row, kind, rows)}"): row["id"] for row in rows
        }
    return names


def _difference(told: Json, meant: Json, source: str) -> Json:
    """What turns the envelope an import makes into the one that is meant."""
    given, wanted = told["data"], meant["data"]
    data = {name: value for name, value in wanted.items() if given.get(name) != value}
    defaults = {wire: default for _, wire, default in columns(told["kind"])}
    data |= {name: None for name in given if name not in wanted and given[name] != defaults.get(name)}
    found = {name: meant[name] for name in ("version", "occurred_at")}
    if meant["key"] != told["key"]:
        found["key"] = meant["key"]
    if meant["source"] != source:
        found["source"] = meant["source"]
    return found | ({"data": data} if data else {})


def _others(process: Process) -> Any:
    """Rows of the kinds OCDS does not know; logged openings come step by step."""
    for kind, rows in process.rows.items():
        if kind in ("bid", "award"):
            continue
        for row in rows:
            if kind != "opening" or row["id"] not in process.events:
                yield kind, row
