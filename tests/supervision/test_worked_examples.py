"""Every figure of the dictionary worked out by hand from the rows it is made of: M01–M52.

The rows are what the figure's query gives; that the queries count the right lots, tests of the screens hold against plain SQL.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from records.clock import BEIJING, frozen_at
from records.histogram import class_of
from supervision.figures.dictionary import FIGURES
from supervision.figures.figure import Derived
from supervision.figures.filters import Filters, Period
from supervision.figures.results import Share

Rows = Sequence[tuple[Any, ...]]
NOON = datetime(2026, 5, 6, 4, tzinfo=UTC)


def worked(id: str, rows: Rows) -> Any:
    figure: Any = FIGURES[id]
    return figure.result(rows, Filters(currency="CNY"))


SHARES: dict[str, tuple[Rows, str]] = {
    "M04": ([(312_600, 915_373, 0)], "34.15%"),
    "M04b": ([(3, 9, 1)], "33.33%"),
    "M05": ([(1, 8, 2)], "12.50%"),
    "M05_amount": ([(Decimal(250), Decimal(1000), 0)], "25.00%"),
    "M07": ([(2_954, 4_944, 0)], "59.75%"),
    "M11": ([(206, 5_150, 0)], "4.00%"),
    "M12": ([("甲", 1, 3), ("乙", 2, 2), ("丙", 1, 1), ("丁", 0, 0)], "66.67%"),
    "M13": ([(7, 350, 20)], "2.00%"),
    "M16": ([(1, 4, 3)], "25.00%"),
    "M19": ([(40, 3600.0, 2, 39, 52)], "75.00%"),
    "M21": (
        [
            ("甲", NOON, NOON + timedelta(seconds=1000), 940.0, "paused", NOON + timedelta(seconds=100)),
            ("甲", NOON, NOON + timedelta(seconds=1000), 940.0, "resumed", NOON + timedelta(seconds=150)),
            ("乙", NOON, NOON + timedelta(seconds=1050), 1100.0, None, None),
        ],
        "99.50%",
    ),
    "M25": ([(29, 30, 0)], "96.67%"),
    "M26": ([(149, 150, 1)], "99.33%"),
    "M28": ([(NOON, NOON + timedelta(days=3)), (NOON, NOON + timedelta(days=2)), (None, None)], "50.00%"),
    "M29": ([(Decimal(1634), Decimal(10_000))], "16.34%"),
    "M30": ([(0.30, 2)], "15.00%"),
    "M31": ([(Decimal(11_334), Decimal(10_000))], "13.34%"),
    "M33": ([(14, 16)], "87.50%"),
    "M36": ([(360, 4_944, 0)], "7.28%"),
    "M39": ([(9, 10)], "90.00%"),
    "M49": ([(12, 13)], "92.31%"),
    "M52": ([(13, 14)], "92.86%"),
    "M45": ([(3, 40)], "7.50%"),
}  # fmt: skip


@pytest.mark.parametrize("id", SHARES)
def test_a_share(id: str) -> None:
    rows, expected = SHARES[id]
    assert worked(id, rows).text == expected


EMPTY = {id: rows for id, (rows, _) in SHARES.items() if len(rows) == 1}


@pytest.mark.parametrize("id", EMPTY)
def test_a_share_of_nothing_is_a_dash_and_never_nought(id: str) -> None:
    (row,) = EMPTY[id]
    assert worked(id, [tuple(0 for _ in row)]).text == "—"


COUNTS: dict[str, tuple[Rows, float]] = {
    "M01": ([(1_159,)], 1_159),
    "M03": ([(915_373, 21_000)], 915_373),
    "M10": ([(3, 14.5, 5.0, 12.0, 26.0)], 12.0),
    "M17": ([(28, 30)], 28),
    "M18": ([(1_420, 5_112_000.0, 3, 1_400, 4_944)], 1_420),
    "M20": ([(398_000, 20_500)], 398_000),
    "M32": ([(513,)], 513),
    "M35": ([(5_900,)], 5_900),
    "M37": ([(40,)], 40),
    "M44": ([(13,)], 13),
    "M50": ([(100, 7, 0, 3)], 90),
}


@pytest.mark.parametrize("id", COUNTS)
def test_a_count(id: str) -> None:
    rows, expected = COUNTS[id]
    assert worked(id, rows).value == expected


def test_m02_adds_up_one_currency_and_counts_the_others() -> None:
    found = worked("M02", [(Decimal("70850000000"), 3_031, 2, 5)])
    assert (found.text, found.count, found.missing, found.elsewhere) == ("708.50亿元", 3_031, 2, 5)
    assert worked("M02", [(Decimal(0), 2, 2, 0)]).known is None


def test_m06_is_the_gap_between_bidding_and_winning() -> None:
    figure = FIGURES["M06"]
    assert isinstance(figure, Derived)
    assert figure.result(Share(3_682, 10_000), Share(2_164, 10_000)).text == "+15.18"


def test_m08_is_how_many_from_outside_a_lot() -> None:
    assert worked("M08", [(312_600, 2_954)]).text == "105.82" and worked("M08", [(0, 0)]).text == "—"


def test_m09_counts_provinces_and_how_concentrated_they_are() -> None:
    found = worked("M09", [("32", 60, 0), ("34", 30, 0), ("36", 10, 0), ("33", 0, 0), (None, 0, 4)])
    assert (found.provinces, found.concentration) == (3, pytest.approx(0.36 + 0.09 + 0.01))
    assert worked("M09", [(None, 0, 4)]).provinces is None


def test_m14_and_m15_of_four_winners() -> None:
    rows = [
        ("甲", Decimal(50), 2),
        ("乙", Decimal(20), 1),
        ("丙", Decimal(10), 1),
        ("丁", Decimal(10), 1),
        ("戊", Decimal(10), 1),
    ]
    hhi, cr4 = worked("M14", rows), worked("M15", rows)
    assert hhi.value == pytest.approx(2500 + 400 + 3 * 100) and hhi.lots == 6
    assert cr4.value == pytest.approx(0.9)
    assert worked("M14", []).value is None


def test_m24_is_the_hours_of_work_in_which_rooms_are_used() -> None:
    """Two opening rooms and an evaluation room, Wednesday to Saturday: 3 × 540 minutes each."""
    week = Filters(period=Period(date(2026, 5, 6), date(2026, 5, 10)))

    def at(day: int, hour: float) -> datetime:
        return datetime(2026, 5, day, tzinfo=BEIJING) + timedelta(hours=hour)

    kept = json.dumps([{"site": "市本级", "room": "p1"}, {"site": "合肥", "place": "副场 01"}])
    rows = [
        ("k1", "opening", None, None, None), ("k2", "opening", None, None, None), ("p1", "evaluation", None, None, None),
        ("k1", "", at(6, 9), at(6, 10), None), ("k1", "", at(6, 9.5), at(6, 11), None),  # two hours: what overlaps counts once
        ("k2", "", at(7, 17), at(8, 9), None),  # half an hour in the evening, half an hour in the morning
        ("k2", "", at(9, 9), at(9, 12), None),  # a Saturday
        (None, "", at(8, 9), at(8, 12), kept), ("closed", "", at(8, 9), at(8, 12), None),
    ]  # fmt: skip
    figure: Any = FIGURES["M24"]
    with frozen_at(at(20, 0)):
        found = figure.result(rows, week)
    assert (found.opening.numerator, found.opening.denominator) == (180, 2 * 3 * 540)
    assert (found.evaluation.numerator, found.evaluation.denominator) == (180, 3 * 540)
    assert found.whole.text == "7.41%"
    with frozen_at(at(6, 12.5)):  # what is to come could not be used yet
        assert figure.result(rows[:3], week).opening.denominator == 2 * 240


def test_m22_is_the_95th_of_a_hundred_viewers_of_two_openings() -> None:
    """Nineteen of twenty pictures come within a second, the twentieth after four; each is half a second late."""
    quick, slow, late = (str(class_of(seconds)) for seconds in (1.0, 4.0, 0.5))
    rows = [({quick: 57}, {late: 10}, 57, 20, 600.0), ({quick: 38, slow: 5}, {}, 43, 30, 300.0)]
    found = worked("M22", rows)
    assert found.first_frame == pytest.approx(1.0, rel=0.05) and found.late == pytest.approx(0.5, rel=0.05)
    assert found.measured == 100
    assert worked("M22", [({quick: 94, slow: 6}, {}, 100, 1, 1.0)]).first_frame == pytest.approx(
        4.0, rel=0.05
    )
    assert (worked("M22", []).first_frame, worked("M22", []).late) == (None, None)


def test_m23_adds_up_viewers_and_time_and_takes_the_largest_audience_at_a_time() -> None:
    found = worked("M23", [({}, {}, 57, 20, 600.0), ({}, {}, 43, 30, 300.0)])
    assert (found.viewers, found.peak, found.seconds) == (100, 30, 900.0)
    assert worked("M23", []).viewers == 0


def test_m26_is_unknown_where_nobody_tells_of_documents_on_display() -> None:
    assert worked("M26", [(0, 150, 0)]).text == "—" and worked("M26", [(0, 150, 0)]).unknown == 150


def test_m24_without_rooms_is_a_dash() -> None:
    assert worked("M24", []).whole.text == "—"


def test_m27_is_the_median_of_each_leg() -> None:
    days = [(0, 20, 27), (0, 24, 33), (0, 21, 27)]
    found = worked("M27", [tuple(NOON + timedelta(days=n) for n in row) for row in days])
    assert (found.notice, found.award, found.total) == (21, 7, 27)


def test_m34_small_value_trading() -> None:
    found = worked("M34", [(Decimal("1753000000"), 1_688, 0)])
    assert (found.text, found.count) == ("17.53亿元", 1_688)


def test_m38_fees_an_attendance() -> None:
    found = worked("M38", [(22_396, Decimal("23233400"))])
    assert found.value == 22_396 and round(found.mean) == 1_037
    assert worked("M38", [(0, 0)]).mean is None


DEPOSITS = [
    # count, refunded, due, due refunded, on time, overdue, amount refunded, guarantees, currency
    (5_000, 4_032, 4_032, 4_032, 4_012, 0, Decimal("446000000"), Decimal("90000000"), "CNY"),
    (3, 1, 1, 1, 1, 0, Decimal(10), None, "JPY"),
]


def test_draws_of_experts_are_counted_and_never_named() -> None:
    found = worked("expert_draws", [(3, 17, 20, 2, 3)])
    assert (found.value, found.requested, found.declining.text, found.sealed) == (3, 17, "10.00%", 3)
    assert worked("expert_draws", [(0, 0, 0, 0, 0)]).declining.text == "—"


def test_m40_m41_m42_of_deposits_in_two_currencies() -> None:
    found = worked("M40", DEPOSITS)
    assert (found.refunded, found.refunded_amount, found.returned.text, found.elsewhere) == (
        4_032,
        Decimal("446000000"),
        "100.00%",
        3,
    )
    assert worked("M41", DEPOSITS).text == "99.50%"
    assert worked("M42", DEPOSITS).text == "9,000.00万元"


def test_m43_opinions_and_the_hours_until_they_are_answered() -> None:
    found = worked("M43", [(NOON, NOON + timedelta(hours=h)) for h in (10, 20, 60)] + [(NOON, None)])
    assert (found.received, found.answered, found.hours) == (4, 3, 20)


def test_m51_counts_a_project_once_however_many_problems_it_has() -> None:
    visits = [
        (["A", "B"], [{"project": "A", "problem": "一"}, {"project": "A", "problem": "二"}]),
        (["B"], [{"project": "B", "problem": "三"}]),
        (["C"], []),
    ]
    found = worked("M51", visits)
    assert (found.visits, found.projects, found.problems) == (3, 2, 3)


def test_m48_counts_what_was_handed_on_as_a_lead() -> None:
    assert worked("M48", [(4,)]).value == 4


def test_m46_and_m47_of_three_warnings() -> None:
    rows = [
        (NOON, "lead", "confirmed", NOON + timedelta(hours=2)),
        (NOON, "dismissed", "not_confirmed", NOON + timedelta(hours=8)),
        (NOON, "new", None, None),
    ]
    found = worked("M46", rows)
    assert found.disposition_rate == pytest.approx(2 / 3) and found.first_response_hours == 5
    assert worked("M47", rows).text == "50.00%"


ALONE = {
    "M22",
    "M23",
    "M24",
    "M48",
    "M46",
    "M47",
    "M02",
    "M06",
    "M08",
    "M09",
    "M14",
    "M15",
    "M27",
    "M34",
    "M38",
    "M40",
    "M41",
    "M42",
    "M43",
    "M51",
}


def test_no_figure_is_without_an_example() -> None:
    counted = {id for id, one in FIGURES.items() if id.startswith("M")}
    assert counted - set(SHARES) - set(COUNTS) - ALONE == set()
