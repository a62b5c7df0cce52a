"""Broadcast sessions: on air only while the opening runs and pictures arrive."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import select

from records.clock import now
from records.tables.broadcast import BroadcastSession
from streaming.live.broadcast import Airing
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig


def airing(*course: tuple[str, bool]) -> Airing:
    """An airing that saw these (state of the opening, pictures arrive), ten seconds apart."""
    held = Airing("O1", "hz-01")
    for state, sending in course:
        held.advance(state, sending, 10.0, now())
    return held


def test_standby_until_the_opening_runs_with_a_picture() -> None:
    assert airing(("scheduled", True)).state == "standby"
    assert airing(("in_progress", False)).state == "standby"
    assert airing(("in_progress", True)).state == "live"


def test_seconds_on_air_leave_out_gaps_and_pauses() -> None:
    held = airing(
        ("in_progress", True), ("in_progress", True), ("in_progress", False), ("in_progress", True),
        ("paused", True), ("in_progress", True), ("in_progress", True),
    )  # fmt: skip
    assert held.seconds_live == 10 + 10 + 10 + 10
    assert held.interruptions == 1
    assert held.state == "live"


def test_losing_the_picture_in_a_pause_is_no_interruption() -> None:
    held = airing(("in_progress", True), ("paused", True), ("paused", False), ("in_progress", False))
    assert held.interruptions == 0


def session_of(rig: Rig) -> BroadcastSession | None:
    with rig.ledger.read() as session:
        return session.scalars(select(BroadcastSession)).first()


def wait_for(rig: Rig, good: Callable[[BroadcastSession], bool]) -> BroadcastSession:
    limit = time.monotonic() + 6
    while True:
        row = session_of(rig)
        if row and good(row):
            return row
        assert time.monotonic() < limit, row and (row.state, row.interruptions)
        time.sleep(0.1)


def test_the_session_of_an_opening_is_written_down(rig: Rig) -> None:
    market.opening(rig.ledger)
    wait_for(rig, lambda row: row.state == "standby")
    market.begin(rig.ledger)
    rig.media.switch("hz-01", True)
    live = wait_for(rig, lambda row: row.state == "live")
    assert (live.opening_id, live.room_id) == ("O1", "hz-01")
    assert live.live_at is not None
    rig.media.switch("hz-01", False)
    wait_for(rig, lambda row: row.interruptions == 1)
    rig.media.switch("hz-01", True)
    market.finish(rig.ledger)
    ended = wait_for(rig, lambda row: row.state == "ended")
    assert ended.ended_at is not None
    assert ended.seconds_live > 0
