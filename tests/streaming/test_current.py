"""Which opening a room is at: the public hall and the desk's wall give one answer, whatever stands in the room."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from records.clock import running_from, start_of, today
from records.ledger import Ledger
from supervision.lists import hall
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until

Step = Callable[[Ledger, str], Any]


def waits(ledger: Ledger, key: str) -> None: ...


def runs(ledger: Ledger, key: str) -> None:
    market.begin(ledger, key)


def pauses(ledger: Ledger, key: str) -> None:
    market.begin(ledger, key)
    market.event(ledger, key, "paused", reason="身份核对")


def ends(ledger: Ledger, key: str) -> None:
    market.begin(ledger, key)
    market.finish(ledger, key)


TOGETHER: dict[str, tuple[list[tuple[int, Step]], str | None]] = {
    # minutes after two o'clock at which each is due, what becomes of it, in that order → which one the room is at
    "nothing": ([], None),
    "both run, the later announced began first": ([(-5, runs), (-60, runs)], "O0"),
    "the first pauses, the second runs": ([(-30, pauses), (-20, runs)], "O0"),
    "the first runs, the second pauses": ([(-30, runs), (-20, pauses)], "O0"),
    "one runs, one is overdue": ([(-300, waits), (-20, runs)], "O1"),
    "one has ended, one runs": ([(-30, ends), (-20, runs)], "O1"),
    "one has ended, one is about to begin": ([(-30, ends), (20, waits)], "O1"),
    "one has ended, one is hours ahead": ([(-30, ends), (240, waits)], "O0"),
    "both have ended": ([(-30, ends), (-20, ends)], "O1"),
    "two at the same minute": ([(10, waits), (10, waits)], "O0"),
    "one overdue since yesterday": ([(-600, waits)], "O0"),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_hall_and_desk_agree_on_what_a_room_is_at(rig: Rig, name: str) -> None:
    found, expected = TOGETHER[name]
    two = start_of(today()) + timedelta(hours=14)
    with running_from(two):
        for index, (minutes, _) in enumerate(found):
            market.opening(rig.ledger, f"O{index}", at=two + timedelta(minutes=minutes))
        for index, (_, becomes) in enumerate(found):
            becomes(rig.ledger, f"O{index}")
        until(lambda: public(rig), expected)
        assert desk(rig) == expected


def test_what_is_hours_ahead_is_next_on_the_desk_and_not_yet_in_the_hall(rig: Rig) -> None:
    two = start_of(today()) + timedelta(hours=14)
    with running_from(two):
        market.opening(rig.ledger, "O1", at=two + timedelta(hours=5))
        market.opening(rig.ledger, "O2", at=two + timedelta(hours=3))
        until(lambda: rig.get("/api/openings/O2").status_code, 200)
        assert (public(rig), desk(rig)) == (None, "O2")


def test_a_filter_of_the_desk_shows_no_other_opening_than_the_one_the_room_is_at(rig: Rig) -> None:
    two = start_of(today()) + timedelta(hours=14)
    with running_from(two):
        market.opening(rig.ledger, "O1", at=two - timedelta(minutes=9))
        market.opening(rig.ledger, "O2", at=two + timedelta(minutes=9), family="procurement")
        market.begin(rig.ledger, "O1")
        assert desk(rig, family="works") == "O1"
        assert desk(rig, family="procurement") is None


def public(rig: Rig) -> str | None:
    found: str | None = next(
        line["opening"] for line in rig.get("/api/rooms").json() if line["id"] == "hz-01"
    )
    return found


def desk(rig: Rig, **narrowed: Any) -> str | None:
    with rig.ledger.read() as session:
        seats = hall.seats(session, "zh", **narrowed)
    found: str | None = next((seat["opening"] for seat in seats if seat["room"] == "hz-01"), None)
    return found
