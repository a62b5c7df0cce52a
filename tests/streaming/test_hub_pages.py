"""The pages as they come from the hub, before any script has run."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest

from records.clock import now
from records.public import rows as public
from tests.reading import read
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until

PATHS = ("/", "/?view=schedule", "/?view=replay", "/room/hz-01", "/room/hz-02", "/opening/O1", "/project/P-O1",
         "/market", "/verify", "/publish/hz-01", "/none")  # fmt: skip

DEFAULT_SHOWN = (
    "地址中有不可用的条件，已按默认显示：",
    "The address asks for what there is not; the default is shown:",
)


@pytest.fixture
def told(rig: Rig) -> Rig:
    market.opening(rig.ledger, title="示例<script>alert(1)</script>")
    market.begin(rig.ledger)
    market.read(rig.ledger, "O1", 1)
    until(lambda: "2,764.80" in rig.get("/room/hz-01").text, True)
    return rig


def visible(html: str) -> str:
    """Text a reader sees; what is to be typed or compared letter by letter stands in <code>."""
    return re.sub(r"<[^>]+>", " ", re.sub(r"<head>.*?</head>|<code>.*?</code>", "", html, flags=re.S))


def in_vain(html: str) -> list[str]:
    """What a page says of an address that asks for what there is not."""
    return [one for one in read(html).announced() if one.startswith(DEFAULT_SHOWN)]


def test_nothing_is_inline_and_nothing_comes_from_outside(told: Rig) -> None:
    for path in PATHS:
        html = told.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html), path
        assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", html), path
        assert "<script>alert" not in html


def test_chinese_pages_have_no_english_leftovers(told: Rig) -> None:
    known = {"sunbid", "opening", "payload", "type", "seq", "verify", "script", "alert", "JSON", "SHA", "UTF"}
    known |= {"zip", "Python", "cryptography"}  # what the offline check needs, by name
    for path in PATHS:
        text = re.sub(r"[0-9a-f]{32,}", "", visible(told.get(path).text))
        assert set(re.findall(r"[A-Za-z]{3,}", text)) <= known, path


def test_every_page_comes_in_english_too(told: Rig) -> None:
    for path in PATHS:
        html = told.get(path + ("&" if "?" in path else "?") + "lang=en").text
        page = read(html)
        [home] = {where for name, where in page.links if name.startswith("Open Bid Opening")}
        assert page.lang == "en" and "lang=en" in home, path


@pytest.mark.parametrize(
    ("query", "headers", "lang"),
    [
        ("", {}, "zh-CN"), ("", {"accept-language": "en-GB, zh;q=0.5"}, "en"), ("?lang=zh", {"accept-language": "en"}, "zh-CN"),
        ("", {"accept-language": "en", "cookie": "sunbid_lang=zh"}, "zh-CN"), ("?lang=en", {"cookie": "sunbid_lang=zh"}, "en"),
        ("?lang=xx", {"accept-language": "en"}, "en"),
    ],
)  # fmt: skip
def test_an_error_page_speaks_the_readers_language(
    rig: Rig, query: str, headers: dict[str, str], lang: str
) -> None:
    more = f"{query}&x=%00" if query else "?x=%00"
    for path, status in ((f"/none{query}", 404), (f"/{more}", 400)):
        answer = rig.get(path, **headers)
        assert answer.status_code == status and read(answer.text).lang == lang, path
        assert "accept-language" in answer.headers["vary"]
        assert "lang=zh" in answer.text and "lang=en" in answer.text, "either language can be had from here"


def test_unread_rows_never_carry_a_price(told: Rig) -> None:
    rows = read(told.get("/room/hz-01").text).rows
    assert [row[2].split()[0] for row in rows] == ["2,764.80", "待唱", "待唱"]


def test_hall_lists_today_tomorrow_and_what_is_over(rig: Rig) -> None:
    today = now()
    market.opening(rig.ledger, "A", title="今日项目", at=today)
    market.opening(rig.ledger, "B", title="明日项目", at=today + timedelta(days=1), room="hz-02")
    market.opening(rig.ledger, "C", title="昨日项目", at=today - timedelta(days=1), room="hz-02")
    market.begin(rig.ledger, "C")
    market.finish(rig.ledger, "C")
    until(lambda: "昨日项目" in rig.get("/?view=replay").text, True)
    time.sleep(1.1)  # a rendered hall is kept for the second it was made in
    lists = [one for one in read(rig.get("/").text).all("section") if "aria-labelledby" in one.attributes]
    assert ["今日项目" in part.text for part in lists] == [True, False, False]
    assert ["明日项目" in part.text for part in lists] == [False, True, False]
    assert ["昨日项目" in part.text for part in lists] == [False, False, True]
    assert "/opening/C" in lists[2].targets


def test_filters_narrow_the_lists(rig: Rig) -> None:
    market.opening(rig.ledger, "A", title="示例学校")
    market.opening(rig.ledger, "B", title="示例医院", room="hz-02", family="procurement")
    until(lambda: "示例医院" in rig.get("/?view=schedule").text, True)
    assert "示例学校" not in visible(rig.get("/?family=procurement").text)
    assert "示例医院" not in visible(rig.get("/?q=学校").text)
    assert "没有符合条件" in rig.get("/?q=无此项目").text


@pytest.mark.parametrize(
    "asked",
    [
        "view=schedule&day=2024-99-99",
        "view=calendar",
        "family=zzz",
        "centre=nope",
        "page=-1",
        "page=99999999999999999999",
        "state=lost",
        "tiles=5",
        "view=replay&page=two",
        "key=yes",
        "wall=7",
        "page=0",
        "view=replay&page=3",
        "day=2026-11-20",
        "page=-3&page=99999",
    ],
)
def test_a_page_says_what_its_address_asks_for_in_vain(rig: Rig, asked: str) -> None:
    wrong = asked.rpartition("&")[2].removesuffix("=7")
    for lang in ("zh", "en"):
        page = rig.get(f"/?{asked}&lang={lang}")
        assert page.status_code == 200 and wrong in visible(page.text)
    assert "page 写了不止一次" in in_vain(rig.get("/?page=2&page=1").text)[0]
    for path in ("/market", "/verify"):
        page = rig.get(f"{path}?lang=xx")
        assert page.status_code == 200, path
        assert ["lang=xx" in one for one in in_vain(page.text)] == [True], path
    for ordinary in (
        "view=schedule&day=2024-02-29&family=works&tiles=9",
        "view=replay&page=1",
        "utm_source=x&from=timeline&q=",
    ):
        assert in_vain(rig.get(f"/?{ordinary}").text) == [], ordinary


@pytest.mark.parametrize(
    "asked",
    [
        "/market?period=2020",
        "/opening/O1?page=9",
        "/room/hz-01?embed=yes",
        "/project/P-O1?report=O9",
        "/verify?code=O1",
        "/publish/hz-01?key=x",
    ],
)
def test_every_page_says_what_its_address_asks_for_in_vain(told: Rig, asked: str) -> None:
    wrong = asked.rpartition("?")[2].partition("=")[0]
    for lang in ("zh", "en"):
        page = told.get(f"{asked}&lang={lang}").text
        assert [wrong in one for one in in_vain(page)] == [True]
    ordinary = (
        asked.replace("yes", "1").replace("O9", "O1")
        if "embed" in asked or "report" in asked
        else asked.partition("?")[0]
    )
    assert in_vain(told.get(ordinary).text) == []


def test_project_page_gathers_what_is_public(told: Rig) -> None:
    with told.ledger.write() as session:
        lot = {"id": "L-O1", "project": "P-O1", "title": "一标段", "secret": "内部"}
        public.publish(session, "lot", "L-O1", lot)
        award = {"lot": "L-O1", "project": "P-O1", "winner": "示例建设第1公司", "price": "27648000.00"}
        public.publish(session, "award", "L-O1", award, visible_from=now() + timedelta(hours=1))
    text = told.get("/project/P-O1").text
    assert "一标段" in text
    assert "内部" not in text, "fields without a public name stay out"
    assert "中标人" not in text, "the award is not public yet"
    assert told.get("/project/none").status_code == 404


def test_market_says_plainly_when_there_is_nothing(rig: Rig) -> None:
    assert "尚无公开的统计数据" in rig.get("/market").text


def test_files_of_the_pages_may_be_kept(rig: Rig) -> None:
    path = re.search(r'href="(/static/[^"]+site.css)"', rig.get("/").text)[1]  # type: ignore[index]
    assert "immutable" in rig.get(path).headers["cache-control"]
    assert rig.get("/static/old/site.css").headers["cache-control"] == "no-cache"
    assert rig.get("/static/x/nothing.js").status_code == 404


def test_market_shows_what_the_watch_published(rig: Rig) -> None:
    share = {"value": 0.3415, "text": "34.15 %", "numerator": 683, "denominator": 2000, "unknown": 3}
    figures = {"openings": 12, "participations": 2000, "firms": 640, "outside": share}
    series = [{"month": f"2026-{m:02}", **share} for m in range(1, 12)]
    payload = {"month": "2026-11", **figures, "rolling12": figures, "series": series, "demo": True}
    with rig.ledger.write() as session:
        public.publish(session, "market", "overview", {**payload, "as_of": "2026-11-19T14:30:05+08:00"})
    text = rig.get("/market").text
    for shown in (
        "34.15",
        "683 / 2,000 家次",
        "2,000",
        "640",
        "演示数据",
        "2026-11",
        "截至 2026-11-19 14:30",
        "polyline",
    ):
        assert shown in text
    assert "Outside participation" in rig.get("/market?lang=en").text


def test_market_names_its_home_and_draws_a_reference_only_where_one_is_told(rig: Rig) -> None:
    share = {"value": 0.25, "text": "25.00%", "numerator": 1, "denominator": 4, "unknown": 2}
    figures = {"openings": 1, "participations": 6, "firms": 6, "outside": share}
    payload = {
        "month": "2026-11", "home": "3702", "home_name": ["青岛（3702）", "Qingdao (3702)"], **figures,
        "rolling12": figures, "all": {**figures, "first": "2026-10", "last": "2026-11", "undated": 0},
        "series": [{"month": f"2026-{m:02}", **share} for m in (10, 11)], "reference": None, "demo": False,
    }  # fmt: skip
    with rig.ledger.write() as session:
        public.publish(session, "market", "overview", {**payload, "as_of": "2026-11-19T14:30:05+08:00"})
    text = rig.get("/market").text
    assert "注册地在青岛（3702）以外" in text and "另有 2 家次注册地不明" in text
    assert "34.15" not in text and "杭州" not in text and not re.search(r"\d{4} 年 [\d.]+ %", text)
    told = {**payload, "reference": {"share": 31.5, "year": 2024}, "as_of": "2026-11-19T14:31:05+08:00"}
    with rig.ledger.write() as session:
        public.publish(session, "market", "overview", told)
    assert "2024 年 31.50 %" in rig.get("/market").text


def test_market_reaches_the_data_there_are(rig: Rig) -> None:
    none = {"value": None, "text": "—", "numerator": 0, "denominator": 0, "unknown": 0}
    empty = {"openings": 0, "participations": 0, "firms": 0, "outside": none}
    held = {"openings": 1561, "participations": 5968, "firms": 265, "outside": {**none, "unknown": 5968}}
    payload = {
        "month": "2026-11", "home": "", "home_name": ["", ""], **empty, "rolling12": empty,
        "all": {**held, "first": "2007-05", "last": "2015-01", "undated": 0}, "series": [], "demo": False,
    }  # fmt: skip
    with rig.ledger.write() as session:
        public.publish(session, "market", "overview", {**payload, "as_of": "2026-11-19T14:30:05+08:00"})
    text = rig.get("/market").text
    assert "2007-05 至 2015-01" in text and "5,968" in text and "未设置本地" in text
    assert "2007-05 to 2015-01" in rig.get("/market?lang=en").text


def test_a_phone_reads_the_time_for_the_works_below_the_price(told: Rig) -> None:
    """The column is not there on a narrow screen: the same figure stands in small print in the price's cell."""

    def shows(path: str, said: str) -> bool:
        html = told.get(path).text
        return '<td class="num d">490</td>' in html and f'<small class="dd">{said}</small></td>' in html

    assert shows("/room/hz-01", "工期 490 天") and shows("/room/hz-01?lang=en", "490 days")
    for number in (2, 3):
        market.read(told.ledger, "O1", number)
    market.event(told.ledger, "O1", "record_confirmed", rows=3)
    market.event(told.ledger, "O1", "ended", result="opened")
    until(lambda: shows("/opening/O1", "工期 490 天"), True)
