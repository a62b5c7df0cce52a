"""Whatever its day: an opening is found by number, name or the initials of its pinyin, and any day can be turned to."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from urllib.parse import quote

import pytest

from records.clock import BEIJING, now, today
from tests.ledgers import new_ledger
from tests.reading import read
from tests.streaming import history
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until

OLD = datetime(2021, 3, 9, 10, 0, tzinfo=BEIJING)


def found(rig: Rig, query: str, rest: str = "") -> list[str]:
    """Openings in the lists of the page, in order."""
    lists = [
        one
        for one in read(rig.get(f"/?q={quote(query)}{rest}").text).all("section")
        if "aria-labelledby" in one.attributes
    ]
    leads = [re.fullmatch(r"/(?:opening|room)/([^?#]+).*", where) for part in lists for where in part.targets]
    return [one[1] for one in leads if one]


def known(rig: Rig, query: str, *keys: str) -> None:
    until(lambda: set(found(rig, query)), set(keys), seconds=10)


def remember(rig: Rig) -> Rig:
    """Three openings of years ago, known to the hub."""
    history.send(
        rig.ledger, *history.lot(OLD), *history.lot(OLD + timedelta(days=700), "H2", name="重庆长江大桥维护"),
        *history.lot(OLD + timedelta(days=1500), "H3", name="南湖医院修缮（ＡＢＣ）"),
    )  # fmt: skip
    known(rig, "KB-H3", "KB-H3")
    return rig


@pytest.fixture
def past(rig: Rig) -> Rig:
    """A hub with a past, for a test that adds to it."""
    return remember(rig)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A hub with a past, which is only asked."""
    folder = tmp_path_factory.mktemp("archive")
    ledger = new_ledger(folder / "ledger.db")
    with market.running(ledger, folder / "data") as rig:
        yield remember(rig)
    ledger.close()


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A hub without openings, which is only asked."""
    folder = tmp_path_factory.mktemp("bare")
    ledger = new_ledger(folder / "ledger.db")
    with market.running(ledger, folder / "data") as rig:
        yield rig
    ledger.close()


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("KB-H1", ["KB-H1"]),
        ("kb-h1", ["KB-H1"]),
        ("BD-H2", ["KB-H2"]),
        ("XM-H3", ["KB-H3"]),
        ("城北片区", ["KB-H1"]),
        ("示例城北开发中心", ["KB-H3", "KB-H2", "KB-H1"]),
        ("cbpq", ["KB-H1"]),
        ("CBPQXX", ["KB-H1"]),
        ("ｃｂｐｑ", ["KB-H1"]),
        ("cqcj", ["KB-H2"]),
        ("zqcj", ["KB-H2"]),
        ("长江dq", ["KB-H2"]),
        ("nhyy", ["KB-H3"]),
        ("abc", ["KB-H3"]),
        ("医院 nh", ["KB-H3"]),
        ("医院 城北开发 BD", ["KB-H3"]),
        ("医院 城北片区", []),
        ("qqqq", []),
        ("%", []),
        ("_", []),
        (".*", []),
        ("[", []),
        ("\\", []),
    ],
)
def test_search_looks_through_all_days(archive: Rig, query: str, keys: list[str]) -> None:
    assert found(archive, query) == keys
    assert found(archive, query, "&view=replay") == keys


def test_a_new_opening_and_a_new_name_are_found_at_once(past: Rig) -> None:
    assert found(past, "测试桥") == []
    market.opening(past.ledger, "N1", at=now() + timedelta(days=300), title="测试桥梁")
    known(past, "csql", "N1")
    history.send(
        past.ledger, *(r for r in history.lot(OLD, version=2, name="改名大道") if r["kind"] == "lot")
    )
    known(past, "gmdd", "KB-H1")


def test_a_project_without_an_opening_is_found_too(past: Rig) -> None:
    history.send(
        past.ledger,
        *history.lot(now() + timedelta(days=20), "P9", name="尚未开标的隧道", ended=False, prices=()),
    )
    until(lambda: "/project/XM-P9" in past.get("/?q=swkb").text, True)
    assert "/project/XM-P9" in past.get("/?q=XM-P9&lang=en").text


def test_long_results_come_in_pages(rig: Rig) -> None:
    for number in range(45):
        market.opening(
            rig.ledger, f"Z{number:02}", at=now() - timedelta(days=100 + number), title=f"连片改造{number:02}"
        )
    until(lambda: "找到 45 场" in rig.get("/?q=lpgz").text, True)
    pages = [found(rig, "lpgz", f"&page={n}") for n in (1, 2, 3)]
    assert [len(page) for page in pages] == [20, 20, 5]
    assert sorted(key for page in pages for key in page) == [f"Z{n:02}" for n in range(45)]
    assert found(rig, "lpgz", "&page=99") == pages[2], "beyond the end is the last page"
    text = rig.get("/?q=lpgz&page=2&lang=en").text
    assert 'rel="next"' in text and 'rel="prev"' in text and "45 found" in text


def test_all_that_is_over_can_be_paged_through(rig: Rig) -> None:
    history.send(
        rig.ledger,
        *(r for n in range(25) for r in history.lot(OLD + timedelta(days=40 * n), f"R{n:02}", prices=())),
    )
    until(lambda: "找到 25 场" in rig.get("/?view=replay").text, True)
    first, second = (found(rig, "", f"&view=replay&page={n}") for n in (1, 2))
    assert [*first, *second] == [f"KB-R{n:02}" for n in reversed(range(25))]
    assert found(rig, "", "&view=replay&family=land") == []


def test_the_schedule_turns_to_any_day_there_is(past: Rig) -> None:
    ahead = now() + timedelta(days=200)
    market.opening(past.ledger, "FAR", at=ahead, title="远期项目")
    day = ahead.astimezone(BEIJING).date()
    until(lambda: "远期项目" in past.get(f"/?view=schedule&day={day}").text, True)
    page = read(past.get("/?view=schedule&day=2021-03-09").text)
    assert "/opening/KB-H1" in page.targets
    for year in (2021, 2023, 2025, today().year):
        assert [f"day={year}-" in where for name, where in page.links if name == str(year)] == [True], year
    for day_of in ("2021-12-01", "2021-03-31"):
        assert any(f"day={day_of}" in where for where in page.targets), (
            "months of the year, days of the month"
        )
    other = read(past.get("/?view=schedule&day=2021-03-20").text)
    assert "这一天没有开标" in other.text
    for around in ("2021-03-09", "2023-02-07"):
        assert any(f"day={around}" in where for where in other.targets), "the days with openings around it"


def test_following_the_calendars_own_links_reaches_an_old_opening(archive: Rig) -> None:
    """As a reader goes: the schedule, the year, the month, the day."""
    here = "/?view=schedule"
    for called in ("2021", "2021年3月 1 场开标", "3月9日 星期二 1 场开标"):
        [here] = [where for name, where in read(archive.get(here).text).links if name == called]
    assert "/opening/KB-H1" in read(archive.get(here).text).targets


@pytest.mark.parametrize(
    "query",
    ["day=0001-01-01", "day=9999-12-31", "day=2021-02-30", "day=x", "page=-1", "page=0", "page=٣", "page=" + "9" * 400,
     "page=1.5", "q=" + "a" * 5000, "q=%00", "q=" + quote("\u202e重"), "day=2024-02-29"],
)  # fmt: skip
@pytest.mark.parametrize("view", ["hall", "schedule", "replay"])
def test_odd_addresses_are_answered(bare: Rig, view: str, query: str) -> None:
    assert bare.get(f"/?view={view}&{query}").status_code == (400 if "%00" in query else 200)


def test_a_search_of_many_openings_is_quick() -> None:
    from streaming.live.register import Register

    register = Register()
    for number in range(20_000):
        register.put(
            {"id": f"KB{number}", "lot": f"BD{number}", "project": f"XM{number}", "title": f"城北片区{number}号学校新建工程",
             "tenderer": "示例城北开发中心", "scheduled_at": f"{date(2020, 1, 1) + timedelta(days=number % 2000)}T10:00:00+08:00",
             "state": "ended", "centre": "hz", "key_project": False, "trade_family": "works"}
        )  # fmt: skip
    began = time.process_time()
    assert [e.id for e in register.find("19999")] == ["KB19999"]
    assert len(register.find("cbpq19")) == 1111
    assert time.process_time() - began < 1.0
