"""Every figure of the screens that count over a period, against plain SQL over the ledger's tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from math import floor
from pathlib import Path
from statistics import median

import pytest
from sqlalchemy import select

from dashboard import context
from dashboard.config import DeskConfig
from dashboard.screens import BY_ID
from records.clock import BEIJING
from records.tables.projects import Lot, counted
from records.tables.supervision import Warning
from supervision.home import CertificateRegion
from tests.dashboard.market_and_sql import market, sql
from tests.dashboard.screens import plots, run, text
from tests.dashboard.seeded import TODAY, Asked, Sql, working_rooms
from tests.places import HANGZHOU, PUBLISHED
from tests.reading import Element, read

__all__ = ["market", "sql"]

YEAR_AGO = date(TODAY.year - 1, TODAY.month, TODAY.day) + timedelta(days=1)
PERIODS = {
    "september": ({"period": "2026-09"}, "2026-09-01", "2026-09-30"),
    "rolling12": ({}, str(YEAR_AGO), str(TODAY)),
    "year": ({"period": "2025"}, "2025-01-01", "2025-12-31"),
    "all": ({"period": "all"}, "0001-01-01", "9999-12-31"),
}
NARROWED = {"centre": "330106", "family": "procurement", "category": "施工"}
ASKED = {name: Asked(address, first, last) for name, (address, first, last) in PERIODS.items()} | {
    f"rolling12-{column}": Asked({column: value}, str(YEAR_AGO), str(TODAY))
    for column, value in NARROWED.items()
}
ROLLING = ASKED["rolling12"]


@pytest.fixture
def desk(market: Path) -> Iterator[DeskConfig]:
    config = DeskConfig(f"sqlite:///{market}/ledger.db", market, home=HANGZHOU, reference=PUBLISHED)
    context.configure(config)
    yield config
    context.identify_by(None)
    context.ledger().close()


# ── what a screen says ───────────────────────────────────────────────────────


def cards(page: Element) -> Iterator[tuple[str, str, str]]:
    """(name, value with its unit, line below) of each card."""
    for card in page.all("section"):
        if "kpi" in card.attributes.get("class", "").split():
            value, line = card.all("strong")[0], card.all("p")[0]
            yield (
                card.all("span")[0].own,
                value.own + "".join(unit.text for unit in value.all("small")),
                line.text,
            )


def plain(markup: str) -> str:
    return read(markup).text


class Shown:
    """One screen: its cards by name, its bars and columns by the card's heading."""

    def __init__(self, code: str, address: dict[str, str]) -> None:
        screen = run("supervisor", BY_ID[code], **address)
        self.markup, self.plots = text(screen), plots(screen)
        self.page = read(self.markup)
        self.values = {name: value for name, value, _ in cards(self.page)}
        self.lines = {name: line for name, _, line in cards(self.page)}
        self.buttons = " ".join(button.label for button in screen.button)

    def section(self, heading: str) -> str:
        """What follows the heading, up to the next."""
        after = self.markup.split(f"<h2>{heading}</h2>", 1)[1]
        return after.split("<h2>", 1)[0]

    def section_with(self, words: str) -> str:
        """The section whose heading begins with the words."""
        return next(s for s in self.markup.split("<section") if f"<h2>{words}" in s)

    def bars(self, heading: str) -> list[tuple[str, str, str]]:
        return [(row["name"], row["figure"], row["note"]) for row in self.plots[heading].rows]

    def columns(self, heading: str) -> dict[str, int]:
        return {row["name"]: int(row["figure"].replace(",", "")) for row in self.plots[heading].rows}


# ── how a number is written ──────────────────────────────────────────────────


def half_up(value: Decimal | float, places: int = 2) -> str:
    number = Decimal(repr(value)) if isinstance(value, float) else value
    return f"{number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,}"


def per_cent(part: int | Decimal, whole: int | Decimal) -> str:
    return half_up(Decimal(part) * 100 / Decimal(whole)) + "%" if whole else "—"


def wan(ten_thousandths: int | Decimal | None, greatest: int | None = None) -> str:
    """An amount in its own unit, or in that of the greatest of its ranking."""
    amount = Decimal(ten_thousandths or 0) / 10_000
    by = amount if greatest is None else Decimal(greatest) / 10_000
    if (by / 10_000).quantize(Decimal("0.01"), ROUND_HALF_UP) < 10_000:
        return half_up(amount / 10_000) + "万元"
    return half_up(amount / 100_000_000) + "亿元"


def quantile(sorted_values: list[int], at: float) -> float:
    place = (len(sorted_values) - 1) * at
    low = floor(place)
    high = min(low + 1, len(sorted_values) - 1)
    return sorted_values[low] + (sorted_values[high] - sorted_values[low]) * (place - low)


OUTSIDE = "substr(place, 1, 4) <> '3301'"
BEYOND = "substr(place, 1, 2) <> '33'"


@pytest.mark.parametrize("name", [name for name in ASKED if name != "rolling12-category"])
def test_overview(desk: DeskConfig, sql: Sql, name: str) -> None:
    asked = ASKED[name]
    shown = Shown("S01", asked.address)
    count, firms, outside = sql.one(
        f"SELECT count(*), count(DISTINCT bidder_id), sum({OUTSIDE}) FROM parts WHERE {asked.lots}"
    )
    assert shown.values["参与家次"] == f"{count:,}家次"
    assert f"企业 {firms:,} 家" in shown.lines["参与家次"]
    assert shown.values["外地企业参与占比"] == per_cent(outside or 0, count)
    lots, amount = sql.one(f"SELECT count(*), sum(price) FROM deals WHERE {asked.lots}")
    assert shown.values["成交金额"] == wan(amount)
    assert f"{lots:,} 个标段" in shown.lines["成交金额"]
    (held,) = sql.one("SELECT count(*) FROM held")
    assert shown.values["数据总量"] == (
        f"{held:,}条" if held < 10_000 else f"{half_up(Decimal(held) / 10_000)}万条"
    )
    expected = {
        name: sql.one(f"SELECT count(*) FROM parts WHERE {asked.lots} AND centre = '{centre}'")[0]
        for centre, name in sql.all("SELECT id, name FROM centre")
        if asked.address.get("centre", centre) == centre
    }
    columns = shown.columns("各中心参与家次")
    assert columns == {name: expected[name] for name in columns} and len(columns) == min(len(expected), 14)
    rest = sum(expected.values()) - sum(columns.values())
    if len(expected) > len(columns):
        assert f"另 {len(expected) - len(columns)} 个中心共 {rest:,}" in shown.markup
    assert min(columns.values()) >= max((n for name, n in expected.items() if name not in columns), default=0)
    levels = sql.all(
        "SELECT level, count(*) FROM warning WHERE state IN ('new', 'accepted', 'assigned')"
        + (f" AND centre_id = '{asked.address['centre']}'" if "centre" in asked.address else "")
        + " GROUP BY 1"
    )
    told = [one.text for one in read(shown.section("未处置预警")).all("b")]
    assert [int(n.replace(",", "")) for n in told if n[:1].isdigit()] == [
        dict(levels).get(level, 0) for level in ("red", "orange", "yellow")
    ]


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
@pytest.mark.parametrize(("view", "away"), [("city", OUTSIDE), ("province", BEYOND)])
def test_openness(desk: DeskConfig, sql: Sql, asked: Asked, view: str, away: str) -> None:
    shown = Shown("S02", {**asked.address, "home": view})
    count, outside, ca = sql.one(
        f"SELECT count(*), coalesce(sum({away}), 0), coalesce(sum(ca <> '33'), 0) FROM parts WHERE {asked.lots}"
    )
    assert shown.values["外地企业参与占比"] == per_cent(outside, count)
    assert f"{outside:,} / {count:,} 家次" in shown.lines["外地企业参与占比"]
    assert shown.values["互认证书参与占比"] == per_cent(ca, count)
    won, all_won = sql.one(f"SELECT coalesce(sum({away}), 0), count(*) FROM deals WHERE {asked.lots}")
    assert shown.values["外地企业中标占比"] == per_cent(won, all_won)
    assert f"{won} / {all_won} 个标段" in shown.lines["外地企业中标占比"]
    if count and all_won:
        gap = Decimal(outside) / count - Decimal(won) / all_won
        assert shown.values["开放落差"] == half_up(gap * 100).replace("-", "−") + "个百分点"
    origins = sql.all(
        f"SELECT substr(place, 1, 2), count(*) FROM parts WHERE {asked.lots} AND {away} GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    assert shown.values["来源省份"] == f"{len(origins)}个"
    if outside:
        together = sum((Decimal(n) / outside) ** 2 for _, n in origins)
        assert f"来源集中度 {half_up(Decimal(together))}" in shown.lines["来源省份"]
        bars = shown.bars("外地企业从哪里来")
        assert [int(n) for *_, n in bars][:8] == [n for _, n in origins][:8]
        names = [name for name, *_ in bars]
        assert "浙江" not in names and ("浙江他市" in names) == (view == "city" and "33" in dict(origins))
    (lots,) = sql.one(f"SELECT count(*) FROM over WHERE {asked.lots} AND result = 'opened'")
    assert f"{lots:,} 个；仅统计已开标标段" in shown.markup


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
@pytest.mark.parametrize(("view", "away"), [("city", OUTSIDE), ("province", BEYOND)])
def test_the_map_of_origins(desk: DeskConfig, sql: Sql, asked: Asked, view: str, away: str) -> None:
    told = dict(
        sql.all(f"SELECT substr(place, 1, 2), count(*) FROM parts WHERE {asked.lots} AND {away} GROUP BY 1")
    )
    shown = Shown("S02", {**asked.address, "home": view, "origins": "map"})
    if not told:
        assert "外地企业从哪里来" not in shown.plots
        return
    places = {r["id"]: r for r in shown.plots["外地企业从哪里来"].rows if r["kind"] == "place"}
    assert {
        code: int(r["key"] and r["figure"].split()[0].replace(",", ""))
        for code, r in places.items()
        if r["key"]
    } == told
    assert len(places) == 34


def test_the_map_of_a_province_has_its_cities_and_below_are_their_lots(desk: DeskConfig, sql: Sql) -> None:
    shown = Shown("S02", {"period": "all", "origins": "map", "pick": "province:33"})
    told = dict(
        sql.all(
            f"SELECT substr(place, 1, 4), count(*) FROM parts WHERE {OUTSIDE} AND place LIKE '33%' GROUP BY 1"
        )
    )
    places = {r["id"]: r for r in shown.plots["外地企业从哪里来 浙江"].rows if r["kind"] == "place"}
    assert {
        code: int(r["figure"].split()[0].replace(",", "")) for code, r in places.items() if r["key"]
    } == told
    city, _ = next(iter(told.items()))
    (lots,) = sql.one(f"SELECT count(DISTINCT id) FROM parts WHERE place LIKE '{city}%'")
    narrowed = Shown("S02", {"period": "all", "origins": "map", "pick": f"city:{city}"})
    assert f"{lots:,} 个；仅统计已开标标段" in narrowed.markup
    chosen = [
        r["id"] for r in narrowed.plots["外地企业从哪里来 浙江"].rows if r["kind"] == "place" and r["n"]
    ]
    assert chosen == [city]


def test_regions_that_recognise_certificates_say_their_state(market: Path, sql: Sql) -> None:
    listed = (
        CertificateRegion("37", "recognised"),
        CertificateRegion("50", "pilot"),
        CertificateRegion("51", "suspended"),
    )
    context.configure(DeskConfig(f"sqlite:///{market}/ledger.db", market, home=HANGZHOU, certificates=listed))
    strip = Shown("S02", {"period": "all"}).section_with("数字证书互认 3 省市")
    told = {
        plain(m[1]): int(m[2].replace(",", "")) for m in re.finditer(r"</svg>([^<]*)<b>([\d,]+)</b>", strip)
    }
    counted = {
        code: sql.one(f"SELECT count(*) FROM parts WHERE ca = '{code}'")[0] for code in ("37", "50", "51")
    }
    assert told == {"山东": counted["37"], "重庆试点": counted["50"], "四川中断": counted["51"]}
    context.identify_by(None)
    context.ledger().close()


def test_firms_are_counted_once_each(desk: DeskConfig, sql: Sql) -> None:
    shown = Shown("S02", {"unit": "firms"})
    firms, outside = sql.one(
        f"SELECT count(DISTINCT bidder_id), count(DISTINCT CASE WHEN {OUTSIDE} THEN bidder_id END)"
        f" FROM parts WHERE {ROLLING.lots}"
    )
    assert f"{outside} / {firms} 家" in shown.lines["外地企业参与占比"]


CLASSES = (("0–2", 0, 2), ("3–5", 3, 5), ("6–10", 6, 10), ("11–20", 11, 20), ("21–50", 21, 50),
           ("51–100", 51, 100), ("101–300", 101, 300))  # fmt: skip


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
def test_competition(desk: DeskConfig, sql: Sql, asked: Asked) -> None:
    shown = Shown("S03", asked.address)
    reached = [n for (n,) in sql.all(f"SELECT n FROM reached WHERE {asked.lots}")]
    opened = sorted(n for (n,) in sql.all(f"SELECT n FROM reached WHERE {asked.lots} AND result = 'opened'"))
    assert shown.values["每标段投标人中位数"] == half_up(median(opened) * 1.0, 0) + "家"
    low, high = (half_up(quantile(opened, p) * 1.0, 0) for p in (0.1, 0.9))
    assert f"P10–P90：{low}–{high}" in shown.lines["每标段投标人中位数"]
    assert shown.values["每标段投标人均值"] == half_up(Decimal(sum(opened)) / len(opened)) + "家"
    assert shown.values["流标率"] == per_cent(sum(n < 3 for n in reached), len(reached))
    columns = shown.columns("每个标段有几家来投")
    assert {name: columns[name] for name, *_ in CLASSES} == {
        name: sum(low <= n <= high for n in reached) for name, low, high in CLASSES
    }
    basis = f"共 {len(reached):,} 个，其中未开标（流标等）{len(reached) - len(opened):,} 个"
    assert basis in shown.section("每个标段有几家来投")
    winners = sql.all(
        f"SELECT winner, sum(price), count(*) FROM deals WHERE {asked.lots} GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    whole = sum(amount for _, amount, _ in winners)
    shares = [Decimal(amount) / whole for _, amount, _ in winners]
    hhi = sum((s * s for s in shares), Decimal(0)) * 10_000
    assert shown.values["集中度指数 HHI"] == half_up(hhi, 0)
    level = "低（1500 以下）" if hhi < 1500 else "中（1500–2500）" if hhi <= 2500 else "高（2500 以上）"
    assert f" {level}" in shown.lines["集中度指数 HHI"]
    assert "仅供参考" in shown.lines["集中度指数 HHI"]
    assert shown.values["前四家份额 CR4"] == half_up(sum(shares[:4], Decimal(0)) * 100) + "%"
    most = winners[0][1]
    assert [(a, int(n)) for _, a, n in shown.bars("谁中标最多")] == [
        (wan(a, most), n) for _, a, n in winners[:8]
    ]


def fact(shown: Shown, name: str) -> str:
    """A figure of a line within a panel: its value with its unit."""
    listed = shown.page.all("dt", "dd")
    said = next(after for term, after in pairwise(listed) if term.tag == "dt" and term.own == name)
    value = said.own or said.all("a")[0].own
    return value + "".join(unit.text for unit in said.all("small")[:1])


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
def test_valid_and_rejected_bids(desk: DeskConfig, sql: Sql, asked: Asked) -> None:
    shown = Shown("S03", asked.address)
    lots = sql.all(
        "SELECT sum(bid_status = 'valid'), sum(bid_status IN ('valid', 'disqualified')) seen, sum(bid_status = 'disqualified')"
        f" FROM parts WHERE {asked.lots} GROUP BY id HAVING seen > 0"
    )
    assert fact(shown, "单一有效投标率") == per_cent(sum(valid == 1 for valid, *_ in lots), len(lots))
    assert fact(shown, "否决率") == per_cent(sum(n for *_, n in lots), sum(seen for _, seen, _ in lots))


def test_how_concentrated_each_market_is(desk: DeskConfig, sql: Sql) -> None:
    cells = {
        row["key"]: (row["figure"], row["note"])
        for row in Shown("S03", {"period": "all"}).plots["每个行业在每个中心集中不集中"].rows
    }
    wins: dict[str, dict[str, list[int]]] = {}
    for category, centre, winner, price in sql.all("SELECT category, centre, winner, price FROM deals"):
        wins.setdefault(f"{category}/{centre}", {}).setdefault(winner, []).append(price)
    assert cells and set(cells) <= set(wins)
    told = 0
    for cell, (figure, note) in cells.items():
        lots = sum(map(len, wins[cell].values()))
        assert note == f"{lots} 个标段"
        whole = sum(sum(prices) for prices in wins[cell].values())
        hhi = sum((Decimal(sum(prices)) / whole) ** 2 for prices in wins[cell].values()) * 10_000
        assert figure == (half_up(Decimal(hhi), 0) if lots >= 5 else "—"), cell
        told += lots >= 5
    assert told


def test_a_market_that_was_picked_shows_its_lots(desk: DeskConfig, sql: Sql) -> None:
    category, centre, lots = sql.one(
        "SELECT category, centre, count(*) FROM deals GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT 1"
    )
    shown = Shown("S03", {"period": "all", "pick": f"market:{category}/{centre}"})
    assert f"{lots:,} 个；按中标日期计" in shown.markup and f"只看 {category}" in shown.buttons


def test_prices_over_the_control_price(desk: DeskConfig, sql: Sql) -> None:
    plot = Shown("S03", {"period": "all"}).plots["各家报价离控制价多远"]
    strips = {row["key"]: row for row in plot.rows if row["kind"] == "row"}
    newest = [lot for (lot,) in sql.all(
        "SELECT p.id FROM parts p JOIN bid b ON b.lot_id = p.id WHERE p.control > 0 AND b.price > 0"
        " AND p.family NOT IN ('land', 'property') GROUP BY p.id ORDER BY max(p.at) DESC, p.id LIMIT 9")]  # fmt: skip
    assert list(strips) == newest
    for lot in newest[:3]:
        ratios = [Decimal(n) * 100 / control for n, control in sql.all(
            f"SELECT b.price, l.control FROM bid b JOIN lots l ON l.id = b.lot_id WHERE l.id = '{lot}' AND b.price > 0")]  # fmt: skip
        bid = {float(half_up(ratio, 2)) for ratio in ratios}
        assert {row["value"] for row in plot.rows if row["key"] == lot and row["kind"] == "tick"} == bid
        assert strips[lot]["figure"].startswith(f"{len(ratios)} 家报价")


def test_of_records_shorter_than_two_years_nobody_is_called_new(desk: DeskConfig, sql: Sql) -> None:
    first, last = map(date.fromisoformat, sql.one("SELECT min(day), max(day) FROM deals"))
    assert date(last.year - 2, last.month, last.day) < first
    assert "这段时间没有可判断新旧的中标企业：判断一家是否新进，须有此前 24 个月的中标记录。" in Shown(
        "S03", {"period": "all"}
    ).section("新进企业中标率，按月")


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
def test_regions_of_certificates_stand_in_order_of_their_count(desk: DeskConfig, asked: Asked) -> None:
    strip = Shown("S02", asked.address).section_with("数字证书来源")
    counts = [int(one.text.replace(",", "")) for item in read(strip).all("li") for one in item.all("b")]
    assert len(counts) > 5 and counts == sorted(counts, reverse=True)


def test_the_classes_of_hhi_are_meant_for_one_market(desk: DeskConfig) -> None:
    one_market = {"centre": "330106", "category": "施工"}
    line = Shown("S03", one_market).lines["集中度指数 HHI"]
    assert line and "仅供参考" not in line and line.startswith("同比")
    assert all(Shown(*asked).lines[name].startswith("同比") for asked, name in (
        (("S03", one_market), "前四家份额 CR4"), (("S05", one_market), "平均节资率（简单）"),
    ))  # fmt: skip
    month = Shown("S03", {**one_market, "period": "2026-10"}).lines["集中度指数 HHI"]
    assert month == "同比 —" or "仅供参考" in month


def watched(sql: Sql, asked: Asked) -> tuple[str, str, int, int, float]:
    """M22 and M23 from the rows: the class in which the 95th of a hundred lies ends at 0.01 s × 1.05ⁿ."""
    rows = sql.all(
        "SELECT v.first_frames, v.delays, v.viewers, v.peak, v.seconds FROM lots o JOIN viewing v ON v.opening_id = o.opening"
        f" WHERE o.state IN ('in_progress', 'paused', 'ended', 'sealed') AND {asked.lots}"
    )
    told = []
    for place in (0, 1):
        spans = sorted(
            int(n) for row in rows for n, times in json.loads(row[place]).items() for _ in range(times)
        )
        told.append(half_up(0.01 * 1.05 ** spans[-(-len(spans) * 95 // 100) - 1], 2))
    return told[0], told[1], sum(r[2] for r in rows), max(r[3] for r in rows), sum(r[4] for r in rows)


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
def test_services(desk: DeskConfig, sql: Sql, asked: Asked) -> None:
    shown = Shown("S04", asked.address)
    sessions, seconds, breaks, covered = sql.one(
        "SELECT count(*), coalesce(sum(s.seconds_live), 0), coalesce(sum(s.interruptions), 0),"
        " count(DISTINCT CASE WHEN o.result = 'opened' THEN o.id END) FROM over o"
        f" JOIN broadcast_session s ON s.opening_id = o.opening WHERE {asked.lots} AND s.seconds_live >= 60"
    )
    assert shown.values["直播场次"] == f"{sessions:,}场"
    assert f"直播 {half_up(seconds / 3600, 1)} 小时 中断 {breaks} 次" in shown.lines["直播场次"]
    bids, firms = sql.one(
        f"SELECT count(*), count(DISTINCT bidder_id) FROM parts WHERE {asked.lots}"
        " AND opening IN (SELECT opening_id FROM broadcast_session WHERE seconds_live >= 60)"
    )
    assert f"服务 {bids:,}家次，{firms:,} 家" in shown.lines["直播场次"] and bids > firms
    opened, electronic = sql.one(
        "SELECT count(*), coalesce(sum(flags LIKE '%electronic%'), 0) FROM over"
        f" WHERE {asked.lots} AND result = 'opened'"
    )
    assert shown.values["直播覆盖率"] == per_cent(covered, opened)
    assert fact(shown, "全流程电子化率") == per_cent(electronic, opened)
    shown_seconds, due = sql.one(
        "SELECT coalesce(sum(min(s.seconds_live, unixepoch(s.ended_at) - unixepoch(coalesce(b.started_at, b.scheduled_at)))), 0),"
        " coalesce(sum(unixepoch(s.ended_at) - unixepoch(coalesce(b.started_at, b.scheduled_at))), 0)"
        " FROM over o JOIN opening b ON b.id = o.opening JOIN broadcast_session s ON s.opening_id = b.id"
        f" WHERE {asked.lots}"
    )
    assert shown.values["直播可用率"] == per_cent(shown_seconds, due)
    rooms, registered = working_rooms(sql, asked)
    assert (
        shown.values["直播间数"] == f"{rooms}间"
        and shown.lines["直播间数"] == f"已登记开标室 {registered} 间"
    )
    days = sql.all(
        "SELECT julianday(scheduled_at) - julianday(notice_at), julianday(awarded_at) - julianday(scheduled_at),"
        f" julianday(awarded_at) - julianday(notice_at) FROM deals WHERE {asked.lots}"
    )
    whole = [row[2] for row in days]
    assert fact(shown, "全流程周期") == f"{half_up(round(median(whole), 6), 1)}天"
    first, late, viewers, peak, seconds = watched(sql, asked)
    assert (
        shown.values["首帧时延 P95"] == f"{first}秒"
        and f"端到端 P95 {late} 秒" in shown.lines["首帧时延 P95"]
    )
    assert fact(shown, "观看人次") == f"{viewers:,}人次"
    assert f"峰值 {peak:,} 人 · {half_up(seconds / 3600, 1)} 小时" in shown.markup
    shown_before, called_for = sql.one(
        "SELECT coalesce(sum(EXISTS (SELECT 1 FROM notice n WHERE n.lot_id = called.id AND n.type = 'documents' AND"
        f" n.published_at <= called.notice_at)), 0), count(*) FROM called WHERE {asked.lots}"
    )
    assert fact(shown, "招标文件公示率") == per_cent(shown_before, called_for)
    moments = sql.all(
        "SELECT d.notice_at, d.scheduled_at, a.publicity_from, a.publicity_until, a.awarded_at, (SELECT min(signed_at) FROM"
        " contract c WHERE c.lot_id = d.id) FROM deals d JOIN award a ON a.lot_id = d.id AND a.status = 'awarded'"
        f" WHERE {asked.lots}"
    )
    funnel = re.findall(
        r"<td class='num'>(?:<a [^>]*>)?([\d,]+)(?:</a>)?</td><td>.*?</td><td class='num'><b>([^<]*)</b>",
        shown.markup,
    )
    for place, (lots, told) in enumerate(funnel):
        spans = [
            (datetime.fromisoformat(row[place + 1]) - datetime.fromisoformat(row[place])).total_seconds() / 86_400
            for row in moments if row[place] and row[place + 1]
        ]  # fmt: skip
        assert lots == f"{len(spans):,}", place
        assert told == (half_up(round(median(spans), 6), 1) if spans else "—"), place
    assert len(funnel) == 5
    kept = [(since, until) for _, _, since, until, _, _ in moments if since and until]
    long = sum(datetime.fromisoformat(b) - datetime.fromisoformat(a) >= timedelta(days=3) for a, b in kept)
    assert fact(shown, "公示合规率") == per_cent(long, len(kept))


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
def test_savings(desk: DeskConfig, sql: Sql, asked: Asked) -> None:
    shown = Shown("S05", asked.address)
    lots, amount = sql.one(f"SELECT count(*), sum(price) FROM deals WHERE {asked.lots}")
    assert shown.values["成交金额"] == wan(amount) and f"{lots:,} 个标段" in shown.lines["成交金额"]
    assert not lots or f"{lots:,} 个；按中标日期计" in shown.markup, "the lots below are those of the deals"
    bought = sql.all(
        f"SELECT control, price FROM deals WHERE {asked.lots} AND control > 0"
        " AND family NOT IN ('land', 'property')"
    )
    saved = sum(control - price for control, price in bought)
    assert shown.values["节资率（加权）"] == per_cent(saved, sum(control for control, _ in bought))
    mean = sum((Decimal(control - price) / control for control, price in bought), Decimal(0))
    assert shown.values["平均节资率（简单）"] == per_cent(mean, len(bought))
    keys = sql.all(
        f"SELECT status, count(*) FROM lots WHERE {asked.lots} AND key_flag IS NOT NULL GROUP BY 1"
    )
    assert shown.values["重点项目标段"] == f"{sum(n for _, n in keys)}个"
    if keys:
        told = [int(n.removesuffix(" 个标段")) for _, n, _ in shown.bars("重点项目走到哪一步")]
        assert sorted(told) == sorted(n for _, n in keys)
    small, worth = sql.one(
        f"SELECT count(*), sum(price) FROM deals WHERE {asked.lots} AND flags LIKE '%small_value%'"
    )
    assert shown.values["小额交易"] == f"{small}个" and wan(worth) in shown.lines["小额交易"]
    sectors = sql.all(
        f"SELECT category, sum(price), count(*) FROM deals WHERE {asked.lots} GROUP BY 1 ORDER BY 2 DESC"
    )
    told = [(name, figure, note.split(" · ")[0]) for name, figure, note in shown.bars("成交金额，按行业")]
    assert told == [(c, wan(a, sectors[0][1]), f"{n} 个标段") for c, a, n in sectors]


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
def test_small_value_trading_centre_by_centre(desk: DeskConfig, sql: Sql, asked: Asked) -> None:
    names = dict(sql.all("SELECT id, name FROM centre"))
    rows = sql.all(
        f"SELECT centre, sum(price), count(*) FROM deals WHERE {asked.lots} AND flags LIKE '%small_value%'"
        " GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    shown = Shown("S05", asked.address)
    if not rows:
        assert "所选范围内没有小额交易。" in shown.markup
        return
    small = [id for (id,) in sql.all("SELECT id FROM centre WHERE level = 'small' ORDER BY 1")]
    traded = {centre for centre, *_ in rows}
    rows += [(id, 0, 0) for id in small if id not in traded and asked.address.get("centre", id) == id]
    title, half = f"{len(rows)} 个中心的小额交易", (len(rows) + 1) // 2
    ends = [(1, half), (half + 1, len(rows))] if len(rows) > 12 else []
    told = [bar for a, z in ends for bar in shown.bars(f"{title} {a}–{z}")] or shown.bars(title)
    assert told == [
        (names[centre], wan(worth, rows[0][1]) if n else "—", str(n)) for centre, worth, n in rows
    ]


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
def test_progress_of_key_projects(desk: DeskConfig, sql: Sql, asked: Asked) -> None:
    rows = sql.all(
        "SELECT status, count(*), coalesce(sum(coalesce(at_last, now) > planned), 0),"
        " coalesce(sum(at_last IS NULL AND now <= planned AND julianday(planned) - julianday(now) <= 7), 0),"
        " sum(planned IS NULL)"
        f" FROM (SELECT l.*, o.planned_award_at planned, '{sql.now}' now, (SELECT min(awarded_at) FROM award a"
        " WHERE a.lot_id = l.id AND a.status = 'awarded') at_last FROM lots l JOIN lot o ON o.id = l.id)"
        f" WHERE key_flag IS NOT NULL AND {asked.lots} GROUP BY 1"
    )
    shown = Shown("S05", asked.address)
    if not rows:
        assert "所选范围内没有重点项目。" in shown.markup
        return
    told = {
        row["key"]: tuple(map(int, (row["good"], row["near"], row["late"], row["unplanned"])))
        for row in shown.plots["重点项目走到哪一步"].rows
    }
    assert told == {state: (n - late - near - bare, near, late, bare) for state, n, late, near, bare in rows}


@pytest.mark.parametrize(
    ("band", "least", "most"), [("small", 0, 8), ("middle", 8, 80), ("large", 80, 10_000)]
)
def test_awards_against_control_prices(desk: DeskConfig, sql: Sql, band: str, least: int, most: int) -> None:
    rows = {
        lot: (control / 10**8, price / 10**8)
        for lot, control, price in sql.all(
            f"SELECT id, control, price FROM deals WHERE control >= {least} * 10000000000 AND control < {most} * 10000000000"
            " AND control > 0 AND family NOT IN ('land', 'property')"
        )
    }
    shown = Shown("S05", {"period": "all", "band": band})
    points = (
        [r for r in shown.plots["成交价离控制价多远"].rows if r["kind"] in ("point", "named")] if rows else []
    )
    told = {r["key"]: (pytest.approx(r["x"]), pytest.approx(r["y"])) for r in points}
    assert told == rows if len(rows) <= 300 else set(told) < set(rows)


def test_the_named_key_lots_of_september(desk: DeskConfig) -> None:
    assert Shown("S05", {"period": "2026-09"}).values["重点项目标段"] == "1个"


def test_there_is_trading_of_small_value(sql: Sql) -> None:
    count, mean = sql.one("SELECT count(*), avg(price) / 10000 FROM deals WHERE flags LIKE '%small_value%'")
    assert count >= 3 and 100_000 < mean < 2_000_000


def day_of(moment: str) -> date:
    """The Beijing day of a moment of the ledger, which keeps them in UTC."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).astimezone(BEIJING).date()


def last_day_of(moment: str) -> date:
    """Its day; the Monday after for a Saturday or Sunday."""
    day = day_of(moment)
    return day + timedelta(days=7 - day.weekday() if day.weekday() > 4 else 0)


@pytest.mark.parametrize("name", ["september", "rolling12", "all", "rolling12-centre"])
def test_deposits(desk: DeskConfig, sql: Sql, name: str) -> None:
    asked = ASKED[name]
    shown = Shown("S10", asked.address)
    count, amount = sql.one(f"SELECT count(*), sum(amount) FROM money WHERE {asked.where('back', 'centre')}")
    assert shown.values["已退保证金"] == wan(amount) and f"{count:,} 笔" in shown.lines["已退保证金"]
    fell_due = sql.all(
        "SELECT due_refund_at, refunded_at FROM money"
        f" WHERE due_refund_at <= '{sql.now}' AND {asked.where('due', 'centre')}"
    )
    went = [(last_day_of(last), day_of(at)) for last, at in fell_due if at]
    due, back, timely = len(fell_due), len(went), sum(at <= last for last, at in went)
    surely = day_of(sql.now) - timedelta(days=9)
    overdue = sum(last_day_of(last) < surely for last, at in fell_due if not at)
    assert shown.values["退付完成率"] == per_cent(back, due)
    assert shown.values["退付及时率"] == per_cent(timely, due)
    assert shown.values["逾期未退"] == f"{overdue:,}笔"
    (given,) = sql.one(
        "SELECT sum(amount) FROM money"
        f" WHERE form IN ('guarantee', 'insurance') AND {asked.where('got', 'centre')}"
    )
    assert shown.values["保函替代"] == wan(given)


@pytest.mark.parametrize("centre", [None, "330106"])
def test_ended_openings(desk: DeskConfig, sql: Sql, centre: str | None) -> None:
    shown = Shown("S08", {"centre": centre} if centre else {})
    place = f" AND l.centre_id = '{centre}'" if centre else ""
    (ended,) = sql.one(
        "SELECT count(*) FROM opening o JOIN lot l ON l.id = o.lot_id"
        f" WHERE o.state IN ('ended', 'sealed'){place}"
    )
    assert shown.values["已结束开标"] == f"{ended}场"


RAISED = "date(raised_at, '+8 hours')"
FAMILIES = {
    "S12": "'tenderers', 'agencies'", "S13": "'rings', 'bidders', 'files'", "S14": "'experts'",
}  # fmt: skip


@pytest.mark.parametrize("name", ["september", "rolling12", "rolling12-centre"])
@pytest.mark.parametrize("code", FAMILIES)
def test_warnings_by_level(desk: DeskConfig, sql: Sql, name: str, code: str) -> None:
    asked = ASKED[name]
    shown = Shown(code, asked.address)
    place = f" AND centre_id = '{asked.address['centre']}'" if "centre" in asked.address else ""
    counted = dict(
        sql.all(
            f"SELECT level, count(*) FROM warning WHERE family IN ({FAMILIES[code]})"
            f" AND {asked.where(RAISED)}{place} GROUP BY 1"
        )
    )
    found = [int(value.rstrip("条")) for value in shown.values.values()]
    assert found == [counted.get(level, 0) for level in ("red", "orange", "yellow")]


def test_demo_warnings_are_of_all_three_levels(sql: Sql) -> None:
    found = dict(sql.all("SELECT level, count(*) FROM warning GROUP BY 1"))
    assert found["yellow"] > found["orange"] > 1 and 1 < found["red"] <= found["yellow"]


@pytest.mark.parametrize("name", ["september", "rolling12"])
def test_leads(desk: DeskConfig, sql: Sql, name: str) -> None:
    (raised,) = sql.one(f"SELECT count(*) FROM warning WHERE {ASKED[name].where(RAISED)}")
    assert Shown("S15", ASKED[name].address).values["产生预警"] == f"{raised}条"


def test_warnings_of_rehearsals_are_told_apart_on_every_card(desk: DeskConfig) -> None:
    with context.ledger().write() as session:
        lot = session.scalars(select(Lot.id).where(~counted()).order_by(Lot.id)).first()
        chosen = session.scalars(
            select(Warning)
            .where(Warning.family.in_(("rings", "bidders", "files")))
            .order_by(Warning.raised_at.desc())
        ).first()
        assert lot is not None and chosen is not None
        before, key, chosen.lot_id = chosen.lot_id, chosen.id, lot
    try:
        everything = text(run("supervisor", BY_ID["S15"], period="all"))
        raised = int(Shown("S15", {"period": "all"}).values["产生预警"].rstrip("条"))
        stages = Shown("S15", {"period": "all"}).bars("预警走到哪一步")
        assert stages and raised == sum(int(n) for _, n, _ in stages)
        assert "另有演练 1" in everything
        assert "其中演练 1" in text(run("supervisor", BY_ID["S13"], period="all"))
    finally:
        with context.ledger().write() as session:
            session.get_one(Warning, key).lot_id = before


@pytest.mark.parametrize(("code", "lang"), [("S03", "zh"), ("S05", "zh"), ("S03", "en"), ("S05", "en")])
def test_a_ranking_has_one_unit(desk: DeskConfig, code: str, lang: str) -> None:
    rankings = [
        plot.rows for plot in plots(run("supervisor", BY_ID[code], period="all", lang=lang)).values()
        if plot.rows and plot.rows[0].get("whole")
    ]  # fmt: skip
    units = [
        {re.sub(r"[\d.,]", "", row["figure"]) for row in rows if row["figure"] != "—"} for rows in rankings
    ]
    assert any(u & {"万元", "亿元", "CNY  million", "CNY  billion"} for u in units)
    assert [unit for unit in units if len(unit) != 1] == []


# ── comparisons and months ───────────────────────────────────────────────────


def shifted(months: int) -> Asked:
    """The rolling year as it was some months earlier."""

    def moved(day: date) -> date:
        month = day.month - 1 - months
        return date(day.year + month // 12, month % 12 + 1, day.day)

    return Asked({}, str(moved(YEAR_AGO)), str(moved(TODAY)))


@pytest.mark.parametrize(("compare", "months"), [("yoy", 12), ("mom", 1)])
def test_a_rolling_year_beside_that_of_a_year_or_a_month_before(
    desk: DeskConfig, sql: Sql, compare: str, months: int
) -> None:
    now, then = (
        sql.one(f"SELECT count(*) FROM parts WHERE {asked.lots}")[0] for asked in (ROLLING, shifted(months))
    )
    line = Shown("S01", {"compare": compare}).lines["参与家次"]
    grown = half_up((Decimal(now) / then - 1).copy_abs() * 100)
    assert grown in line and ("▲" if now > then else "▼") in line


def test_each_month_of_the_year(desk: DeskConfig, sql: Sql) -> None:
    told = Shown("S01", {}).plots["参与家次，按月"].points()
    counted = dict(sql.all("SELECT substr(day, 1, 7), count(*) FROM parts GROUP BY 1"))
    assert len(told) == 12
    assert {m: int(n.replace(",", "")) for m, n in told.items()} == {m: counted.get(m, 0) for m in told}


def test_an_opening_on_air_is_in_no_statistic(desk: DeskConfig, sql: Sql) -> None:
    (bids,) = sql.one(
        "SELECT count(*) FROM bid b JOIN lot l ON l.id = b.lot_id WHERE l.flags LIKE '%rehearsal%'"
    )
    (ended,) = sql.one("SELECT count(*) FROM op WHERE id LIKE '%-L%' AND state = 'ended'")
    assert bids == 280 and ended == 1
    (real,) = sql.one(f"SELECT count(*) FROM parts WHERE day = '{TODAY}'")
    assert Shown("S01", {"period": "day"}).values["参与家次"] == f"{real}家次"
