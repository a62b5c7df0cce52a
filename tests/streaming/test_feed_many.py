"""Many listeners of one opening at once: all hear every event, in order and soon; those that stop reading harm nobody."""

from __future__ import annotations

import pytest

from benchmarks import feed

pytestmark = [pytest.mark.server]


def test_three_hundred_listeners_hear_everything_within_a_second() -> None:
    """The figure for 2,000 is `sunbid bench feed`'s."""
    found = feed.measured(listeners=300, events=8, every=0.2, stuck=3)
    print(found)
    assert (found["gaps"], found["missing"]) == (0, 0)
    assert found["p95_ms"] <= 1000
