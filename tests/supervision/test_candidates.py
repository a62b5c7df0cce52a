"""A scan over the lens looks at fewer lots and finds the same."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from records.clock import now
from records.ledger import Ledger
from records.tables.bids import Bid
from records.tables.money import Award, Deposit
from records.tables.organisations import Organisation
from records.tables.procedure import Contract
from records.tables.projects import Lot
from records.tables.relations import Relation
from supervision.home import NOWHERE
from supervision.rules import scan as scanning
from supervision.rules.baseline import ready_facts
from supervision.rules.market_run import on_lens
from supervision.rules.registry import RULES
from supervision.rules.rule import LotRule
from supervision.rules.scan import findings_over, lens_of_now, scan
from tests.ledgers import new_ledger
from tests.supervision.conftest import Market


def test_the_lens_only_saves_looking(
    ledger: Ledger,
    market: Market,
    past: datetime,
    future: datetime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for n in range(12):
        market.lot(f"plain{n}", past - timedelta(days=40 + n))
        for firm in "ABCDE":
            market.bid(
                f"plain{n}",
                firm,
                1000 + hash((n, firm)) % 997,
                mac=f"{n:02d}AA{firm}00BB",
                dongle_serial=f"D-{n}-{firm}",
            )
    for lot, when in (("L1", past - timedelta(days=300)), ("L2", past - timedelta(days=30)), ("L3", future)):
        market.lot(lot, when)
    market.bid("L1", "A", 100, mac="3C-52-82-AA-BB-7E")
    market.bid("L1", "B", 110, mac="3c:52:82:aa:bb:7e")
    for n, firm in enumerate("ABCD"):
        market.bid("L2", firm, 1000 + 50 * n, file_id="ZX 91-00" if firm in "AD" else None)
        market.deposit("L2", firm, "acct-1" if firm in "BC" else f"acct-{firm}")
    lens = lens_of_now(ledger, tmp_path, NOWHERE)
    looked: list[list[str]] = []
    real = scanning.ready_facts
    monkeypatch.setattr(
        scanning, "ready_facts", lambda s, lots, at: looked.append(list(lots)) or real(s, lots, at)
    )
    every = [finding.as_dict() for finding in scan(ledger)]
    assert {(f["rule"], f["subjects"][0]["id"]) for f in every} >= {
        ("B4", "L1"),
        ("B4", "L2"),
        ("B6", "L2"),
        ("B10", "L2"),
    }
    looked.clear()
    assert [f.as_dict() for f in scan(ledger, lens=lens) if f.rule in ("B4", "B6", "B10")] == every
    assert sorted(lot for part in looked for lot in part) == ["L1", "L2"]


SERIALS = (
    "3C5282AABB7E",
    "SN0012345",
    "straße1",
    "ıstanbul",
    "甲乙丙丁",
    "锁Ab12",
    "ÉCOLE9",
    "unknown",
    "无",
)
"""What machines and tools call themselves; some are nothing."""
BETWEEN = ("", "-", ":", "(", ")", "#", "_", " ", "\u3000", "\u200b", "—", "·", "\u0301")
NAMES = ("张三", "张 三", "Li Si", "li\u3000si", "WPS", "未知")


@st.composite
def spelled(draw: st.DrawFn) -> str:
    """One of few serials in one of many spellings."""
    serial = draw(st.sampled_from((str, str.upper, str.lower)))(draw(st.sampled_from(SERIALS)))
    place = draw(st.integers(0, len(serial)))
    return serial[:place] + draw(st.sampled_from(BETWEEN)) + serial[place:] + draw(st.sampled_from(BETWEEN))


BIDS = st.fixed_dictionaries(
    {name: st.none() | spelled() for name in ("mac", "disk_serial", "cpu_serial", "dongle_serial", "file_id")}
    | {name: st.none() | st.sampled_from(NAMES) for name in ("manager", "author")}
    | {"on_site": st.booleans(), "price": st.integers(900, 1100).map(Decimal)}
)
LOT_RULES = [rule for rule in RULES.values() if isinstance(rule, LotRule)]


@settings(
    max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,)
)  # fmt: skip
@given(lots=st.lists(st.lists(BIDS, min_size=2, max_size=3), min_size=20, max_size=20), data=st.data())
def test_however_a_serial_is_spelled_a_scan_over_the_lens_misses_nothing(
    lots: list[list[dict[str, object]]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = new_ledger(Path(folder) / "ledger.db")
        Market(ledger)
        with ledger.write() as session:
            session.add_all(Organisation(id=firm, name=firm, source="test") for firm in "ABC")
            session.flush()
            for n, made in enumerate(lots):
                due = now() - timedelta(days=3, minutes=n)
                session.add(
                    Lot(id=f"L{n}", project_id="p1", name="…", centre_id="c1", deadline=due, source="test")
                )
                session.flush()
                for firm, bid in zip("ABC", made, strict=False):
                    key, account = f"{n}/{firm}", data.draw(st.sampled_from("xyz"))
                    session.add(Bid(id=key, lot_id=f"L{n}", bidder_id=firm, source="test", **bid))
                    session.add(
                        Deposit(
                            id=key,
                            lot_id=f"L{n}",
                            bidder_id=firm,
                            amount=Decimal(5),
                            payer_account_hash=account,
                            source="test",
                        )
                    )
        the_lens_misses_nothing(ledger, Path(folder), len(lots))
        ledger.close()


def the_lens_misses_nothing(ledger: Ledger, folder: Path, lots: int) -> None:
    """Over the lens every lot rule finds what it finds by looking at all lots, L0, L1, …"""
    with ledger.read() as session:
        facts = ready_facts(session, [f"L{n}" for n in range(lots)], now())
    lens = lens_of_now(ledger, folder, NOWHERE)
    with on_lens(lens) as ask:
        for rule in LOT_RULES:
            over = findings_over(ledger, lens, ask, rule, rule.settings(None), now() - timedelta(days=900))
            every = [finding for lot in facts for finding in rule.evaluate(lot)]
            assert sorted(map(repr, over)) == sorted(map(repr, every)), rule.id


FIRMS = "ABCD"
RELATIONS = st.lists(
    st.tuples(
        st.sampled_from(("control", "shareholding", "address")), st.sampled_from("TABCDX"), st.sampled_from("TABCDX"),
        st.none() | st.sampled_from(("10", "25", "50", "100")).map(Decimal),
    ), max_size=4,
)  # fmt: skip
OUTCOMES = st.fixed_dictionaries(
    {
        "firms": st.sets(st.sampled_from(FIRMS), min_size=2).map(sorted),
        "rejected": st.sets(st.sampled_from(FIRMS), max_size=3),
        "prices": st.lists(st.integers(90, 130), min_size=4, max_size=4),
        "vat": st.sampled_from((None, "included", "excluded")),
        "winner": st.sampled_from(FIRMS),
        "awarded": st.sampled_from((None, 100, 110, 125)),
        "contracts": st.lists(st.tuples(st.sampled_from(FIRMS), st.sampled_from((50, 90, 130, 160))), max_size=2),
        "days": st.integers(15, 25),
        "method": st.sampled_from(("open", "inquiry")),
    }
)  # fmt: skip


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))
@given(
    lots=st.lists(OUTCOMES, min_size=20, max_size=20), relations=RELATIONS,
    people=st.lists(st.sampled_from(("", "张三", "李四", "王五")), min_size=6, max_size=6),
)  # fmt: skip
def test_however_a_lot_ended_and_whoever_is_related_a_scan_over_the_lens_misses_nothing(
    lots: list[dict[str, Any]], relations: list[tuple[str, str, str, Decimal | None]], people: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = new_ledger(Path(folder) / "ledger.db")
        Market(ledger)
        with ledger.write() as session:
            session.add_all(
                Organisation(id=firm, name=firm, legal_rep=person, source="test")
                for firm, person in zip("TABCDX", people, strict=True)
            )
            session.flush()
            session.add_all(
                Relation(id=str(n), type=kind, from_id=one, to_id=other, ratio=ratio, source="test")
                for n, (kind, one, other, ratio) in enumerate(relations)
                if one != other
            )
            for n, made in enumerate(lots):
                _lot_that_ended(session, n, made)
        the_lens_misses_nothing(ledger, Path(folder), len(lots))
        ledger.close()


def _lot_that_ended(session: Session, n: int, made: dict[str, Any]) -> None:
    lot, due = f"L{n}", now() - timedelta(days=60, minutes=n)
    noticed = due - timedelta(days=made["days"])
    session.add(
        Lot(
            id=lot, project_id="p1", name="…", centre_id="c1", deadline=due, notice_at=noticed, tenderer_id="T",
            agency_id="X", method=made["method"], trade_family="works", source="test",
        )
    )  # fmt: skip
    session.flush()
    for firm in made["firms"]:
        status = "disqualified" if firm in made["rejected"] else "valid"
        price = Decimal(made["prices"][FIRMS.index(firm)])
        session.add(
            Bid(
                id=f"{n}/{firm}", lot_id=lot, bidder_id=firm, price=price, vat=made["vat"], status=status,
                received_at=due - timedelta(hours=1), source="test",
            )
        )  # fmt: skip
    if made["awarded"]:
        price, when = Decimal(made["awarded"]), due + timedelta(days=10)
        session.add(
            Award(id=lot, lot_id=lot, bidder_id=made["winner"], price=price, awarded_at=when, source="test")
        )
        session.add_all(
            Contract(id=f"{n}/{i}", lot_id=lot, bidder_id=firm, value=Decimal(value), signed_at=when, source="test")
            for i, (firm, value) in enumerate(made["contracts"])
        )  # fmt: skip
