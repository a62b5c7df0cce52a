"""One contracting process as an OCDS 1.1 release with the bids and lots extensions.

Plain mapping only: who may see what is decided before (`public`), what OCDS has no field for is added
after (`x_sunbid`). Field by field the mapping is the inverse of `ingest.ocds.reading`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from ingest.apply.envelopes_of_rows import Row, plain
from ingest.ocds.codelists import (
    AWARD_STATUS_WRITTEN,
    BID_STATUS,
    CATEGORIES,
    DOCUMENT_TYPES,
    METHOD_DETAILS,
    TENDER_STATUS,
)
from ingest.ocds.writing.processes import Process
from records.identifiers import looks_like_uscc
from records.keys import key_of

Json = dict[str, Any]

_SCHEME = re.compile(r"^([A-Z]{2}-[A-Z0-9]+)-(.+)$")


def known(**fields: Any) -> Json:
    """An object of what is known: nothing empty, no nulls."""
    return {name: value for name, value in fields.items() if value not in (None, [], {}, "")}


def build(process: Process, moments: Iterable[datetime] = ()) -> Json:
    """The release of a process; `moments` are further times at which something of it became public."""
    lots, bids, awards = process.lots, process.rows["bid"], process.rows["award"]
    rows = [process.project, *lots, *bids, *awards, *process.contracts]
    date = max([*(row["updated_at"] for row in rows), *moments])
    contracts = [made for row in process.contracts if (made := _contract(process, row))]
    return known(
        ocid=process.ocid,
        id=f"{process.ocid}-{int(date.timestamp() * 1000)}".replace("#", "_"),
        date=plain(date),
        tag=_tags(lots, awards, contracts),
        initiationType="tender",
        language="zh",
        parties=_parties(process),
        buyer=_reference(process, lots[0]["tenderer_id"]),
        planning=_planning(process),
        tender=_tender(process),
        bids=known(details=[_bid(process, row) for row in bids]),
        awards=[_award(process, row) for row in awards],
        contracts=contracts,
    )


def _tags(lots: list[Row], awards: list[Row], contracts: list[Json]) -> list[str]:
    if all(lot["status"] == "draft" for lot in lots):
        return ["planning"]
    return ["tender", *(["award"] if awards else []), *(["contract"] if contracts else [])]


# ── parties ──────────────────────────────────────────────────────────────────


def party_id(process: Process, key: str) -> str:
    """An organisation's id within a release: CN-USCC-…, or its own number without the publisher's prefix."""
    if looks_like_uscc(key):
        return f"CN-USCC-{key}"
    return key.removeprefix(f"{process.ocid[:11].lower()}:")


def _reference(process: Process, key: str | None) -> Json | None:
    row = process.organisations.get(key) if key else None
    return {"id": party_id(process, row["id"]), "name": row["name"]} if row else None


def _identifier(row: Row) -> Json | None:
    if row["uscc"]:
        return {"scheme": "CN-USCC", "id": row["uscc"], "legalName": row["name"]}
    found = _SCHEME.match(row["id"])
    return found and {"scheme": found[1], "id": found[2], "legalName": row["name"]}


def _parties(process: Process) -> list[Json]:
    roles: dict[str, list[str]] = {}
    for key, role in _roles(process):
        if role not in roles.setdefault(key, []):
            roles[key].append(role)
    parties, written = [], set()
    for key, row in process.organisations.items():
        identifier = _identifier(row)
        mark = identifier and (identifier["scheme"], identifier["id"])
        parties.append(
            known(
                id=party_id(process, row["id"]),
                name=row["name"],
                identifier=None if mark in written else identifier,
                address=known(streetAddress=row["address"]),
                roles=roles.get(key),
            )
        )
        written.add(mark)
    return parties


def _roles(process: Process) -> Iterable[tuple[str, str]]:
    for lot in process.lots:
        if lot["tenderer_id"]:
            yield lot["tenderer_id"], "buyer"
        if entity := lot["agency_id"] or lot["tenderer_id"]:
            yield entity, "procuringEntity"
    for bid in process.rows["bid"]:
        for key in (bid["bidder_id"], *bid["consortium"]):
            yield key, "tenderer"
    for award in process.rows["award"]:
        if award["status"] == "awarded":
            for key in (award["bidder_id"], *award["consortium"]):
                yield key, "supplier"


# ── planning and tender ──────────────────────────────────────────────────────


def _value(amount: Decimal | None, currency: str, vat: str | None = None) -> Json | None:
    if amount is None:
        return None
    tax = {} if vat is None else {"valueAddedTaxIncluded": vat == "included"}
    return {"amount": amount, "currency": currency, **tax}


def _planning(process: Process) -> Json:
    project = process.project
    amount = _value(project["investment"], process.lots[0]["currency"])
    return {"budget": known(projectID=project["id"], project=project["name"], amount=amount)}


def lot_id(process: Process, key: str) -> str | None:
    """A lot's id within its release; None where the tender has no lots and is one itself."""
    if process.ocid == process.project["id"]:
        return None if key == process.ocid else key.removeprefix(f"{process.ocid}/")
    return key


def _tender(process: Process) -> Json:
    lots, first = process.lots, process.lots[0]
    bidders = list(dict.fromkeys(row["bidder_id"] for row in process.rows["bid"]))
    bidders = bidders or list(dict.fromkeys(key for lot in lots for key in lot["participants"]))
    whole = len(lots) == 1
    return known(
        id=first["id"] if whole else process.project["id"],
        title=first["name"] if whole else process.project["name"],
        status=_status([TENDER_STATUS[lot["status"]] for lot in lots]),
        value=_value(_estimate(first), first["currency"], first["vat"]) if whole else None,
        procuringEntity=_reference(process, first["agency_id"] or first["tenderer_id"]),
        procurementMethod=first["method"],
        procurementMethodDetails=METHOD_DETAILS.get(first["method"]),
        mainProcurementCategory=CATEGORIES.get(first["trade_family"]),
        awardCriteriaDetails=first["evaluation_method"],
        submissionMethod=["electronicSubmission"] if "electronic" in first["flags"] else None,
        tenderPeriod=known(startDate=plain(first["notice_at"]), endDate=plain(first["deadline"])),
        awardPeriod=known(startDate=plain(first["planned_award_at"])),
        numberOfTenderers=len(bidders) or None,
        tenderers=[who for key in bidders if (who := _reference(process, key))],
        lots=[_lot(process, lot) for lot in lots if lot_id(process, lot["id"]) is not None],
        items=[_item(process, lot) for lot in lots if lot["category"]],
        documents=[_document(process, row) for row in process.notices],
    )


def _status(states: list[str]) -> str:
    """Active while any lot is; else what the lots agree on; else complete."""
    if "active" in states:
        return "active"
    return states[0] if len(set(states)) == 1 else "complete"


def _estimate(lot: Row) -> Decimal | None:
    """OCDS asks for the upper estimate: the 最高投标限价 where there is one."""
    price: Decimal | None = lot["estimate"] if lot["control_price"] is None else lot["control_price"]
    return price


def _lot(process: Process, lot: Row) -> Json:
    value = _value(_estimate(lot), lot["currency"], lot["vat"])
    return known(
        id=lot_id(process, lot["id"]), title=lot["name"], status=TENDER_STATUS[lot["status"]], value=value
    )


def _item(process: Process, lot: Row) -> Json:
    return known(
        id=lot["id"], description=lot["name"], classification={"description": lot["category"]},
        relatedLot=lot_id(process, lot["id"]),
    )  # fmt: skip


def _related(process: Process, lot: str) -> list[str]:
    found = lot_id(process, lot)
    return [] if found is None else [found]


def _document(process: Process, row: Row) -> Json:
    return known(
        id=key_of(row["id"]), documentType=DOCUMENT_TYPES.get(row["type"]), title=row["title"], url=row["url"],
        datePublished=plain(row["published_at"]), language="zh", relatedLots=_related(process, row["lot_id"]),
    )  # fmt: skip


# ── bids, awards, contracts ──────────────────────────────────────────────────


def local_number(row: Row, kind: str, taken: Iterable[Row]) -> str:
    """A bid's or award's number within its release; its whole key where the short one is not unique."""
    head = f"{row['lot_id']}/{kind}/"
    whole = key_of(row["id"])
    short = whole.removeprefix(head)
    others = (
        key_of(other["id"]).removeprefix(f"{other['lot_id']}/{kind}/") for other in taken if other is not row
    )
    return whole if "/" in short or short in others else short


def _currency(process: Process, lot: str) -> str:
    return str(next(row["currency"] for row in process.lots if row["id"] == lot))


def _bid(process: Process, row: Row) -> Json:
    members = [_reference(process, key) for key in (row["bidder_id"], *row["consortium"])]
    return known(
        id=local_number(row, "bid", process.rows["bid"]),
        date=plain(row["received_at"]),
        status=BID_STATUS.get(row["status"]),
        tenderers=[who for who in members if who],
        value=_value(row["price"], _currency(process, row["lot_id"]), row.get("vat")),
        relatedLots=_related(process, row["lot_id"]),
    )


def _award(process: Process, row: Row) -> Json:
    suppliers = [_reference(process, key) for key in (row["bidder_id"], *row["consortium"])]
    candidate = f"第{row['rank']}中标候选人" if row["status"] == "candidate" else None
    return known(
        id=local_number(row, "award", process.rows["award"]),
        title=candidate,
        status=AWARD_STATUS_WRITTEN.get(row["status"]),
        date=plain(row["awarded_at"]),
        suppliers=[who for who in suppliers if who],
        value=_value(row["price"], row["currency"], row["vat"]),
        relatedLots=_related(process, row["lot_id"]),
    )


def _contract(process: Process, row: Row) -> Json | None:
    """A contract belongs to an award; without one OCDS cannot say it."""
    same = (
        a for a in process.rows["award"] if (a["lot_id"], a["bidder_id"]) == (row["lot_id"], row["bidder_id"])
    )
    award = next(same, None)
    if award is None:
        return None
    return known(
        id=key_of(row["id"]), awardID=local_number(award, "award", process.rows["award"]),
        status="active" if row["signed_at"] else "pending",
        value=_value(row["value"], row["currency"], row["vat"]), dateSigned=plain(row["signed_at"]),
    )  # fmt: skip
