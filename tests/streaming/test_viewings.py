"""How openings are watched: counted from what the viewers' pages tell, while there is something to watch, of nobody by name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from records.clock import now
from records.histogram import class_of
from records.tables.base import table_of
from records.tables.broadcast import Viewing
from streaming.live.viewings import BEAT, GONE, Audience, Word
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until


def word(viewer: str, seconds: float = 0.0, **more: Any) -> Word:
    return Word.read({"viewer": viewer, "opening": "O1", "seconds": seconds, **more})


def heard(*words: tuple[float, Word]) -> Audience:
    """An audience that heard each word at its moment (seconds)."""
    audience = Audience("O1")
    for at, one in words:
        audience.hear(one, at)
    return audience


def test_two_viewers_of_a_minute() -> None:
    found = heard(
        (0, word("a", first_frame=0.8)), (5, word("b", first_frame=2.0)), (15, word("a", 15, known=True, delay=0.3)),
        (20, word("b", 15, known=True, delay=0.5)), (22, word("b", 2, known=True, left=True)), (30, word("a", 15, known=True)),
    )  # fmt: skip
    assert (found.viewers, found.peak, found.seconds) == (2, 2, 47)
    assert found.first_frames == {class_of(0.8): 1, class_of(2.0): 1}
    assert found.delays == {class_of(0.3): 1, class_of(0.5): 1}
    assert set(found.present) == {"a"}


def test_who_falls_silent_is_gone_and_who_comes_back_is_not_counted_again() -> None:
    found = heard((0, word("a")), (GONE + 1, word("b")), (GONE + 2, word("a", 5, known=True)))
    assert (found.viewers, found.peak) == (2, 2)
    assert heard((0, word("a")), (GONE + 1, word("b"))).peak == 1


def test_nobody_has_watched_longer_than_since_the_last_word() -> None:
    assert heard((0, word("a", 9_999)), (10, word("a", 9_999, known=True))).seconds == BEAT + 10


def test_a_viewer_who_only_said_goodbye_was_there() -> None:
    found = heard((0, word("a", 4, left=True)))
    assert (found.viewers, found.peak, found.seconds, found.present) == (1, 1, 4, {})


def send(rig: Rig, status: int = 204, **more: Any) -> Any:
    given = {"viewer": "a1", "opening": "O1", "known": False, "seconds": 0, "first_frame": 0.9, **more}
    answer = rig.client.post("/api/viewings", json=given)
    assert answer.status_code == status, answer.text
    return answer


def held(rig: Rig) -> list[Viewing]:
    with rig.ledger.read() as session:
        return list(session.scalars(select(Viewing)))


def running(rig: Rig) -> None:
    """Until the hub's board has the opening in progress."""
    until(lambda: [one["state"] for one in rig.get("/api/openings").json()], ["in_progress"])


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streaming.live.viewings.WRITE_SECONDS", 0.05)


def test_what_the_pages_tell_is_in_the_ledger(rig: Rig) -> None:
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    running(rig)
    send(rig)
    send(rig, viewer="b2", first_frame=None)
    send(rig, known=True, seconds=0, delay=0.4)
    until(lambda: [(row.viewers, row.peak) for row in held(rig)], [(2, 2)])
    until(lambda: [row.delays for row in held(rig)], [{str(class_of(0.4)): 1}])
    (row,) = held(rig)
    assert row.first_frames == {str(class_of(0.9)): 1}
    texts = {name for name, column in table_of(Viewing).columns.items() if column.type.python_type is str}
    assert texts == {"opening_id"}, "nothing that could tell of a viewer"


def test_a_hub_that_begins_anew_counts_on(rig: Rig) -> None:
    """The row a hub before this one wrote is taken up: what it counted is not lost by the next word."""
    row = Viewing(opening_id="O1", viewers=7, peak=5, seconds=60.0, first_frames={"9": 7}, delays={})
    audience = Audience.of(row)
    audience.hear(word("z", 3, known=True), 100.0)
    told = audience.row()
    assert (told.viewers, told.peak, told.seconds, told.first_frames) == (7, 5, 63.0, {"9": 7})


def test_before_the_opening_nothing_is_counted(rig: Rig) -> None:
    market.opening(rig.ledger, at=now() + timedelta(hours=1))
    until(lambda: rig.get("/api/openings/O1").status_code, 200)
    assert "不在进行中" in send(rig, 409).json()["detail"]
    assert send(rig, 409, opening="nowhere") and not held(rig)


@pytest.mark.parametrize(
    "odd", [{"viewer": ""}, {"viewer": "x" * 41}, {"viewer": 7}, {"opening": None}, {"seconds": -1}, {"seconds": "3"}, {"first_frame": True}]
)  # fmt: skip
def test_what_no_page_says_is_refused_by_its_name(rig: Rig, odd: dict[str, Any]) -> None:
    market.opening(rig.ledger)
    assert next(iter(odd)) in send(rig, 400, **odd).json()["detail"]


def test_a_program_that_counts_itself_up_is_stopped(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    from limits import RateLimitItemPerHour

    monkeypatch.setattr("streaming.live.viewings._NEW", RateLimitItemPerHour(3, namespace="few"))
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    running(rig)
    for number in range(3):
        send(rig, viewer=f"v{number}")
    assert send(rig, 429, viewer="v3").headers["retry-after"] == "3600"
    send(rig, viewer="v1", known=True)
