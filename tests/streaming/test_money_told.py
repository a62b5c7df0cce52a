"""Amounts on the public pages carry the currency of their lot, in every sentence and table, in both languages."""

from __future__ import annotations

import re

import pytest

from records.public import rows as public
from records.tables.projects import Project
from tests.reading import read
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until
from tests.streaming.test_pages_every_step import WALK, announce, take, told

PAGES = ("/room/hz-01", "/opening/O1", "/project/P-O1", "/verify?opening=O1")


def visible(rig: Rig, path: str, lang: str) -> str:
    html = rig.get(f"{path}{'&' if '?' in path else '?'}lang={lang}").text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.fixture
def opened(rig: Rig, request: pytest.FixtureRequest) -> Rig:
    """An opening told whole, its lot in the currency that the test names, with an award."""
    currency: str = request.param
    announce(rig, "O1", currency=currency, control_price=2_030_000)
    with rig.ledger.write() as session:
        session.get_one(Project, "P-O1").investment = 98_765_000  # type: ignore[assignment]
        line = {"rank": 1, "name": "示例建设", "price": "1820000", "currency": currency}
        award = {"lot": "L-O1", "project": "P-O1", "stage": "awarded", "awarded": [line], "candidates": []}
        public.publish(session, "award", "L-O1", award)
        public.publish(
            session, "project", "P-O1", {"id": "P-O1", "name": "示例项目", "investment": "98765000"}
        )
    for kind, must, may in WALK[:-1]:
        take(rig.ledger, "O1", kind, must | may)
    told(rig, "O1")
    until(lambda: "1,820,000" in rig.get("/opening/O1?lang=en").text, True)
    return rig


@pytest.mark.parametrize("opened", ["JPY", "BRL"], indirect=True)
@pytest.mark.parametrize("path", PAGES)
def test_amounts_that_are_not_yuan_never_look_like_yuan(opened: Rig, path: str) -> None:
    zh, en = visible(opened, path, "zh"), visible(opened, path, "en")
    assert "元" not in zh and "CNY" not in zh and "CNY" not in en
    assert re.search(r"(JPY|BRL) [\d,]+\.\d\d", zh) and re.search(r"(JPY|BRL) [\d,]+\.\d\d", en)


@pytest.mark.parametrize("opened", ["CNY"], indirect=True)
def test_yuan_stay_in_ten_thousands_and_the_distance_to_the_ceiling_is_told(opened: Rig) -> None:
    assert "203.00 万元" in visible(opened, "/opening/O1", "zh")
    assert "21.00 万元" in visible(opened, "/opening/O1", "zh")  # 203 − 182
    assert "9,876.50 万元" in visible(opened, "/project/P-O1", "zh")


@pytest.mark.parametrize("opened", ["JPY"], indirect=True)
def test_the_distance_to_the_ceiling_is_told_in_yen_too(opened: Rig) -> None:
    assert "JPY 210,000.00" in visible(opened, "/opening/O1", "zh")
    assert "JPY 98,765,000.00" in visible(opened, "/project/P-O1", "en")


@pytest.mark.parametrize("opened", ["JPY"], indirect=True)
def test_the_script_of_the_room_learns_the_currency(opened: Rig) -> None:
    for path in ("/room/hz-01", "/verify?opening=O1"):
        assert read(opened.get(path).text).all("body")[0].attributes["data-currency"] == "JPY"


def test_whether_vat_is_in_the_amounts_is_told_and_a_price_that_counts_otherwise_is_not_compared(
    rig: Rig,
) -> None:
    announce(rig, "O1", control_price=2_030_000, vat="excluded")
    line = {"no": 1, "name": "示例建设", "price": "2100000"}
    other = {"no": 2, "name": "又一家", "price": "2200000", "remark": "含增值税"}
    names = [{"no": one["no"], "name": one["name"]} for one in (line, other)]
    for kind, payload in (
        ("bidders_published", {"count": 2, "bidders": names}), ("decrypt_progress", {"done": 2, "total": 2}),
        ("bid_read", line), ("bid_read", other), ("record_confirmed", {"rows": 2}),
    ):  # fmt: skip
        take(rig.ledger, "O1", kind, payload)
    told(rig, "O1")
    bids = rig.get("/api/openings/O1/record").json()["bids"]
    assert [(bid["over"], bid["other_vat"]) for bid in bids] == [(True, None), (None, "included")]
    for path in ("/room/hz-01", "/opening/O1"):
        until(lambda path=path: "又一家" in visible(rig, path, "zh"), True)
        zh, en = visible(rig, path, "zh"), visible(rig, path, "en")
        assert "报价（万元，不含税）" in zh and "Price (CNY excl. VAT)" in en
        assert "203.00 万元（不含税）" in zh and "金额口径 不含税" in zh
        assert "220.00 含税，不可比" in zh and "incl. VAT, not comparable" in en
        assert "投标报价 220.00 万元（含税）" in zh and "210.00 超限价" in zh
        assert "220.00 超限价" not in zh
