"""Markets of elsewhere: amounts in yen, lots without dates, firms whose place nobody knows, another home."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from dashboard import context
from dashboard.charts.axis import wide
from dashboard.config import DeskConfig
from dashboard.screens import BY_ID
from ingest.imports.files import import_paths
from records.clock import running_from
from records.ledger import Ledger
from records.public import rows as public
from records.tables.projects import Lot
from supervision.figures.market import overview
from supervision.home import Place
from supervision.lens.writer import LensWriter
from tests.dashboard.screens import run, tables, text
from tests.dashboard.test_every_figure import Shown
from tests.ledgers import new_ledger
from tests.places import HANGZHOU

ROOT = Path(__file__).parents[2]
NOW = datetime.fromisoformat("2026-11-20T10:00:00+08:00")
Build = Callable[..., None]


def release(number: int, bidders: int, paid: str | None = None, day: str | None = None) -> dict[str, object]:
    """A compiled release as sparse as they come: bids and an active award, nothing of time or place."""
    award: dict[str, object] = {"id": "1", "status": "active", "suppliers": [{"id": f"BR-{number}"}]}
    if paid:
        award["value"] = {"amount": float(paid), "currency": "BRL"}
    tender: dict[str, object] = {"id": f"{number}", "procurementMethod": "open", "numberOfTenderers": bidders}
    if day:
        tender["tenderPeriod"] = {"endDate": f"{day}T10:00:00Z"}
        award["date"] = f"{day}T12:00:00Z"
    details = [
        {"id": f"{n}", "status": "valid", "value": {"amount": 1e6 + n, "currency": "BRL"},
         "tenderers": [{"id": f"BR-{number + n}"}]}
        for n in range(bidders)
    ]  # fmt: skip
    return {"ocid": f"ocds-br-{number}", "buyer": {"id": "7"}, "tender": tender,
            "bids": {"details": details}, "awards": [award]}  # fmt: skip


def opened(folder: Path, ledger: Ledger, *paths: Path, home: Place = HANGZHOU) -> None:
    """Import files into a ledger and open the desk over it."""
    import_paths(ledger, list(paths), data_dir=folder)
    LensWriter(ledger, folder, home).start()
    context.configure(DeskConfig(str(ledger.url), folder, home=home))


@pytest.fixture
def build(ledger: Ledger, tmp_path: Path) -> Iterator[Build]:
    """Import files into a fresh ledger and open the desk over it."""
    with running_from(NOW):
        yield lambda *paths, **more: opened(tmp_path, ledger, *paths, **more)
    context.identify_by(None)
    context.ledger().close()


@pytest.fixture(scope="module")
def yen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ledger of a city that pays in yen, and beside it one lot in reais."""
    folder = tmp_path_factory.mktemp("yen")
    ledger = new_ledger(folder / "ledger.db")
    file = folder / "sparse.jsonl"
    file.write_text(json.dumps(release(40, 5, "2500000", "2014-03-04")))
    with running_from(NOW):
        opened(folder, ledger, ROOT / "examples" / "tsuchiura", file)
    context.ledger().close()
    ledger.close()
    return folder


@pytest.fixture
def tsuchiura(yen: Path) -> Iterator[Path]:
    """The desk over it, ten years after its newest opening; read only."""
    with running_from(NOW):
        context.configure(DeskConfig(f"sqlite:///{yen}/ledger.db", yen, home=HANGZHOU))
        yield yen
    context.identify_by(None)
    context.ledger().close()


@pytest.fixture
def sparse(build: Build, tmp_path: Path) -> None:
    file = tmp_path / "sparse.jsonl"
    releases = [release(1, 4), release(20, 3), release(40, 5, "2500000", "2015-03-04")]
    file.write_text("\n".join(map(json.dumps, releases)))
    build(file)


def test_an_empty_period_says_so_and_offers_those_with_data(tsuchiura: Path) -> None:
    for code in ("S01", "S02", "S03", "S04", "S05", "S09"):
        shown = text(run("supervisor", BY_ID[code]))
        assert "所选期间" in shown and "2007-05-09 至 2015-01-15" in shown, code
        for offered in ("period=all", "period=2015-01", "period=2015"):
            assert offered in shown, code
        assert "所选期间" not in text(run("supervisor", BY_ID[code], period="2014"))


def test_a_day_without_an_hour_is_shown_as_that_day(tsuchiura: Path) -> None:
    """The files say 2015-01-15 and no time: neither an hour nor the day before, on any screen that lists lots."""
    shown = text(run("supervisor", BY_ID["S02"], period="2015-01"))
    assert "2015-01-15" in shown and "2015-01-14" not in shown
    for clock in ("00:00", "23:00"):
        assert clock not in shown, clock


def test_an_opening_without_events_has_no_chain_to_be_intact(tsuchiura: Path) -> None:
    shown = text(run("supervisor", BY_ID["S08"]))
    assert shown.count("无事件") >= 10 and "✓" not in shown
    assert Shown("S08", {}).values["最近场次事件链完好"] == "—"


def test_an_empty_histogram_is_a_sentence(tsuchiura: Path) -> None:
    assert "所选范围内没有已结束的开标。" in text(run("supervisor", BY_ID["S03"]))
    assert "所选范围内没有已结束的开标。" not in text(run("supervisor", BY_ID["S03"], period="all"))


def test_yen_stay_yen(tsuchiura: Path) -> None:
    shown = Shown("S05", {"period": "all"})
    assert (
        shown.values["成交金额"] == "450.15亿 JPY"
        and "1,561 个标段，另 1 个为其他币种" in shown.lines["成交金额"]
    )
    assert "元" not in "".join(value for _, value, _ in shown.bars("成交金额，按行业"))
    assert "万 JPY" in shown.markup and "万元" not in shown.markup and "亿元" not in shown.markup
    assert "亿 JPY" in Shown("S03", {"period": "2014"}).markup
    assert "JPY" in Shown("S05", {"period": "all", "lang": "en"}).markup


def test_an_unknown_place_is_neither_local_nor_outside(tsuchiura: Path) -> None:
    shown = Shown("S02", {"period": "all"})
    for name in ("外地企业参与占比", "外地企业中标占比", "开放落差", "来源省份"):
        assert shown.values[name] == "—", name
    assert "5,973 不明" in shown.lines["外地企业参与占比"]
    assert "100.00" not in shown.markup


def test_the_year_stands_in_times_that_are_not_of_this_year(tsuchiura: Path) -> None:
    assert "2015-01-15" in text(run("supervisor", BY_ID["S03"], period="all"))
    assert "2015-01-15" in text(run("supervisor", BY_ID["S06"], view="history"))


def test_lots_without_a_date_can_be_asked_for(sparse: None) -> None:
    default = text(run("supervisor", BY_ID["S03"]))
    assert "时间不明（2）" in default and "period=undated" in default
    undated = Shown("S03", {"period": "undated"})
    assert "2 个；仅统计已开标标段" in undated.markup and undated.values["每标段投标人均值"] == "3.50家"
    assert [lots for _, lots, _ in undated.bars("谁中标最多")] == ["1", "1"]
    assert "3 个；仅统计已开标标段" in Shown("S03", {"period": "all"}).markup
    assert "1 个；仅统计已开标标段" in Shown("S03", {"period": "2015"}).markup


def test_awards_without_an_amount_are_counted_and_their_sum_is_unknown(sparse: None) -> None:
    undated = Shown("S05", {"period": "undated"})
    assert undated.values["成交金额"] == "—" and "2 个标段，其中 2 个无金额" in undated.lines["成交金额"]
    everything = Shown("S05", {"period": "all"})
    assert everything.values["成交金额"] == "250.00万 BRL"
    assert "3 个标段，其中 2 个无金额" in everything.lines["成交金额"]


def test_two_currencies_are_never_added_up(tsuchiura: Path) -> None:
    shown = Shown("S05", {"period": "2014"})
    assert "JPY" in shown.values["成交金额"] and "另 1 个为其他币种" in shown.lines["成交金额"]
    for period in ("2014", "2014-03"):
        reais = Shown("S05", {"period": period, "currency": "BRL"})
        assert reais.values["成交金额"] == "250.00万 BRL"


def test_another_home_sees_other_firms_as_outside(build: Build, ledger: Ledger, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    places = {"A": "370211", "B": "370102", "C": "330106", "D": ""}
    (folder / "organisations.csv").write_text(
        "key,name,division_code\n" + "".join(f"{k},{k},{v}\n" for k, v in places.items())
    )
    (folder / "projects.csv").write_text("key,name\nP,P\n")
    (folder / "lots.csv").write_text(
        "key,project,name,deadline,status\nL,P,L,2026-11-02T09:00:00+08:00,evaluating\n"
    )
    (folder / "bids.csv").write_text("key,lot,bidder\n" + "".join(f"{k},L,{k}\n" for k in places))
    build(folder, home=Place("3702", name="青岛"))
    assert "2 / 3 家次，另 1 不明" in Shown("S02", {}).lines["外地企业参与占比"]
    province = Shown("S02", {"home": "province"})
    assert "1 / 3 家次" in province.lines["外地企业参与占比"]
    city = Shown("S02", {})
    assert "山东他市" in [name for name, *_ in city.bars("外地企业从哪里来")]
    assert "34.15" not in city.markup and "2023" not in city.markup
    with running_from(NOW):
        LensWriter(ledger, tmp_path, HANGZHOU).start()
    assert "2 / 3 家次" in Shown("S02", {}).lines["外地企业参与占比"]


def test_the_public_figures_reach_the_data_and_name_the_home(tsuchiura: Path) -> None:
    home = Place("08203", name="土浦", name_en="Tsuchiura")
    told = overview(context.lens(), NOW.date(), home)
    assert told["rolling12"]["openings"] == 0 and told["all"]["openings"] == 1_562
    assert (told["all"]["first"], told["all"]["last"]) == ("2007-05", "2015-01")
    assert told["series"][-1]["month"] == "2015-01" and told["reference"] is None
    assert told["home_name"] == ["土浦（08203）", "Tsuchiura (08203)"]


def test_a_rehearsal_is_in_no_statistic(sparse: None, ledger: Ledger) -> None:
    before = Shown("S03", {"period": "all"}).values["每标段投标人均值"]
    with ledger.write() as session:
        lot = session.scalars(select(Lot).limit(1)).one()
        session.add(Lot(id="R", project_id=lot.project_id, name="演练", source=lot.source, status="evaluating",
                        deadline=datetime.fromisoformat("2014-06-02T09:00:00+08:00"), flags=["rehearsal"]))  # fmt: skip
    LensWriter(ledger, context.config().data_dir, HANGZHOU).start()
    assert Shown("S03", {"period": "all"}).values["每标段投标人均值"] == before


def test_the_public_row_of_an_opening_names_its_currency(tsuchiura: Path) -> None:
    with context.ledger().read() as session:
        row = public.latest(session, "opening", "tsuchiura-1")
    assert row is not None and row["currency"] == "JPY"


def test_the_rooms_day_is_in_order_of_time_then_room(build: Build, ledger: Ledger, tmp_path: Path) -> None:
    """Whatever order the records come in, and whichever room is in use."""
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "centres.csv").write_text("key,name\nC,中心\n")
    (folder / "rooms.csv").write_text("key,centre,name\n" + "".join(f"{r},C,{r}\n" for r in "dbca"))
    (folder / "projects.csv").write_text("key,name\nP,P\n")
    times = {"d": "11:00", "b": "14:00", "c": "14:00", "a": "16:00"}
    (folder / "lots.csv").write_text(
        "key,project,name,deadline\n"
        + "".join(f"L{r},P,标段{r},2026-11-20T{at}:00+08:00\n" for r, at in reversed(times.items()))
    )
    (folder / "openings.csv").write_text(
        "key,lot,room,scheduled_at\n"
        + "".join(f"O{r},L{r},{r},2026-11-20T{at}:00+08:00\n" for r, at in reversed(times.items()))
    )
    build(folder)
    rooms = Shown("S04", {}).plots["场所今日安排"].parameter("rooms")
    assert rooms == ["中心 d", "中心 b", "中心 c", "中心 a"]
    test = run("supervisor", BY_ID["S06"], view="today")
    (listed,) = tables(test).values()
    assert [row[1] for row in listed] == ["标段d", "标段b", "标段c", "标段a"]


@pytest.mark.parametrize(("code", "heading"), [("S01", "参与家次，按年"), ("S05", "成交金额，按年")])
def test_a_chart_of_all_time_shows_all_time_year_by_year(tsuchiura: Path, code: str, heading: str) -> None:
    shown = Shown(code, {"period": "all"})
    chart = shown.plots[heading]
    told = chart.points()
    assert list(told) == [str(year) for year in range(2007, 2016)]
    assert "2007 至 2015" in shown.section(heading)
    assert chart.parameter("labels") == [f"{year}年" for year in told]
    if code == "S01":
        counted = context.lens().rows("SELECT left(month, 4), count(*) FROM bids GROUP BY 1 ORDER BY 1")
        assert {year: int(n.replace(",", "")) for year, n in told.items()} == dict(counted)


def test_a_chart_of_one_year_stays_month_by_month(tsuchiura: Path) -> None:
    told = Shown("S05", {"period": "2010"}).plots["成交金额，按月"].points()
    assert list(told) == [f"2010-{month:02}" for month in range(1, 13)]


NARROW = 520
"""Pixels a chart over time has for its points at 1440 pixels, at least."""


def test_labels_below_an_axis_never_run_into_each_other(tsuchiura: Path) -> None:
    for code, lang, period in itertools.product(
        ("S01", "S02", "S05"), ("zh", "en"), ("all", "2010", "2014-03")
    ):
        for plot in Shown(code, {"period": period, "lang": lang}).plots.values():
            if not any(name["name"] == "labels" for name in plot.spec["params"]):
                continue  # no axis of labels: a ranking, a scatter
            labels = plot.parameter("labels")
            ends = [
                (place * NARROW / (len(labels) - 1) - wide(label) / 2, wide(label))
                for place, label in enumerate(labels)
                if label
            ]
            assert all(a + width <= b for (a, width), (b, _) in itertools.pairwise(ends)), (code, lang)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_without_centres_nobody_counts_none(tsuchiura: Path, lang: str) -> None:
    for code in ("S06", "S11", "S02"):
        options = [str(choice.options) for choice in run("supervisor", BY_ID[code], lang=lang).selectbox]
        assert not re.search(r"\b0 个|All 0", " ".join(options)), code
    for code in ("S06", "S11"):
        options = [str(choice.options) for choice in run("supervisor", BY_ID[code], lang=lang).selectbox]
        assert ("未登记中心" if lang == "zh" else "None registered") in " ".join(options), code


@pytest.mark.parametrize("code", ["S08", "S09", "S10", "S15"])
def test_an_empty_place_says_what_it_will_show(tsuchiura: Path, code: str) -> None:
    shown = text(run("supervisor", BY_ID[code], period="all"))
    assert "有记录后，这里显示" in shown and "{" not in shown.split("有记录后")[1][:80]
