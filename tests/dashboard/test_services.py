"""The service screens over the demonstration market against plain SQL: hall and room (F12, F15), remote evaluation and
fees (F18, F19), deposits and society (F20, F21)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from dashboard import context
from dashboard.config import DeskConfig
from dashboard.exports.routes import TABLES
from dashboard.screens import BY_ID
from dashboard.shell import places
from dashboard.shell.filters import read_choice
from supervision.figures.deposits import interest_due
from tests.dashboard import seeded
from tests.dashboard.market_and_sql import market, sql
from tests.dashboard.screens import run, tables, text
from tests.dashboard.seeded import Sql
from tests.dashboard.test_every_figure import (
    ASKED,
    ROLLING,
    Shown,
    half_up,
    last_day_of,
    per_cent,
    plain,
    wan,
)
from tests.places import HANGZHOU

__all__ = ["market", "sql"]

RATE = Decimal("0.35")
PERIODS = ("september", "rolling12", "all")
AWARDED = """FROM evaluation e JOIN lot l ON l.id = e.lot_id AND l.flags NOT LIKE '%rehearsal%'
  WHERE EXISTS (SELECT 1 FROM award a WHERE a.lot_id = l.id AND a.status = 'awarded')"""


def day(column: str) -> str:
    return f"date({column}, '+8 hours')"


@pytest.fixture
def desk(market: Path) -> Iterator[DeskConfig]:
    config = DeskConfig(f"sqlite:///{market}/ledger.db", market, home=HANGZHOU, deposit_rate=RATE)
    context.configure(config)
    yield config
    context.identify_by(None)
    context.ledger().close()


# ── S04, S09, S10: what they are compared with, and what stands behind them ───


def number(shown: str) -> Decimal:
    return Decimal("".join(re.findall(r"[\d.]", shown)) or "0")


def moved(line: str) -> tuple[Decimal, str]:
    """By how much, and in which unit, a card says that its figure has changed since the period before."""
    found = re.match(r"环比 ([▲▼＝]) ([\d.,]+) (\S+)", line)
    assert found, line
    return number(found[2]) * {"▲": 1, "▼": -1, "＝": 0}[found[1]], found[3]


@pytest.mark.parametrize(
    ("screen", "units"),
    [
        ("S04", {"直播场次": "场", "直播覆盖率": "个百分点", "开评标室利用率": "个百分点"}),
        ("S09", {"远程异地评标标段": "个标段", "人次平均": "元", "费用转账覆盖率": "个百分点"}),
        ("S10", {"退付完成率": "个百分点", "社会监督意见": "条", "监督团走访": "次"}),
    ],
)
def test_the_live_screens_say_how_their_figures_have_changed(
    desk: DeskConfig, screen: str, units: dict[str, str]
) -> None:
    october = Shown(screen, {"period": "2026-10", "compare": "mom"})
    september = Shown(screen, {"period": "2026-09"})
    for name, unit in units.items():
        by, counted_in = moved(october.lines[name])
        rounding = Decimal("0.011") if unit == "个百分点" else 0
        assert (
            counted_in == unit
            and abs(number(october.values[name]) - number(september.values[name]) - by) <= rounding
        )
    assert all(september.lines[name].startswith("同比") for name in units)


def shown_lots(screen: str, **asked: str) -> list[str]:
    """The names in the table of lots, without their markup."""
    found = tables(run("supervisor", BY_ID[screen], **asked)).values()
    return [re.sub("<[^>]+>", "", row[0]) for rows in found for row in rows]


def test_a_share_of_s04_leads_to_the_lots_that_fall_short(desk: DeskConfig, sql: Sql) -> None:
    """The period is short enough for one page of the table."""
    asked = ASKED["september"]
    dark = sql.all(
        f"""SELECT DISTINCT id, name FROM over o WHERE {asked.lots} AND (result = 'opened' OR result IS NULL) AND NOT EXISTS
        (SELECT 1 FROM broadcast_session s WHERE s.opening_id = o.opening AND s.seconds_live >= 60)"""
    )
    assert 0 < len(dark) < 100
    screen = Shown("S04", asked.address)
    assert f"{len(dark)} 个标段未直播" in screen.lines["直播覆盖率"] and "short%3AM19" in screen.markup
    assert sorted(shown_lots("S04", **asked.address, pick="short:M19")) == sorted(name for _, name in dark)
    (opened,) = sql.one(f"SELECT count(DISTINCT id) FROM over WHERE {asked.lots} AND result = 'opened'")
    of, met = (shown_lots("S04", **asked.address, pick=f"{part}:M19") for part in ("of", "met"))
    assert (len(of), len(met)) == (opened, opened - len(dark))
    for figure in ("M25", "M26", "M28", "M52"):
        parts = [
            len(shown_lots("S04", **asked.address, pick=f"{part}:{figure}"))
            for part in ("of", "met", "short")
        ]
        assert f"{parts[1]:,} / {parts[0]:,}" in plain(screen.markup), figure
        assert parts[0] == parts[1] + parts[2], figure
    for nothing in ("short:M99", "of:M17", "leg:none"):
        assert shown_lots("S04", **asked.address, pick=nothing) == []


def test_a_leg_of_the_procedure_leads_to_its_lots(desk: DeskConfig) -> None:
    asked = ASKED["september"].address
    rows = {
        row.all("th")[0].text: row.all("td")[0].text
        for row in Shown("S04", asked).page.all("tr")
        if row.all("svg")
    }
    assert len(rows) >= 5
    for key, name in (("notice", "公告至开标"), ("contract", "定标至签约")):
        assert str(len(shown_lots("S04", **asked, pick=f"leg:{key}"))) == rows[name]


FEE_OF = """EXISTS (SELECT 1 FROM fee f WHERE f.evaluation_id = e.id AND {what}
  AND date(coalesce(f.paid_at, e.ended_at), '+8 hours') BETWEEN '{first}' AND '{last}')"""


@pytest.mark.parametrize(
    ("pick", "what"),
    [
        ("fee:payable", "1"),
        ("fee:failed", "f.status = 'failed'"),
        ("reason:returned", "f.status <> 'paid' AND f.reason = 'returned'"),
        ("band:1", "f.amount > 5000000 AND f.amount <= 8000000"),
        ("band:9", "0"),
    ],
)
def test_a_figure_of_the_register_leads_to_its_evaluations(
    desk: DeskConfig, sql: Sql, pick: str, what: str
) -> None:
    asked = ASKED["rolling12"]
    fees = FEE_OF.format(what=what, first=asked.first, last=asked.last)
    found = sql.all(f"SELECT l.name {AWARDED} AND {fees}")
    names = shown_lots("S09", **asked.address, pick=pick)
    assert len(names) == min(len(found), 100) and set(names) <= {name for (name,) in found}


def test_sites_tiers_and_grades_lead_to_their_evaluations(desk: DeskConfig, sql: Sql) -> None:
    begun = f"""FROM evaluation e JOIN lot l ON l.id = e.lot_id WHERE e.mode = 'remote' AND l.deadline <= '{sql.now}'
        AND e.started_at IS NOT NULL AND l.flags NOT LIKE '%rehearsal%'"""
    rows = sql.all(f"SELECT l.name, e.tier, e.secondary_sites {begun}")
    site = json.loads(rows[0][2])[0]
    of_site = sorted(name for name, _, others in rows if site in json.loads(others))
    assert sorted(shown_lots("S09", period="all", pick=f"site:{site}")) == of_site
    of_tier = sorted(name for name, tier, _ in rows if tier == "cross_city")
    assert sorted(shown_lots("S09", period="all", pick="tier:cross_city")) == of_tier[:100]
    asked = read_choice({"period": "all", "pick": "tier:cross_city"})
    exported = TABLES["remote-sessions"].read(asked, "zh")
    assert sorted(row[1] for row in exported) == of_tier, (
        "the export holds what the mark shows, no other session"
    )
    good = sql.all(
        f"""SELECT l.name {AWARDED} AND e.state = 'ended'
        AND EXISTS (SELECT 1 FROM fee f WHERE f.evaluation_id = e.id AND f.grade = 'fair')"""
    )
    assert sorted(shown_lots("S09", period="all", pick="grade:fair")) == sorted(name for (name,) in good)
    assert "只看与副场" in Shown("S09", {"period": "all", "pick": f"site:{site}"}).buttons


def exported(name: str, **asked: str) -> list[tuple[Any, ...]]:
    return list(TABLES[name].read(read_choice(asked), "zh"))


def test_exports_hold_what_s09_and_s10_show(desk: DeskConfig, sql: Sql) -> None:
    failed = shown_lots("S09", period="all", pick="fee:failed")
    assert [row[1] for row in exported("fees", period="all", pick="fee:failed")] == failed
    sessions = exported("remote-sessions", period="all")
    (n,) = sql.one(
        f"SELECT count(*) FROM evaluation e JOIN lot l ON l.id = e.lot_id WHERE e.mode = 'remote' AND l.deadline <= '{sql.now}' AND e.started_at IS NOT NULL AND l.flags NOT LIKE '%rehearsal%'"
    )
    assert len(sessions) >= n and {"已结束"} <= {row[5] for row in sessions}
    shown = tables(run("supervisor", BY_ID["S10"], period="all"))
    for row, seen in zip(exported("refunds"), shown["待退保证金"], strict=False):
        assert row[7] == seen[5]
        assert seen[6] == ("—" if row[8] is None else f"{row[8]:,.2f} 元")
    credit = exported("agency-credit", period="all")
    assert [row[2] for row in credit if row[7]] and len({row[2] for row in credit}) == len(
        shown["招标代理天秤码"]
    )
    (visits,) = sql.one("SELECT count(*) FROM inspection WHERE body = 'group'")
    assert visits and len({row[0] for row in exported("group-visits", period="all")}) <= visits


# ── S09 ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", PERIODS)
def test_remote_sessions_by_tier_and_site(desk: DeskConfig, sql: Sql, name: str) -> None:
    asked = ASKED[name]
    shown = Shown("S09", asked.address)
    rows = sql.all(
        f"""SELECT e.tier, e.secondary_sites FROM evaluation e JOIN lot l ON l.id = e.lot_id
        WHERE e.mode = 'remote' AND l.deadline <= '{sql.now}' AND {asked.where(day("e.started_at"))}"""
    )
    tiers = Counter(tier for tier, _ in rows)
    line = shown.lines["远程异地评标标段"]
    assert f"市域 {tiers['city']} · 跨市 {tiers['cross_city']} · 跨省 {tiers['cross_province']}" in line
    sites = Counter(json.loads(others)[0] for _, others in rows)
    for site, n in sites.items():
        assert f"{site} {n}" in shown.markup, site


@pytest.mark.parametrize(
    ("name", "zh", "en"),
    [("萧山", "萧山", "Xiaoshan"), ("湖州", "湖州", "Huzhou"), ("某处副场", "某处副场", "某处副场")],
)
def test_sites_are_called_as_their_centre_or_city(desk: DeskConfig, name: str, zh: str, en: str) -> None:
    assert (places.site(name, "zh"), places.site(name, "en")) == (zh, en)


@pytest.mark.parametrize("name", PERIODS)
def test_fees_and_appraisals(desk: DeskConfig, sql: Sql, name: str) -> None:
    asked = ASKED[name]
    shown = Shown("S09", asked.address)
    fees = sql.all(
        f"""SELECT f.status, f.amount FROM fee f JOIN (SELECT e.id, e.ended_at {AWARDED}) e ON e.id = f.evaluation_id
        WHERE {asked.where(day("coalesce(f.paid_at, e.ended_at)"))}"""
    )
    paid = [amount for status, amount in fees if status == "paid"]
    assert shown.values["专家评审费"].startswith(f"{len(paid):,}")
    assert shown.values["评审费转账"] == wan(sum(paid))
    mean = half_up(Decimal(sum(paid)) / len(paid) / 10_000) if paid else "—"
    assert shown.values["人次平均"].startswith(mean)
    said = plain(shown.markup)
    failed = [amount for status, amount in fees if status == "failed"]
    assert f"应付 {len(fees):,} 笔" in said and f"◆ 失败 {len(failed):,} 笔" in said
    bands = [sum(low < amount / 10_000 <= high for _, amount in fees) for low, high in
             ((0, 500), (500, 800), (800, 1100), (1100, 1400), (1400, 1700), (1700, 10**9))]  # fmt: skip
    assert list(shown.columns("每人次多少元").values()) == bands
    ended = sql.all(f"SELECT e.id {AWARDED} AND e.state = 'ended' AND {asked.where(day('e.ended_at'))}")
    done = {key for (key,) in sql.all("SELECT DISTINCT evaluation_id FROM fee WHERE grade IS NOT NULL")} & {
        key for (key,) in ended
    }
    assert f"{per_cent(len(done), len(ended))} 已评 {len(done)} / 应评 {len(ended)} 场" in said


def test_no_expert_and_no_result_of_a_draw_stands_on_the_screen(desk: DeskConfig, sql: Sql) -> None:
    said = text(run("supervisor", BY_ID["S09"]))
    assert sql.all("SELECT id FROM expert") and not any(
        key in said for (key,) in sql.all("SELECT id FROM expert")
    )
    assert "中标结果公告前不显示专家姓名与抽取结果" in said


def test_the_lots_behind_the_fees_stand_below_the_failed_first_where_asked(
    desk: DeskConfig, sql: Sql
) -> None:
    rows = tables(run("supervisor", BY_ID["S09"], period="all", **{"fees-sort": "failed"}))[
        "评审费（按评标会）"
    ]
    ended = """FROM fee f JOIN evaluation e ON e.id = f.evaluation_id JOIN award a ON a.lot_id = e.lot_id AND a.status = 'awarded'
        JOIN lot l ON l.id = e.lot_id WHERE e.state = 'ended' AND l.flags NOT LIKE '%rehearsal%'"""
    failed = sql.all(f"SELECT l.name, sum(f.status = 'failed') AS n {ended} GROUP BY e.id ORDER BY n DESC")
    counts = [n for _, n in failed][: len(rows)]
    assert rows and [int(row[6]) for row in rows] == counts
    assert {row[0] for row in rows} <= {name for name, _ in failed}


def test_todays_sessions_are_those_whose_deadline_is_past(desk: DeskConfig, sql: Sql) -> None:
    told = sql.all(
        f"""SELECT l.name FROM evaluation e JOIN lot l ON l.id = e.lot_id WHERE e.mode = 'remote'
        AND l.deadline <= '{sql.now}' AND date(coalesce(e.started_at, e.scheduled_at), '+8 hours') = '{seeded.TODAY}'"""
    )
    said = text(run("supervisor", BY_ID["S09"]))
    assert all(name in said for (name,) in told)
    if told:
        assert f"实时 · 显示 {min(len(told), 6)} / {len(told)} 场" in said


# ── S10 ──────────────────────────────────────────────────────────────────────

HELD = "FROM money WHERE refunded_at IS NULL AND due_refund_at IS NOT NULL"


def test_what_is_held_counts_down_and_bears_interest(desk: DeskConfig, sql: Sql) -> None:
    shown = run("supervisor", BY_ID["S10"], period="all")
    (held,) = sql.one(f"SELECT count(*) {HELD}")
    surely = seeded.TODAY - timedelta(days=9)
    overdue = sum(last_day_of(due) < surely for (due,) in sql.all(f"SELECT due_refund_at {HELD}"))
    assert held, "the market holds some"
    rows = next(rows for title, rows in tables(shown).items() if title == "待退保证金")
    first = sql.one(
        f"""SELECT amount / 10000.0,
        julianday('{seeded.TODAY}') - julianday(date(received_at, '+8 hours')), form {HELD}
        ORDER BY due_refund_at, id LIMIT 1"""
    )
    amount, kept, form = first
    (due,) = sql.one(f"SELECT due_refund_at {HELD} ORDER BY due_refund_at, id LIMIT 1")
    left = (last_day_of(due) - seeded.TODAY).days
    late = f"逾期 {-left} 天" if left < -9 else f"过末日 {-left} 日"
    assert (late if left < 0 else f"{left} 天" if left else "今日到期") in rows[0][5]
    if form == "transfer":
        interest = Decimal(str(amount)) * RATE / 100 * int(kept) / 360
        assert rows[0][6] == f"{half_up(interest)} 元"
    late = run("supervisor", BY_ID["S10"], period="all", refunds="overdue")
    assert ("逾期未退保证金" in tables(late)) is bool(overdue)


def test_the_share_of_guarantees(desk: DeskConfig, sql: Sql) -> None:
    shown = Shown("S10", ROLLING.address)
    given, every = sql.one(
        f"SELECT sum(form IN ('guarantee', 'insurance')), count(*) FROM money WHERE {ROLLING.where('got')}"
    )
    assert f"{per_cent(given, every)}（{given:,} / {every:,} 笔），按收到日" in shown.lines["保函替代"]


def test_opinions_by_channel_and_visits(desk: DeskConfig, sql: Sql) -> None:
    shown = Shown("S10", ROLLING.address)
    received, answered = sql.one(
        f"SELECT count(*), count(answered_at) FROM opinion WHERE {ROLLING.where(day('received_at'))}"
    )
    assert shown.values["意见办结率"] == per_cent(answered, received)
    board = plain(shown.section("意见办理看板"))
    names = {"web": "网上", "group": "监督团", "phone": "电话", "letter": "来信"}
    for channel, n, done in sql.all(
        f"SELECT channel, count(*), count(answered_at) FROM opinion WHERE {ROLLING.where(day('received_at'))} GROUP BY 1"
    ):
        assert re.search(rf"{names[channel]}\S* {n} {done} {n - done}", board), (channel, board)
    when = ROLLING.where('"on"')
    visits = sql.all(f"SELECT problems FROM inspection WHERE body = 'group' AND {when}")
    assert visits and shown.values["监督团走访"] == f"{len(visits)}次"
    found = sum(str(problems).count('"problem"') for (problems,) in visits)
    assert f"发现问题 {found} 个" in shown.lines["监督团走访"]


def test_interest_by_a_worked_example() -> None:
    """200,000 yuan from 1 July to 10 September at 0.35 % a year: 71 days, 200000 × 0.0035 × 71 ÷ 360 = 138.06 yuan."""
    since = seeded.NOW.replace(month=7, day=1)
    assert interest_due(Decimal(200_000), since, since.replace(month=9, day=10), RATE) == Decimal("138.06")
    assert interest_due(Decimal(200_000), since, since, RATE) == 0


# ── S06, S07 ─────────────────────────────────────────────────────────────────


def test_the_schedule_of_a_day(desk: DeskConfig, sql: Sql) -> None:
    shown = run("supervisor", BY_ID["S06"], view="today")
    rows = next(iter(tables(shown).values()))
    told = sql.all(
        f"""SELECT l.name FROM opening o JOIN lot l ON l.id = o.lot_id WHERE o.state <> 'cancelled'
        AND date(o.scheduled_at, '+8 hours') = '{seeded.TODAY}'"""
    )
    assert Counter(row[1] for row in rows) == Counter(name for (name,) in told)
    (rehearsed,) = sql.one(
        f"""SELECT count(*) FROM opening o JOIN lot l ON l.id = o.lot_id WHERE o.state <> 'cancelled'
        AND date(o.scheduled_at, '+8 hours') = '{seeded.TODAY}' AND l.flags LIKE '%rehearsal%'"""
    )
    marked = sum("演练 · " in row[3] for row in rows)
    assert marked == rehearsed and (f"其中演练 {rehearsed} 场" in text(shown)) == bool(rehearsed)


def test_a_day_of_the_calendar_leads_to_its_list(desk: DeskConfig) -> None:
    """By a link that keeps the other choices, and begins the list anew."""
    first = seeded.TODAY.replace(day=1).isoformat()
    asked = {"view": "calendar", "family": "works", "schedule-page": "2"}
    shown = run("supervisor", BY_ID["S06"], day=seeded.TODAY.isoformat(), **asked)
    (month,) = [one.proto.body for one in shown.get("html") if "month card" in one.proto.body]
    link = re.search(rf'href="\?([^"]*day={first}[^"]*)"', month)
    assert link is not None
    wanted = {"lang": "zh", "view": "calendar", "family": "works", "day": first}
    assert dict(parse_qsl(unescape(link[1]))) == wanted


def test_the_record_of_an_opening_is_what_was_read(desk: DeskConfig, sql: Sql) -> None:
    (opening,) = sql.one(
        "SELECT opening_id FROM opening_event WHERE type = 'bid_read' GROUP BY opening_id ORDER BY count(*) DESC LIMIT 1"
    )
    (read,) = sql.one(
        f"SELECT count(*) FROM opening_event WHERE type = 'bid_read' AND opening_id = '{opening}'"
    )
    shown = run("supervisor", BY_ID["S07"], opening=opening)
    assert any(len(frame.value) == read for frame in shown.dataframe)
