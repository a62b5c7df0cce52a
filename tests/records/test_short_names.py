"""Masked names are found in a text however people shorten them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.public.masking import mask, needles, plain, shortened
from records.public.rows import MASK

OWN = st.text(alphabet="云岭海川锦程晨曦白鹭望潮远山鼎泰", min_size=2, max_size=4)
"""A firm's own part."""
PLACES = st.sampled_from(["", "杭州", "浙江省", "浙江省宁波市", "余姚市", "中国"])
TRADES = st.lists(st.sampled_from(["建设", "工程", "市政", "路桥", "设计院", "科技", "咨询"]), max_size=3)
FORMS = st.sampled_from(["有限公司", "有限责任公司", "股份有限公司", "集团有限公司", ""])
HARMLESS = st.text(alphabet="质量合格工期的与提出，。；A1 ", max_size=12)


@given(PLACES, OWN, TRADES, FORMS, st.integers(0, 3), st.booleans(), st.booleans(), HARMLESS, HARMLESS)
def test_no_short_form_of_a_name_is_left_in_a_text(
    place: str,
    own: str,
    trades: list[str],
    form: str,
    kept: int,
    local: bool,
    company: bool,
    before: str,
    after: str,
) -> None:
    whole = place + own + "".join(trades) + form
    typed = (place if local else "") + own + "".join(trades[:kept]) + ("公司" if company else "")
    for spelled in (typed, " ".join(typed), f"（{typed}）"):
        shown = mask(before + spelled + after, needles([whole]))
        assert own not in plain(shown) and MASK in shown, (whole, spelled, shown)


@given(OWN, TRADES, FORMS, HARMLESS)
def test_a_text_without_the_name_stays_as_it_is(own: str, trades: list[str], form: str, text: str) -> None:
    assert mask(text, needles([own + "".join(trades) + form])) == text


@pytest.mark.parametrize(
    ("name", "short"),
    [
        (
            "杭州云岭建设工程有限公司",
            ["杭州云岭建设工程", "杭州云岭建设", "杭州云岭", "云岭建设工程", "云岭建设", "云岭"],
        ),
        ("浙江省建设工程有限公司", ["浙江省建设工程", "浙江省建设"]),
        ("质量检测有限公司", ["质量检测"]),
        ("市政工程有限公司", []),
    ],
)
def test_neither_place_nor_trade_alone_is_taken_for_a_name(name: str, short: list[str]) -> None:
    assert [form for form in shortened(name) if form not in ("浙江省",)] == short
