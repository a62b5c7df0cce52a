"""A project's page tells the life of its lots beside the law's clock, and accuses nobody for what nobody has reported."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from records.clock import now, rfc3339
from streaming.site.life import stages
from streaming.site.prices import histogram

PAST = now() - timedelta(days=100)
LOT = {"id": "L1", "method": "open", "trade_family": "works", "status": "awarded", "deadline": rfc3339(PAST)}
OPENING = {"id": "O1", "scheduled_at": rfc3339(PAST), "started_at": rfc3339(PAST), "ended_at": rfc3339(PAST)}
AWARD = {
    "publicity_from": rfc3339(PAST + timedelta(days=2)),
    "publicity_until": rfc3339(PAST + timedelta(days=5)),
    "awarded": [{"awarded_at": rfc3339(PAST + timedelta(days=6))}],
}


def told(lang: str = "zh", bidders: int | None = 5, **lot: Any) -> dict[str, Any]:
    found = stages({**LOT, **lot}, OPENING, bidders, AWARD, {}, lang)
    return {stage.name: stage for stage in found}


def test_a_contract_nobody_has_reported_is_said_to_be_unreported_not_unsigned() -> None:
    contract = told()["合同"]
    assert (
        contract.state == "cur" and contract.check.kept == "late" and "未见合同报送" in contract.check.words
    )


@pytest.mark.parametrize("status", ["contracted", "archived"])
def test_a_lot_known_to_be_under_contract_is_late_with_nothing(status: str) -> None:
    contract = told(status=status)["合同"]
    assert contract.state == "ok" and contract.check is None


def test_a_step_that_must_have_been_is_unreported_and_none_waits_for_it() -> None:
    found = told()
    assert found["招标公告"].at == "未报送" and found["招标公告"].state == "no"
    assert found["澄清修改"].at == "未发布变更"
    assert [stage.name for stage in found.values() if stage.state == "cur"] == ["合同"]


def test_an_opening_with_too_few_bidders_is_marked_with_the_article() -> None:
    check = told(bidders=2)["开标"].check
    assert (check.kept, check.measured, check.article) == ("broken", "2 家投标", "招标投标法实施条例第 44 条")
    assert told(bidders=2, method="direct")["开标"].check.kept == "kept"


def test_an_opening_that_began_late_says_so_beside_the_mark_of_its_set_time() -> None:
    late = {**OPENING, "started_at": rfc3339(PAST + timedelta(minutes=9))}
    stage = next(one for one in stages(LOT, late, 5, AWARD, {}, "zh") if one.name == "开标")
    assert stage.check is not None and stage.check.words == "预定与截止同一时刻"
    assert stage.note.endswith("实际晚 9 分钟开始") and told()["开标"].note == ""


def test_nothing_runs_of_a_lot_that_failed() -> None:
    assert not [stage for stage in told(status="failed").values() if stage.state == "cur"]


def test_nothing_of_what_is_to_come_is_told() -> None:
    lot = {**LOT, "deadline": rfc3339(now() + timedelta(days=3)), "status": "bidding"}
    found = stages(lot, None, None, None, {}, "en")
    assert [stage.state for stage in found] == ["no", "no", "cur", "no", "no", "no", "no", "no"]
    assert not [stage for stage in found if stage.check]


# ── the prices ────────────────────────────────────────────────────────────────


def record(prices: list[int], limit: int | None = None) -> dict[str, Any]:
    bids = [{"name": f"公司{i}", "price": str(price)} for i, price in enumerate(prices)]
    return {"bids": bids, "control_price": {"amount": str(limit)} if limit else None}


def test_the_winning_price_stands_among_the_others() -> None:
    found = histogram(record(list(range(900_000, 1_000_000, 1000)), 1_010_000), "950000", "CNY", "zh")
    assert found is not None and found.won is not None and found.limit is not None
    assert 0 < found.won.x < found.limit.x < 100
    assert "第 51 位（共 100 家）" in found.says and found.title == "中标价在 100 家报价中处于什么位置？"
    assert max(bar.height for bar in found.bars) == 40.0 and all(0 <= bar.x <= 100 for bar in found.bars)


def test_a_slip_of_the_decimal_point_does_not_press_the_others_into_one_bar() -> None:
    found = histogram(record([*range(900_000, 1_000_000, 5000), 95_000_000]), None, "CNY", "zh")
    assert found is not None and len(found.bars) > 5 and "另有 1 家" in found.says


@pytest.mark.parametrize(
    "prices",
    [
        [],
        [5, 6, 7, 8],
    ],
)
def test_few_prices_are_a_table_not_a_picture(prices: list[int]) -> None:
    assert histogram(record(prices), None, "CNY", "zh") is None
    assert histogram(None, None, "CNY", "zh") is None


@pytest.mark.parametrize("price", [1, 27_648_000, 10**12])
def test_equal_prices_are_one_bar(price: int) -> None:
    found = histogram(record([price] * 6, price), str(price), "CNY", "en")
    assert found is not None and len(found.bars) == 1 and found.won is not None
