"""Periods of law by worked examples: how days are counted, when the last day ends, what is short, late, running."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from records.clock import BEIJING
from records.legal_clock import days_between
from records.legal_periods import (
    BIDDING,
    CONTRACT,
    PERIODS,
    PUBLICITY,
    REFUND,
    Bound,
    Verdict,
    holidays_of,
    last_moment,
    measure,
    owed,
    surely_late,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=BEIJING)


def test_the_first_day_does_not_count_and_hours_do_not_matter() -> None:
    assert days_between(at("09-17T16:00"), at("10-09T09:30")) == 22
    assert days_between(at("10-12T23:59"), at("10-13T00:01")) == 1
    assert days_between(at("10-12T00:00"), at("10-12T23:59")) == 0


def test_the_last_day_ends_at_midnight() -> None:
    # signed on Friday the 13th at 14:00, five days: 14 … 18, a Wednesday; over as the 19th begins
    assert last_moment(at("11-13T14:00"), 5) == at("11-19T00:00")
    # signed on the 16th: the 21st is a Saturday, so Monday the 23rd is the last
    assert last_moment(at("11-16T14:00"), 5) == at("11-24T00:00")


def test_a_last_day_that_is_a_holiday_moves_past_the_holidays() -> None:
    national = holidays_of("2026-10-01/2026-10-07")
    # three days from 28 September: 29, 30, 1 October, which is a holiday; the 8th is the last
    assert last_moment(at("09-28T10:00"), 3, national) == at("10-09T00:00")
    assert last_moment(at("09-27T10:00"), 3, national) == at("10-01T00:00")


@pytest.mark.parametrize(
    ("until", "now", "verdict"),
    [
        ("10-12T10:00", "10-13T00:00", Verdict.SHORT),
        ("10-12T10:00", "10-10T00:00", Verdict.SHORT),  # announced too short is too short at once
        ("10-13T09:00", "10-14T00:00", Verdict.KEPT),
        ("10-13T09:00", "10-12T00:00", Verdict.RUNNING),
        (None, "10-12T00:00", Verdict.RUNNING),
    ],
)
def test_at_least(until: str | None, now: str, verdict: Verdict) -> None:
    told = measure(PUBLICITY, at("10-10T15:00"), at(until) if until else None, at(now))
    assert told.verdict is verdict
    assert told.broken is (verdict is Verdict.SHORT)


@pytest.mark.parametrize(
    ("until", "now", "verdict"),
    [
        ("11-19T23:59", "12-01T00:00", Verdict.KEPT),
        ("11-20T00:00", "12-01T00:00", Verdict.OVER),  # a public holiday may have moved the last day
        ("11-29T00:00", "12-01T00:00", Verdict.LATE),
        (None, "11-19T23:59", Verdict.RUNNING),
        (None, "11-20T00:00", Verdict.OVER),
        (None, "11-29T00:00", Verdict.OVERDUE),
        ("11-18T00:00", "11-10T00:00", Verdict.RUNNING),  # dated ahead: not done yet
    ],
)
def test_at_most(until: str | None, now: str, verdict: Verdict) -> None:
    told = measure(CONTRACT, at("10-20T11:00"), at(until) if until else None, at(now))
    assert (told.due, told.verdict) == (at("11-20T00:00"), verdict)


def test_with_a_table_of_holidays_the_day_after_the_last_is_late() -> None:
    table = holidays_of("2026-10-01/2026-10-07")
    assert (
        measure(CONTRACT, at("10-20T11:00"), at("11-20T00:00"), at("12-01T00:00"), table).verdict
        is Verdict.LATE
    )
    assert measure(CONTRACT, at("10-20T11:00"), None, at("11-20T00:00"), table).verdict is Verdict.OVERDUE


def test_what_the_law_says() -> None:
    assert (BIDDING.days, BIDDING.bound, BIDDING.article) == (20, Bound.AT_LEAST, 24)
    assert (REFUND.days, REFUND.bound, REFUND.article) == (5, Bound.AT_MOST, 57)
    assert PUBLICITY.cited.text("zh") == "招标投标法实施条例第 54 条"
    assert all(one.law.address.startswith("https://") for one in PERIODS)


def test_holidays_are_days_and_spans_of_days() -> None:
    assert holidays_of("2027-01-01 2027-02-05/2027-02-07") == {
        date(2027, 1, 1), date(2027, 2, 5), date(2027, 2, 6), date(2027, 2, 7),
    }  # fmt: skip
    assert holidays_of("") == frozenset()


@pytest.mark.parametrize("wrong", ["2027-02-30", "tomorrow", "2027-02-07/2027-02-05"])
def test_what_is_no_holiday_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong.split("/")[0]):
        holidays_of(f"2027-01-01 {wrong}")


@pytest.mark.parametrize("holidays", ["", "2026-10-01/2026-10-07"])
def test_what_a_query_calls_overdue_is_what_is_judged_overdue(holidays: str) -> None:
    known = holidays_of(holidays)
    for today in range(1, 29):
        seen = at(f"10-{today:02}T10:00")
        late = surely_late(seen, known)
        for day in range(1, 31):
            last = at(f"09-{day:02}T10:30")
            assert (last < late) is (owed(last, None, seen, known) is Verdict.OVERDUE)


def test_what_a_source_wants_back_by_a_moment_may_come_until_the_end_of_that_day() -> None:
    known = holidays_of("2026-10-01/2026-10-07")
    monday, saturday = at("11-23T10:30"), at("11-21T10:30")
    assert owed(monday, at("11-23T18:00"), at("12-01T00:00"), known) is Verdict.KEPT
    assert owed(saturday, at("11-23T18:00"), at("12-01T00:00"), known) is Verdict.KEPT
    assert owed(monday, at("11-24T00:00"), at("12-01T00:00"), known) is Verdict.LATE
    assert (
        owed(monday, None, at("11-28T00:00")) is Verdict.OVER
        and owed(monday, None, at("12-03T00:00")) is Verdict.OVERDUE
    )
