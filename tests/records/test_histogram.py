"""Spans counted by class: a quantile is off by no more than a class is wide, and parts add up to the whole."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.histogram import LONGEST, SMALLEST, class_of, quantile, together, upper_end

SPANS = st.lists(st.floats(SMALLEST, LONGEST), min_size=1, max_size=200)


@given(SPANS)
def test_a_quantile_is_off_by_five_per_cent_at_the_most(spans: list[float]) -> None:
    exact = sorted(spans)[-(-len(spans) * 95 // 100) - 1]
    found = quantile(Counter(map(class_of, spans)), 0.95)
    assert found is not None and exact <= found * (1 + 1e-9) and found <= exact * 1.05 * (1 + 1e-9)


def test_the_95th_of_a_hundred_seconds() -> None:
    counts = Counter(class_of(float(n)) for n in range(1, 101))
    found = quantile(counts, 0.95)
    assert found is not None and found == pytest.approx(95, rel=0.05) and found >= 95
    assert quantile({}, 0.95) is None


def test_what_is_out_of_bounds_is_in_the_first_or_the_last_class() -> None:
    assert class_of(0.0) == class_of(SMALLEST) == 0 and upper_end(0) == SMALLEST
    assert class_of(1e9) == class_of(LONGEST)


def test_histograms_of_the_ledger_add_up() -> None:
    assert together([{"3": 2, "10": 1}, {}, {"3": 1}]) == {3: 3, 10: 1}
