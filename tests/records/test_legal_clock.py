"""The law's clock of a lot: days counted as the Civil Code counts them, and what may be called late."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from records.clock import BEIJING
from records.legal_clock import Kept, Steps, days_between, is_tendered, last_day, spans


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


WHOLE = Steps(
    notice=at("2026-10-22 09:00"),
    change=at("2026-10-30 10:00"),
    deadline=at("2026-11-19 13:30"),
    opening=at("2026-11-19 13:30"),
    publicity_from=at("2026-11-23 10:00"),
    publicity_until=at("2026-11-26 24:00".replace("26 24", "27 00")),
    award=at("2026-12-01 09:00"),
    contract=at("2026-12-20 09:00"),
)
TODAY = date(2027, 1, 6)


def test_a_life_in_which_the_law_is_kept() -> None:
    found = spans(WHOLE, TODAY)
    assert {name: span.days for name, span in found.items()} == {
        "to_bid": 28, "change": 20, "opening": 0, "publicity": 4, "award": 4, "contract": 19,
    }  # fmt: skip
    assert {span.kept for span in found.values()} == {Kept.KEPT}


@pytest.mark.parametrize(
    ("change", "name", "days"),
    [
        ({"notice": at("2026-10-31 09:00")}, "to_bid", 19),
        ({"change": at("2026-11-05 09:00")}, "change", 14),
        ({"opening": at("2026-11-19 14:00")}, "opening", 30),
        ({"publicity_until": at("2026-11-25 23:59")}, "publicity", 2),
        ({"award": at("2026-11-26 09:00")}, "award", -1),
    ],
)
def test_what_is_not_kept_is_measured(change: dict[str, datetime], name: str, days: int) -> None:
    span = spans(replace(WHOLE, **change), TODAY)[name]
    assert (span.kept, span.days) == (Kept.BROKEN, days)


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        ("2026-11-01 23:59", "2026-11-02 00:00", 1),
        ("2026-11-01 00:00", "2026-11-01 23:59", 0),
        ("2028-02-28 12:00", "2028-03-01 12:00", 2),
    ],
)
def test_the_first_day_does_not_count(first: str, last: str, days: int) -> None:
    assert days_between(at(first), at(last)) == days


def test_a_last_day_at_a_weekend_moves_to_monday() -> None:
    begun = at("2026-11-05 09:00")  # 30 days later is Saturday, 5 December
    assert [last_day(begun + timedelta(days=n), 30) for n in range(3)] == [
        date(2026, 12, 7), date(2026, 12, 7), date(2026, 12, 7),
    ]  # fmt: skip
    assert last_day(begun - timedelta(days=1), 30) == date(2026, 12, 4)


@pytest.mark.parametrize(
    ("today", "kept", "days"),
    [
        ("2026-12-20", Kept.RUNNING, 11),
        ("2026-12-28", Kept.SOON, 3),
        ("2026-12-31", Kept.SOON, 0),
        ("2027-01-06", Kept.OVER, 6),
        ("2027-01-09", Kept.OVER, 9),
        ("2027-01-10", Kept.LATE, 10),
    ],
)
def test_a_contract_is_late_once_no_holiday_can_have_moved_its_last_day(
    today: str, kept: Kept, days: int
) -> None:
    span = spans(replace(WHOLE, contract=None), date.fromisoformat(today))["contract_due"]
    assert (span.kept, span.days, span.last) == (kept, days, date(2026, 12, 31))


def test_a_contract_signed_too_late() -> None:
    assert spans(replace(WHOLE, contract=at("2027-01-20 09:00")), TODAY)["contract"].kept == Kept.LATE


def test_nothing_runs_of_a_lot_that_has_ended() -> None:
    assert "contract_due" not in spans(replace(WHOLE, contract=None, ended=True), TODAY)


def test_nothing_is_said_of_what_nobody_has_told() -> None:
    assert spans(Steps(), TODAY) == {}
    assert spans(Steps(notice=WHOLE.deadline, deadline=WHOLE.notice), TODAY) == {}, "dates that cannot be"


def test_the_spans_before_the_deadline_hold_where_bids_are_invited() -> None:
    assert is_tendered("open", "works") and is_tendered("selective", "procurement")
    assert not is_tendered("direct", "works") and not is_tendered("open", "land")
    assert {"to_bid", "change"}.isdisjoint(spans(replace(WHOLE, tendered=False), TODAY))
