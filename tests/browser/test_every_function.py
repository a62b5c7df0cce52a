"""Every function F01–F21 in a real browser over the demonstration market, each figure against plain SQL over the ledger."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from statistics import median

import pytest
from playwright.sync_api import Page
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.access.accounts import add_user
from records.clock import BEIJING
from records.ledger import Ledger
from records.tables.openings import Opening
from records.tables.witnessing import WitnessItem
from records.witnessing import tasks
from tests.browser.contexts import Contexts
from tests.browser.test_desk_accessibility import READY
from tests.browser.test_desk_live import DESK, HUB, Desk
from tests.dashboard import seeded
from tests.dashboard.live_market import PASSWORD, process
from tests.dashboard.seeded import Asked, Sql, working_rooms
from tests.dashboard.test_every_figure import half_up, per_cent, wan
from tests.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.timeout(900)]

CLOCK = Path(__file__).parents[1] / "at_moment"
"""What puts a program that a test starts at a moment of its own."""
PATIENCE = 60_000
ALL_TIME = "period=all"
ADDRESSES = {
    "S01": f"overview?{ALL_TIME}", "S02": f"openness?{ALL_TIME}", "S03": f"competition?{ALL_TIME}", "S04": f"service?{ALL_TIME}",
    "S05": f"savings?{ALL_TIME}", "S06": "hall?view=today", "S06 wall": "hall?tiles=16", "S07": "room?opening={opening}",
    "S08": "witness", "S08 witness": "witness?view=witness", "S09": f"remote?{ALL_TIME}", "S10": f"deposits?{ALL_TIME}",
}  # fmt: skip
READ = """() => {
  const words = (root) => [...root.childNodes].map((node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.nodeValue;
    if (node.nodeType !== Node.ELEMENT_NODE || ["STYLE", "SCRIPT", "TITLE"].includes(node.tagName)) return "";
    return ` ${node.shadowRoot ? words(node.shadowRoot) : ""}${words(node)} `;
  }).join("");
  const plain = (node) => words(node).split(/\\s+/).join(" ").trim();
  const first = (node) => document.createTreeWalker(node, NodeFilter.SHOW_TEXT).nextNode().nodeValue;
  const pairs = (all, name, value) => Object.fromEntries([...document.querySelectorAll(all)].map((one) =>
    [first(one.querySelector(name)), plain(one.querySelector(value)).replaceAll(" ", "")]));
  const main = document.querySelector("[data-testid=stMain]");
  return {
    cards: { ...pairs("section.kpi", "h2 > span", "strong"), ...pairs("dl.facts > div", "dt", "dd") },
    text: plain(main),
  };
}"""
"""The figures of a screen by their names, and all that it says, its own elements' insides too."""


COME = {
    "S01": ".ticker li", "S08": "td:has-text('完好')", "S06 wall": "text=今日无开标", "S07": "text=/开标结束 *\\d\\d:/", "S08 witness": "text=见证中",
}  # fmt: skip
"""What is there once the desk or the hub has pushed what a screen's own elements show."""
OUTSIDE = "substr(place, 1, 4) <> '3301'"
WITNESSED = 3
LINES = 10
"""Rows that a table has in the page at once, at the least."""


@dataclass(frozen=True)
class Seen:
    """One screen in the browser: figures by name without spaces, and all its text."""

    cards: dict[str, str]
    text: str


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seeded.copied(tmp_path_factory)


@pytest.fixture(scope="module")
def sql(market: Path) -> Iterator[Sql]:
    asked = Sql(market)
    yield asked
    asked.close()


@pytest.fixture(scope="module")
def desk(market: Path) -> Iterator[Desk]:
    """Desk and hub of the demonstration market at its moment; three of its openings were witnessed."""
    ledger, port = Ledger(f"sqlite:///{market}/ledger.db"), free_port()
    with ledger.write() as session:
        add_user(session, "supervisor", "supervisor", PASSWORD)
        _witness(session)
    settings: dict[str, object] = {
        "url": str(ledger.url),
        "data": str(market),
        "port": port,
        "hub": (hub := free_port()),
    }
    with pytest.MonkeyPatch.context() as patch, ExitStack() as running:
        patch.setenv("TESTS_CLOCK_AHEAD", str((seeded.NOW - datetime.now(UTC)).total_seconds()))
        patch.setenv("PYTHONPATH", os.pathsep.join((str(CLOCK), os.environ.get("PYTHONPATH", ""))))
        running.enter_context(process(HUB.format(**settings), hub, market / "hub.log"))
        running.enter_context(process(DESK.format(**settings), port, market / "desk.log"))
        yield Desk(f"http://127.0.0.1:{port}", ledger, market, hub, settings)
    ledger.close()


def _witness(session: Session) -> None:
    """A supervisor saw the list of bidders being published at the last openings that are over."""
    over = select(Opening).where(Opening.state == "ended").order_by(Opening.ended_at.desc()).limit(WITNESSED)
    for opening in session.scalars(over).all():
        task = tasks.unstarted(opening)
        task.state, task.witness, task.method = "joined", "supervisor", "joined"
        session.add(task)
        session.flush()
        session.add(WitnessItem(task_id=task.id, item="bidders", by="supervisor", result="conforms"))


@pytest.fixture(scope="module")
def seen(contexts: Contexts, desk: Desk, sql: Sql) -> dict[str, Seen]:
    """Every screen, opened once."""
    page = desk.sign_in(contexts, "supervisor")
    page.set_default_timeout(PATIENCE)
    found = {
        code: _read(page, f"{desk.url}/{address.format(opening=latest(sql))}", COME.get(code))
        for code, address in ADDRESSES.items()
    }
    page.close()
    return found


def _read(page: Page, address: str, come: str | None) -> Seen:
    page.goto(address)
    page.locator("h1").first.wait_for()
    page.locator(READY).wait_for()
    if come:
        page.locator(come).first.wait_for(state="attached")
    return Seen(**page.evaluate(READ))


def latest(sql: Sql) -> str:
    """The opening that ended last of those with a log of its own."""
    (opening,) = sql.one(
        "SELECT o.id FROM opening o JOIN opening_event e ON e.opening_id = o.id AND e.type = 'bid_read'"
        " WHERE o.state = 'ended' ORDER BY o.ended_at DESC LIMIT 1"
    )
    return str(opening)


def today(column: str) -> str:
    """The condition that a moment is of the market's day."""
    return f"date({column}, '+8 hours') = '{seeded.TODAY}'"


def clock(moment: str) -> str:
    """A moment of the tables as a reader in Beijing is told it, HH:MM:SS."""
    return f"{datetime.fromisoformat(moment).replace(tzinfo=UTC).astimezone(BEIJING):%H:%M:%S}"


# ── S01–S03 ──────────────────────────────────────────────────────────────────


def test_f01_the_totals(seen: dict[str, Seen], sql: Sql) -> None:
    bids, outside = sql.one(f"SELECT count(*), sum({OUTSIDE}) FROM parts")
    deals, amount = sql.one("SELECT count(*), sum(price) FROM deals")
    cards = seen["S01"].cards
    assert cards["参与家次"] == f"{bids:,}家次" and cards["外地企业参与占比"] == per_cent(outside, bids)
    assert cards["成交金额"] == wan(amount) and f"{deals:,} 个标段" in seen["S01"].text


def test_f02_what_happens_now(seen: dict[str, Seen], sql: Sql) -> None:
    events = sql.all(
        "SELECT e.ts at, l.name FROM opening_event e JOIN opening o ON o.id = e.opening_id JOIN lot l ON l.id = o.lot_id"
        f" WHERE e.type IN ('bidders_published', 'record_confirmed', 'ended', 'sealed') AND {today('e.ts')}"
        f" AND {today('o.scheduled_at')} AND e.ts <= '{sql.now}'"
        " UNION ALL SELECT max(d.refunded_at), l.name FROM deposit d JOIN lot l ON l.id = d.lot_id"
        f" WHERE {today('d.refunded_at')} AND d.refunded_at <= '{sql.now}' GROUP BY l.id"
        " UNION ALL SELECT a.awarded_at, l.name FROM award a JOIN lot l ON l.id = a.lot_id"
        f" WHERE a.status = 'awarded' AND {today('a.awarded_at')} AND a.awarded_at <= '{sql.now}' ORDER BY 1 DESC LIMIT 9"
    )
    assert events
    shown = seen["S01"].text.split("实时交易动态", 1)[1].split("各中心参与家次", 1)[0]
    found = [shown.find(f"{clock(at)[:5]} ") for at, _ in events]
    assert all(place >= 0 for place in found) and all(name in shown for _, name in events), (shown, events)


def test_f03_how_many_come_from_outside(seen: dict[str, Seen], sql: Sql) -> None:
    bids, outside, lots = sql.one(
        f"SELECT count(*), sum({OUTSIDE}), count(DISTINCT CASE WHEN {OUTSIDE} THEN id END) FROM parts"
    )
    cards = seen["S02"].cards
    assert cards["外地企业参与占比"] == per_cent(outside, bids) and cards["外地参标标段"] == f"{lots:,}个标段"


def test_f04_where_they_come_from(seen: dict[str, Seen], sql: Sql) -> None:
    origins = sql.all(
        f"SELECT substr(place, 1, 2), count(*) FROM parts WHERE {OUTSIDE} GROUP BY 1 ORDER BY 2 DESC"
    )
    certified, known = sql.one("SELECT sum(substr(ca, 1, 2) <> '33'), count(ca) FROM parts")
    assert seen["S02"].cards["来源省份"] == f"{len(origins)}个"
    assert seen["S02"].cards["互认证书参与占比"] == per_cent(certified, known)


def test_f05_whether_enough_compete(seen: dict[str, Seen], sql: Sql) -> None:
    few, reached = sql.one("SELECT sum(n < 3), count(*) FROM reached")
    assert seen["S03"].cards["流标率"] == per_cent(few, reached)
    mean = sql.one("SELECT sum(n) * 1.0 / count(*) FROM reached WHERE result = 'opened'")[0]
    assert seen["S03"].cards["每标段投标人均值"] == f"{half_up(mean)}家"


def test_f06_who_wins_how_much(seen: dict[str, Seen], sql: Sql) -> None:
    winners = [
        amount for (amount,) in sql.all("SELECT sum(price) FROM deals GROUP BY winner ORDER BY 1 DESC")
    ]
    shares = [Decimal(amount) / sum(winners) for amount in winners]
    cards = seen["S03"].cards
    assert cards["集中度指数 HHI"] == half_up(sum((s * s for s in shares), Decimal(0)) * 10_000, 0)
    assert cards["前四家份额 CR4"] == half_up(sum(shares[:4], Decimal(0)) * 100) + "%"


# ── S04, S05 ─────────────────────────────────────────────────────────────────


def test_f07_broadcasts_and_rooms(seen: dict[str, Seen], sql: Sql) -> None:
    (shown,) = sql.one(
        "SELECT count(*) FROM over o JOIN broadcast_session s ON s.opening_id = o.opening WHERE s.seconds_live >= 60"
    )
    rooms, registered = working_rooms(sql, Asked({}))
    assert 0 < rooms < registered, "some have had no picture since yesterday"
    (viewers,) = sql.one("SELECT sum(v.viewers) FROM over o JOIN viewing v ON v.opening_id = o.opening")
    cards = seen["S04"].cards
    assert cards["直播场次"] == f"{shown:,}场" and cards["直播间数"] == f"{rooms}间"
    assert cards["观看人次"].startswith(f"{viewers:,}人次")


def test_f08_days_and_electronic_process(seen: dict[str, Seen], sql: Sql) -> None:
    electronic, opened = sql.one(
        "SELECT sum(flags LIKE '%electronic%'), count(*) FROM over WHERE result = 'opened'"
    )
    days = [span for (span,) in sql.all("SELECT julianday(awarded_at) - julianday(notice_at) FROM deals")]
    cards = seen["S04"].cards
    assert cards["全流程电子化率"].startswith(per_cent(electronic, opened))
    assert cards["全流程周期"].startswith(f"{half_up(round(median(days), 6), 1)}天")


def test_f09_deals_and_savings(seen: dict[str, Seen], sql: Sql) -> None:
    bought = "FROM deals WHERE control > 0 AND family NOT IN ('land', 'property')"
    saved, control = sql.one(f"SELECT sum(control - price), sum(control) {bought}")
    rates = [Decimal(c - p) / c for c, p in sql.all(f"SELECT control, price {bought}")]
    cards = seen["S05"].cards
    assert cards["节资率（加权）"] == per_cent(saved, control)
    assert cards["平均节资率（简单）"] == per_cent(sum(rates, Decimal(0)), len(rates))


def test_f10_key_projects(seen: dict[str, Seen], sql: Sql) -> None:
    (keys,) = sql.one("SELECT count(*) FROM lots WHERE key_flag IS NOT NULL")
    assert keys and seen["S05"].cards["重点项目标段"] == f"{keys}个"


def test_f11_small_value_trading(seen: dict[str, Seen], sql: Sql) -> None:
    small, worth = sql.one("SELECT count(*), sum(price) FROM deals WHERE flags LIKE '%small_value%'")
    assert small and seen["S05"].cards["小额交易"] == f"{small}个" and wan(worth) in seen["S05"].text


# ── S06–S08 ──────────────────────────────────────────────────────────────────


def test_f12_the_schedule(seen: dict[str, Seen], sql: Sql) -> None:
    (planned,) = sql.one(
        f"SELECT count(*) FROM opening WHERE state <> 'cancelled' AND {today('scheduled_at')}"
    )
    assert planned and f"共 {planned} 场" in seen["S06"].text


def test_f13_the_wall_shows_what_each_room_is_at(seen: dict[str, Seen], sql: Sql) -> None:
    coming = sql.all(
        "SELECT c.name || ' ' || r.name, l.name, min(o.scheduled_at) FROM opening o JOIN lot l ON l.id = o.lot_id"
        " JOIN room r ON r.id = o.room_id JOIN centre c ON c.id = r.centre_id"
        f" WHERE o.state = 'scheduled' AND {today('o.scheduled_at')} GROUP BY 1"
    )
    (rooms,) = sql.one("SELECT count(*) FROM room WHERE kind = 'opening' AND public_allowed")
    shown = seen["S06 wall"].text
    assert coming and all(f"{room} {lot}" in shown for room, lot, _ in coming), shown
    named = sql.all("SELECT c.name || ' ' || r.name FROM room r JOIN centre c ON c.id = r.centre_id")
    assert sum(shown.count(name) for (name,) in named) == min(rooms, 16), "a tile a room, sixteen at the most"


def test_f14_the_process_with_its_times(seen: dict[str, Seen], sql: Sql) -> None:
    times = sql.all(
        f"SELECT type, min(ts) FROM opening_event WHERE opening_id = '{latest(sql)}' AND type IN"
        " ('bidders_published', 'bid_read', 'record_confirmed', 'ended') GROUP BY type"
    )
    assert len(times) == 4
    steps = {
        "bidders_published": "公布名单",
        "bid_read": "唱标",
        "record_confirmed": "记录确认",
        "ended": "开标结束",
    }
    for kind, at in times:
        assert f"{steps[kind]} {clock(at)}" in seen["S07"].text, kind


def test_f15_what_was_read(seen: dict[str, Seen], sql: Sql) -> None:
    read = sql.all(
        f"SELECT payload FROM opening_event WHERE opening_id = '{latest(sql)}' AND type = 'bid_read'"
    )
    bids = sorted((json.loads(payload) for (payload,) in read), key=lambda bid: bid["no"])
    assert bids and f"共 {len(bids)} 家" in seen["S07"].text
    for bid in bids[:LINES]:
        price = f"{(Decimal(bid['price']) / 10_000).normalize():f}"
        assert f"{bid['no']} {bid['name']} {price}" in seen["S07"].text, "in 万元, to the hundredth of a yuan"


def test_f16_what_can_be_seen_again(seen: dict[str, Seen], sql: Sql) -> None:
    (over,) = sql.one("SELECT count(*) FROM opening WHERE state IN ('ended', 'sealed')")
    (events,) = sql.one(f"SELECT count(*) FROM opening_event WHERE opening_id = '{latest(sql)}'")
    assert seen["S08"].cards["已结束开标"] == f"{over}场"
    assert (
        f" 开标 {events} " in seen["S08"].text
        and f"{min(over, 10)} / {min(over, 10)} 最近" in seen["S08"].text
    )


def test_f17_who_witnessed(seen: dict[str, Seen], sql: Sql) -> None:
    (seen_by,) = sql.one(
        "SELECT count(*) FROM over WHERE id IN"
        " (SELECT t.lot_id FROM witness_item i JOIN witness_task t ON t.id = i.task_id)"
    )
    (over,) = sql.one("SELECT count(*) FROM over")
    assert 0 < seen_by <= WITNESSED
    assert seen["S04"].cards["见证覆盖率"].startswith(per_cent(seen_by, over))
    names = [name for (name,) in sql.all("SELECT l.name FROM witness_task t JOIN lot l ON l.id = t.lot_id")]
    assert names and all(name in seen["S08 witness"].text for name in names)


# ── S09, S10 ─────────────────────────────────────────────────────────────────


def test_f18_remote_evaluations_by_tier(seen: dict[str, Seen], sql: Sql) -> None:
    tiers = dict(
        sql.all(
            "SELECT e.tier, count(*) FROM evaluation e JOIN lot l ON l.id = e.lot_id AND l.flags NOT LIKE '%rehearsal%'"
            f" WHERE e.mode = 'remote' AND e.started_at IS NOT NULL AND l.deadline <= '{sql.now}' GROUP BY 1"
        )
    )
    line = f"市域 {tiers['city']} · 跨市 {tiers['cross_city']} · 跨省 {tiers['cross_province']}"
    assert line in seen["S09"].text


def test_f19_fees_of_experts(seen: dict[str, Seen], sql: Sql) -> None:
    paid, amount = sql.one(
        "SELECT count(*), sum(f.amount) FROM fee f JOIN evaluation e ON e.id = f.evaluation_id JOIN lot l ON l.id = e.lot_id"
        " WHERE f.status = 'paid' AND l.flags NOT LIKE '%rehearsal%'"
        " AND EXISTS (SELECT 1 FROM award a WHERE a.lot_id = l.id AND a.status = 'awarded')"
    )
    cards = seen["S09"].cards
    assert cards["专家评审费"] == f"{paid:,}人次" and cards["评审费转账"] == wan(amount)


def test_f20_deposits_returned(seen: dict[str, Seen], sql: Sql) -> None:
    back, amount = sql.one("SELECT count(*), sum(amount) FROM money WHERE refunded_at IS NOT NULL")
    due, returned = sql.one(
        f"SELECT count(*), count(refunded_at) FROM money WHERE due_refund_at <= '{sql.now}'"
    )
    cards = seen["S10"].cards
    assert cards["已退保证金"] == wan(amount) and f"{back:,} 笔，按退还日" in seen["S10"].text
    assert cards["退付完成率"] == per_cent(returned, due)


def test_f21_opinions_answered(seen: dict[str, Seen], sql: Sql) -> None:
    received, answered = sql.one("SELECT count(*), count(answered_at) FROM opinion")
    cards = seen["S10"].cards
    assert cards["社会监督意见"] == f"{received}条" and cards["意见办结率"] == per_cent(answered, received)
