"""Month by month the desk's grouped queries say what the metrics say one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard import context, months
from dashboard.config import DeskConfig
from dashboard.shell import figure_cards as measures
from dashboard.shell.filters import today
from supervision.figures import lens_figures as metrics
from supervision.figures.filters import Filters, Period, add_months


@pytest.mark.parametrize("metric", months.METRICS)
@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(home="province", unit="firms"),
        Filters(centre="c1", trade_family="works"),
        Filters(category="none"),
    ],
    ids=["all", "firms", "centre", "empty"],
)
def test_agrees_with_the_metric(desk: DeskConfig, metric: str, filters: Filters) -> None:
    last = today().replace(day=1)
    found = months.by_month(filters, last, 3)[metric]
    for first, value in zip(months.firsts(last, 3), found, strict=True):
        alone = replace(filters, period=Period(first, add_months(first, 1)))
        expected = metrics.METRICS[metric].function(context.lens(), alone).value
        assert value == (None if expected is None else pytest.approx(float(expected)))


def test_trend_ends_with_the_periods_last_month(desk: DeskConfig) -> None:
    period = Period.of("rolling12", today())
    assert len(measures.trend("M03", Filters(period=period), 24)) == 24
    assert sum(v or 0 for v in measures.trend("M03", Filters(period=period), 3)) == 4


@pytest.mark.parametrize("metric", months.METRICS)
def test_a_year_agrees_with_the_metric(desk: DeskConfig, metric: str) -> None:
    year = today().replace(month=1, day=1)
    points = (year.replace(year=year.year - 1), year)
    found = months.series(Filters(), points, years=True)[metric]
    for first, value in zip(points, found, strict=True):
        alone = Filters(period=Period.of("year", first))
        expected = metrics.METRICS[metric].function(context.lens(), alone).value
        assert value == (None if expected is None else pytest.approx(float(expected)))
