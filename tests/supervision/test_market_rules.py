"""Market rules on a made-up market: the same answers on every engine, planted patterns found, nobody else accused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import sqlglot
from sqlalchemy import Connection, create_engine

from supervision.lens.schema import BIDS, LOTS
from supervision.lens.tables import bids, lots, metadata
from supervision.rules.market_run import Ask, findings_of_market, on_connection, on_duckdb, sql_of
from supervision.rules.registry import MARKET_RULES
from supervision.rules.tenderers import benjamini_hochberg, hypergeometric_tail, wins_tail

CAPTIVE, FAVOURITE, LOSER, STAR, SPLITTER = "T-captive", "F-favourite", "F-loser", "F-star", "T-splits"
FIRST = datetime(2024, 1, 3, 2, tzinfo=UTC)


def uploaded(lot: int, place: int, opened: datetime) -> dict[str, Any]:
    """From where and when a bid was sent: in lots 20–22 the first two come by one line, in lot 22 hours apart."""
    together = lot in (20, 21, 22) and place < 2
    hours = 5 * place if lot == 22 else 0
    address = "203.0.113.7" if together else f"198.51.100.{place}"
    sent = opened - timedelta(hours=6) + timedelta(hours=hours, minutes=10 * place)
    return {"upload_ip": address, "received_at": sent}


def made_up(lots_wanted: int = 420, seed: int = 3) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Lots of two strata with 3–9 honest bids each, and what is planted among them."""
    rng = np.random.default_rng(seed)
    every_bid: list[dict[str, Any]] = []
    every_lot: list[dict[str, Any]] = []
    for n in range(lots_wanted):
        captive, company, split = n % 30 == 0, n % 12 == 7, n % 140 == 11
        tenderer = CAPTIVE if captive else SPLITTER if split else f"T{rng.integers(15):02d}"
        firms = [f"F{i:03d}" for i in rng.choice(120, rng.integers(3, 9), replace=False)]
        firms += [STAR] if n % 9 == 4 and not company else []
        firms += [FAVOURITE] if n % 11 == 5 and not captive else []
        firms = ([FAVOURITE] if captive else [LOSER, STAR] if company else []) + firms
        base = 3_900_000.0 if split else float(rng.lognormal(15, 1))
        base = 5e6 if not split and 3e6 < base < 5e6 else base
        prices = base * rng.uniform(0.9, 0.99, len(firms))
        if split:
            prices = base * rng.uniform(0.97, 1.0, len(firms))
        if n == 200:
            prices = base * (1 + np.arange(len(firms)) * 1e-5)
        winner = 0 if captive else 1 if company else int(prices.argmin())
        opened = FIRST + timedelta(days=n * 1.7)
        place = {
            "month": f"{opened:%Y-%m}", "opened_at": opened, "opened_on": opened.date(), "lot_id": f"L{n:04d}",
            "lot_name": f"标段{n}", "round": 2 if n == 50 else 1, "centre_id": "c1", "centre_name": "市中心",
            "division_code": "330106", "trade_family": "works", "category": ("道路", "房建")[n % 2], "method": "open",
            "tenderer_id": tenderer, "agency_id": f"A{n % 4}",
        }  # fmt: skip
        if n == 50:
            firms, prices, winner = firms[:1], prices[:1], 0
        rejected = rng.random(len(firms)) < (0.6 if tenderer == "T03" else 0.05)
        rejected[winner] = False
        control = Decimal(f"{base * 1.01:.2f}")
        for i, (firm, price) in enumerate(zip(firms, prices, strict=True)):
            every_bid.append(
                {**place, "bidder_id": firm, "price": Decimal(f"{price:.2f}"), "control_price": control,
                 "status": "disqualified" if rejected[i] else "valid", "is_winner": i == winner, "currency": "CNY",
                 "source": "x", "demo": False, **uploaded(n, i, opened)}
            )  # fmt: skip
        every_lot.append(
            {**place, "title": "t", "status": "awarded", "opened": True, "bids": len(firms),
             "valid_bids": int((~rejected).sum()), "control_price": control, "winner_id": firms[winner],
             "award_price": Decimal(f"{prices[winner]:.2f}"), "award_currency": "CNY", "currency": "CNY",
             "awarded_on": (opened + timedelta(days=9)).date(), "source": "x", "demo": False}
        )  # fmt: skip
    return every_bid, every_lot


@pytest.fixture(scope="module")
def rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return made_up()


@pytest.fixture(scope="module")
def duck(rows: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> Iterator[Ask]:
    with duckdb.connect(":memory:") as connection:
        for name, schema, held in zip(("bids", "lots"), (BIDS, LOTS), rows, strict=True):
            connection.register(name, pa.Table.from_pylist(held, schema=schema))
        yield on_duckdb(connection)


def filled(connection: Connection, rows: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> Ask:
    metadata.create_all(connection)
    for table, held in zip((bids, lots), rows, strict=True):
        connection.execute(
            table.insert(), [{**dict.fromkeys(c.name for c in table.c), **row} for row in held]
        )
    return on_connection(connection)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one.replace(tzinfo=None) == other.replace(tzinfo=None)
    if isinstance(one, float | int | Decimal) and isinstance(other, float | int | Decimal):
        return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)


def alike(asked: Ask, duck: Ask) -> None:
    for rule in MARKET_RULES.values():
        query = rule.select(rule.settings())
        here, there = asked(query), duck(query)
        assert len(here) == len(there), rule.id
        for one, other in zip(here, there, strict=True):
            assert set(one) == set(other)
            differing = {name: (one[name], other[name]) for name in one if not same(one[name], other[name])}
            assert differing == {}, rule.id


def test_every_rule_asks_sqlite_and_duckdb_alike(rows: Any, duck: Ask) -> None:
    with create_engine("sqlite://").begin() as connection:
        alike(filled(connection, rows), duck)


@pytest.mark.server
def test_every_rule_asks_postgresql_and_duckdb_alike(rows: Any, duck: Ask, postgres_url: str) -> None:
    with create_engine(postgres_url).connect() as connection:
        alike(filled(connection, rows), duck)


@pytest.mark.parametrize("rule_id", list(MARKET_RULES))
def test_every_select_can_be_said_to_spark(rule_id: str) -> None:
    rule = MARKET_RULES[rule_id]
    said = sqlglot.transpile(
        sql_of(rule.select(rule.settings())),
        read="postgres",
        write="spark",
        unsupported_level=sqlglot.ErrorLevel.RAISE,
    )
    assert len(said) == 1 and "SELECT" in said[0]


def found(duck: Ask, rule_id: str, **settings: float) -> list[Any]:
    return list(findings_of_market(duck, [MARKET_RULES[rule_id]], {rule_id: settings}))


def subjects(finding: Any, kind: str) -> list[str]:
    return [subject.id for subject in finding.subjects if subject.kind == kind]


def test_t1_finds_the_captive_tenderer_and_nobody_else(duck: Ask) -> None:
    (finding,) = found(duck, "T1")
    assert [(s.kind, s.id) for s in finding.subjects] == [("tenderer", CAPTIVE), ("bidder", FAVOURITE)]
    told = finding.evidence
    assert told["wins"] == told["bid"] == 14 and finding.value == told["wins"] / told["expected"] > 2
    assert finding.level == "orange" and finding.baseline == 1.0


def test_b3_finds_the_loser_and_whom_it_keeps_company(duck: Ask) -> None:
    (finding,) = found(duck, "B3")
    assert subjects(finding, "bidder") == [LOSER, STAR]


def test_b11_wants_both_tightness_and_an_earlier_meeting(duck: Ask) -> None:
    assert "L0200" in [f.lot_id for f in found(duck, "B11", met_before=0)]
    assert "L0200" not in [f.lot_id for f in found(duck, "B11", met_before=20)]


def test_t6_t11_o1_find_what_is_planted(duck: Ask) -> None:
    assert [subjects(f, "tenderer") for f in found(duck, "T6")] == [["T03"]]
    assert {subjects(f, "tenderer")[0] for f in found(duck, "T11", days=365)} == {SPLITTER}
    assert [f.lot_id for f in found(duck, "O1")] == ["L0050"]


@pytest.mark.parametrize("rule_id", ["B11", "B12", "B13", "B13b", "T14", "O3"])
def test_no_rule_by_percentile_alerts_more_than_its_cap(duck: Ask, rule_id: str) -> None:
    for cap in (0.01, 0.02, 0.1):
        least = {"stratum": 20, **({"met_before": 0} if rule_id == "B11" else {})}
        found_lots = {f.lot_id for f in found(duck, rule_id, cap=cap, **least)}
        assert len(found_lots) <= cap * 420


@pytest.mark.parametrize("rule_id", ["T1", "T2", "T3", "T6", "T15", "O2", "B14", "O4", "T11"])
def test_rules_about_whoever_recurs_are_quiet_on_a_clean_market(rule_id: str) -> None:
    held_bids, held_lots = made_up(300, seed=11)
    planted = {row["lot_id"] for row in held_lots if row["tenderer_id"] in (CAPTIVE, SPLITTER, "T03")}
    planted |= {row["lot_id"] for row in held_bids if row["bidder_id"] == LOSER}
    with duckdb.connect(":memory:") as connection:
        for name, schema, held in (("bids", BIDS, held_bids), ("lots", LOTS, held_lots)):
            clean = [row for row in held if row["lot_id"] not in planted]
            connection.register(name, pa.Table.from_pylist(clean, schema=schema))
        assert found(on_duckdb(connection), rule_id) == []


def test_the_exact_distributions_by_hand() -> None:
    assert wins_tail(1, 1.0, 0, 0.5) == pytest.approx(1 - (1.0 / 2.0) ** 0.5), "negative binomial, r ½, p ½"
    assert wins_tail(3, 1.0, 10_000, 10_000.0) == pytest.approx(1 - 2.5 / math.e, rel=1e-3), (
        "Poisson where much is known"
    )
    assert hypergeometric_tail(5, 2, 2, 2) == pytest.approx(0.1)
    assert benjamini_hochberg([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])


def test_b5_one_address_in_several_lots_within_half_an_hour() -> None:
    """A and B in two lots; C with A in one lot alone; A and D hours apart in two."""
    rule = MARKET_RULES["B5"]

    def sent(lot: str, bidder: str, minutes: int) -> dict[str, Any]:
        return {
            "lot_id": lot,
            "upload_ip": "203.0.113.7",
            "bidder_id": bidder,
            "received_at": FIRST + timedelta(minutes=minutes),
        }

    rows = [
        sent("L1", "A", 0),
        sent("L1", "B", 30),
        sent("L1", "D", 300),
        sent("L2", "A", 12),
        sent("L2", "B", 2),
    ]
    rows += [sent("L2", "C", 5), sent("L2", "D", 500)]
    (finding,) = rule.judge(rows, rule.settings())
    assert [subject.id for subject in finding.subjects] == ["A", "B"]
    assert (finding.value, finding.threshold) == (2.0, 2.0)
    assert [entry["lot"] for entry in finding.evidence["lots"]] == ["L1", "L2"]
    assert "203.0.113.7" not in str(finding.as_dict())
    assert rule.judge(rows, rule.settings({"minutes": 29})) == []


def test_b5_asks_for_shared_addresses_alone(duck: Ask) -> None:
    asked = duck(MARKET_RULES["B5"].select(MARKET_RULES["B5"].settings()))
    assert {row["lot_id"] for row in asked} == {"L0020", "L0021", "L0022"} and len(asked) == 6
