"""What sources say of deadlines and numbers, tried at the intake's door: nothing before its time, nothing that
contradicts the published list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.streaming.two_doors import HOUR, MINUTE, Place, T, World, bidders, lot, opening, said, step, world


@pytest.fixture
def one(place: Place, tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "one") as made:
        yield made


def published(count: int = 3, number: int = 50) -> dict[str, Any]:
    return step(number, "bidders_published", count=count, bidders=bidders(count))


# ── deadlines ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("moved", [timedelta(seconds=-10), timedelta(0), -HOUR, timedelta(days=-400)])
def test_an_announced_deadline_is_not_moved_into_the_past(one: World, moved: timedelta) -> None:
    answer = one.refuse(lot(2, deadline=T - HOUR + moved))
    assert answer["path"] == "data.deadline" and "不能提前" in answer["reason"]
    one.accept(lot(3, deadline=T - 30 * MINUTE), opening(2, T - 30 * MINUTE))
    assert one.hub.get("/api/openings/O1").json()["scheduled_at"].startswith("2026-05-06T09:00")


def test_a_deadline_left_out_stays_in_force(one: World, place: Place) -> None:
    one.accept(lot(2, deadline=None), opening(2, T + HOUR))
    assert one.refuse(lot(3, deadline=T - 2 * HOUR))["path"] == "data.deadline"
    place(T - MINUTE)
    assert "投标截止" in one.refuse(published())["reason"]
    assert one.types() == ["scheduled"]


def test_the_list_waits_for_the_time_the_opening_was_announced_for(one: World, place: Place) -> None:
    """The deadline is brought forward, the opening is not."""
    one.accept(lot(2, deadline=T - 30 * MINUTE))
    place(T - MINUTE)
    assert one.refuse(published())["path"] == "data.type"
    assert one.types() == ["scheduled"]
    place(T)
    one.accept(published(number=51))
    assert one.types() == ["scheduled", "bidders_published"]


@pytest.mark.parametrize("deadline", [None, T])
def test_an_opening_is_not_moved_into_the_past(one: World, deadline: datetime | None) -> None:
    """By its record, by an event, or by being called off and announced anew."""
    when = T - 2 * HOUR
    one.accept(
        said("lot", "L2", {"project": "P1", "name": "二标段"} | ({"deadline": deadline.isoformat()} if deadline else {})),
        said("opening", "O2", {"lot": "L2", "room": "r1", "scheduled_at": T.isoformat()}),
    )  # fmt: skip
    again = {"lot": "L2", "room": "r1", "scheduled_at": when.isoformat()}
    answer = one.refuse(said("opening", "O2", again, 2))
    assert answer["path"] == "data.scheduled_at" and "不能提前" in answer["reason"]
    event = {
        "opening": "O2",
        "type": "scheduled",
        "payload": {"scheduled_at": when.isoformat(), "title": "二标段"},
    }
    assert "不能提前" in one.refuse(said("opening_event", "O2#1", event))["reason"]
    one.accept(said("opening", "O2", {**again, "scheduled_at": T.isoformat(), "state": "cancelled"}, 3))
    if deadline is None:
        assert "不能提前" in one.refuse(said("opening", "O3", again))["reason"]
    else:
        one.accept(said("opening", "O3", again))
        names = {"count": 1, "bidders": bidders(1)}
        early = said(
            "opening_event", "O3#1", {"opening": "O3", "type": "bidders_published", "payload": names}
        )
        assert "投标截止" in one.refuse(early)["reason"]


def test_a_lot_without_a_deadline_gets_none_that_its_announced_opening_contradicts(one: World) -> None:
    bare = {"project": "P1", "name": "二标段"}
    one.accept(
        said("lot", "L2", bare),
        said("opening", "O2", {"lot": "L2", "room": "r1", "scheduled_at": T.isoformat()}),
    )
    past = said("lot", "L2", {**bare, "deadline": (T - 2 * HOUR).isoformat()}, 2)
    assert one.refuse(past)["path"] == "data.deadline"


def test_history_is_untouched(one: World, place: Place) -> None:
    """Deadlines that have passed are corrected as before, and what has ended long ago is told as a whole."""
    place(T + HOUR)
    one.accept(
        lot(2, deadline=T - 5 * HOUR), lot(3, deadline=None), lot(4, deadline=T - 4 * HOUR),
        said("lot", "L2", {"project": "P1", "name": "二标段", "deadline": (T - 9 * HOUR).isoformat()}),
        said("opening", "O2", {"lot": "L2", "scheduled_at": (T - 9 * HOUR).isoformat(), "state": "ended"}),
        said("lot", "L2", {"project": "P1", "name": "二标段", "deadline": (T - 8 * HOUR).isoformat()}, 2),
        said("lot", "L2", {"project": "P1", "name": "二标段", "deadline": (T + HOUR).isoformat(), "round": 2}, 3),
    )  # fmt: skip


# ── numbers ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("count", "named"), [(3, 2), (2, 3), (0, 1), (3, 0)])
def test_a_list_has_as_many_as_it_says(one: World, place: Place, count: int, named: int) -> None:
    place(T + MINUTE)
    answer = one.refuse(step(1, "bidders_published", count=count, bidders=bidders(named)))
    assert (
        answer["path"] == "data.payload" and str(count) in answer["reason"] and str(named) in answer["reason"]
    )
    kept = [{"no": n, "name": "******"} for n in (1, 2)]
    one.accept(step(2, "bidders_published", count=2, bidders=kept))


def test_no_number_outside_the_list(one: World, place: Place) -> None:
    place(T + MINUTE)
    one.accept(published(3), step(2, "decrypt_progress", done=3, total=3))
    for number, name in ((7, "新的"), (4, "示例建设第4公司"), (4, "******")):
        answer = one.refuse(step(10 + number, "bid_read", no=number, name=name, price="1"))
        assert answer["path"] == "data.payload" and f"{number} 号" in answer["reason"]
    one.accept(step(3, "bid_read", no=3, name="示例建设第3公司", price="1"))


def test_no_count_above_the_list_and_none_backwards(one: World, place: Place) -> None:
    one.accept(step(1, "sign_in", count=4))
    assert "只增不减" in one.refuse(step(2, "sign_in", count=3))["reason"]
    one.accept(step(3, "sign_in", count=4), step(4, "sign_in"))
    place(T + MINUTE)
    one.accept(published(3), step(5, "decrypt_progress", done=1, failed=1, total=3))
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("decrypt_progress", {"done": 2, "total": 4}, "多于已公布名单"),
        ("decrypt_progress", {"done": 3, "failed": 1, "total": 3}, "多于总数"),
        ("decrypt_progress", {"done": 0, "failed": 1, "total": 3}, "只增不减"),
        ("decrypt_progress", {"done": 1, "failed": 0, "total": 3}, "只增不减"),
        ("control_price", {"amount": "9", "normal": 3, "over": 1}, "多于已公布名单"),
        ("bid_read", {"no": 1, "name": "示例建设第1公司", "total": 4}, "多于已公布名单"),
    ]
    for number, (kind, payload, why) in enumerate(wrong, start=10):
        answer = one.refuse(step(number, kind, **payload))
        assert why in answer["reason"] and answer["path"].startswith("data.payload"), (kind, answer)
    one.accept(
        step(30, "decrypt_progress", done=2, failed=1, total=3),
        step(31, "bid_read", no=1, name="示例建设第1公司", total=3),
        step(32, "objection", no=1, content="请核对"),
    )
    assert "已经提出" in one.refuse(step(33, "objection", no=1, content="请再核对"))["reason"]
    assert "多于" in one.refuse(step(34, "record_confirmed", rows=4))["reason"]
    assert one.refuse(step(35, "sign_in", count=5))["path"] == "data.type", "nobody signs in after the list"
