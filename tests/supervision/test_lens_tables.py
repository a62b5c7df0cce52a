"""Every table of the lens: equal however it came about, whole at every moment, and silent until the law lets it speak."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from records.clock import now
from records.ledger import Ledger
from records.tables.broadcast import BroadcastSession
from records.tables.evaluation import Evaluation, Expert, Fee, Score
from records.tables.leads import Lead, LeadBatch
from records.tables.money import Award, Deposit
from records.tables.procedure import Contract
from records.tables.projects import Lot
from records.tables.relations import Credit
from records.tables.society import Inspection, Opinion
from records.tables.supervision import Warning, WarningChange
from supervision.figures.answers import DEALS_MADE, Answers
from supervision.figures.figure import OPENED
from supervision.figures.filters import Filters, Period
from supervision.figures.lots import Mark, count_lots, price_strips, rows_of_mark
from supervision.lens.page import DOCUMENT, renewed
from supervision.lens.reader import Lens
from supervision.lens.schema import TABLES
from supervision.lens.writer import LensWriter
from tests.places import HANGZHOU

NOON = datetime.fromisoformat("2026-03-15T12:00:00+08:00")
WHOLE = "source", "test"


def held(lens: Lens) -> dict[str, list[str]]:
    """All rows of all tables, in one order."""
    return {name: sorted(map(str, lens.rows(f"SELECT * FROM {name}"))) for name in TABLES}


def around(market: Any, lot: str, firm: str, at: datetime) -> None:
    """All that surrounds a lot after its opening, each with its line in the journal."""
    market.put(Expert(id="E1", source="test"))
    evaluation = Evaluation(
        id=f"e/{lot}", lot_id=lot, mode="remote", tier="cross_city", secondary_sites=["宁波"], experts=5,
        started_at=at + timedelta(hours=2), ended_at=at + timedelta(hours=6), state="ended", source="test",
    )  # fmt: skip
    market.put(evaluation, kind="evaluation", key=f"e/{lot}", lot=lot)
    fee = Fee(id=f"f/{lot}", evaluation_id=f"e/{lot}", expert_id="E1", hours=Decimal("3.5"), amount=Decimal(1037),
              status="paid", paid_at=at + timedelta(days=9), source="test")  # fmt: skip
    market.put(fee, kind="fee", key=f"f/{lot}", lot=lot)
    score = Score(id=f"s/{lot}", evaluation_id=f"e/{lot}", expert_id="E1", bid_id=f"{lot}/{firm}", item="方案",
                  score=Decimal("33.5"), full_marks=Decimal(40), source="test")  # fmt: skip
    market.put(score, kind="score", key=f"s/{lot}", lot=lot)
    market.deposit(
        lot, firm, "secret account", received_at=at - timedelta(days=1), refunded_at=at + timedelta(days=40)
    )
    contract = Contract(id=f"c/{lot}", lot_id=lot, bidder_id=firm, signed_at=at + timedelta(days=50),
                        value=Decimal("899.5"), vat="excluded", changes=[], source="test")  # fmt: skip
    market.put(contract, kind="contract", key=f"c/{lot}", lot=lot)


def beside(market: Any, at: datetime) -> None:
    """What stands by itself."""
    credit = Credit(
        id="k1",
        organisation_id="A",
        system="施工",
        period=f"{at:%Y-%m}",
        score=Decimal("91.25"),
        source="test",
    )
    market.put(credit, kind="credit", key="k1")
    opinion = Opinion(id="s1", content="实名的意见", received_at=at, source="test")
    market.put(opinion, kind="opinion", key="s1")
    inspection = Inspection(
        id="i1", on=at.date(), projects=["p1"], problems=[{"project": "p1", "problem": "x"}], source="test"
    )
    market.put(inspection, kind="inspection", key="i1")
    warn(market, "w1", "L00", at)
    market.put(LeadBatch(id="b1", target="police", created_by="u", created_at=at))
    market.put(Lead(id="l1", batch_id="b1", title="t", warnings=["w1"], created_by="u", created_at=at))


def warn(market: Any, key: str, lot: str | None, at: datetime) -> None:
    market.put(
        Warning(id=key, rule="B6", rule_version="1", family="bidders", level="red", title="t", title_en="t", lot_id=lot,
                subjects=[], evidence={}, dedup_key=key, raised_at=at)
    )  # fmt: skip
    market.put(WarningChange(warning_id=key, ts=at, state="new", actor="watch"))


def build(market: Any, ledger: Ledger) -> None:
    """Four lots over four months with all that surrounds them."""
    for n in range(4):
        at = NOON + timedelta(days=31 * n)
        lot = market.lot(f"L{n:02}", at, status="awarded", control_price=Decimal(1000))
        for firm in ("A", "B", "C"):
            market.bid(lot, firm, 900 + n, received_at=at - timedelta(hours=1))
        market.award(lot, "A", 900 + n, at + timedelta(days=30))
        around(market, lot, "A", at)
    market.lot("open", NOON)
    market.bid("open", "A", 5, received_at=NOON - timedelta(hours=1))
    market.open_fully("open", NOON)
    with ledger.write() as session:
        session.add(BroadcastSession(id="bs", opening_id="o/open", room_id="hz-01", state="ended", live_at=NOON,
                                     ended_at=NOON + timedelta(hours=1), seconds_live=3600.0))  # fmt: skip
    beside(market, NOON)


@pytest.fixture
def writer(ledger: Ledger, tmp_path: Path) -> LensWriter:
    return LensWriter(ledger, tmp_path, HANGZHOU)


def test_every_table_has_its_rows_with_their_days(market: Any, ledger: Ledger, writer: LensWriter) -> None:
    build(market, ledger)
    writer.start()
    lens = writer.lens
    assert all(lens.rows(f"SELECT 1 FROM {name} LIMIT 1") for name in TABLES)
    assert lens.one("SELECT tier, secondary_sites, centre_id, ended_on::VARCHAR FROM evaluations WHERE lot_id = 'L00'") == (
        "cross_city", '["宁波"]', "c1", "2026-03-15",
    )  # fmt: skip
    assert lens.one("SELECT sum(amount), sum(hours) FROM fees") == (Decimal("4148.0000"), Decimal("14.0000"))
    assert lens.one("SELECT DISTINCT currency FROM contracts") == ("CNY-net",)
    assert lens.one("SELECT seconds_live, interruptions FROM broadcasts") == (3600.0, 0)
    assert lens.one("SELECT score, month FROM credit") == (Decimal("91.2500"), "2026-03")
    assert lens.one("SELECT inspected_on::VARCHAR, month FROM inspections") == ("2026-03-15", "2026-03")
    assert lens.one("SELECT target, batch_state FROM leads") == ("police", "draft")
    assert {"content", "payer_account_hash", "payer_name", "handler", "evidence"}.isdisjoint(
        {column for schema in TABLES.values() for column in schema.names}
    ), "nothing personal leaves the ledger"


def test_a_rebuild_gives_equal_tables(
    market: Any, ledger: Ledger, writer: LensWriter, tmp_path: Path
) -> None:
    """A lens that has followed every change is the one that is built from the ledger at once."""
    writer.start()
    build(market, ledger)
    writer.refresh()
    steps = [
        lambda: market.bid("L02", "late news", 7, received_at=NOON),
        lambda: market.put(Opinion(id="s1", content="改过的意见", received_at=NOON + timedelta(days=40), source="test"), kind="opinion", key="s1"),
        lambda: market.put(Credit(id="k1", organisation_id="A", system="施工", period="2026-05", source="test"), kind="credit", key="k1"),
        lambda: market.award("L01", "B", 5, NOON + timedelta(days=70)),
        lambda: warn(market, "w2", None, NOON + timedelta(days=3)),
        lambda: _change(ledger, update(LeadBatch).values(transferred_at=NOON, state="transferred")),
        lambda: market.put(Fee(id="f/L03", evaluation_id="e/L03", expert_id="E1", amount=Decimal(1), status="failed", source="test"), kind="fee", key="f/L03", lot="L03"),
        lambda: market.lot("L00", NOON + timedelta(days=60), status="awarded"),
    ]  # fmt: skip
    for step in steps:
        step()
        assert writer.refresh(), "every change is noticed without a sweep"
        assert not writer.refresh()
    fresh = LensWriter(ledger, tmp_path / "fresh", HANGZHOU)
    fresh.start()
    assert held(writer.lens) == held(fresh.lens)
    assert not writer.sweep()


def _change(ledger: Ledger, statement: Any) -> None:
    with ledger.write() as session:
        session.execute(statement)


def test_rows_that_are_gone_leave_at_the_next_sweep(market: Any, ledger: Ledger, writer: LensWriter) -> None:
    build(market, ledger)
    writer.start()
    _change(ledger, delete(Deposit).where(Deposit.lot_id == "L01"))
    _change(ledger, delete(Inspection))
    assert writer.sweep() == ["2026-03", "2026-04"]
    assert writer.lens.rows("SELECT * FROM inspections") == []
    assert writer.lens.one("SELECT count(*) FROM deposits WHERE lot_id = 'L01'") == (0,)


def test_a_reader_never_sees_half_a_refresh(
    market: Any, ledger: Ledger, writer: LensWriter, tmp_path: Path
) -> None:
    """Bids and what their lots count of them stand in two files of every month; no question may meet two states."""
    build(market, ledger)
    writer.start()
    stop, torn, asked = threading.Event(), [], 0
    reader = Lens(tmp_path)

    def ask() -> None:
        nonlocal asked
        while not stop.is_set():
            found = reader.one(
                "SELECT (SELECT count(*) FROM bids), (SELECT sum(bids) FROM lots), (SELECT count(DISTINCT lots) FROM"
                " (SELECT month, count(*) AS lots FROM bids WHERE bidder_id LIKE 'F%' GROUP BY month))"
            )
            asked += 1
            if found[0] != found[1] or found[2] > 1:
                torn.append(found)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for n in range(12):
        with ledger.write() as session:
            lots = list(session.scalars(select(Lot.id).where(Lot.id.like("L0%"))))
        for lot in lots:
            market.bid(lot, f"F{n}", 5, received_at=NOON - timedelta(days=1))
        assert len(writer.refresh()) == len(lots)
    stop.set()
    for thread in threads:
        thread.join()
    assert asked > 12 and torn == []


def test_evaluations_and_fees_stay_secret_until_the_award(
    market: Any, ledger: Ledger, writer: LensWriter, past: datetime
) -> None:
    market.lot("L", past, status="evaluating")
    market.bid("L", "A", 5, received_at=past - timedelta(hours=1))
    around(market, "L", "A", past)
    market.award(
        "L", "A", 5, now() + timedelta(days=1), status="candidate", publicity_from=now() + timedelta(hours=1)
    )
    writer.start()
    for table in ("evaluations", "fees", "awards", "contracts"):
        assert writer.lens.rows(f"SELECT * FROM {table}") == [], table
    assert writer.lens.one("SELECT amount FROM deposits") == (Decimal("50000.0000"),)
    _change(ledger, update(Award).values(status="awarded", awarded_at=now(), updated_at=now()))
    assert writer.sweep()
    assert [
        len(writer.lens.rows(f"SELECT * FROM {table}")) for table in ("evaluations", "fees", "awards")
    ] == [1, 1, 1]


def test_files_no_longer_named_stay_for_who_reads_them(
    market: Any, ledger: Ledger, writer: LensWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(market, ledger)
    writer.start()
    before = set(writer.lens.folder.glob("bids/month=2026-03/*"))
    market.bid("L00", "late", 5, received_at=NOON)
    writer.refresh()
    assert before < set(writer.lens.folder.glob("bids/month=2026-03/*"))
    monkeypatch.setattr("supervision.lens.writer.KEPT_SECONDS", 0.0)
    writer.refresh()
    left = set(writer.lens.folder.glob("bids/month=2026-03/*"))
    assert len(left) == 1 and left.isdisjoint(before)


def test_the_document_says_the_columns() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert renewed(text) == text, "run: python -m supervision.lens.page"
    assert all(f"`{name}`" in text for name in TABLES)


def test_the_lots_behind_a_mark_are_as_many_as_it_says(
    market: Any, ledger: Ledger, writer: LensWriter
) -> None:
    build(market, ledger)
    market.firm("abroad", "310101")
    market.bid("L02", "abroad", 5, received_at=NOON)
    writer.start()
    lens, answers, every = writer.lens, Answers(writer.lens), Filters()

    def lots(by: str, value: Any) -> int:
        return count_lots(lens, every, rows_of_mark(Mark(by, str(value))))

    classes = answers.breakdown("lots_by_bidders", every, "bidders")
    assert {low: lots("bidders", low) for low in classes} == {low: one.value for low, one in classes.items()}
    winners = answers.ranking(every, "winner")
    assert (
        [(one.key, lots("winner", one.key)) for one in winners]
        == [("A", 4)]
        == [(w.key, w.lots) for w in winners]
    )
    assert (lots("province", "31"), lots("province", "44"), lots("winner", "nobody's' id")) == (1, 0, 0)


def test_the_lots_behind_a_deal_go_by_the_day_of_its_award(
    market: Any, ledger: Ledger, writer: LensWriter
) -> None:
    """L00 is opened in March and awarded in April, when L01 is opened; the last award is in another currency."""
    build(market, ledger)
    market.lot("dear", NOON + timedelta(days=2), control_price=Decimal(1000))
    market.bid("dear", "B", 9, received_at=NOON)
    market.open_fully("dear", NOON + timedelta(days=2))
    market.award("dear", "B", 9, NOON + timedelta(days=31), currency="USD")
    writer.start()
    answers = Answers(writer.lens)
    april = Filters(Period.of("month", (NOON + timedelta(days=30)).date()))

    def ids(by: str, value: str, filters: Filters = april) -> list[str]:
        found = answers.lots_of_mark(Mark(by, value), filters)
        assert found.total == len(found.rows)
        return sorted(row["lot_id"] for row in found.rows)

    assert [row["lot_id"] for row in answers.lots_of_mark(None, april).rows] == ["L01"]
    found = answers.values(("M02", "M14", "M29", "M05"), april)
    assert found["M02"].count == found["M14"].lots == 1 and found["M05"].denominator == 2
    assert ids(DEALS_MADE.by, DEALS_MADE.value) == ids("of", "M14") == ids("of", "M29") == ["L00"]
    assert ids("of", "M05") == ["L00", "dear"]
    assert ids("lot", "L00") == ["L00"] and ids("lot", "L01") == ["L01"] and ids("lot", "L03") == []
    assert ids("winner", "B") == [] and ids("winner", "B", replace(april, currency="USD")) == ["dear"]


def test_a_strip_of_prices_tells_the_award_itself_and_two_decimals(
    market: Any, ledger: Ledger, writer: LensWriter
) -> None:
    """What was awarded is not always what the winner bid; an award in another currency is no part of the control price."""
    for lot, currency in (("cut", "CNY"), ("dollars", "USD")):
        market.lot(lot, NOON, control_price=Decimal(1_200_000))
        market.bid(lot, "A", 1_100_000, received_at=NOON)
        market.bid(lot, "B", 1_100_001, received_at=NOON)
        market.open_fully(lot, NOON)
        market.award(lot, "A", 1_000_000, NOON + timedelta(days=9), currency=currency)
    writer.start()
    cut, dollars = price_strips(writer.lens, Filters(), OPENED, 9)
    assert (cut.prices, cut.bids, cut.award) == ({91.67: 2}, 2, 83.33)
    assert (dollars.lot, dollars.award) == ("dollars", None)
