"""Month by month, and year by year, a figure is what it is over each of them alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.charts.scale import firsts
from dashboard.config import DeskConfig
from dashboard.shell import figure_cards
from dashboard.shell.filters import today
from records.clock import add_months
from supervision.figures.filters import Filters, Period

METRICS = ("M02", "M03", "M04", "M04b", "M05", "M06", "M09", "M10", "M11", "M18", "M29", "M30", "M36", "M41")


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
def test_agrees_with_the_figure(desk: DeskConfig, filters: Filters) -> None:
    points, answers = firsts(today().replace(day=1), 3), figure_cards.answers()
    found = answers.series(METRICS, filters, points)
    for place, first in enumerate(points):
        alone = answers.values(METRICS, replace(filters, period=Period(first, add_months(first, 1))))
        assert {one: found[one][place] for one in METRICS} == {one: alone[one] for one in METRICS}


def test_a_year_agrees_with_the_figure(desk: DeskConfig) -> None:
    year, answers = today().replace(month=1, day=1), figure_cards.answers()
    points = [year.replace(year=year.year - 1), year]
    found = answers.series(METRICS, Filters(), points, years=True)
    for place, first in enumerate(points):
        alone = answers.values(METRICS, Filters(period=Period.of("year", first)))
        assert {one: found[one][place] for one in METRICS} == {one: alone[one] for one in METRICS}


def test_points_end_with_the_periods_last_month(desk: DeskConfig) -> None:
    period = Period.of("rolling12", today())
    assert len(figure_cards.series(("M03",), Filters(period=period), 24)["M03"]) == 24
    assert sum(v or 0 for v in figure_cards.series(("M03",), Filters(period=period), 3)["M03"]) == 4
