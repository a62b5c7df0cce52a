"""The public part of a contracting process, which everyone may see now: `records.visibility` and the public feed decide.

Bids come from what the opening has published and read aloud, not from the sealed records; where an
opening of the past has no log, from the records once it has ended. Never public: estimates, base prices,
receipt times, machine facts, deposits, why a bid was rejected, persons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from stdnum.cn import ric

from ingest.apply.envelopes_of_rows import Row
from ingest.ocds.writing.processes import Process
from records.bids_on_hand import on_hand
from records.currencies import vat_told
from records.lots import OVER, current_opening, deadline_in_force, round_before
from records.opening_checks import READINGS
from records.opening_record import as_corrected
from records.public.rows import MASK
from records.visibility import (
    Datum,
    LotClock,
    is_visible,
    notice_from,
    published_from,
    status_from,
    visible_from,
)

Json = dict[str, Any]


def visible(process: Process, at: datetime) -> tuple[Process, list[datetime]] | None:
    """The process as the public may see it at `at`, and since when; None if nothing of it is announced."""
    lots: list[Row] = [
        dict(lot, estimate=None, base_price=None, participants=[], status=_status(process, lot, at))
        for lot in process.lots
        if _announced(lot, at)
    ]
    if not lots:
        return None
    shown = replace(process, lots=lots, contracts=[], events={})
    shown.organisations, shown.rows = dict(process.organisations), {"bid": [], "award": [], "opening": []}
    held = {lot["id"]: lot for lot in process.lots}
    shown.notices = [row for row in process.notices if _is_public(row, held[row["lot_id"]], at)]
    moments: list[datetime] = []
    for lot in lots:
        for since, award in _awards(process, lot, at):
            shown.rows["award"].append(award)
            moments.append(since)
        for since, bid in _bids(process, shown, lot, at):
            shown.rows["bid"].append(bid)
            moments.append(since)
        for since, contract in _contracts(process, lot, at):
            shown.contracts.append(contract)
            moments.append(since)
    _only_named(shown)
    return shown, moments


def _status(process: Process, lot: Row, at: datetime) -> str:
    """The lot's status, or bidding while it would tell how many have bid."""
    deadline = deadline_in_force(lot["deadline"], lot["status"], _own(process, "opening", lot))
    return str(lot["status"]) if status_from(lot["status"], deadline) <= at else "bidding"


def _is_public(notice: Row, lot: Row, at: datetime) -> bool:
    since = notice_from(notice["type"], lot["status"], lot["deadline"], notice["published_at"])
    return since is not None and since <= at


def _announced(lot: Row, at: datetime) -> bool:
    return lot["status"] != "draft" and (lot["notice_at"] is None or lot["notice_at"] <= at)


# ── awards ───────────────────────────────────────────────────────────────────


def _awards(process: Process, lot: Row, at: datetime) -> Iterator[tuple[datetime, Json]]:
    """Candidates from their publicity 公示, winners from the award; cancelled ones are not shown."""
    rows = [row for row in process.rows["award"] if row["lot_id"] == lot["id"]]
    clock = LotClock(
        deadline=lot["deadline"],
        publicity=min((row["publicity_from"] for row in rows if row["publicity_from"]), default=None),
        awarded=max((row["awarded_at"] for row in rows if row["awarded_at"]), default=None),
    )
    candidates, decided = visible_from(Datum.CANDIDATES, clock), visible_from(Datum.AWARD, clock)
    for row in rows:
        if row["status"] == "awarded" and decided and decided <= at:
            yield decided, dict(row, updated_at=decided)
        elif row["status"] != "cancelled" and candidates and candidates <= at:
            yield candidates, dict(row, status="candidate", awarded_at=None, updated_at=candidates)


def _contracts(process: Process, lot: Row, at: datetime) -> Iterator[tuple[datetime, Row]]:
    """The contracts of a lot, from award and signature on, as the public row of a contract is (`records.public.papers`)."""
    awards = [
        row for row in process.rows["award"] if row["lot_id"] == lot["id"] and row["status"] == "awarded"
    ]
    awarded = max((row["awarded_at"] for row in awards if row["awarded_at"]), default=None)
    for row in process.contracts:
        if row["lot_id"] == lot["id"]:
            clock = LotClock(deadline=lot["deadline"], awarded=awarded or row["signed_at"])
            since = published_from(Datum.CONTRACT, clock, row["signed_at"])
            if since is not None and since <= at:
                yield since, dict(row, updated_at=since)


# ── bids ─────────────────────────────────────────────────────────────────────


def _bids(process: Process, shown: Process, lot: Row, at: datetime) -> Iterator[tuple[datetime, Json]]:
    last = current_opening(_own(process, "opening", lot))
    if last is None:
        return
    if events := process.events.get(last.id):
        lines = _read_aloud(events, lot, at)
    else:
        lines = _after_unlogged_opening(process, lot, last, at)
    own = [row for row in process.rows["bid"] if row["lot_id"] == lot["id"]]
    for since, number, name, price, vat in lines:
        bid, organisation = _bid_and_bidder(process, lot, number, name, own)
        shown.organisations[organisation["id"]] = organisation
        yield since, {**bid, "price": price, "vat": vat or lot["vat"], "updated_at": since}


Line = tuple[datetime, int, str, Any, str | None]
"""(visible since, number, name or mask, price if it has been read, its VAT where it was told: else it counts as its lot's amounts)."""


def _read_aloud(events: list[Row], lot: Row, at: datetime) -> Iterator[Line]:
    """The list of bidders as published, with the prices read so far (招标投标法 art. 36)."""
    published: tuple[datetime, list[Json]] | None = None
    prices: dict[int, tuple[datetime, Json]] = {}
    for event in events:
        clock = LotClock(deadline=lot["deadline"], bidders_published=event["ts"], prices_read=event["ts"])
        if event["type"] == "bidders_published" and is_visible(Datum.BIDDER_NAMES, clock, at=at):
            published = event["ts"], event["payload"]["bidders"]
        elif event["type"] in READINGS and is_visible(Datum.BID_PRICES, clock, at=at):
            number = event["payload"]["no"]
            prices[number] = event["ts"], as_corrected(prices.get(number, (None, None))[1], event["payload"])
    if published is None:
        return
    for bidder in published[1]:
        since, read = prices.get(bidder["no"], (published[0], {}))
        name = str(read.get("name", bidder["name"]))
        yield since, bidder["no"], name, _exact(read.get("price")), vat_told(read.get("remark"))


def _exact(price: str | None) -> Decimal | None:
    return None if price is None else Decimal(price)


def _after_unlogged_opening(process: Process, lot: Row, opening: Any, at: datetime) -> Iterator[Line]:
    """Bids of an opening that ended without a log: everything read aloud in the room then is public."""
    if opening.state not in OVER or opening.result != "opened":
        return
    ended = opening.ended_at or opening.scheduled_at
    clock = LotClock(deadline=lot["deadline"], bidders_published=ended, prices_read=ended)
    since = visible_from(Datum.BID_PRICES, clock)
    if since is None or since > at:
        return
    for number, bid in enumerate(_on_hand(process, lot), 1):
        organisation = process.organisations.get(bid.bidder_id)
        name: str = MASK if lot["prequalification"] or organisation is None else organisation["name"]
        yield since, number, name, bid.price, bid.vat


def _on_hand(process: Process, lot: Row) -> list[Any]:
    before = round_before(_own(process, "opening", lot), lot["deadline"])
    return on_hand(_own(process, "bid", lot), lot["deadline"], before)


def _own(process: Process, kind: str, lot: Row) -> list[Any]:
    """The rows of a kind that belong to a lot, as objects the rules of `records` take."""
    return [SimpleNamespace(**row) for row in process.rows[kind] if row["lot_id"] == lot["id"]]


def _bid_and_bidder(process: Process, lot: Row, number: int, name: str, own: list[Row]) -> tuple[Json, Json]:
    """A bid and its bidder; the bidder's identifier only where the name is public and plainly one firm's."""
    bid: Json = {"lot_id": lot["id"], "consortium": [], "received_at": None, "status": None}
    found = [
        (row, who)
        for row in own
        if (who := process.organisations.get(row["bidder_id"])) and who["name"] == name != MASK
    ]
    if len(found) == 1 and not lot["prequalification"]:
        row, who = found[0]
        return {**bid, "id": row["id"], "bidder_id": who["id"]}, dict(who)
    key = f"{lot['id']}/bidder/{number}"
    nobody = {"id": key, "name": name, "uscc": None, "uscc_valid": None, "address": None}
    return {**bid, "id": f"{lot['id']}/bid/{number}", "bidder_id": key}, nobody


# ── who is named ─────────────────────────────────────────────────────────────


def _only_named(shown: Process) -> None:
    """Keep the organisations that are named, by name and registered number; a person's number never."""
    named = {lot[who] for lot in shown.lots for who in ("tenderer_id", "agency_id")}
    named |= {row["bidder_id"] for kind in ("bid", "award") for row in shown.rows[kind]}
    named |= {key for row in shown.rows["award"] for key in row["consortium"]}
    kept: dict[str, Row] = {}
    for number, (key, row) in enumerate(shown.organisations.items(), 1):
        if key in named:
            person = not row["uscc_valid"] and ric.is_valid(key)
            person_only = {"id": f"person-{number}", "uscc": None} if person else {}
            kept[key] = {**row, "address": None, **person_only}
    shown.organisations = kept
