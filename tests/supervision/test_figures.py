"""Rounding, money and periods as users read them (§5.2)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.clock import add_months
from supervision.figures import formats as figures
from supervision.figures.filters import Filters, Grain, Period
from supervision.figures.results import Gap, Share


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.125, "0.13"), (Decimal("2.675"), "2.68"), (Decimal("-0.005"), "-0.01"), (1.005, "1.01"), (3, "3.00")],
)
def test_half_up_not_half_even(value: float | Decimal, shown: str) -> None:
    assert str(figures.half_up(value)) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (Decimal(0), "0.00万元"), (Decimal(12_345), "1.23万元"), (Decimal("99999949.99"), "9,999.99万元"),
        (Decimal(99_999_950), "1.00亿元"), (Decimal(100_000_000), "1.00亿元"), (Decimal(70_850_000_000), "708.50亿元"),
        (Decimal(-250_000_000), "−2.50亿元"), (None, "—"),
    ],
)  # fmt: skip
def test_money_in_wan_and_yi(amount: Decimal | None, shown: str) -> None:
    assert figures.money(amount, "CNY") == shown


@pytest.mark.parametrize(
    ("amount", "currency", "zh", "en"),
    [
        (Decimal(0), "CNY", "0.00万元", "CNY 0.00"), (Decimal("11640"), "CNY", "1.16万元", "CNY 11.64 thousand"),
        (Decimal("999.999"), "CNY", "0.10万元", "CNY 1.00 thousand"), (Decimal(4_500_000), "CNY", "450.00万元", "CNY 4.50 million"),
        (Decimal("999994999"), "CNY", "10.00亿元", "CNY 999.99 million"), (Decimal("999999999"), "CNY", "10.00亿元", "CNY 1.00 billion"),
        (Decimal(-70_850_000_000), "CNY", "−708.50亿元", "CNY −70.85 billion"), (Decimal("12340000000000"), "CNY", "123,400.00亿元", "CNY 12,340.00 billion"),
        (Decimal(12_340_000), "JPY", "1,234.00万 JPY", "JPY 12.34 million"),
        (Decimal(12_340_000), "CNY-net", "1,234.00万元（不含税）", "CNY 12.34 million excl. VAT"),
        (Decimal(12_340_000), "EUR-net", "1,234.00万 EUR（不含税）", "EUR 12.34 million excl. VAT"),
    ],
)  # fmt: skip
def test_money_with_its_currency_in_both_languages(amount: Decimal, currency: str, zh: str, en: str) -> None:
    shown = figures.money(amount, currency), figures.money(amount, currency, "en")
    assert shown == (zh, en)
    assert figures.money(None, currency, "en") == "—"


@pytest.mark.parametrize(
    ("amount", "currency", "zh", "en"),
    [
        (Decimal(276_480_000), "CNY", "27,648.00万元", "CNY 276,480,000.00"), (Decimal("276481234.5"), "CNY", "27,648.12345万元", "CNY 276,481,234.50"),
        (Decimal("11640.055"), "CNY", "1.164006万元", "CNY 11,640.06"), (Decimal(0), "CNY", "0.00万元", "CNY 0.00"),
        (Decimal(12_340_000), "JPY", "12,340,000.00 JPY", "JPY 12,340,000.00"), (276_480_001.25, "CNY", "27,648.000125万元", "CNY 276,480,001.25"),
        (Decimal(12_345), "CNY-net", "1.2345万元（不含税）", "CNY 12,345.00 excl. VAT"), (None, "CNY", "—", "—"),
    ],
)  # fmt: skip
def test_a_single_price_is_exact(amount: Decimal | float | None, currency: str, zh: str, en: str) -> None:
    assert (figures.exact_money(amount, currency), figures.exact_money(amount, currency, "en")) == (zh, en)


def test_a_price_in_evidence_is_rounded_only_where_nothing_is_lost() -> None:
    assert figures.unrounded_money(Decimal("10600000"), "CNY") == "1,060.00万元"
    assert figures.unrounded_money(Decimal("10600017.3"), "CNY") == "1,060.00173万元"
    assert figures.unrounded_money(Decimal("10600000"), "JPY") == "1,060.00万 JPY"
    assert figures.unrounded_money(Decimal("10600017"), "JPY") == figures.exact_money(
        Decimal("10600017"), "JPY"
    )


def test_per_cent_counts_and_points() -> None:
    assert Share(312_600, 915_373).text == "34.15%"
    assert Share(0, 0).text == "—" and Share(0, 0).value is None
    assert Share(1, 8).text == "12.50%" and Share(1, 3).text == "33.33%" and Share(2, 3).text == "66.67%"
    assert (
        figures.big_count(312_600, "家次") == "31.26万家次"
        and figures.big_count(9_999, "家次") == "9,999家次"
    )
    assert Gap(Share(1, 2), Share(1, 4)).text == "+25.00" and Gap(Share(1, 2), Share(0, 0)).text == "—"
    assert [figures.signed(n) for n in (0.255, -0.255, -0.001, None)] == ["+0.26", "−0.26", "0.00", "—"]
    assert figures.significant(-0.0012345) == "−0.00123" and figures.significant(None) == "—"
    assert Gap(Share(1, 4), Share(1, 2)).text == "−25.00" and figures.number(-1234.5, 1) == "−1,234.5"
    assert figures.percent(-0.0301) == "−3.01%"
    assert figures.number(1234567) == "1,234,567" and figures.number(None) == "—"


def test_periods() -> None:
    day = date(2024, 2, 29)
    assert Period.of("month", day) == Period(date(2024, 2, 1), date(2024, 3, 1))
    assert Period.of("quarter", day) == Period(date(2024, 1, 1), date(2024, 4, 1))
    assert Period.of("ytd", day) == Period(date(2024, 1, 1), date(2024, 3, 1))
    assert Period.of("rolling12", day) == Period(date(2023, 3, 1), date(2024, 3, 1))
    assert Period.of("day", day).previous("day") == Period(date(2024, 2, 28), day)
    assert Period.of("month", date(2024, 3, 31)).previous("month") == Period.of("month", day)
    assert Period.of("quarter", day).previous("quarter") == Period(date(2023, 10, 1), date(2024, 1, 1))
    assert Period.of("ytd", date(2024, 5, 10)).previous("ytd") == Period(date(2023, 8, 23), date(2024, 1, 1))
    rolling = Period.of("rolling12", date(2024, 5, 10))
    assert rolling.previous("rolling12") == Period(date(2023, 4, 11), date(2024, 4, 11))
    assert rolling.previous("rolling12") != rolling.year_before()
    assert Period.of("year", day) == Period(date(2024, 1, 1), date(2025, 1, 1))
    assert (
        Period.of("month", day).label() == "2024年2月" and Period.of("day", day).label("en") == "2024-02-29"
    )
    with pytest.raises(ValueError, match="期间为空"):
        Period(day, day)


def test_a_running_period_is_compared_up_to_the_same_day() -> None:
    today = date(2026, 11, 28)
    year, month, quarter = (Period.of(grain, today) for grain in ("year", "month", "quarter"))
    assert (
        year.year_before(today)
        == Period(date(2025, 1, 1), date(2025, 11, 29))
        == year.previous("year", today)
    )
    assert year.year_before(today) == Period.of("ytd", today).year_before(today)
    assert month.previous("month", today) == Period(date(2026, 10, 1), date(2026, 10, 29))
    assert month.year_before(today) == Period(date(2025, 11, 1), date(2025, 11, 29))
    assert quarter.previous("quarter", today) == Period(date(2026, 7, 1), date(2026, 8, 29))
    march = Period.of("month", date(2026, 3, 30))
    assert march.previous("month", date(2026, 3, 30)) == Period.of("month", date(2026, 2, 1))
    for finished in (Period.of("month", date(2026, 10, 5)), Period.of("year", date(2025, 1, 1))):
        assert finished.year_before(today) == finished.year_before()
        assert finished.previous("month", today) == finished.previous("month")
    last_day = date(2026, 11, 30)
    assert month.previous("month", last_day) == Period.of("month", date(2026, 10, 1))


@given(
    st.sampled_from(["day", "month", "quarter", "year", "ytd", "rolling12"]),
    st.dates(date(1990, 1, 1), date(2100, 1, 1)),
)
def test_a_period_holds_its_day_and_follows_its_predecessor(grain: Grain, day: date) -> None:
    period = Period.of(grain, day)
    assert period.start <= day < period.end
    before = period.previous(grain)
    if grain == "rolling12":
        assert before.end == add_months(period.end, -1)
    else:
        assert before.end == period.start
    assert hash(Filters(period)) == hash(Filters(Period(period.start, period.end)))


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(-60, 60))
def test_months_are_added_like_on_a_calendar(day: date, months: int) -> None:
    moved = add_months(day, months)
    assert (moved.year * 12 + moved.month) - (day.year * 12 + day.month) == months
    assert moved.day == day.day or (moved + timedelta(days=1)).day == 1
