"""History as an office imports it: openings that are over, with bids and awards but without events."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ingest.apply.envelopes import Answer, apply_batch
from records.clock import now, rfc3339
from records.ledger import Ledger
from records.sources import add_source

SOURCE = "office"
PRICES = ("27648000", "27502360", "27910000.55")


def envelope(kind: str, key: str, data: dict[str, Any], at: datetime, version: int = 1) -> dict[str, Any]:
    moment = rfc3339(min(at, now()))
    return {"kind": kind, "key": key, "version": version, "occurred_at": moment, "data": data}


def lot(
    day: datetime, key: str = "H1", *, name: str = "城北片区学校新建工程施工", ended: bool = True,
    prices: tuple[str | None, ...] = PRICES, room: str | None = "hz-01", version: int = 1,
    **changes: Any,
) -> list[dict[str, Any]]:  # fmt: skip
    """Project `XM-key`, lot `BD-key`, opening `KB-key` and its bids; `changes` go to the lot."""
    at = rfc3339(day)
    opening = {"lot": f"BD-{key}", "room": room, "scheduled_at": at, "result": "opened", "state": "ended",
               "ended_at": rfc3339(day + timedelta(minutes=20))}  # fmt: skip
    body = {"project": f"XM-{key}", "name": f"{name}一标段", "tenderer": "T-city", "deadline": at,
            "control_price": "28650000", "category": "施工", "status": "contracted"}  # fmt: skip
    return [
        envelope("organisation", "T-city", {"name": "示例城北开发中心", "roles": ["tenderer"]}, day),
        *(envelope("organisation", f"B{n}", {"name": f"望潮示例建设{n}公司", "roles": ["bidder"]}, day) for n in range(1, 4)),
        envelope("project", f"XM-{key}", {"name": name, "tenderer": "T-city"}, day),
        envelope("lot", f"BD-{key}", body | changes, day, version),
        *([envelope("opening", f"KB-{key}", opening, day, version)] if ended else []),
        *(bid(day, key, n, price) for n, price in enumerate(prices, start=1)),
    ]  # fmt: skip


def bid(day: datetime, key: str, number: int, price: str | None, /, **changes: Any) -> dict[str, Any]:
    """The bid of company B<number>, received that many minutes before the end of the hour before."""
    data = {"lot": f"BD-{key}", "bidder": f"B{number}", "price": price, "duration_days": 480 + number,
            "quality": "合格", "received_at": rfc3339(day - timedelta(minutes=60 - number)),
            "decrypt_status": "success"}  # fmt: skip
    version = changes.pop("version", 1)
    return envelope("bid", f"TB-{key}-{number}", data | changes, day, version)


def award(day: datetime, key: str = "H1", *, decided: bool = True) -> list[dict[str, Any]]:
    """Two candidates three days after the opening; the first wins a week after it."""
    publicity = {
        "publicity_from": rfc3339(day + timedelta(days=3)),
        "publicity_until": rfc3339(day + timedelta(days=6)),
    }
    won = (
        {"status": "awarded", "awarded_at": rfc3339(day + timedelta(days=7))}
        if decided
        else {"status": "candidate"}
    )
    return [
        envelope("award", f"ZB-{key}-{n}", {"lot": f"BD-{key}", "bidder": f"B{n}", "rank": n, "price": PRICES[n - 1],
                 **publicity, **(won if n == 1 else {"status": "candidate"})}, day + timedelta(days=7))
        for n in (1, 2)
    ]  # fmt: skip


def send(ledger: Ledger, *envelopes: dict[str, Any]) -> list[Answer]:
    """Through the intake, as one file; every record must be accepted."""
    with ledger.write() as session:
        from records.tables.intake import Source

        if session.get(Source, SOURCE) is None:
            add_source(session, SOURCE, demo=True)
    answers = apply_batch(ledger, SOURCE, envelopes, key=b"k" * 32)
    assert {answer.status for answer in answers} <= {"accepted", "duplicate"}, answers
    return answers
