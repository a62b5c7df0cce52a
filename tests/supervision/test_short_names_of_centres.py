"""A centre's name on screens, without what all of them share."""

from __future__ import annotations

import pytest

from supervision.lists.remote import short


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("温州市公共资源交易中心", "温州"), ("合肥市包河区公共资源交易中心", "合肥市包河区"), ("西湖分中心", "西湖"),
        ("杭州市公共资源交易中心西湖分中心", "杭州西湖"), ("分中心", "分中心"), ("Xihu Branch", "Xihu Branch"),
    ],
)  # fmt: skip
def test_a_site_is_called_by_what_is_its_own(name: str, shown: str) -> None:
    assert short(name) == shown
