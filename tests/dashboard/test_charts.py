"""Charts and figures as markup."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashboard.access.throttle import PER_ADDRESS, PER_PAIR, Throttle
from dashboard.charts import svg as charts
from dashboard.shell.cards import change
from dashboard.shell.filters import read_choice
from dashboard.shell.html import esc

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)


@given(st.lists(NUMBERS | st.none(), max_size=30))
@example([5e-324])
def test_axis_encloses_all_values(values: list[float | None]) -> None:
    ticks = charts.axis(values)
    known = [v for v in values if v is not None]
    slack = 1e-6 * max([abs(v) for v in known] + [1.0])
    assert len(ticks) >= 2 and ticks == sorted(ticks)
    assert all(ticks[0] - slack <= v <= ticks[-1] + slack for v in known)


@given(st.lists(st.floats(0, 1e9, allow_nan=False), min_size=1, max_size=12))
def test_no_tick_label_is_cut_off(values: list[float]) -> None:
    names = [""] * len(values)
    for drawn in (
        charts.lines(names, [charts.Line("a", values)], alt="", floor=0.0),
        charts.columns(names, values, alt="", unit=""),
    ):
        for right, label in re.findall(r'<text x="(\d+)"[^>]*text-anchor="end">([^<]+)<', drawn):
            assert int(right) >= 6.5 * len(label)  # a digit of 12 px is 6.5 wide


def test_end_labels_never_cover_each_other() -> None:
    drawn = [charts.Line(f"线{i}", [10.0, 10.0 + i / 100]) for i in range(3)]
    svg = charts.lines(["a", "b"], drawn, alt="图", reference=(10.0, "参考"))
    heights = sorted(float(y) for y in re.findall(r'x="648" y="([\d.]+)"', svg))
    assert len(heights) == 4 and all(b - a >= 16 for a, b in itertools.pairwise(heights))


def test_gaps_break_the_line() -> None:
    svg = charts.lines(["a", "b", "c"], [charts.Line("线", [1.0, None, 2.0])], alt="图")
    assert svg.count("M44.0") == 1 and re.search(r'd="M[\d. ]+M[\d. ]+" fill="none"', svg)


def test_texts_of_records_are_escaped() -> None:
    assert "<script>" not in charts.bars([charts.Bar("<script>", 1, "1")])
    assert esc("a\n\n<b>") == "a &lt;b&gt;" and esc(None) == "—"


@pytest.mark.parametrize(
    ("difference", "shown"), [(0.0146, "▲ 1.46"), (-0.0146, "▼ 1.46"), (0.0, "＝ 0.00"), (None, "—")]
)
def test_changes_say_their_sign_by_shape(difference: float | None, shown: str) -> None:
    assert shown in change("同比", difference, "个百分点", 2, 100.0)


@pytest.mark.parametrize("word", ["2026-13", "x", "", "9999-99", "'; drop"])
def test_nonsense_in_the_address_falls_back(word: str) -> None:
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
