"""The life line of a lot over the demonstration market, against plain SQL: its facts, its clock, what is kept secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from dashboard import context
from dashboard.config import DeskConfig
from dashboard.exports.routes import TABLES
from dashboard.panels import lifeline, lifeline_cards
from dashboard.screens import BY_ID, LIFELINE
from dashboard.shell import screen as shell
from dashboard.shell.filters import Choice
from messages import Unknown, say
from records.clock import BEIJING
from records.legal_periods import REFUND, Verdict, measure
from supervision.lists.lifeline import Life
from tests.dashboard.market_and_sql import market, sql
from tests.dashboard.screens import run, tables, text
from tests.dashboard.seeded import Sql
from tests.places import HANGZHOU
from tests.reading import read

__all__ = ["market", "sql"]

DAY = "date({}, '+8 hours')"


@pytest.fixture
def desk(market: Path) -> Iterator[DeskConfig]:
    config = DeskConfig(f"sqlite:///{market}/ledger.db", market, home=HANGZHOU)
    context.configure(config)
    yield config
    context.identify_by(None)
    context.ledger().close()


def words(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def shown(lot: str, role: str = "supervisor", lang: str = "zh") -> str:
    return words(text(run(role, LIFELINE, lang, lot=lot)))


def one_lot(sql: Sql, which: str) -> str:
    return str(sql.one(f"SELECT l.id FROM lot l JOIN opening o ON o.lot_id = l.id WHERE {which} LIMIT 1")[0])


def test_who_and_how_much_of_a_contracted_lot(sql: Sql, desk: DeskConfig) -> None:
    lot = one_lot(sql, "l.status = 'contracted' ORDER BY l.deadline DESC")
    name, tenderer, winner, price, control, bids, outside = sql.one(
        f"""SELECT l.name, t.name, g.name, a.price / 10000.0, l.control_price / 10000.0,
          (SELECT count(*) FROM bid b WHERE b.lot_id = l.id AND b.received_at <= l.deadline),
          (SELECT count(*) FROM bid b JOIN organisation f ON f.id = b.bidder_id
            WHERE b.lot_id = l.id AND f.division_code NOT LIKE '3301%')
        FROM lot l JOIN organisation t ON t.id = l.tenderer_id JOIN award a ON a.lot_id = l.id AND a.status = 'awarded'
        JOIN organisation g ON g.id = a.bidder_id WHERE l.id = '{lot}'"""
    )
    said = shown(lot)
    assert all(part in said for part in (name, lot, tenderer, winner, "已签约"))
    assert f"{bids} 家 外地 {outside} 家" in said
    whole, _, part = f"{round(price * 100) / 1_000_000:,.6f}".partition(".")
    assert f"{whole}.{part.rstrip('0'):0<2}万元" in said.replace(" ", "")
    assert f"下浮 {100 * (control - price) / control:.2f}%" in said


def test_the_clock_counts_days_and_names_the_article(sql: Sql, desk: DeskConfig) -> None:
    lot = one_lot(
        sql,
        "l.status = 'contracted' AND l.trade_family = 'works' AND l.method = 'open' ORDER BY l.deadline DESC",
    )
    bidding, contract = sql.one(
        f"""SELECT julianday({DAY.format("l.deadline")}) - julianday({DAY.format("l.notice_at")}),
          julianday({DAY.format("c.signed_at")}) - julianday({DAY.format("n.published_at")})
        FROM lot l JOIN contract c ON c.lot_id = l.id JOIN notice n ON n.lot_id = l.id AND n.type = 'result'
        WHERE l.id = '{lot}'"""
    )
    said = shown(lot)
    assert f"发出文件→截止 ≥20 日 {bidding:.0f} 日 ✓" in said
    assert f"中标通知→合同 ≤30 日 {contract:.0f} 日 ✓" in said
    markup = text(run("supervisor", LIFELINE, lot=lot))
    assert "https://xzfg.moj.gov.cn/front/law/detail?LawID=1154" in read(markup).targets
    assert "招标投标法第 24 条" in said
    assert "始日不计" in said


def test_a_publicity_taken_down_too_soon_is_short_and_counted(sql: Sql, desk: DeskConfig) -> None:
    short = sql.all(
        f"""SELECT a.lot_id, julianday({DAY.format("max(a.publicity_until)")}) - julianday({DAY.format("min(a.publicity_from)")}) n
        FROM award a JOIN lot l ON l.id = a.lot_id WHERE l.status IN ('awarded', 'contracted') GROUP BY a.lot_id HAVING n < 3"""
    )
    assert short, "the market has one on purpose"
    lot, days = short[0]
    said = shown(lot)
    assert f"候选人公示 ≥3 日 ▲ 仅 {days:.0f} 日，少 {3 - days:.0f} 日" in said
    assert "1 项不足或逾期" in said or "2 项不足或逾期" in said


def test_nothing_of_the_bidders_before_the_deadline(sql: Sql, desk: DeskConfig) -> None:
    lot = one_lot(sql, f"l.deadline > '{sql.now}' AND l.flags NOT LIKE '%rehearsal%' ORDER BY l.deadline")
    said = shown(lot)
    assert "投标家数 —" in said and "中标人 —" in said
    assert "唱标之前报价不可见" in said and "截止之前保证金不可见" in said
    names = sql.all(
        f"SELECT g.name FROM bid b JOIN organisation g ON g.id = b.bidder_id WHERE b.lot_id = '{lot}'"
    )
    assert not any(name in said for (name,) in names)


def test_a_leader_sees_the_line_and_of_warnings_their_number(sql: Sql, desk: DeskConfig) -> None:
    lot, title = sql.one(
        "SELECT lot_id, title FROM warning WHERE lot_id IS NOT NULL ORDER BY raised_at DESC LIMIT 1"
    )
    assert title in shown(lot)
    led = shown(lot, "leader")
    assert title not in led and "生命线与法定时限" in led


def test_a_lot_that_is_not_there_is_said(desk: DeskConfig) -> None:
    assert "没有标段 nowhere" in shown("nowhere")
    assert "还没有选定标段" in shown("")


def test_every_drill_down_list_leads_to_it(desk: DeskConfig) -> None:
    """Ticking a row opens the lot: what is asked of the browser stands in the note above each list."""
    for code in ("S02", "S03", "S05"):
        assert "勾选一行看该标段的生命线" in text(run("supervisor", BY_ID[code], period="all")), code


def test_both_languages_say_the_same(sql: Sql, desk: DeskConfig) -> None:
    lot = one_lot(sql, "l.status = 'contracted' ORDER BY l.deadline DESC")
    english = shown(lot, lang="en")
    assert "Life line and periods of law" in english and "Bidding Law" in english
    assert len(tables(run("supervisor", LIFELINE, lot=lot))) == 0, "all of it is markup, drawn at once"


def test_its_export_has_every_period_and_step(desk: DeskConfig, sql: Sql) -> None:
    lot = one_lot(sql, "l.status = 'contracted' ORDER BY l.deadline DESC")
    table = TABLES["lifeline"]
    rows = table.read(Choice(asked={"lot": lot}), "zh")
    assert table.headings("zh") == ["环节", "事项", "起", "止", "规定", "限期", "结论", "依据"]
    assert any(row[1] == "候选人公示" and row[-1] == "招标投标法实施条例第 54 条" for row in rows)
    assert any(row[0] == "合同" and row[1].startswith("签约") for row in rows)
    with pytest.raises(Unknown):
        table.read(Choice(asked={"lot": "nowhere"}), "zh")


@pytest.mark.parametrize(
    ("amount", "lang", "told"),
    [
        ("139.8", "zh", "139.80 元"),
        ("9999.99", "zh", "9,999.99 元"),
        ("13980", "zh", "1.398万元"),
        ("139.8", "en", "139.80 CNY"),
    ],
)
def test_interest_below_ten_thousand_is_told_in_the_currency_itself(
    amount: str, lang: str, told: str
) -> None:
    found = cast(Life, SimpleNamespace(currency="CNY", vat=None))
    assert lifeline_cards.interest(Decimal(amount), found, lang) == told


def test_what_was_done_past_the_last_day_by_no_more_than_a_holiday_is_not_called_running() -> None:
    page = cast(shell.Page, SimpleNamespace(say=lambda key, **values: say(key, "zh", **values)))
    signed = datetime(2025, 11, 28, 9, tzinfo=BEIJING)
    back = datetime(2025, 12, 9, 9, tzinfo=BEIJING)  # five days end on Wednesday, December 3rd
    one = measure(REFUND, signed, back, datetime(2026, 11, 1, tzinfo=BEIJING))
    assert one.verdict is Verdict.OVER
    told = lifeline.tally(page, [one])
    assert "0 项进行中" in told and "1 项过末日" in told
    assert "过末日" not in lifeline.tally(page, [measure(REFUND, signed, signed, back)])
