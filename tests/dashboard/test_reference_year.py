"""The figures that Hangzhou published for 2023 stand on the screens over the city market, read from the page; none is canned:
the small city says the same of its own totals."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from dashboard import context
from dashboard.config import DeskConfig
from records.clock import now
from records.ledger import Ledger
from sunbid.demo import home, load
from sunbid.demo.city import build
from sunbid.demo.city.clock import REFERENCE_YEAR, CityClock
from sunbid.demo.city.records import DEAL_SECTOR
from sunbid.demo.city.targets import Targets
from supervision.figures.answers import Answers
from supervision.figures.filters import Filters
from supervision.figures.formats import big_count
from supervision.home import CertificateRegion
from supervision.lens.reader import Lens
from tests.dashboard.test_every_figure import Shown, per_cent, wan
from tests.ledgers import new_ledger
from tests.places import HANGZHOU, PUBLISHED

SMALL, WHOLE = 0.01, 1.0
YEAR = {"period": str(REFERENCE_YEAR)}


@pytest.fixture(
    scope="module",
    params=[SMALL, pytest.param(WHOLE, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])],
    ids=["small", "whole"],
)
def city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    """A desk over a city built once; its totals."""
    folder = tmp_path_factory.mktemp("city")
    book = new_ledger(folder / "ledger.db")
    load.ensure_source(book)
    build.ensure(book, folder, 1, now(), request.param)
    book.close()
    listed = (one.partition(":") for one in home.CERTIFICATES.split())
    regions = tuple(CertificateRegion(province, state or "recognised") for province, _, state in listed)
    context.configure(desk_of(folder, regions))
    yield Targets.scaled(request.param)
    context.identify_by(None)
    context.ledger().close()


def desk_of(folder: Path, regions: tuple[CertificateRegion, ...]) -> DeskConfig:
    return DeskConfig(
        f"sqlite:///{folder}/ledger.db", folder, home=HANGZHOU, reference=PUBLISHED, certificates=regions
    )


@pytest.fixture
def answers(city: Targets) -> Iterator[Answers]:
    config = context.config()
    ledger = Ledger(config.database_url)
    yield Answers(Lens(config.data_dir), ledger)
    ledger.close()


def test_openness(city: Targets) -> None:
    shown = Shown("S02", YEAR)
    assert shown.values["外地企业参与占比"] == per_cent(city.outside, city.participations)
    part = big_count(city.outside, "家次") if city.outside >= 100_000 else f"{city.outside:,}"
    assert f"{part} / {city.participations:,} 家次" in shown.lines["外地企业参与占比"]
    assert shown.values["外地参标标段"] == f"{city.outside_lots:,}个标段"
    assert "数字证书互认 13 省市" in shown.markup
    if city.fraction == WHOLE:
        assert shown.values["外地企业参与占比"] == "34.15%"
        assert "31.26万家次 / 915,373 家次" in shown.lines["外地企业参与占比"]
        assert shown.values["外地参标标段"] == "2,954个标段"


def test_broadcasts(city: Targets) -> None:
    shown = Shown("S04", YEAR)
    assert shown.values["直播间数"] == "28间"
    assert shown.values["直播场次"] == f"{city.broadcasts:,}场"
    assert f"服务 {big_count(city.served, '家次')}" in shown.lines["直播场次"]
    if city.fraction == WHOLE:
        assert shown.values["直播场次"] == "1,420场" and "服务 39.80万家次" in shown.lines["直播场次"]


def test_key_projects_and_the_savings_of_the_topic(city: Targets) -> None:
    shown = Shown("S05", YEAR)
    assert shown.values["重点项目标段"] == f"{sum(city.key.values()):,}个"
    kinds = f"市重点 {city.key['city_plan']} + 动态保障 {city.key['safeguard']}"
    assert kinds in shown.lines["重点项目标段"]
    topic = Shown("S05", {**YEAR, "topic": DEAL_SECTOR})
    assert topic.values["平均节资率（简单）"] == topic.values["节资率（加权）"] == "16.34%"
    assert topic.values["成交金额"] == wan(city.deal_amount * 10_000)
    assert f"{city.deals:,} 个标段" in topic.lines["成交金额"]
    if city.fraction == WHOLE:
        assert shown.values["重点项目标段"] == "513个" and kinds == "市重点 134 + 动态保障 379"
        assert topic.values["成交金额"] == "708.50亿元"


def test_records(city: Targets, answers: Answers) -> None:
    held = answers.value("M50", Filters()).value
    assert held == city.records
    assert Shown("S01", YEAR).values["数据总量"] == big_count(held, "条")
    if city.fraction == WHOLE:
        assert Shown("S01", YEAR).values["数据总量"] == "366.15万条"


def test_evaluations_and_refunds(city: Targets, answers: Answers) -> None:
    filters = Filters(CityClock(now()).reference, "year")
    found = answers.values(["M36", "M38", "M39", "M40"], filters)
    assert (found["M36"].numerator, found["M36"].denominator) == (sum(city.remote.values()), city.lots)
    assert (found["M38"].attendances, found["M38"].amount) == (city.attendances, Decimal(city.fees))
    assert (found["M39"].numerator, found["M39"].denominator) == (city.lots, city.lots)
    deposits = found["M40"]
    assert (deposits.refunded, deposits.refunded_amount) == (city.refunds, Decimal(city.refunded))
    assert deposits.returned.text == "100.00%"
