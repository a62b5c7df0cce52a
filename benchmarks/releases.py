"""Made-up OCDS releases with bids, for measuring `sunbid flags`: about 2 kB each, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

FIRMS, BODIES = 4_000, 300
_METHODS = ("open", "open", "open", "selective", "limited", "direct")
_DETAILS = ("Licitación Pública", "Concurso", "Reverse Auction", "Random Selection")
_DAY_ONE = datetime(2020, 1, 1, tzinfo=UTC)
_TEXT = "Supply, delivery, installation and maintenance of the works described in the tender documents. " * 2


def releases(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Compiled releases: notice, 1–9 bids, one award, items."""
    chance = random.Random(seed)
    for number in range(count):
        yield _release(chance, f"ocds-bench00-{number:07d}")


def write_releases(path: Path, count: int, seed: int = 1) -> int:
    """Write them one a line; returns the bytes written."""
    with path.open("wb") as file:
        for release in releases(count, seed):
            file.write(orjson.dumps(release) + b"\n")
    return path.stat().st_size


def _release(chance: random.Random, ocid: str) -> dict[str, Any]:
    start = _DAY_ONE + timedelta(hours=chance.randrange(40_000))
    end = start + timedelta(days=chance.randrange(7, 60))
    firms = chance.sample(range(FIRMS), chance.randint(1, 9))
    base = chance.lognormvariate(12, 1.5)
    bids = [_bid(chance, n, firm, base, end) for n, firm in enumerate(firms, 1)]
    valid = [bid for bid in bids if bid["status"] == "valid"]
    buyer = f"B-{chance.randrange(BODIES)}"
    return {
        "ocid": ocid, "id": f"{ocid}-1", "date": end.isoformat(), "tag": ["compiled"], "language": "en",
        "buyer": {"id": buyer, "name": f"Municipality {buyer}"}, "tender": _tender(chance, buyer, start, end, len(bids)),
        "bids": {"details": bids}, "awards": [_award(chance, bid) for bid in valid[:1]],
    }  # fmt: skip


def _tender(chance: random.Random, buyer: str, start: datetime, end: datetime, bids: int) -> dict[str, Any]:
    return {
        "id": "T1", "title": "Construction of municipal road section", "description": _TEXT, "status": "complete",
        "procurementMethod": chance.choice(_METHODS), "procurementMethodDetails": chance.choice(_DETAILS),
        "procuringEntity": {"id": buyer, "name": f"Municipality {buyer}"}, "numberOfTenderers": bids,
        "tenderPeriod": {"startDate": start.isoformat(), "endDate": end.isoformat()},
    }  # fmt: skip


def _bid(chance: random.Random, number: int, firm: int, base: float, end: datetime) -> dict[str, Any]:
    sent = end - timedelta(minutes=chance.randint(-3, 5_000))
    return {
        "id": str(number), "date": sent.isoformat(), "status": "disqualified" if chance.random() < 0.12 else "valid",
        "tenderers": [{"id": f"F-{firm}", "name": f"Contractor number {firm} Limited"}],
        "value": {"amount": round(base * chance.uniform(0.85, 1.0), 2), "currency": "USD"},
    }  # fmt: skip


def _award(chance: random.Random, bid: dict[str, Any]) -> dict[str, Any]:
    items = [
        {"id": str(n), "description": "Item of the bill of quantities", "quantity": chance.randint(1, 90),
         "classification": {"scheme": "UNSPSC", "id": f"{chance.randrange(10, 95)}{chance.randrange(10**6):06d}"}}
        for n in range(chance.randint(1, 4))
    ]  # fmt: skip
    return {
        "id": "A1",
        "status": "active",
        "suppliers": bid["tenderers"],
        "value": bid["value"],
        "items": items,
    }
