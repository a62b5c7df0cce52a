from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ingest.apply.envelopes import Answer, apply_batch
from records.ledger import Ledger
from records.sources import add_source
from sunbid.demo import market as demonstration
from tests.ledgers import new_ledger

from .official import Official, fetch

KEY = b"k" * 32
DEADLINE = "2026-05-06T09:30:00+08:00"
LATER = "2026-05-06T10:30:00+08:00"
NOW = datetime.fromisoformat("2026-06-03T11:00:00+08:00")
"""The moment the demonstration market is made for."""


@pytest.fixture(scope="session")
def official(pytestconfig: pytest.Config) -> Official:
    """The official OCDS schemas and packages; fetched on the first run, in pytest's cache from then on."""
    return fetch(pytestconfig.cache.mkdir("ocds"))


@pytest.fixture
def sqlite_ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = new_ledger(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture(scope="session")
def market_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration market as a ledger."""
    path = tmp_path_factory.mktemp("market") / "ledger.db"
    ledger = new_ledger(path)
    with ledger.write() as session:
        add_source(session, "demo", demo=True)
    answers = apply_batch(ledger, "demo", demonstration.generate("small", 7, NOW), key=KEY)
    assert {answer.status for answer in answers} == {"accepted"}
    with ledger.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger.close()
    return path


@pytest.fixture
def city(market_template: Path, tmp_path: Path) -> Iterator[Ledger]:
    path = tmp_path / "market.db"
    shutil.copyfile(market_template, path)
    ledger = Ledger(f"sqlite:///{path}")
    yield ledger
    ledger.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    """The same tests on both databases."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_ledger")
    else:
        held = Ledger(request.getfixturevalue("postgres_url"))
        yield held
        held.close()


def envelope(
    kind: str, key: str, data: dict[str, Any], version: int = 1, at: str = DEADLINE
) -> dict[str, Any]:
    return {"kind": kind, "key": key, "version": version, "occurred_at": at, "data": data}


def market(lots: int = 2, bidders: int = 3) -> list[dict[str, Any]]:
    """A centre with a room, one project, its lots, and firms."""
    return [
        envelope("centre", "hz", {"name": "杭州市交易中心", "level": "city"}),
        envelope("room", "hz-01", {"centre": "hz", "name": "一号开标室"}),
        envelope("organisation", "city", {"name": "某建设单位", "roles": ["tenderer"]}),
        *(envelope("organisation", f"o{i}", {"name": f"公司{i}", "roles": ["bidder"]}) for i in range(bidders)),
        envelope("project", "p", {"name": "学校工程", "tenderer": "city"}),
        *(
            envelope("lot", f"l{i}", {"project": "p", "name": f"标段{i}", "tenderer": "city", "deadline": DEADLINE,
                                      "base_price": "990", "control_price": "1000"})
            for i in range(lots)
        ),
    ]  # fmt: skip


Send = Callable[..., list[Answer]]


@pytest.fixture
def send(ledger: Ledger) -> Send:
    """Apply envelopes as source "hz" (or another)."""
    with ledger.write() as session:
        add_source(session, "hz")
        add_source(session, "other")

    def apply(*envelopes: Any, source: str = "hz") -> list[Answer]:
        return apply_batch(ledger, source, envelopes, key=KEY)

    return apply


def statuses(answers: list[Answer]) -> list[str]:
    return [answer.status for answer in answers]


def rows(ledger: Ledger, model: Any, *where: Any) -> list[Any]:
    with ledger.read() as session:
        return list(session.scalars(select(model).where(*where)))


def count(ledger: Ledger, model: Any, *where: Any) -> int:
    return len(rows(ledger, model, *where))
