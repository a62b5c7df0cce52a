"""The signed list of recorded pictures: what the public sees live is on it, and nothing else, and no longer than it sees it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from evidence.verify import Note, VerifierKey
from records.clock import now
from streaming.hub import Hub
from streaming.log.recorded import FORMAT, LISTED, RecordedPictures
from streaming.recording.ledger import Digested
from streaming.recording.mp4 import Piece
from streaming.recording.types import Written
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until

PICTURES = (bytes(16), b"\1" * 16)


@pytest.fixture
def told(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Tells the hub that pieces of a recording of O1 are on the disk; gives the status of the list then.

    The second after a switch, in which nothing is listed, is left out: the opening has only just begun here.
    """
    monkeypatch.setattr("streaming.log.recorded.SWITCHING", timedelta(0))
    hub: Hub = rig.client.app.state.hub  # type: ignore[attr-defined]
    (service,) = (one for one in hub.services if isinstance(one, RecordedPictures))

    def tell(
        number: int, begins: datetime, room: str = "hz-01", opening: str | None = "O1", pictures: tuple[bytes, ...] = PICTURES
    ) -> int:  # fmt: skip
        piece = Digested(Piece(100 * number, 100, 0.0, 2.0, True), f"{number:064x}", pictures)
        call = rig.client.portal.call  # type: ignore[union-attr]
        call(service.written, Written(room, opening, "R1", begins, number, [piece]))
        return int(rig.get(f"/log/recorded/{room}").status_code)

    return tell


def listed(rig: Rig, room: str = "hz-01") -> dict[str, Any]:
    """The list as anyone reads it, whose signature holds."""
    note = Note.parse(rig.get(f"/log/recorded/{room}").text)
    assert note.check(VerifierKey.parse(rig.get("/log/keys").text.splitlines()[0])) == (True, None)
    form, body = note.text.splitlines()
    assert form == FORMAT
    found: dict[str, Any] = json.loads(body)
    return found


def begun(rig: Rig) -> None:
    """An opening under way, as the hub knows it."""
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    state(rig, "in_progress")


def state(rig: Rig, name: str) -> None:
    """Until the hub says so, and its board of openings too, which follows the ledger by itself."""
    board = rig.client.app.state.hub.board  # type: ignore[attr-defined]
    until(lambda: rig.get("/api/openings/O1").json()["state"], name)
    until(lambda: (board.openings.get("O1") or {"state": name})["state"], name)
    if name == "in_progress":
        until(lambda: "O1" in board.openings, True)


def test_pieces_that_begin_while_it_is_on_air_are_listed(rig: Rig, told: Callable[..., int]) -> None:
    begun(rig)
    assert told(1, now() - timedelta(seconds=2)) == 404, "it began before the hub knew that all is on air"
    start = now() + timedelta(milliseconds=100)
    assert told(2, start) == 200
    assert told(3, start + timedelta(seconds=2)) == 200
    found = listed(rig)
    assert (found["room"], found["opening"]) == ("hz-01", "O1")
    assert [(one["recording"], one["segment"], one["ms"]) for one in found["pieces"]] == [
        ("R1", 2, 2000),
        ("R1", 3, 2000),
    ]
    assert found["pieces"][0]["sha256"] == f"{2:064x}"
    assert base64.b64decode(found["pieces"][0]["pictures"]) == b"".join(PICTURES)
    assert rig.get("/log/recorded/hz-02").status_code == 404


def test_the_far_camera_has_a_list_of_its_own(rig: Rig, told: Callable[..., int]) -> None:
    begun(rig)
    told(1, now(), "hz-01.far")
    assert told(2, now(), "hz-01.far") == 200 and listed(rig, "hz-01.far")["room"] == "hz-01.far"
    assert rig.get("/log/recorded/hz-01").status_code == 404


def test_what_is_old_is_not_listed_any_more(
    rig: Rig, told: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(rig)
    told(1, now())
    start = now()
    told(2, start)
    monkeypatch.setattr("streaming.log.recorded.now", lambda: start + LISTED + timedelta(seconds=3))
    assert told(3, start + LISTED) == 200
    assert [one["segment"] for one in listed(rig)["pieces"]] == [3]


def test_nothing_is_listed_before_in_a_pause_under_the_slate_or_at_the_end(
    rig: Rig, told: Callable[..., int]
) -> None:
    market.opening(rig.ledger)
    state(rig, "scheduled")
    assert told(1, now()) == 404
    market.begin(rig.ledger)
    state(rig, "in_progress")
    told(2, now())
    assert told(3, now()) == 200
    market.event(rig.ledger, "O1", "paused", reason="休会")
    state(rig, "paused")
    assert rig.get("/log/recorded/hz-01").status_code == 404 and told(4, now()) == 404
    market.event(rig.ledger, "O1", "resumed")
    state(rig, "in_progress")
    told(5, now())
    assert told(6, now()) == 200
    assert [one["segment"] for one in listed(rig)["pieces"]] == [6], "what was recorded in the pause never is"
    market.finish(rig.ledger)
    state(rig, "ended")
    assert rig.get("/log/recorded/hz-01").status_code == 404 and told(7, now()) == 404


def test_nothing_of_an_evaluation_room_or_of_no_opening_is_listed(rig: Rig, told: Callable[..., int]) -> None:
    begun(rig)
    for number in (1, 2):
        assert told(number, now(), "hz-e1") == 404
        assert told(number, now(), "hz-01", None) == 404


def test_a_piece_whose_pictures_cannot_be_told_is_left_out(rig: Rig, told: Callable[..., int]) -> None:
    begun(rig)
    told(1, now())
    assert told(2, now(), pictures=()) == 404
    assert told(3, now()) == 200 and [one["segment"] for one in listed(rig)["pieces"]] == [3]
