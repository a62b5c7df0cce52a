"""Record envelopes (contracts: record envelope) made from the plans of the demonstration market."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zlib import crc32

from messages import DEFAULT, Message
from sunbid.demo import bid_files, names
from sunbid.demo.lots import BidPlan, LotPlan, room_ids
from sunbid.demo.people import Firm, People

SOURCE = "demo"
Envelope = dict[str, Any]

LOSERS_REFUND = timedelta(days=6)
WINNER_REFUND = timedelta(days=38)
REFUND_DUE = timedelta(days=40)
"""Five days after the contract, which is signed on the 35th day after the deadline (实施条例 art. 57)."""
_SHORT_ONE_IN = 29
"""One lot in so many takes its candidates down before the third day."""


def envelope(kind: str, key: str, version: int, at: datetime, data: dict[str, Any]) -> Envelope:
    """One record as it goes over the wire."""
    return {
        "source": SOURCE,
        "kind": kind,
        "key": key,
        "version": version,
        "occurred_at": at.isoformat(timespec="milliseconds"),
        "data": data,
    }


def centres_and_firms(people: People, at: datetime) -> Iterator[Envelope]:
    """Centres, rooms and organisations."""
    return centres_and_firms_of((*people.tenderers, *people.agencies, *people.bidders), at)


def centres_and_firms_of(firms: Iterable[Firm], at: datetime) -> Iterator[Envelope]:
    """Centres, rooms and the given organisations."""
    rooms = room_ids()
    for number, (division, zh, en, _count) in enumerate(names.CENTRES):
        data = {
            "name": zh,
            "name_en": en,
            "level": "city" if number == 0 else "district",
            "division_code": division,
            "witness_enabled": number < 12,
        }
        yield envelope("centre", division, 1, at, data)
        for place, room in enumerate(rooms[division]):
            label = {
                "centre": division,
                "name": f"开标{'一二三四'[place]}室",
                "name_en": f"Opening room {place + 1}",
                "capacity": 40,
            }
            yield envelope("room", room, 1, at, label)
    for id, zh, en in names.SMALL_CENTRES:
        small = {"name": zh, "name_en": en, "level": "small", "division_code": names.SMALL_DISTRICT}
        yield envelope("centre", id, 1, at, small)
    for firm in firms:
        yield envelope("organisation", firm.id, 1, at, _organisation(firm))


def _organisation(firm: Firm) -> dict[str, Any]:
    return {
        "uscc": firm.id,
        "name": firm.name,
        "roles": [firm.role],
        "division_code": firm.division,
        "division_source": "registration",
        "country": "CN",
    }


def notice(plan: LotPlan) -> Iterator[Envelope]:
    """Project and lot, as the public knows them from the notice."""
    project = {
        "name": plan.name.split("（")[0],
        "trade_family": plan.family,
        "sector": plan.category,
        "investment": str(plan.control_price * Decimal("1.2")),
        "key_flag": plan.key_flag,
        "tenderer": plan.tenderer.id,
        "division_code": plan.division,
    }
    yield envelope("project", plan.project_key, 1, plan.notice_at, project)
    yield envelope("lot", plan.key, 1, plan.notice_at, lot_data(plan))


def opening(plan: LotPlan, ended_at: datetime | None = None, result: str = "opened") -> Envelope:
    """The announced opening, or with `ended_at` one of the archive."""
    data: dict[str, Any] = {
        "lot": plan.key,
        "room": plan.room,
        "scheduled_at": _stamp(plan.deadline),
        "host": plan.agency.name,
    }
    if ended_at:
        began = None if result == "failed" else _stamp(plan.deadline)
        data |= {"state": "ended", "started_at": began, "ended_at": _stamp(ended_at), "result": result}
    return envelope("opening", plan.opening_key, 1, plan.notice_at, data)


def lot_data(plan: LotPlan, status: str | None = None) -> dict[str, Any]:
    """The whole record of a lot; without `status` it keeps the one it has."""
    data = {
        "project": plan.project_key,
        "name": plan.name,
        "tenderer": plan.tenderer.id,
        "agency": plan.agency.id,
        "centre": plan.centre,
        "trade_family": plan.family,
        "category": plan.category,
        "method": plan.method,
        "evaluation_method": plan.evaluation_method,
        "estimate": str(plan.control_price),
        "control_price": str(plan.control_price),
        "start_price": str(plan.start_price) if plan.start_price is not None else None,
        "deposit_required": str(plan.deposit),
        "notice_at": _stamp(plan.notice_at),
        "deadline": _stamp(plan.deadline),
        "planned_award_at": _stamp(plan.planned_award_at) if plan.planned_award_at else None,
        "prequalification": plan.prequalification,
        "flags": _flags(plan),
        "division_code": plan.division,
    }
    return data if status is None else {**data, "status": status}


def _flags(plan: LotPlan) -> list[str]:
    flags = {
        "key": plan.key_flag is not None,
        "small_value": plan.small,
        "rehearsal": plan.on_air,
        "remote": plan.tier is not None,
    }
    return ["electronic", *(flag for flag, holds in flags.items() if holds)]


def sealed_bid(plan: LotPlan, bid: BidPlan) -> Envelope:
    """A bid as received: who and when, sealed; nothing of its content."""
    data = {
        "lot": plan.key,
        "bidder": bid.firm.id,
        "received_at": _stamp(bid.received_at),
        "on_site": bid.on_site,
        "upload_ip": bid.machine.upload_ip,
        "ca_serial": bid.firm.fact("ca", 16),
        "ca_region": bid.firm.division[:2],
        "status": "pending",
    }
    return envelope("bid", bid.key, 1, bid.received_at, data)


def opened_bid(plan: LotPlan, bid: BidPlan, at: datetime) -> Envelope:
    """The same bid decrypted: price, content and what the analysis of its files says."""
    machine = bid.machine
    data = {
        **sealed_bid(plan, bid)["data"],
        "decrypt_status": "success",
        "price": str(bid.price),
        "duration_days": bid.duration_days,
        "quality": "合格",
        "manager": bid.manager,
        "status": bid.status,
        "reject_reason": bid.reject_reason,
        "file_sha256": hashlib.sha256(bid.key.encode()).hexdigest(),
        "mac": machine.mac,
        "cpu_serial": machine.fact("cpu", 16),
        "disk_serial": machine.fact("disk", 16),
        "dongle_serial": machine.fact("dongle", 10),
        "file_id": hashlib.sha256(f"{bid.key}/file".encode()).hexdigest()[:32],
        "author": f"示例编制{bid.firm.fact('author', 6)}",
        "files": bid_files.references(plan, bid),
    }
    return envelope("bid", bid.key, 2, at, data)


def deposit(plan: LotPlan, bid: BidPlan, refunded_at: datetime | None = None) -> Envelope:
    """投标保证金, paid the day before the deadline at the latest; version 2 once it is refunded."""
    paid = min(bid.received_at, plan.deadline - timedelta(hours=20)) - timedelta(hours=3)
    data: dict[str, Any] = {
        "lot": plan.key,
        "bidder": bid.firm.id,
        "bid": bid.key,
        "form": bid.form,
        "amount": str(plan.deposit),
        "received_at": _stamp(paid),
        "due_refund_at": _stamp(plan.deadline + REFUND_DUE),
    }
    if bid.form == "transfer":
        data |= {"payer_account": bid.payer.account, "payer_name": bid.payer.name}
    if refunded_at:
        days = (refunded_at - paid).days
        interest = plan.deposit * Decimal("0.0035") * days / 360
        data |= {"refunded_at": _stamp(refunded_at), "status": "refunded", "interest": f"{interest:.2f}"}
    return envelope("deposit", f"BZJ-{bid.key}", 2 if refunded_at else 1, refunded_at or paid, data)


def award(plan: LotPlan, bid: BidPlan, rank: int, awarded_at: datetime | None) -> Envelope:
    """中标候选人 (version 1) or, with `awarded_at`, 中标结果 (version 2)."""
    publicity = plan.deadline + timedelta(days=2)
    shown = timedelta(days=2, hours=4) if crc32(plan.key.encode()) % _SHORT_ONE_IN == 0 else timedelta(days=3)
    data = {
        "lot": plan.key,
        "bidder": bid.firm.id,
        "rank": rank,
        "price": str(bid.price),
        "status": "awarded" if awarded_at else "candidate",
        "publicity_from": _stamp(publicity),
        "publicity_until": _stamp(publicity + shown),
        "awarded_at": _stamp(awarded_at) if awarded_at else None,
    }
    return envelope("award", f"ZB-{plan.key}-{rank}", 2 if awarded_at else 1, awarded_at or publicity, data)


def opening_event(plan: LotPlan, number: int, at: datetime, kind: str, payload: dict[str, Any]) -> Envelope:
    """The `number`-th step of an opening after its announcement."""
    data = {"opening": plan.opening_key, "type": kind, "payload": payload, "actor": plan.agency.name}
    return envelope("opening_event", f"{plan.opening_key}#{number:04d}", 1, at, data)


def broken_off(opening_key: str, now: datetime) -> Envelope:
    """An opening under way when the demonstration before was stopped: 中止, lest it stays live for ever."""
    data = {
        "opening": opening_key,
        "type": "ended",
        "payload": {"result": "terminated", "reason": Message("demo.stopped").text(DEFAULT)},
    }
    return envelope("opening_event", f"{opening_key}#end", 1, now, data)


def called_off(
    opening_key: str, lot: str, room: str | None, scheduled_at: datetime, now: datetime
) -> Envelope:
    """An opening announced for the demonstration before that never began: 取消."""
    data = {"lot": lot, "room": room, "scheduled_at": _stamp(scheduled_at), "state": "cancelled"}
    return envelope("opening", opening_key, 2, now, data)


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
