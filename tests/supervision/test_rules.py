"""The lot rules at their boundaries, on worked examples."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import messages
from records.clock import BEIJING
from supervision.rules.facts import BidFact, DepositFact, LotFacts
from supervision.rules.files import groups, masked, normal
from supervision.rules.grounds import GROUNDS, weightiest
from supervision.rules.page import page
from supervision.rules.prices import ladder_deviation
from supervision.rules.registry import LOT_RULES, RULES, parse_settings, rule_of

B4, B6, B10 = (LOT_RULES[i] for i in ("B4", "B6", "B10"))
AT = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


def bid(order: int, price: str | None = None, **more: Any) -> BidFact:
    empty = dict.fromkeys(("mac", "cpu_serial", "disk_serial", "dongle_serial", "file_id"))
    row = {"on_site": False, "status": "valid", "decrypt_status": "success", **empty, **more}
    money = None if price is None else Decimal(price)
    return BidFact(order=order, id=f"b{order}", bidder_id=f"F{order}", received_at=AT, price=money, **row)


def facts(*bids: BidFact, deposits: tuple[DepositFact, ...] = (), prices_read: bool = True) -> LotFacts:
    return LotFacts("L1", "标段", "c1", "works", "市政", "open", "CNY", None, bids, deposits, prices_read)


def ladder(*prices: str, **more: Any) -> LotFacts:
    return facts(*(bid(n, price) for n, price in enumerate(prices, 1)), **more)


def deposit(firm: str, account: str | None, form: str = "transfer") -> DepositFact:
    return DepositFact(firm, form, Decimal(50_000), account, AT)


# ── B4 ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("field", ["mac", "disk_serial", "dongle_serial", "file_id"])
def test_b4_fires_on_each_strong_datum(field: str) -> None:
    (found,) = B4.evaluate(
        facts(bid(1, **{field: "3C5282AABB7E"}), bid(2), bid(3, **{field: "3c-52-82-aa-bb-7e"}))
    )
    assert (found.level, found.value, found.threshold) == ("red", 2.0, 2.0)
    assert [s.as_dict() for s in found.subjects] == [
        {"kind": "lot", "id": "L1"}, {"kind": "bidder", "id": "F1"}, {"kind": "bidder", "id": "F3"},
    ]  # fmt: skip
    (shared,) = found.evidence["shared"]
    assert shared["datum"] == field and shared["masked"] == "3C…7E" and shared["strength"] == "strong"
    assert shared["bids"] == [{"bidder": "F1", "order": 1}, {"bidder": "F3", "order": 3}]
    assert "3C5282AABB7E" not in str(found.as_dict())


def test_b4_cpu_alone_is_no_proof_but_supports() -> None:
    cpu = {"cpu_serial": "BFEBFBFF000906EA"}
    assert B4.evaluate(facts(bid(1, **cpu), bid(2, **cpu))) == []
    (found,) = B4.evaluate(facts(bid(1, **cpu, mac="3C5282AABB7E"), bid(2, **cpu, mac="3C5282AABB7E")))
    assert [(s["datum"], s["strength"]) for s in found.evidence["shared"]] == [
        ("mac", "strong"),
        ("cpu_serial", "medium"),
    ]


def test_b4_on_site_upload_says_nothing_about_the_machine_but_the_dongle_still_does() -> None:
    machine = {"mac": "3C5282AABB7E", "disk_serial": "WD-123456", "on_site": True}
    assert B4.evaluate(facts(bid(1, **machine), bid(2, **machine))) == []
    dongle = {"dongle_serial": "GLD-998877", "on_site": True}
    assert len(B4.evaluate(facts(bid(1, **dongle), bid(2, **dongle)))) == 1


@pytest.mark.parametrize(
    "nothing", ["", "00-00-00-00-00-00", "FFFFFFFFFFFF", "To be filled by O.E.M.", "N/A", None]
)
def test_b4_ignores_what_software_writes_when_it_does_not_know(nothing: str | None) -> None:
    assert B4.evaluate(facts(bid(1, mac=nothing), bid(2, mac=nothing))) == []


def test_b4_joins_bidders_tied_by_different_data_and_keeps_strangers_apart() -> None:
    found = B4.evaluate(
        facts(
            bid(1, mac="3C5282AABB7E"), bid(2, mac="3C5282AABB7E", dongle_serial="GLD-1111"),
            bid(3, dongle_serial="GLD-1111"), bid(4, disk_serial="WD-5555"), bid(5, disk_serial="WD-5555"), bid(6),
        )
    )  # fmt: skip
    assert [[s.id for s in f.subjects[1:]] for f in found] == [["F1", "F2", "F3"], ["F4", "F5"]]
    assert [f.value for f in found] == [3.0, 2.0]
    assert B4.measure(facts(bid(1, mac="3C5282AABB7E"), bid(2, mac="4C5282AABB7E"))) == 0.0
    assert B4.measure(facts(bid(1), bid(2))) is None


def test_b4_threshold_can_be_raised() -> None:
    two = facts(bid(1, mac="3C5282AABB7E"), bid(2, mac="3C5282AABB7E"))
    assert B4.evaluate(two, {"min_bidders": 3}) == []


@given(st.lists(st.frozensets(st.sampled_from("abcdefgh"), min_size=2), max_size=8))
def test_groups_are_disjoint_cover_everything_and_keep_each_set_whole(sets: list[frozenset[str]]) -> None:
    found = groups(sets)
    assert frozenset().union(*found) == frozenset().union(*sets)
    assert sum(len(g) for g in found) == len(frozenset().union(*found))
    assert all(any(s <= g for g in found) for s in sets)


@given(st.text(min_size=4, alphabet="0123456789ABCDEF", max_size=20))
def test_masking_shows_four_characters_at_most(serial: str) -> None:
    assert len(masked(serial)) == 5
    assert normal(serial.lower()) in (serial, None)


# ── B6 ───────────────────────────────────────────────────────────────────────


def test_b6_two_bidders_one_account() -> None:
    (found,) = B6.evaluate(
        facts(
            bid(1),
            bid(2),
            bid(3),
            deposits=(deposit("F1", "ab12cd34ef"), deposit("F3", "ab12cd34ef"), deposit("F2", "ff00")),
        )
    )
    assert (found.level, found.value, found.threshold) == ("red", 2.0, 2.0)
    assert found.evidence["account"] == "ab…ef" and "ab12cd34ef" not in str(found.as_dict())
    assert [(d["bidder"], d["order"], d["amount"]) for d in found.evidence["deposits"]] == [
        ("F1", 1, "50000"),
        ("F3", 3, "50000"),
    ]


def test_b6_says_nothing_of_guarantees_unknown_accounts_or_one_bidder_paying_twice() -> None:
    assert (
        B6.evaluate(facts(deposits=(deposit("F1", "ab", "guarantee"), deposit("F2", "ab", "guarantee"))))
        == []
    )
    assert B6.evaluate(facts(deposits=(deposit("F1", None), deposit("F2", None)))) == []
    assert B6.evaluate(facts(deposits=(deposit("F1", "ab"), deposit("F1", "ab")))) == []


# ── B10 ──────────────────────────────────────────────────────────────────────


def test_b10_perfect_ladder_of_four() -> None:
    (found,) = B10.evaluate(ladder("1030000", "1000000", "1020000", "1010000"))
    assert (found.level, found.value, found.threshold) == ("orange", 0.0, 0.02)
    assert [p["order"] for p in found.evidence["prices"]] == [2, 4, 3, 1]
    assert (
        found.evidence["gaps"] == ["10000", "10000", "10000"] and found.evidence["mean_gap"] == "10000.0000"
    )


def test_b10_exactly_at_two_per_cent_fires_and_one_cent_beyond_does_not() -> None:
    # gaps 98, 100, 102: mean 100, largest deviation exactly 2 %
    assert ladder_deviation([Decimal(p) for p in (0, 98, 198, 300)]) == pytest.approx(0.02)
    assert len(B10.evaluate(ladder("1000", "1098", "1198", "1300"))) == 1
    assert B10.evaluate(ladder("1000", "1097.99", "1198", "1300")) == []


def test_b10_needs_four_prices_all_read() -> None:
    assert B10.evaluate(ladder("100", "110", "120")) == []
    assert B10.evaluate(ladder("100", "110", "120", "130", prices_read=False)) == []
    assert B10.measure(ladder("100", "110", "120", "130", prices_read=False)) is None


def test_b10_identical_prices_are_no_ladder() -> None:
    assert ladder_deviation([Decimal(100)] * 5) is None
    assert B10.evaluate(ladder("100", "100", "100", "100")) == []
    assert B10.evaluate(ladder("100", "100", "110", "120", "130")) == []


def test_b10_is_not_the_geometric_test() -> None:
    """Near-equal ratios with uneven steps: the test that flags four lots in five of a real market."""
    assert B10.evaluate(ladder("1000000", "1001000", "1004000", "1005000")) == []


@given(st.lists(st.integers(1, 10**9), min_size=4, max_size=30), st.integers(1, 1000), st.integers(0, 10**6))
def test_ladder_deviation_ignores_order_scale_and_offset(prices: list[int], scale: int, offset: int) -> None:
    plain = ladder_deviation([Decimal(p) for p in prices])
    moved = ladder_deviation([Decimal(p * scale + offset) for p in reversed(prices)])
    assert plain == moved
    assert plain is None or 0 <= plain <= len(prices)


@given(st.integers(0, 10**9), st.integers(1, 10**6), st.integers(4, 40))
def test_every_arithmetic_ladder_is_found(start: int, step: int, n: int) -> None:
    assert ladder_deviation([Decimal(start + k * step) for k in range(n)]) == 0


# ── T8, T10 ──────────────────────────────────────────────────────────────────


def announced(days: int, hour: int = 9, **more: Any) -> LotFacts:
    end = datetime(2026, 11, 21, hour, tzinfo=BEIJING)
    return replace(
        facts(),
        notice_at=datetime(2026, 11, 21, 23, tzinfo=BEIJING) - timedelta(days=days),
        deadline=end,
        **more,
    )


def test_t8_counts_calendar_days_without_the_first() -> None:
    rule = LOT_RULES["T8"]
    assert rule.evaluate(announced(20)) == [] and rule.measure(announced(20)) == 20
    (found,) = rule.evaluate(announced(19))
    assert (found.value, found.threshold, found.level) == (19.0, 20.0, "yellow")
    assert (
        rule.evaluate(announced(5, method="direct")) == rule.evaluate(announced(5, trade_family="land")) == []
    )
    assert rule.measure(facts()) is None


def test_t10_compares_the_deposit_with_the_estimate() -> None:
    rule = LOT_RULES["T10"]
    asked = replace(facts(), estimate=Decimal(1_000_000), deposit_required=Decimal(20_000))
    assert rule.evaluate(asked) == [] and rule.measure(asked) == 0.02
    (found,) = rule.evaluate(replace(asked, deposit_required=Decimal(30_000)))
    assert found.value == 0.03 and found.evidence["deposit"] == "30000"
    assert rule.measure(replace(asked, estimate=None)) is None


# ── the registry ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rule_id", list(RULES))
def test_every_rule_tells_both_languages_and_keeps_its_parameters_in_range(rule_id: str) -> None:
    rule = rule_of(rule_id)
    told = [rule.says(part) for part in ("name", "formula", "unit", "cannot_know")]
    assert all(rule.law.text(lang) for lang in messages.languages())
    for message in (*told, *map(rule.parameter_name, rule.parameters)):
        assert all(message.text(lang) for lang in messages.languages())
        assert message.text("zh") != message.text("en")
    for parameter in rule.parameters:
        assert parameter.low <= parameter.default <= parameter.high
        with pytest.raises(ValueError, match=parameter.name):
            rule.settings({parameter.name: parameter.high + 1})


def test_every_rule_has_its_grounds_and_articles_are_written_in_one_way() -> None:
    assert set(GROUNDS) == set(RULES)
    assert rule_of("B4").law.text("zh") == "招标投标法实施条例第 40 条第 1、2 项"
    assert rule_of("B16").law.text("en") == "Bidding Law Regulations, art. 34 para. 2"
    assert rule_of("E3").law.text("zh") == "统计规则；发改法规〔2026〕195号第 17 项"
    assert weightiest("B4").text("zh") == "条例 40(1、2)" and weightiest("B1").text("en") == "NDRC 195 17"
    assert weightiest("T7").text("zh") == "世界银行" and rule_of("T7").law.text("zh").startswith(
        "世界银行廉政"
    )


def test_settings_are_parsed_and_wrong_ones_named() -> None:
    assert parse_settings(["B10.tolerance=0.05", "B4.min_bidders=3"]) == {
        "B10": {"tolerance": 0.05},
        "B4": {"min_bidders": 3.0},
    }
    for wrong in (
        "B10.tolerance",
        "B99.x=1",
        "B10.width=1",
        "B10.tolerance=2",
        "B10.tolerance=nan",
        "B4.min_bidders=2.5",
        "B10.tolerance=a",
    ):
        with pytest.raises(ValueError, match=wrong.split(".")[0]):
            parse_settings([wrong])


def test_the_documentation_is_that_of_the_registry() -> None:
    written = Path(__file__).parents[2] / "docs" / "rules.md"
    assert written.read_text(encoding="utf-8") == page(), (
        "run: python -m supervision.rules.page > docs/rules.md"
    )
