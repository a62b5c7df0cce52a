"""Charts: what they show, in which unit and words, what a pointer is told and a click picks; figures as markup."""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import vl_convert
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dashboard import context
from dashboard.access.throttle import PER_ADDRESS, PER_PAIR, Throttle
from dashboard.charts.areas import Box, Point, Tile, against, squarified, treemap
from dashboard.charts.axis import ticks, wide
from dashboard.charts.bars import Bar, columns, histogram, ranking, spark
from dashboard.charts.chart import PICK, Chart
from dashboard.charts.drawing import fitted
from dashboard.charts.flow import Band, flow
from dashboard.charts.gantt import KINDS, Span, gantt
from dashboard.charts.grid import Cell, Dot, heat, strips
from dashboard.charts.maps import PIECES, Area, areas
from dashboard.charts.meetings import price_strip
from dashboard.charts.series import LINE_OF_TEXT, Points, Series, lines
from dashboard.charts.sites import Box as Covered
from dashboard.charts.sites import Node, ring_map
from dashboard.charts.stages import Stage, stages
from dashboard.charts.theme import DAY, NIGHT, config, palette
from dashboard.config import DeskConfig
from dashboard.geometry import COUNTRY, WIDTH, city_name, divided, outlines
from dashboard.shell import layout
from dashboard.shell.cards import Kpi, _tip, change
from dashboard.shell.figure_cards import changed
from dashboard.shell.filters import Choice, read_choice
from dashboard.shell.html import esc
from records.identifiers import PROVINCES
from supervision.figures.filters import Filters, Period
from tests.reading import read
from web import tokens

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)
WORDS = {kind: f"词{kind}" for kind in KINDS}


def months(count: int) -> Points:
    names = [f"{2020 + n // 12}-{n % 12 + 1:02}" for n in range(count)]
    return Points(names, names, names)


def series(*values: float | None, name: str = "占比") -> Series:
    return Series(name, values, ["—" if v is None else f"{v:g} %" for v in values], f"{name} {values[-1]}")


def rows(chart: Chart, *kinds: str) -> list[dict[str, Any]]:
    return [row for row in chart.rows.to_pylist() if row["kind"] in kinds]


def parameter(chart: Chart, name: str) -> Any:
    return next(p["value"] for p in chart.spec["params"] if p["name"] == name)


TITLES = ("线", "排名", "柱", "场所", "直方", "热", "价", "块", "点", "步", "图", "小")


@cache
def shapes() -> list[Chart]:
    """One chart of every kind, by day; drawn when a test asks, not by every worker that reads this file."""
    return [
        lines(DAY, months(2), [series(1, 2)], title="线", reference=(1.5, "参考")),
        ranking(DAY, [Bar("甲", 2, "2 家", key="a")], title="排名"),
        columns(DAY, [Bar("甲", 2, "2")], title="柱", unit="家"),
        gantt(DAY, ["一室"], [0], [Span(0, 9, 10, "live", "09:00 开标中", "O1")], (8, 18), 9.5, WORDS, title="场所"),
        histogram(DAY, [Bar("1–2", 3, "3", key="1")], [1, 3], title="直方", unit="个", below="家"),
        heat(DAY, ["施工"], ["上城"], [Cell(0, 0, 1, "900", "9 个标段", "施工/330102")], ["低", "中", "高"], title="热"),
        strips(DAY, ["标段"], ["L1"], ["3 家"], [Dot(0, 95.0, 3, "95 %", True)], limit=100.0, title="价"),
        treemap(DAY, [Tile("施工", 3, 1, "3 亿元", key="施工")], ["低"], title="块"),
        against(DAY, [Point(100, 90, "甲", "低 10 %", "L1")], [(0.9, "10 %")], title="点", below="万元"),
        stages(DAY, [Stage("招标中", "3", "达成 3", 3, 0, 0, 1, "bidding")], ["达成", "临期", "逾期", "无计划"], title="步"),
        a_map({"32": Area(1200, "1,200 家次", "80 %", "32"), "34": Area(300, "300 家次", "20 %", "34")}),
        shown(spark(DAY, "小", [1, 2], ["一", "二"], ["1", "2"])),
    ]  # fmt: skip


def a_map(found: dict[str, Area], name: str = COUNTRY, home: str = "33", chosen: str = "") -> Chart:
    there = outlines(name)
    return areas(
        DAY, there, f"/web/1/{there.file}", found, title="图", lang="zh", height=300, home=home, chosen=chosen
    )


def shown(chart: Chart | None) -> Chart:
    assert chart is not None
    return chart


@given(st.lists(NUMBERS | st.none(), max_size=30))
@example([5e-324])
def test_ticks_enclose_all_values(values: list[float | None]) -> None:
    found = ticks(values)
    known = [v for v in values if v is not None]
    slack = 1e-6 * max([abs(v) for v in known] + [1.0])
    assert len(found) >= 2 and found == sorted(found)
    assert all(found[0] - slack <= v <= found[-1] + slack for v in known)


@settings(deadline=None)  # the first chart of a shape builds its spec
@given(st.lists(st.floats(0, 100), min_size=2, max_size=4), st.floats(0, 100))
def test_names_at_the_ends_never_cover_each_other(last: list[float], reference: float) -> None:
    drawn = [series(10, value, name=f"线{n}") for n, value in enumerate(last)]
    chart = lines(DAY, months(2), drawn, title="图", reference=(reference, "参考"))
    names = rows(chart, "strong", "plain")
    low, high = parameter(chart, "ticks")[0], parameter(chart, "ticks")[-1]
    pixels = sorted((high - row["y"]) / (high - low) * (chart.height - 46) for row in names)
    assert len(names) == len(last) + 1
    assert all(b - a >= LINE_OF_TEXT - 1e-6 for a, b in itertools.pairwise(pixels))


@pytest.mark.parametrize("count", [2, 12, 49, 90])
def test_every_point_answers_the_pointer_with_its_name_value_and_unit(count: int) -> None:
    values = [float(n) for n in range(count)]
    chart = lines(DAY, months(count), [series(*values)], title="占比，按月")
    points = rows(chart, "point")
    assert [(p["name"], p["shown0"], p["key"]) for p in points] == [
        (name, f"{n} %", name) for n, name in enumerate(months(count).names)
    ]
    assert all(a["x2"] == b["x"] for a, b in itertools.pairwise(points))
    assert (
        chart.title == "占比，按月"
        and chart.said.startswith("2020-01 占比 0 %")
        and f"{count - 1} %" in chart.said
    )


def test_a_month_without_a_value_is_a_gap_and_says_so() -> None:
    chart = lines(DAY, months(3), [series(1.0, None, 2.0)], title="图")
    assert [row["y"] for row in rows(chart, "value", "filled")] == [1.0, None, 2.0]
    assert [row["shown0"] for row in rows(chart, "point")] == ["1 %", "—", "2 %"]


def test_reference_and_gap_are_named_and_are_in_the_words_too() -> None:
    drawn = [series(40.0, 40.0, name="参与"), series(10.0, 10.0, name="中标")]
    chart = lines(DAY, months(2), drawn, title="图", reference=(34.15, "2023 年 34.15 %"), gap="落差 30")
    assert [row["y"] for row in rows(chart, "reference")] == [34.15] and "2023 年 34.15 %" in chart.said
    (gap,) = rows(chart, "gap")
    assert gap["text"] == "落差 30" and 10 < gap["y2"] < gap["y"] < 34.15
    near = [series(40.0, 40.0, name="参与"), series(39.0, 39.0, name="中标")]
    assert rows(lines(DAY, months(2), near, title="图", gap="落差 1", floor=0.0), "gap") == []


def test_what_is_ranked_says_its_figures_and_what_a_click_picks() -> None:
    chart = ranking(DAY, [Bar("甲", 3, "3 万元", "2", "a"), Bar("乙", 1, "1 万元", "1")], title="排名")
    told = [(r["name"], r["figure"], r["note"], r["key"], r["whole"]) for r in chart.rows.to_pylist()]
    assert told == [("甲", "3 万元", "2", "a", 3.0), ("乙", "1 万元", "1", None, 3.0)]
    assert chart.said == "甲 3 万元 2; 乙 1 万元 1"


def test_every_figure_a_pointer_is_told_and_the_table_shows_has_its_unit_after_it() -> None:
    bars = [Bar("甲", 3, "3 万元", "2"), Bar("乙", 1, "1 万元", "1")]
    awards = ranking(DAY, bars, title="排名", units=("", "个标段"))
    classes = histogram(DAY, [Bar("1–2", 3, "3")], [1, 3], title="直方", unit="个标段", below="家")
    cells = heat(
        DAY, ["施工"], ["上城"], [Cell(0, 0, 1, "900", "9 个标段")], ["低"], title="热", measure="HHI"
    )
    told = [[row["told"] for row in made.rows.to_pylist()] for made in (awards, classes, cells)]
    assert told == [["3 万元", "1 万元"], ["3 个标段"], ["HHI 900"]]
    assert [row["more"] for row in awards.rows.to_pylist()] == ["2 个标段", "1 个标段"]
    assert awards.told.rows == [["甲", "3 万元", "2 个标段"], ["乙", "1 万元", "1 个标段"]]
    for made in (awards, classes, cells):
        assert '"told"' in json.dumps(made.spec) and [
            h.text("zh") for h in made.told.heads if not isinstance(h, str)
        ][:2] == ["名称", "数值"]


def test_the_table_of_a_chart_is_in_the_readers_words_with_its_title_and_its_as_of_time() -> None:
    chart = lines(DAY, months(1), [series(1.0)], title="占比", reference=(2.0, "参考 <2 %>"))
    drawn = layout.words(chart.title, chart.told, "zh", datetime(2026, 11, 27, 17, 5, tzinfo=UTC))
    page = read(drawn)
    assert page.headings == ["时间", "占比"] and ["2020-01", "1 %"] in page.rows
    assert "参考 <2 %>" in page.text and "数据截至 2026-11-28 01:05（北京时间）" in page.text


def test_columns_name_their_unit_and_cut_no_name_that_fits() -> None:
    names = ["市本级", "西湖"]
    chart = columns(DAY, [Bar(name, n, str(n)) for n, name in enumerate(names)], title="柱", unit="家次")
    assert chart.said == "市本级 0 家次; 西湖 1 家次" and parameter(chart, "lanes") == 1
    many = columns(DAY, [Bar("一个很长的中心名字", 1, "1")] * 14, title="柱", unit="家次")
    assert parameter(many, "lanes") == 2


def test_the_shortest_bar_of_a_room_can_still_be_hit() -> None:
    chart = gantt(
        DAY,
        ["一室"],
        [],
        [Span(0, 9.0, 9.0, "done", "09:00 已结束", "O1")],
        (8, 18),
        12.0,
        WORDS,
        title="场所",
    )
    (bar,) = chart.rows.to_pylist()
    assert bar["end"] > bar["start"] and bar["key"] == "O1" and chart.said == "一室 09:00 已结束"


def test_a_spark_line_needs_two_values() -> None:
    assert spark(DAY, "小", [None, 1.0], ["a", "b"], ["—", "1"]) is None
    assert shown(spark(DAY, "小", [2.0, 1.0], ["a", "b"], ["2", "1"])).said == "a 2; b 1"


def test_a_mark_is_picked_by_its_key_in_every_chart_that_can_be_clicked() -> None:
    for chart in shapes()[:-1]:
        (pick,) = [p for p in chart.spec["params"] if p["name"] == PICK]
        assert pick["select"]["fields"] == ["key"] and "key" in chart.rows.schema.names
        assert "tooltip" in json.dumps(chart.spec)


def test_charts_bring_nothing_from_outside_and_keep_their_height() -> None:
    for chart in shapes():
        spec = {k: v for k, v in chart.spec.items() if k != "$schema"}
        assert "http" not in json.dumps(spec) and spec["height"] == chart.height > 0


@pytest.mark.parametrize("title", TITLES)
def test_every_chart_can_be_drawn_with_the_parameters_it_is_given(title: str) -> None:
    drawn = dict(zip(TITLES, shapes(), strict=True))[title]
    assert drawn.title == title
    spec = {**drawn.spec, "datasets": {"source": drawn.rows.to_pylist()}, "width": 400}
    assert "<svg" in vl_convert.vegalite_to_svg(json.loads(json.dumps(spec)), show_warnings=False)


def test_a_spec_is_built_once_and_never_changed_by_what_is_put_in() -> None:
    one = lines(DAY, months(2), [series(1, 2)], title="图")
    other = lines(DAY, months(3), [series(3, 4, 5)], title="图")
    assert one.spec["layer"] is other.spec["layer"] and parameter(one, "last") == 1


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("variant", [DAY, NIGHT])
def test_words_on_charts_can_be_read_on_their_card(variant: str) -> None:
    own = palette(variant)
    assert contrast(own.ink, own.card) >= 7 and contrast(own.muted, own.card) >= 4.5
    assert all(contrast(colour, own.card) >= 3 for colour in (own.series[0], own.series[1]))
    smallest = config(variant)["config"]["axis"]["labelFontSize"]
    assert smallest >= 12


@pytest.mark.parametrize("token", ["good", "warn"])
@pytest.mark.parametrize("night", [False, True])
def test_words_that_tell_a_state_can_be_read_on_card_and_ground(token: str, night: bool) -> None:
    """WCAG 1.4.3: 4.5 for words of 14 pixels, as 已封存 and 正常."""
    own = tokens.colour(token, night=night)
    assert all(contrast(own, tokens.colour(under, night=night)) >= 4.5 for under in ("card", "ground"))


def test_a_label_takes_more_room_in_chinese() -> None:
    assert wide("市本级") > wide("abc")


def test_texts_of_records_are_escaped() -> None:
    assert esc("a\n\n<b>") == "a &lt;b&gt;" and esc(None) == "—"


@pytest.mark.parametrize(
    ("difference", "shown"), [(0.0146, "▲ 1.46"), (-0.0146, "▼ 1.46"), (0.0, "＝ 0.00"), (None, "—")]
)
def test_changes_say_their_sign_by_shape(difference: float | None, shown: str) -> None:
    assert shown in change("同比", difference, "个百分点", 2, 100.0)


def test_a_card_says_with_which_days_a_running_period_is_compared() -> None:
    day = date(2026, 11, 28)
    for period, said in ((Period.of("year", day), True), (Period.of("year", date(2025, 1, 1)), False)):
        choice = Choice(Filters(period, "year", today=day))
        tip = _tip(Kpi("x", "1", change=changed(choice, "zh", 2, 1)), "zh")
        assert ("对比截至同日：2025-01-01" in tip and "2025-11-28" in tip) is said


@pytest.mark.parametrize("word", ["2026-13", "x", "", "9999-99", "'; drop"])
def test_nonsense_in_the_address_falls_back(tmp_path: Path, word: str) -> None:
    context.configure(DeskConfig(database_url=f"sqlite:///{tmp_path}/ledger.db", data_dir=tmp_path))
    choice = read_choice({"period": word, "home": word, "unit": word, "family": word})
    assert (
        choice.filters.grain == "rolling12"
        and choice.filters.home == "city"
        and choice.filters.trade_family is None
    )


def test_failures_are_counted_per_account_and_per_address() -> None:
    throttle = Throttle()
    for _ in range(PER_PAIR):
        throttle.failed("a", "1.1.1.1")
    assert (
        throttle.blocked("a", "1.1.1.1")
        and not throttle.blocked("a", "2.2.2.2")
        and not throttle.blocked("b", "1.1.1.1")
    )
    for n in range(PER_ADDRESS):
        throttle.failed(f"n{n}", "1.1.1.1")
    assert throttle.blocked("b", "1.1.1.1")


def test_a_map_says_of_every_division_what_is_found_there_and_colours_by_class() -> None:
    found = {
        "32": Area(1200, "1,200 家次", "80 %", "32"),
        "34": Area(300, "300 家次", "19 %", "34"),
        "65": Area(1, "1 家次", "0 %", "65"),
    }
    chart = a_map(found, chosen="34")
    places = {row["id"]: row for row in rows(chart, "place")}
    assert set(places) == PROVINCES
    assert (places["32"]["name"], places["32"]["figure"], places["32"]["key"]) == ("江苏", "1,200 家次", "32")
    assert [places[code]["step"] for code in ("32", "34", "65", "53")] == [5, 4, 1, 0]
    assert parameter(chart, "edges")[1:] == ["≥ 1", "≥ 10", "≥ 40", "≥ 100", "≥ 400"]
    assert [code for code, row in places.items() if row["n"]] == ["34"]
    assert chart.said == "江苏 1,200 家次 80 %; 安徽 300 家次 19 %; 新疆 1 家次 0 %"


def test_lines_of_a_map_flow_home_the_widest_from_where_most_come() -> None:
    chart = a_map(
        {"32": Area(400, "400", key="32"), "34": Area(100, "100", key="34"), "33": Area(900, "900", key="33")}
    )
    flows = rows(chart, "flow")
    assert {row["line"] for row in flows} == {"32", "34"} and len(flows) == 2 * (PIECES + 1)
    (home,) = rows(chart, "home")
    ends = [row for row in flows if row["n"] == PIECES]
    assert all(row["x"] == pytest.approx(home["x"]) and row["y"] == pytest.approx(home["y"]) for row in ends)
    wide = {row["line"]: row["size"] for row in flows}
    assert wide["32"] == pytest.approx(2 * wide["34"])
    assert [row["name"] for row in rows(chart, "name")] == ["江苏", "安徽"]


def test_every_province_has_its_outline_and_those_of_several_cities_a_map() -> None:
    assert set(outlines(COUNTRY).divisions) == PROVINCES
    assert divided("33") and not divided("11") and not divided("00")
    assert (
        len(outlines("33").divisions) == 11
        and city_name("3302", "zh") == "宁波"
        and city_name("3302", "en") == "Ningbo"
    )
    assert city_name("429004", "zh") == "仙桃" and city_name("9999", "zh") == "9999"
    for name in (COUNTRY, *filter(divided, PROVINCES)):
        held = outlines(name)
        assert all(0 <= one.x <= WIDTH and 0 <= one.y <= held.height for one in held.divisions.values()), name


def test_a_strip_has_its_control_price_within_and_marks_the_award() -> None:
    dots = [Dot(0, 91.25, 2, "a"), Dot(0, 96.0, 1, "b", True), Dot(1, 99.75, 1, "c")]
    chart = strips(DAY, ["甲", "乙"], ["L1", "L2"], ["三家", "一家"], dots, limit=100.0, title="价")
    assert (parameter(chart, "first"), parameter(chart, "last"), parameter(chart, "limit")) == (
        90,
        105,
        100.0,
    )
    assert [(row["value"], row["key"]) for row in rows(chart, "chosen")] == [(96.0, "L1")]
    assert chart.said == "甲 三家; 乙 一家"


def test_classes_of_a_histogram_lie_between_their_edges() -> None:
    bars = [Bar("1–2", 3, "3", key="1"), Bar(">2", 5, "5")]
    chart = histogram(DAY, bars, [1, 3, 10], title="直方", unit="个标段", below="家")
    assert [(r["start"], r["end"], r["figure"]) for r in chart.rows.to_pylist()] == [
        (1, 3, "3"),
        (3, 10, "5"),
    ]
    assert chart.said == "1–2 3 个标段; >2 5 个标段"


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=30))
def test_tiles_fill_the_box_each_by_its_size_and_do_not_overlap(sizes: list[float]) -> None:
    ordered = sorted(sizes, reverse=True)
    boxes = squarified(ordered, (0.0, 0.0, 400.0, 200.0))
    areas_ = [(right - left) * (bottom - top) for left, top, right, bottom in boxes]
    assert areas_ == pytest.approx([size * 80_000 / sum(sizes) for size in ordered], rel=1e-6, abs=1e-6)
    assert all(
        left >= -1e-6 and right <= 400 + 1e-6 and top >= -1e-6 and bottom <= 200 + 1e-6
        for left, top, right, bottom in boxes
    )
    assert not any(overlapping(a, b) for a, b in itertools.combinations(boxes, 2))


def overlapping(a: Box, b: Box) -> bool:
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return across > 1e-6 and down > 1e-6


def test_lines_of_equal_parts_end_where_the_axis_does() -> None:
    points = [Point(730, 700, "甲", "低 4 %", "L1", True), Point(100, 60, "乙", "低 40 %", "L2")]
    chart = against(DAY, points, [(1.0, "0 %"), (0.6, "40 %")], title="点", below="万元")
    right = parameter(chart, "right")
    assert right >= 730 and [(r["x2"], r["y2"]) for r in rows(chart, "line")] == [
        (right, right),
        (right, pytest.approx(0.6 * right)),
    ]
    assert [r["name"] for r in rows(chart, "named")] == ["甲"] and chart.said == "甲 低 4 %; 乙 低 40 %"


@pytest.mark.parametrize("firms", [1, 9])
def test_a_flow_stays_within_its_drawing_however_many_win_little(firms: int) -> None:
    bands = [Band(("t", "a", f"w{n}"), 17 if n == 0 else 1, "rest") for n in range(firms)]
    drawn = flow(bands, {end: end for band in bands for end in band.ends}, ["1", "2", "3"], "flow")
    low = float(re.findall(r'viewBox="0 0 \S+ (\S+)"', drawn)[0])
    bars = re.findall(r' y="([\d.]+)" width="8" height="([\d.]+)"', drawn)
    assert len(bars) == firms + 2 and max(float(top) + float(high) for top, high in bars) <= low


def test_members_signs_above_their_prices_do_not_cover_each_other() -> None:
    drawn = price_strip(
        [("甲", 0.95, True), ("乙", 0.951, False), ("丙", 0.99, False)], [0.97], "控制价", "s"
    )
    heights = {
        sign: float(y)
        for y, sign in re.findall(r' y="([\d.]+)" text-anchor="middle" class="">(.)</text>', drawn)
    }
    assert heights["甲"] == heights["丙"] == heights["乙"] + 14


def test_words_are_cut_to_the_room_they_have_and_say_so() -> None:
    assert fitted("Evaluation room 1", 17 * 7.0) == "Evaluation room 1"
    assert fitted("Evaluation room 1", 12 * 7.0) == "Evaluation…"
    assert fitted("杭州市评标一室", 5 * 12.5) == "杭州市评…"


def test_a_long_name_is_cut_in_its_tile_and_left_out_where_nothing_of_it_would_be_left() -> None:
    tiles = [
        Tile("Construction", 8, 1, "8"),
        Tile("Mechanical and electrical", 3, 1, "3"),
        Tile("Greenery", 0.01, 1, "0"),
    ]
    words = [row["words"] for row in treemap(DAY, tiles, ["low"], title="deals").rows.to_pylist()]
    assert words[0].startswith("Construction") and words[1].startswith("Mechanical") and not words[2]


def test_names_beside_points_never_meet() -> None:
    close = [Point(100 + n, 50 + n, f"lot {n}", "", f"L{n}", named=True) for n in range(6)]
    far = Point(700, 600, "far", "", "F", named=True)
    made = against(
        DAY, [*close, far, Point(800, 700, "plain", "", "P")], [(0.9, "10 %")], title="prices", below="CNY"
    )
    named = [row["name"] for row in made.rows.to_pylist() if row["kind"] == "named"]
    assert "far" in named and 1 <= sum(name.startswith("lot") for name in named) <= 2


def test_names_of_sites_cover_no_other_name_and_hardly_a_line() -> None:
    tiers = {
        "city": "上城 拱墅 西湖 滨江 萧山 余杭 临平 钱塘 富阳 临安",
        "cross_city": "湖州 嘉兴 绍兴 宁波 金华 温州 台州 舟山 衢州 丽水",
        "cross_province": "上海 合肥 烟台",
    }
    nodes = [
        Node(name, tier, n + 1, active=False)
        for tier, names in tiers.items()
        for n, name in enumerate(names.split())
    ]
    drawn = ring_map(nodes, "14 个主场", "sites")
    said = ring_map([Node("钱塘", "city", 3, True, "同城 钱塘：3 场")], "主场", "sites")
    assert [one.text for one in read(said).all("title")].count("同城 钱塘：3 场") == 2, (
        "its mark and its line"
    )
    ends = [(float(x), float(y)) for x, y in re.findall(r'x2="([\d.]+)" y2="([\d.]+)"', drawn)]
    told = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)" class="halo">([^<]+)', drawn)
    boxes = []
    for x, y, anchor, words in told:
        left = float(x) - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * wide(words)
        boxes.append(Covered(left, float(y) - 11, left + wide(words), float(y) + 3))
    assert len(boxes) == len(nodes) == len(ends)
    assert not [pair for pair in itertools.combinations(boxes, 2) if pair[0].meets(pair[1])]
    assert sum(box.crossed(end) for box in boxes for end in ends) <= 2
