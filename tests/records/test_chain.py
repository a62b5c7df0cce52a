"""The hash chain: every change is found, at its place."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import chain

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
bodies = st.lists(st.dictionaries(st.text(max_size=8), json_values, max_size=4), min_size=1, max_size=6)


def build(start: str, entries: list[dict[str, object]]) -> list[tuple[dict[str, object], str]]:
    pairs, previous = [], start
    for body in entries:
        previous = chain.link(previous, body)
        pairs.append((body, previous))
    return pairs


def test_a_worked_example() -> None:
    """SHA-256 over the previous hash, a line feed and canonical JSON: anyone can redo it by hand."""
    start = hashlib.sha256(b"sunbid/opening/K1").hexdigest()
    assert chain.genesis("opening/K1") == start
    expected = hashlib.sha256((start + '\n{"a":"标段","b":1}').encode()).hexdigest()
    assert chain.link(start, {"b": 1, "a": "标段"}) == expected


@given(bodies)
def test_an_untouched_chain_holds(entries: list[dict[str, object]]) -> None:
    start = chain.genesis("test")
    assert chain.verify(start, build(start, entries)) is None


@given(bodies, st.data())
def test_any_changed_body_is_found_at_its_place(
    entries: list[dict[str, object]], data: st.DataObject
) -> None:
    start = chain.genesis("test")
    pairs = build(start, entries)
    index = data.draw(st.integers(0, len(pairs) - 1))
    pairs[index] = ({**pairs[index][0], "forged": "x"}, pairs[index][1])
    found = chain.verify(start, pairs)
    assert found is not None and found.index == index


def test_a_removed_entry_breaks_the_chain_at_its_successor() -> None:
    start = chain.genesis("test")
    pairs = build(start, [{"n": i} for i in range(4)])
    found = chain.verify(start, pairs[:1] + pairs[2:])
    assert found is not None and found.index == 1


def test_nan_has_no_canonical_form() -> None:
    with pytest.raises(ValueError, match="JSON"):
        chain.canonical({"x": float("nan")})


def test_a_stamp_does_not_depend_on_the_zone_it_was_given_in() -> None:
    moment = datetime(2026, 11, 19, 14, 30, 5, 123, tzinfo=timezone(timedelta(hours=8)))
    assert chain.stamp(moment) == chain.stamp(moment.astimezone(UTC)) == "2026-11-19T06:30:05.000123Z"
