"""`x_sunbid`, the extension for what OCDS has no field for, so that a full export comes back as the same ledger.

The release is read the way an import would read it; `fields` holds, per record, only what the import
would get differently, `records` whole envelopes for the kinds OCDS does not know (deposits, openings and
their events, …). Never part of a public export.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import orjson

from ingest.apply.envelopes_of_rows import Row, columns, envelope, money
from ingest.kinds.registry import KINDS
from ingest.ocds.reading.organisations import Organisations
from ingest.ocds.reading.reader import pieces_of
from ingest.ocds.reading.release import Release
from ingest.ocds.reading.source import ReleaseSource
from ingest.ocds.reading.tender import Lots
from ingest.ocds.values import fit
from ingest.ocds.writing.processes import Process
from ingest.ocds.writing.release import local_number, lot_id, party_id
from ingest.ocds.writing.replay import logged, replay

Json = dict[str, Any]
_MAPPED = tuple(name for name, kind in KINDS.items() if kind.ocds)
"""Kinds OCDS has fields for."""


def dumps(value: Any) -> bytes:
    """JSON with exact amounts: a Decimal becomes a number with all its digits."""
    return orjson.dumps(value, default=lambda exact: orjson.Fragment(money(exact)))


def extension(process: Process, release: Json) -> Json:
    """The `x_sunbid` object of a release."""
    source = process.lots[0]["source"]
    read = Release(ReleaseSource(source), orjson.loads(dumps(release)), process.ocid, None, "")
    held, steps = _held(process), []
    for lot in process.lots:
        if openings := logged(process, lot["id"]):
            first, *rest = replay(process, lot, openings, held["lot"][lot["id"]])
            held["lot"][lot["id"]] = first
            steps += rest
    fields = _fields(process, read, held)
    unread = [record for kind in _MAPPED for record in held[kind].values()]
    others = [envelope(kind, row, process.held) for kind, row in _unmapped(process)]
    found: Json = {"source": source, "fields": fields, "records": [*unread, *others, *steps]}
    return found | ({"demo": True} if source in process.demo else {})


def _held(process: Process) -> dict[str, dict[str, Json]]:
    """Kind → id → the record of the ledger, of the kinds OCDS has fields for."""
    rows: dict[str, list[Row]] = {
        "organisation": list(process.organisations.values()), "project": [process.project],
        "lot": process.lots, "bid": process.rows["bid"], "award": process.rows["award"],
    }  # fmt: skip
    return {
        kind: {row["id"]: envelope(kind, row, process.held) for row in found} for kind, found in rows.items()
    }


def _fields(process: Process, read: Release, held: dict[str, dict[str, Json]]) -> dict[str, dict[str, Json]]:
    """Kind → key → what an import would get differently; the records it would find are taken out of `held`."""
    ids = _ids_of_keys(process, read)
    fields: dict[str, dict[str, Json]] = defaultdict(dict)
    for piece in pieces_of(read):
        if (made := piece.envelope) is None:
            continue
        kind, key = made["kind"], made["key"]
        meant = held[kind].pop(ids[kind].get(key, key), None)
        if meant is not None:
            fields[kind][key] = _difference(made, meant, read.source.name)
    return fields


def _ids_of_keys(process: Process, read: Release) -> dict[str, dict[str, str]]:
    """Kind → the key an import would give → the ledger's own id."""
    organisations, lots = Organisations(read), Lots(read)
    keys = {lot["id"]: lots.key(lot_id(process, lot["id"])) for lot in process.lots}
    ids: dict[str, dict[str, str]] = {
        "organisation": {
            str(organisations.key({"id": party_id(process, one)})): one for one in process.organisations
        },
        "project": {read.key: process.project["id"]},
        "lot": {given: own for own, given in keys.items()},
    }
    for kind in ("bid", "award"):
        rows = process.rows[kind]
        ids[kind] = {
            fit(f"{keys[row['lot_id']]}/{kind}/{local_number(row, kind, rows)}"): row["id"] for row in rows
        }
    return ids


def _difference(made: Json, meant: Json, source: str) -> Json:
    """What turns the envelope an import makes into the one that is meant."""
    given, wanted = made["data"], meant["data"]
    data = {name: value for name, value in wanted.items() if given.get(name) != value}
    defaults = {wire: default for _, wire, default in columns(made["kind"])}
    data |= {name: None for name in given if name not in wanted and given[name] != defaults.get(name)}
    found = {name: meant[name] for name in ("version", "occurred_at")}
    if meant["key"] != made["key"]:
        found["key"] = meant["key"]
    if meant["source"] != source:
        found["source"] = meant["source"]
    return found | ({"data": data} if data else {})


def _unmapped(process: Process) -> Iterator[tuple[str, Row]]:
    """Rows of the kinds OCDS does not know; logged openings come step by step."""
    for kind, rows in process.rows.items():
        if kind in _MAPPED:
            continue
        for row in rows:
            if kind != "opening" or row["id"] not in process.events:
                yield kind, row
