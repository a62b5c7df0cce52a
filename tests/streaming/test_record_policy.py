"""When a room is recorded, and what Prometheus is told of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from records import current
from records.clock import now, rfc3339
from streaming.recording.policy import OpeningPolicy
from streaming.recording.recorder import RecordingStatus, families


def opening(
    state: str, scheduled: float, ended: float | None = None, room: str = "hz-01", key: str = "op"
) -> dict[str, Any]:
    """Minutes from now."""
    return {
        "id": key, "room": room, "state": state, "scheduled_at": rfc3339(now() + timedelta(minutes=scheduled)),
        "started_at": None, "ended_at": None if ended is None else rfc3339(now() + timedelta(minutes=ended)),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ({"state": "scheduled", "scheduled": 14}, True),
        ({"state": "scheduled", "scheduled": 16}, False),
        ({"state": "scheduled", "scheduled": -30}, True),
        ({"state": "scheduled", "scheduled": -13 * 60}, False),
        ({"state": "in_progress", "scheduled": -60}, True),
        ({"state": "paused", "scheduled": -60}, True),
        ({"state": "ended", "scheduled": -60, "ended": -1}, True),
        ({"state": "ended", "scheduled": -60, "ended": -3}, False),
        ({"state": "sealed", "scheduled": -60, "ended": -1}, True),
        ({"state": "cancelled", "scheduled": -1}, False),
        ({"state": "in_progress", "scheduled": -5, "room": "hz-02"}, False),
    ],
)
def test_from_a_quarter_of_an_hour_before_until_two_minutes_after(held: dict[str, Any], wanted: bool) -> None:
    policy = OpeningPolicy(lambda: [opening(**held)], lambda room: True)
    assert policy("hz-01") == ("op" if wanted else None)


def test_without_pictures_nothing_is_recorded() -> None:
    assert OpeningPolicy(lambda: [opening("in_progress", -5)], lambda room: False)("hz-01") is None


def test_the_running_opening_comes_before_the_next_one() -> None:
    held = [
        opening("scheduled", 5, key="next"),
        opening("in_progress", -60, key="now"),
        opening("ended", -90, -1, key="over"),
    ]
    assert OpeningPolicy(lambda: held, lambda room: True)("hz-01") == "now"
    assert OpeningPolicy(lambda: held[::2], lambda room: True)("hz-01") == "over"


def test_of_two_running_that_is_recorded_which_the_room_is_at() -> None:
    began = [rfc3339(now() - timedelta(minutes=minutes)) for minutes in (50, 20)]
    held = [
        opening("in_progress", -60, key="first") | {"started_at": began[0]},
        opening("in_progress", -30, key="second") | {"started_at": began[1]},
    ]
    here = current.first([current.Claim.of_payload(one) for one in held], now())
    assert OpeningPolicy(lambda: held, lambda room: True)("hz-01") == here == "first"


def test_metrics_have_a_sample_a_room() -> None:
    rooms = {
        "hz-01": RecordingStatus(True, now(), 10, 1.5, 2, 3),
        "hz-02": RecordingStatus(False, None, 0, None, 0, 0),
    }
    found = {
        family.name: {s.labels.get("room"): s.value for s in family.samples}
        for family in families(rooms, 7, False)
    }
    assert found["sunbid_recording_active"] == {"hz-01": 1.0, "hz-02": 0.0}
    assert found["sunbid_recording_fragment_age_seconds"] == {"hz-01": 1.5}
    assert found["sunbid_recording_free_bytes"] == {None: 7.0}
